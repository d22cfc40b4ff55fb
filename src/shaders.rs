//! The shader library: every file under `shaders/`, and the constants generated for one run.

use std::fmt::Write as _;

use crate::config::Resampler;
use crate::layout::{
    BLOCK, ITEMS, LANES, MOVES_COUNTERS, SCHEDULE_WINDOW, SQUARE_BITS, TILE, WEIGHT_BITS,
};
use crate::wgsl::{Linked, Source};

/// `shaders/types.wgsl`.
#[cfg(test)]
pub(crate) const TYPES: &str = include_str!("../shaders/types.wgsl");

macro_rules! library {
    ($($name:literal),+ $(,)?) => {
        /// A file under `shaders/` by its path without the ending.
        pub(crate) fn find(name: &str) -> Option<Source> {
            let text = match name {
                $($name => include_str!(concat!("../shaders/", $name, ".wgsl")),)+
                _ => return None,
            };
            Some(Source::own(format!("{name}.wgsl"), text))
        }

        /// The paths of all files, for tests.
        #[cfg(test)]
        pub(crate) const FILES: &[&str] = &[$($name),+];
    };
}

library!(
    "types",
    "hidden/blocks",
    "hidden/control",
    "hidden/log_weights",
    "hidden/nothing",
    "settings",
    "settings/bound",
    "settings/copied",
    "index",
    "threefry",
    "normal",
    "float",
    "loss",
    "series",
    "long_sum",
    "transform",
    "wide",
    "wide_high",
    "wide_high_native",
    "fixed",
    "weight",
    "prefix",
    "island",
    "offspring",
    "last",
    "mark",
    "tile",
    "population",
    "clock",
    "settle",
    "payload",
    "init",
    "check",
    "position",
    "particle",
    "gather",
    "step",
    "step/kept_in_registers",
    "step/kept_in_workgroup",
    "step/one_place",
    "step/two_places",
    "cess",
    "conditional",
    "adapt",
    "adapt_choose",
    "reduce",
    "decide",
    "scan",
    "residual",
    "expand",
    "draw",
    "moment_types",
    "moments",
    "grid",
    "grid_target",
    "mixture",
    "mixture_sweep",
    "ratio",
    "entropy",
    "tally",
    "histogram",
    "quantile",
    "losses",
    "survivors",
    "react",
    "react/weights",
    "react/jumps",
    "network",
    "network/teams",
    "network/lanes",
    "network/exact",
    "network/rademacher",
    "network/gaussian",
    "network/silu",
    "network/gelu",
    "network/tanh",
    "network/tanh_of",
    "density/grid_frame",
    "density/grid",
    "density/subset",
    "density/kernel",
    "density/transition",
    "density/cover",
    "density/whole",
    "density/mixture",
    "density/initial",
    "initial/normal",
    "initial/uniform",
    "initial/mixture",
    "initial/kept_score",
    "initial/unweighted",
    "initial/composed",
    "flow/anytime",
    "flow/compose",
    "flow/compose_rule",
    "flow/compose_slope",
    "flow/copy",
    "flow/drift_along",
    "flow/langevin",
    "flow/langevin_drift",
    "flow/no_velocity",
    "flow/annealed",
    "flow/annealed_drift",
    "flow/power",
    "flow/power_drift",
    "flow/along",
    "flow/growth",
    "flow/log_ratio",
    "flow/no_density",
    "flow/start",
    "flow/start_anywhere",
    "flow/controlled",
    "flow/no_divergence",
    "flow/tracks",
    "integrator/count_moves",
    "integrator/count_nothing",
    "integrator/refuse",
    "integrator/decay",
    "integrator/move",
    "integrator/move_above",
    "integrator/move_euler",
    "integrator/move_exponential",
    "integrator/carry_nothing",
    "integrator/euler",
    "integrator/strang",
    "integrator/kernel_ratio",
    "integrator/mala",
    "integrator/baoab",
    "integrator/compose",
    "integrator/compose_loss",
    "integrator/compose_rates",
    "integrator/compose_ratio",
    "score/error",
    "score/mixture",
    "score/probed",
);

/// A file that is known to be there.
pub(crate) fn file(name: &str) -> Source {
    find(name).unwrap_or_else(|| unreachable!("bug in wfr: no shader file {name}"))
}

/// Several files.
pub(crate) fn files(names: &[&str]) -> Vec<Source> {
    names.iter().map(|name| file(name)).collect()
}

/// Files of a kernel of the engine's own, after its settings.
pub(crate) fn engine_files(names: &[&str]) -> Vec<Source> {
    files(&[&["settings", "settings/bound"], names].concat())
}

/// Files of a kernel with texts of the problem, after its numbers and what those texts may call.
pub(crate) fn problem_files(names: &[&str]) -> Vec<Source> {
    let shared = ["types", "settings", "settings/copied", "index", "threefry", "normal", "float"];
    files(&[&shared, names].concat())
}

/// The 64-bit arithmetic, with the device's own where it has it.
pub(crate) fn wide(native: bool) -> [Source; 2] {
    [file("wide"), file(if native { "wide_high_native" } else { "wide_high" })]
}

