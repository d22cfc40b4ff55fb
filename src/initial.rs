//! The law of the particles at time zero.

use crate::error::{Error, Result};
use crate::shaders::{self, float, per_coordinate};
use crate::wgsl::Source;

/// The law of the particles at time zero: a sampler on the device and, for paths of densities, its
/// normalised log density and score.
///
/// Source: the initial ratio of arXiv 2503.02819; particles drawn from the law itself start with
/// log-weight 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Initial {
    pub(crate) dim: u32,
    pub(crate) kind: Kind,
    description: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A shader file and the constants it needs.
    Builtin { file: &'static str, constants: String },
    /// The user's WGSL.
    Wgsl(Source),
    /// Row-major (N, dim) positions.
    Positions(Vec<f32>),
}

impl Initial {
    /// Independent normals, N(mean_j, sd_j²).
    ///
    /// # Errors
    /// When the lengths differ or are zero, a mean is not finite, or a standard deviation is not
    /// positive and finite.
    pub fn normal(mean: &[f32], sd: &[f32]) -> Result<Initial> {
        check_lengths("mean", mean, "sd", sd)?;
        check_each("mean", mean, "finite", |v| v.is_finite())?;
        check_each("sd", sd, "positive and finite", |v| v > 0.0 && v.is_finite())?;
        let log_2_pi = (2.0 * std::f64::consts::PI).ln();
        let peak: f64 = sd.iter().map(|s| -f64::from(*s).ln() - 0.5 * log_2_pi).sum();
        let precision_root: Vec<f32> = sd.iter().map(|s| 1.0 / s).collect();
        let constants = format!(
            "const INITIAL_LOG_PEAK: f32 = {};\n{}{}{}",
            float(peak as f32),
            per_coordinate("initial_mean", mean),
            per_coordinate("initial_sd", sd),
            per_coordinate("initial_precision_root", &precision_root)
        );
        Ok(Initial {
            dim: mean.len() as u32,
            kind: Kind::Builtin { file: "initial/normal", constants },
            description: format!("normal(mean={}, sd={})", list(mean), list(sd)),
        })
    }

    /// Uniform on the box low_j ≤ x_j < high_j.
    ///
    /// # Errors
    /// When the lengths differ or are zero, or a low end is not below its high end.
    pub fn uniform(low: &[f32], high: &[f32]) -> Result<Initial> {
        check_lengths("low", low, "high", high)?;
        let width: Vec<f32> = low.iter().zip(high).map(|(a, b)| b - a).collect();
        check_each("low", low, "finite", |v| v.is_finite())?;
        check_each("high - low", &width, "positive and finite", |v| v > 0.0 && v.is_finite())?;
        let peak: f64 = width.iter().map(|w| -f64::from(*w).ln()).sum();
        let constants = format!(
            "const INITIAL_LOG_PEAK: f32 = {};\n{}{}",
            float(peak as f32),
            per_coordinate("initial_low", low),
            per_coordinate("initial_width", &width)
        );
        Ok(Initial {
            dim: low.len() as u32,
            kind: Kind::Builtin { file: "initial/uniform", constants },
            description: format!("uniform(low={}, high={})", list(low), list(high)),
        })
    }

    /// Your own law in WGSL: `fn initial_sample(slot: u32) -> Point`, which may call
    /// `threefry(slot, time, block, STREAM_INITIAL)` and `normal_draw`, and
    /// `fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32`,
    /// normalised.
    pub fn from_wgsl(dim: u32, name: impl Into<String>, text: impl Into<String>) -> Initial {
        let source = Source::new(name, text);
        let description = source.name.clone();
        Initial { dim, kind: Kind::Wgsl(source), description }
    }

    /// Given positions, row-major (N, dim). Their law has no density: flows with a path of
    /// densities refuse it.
    ///
    /// # Errors
    /// When there are none, the length is not a multiple of `dim`, or a value is not finite.
    pub fn from_positions(dim: u32, positions: Vec<f32>) -> Result<Initial> {
        if dim == 0 || positions.is_empty() || !positions.len().is_multiple_of(dim as usize) {
            let reason = format!(
                "has {} values, which is no positive multiple of dim = {dim}",
                positions.len()
            );
            return Err(Error::config("positions", reason));
        }
        check_each("positions", &positions, "finite", |v| v.is_finite())?;
        let description = format!("positions({}, {dim})", positions.len() / dim as usize);
        Ok(Initial { dim, kind: Kind::Positions(positions), description })
    }

    /// The number of coordinates.
    pub fn dim(&self) -> u32 {
        self.dim
    }

    /// The law in the words of the command line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether the law has a density.
    pub(crate) fn has_density(&self) -> bool {
        !matches!(self.kind, Kind::Positions(_))
    }

    /// The law's shader text; none for given positions.
    pub(crate) fn sources(&self) -> Vec<Source> {
        match &self.kind {
            Kind::Builtin { file, constants } => {
                vec![Source::new("initial", constants.clone()), shaders::file(file)]
            }
            Kind::Wgsl(source) => vec![source.clone()],
            Kind::Positions(_) => Vec::new(),
        }
    }
}

fn list(values: &[f32]) -> String {
    if values.len() > 1 && values.windows(2).all(|w| w[0] == w[1]) {
        return format!("{:?}", values[0]);
    }
    let items: Vec<_> = values.iter().map(|v| format!("{v:?}")).collect();
    format!("[{}]", items.join(", "))
}

fn check_lengths(a: &str, left: &[f32], b: &str, right: &[f32]) -> Result<()> {
    if left.is_empty() || left.len() != right.len() {
        let reason = format!(
            "has {} values of {a} and {} of {b}; give one of each per coordinate",
            left.len(),
            right.len()
        );
        return Err(Error::config("initial", reason));
    }
    Ok(())
}

fn check_each(name: &str, values: &[f32], want: &str, good: fn(f32) -> bool) -> Result<()> {
    match values.iter().position(|v| !good(*v)) {
        Some(j) => {
            Err(Error::config("initial", format!("{name}[{j}] = {} is not {want}", values[j])))
        }
        None => Ok(()),
    }
}
