//! The window's device, which is asked for what the sampler needs.

use std::sync::Arc;

use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew, wgpu};
use wfr::{Config, Problem};

use crate::failure::{Failure, Outcome};

/// Tells eframe which adapter to take and what to ask of it: the best one that draws on the window
/// and holds the run, or the one that is `wanted` by a part of its name or its number. Where there
/// is none, `outcome` says why: eframe keeps only a text.
pub(crate) fn configuration(
    problem: &Problem,
    config: &Config,
    wanted: Option<String>,
    outcome: Outcome,
) -> WgpuConfiguration {
    let (problem, config) = (Arc::new(problem.clone()), Arc::new(config.clone()));
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    let descriptor = &mut setup.instance_descriptor;
    descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    // As wfr::instance: the engine clamps its own indirect dispatches.
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    let (its, own) = (problem.clone(), config.clone());
    setup.native_adapter_selector = Some(Arc::new(move |adapters, surface| {
        let chosen = choose(adapters, surface, wanted.as_deref()).and_then(|adapter| {
            wfr::requirements(&its, &own, &adapter.limits())?;
            Ok(adapter)
        });
        chosen.map_err(|failure| {
            let text = failure.to_string();
            outcome.tell(failure);
            text
        })
    }));
    setup.device_descriptor = Arc::new(move |adapter| {
        // The selector has asked before, so that this is no failure to hide.
        let needs = wfr::requirements(&problem, &config, &adapter.limits());
        let needs = needs.map(|plan| plan.limits()).unwrap_or_default();
        let textures = adapter.limits().max_texture_dimension_2d;
        wgpu::DeviceDescriptor {
            label: Some("wfr-view"),
            // Only where there are any, as for a device of wfr's own: shaders are chosen to suit.
            required_features: adapter.features()
                & (wgpu::Features::SHADER_INT64 | wgpu::Features::SUBGROUP),
            // A window may be as large as the adapter draws.
            required_limits: wgpu::Limits { max_texture_dimension_2d: textures, ..needs },
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        }
    });
    WgpuConfiguration { wgpu_setup: WgpuSetup::CreateNew(setup), ..Default::default() }
}

fn choose(
    adapters: &[wgpu::Adapter],
    surface: Option<&wgpu::Surface<'_>>,
    wanted: Option<&str>,
) -> Result<wgpu::Adapter, Failure> {
    let mut able: Vec<_> = adapters
        .iter()
        .filter(|adapter| surface.is_none_or(|surface| adapter.is_surface_supported(surface)))
        .collect();
    // In the order of wfr::adapters.
    able.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Cpu => 3,
        wgpu::DeviceType::Other => 4,
    });
    let names: Vec<_> = able.iter().map(|adapter| adapter.get_info().name).collect();
    let Some(found) = find(&names, wanted) else {
        return Err(Failure::Window(match (names.is_empty(), wanted) {
            (false, Some(wanted)) => format!(
                "no adapter that draws on this window is called '{wanted}'; there are: {}",
                names.join(", ")
            ),
            _ => "no Vulkan, Metal or DX12 adapter draws on this window; install a graphics \
                  driver, or Mesa's software driver (Debian and Ubuntu: apt install \
                  mesa-vulkan-drivers)"
                .into(),
        }));
    };
    Ok(able[found].clone())
}

/// The index of the name that is wanted: the first, one by its number, or by a part of it.
fn find(names: &[String], wanted: Option<&str>) -> Option<usize> {
    let Some(wanted) = wanted else { return (!names.is_empty()).then_some(0) };
    if let Some(index) = wanted.parse().ok().filter(|index| *index < names.len()) {
        return Some(index);
    }
    names.iter().position(|name| name.to_lowercase().contains(&wanted.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn adapters_are_found_by_number_and_by_part_of_their_name() {
        let names = ["NVIDIA H100".to_string(), "llvmpipe (LLVM 15)".to_string()];
        assert_eq!(find(&names, None), Some(0));
        assert_eq!(find(&names, Some("LLVMpipe")), Some(1));
        assert_eq!(find(&names, Some("1")), Some(1));
        assert_eq!(find(&names, Some("100")), Some(0));
        assert_eq!(find(&names, Some("radeon")), None);
        assert_eq!(find(&[], None), None);
    }
}