/// Generated constants. A number lives once: here, from Rust.
#[derive(Default)]
pub(crate) struct Prelude(String);

impl Prelude {
    pub(crate) fn u32(mut self, name: &str, value: u32) -> Prelude {
        let _ = writeln!(self.0, "const {name}: u32 = {value}u;");
        self
    }

    pub(crate) fn f32(mut self, name: &str, value: f32) -> Prelude {
        let _ = writeln!(self.0, "const {name}: f32 = {};", float(value));
        self
    }

    /// A number that devices read as data, see [`crate::parameters`].
    pub(crate) fn number(mut self, name: &str, value: f32) -> Prelude {
        let _ = writeln!(self.0, "override {name}: f32 = {};", float(value));
        self
    }

    pub(crate) fn bool(mut self, name: &str, value: bool) -> Prelude {
        let _ = writeln!(self.0, "const {name}: bool = {value};");
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Prelude {
        self.0.push_str(text);
        self
    }

    /// The dimension and the type of a position.
    pub(crate) fn dimension(self, dim: u32) -> Prelude {
        let point = match dim {
            2..=4 => format!("alias Point = vec{dim}<f32>;\n"),
            _ => "alias Point = array<f32, DIM>;\n".to_string(),
        };
        self.u32("DIM", dim).text(&point)
    }

    /// The key of the random numbers, on the host: a device reads it from its settings.
    pub(crate) fn seed(self, seed: u64) -> Prelude {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        self.text(&format!(
            "fn random_key() -> vec4<u32> {{ return vec4<u32>({low}u, {high}u, 0u, 0u); }}\n"
        ))
    }

    /// What the weight kernels know of the population and of the resampler.
    pub(crate) fn weights(self, shape: &WeightShape) -> Prelude {
        self.u32("LANES", LANES)
            .u32("ITEMS", ITEMS)
            .u32("BLOCK", BLOCK)
            .u32("WEIGHT_BITS", WEIGHT_BITS)
            .u32("SQUARE_BITS", SQUARE_BITS)
            .u32("SYSTEMATIC", Resampler::Systematic as u32)
            .u32("STRATIFIED", Resampler::Stratified as u32)
            .u32("RESIDUAL", Resampler::Residual as u32)
            .u32("TILE", TILE)
            .bool("TILED", shape.tiled)
            .u32("RESAMPLER", shape.resampler as u32)
            // Set in a word of `ancestors` that begins a particle's offspring.
            .u32("MARK", 1 << 31)
    }

    pub(crate) fn source(self) -> Source {
        self.named("prelude")
    }

    /// The same under another name, beside the prelude of the run.
    pub(crate) fn named(self, name: &str) -> Source {
        Source::own(name, self.0)
    }
}

/// What shapes the weight kernels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WeightShape {
    pub particles: u32,
    pub resampler: Resampler,
    pub ess_threshold: f32,
    pub trace_rows: u32,
    pub seed: u64,
    /// Independent populations of as many particles, side by side.
    pub islands: u32,
    /// Whether the device has 64-bit integers. It changes speed, never results.
    pub native_wide: bool,
    /// Whether neighbouring lanes should read and write neighbouring words: no software driver. It
    /// changes speed, never results.
    pub tiled: bool,
}

impl WeightShape {
    /// That of weights which are resampled every time, without a run, on any device.
    pub(crate) fn alone(particles: u32, resampler: Resampler, seed: u64) -> WeightShape {
        WeightShape {
            particles,
            resampler,
            // Above 1 it resamples whatever the weights.
            ess_threshold: 2.0,
            trace_rows: 1,
            seed,
            islands: 1,
            native_wide: false,
            tiled: false,
        }
    }

    /// The slots of all islands: those of whole blocks each, but of the last.
    pub(crate) fn slots(&self) -> u32 {
        (self.islands - 1) * self.blocks() * BLOCK + self.particles
    }

    /// The blocks of an island.
    pub(crate) fn blocks(&self) -> u32 {
        self.particles.div_ceil(BLOCK)
    }

    /// The text of a weight kernel: constants, 64-bit arithmetic and the files named.
    pub(crate) fn linked(&self, names: &[&str]) -> Linked {
        let prelude = Prelude::default().weights(self).source();
        Linked::new([prelude].into_iter().chain(wide(self.native_wide)).chain(engine_files(names)))
    }
}

/// A float literal that WGSL reads back to the same bits.
pub(crate) fn float(value: f32) -> String {
    // The largest float's shortest digits lie above it, which Tint takes for no float.
    match value.abs() == f32::MAX {
        true => format!("{}3.4028234e38f", if value < 0.0 { "-" } else { "" }),
        false => format!("{value:?}f"),
    }
}

/// The function of `shaders/float.wgsl` that returns −∞, for which WGSL has no literal.
pub(crate) const MINUS_INFINITY: &str = "float_minus_infinity";

