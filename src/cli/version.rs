//! `wfr version`: the facts of the build, none of which needs an adapter.

use clap::Args;
use wfr::wgpu;

use super::table::Table;
use super::{Done, console};

/// The version of wgpu that the manifest asks for.
const WGPU: &str = "30";

/// Prints how this program was built: version, compiler, features, back ends.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Runs the command.
pub(crate) fn run(_: &Arguments) -> Done {
    let mut table = Table::new(2);
    for (name, value) in facts() {
        table.row([name.to_string(), value]);
    }
    console::print(&table.text())
}

fn facts() -> [(&'static str, String); 8] {
    let known = |fact: Option<&str>| fact.unwrap_or("unknown").to_string();
    let features = [
        ("cli", true),
        ("data", cfg!(feature = "data")),
        ("arviz", cfg!(feature = "arviz")),
        ("reference", cfg!(feature = "reference")),
    ];
    let features = features.into_iter().filter_map(|(name, is_on)| is_on.then_some(name));
    let back_ends = wgpu::Instance::enabled_backend_features();
    let back_ends = back_ends.iter_names().map(|(name, _)| name.to_lowercase());
    [
        ("wfr", env!("CARGO_PKG_VERSION").to_string()),
        ("commit", known(option_env!("WFR_BUILD_COMMIT"))),
        ("compiler", known(option_env!("WFR_BUILD_RUSTC"))),
        ("target", known(option_env!("WFR_BUILD_TARGET"))),
        ("profile", if cfg!(debug_assertions) { "debug" } else { "release" }.to_string()),
        ("features", features.collect::<Vec<_>>().join(", ")),
        ("wgpu", WGPU.to_string()),
        ("back ends", back_ends.collect::<Vec<_>>().join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_of_wgpu_is_the_manifests() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains(&format!("wgpu = {{ version = \"{}\",", super::WGPU)));
    }
}
