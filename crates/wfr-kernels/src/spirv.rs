//! WGSL to SPIR-V with the options that wgpu-hal gives naga on radv: a driver with Vulkan 1.3,
//! robust buffer access 2 and zeroed workgroup memory of its own.

use naga::back::{pipeline_constants, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::plan::Kernel;

/// The words of a module with the kernel's entry point alone.
pub fn translate(kernel: &Kernel) -> Result<Vec<u32>, String> {
    let module = naga::front::wgsl::parse_str(&kernel.text)
        .map_err(|error| error.emit_to_string(&kernel.text))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|error| error.emit_to_string(&kernel.text))?;
    let stage = naga::ShaderStage::Compute;
    let constants = kernel.constants.iter().map(|(name, value)| (name.clone(), *value)).collect();
    let entry = Some((stage, kernel.entry.as_str()));
    let (module, info) = pipeline_constants::process_overrides(&module, &info, entry, &constants)
        .map_err(|error| error.to_string())?;
    let options = spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        // Bindings keep their numbers, as wgpu-hal numbers those without gaps.
        fake_missing_bindings: true,
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::Native,
        force_loop_bounding: true,
        emit_int_div_checks: true,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: stage, entry_point: kernel.entry.clone() };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).map_err(|error| error.to_string())
}
