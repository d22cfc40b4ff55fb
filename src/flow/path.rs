//! Curves of densities between the initial law and the target: power means.

use std::f64::consts::PI;
use std::fmt;

use crate::error::{Error, Result};
use crate::shaders::Prelude;

/// A curve of densities from the initial law q₀ to the target q₁ by power means,
/// ρ_β = ((1−β) q₀^p + β q₁^p)^{1/p}.
///
/// Its score is S = w₀ ∇ log q₀ + w₁ ∇ log q₁ with wᵢ ∝ Aᵢ qᵢ^p, and particles that follow it have
/// the weights of ψ = ∂_t log ρ. All curves have the same ends; they differ in how mass gets from one
/// to the other. With p > 0 mass grows in place where the target has it: for laws that overlap
/// little it needs particles there from the start. With p ≤ 0 the density in between lies where
/// both laws have some, and it vanishes outside the support of either.
///
/// For p ≠ 0 the curve depends on the ratio of the two normalisers: see
/// [`Flow::with_log_ratio`](super::Flow::with_log_ratio).
///
/// S. Amari, *Information Geometry and Its Applications* (2016), with α = 1 − 2p.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Path {
    /// p → 0, the exponential geodesic q₀^{1−β} q₁^β.
    Geometric,
    /// p = 1, the mixture geodesic (1−β) q₀ + β q₁.
    Mixture,
    /// p = 1/2, the curve of the Fisher–Rao (Hellinger) geodesic ((1−β)√q₀ + β√q₁)².
    FisherRao,
    /// The same curve at constant speed on the sphere of square roots, with the weights
    /// sin((1−β)Ω)/sin Ω and sin(βΩ)/sin Ω, where cos Ω = ∫√(q₀q₁) of the normalised laws.
    ///
    /// [`Pilot`](super::Pilot) estimates Ω; an error of it is another clock along the curve.
    #[non_exhaustive]
    Arc {
        /// Ω, above 0 and at most π/2.
        angle: f64,
    },
    /// p from `begin` at β = 0 to `end` at β = 1, linear in β: a hybrid of the geodesics.
    #[non_exhaustive]
    Power {
        /// p at the initial law.
        begin: f64,
        /// p at the target.
        end: f64,
    },
}

/// The largest |p|: powers of densities stay far inside single precision.
const MOST: f64 = 32.0;

impl Path {
    /// The power mean of a constant exponent p.
    pub fn power(p: f64) -> Path {
        Path::Power { begin: p, end: p }
    }

    /// The power mean whose exponent goes from `begin` to `end`, linear in β.
    pub fn hybrid(begin: f64, end: f64) -> Path {
        Path::Power { begin, end }
    }

    /// The Fisher–Rao arc of the angle Ω.
    pub fn arc(angle: f64) -> Path {
        Path::Arc { angle }
    }

    /// The exponents p at both ends.
    pub fn powers(self) -> (f64, f64) {
        match self {
            Path::Geometric => (0.0, 0.0),
            Path::Mixture => (1.0, 1.0),
            Path::FisherRao | Path::Arc { .. } => (0.5, 0.5),
            Path::Power { begin, end } => (begin, end),
        }
    }

    pub(super) fn check(self) -> Result<()> {
        let (begin, end) = self.powers();
        if let Some(p) = [begin, end].into_iter().find(|p| !(-MOST..=MOST).contains(p)) {
            let reason = format!("has the exponent {p}, which is not between −{MOST} and {MOST}");
            return Err(Error::config("path", reason));
        }
        match self {
            Path::Arc { angle } if !(angle > 0.0 && angle <= 0.5 * PI) => {
                let reason = format!(
                    "has the angle {angle}, which is not above 0 and at most π/2, that of laws \
                     without overlap"
                );
                Err(Error::config("path", reason))
            }
            _ => Ok(()),
        }
    }

    /// The constants of `shaders/flow/power.wgsl`.
    pub(super) fn constants(self, log_ratio: f64) -> Prelude {
        let (begin, end) = self.powers();
        let angle = if let Path::Arc { angle } = self { angle } else { 0.0 };
        // The shader tells a constant exponent by its rate.
        let (begin, rate) = (begin as f32, (end - begin) as f32);
        Prelude::default()
            .number("POWER_BEGIN", begin)
            .number("POWER_RATE", rate)
            .number("LOG_RATIO", log_ratio as f32)
            .number("ARC_ANGLE", angle as f32)
            .number("ARC_TAN_HALF", (0.5 * angle).tan() as f32)
            .number("ARC_COS_HALF", (0.5 * angle).cos() as f32)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Geometric => f.write_str("geometric"),
            Path::Mixture => f.write_str("mixture"),
            Path::FisherRao => f.write_str("fisher-rao"),
            Path::Arc { angle } => write!(f, "arc:{angle:.4}"),
            Path::Power { begin, end } if begin == end => write!(f, "power:{begin}"),
            Path::Power { begin, end } => write!(f, "power:{begin}..{end}"),
        }
    }
}
