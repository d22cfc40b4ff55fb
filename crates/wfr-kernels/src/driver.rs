//! A Vulkan device that compiles and is asked about what it compiled; it never runs anything.
//!
//! All of `unsafe` is here: ash is Vulkan's C interface, whose every call is. Nothing that is made
//! outlives the process, which compiles a list of kernels and ends, so that little is destroyed.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use ash::vk;

use crate::plan::{Access, Kernel};

/// What the driver says of a compiled kernel.
pub struct Compiled {
    pub subgroup_size: u32,
    /// The driver's numbers, by the names that it gives them.
    pub statistics: BTreeMap<String, f64>,
    /// Empty unless it was asked for.
    pub assembly: String,
    pub time: Duration,
}

/// A device of the first driver that the loader finds.
pub struct Driver {
    // Keeps the loaded library.
    _entry: ash::Entry,
    device: ash::Device,
    executables: ash::khr::pipeline_executable_properties::Device,
    /// The adapter and the version of its driver, in the driver's words.
    pub name: String,
    pub version: String,
}

fn words(text: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = text.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn said(what: &str) -> impl Fn(vk::Result) -> String {
    move |error| format!("{what}: {error}")
}

impl Driver {
    pub fn open() -> Result<Driver, String> {
        const EXTENSIONS: [&CStr; 2] =
            [ash::khr::pipeline_executable_properties::NAME, ash::ext::robustness2::NAME];
        // SAFETY: the loader is the system's; all structures are valid and live through the calls.
        unsafe {
            let entry = ash::Entry::load().map_err(|error| error.to_string())?;
            let app = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
            let info = vk::InstanceCreateInfo::default().application_info(&app);
            let instance = entry.create_instance(&info, None).map_err(said("no instance"))?;
            let adapters = instance.enumerate_physical_devices().map_err(said("no adapters"))?;
            let adapter = *adapters.first().ok_or("the driver has no adapter")?;
            let mut driver = vk::PhysicalDeviceDriverProperties::default();
            let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
            instance.get_physical_device_properties2(adapter, &mut properties);
            let name = words(&properties.properties.device_name);
            let version = words(&driver.driver_info);

            // What wgpu-hal enables and compilers heed.
            let features =
                vk::PhysicalDeviceFeatures::default().robust_buffer_access(true).shader_int64(true);
            let mut executables =
                vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
                    .pipeline_executable_info(true);
            let mut robust = vk::PhysicalDeviceRobustness2FeaturesEXT::default()
                .robust_buffer_access2(true)
                .robust_image_access2(true);
            let mut zeroed = vk::PhysicalDeviceZeroInitializeWorkgroupMemoryFeatures::default()
                .shader_zero_initialize_workgroup_memory(true);
            let mut memory_model =
                vk::PhysicalDeviceVulkanMemoryModelFeatures::default().vulkan_memory_model(true);
            let mut sizes = vk::PhysicalDeviceSubgroupSizeControlFeatures::default()
                .subgroup_size_control(true);
            let queues = [vk::DeviceQueueCreateInfo::default()
                .queue_family_index(0)
                .queue_priorities(&[1.0])];
            let extensions = EXTENSIONS.map(CStr::as_ptr);
            let info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions)
                .enabled_features(&features)
                .push_next(&mut executables)
                .push_next(&mut robust)
                .push_next(&mut zeroed)
                .push_next(&mut memory_model)
                .push_next(&mut sizes);
            let device = instance.create_device(adapter, &info, None).map_err(said(&name))?;
            let executables =
                ash::khr::pipeline_executable_properties::Device::new(&instance, &device);
            Ok(Driver { _entry: entry, device, executables, name, version })
        }
    }

    /// Compiles a kernel of which `spirv` is the translation.
    pub fn compile(
        &self,
        kernel: &Kernel,
        spirv: &[u32],
        with_assembly: bool,
    ) -> Result<Compiled, String> {
        let entry = CString::new(kernel.entry.as_str()).map_err(|error| error.to_string())?;
        let mut flags = vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR;
        if with_assembly {
            flags |= vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR;
        }
        // SAFETY: naga validated the module; all handles are this device's, and all structures
        // live through the calls.
        unsafe {
            let info = vk::ShaderModuleCreateInfo::default().code(spirv);
            let module = self.device.create_shader_module(&info, None).map_err(said("module"))?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                // As wgpu-hal does for a device with subgroups.
                .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE)
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(&entry);
            let info = vk::ComputePipelineCreateInfo::default()
                .stage(stage)
                .layout(self.layout(kernel)?)
                .flags(flags);
            let begin = Instant::now();
            let made =
                self.device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None);
            let time = begin.elapsed();
            let pipelines = made.map_err(|(_, error)| said("not compiled")(error))?;
            let pipeline = *pipelines.first().ok_or("no pipeline")?;
            self.device.destroy_shader_module(module, None);
            let compiled = self.describe(pipeline, with_assembly, time);
            self.device.destroy_pipeline(pipeline, None);
            compiled
        }
    }

    /// # Safety
    /// None beyond Vulkan's: every structure lives through its call.
    unsafe fn layout(&self, kernel: &Kernel) -> Result<vk::PipelineLayout, String> {
        let groups = kernel.groups.keys().max().map_or(0, |most| most + 1);
        let mut sets = Vec::new();
        for group in 0..groups {
            let accesses = kernel.groups.get(&group).map_or(&[][..], Vec::as_slice);
            let bindings: Vec<_> =
                (0..).zip(accesses).map(|(i, access)| binding(i, *access)).collect();
            let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            // SAFETY: as above.
            let set = unsafe { self.device.create_descriptor_set_layout(&info, None) };
            sets.push(set.map_err(said("layout of a bind group"))?);
        }
        let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
        // SAFETY: as above.
        unsafe { self.device.create_pipeline_layout(&info, None) }.map_err(said("layout"))
    }

    /// # Safety
    /// The pipeline is this device's, was made with statistics and, `with_assembly`, with the
    /// internal representations.
    unsafe fn describe(
        &self,
        pipeline: vk::Pipeline,
        with_assembly: bool,
        time: Duration,
    ) -> Result<Compiled, String> {
        let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
        // SAFETY: what the function asks for.
        unsafe {
            let all = self.executables.get_pipeline_executable_properties(&info);
            let all = all.map_err(said("no properties"))?;
            let [executable] = all.as_slice() else {
                return Err(format!("{} executables for one kernel", all.len()));
            };
            let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
            let statistics = self.executables.get_pipeline_executable_statistics(&info);
            let statistics = statistics.map_err(said("no statistics"))?;
            let statistics = statistics.iter().map(|one| (words(&one.name), number(one))).collect();
            let assembly = if with_assembly { self.assembly(&info)? } else { String::new() };
            Ok(Compiled { subgroup_size: executable.subgroup_size, statistics, assembly, time })
        }
    }

    /// # Safety
    /// The pipeline was made with its internal representations.
    unsafe fn assembly(&self, info: &vk::PipelineExecutableInfoKHR) -> Result<String, String> {
        let get = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        let device = self.executables.device();
        let mut count = 0;
        // SAFETY: the first call counts, the second one says how long each text is, and the third
        // one fills memory of that length.
        unsafe {
            get(device, info, &mut count, std::ptr::null_mut())
                .result()
                .map_err(said("no representations"))?;
            let mut all =
                vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            get(device, info, &mut count, all.as_mut_ptr())
                .result()
                .map_err(said("no representations"))?;
            let mut texts: Vec<Vec<u8>> = all.iter().map(|one| vec![0; one.data_size]).collect();
            for (one, text) in all.iter_mut().zip(&mut texts) {
                one.p_data = text.as_mut_ptr().cast();
            }
            get(device, info, &mut count, all.as_mut_ptr())
                .result()
                .map_err(said("no representations"))?;
            let found = all.iter().position(|one| words(&one.name) == "Assembly");
            let names: Vec<_> = all.iter().map(|one| words(&one.name)).collect();
            let found = found.ok_or_else(|| format!("no assembly among {names:?}"))?;
            let text = String::from_utf8_lossy(&texts[found]);
            Ok(text.trim_end_matches('\0').into())
        }
    }
}

fn binding(number: u32, access: Access) -> vk::DescriptorSetLayoutBinding<'static> {
    let kind = match access {
        Access::Read | Access::ReadWrite => vk::DescriptorType::STORAGE_BUFFER,
        Access::Uniform => vk::DescriptorType::UNIFORM_BUFFER,
        Access::Window(_) => vk::DescriptorType::UNIFORM_BUFFER_DYNAMIC,
    };
    vk::DescriptorSetLayoutBinding::default()
        .binding(number)
        .descriptor_type(kind)
        .descriptor_count(1)
        .stage_flags(vk::ShaderStageFlags::COMPUTE)
}

fn number(statistic: &vk::PipelineExecutableStatisticKHR) -> f64 {
    use vk::PipelineExecutableStatisticFormatKHR as Format;
    // SAFETY: the format says which field is set.
    unsafe {
        match statistic.format {
            Format::FLOAT64 => statistic.value.f64,
            Format::INT64 => statistic.value.i64 as f64,
            Format::BOOL32 => f64::from(statistic.value.b32),
            _ => statistic.value.u64 as f64,
        }
    }
}