/// `fn name(j: u32) -> f32`, one value per coordinate. A switch, because a constant array that is
/// indexed by a variable is copied at every use.
pub(crate) fn per_coordinate(name: &str, values: &[f32]) -> String {
    let mut text = format!("fn {name}(j: u32) -> f32 {{\n");
    if values.windows(2).all(|w| w[0] == w[1]) {
        let _ = writeln!(text, "    return {};", float(values[0]));
    } else {
        text.push_str("    switch j {\n");
        for (j, value) in values.iter().enumerate().skip(1) {
            let _ = writeln!(text, "        case {j}u: {{ return {}; }}", float(*value));
        }
        let _ = writeln!(text, "        default: {{ return {}; }}\n    }}", float(values[0]));
    }
    text.push_str("}\n");
    text
}

/// The bindings of a kernel that moves particles, and the accessors of their state.
pub(crate) fn state_bindings(pages: u32, page_rows: u32, counts: bool) -> String {
    let rest = [
        ("storage, read_write", "log_weights", "array<f32>"),
        ("storage, read", "ancestors", "array<u32>"),
        ("storage, read", "control", "Control"),
        ("uniform", "schedule", &format!("array<Instant, {SCHEDULE_WINDOW}>")),
    ];
    let ty = format!("array<atomic<u32>, {MOVES_COUNTERS}>");
    let moves = [("storage, read_write", "move_counts", ty.as_str())];
    let counts = if counts { &moves[..] } else { &[] };
    let rest = [&rest[..], counts].concat();
    page_bindings("storage, read_write", "state", 0, pages)
        + &load("state", pages, page_rows)
        + &store("state", pages, page_rows)
        + &bindings(pages, &rest)
}

/// The bindings of a kernel that copies the state, and the accessors of both copies.
pub(crate) fn state_copies(first: u32, pages: u32, page_rows: u32) -> String {
    state_in(first, pages, page_rows)
        + &page_bindings("storage, read_write", "state_out", first + pages, pages)
        + &store("state_out", pages, page_rows)
}

/// The bindings of a kernel that only looks at particles, and the accessor of their state.
pub(crate) fn state_inputs(pages: u32, page_rows: u32) -> String {
    let rest = [
        ("storage, read", "log_weights", "array<f32>"),
        ("storage, read", "ancestors", "array<u32>"),
        ("storage, read", "control", "Control"),
        ("storage, read", "stage", "Stage"),
        ("storage, read_write", "partials", "array<Sums>"),
    ];
    state_in(0, pages, page_rows) + &bindings(pages, &rest)
}

/// Variables of group 0 from binding `first` on: address space, name and type.
fn bindings(first: u32, variables: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for (binding, (space, name, ty)) in (first..).zip(variables) {
        let _ = writeln!(text, "@group(0) @binding({binding}) var<{space}> {name}: {ty};");
    }
    text
}

/// The particles' state as it is read, split in pages of whole rows, from binding `first` on.
pub(crate) fn state_in(first: u32, pages: u32, page_rows: u32) -> String {
    page_bindings("storage, read", "state_in", first, pages) + &load("state_in", pages, page_rows)
}

/// The accessor that reads pages.
fn load(name: &str, pages: u32, page_rows: u32) -> String {
    let cases = cases(pages, page_rows, |page, at| format!("return {name}_{page}[{at}];"));
    format!(
        "fn state_load(row: u32, slot: u32) -> u32 {{\n    switch row / {page_rows}u {{\n{cases}    \
         }}\n}}\n"
    )
}

/// The accessor that writes pages.
fn store(name: &str, pages: u32, page_rows: u32) -> String {
    let cases = cases(pages, page_rows, |page, at| format!("{name}_{page}[{at}] = value;"));
    format!(
        "fn state_store(row: u32, slot: u32, value: u32) {{\n    switch row / {page_rows}u \
         {{\n{cases}    }}\n}}\n"
    )
}

fn page_bindings(space: &str, name: &str, first: u32, pages: u32) -> String {
    let names: Vec<_> = (0..pages).map(|page| format!("{name}_{page}")).collect();
    let variables: Vec<_> = names.iter().map(|name| (space, name.as_str(), "array<u32>")).collect();
    bindings(first, &variables)
}

/// A case per page, with what it does at an index of the page.
fn cases(pages: u32, page_rows: u32, statement: impl Fn(u32, &str) -> String) -> String {
    let mut text = String::new();
    for page in 0..pages {
        let case = if page + 1 == pages { "default".to_string() } else { format!("case {page}u") };
        let at = format!("(row - {}u) * settings.particles + slot", page * page_rows);
        let _ = writeln!(text, "        {case}: {{ {} }}", statement(page, &at));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_are_read_back_to_the_same_bits_from_digits_within_their_range() {
        for value in [0.0, -0.0, 0.1, 1e-45, f32::MIN_POSITIVE, -3.25e7, f32::MAX, f32::MIN] {
            let text = float(value);
            let digits = text.strip_suffix('f').unwrap();
            assert_eq!(digits.parse::<f32>().unwrap().to_bits(), value.to_bits(), "{text}");
            assert!(digits.parse::<f64>().unwrap().abs() <= f64::from(f32::MAX), "{text}");
        }
    }
}
