//! `wfr --version`: the facts of the build, none of which needs an adapter.

use wfr::wgpu;

use super::table::Table;

/// The version of wgpu that the manifest asks for.
const WGPU: &str = "30";

/// The version, and below it how this program was built: compiler, features, back ends.
pub(super) fn text() -> String {
    let mut table = Table::new(2);
    for (name, value) in facts() {
        table.row([name.to_string(), value]);
    }
    format!("{}\n{}", env!("CARGO_PKG_VERSION"), table.text().trim_end())
}

/// What is known of the build, by name.
pub(super) fn facts() -> Vec<(&'static str, String)> {
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
    vec![
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
