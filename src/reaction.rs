//! The reaction of the Wasserstein–Fisher–Rao gradient flow: its settings.

use crate::error::{Error, Result};
use crate::kernel::grid::MAX_GRID_DIM;

/// The reaction of the gradient flow of KL(p‖π) in the Wasserstein–Fisher–Rao geometry:
/// particles gain log-weight at the rate ψ = λ (log π − log p), minus its mean.
///
/// The density p of the population has no formula and is estimated on the device from the weighted
/// particles, once per block of [`Config::ess_every`](crate::Config::ess_every) steps. Over the
/// time g of a block the reaction is solved exactly where p is known, p ← p^a π^(1−a) / constant
/// with a = exp(−λ g).
///
/// It makes mass *teleport* between modes that are occupied: while a barrier keeps particles from
/// crossing, the logit of a mode's mass relaxes to its equilibrium as exp(−λ t), whatever the
/// height of the barrier. It creates no new modes: where there is no particle there is nothing to
/// weigh up. Where log Z is wanted, or in many dimensions,
/// [`Flow::annealed`](crate::Flow::annealed) is the better choice: it needs no estimate.
///
/// Sources: Lu, Lu & Nolen 2019 (birth–death Langevin dynamics); Lu, Slepčev & Wang 2023; Crucinio
/// & Pathiraja 2025 (SMC-WFR).
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// λ, the rate of reaction relative to transport: 0 leaves plain Langevin diffusion. A negative
    /// rate drives the population away from π, for tests that must see it.
    pub rate: f32,
    /// How p is estimated.
    pub density: Density,
    /// In which order a block transports and reacts.
    pub splitting: Splitting,
    /// How the reaction acts on the population.
    pub realisation: Realisation,
}

impl Default for Reaction {
    /// λ = 1, a kernel density, Strang splitting, weights.
    fn default() -> Reaction {
        Reaction {
            rate: 1.0,
            density: Density::default(),
            splitting: Splitting::default(),
            realisation: Realisation::default(),
        }
    }
}

/// How the density of the population is estimated.
#[derive(Debug, Clone, PartialEq)]
pub enum Density {
    /// On a grid over the population, in up to three dimensions: O(N + cells), for millions of
    /// particles.
    ///
    /// Weights are shared out to the nodes of a grid over the population's range (at most 8
    /// standard deviations to either side; farther particles count at its border), blurred to the
    /// bandwidth and interpolated linearly. The bandwidth is never below 0.58 spacings. Mass is
    /// resolved to 2⁻³¹ of the whole.
    ///
    /// The target is evaluated at a random point of every cell and blurred in the same way, so that
    /// the flow tends to the target whatever the bandwidth, and up to the walls of its support. The
    /// reaction of a Gaussian of variance S is slower by S / (S + bandwidth²).
    Grid {
        /// Cells per axis; `None` takes 1024, 256 and 64 in one, two and three dimensions.
        cells: Option<u32>,
        /// The standard deviation of the kernel.
        bandwidth: Bandwidth,
    },
    /// A Gaussian kernel density on some of the particles, a fresh systematic subset for every
    /// estimate, in any dimension: O(N · landmarks).
    ///
    /// It estimates p blurred by the kernel: the reaction of a Gaussian of variance S is slower by
    /// S / (S + bandwidth²), and the law it tends to is off by O(bandwidth²).
    ///
    /// Where the support of the target ends, the estimate is divided by the share of the kernel that
    /// lies inside, which points drawn about each particle find: two evaluations of the target more
    /// where there is no wall.
    Kernel {
        /// How many particles carry a kernel, at most N.
        landmarks: u32,
        /// The standard deviation of the kernel.
        bandwidth: Bandwidth,
    },
    /// The mixture of the transition kernels of the last Langevin step, which is the law of the
    /// particles after it: no bandwidth to choose, in any dimension: O(N · components).
    ///
    /// The width of a component is √(2 ε h) for steps of h, so that N (2 ε h)^(d/2) must be large
    /// in units of the bulk; otherwise every particle sees only itself, and the flow tends to a
    /// wrong law. With all N components the trace tells log Z without bias of a kernel; a subset
    /// biases it.
    ///
    /// It is not for targets whose support ends where particles come: a refused step has no
    /// transition density. Use a grid or a kernel density there.
    Transition {
        /// How many components enter, a fresh systematic subset for every estimate; `None` takes
        /// all N.
        components: Option<u32>,
    },
}

impl Default for Density {
    /// 2048 landmarks, Silverman's bandwidth.
    fn default() -> Density {
        Density::Kernel { landmarks: 2048, bandwidth: Bandwidth::default() }
    }
}

/// The standard deviation of a density estimate's kernel, per coordinate.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Bandwidth {
    /// (4 / (d + 2))^(1/(d+4)) n^(−1/(d+4)) standard deviations of the coordinate (Silverman 1986),
    /// with n the particles or landmarks: best for a single Gaussian bulk, too wide where narrow
    /// modes lie far apart.
    #[default]
    Silverman,
    /// n^(−1/(d+4)) standard deviations of the coordinate (Scott 1992).
    Scott,
    /// Given: one value for all coordinates, or one for each.
    Fixed(Vec<f32>),
}

/// In which order a block of steps transports and reacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Splitting {
    /// Steps, then the reaction for their time: first order in the block's time.
    TransportFirst,
    /// The reaction, then the steps: first order. At time zero the transition mixture has no step
    /// behind it and takes the initial law's density.
    ReactionFirst,
    /// Half the reaction before and half after the steps: second order. It costs no further
    /// estimate, because the half after one block and the half before the next are of one density.
    #[default]
    Strang,
}

/// How the reaction acts on the population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Realisation {
    /// By log-weights; resampling follows the ESS test.
    #[default]
    Weights,
    /// By birth and death: a particle whose log ratio falls short of the mean by b is killed with
    /// probability 1 − exp(−λ g b), one that exceeds it is doubled, and a resampling at once keeps
    /// their number. Replacing by uniformly chosen particles, as the authors do, is the same in law
    /// up to O(1/N). First order in g and noisier than weights.
    Jumps,
}

impl Reaction {
    /// The part of a block's time for which one reaction stands.
    pub(crate) fn share(&self) -> f32 {
        if self.splitting == Splitting::Strang { 0.5 } else { 1.0 }
    }

    /// Whether the settings fit a run in `dim` dimensions with transport at the rate `transport`.
    pub(crate) fn check(&self, dim: u32, transport: f32) -> Result<()> {
        let out = |field: &str, reason: String| Err(Error::config(field, reason));
        if !self.rate.is_finite() {
            return out("reaction rate", format!("= {} is not finite", self.rate));
        }
        if self.realisation == Realisation::Jumps && self.splitting == Splitting::Strang {
            let reason = "= strang does not go with jumps, which are of first order anyway; use \
                          transport-first";
            return out("splitting", reason.into());
        }
        match &self.density {
            Density::Grid { cells, bandwidth } => {
                if dim > MAX_GRID_DIM {
                    let reason = format!(
                        "= grid is for up to {MAX_GRID_DIM} dimensions, and the target has {dim}; \
                         use kernel or transition"
                    );
                    return out("density estimator", reason);
                }
                let most = [1 << 20, 4096, 256][dim as usize - 1];
                if let Some(cells) = cells.filter(|cells| !(8..=most).contains(cells)) {
                    let reason = format!("= {cells} per axis is not between 8 and {most}");
                    return out("cells", reason);
                }
                bandwidth.check(dim)
            }
            Density::Kernel { landmarks, bandwidth } => {
                if *landmarks == 0 {
                    return out("landmarks", "= 0 is below 1".into());
                }
                bandwidth.check(dim)
            }
            Density::Transition { components } => {
                if *components == Some(0) {
                    return out("landmarks", "= 0 is below 1".into());
                }
                if transport == 0.0 {
                    let reason = "= transition is the law after a diffusion step, and transport = \
                                  0 leaves none; use grid or kernel";
                    return out("density estimator", reason.into());
                }
                Ok(())
            }
        }
    }

    /// Whether the population's density is the mixture of Euler's last moves.
    pub(crate) fn is_of_moves(&self) -> bool {
        matches!(self.density, Density::Transition { .. })
    }

    /// Whether the first estimate is the initial law's own density.
    pub(crate) fn needs_initial_density(&self) -> bool {
        self.is_of_moves() && self.splitting != Splitting::TransportFirst
    }
}

impl Density {
    /// The name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Density::Grid { .. } => "grid",
            Density::Kernel { .. } => "kernel",
            Density::Transition { .. } => "transition",
        }
    }
}

impl Bandwidth {
    fn check(&self, dim: u32) -> Result<()> {
        let Bandwidth::Fixed(values) = self else { return Ok(()) };
        if values.len() != 1 && values.len() != dim as usize {
            let reason = format!(
                "has {} values, and the target has {dim} dimensions; give one, or one for each",
                values.len()
            );
            return Err(Error::config("bandwidth", reason));
        }
        match values.iter().find(|value| !(**value > 0.0 && value.is_finite())) {
            Some(value) => {
                Err(Error::config("bandwidth", format!("= {value} is not positive and finite")))
            }
            None => Ok(()),
        }
    }

    /// WGSL's `density_bandwidth`, of a rule for `n` points, from the population's moments.
    pub(crate) fn wgsl(&self, dim: u32, n: u32) -> String {
        let (d, n) = (f64::from(dim), f64::from(n));
        let scott = n.powf(-1.0 / (d + 4.0));
        let factor = match self {
            Bandwidth::Fixed(values) => {
                let all: Vec<_> = values.iter().copied().cycle().take(dim as usize).collect();
                return crate::shaders::per_coordinate("density_bandwidth", &all);
            }
            Bandwidth::Silverman => scott * (4.0 / (d + 2.0)).powf(1.0 / (d + 4.0)),
            Bandwidth::Scott => scott,
        };
        // A population that sits on a point has a width of some roundings.
        format!(
            "fn density_bandwidth(j: u32) -> f32 {{\n    let least = 1e-6 * (1e-6 + \
             abs(moments.mean[j]));\n    return max({} * sqrt(moments.variance[j]), least);\n}}\n",
            crate::shaders::float(factor as f32)
        )
    }
}

impl Splitting {
    /// All orders.
    pub const ALL: [Splitting; 3] =
        [Splitting::TransportFirst, Splitting::ReactionFirst, Splitting::Strang];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Splitting::TransportFirst => "transport-first",
            Splitting::ReactionFirst => "reaction-first",
            Splitting::Strang => "strang",
        }
    }
}

impl Realisation {
    /// Both realisations.
    pub const ALL: [Realisation; 2] = [Realisation::Weights, Realisation::Jumps];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Realisation::Weights => "weights",
            Realisation::Jumps => "jumps",
        }
    }
}

impl std::fmt::Display for Splitting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Realisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Splitting {
    type Err = Error;

    fn from_str(name: &str) -> Result<Splitting> {
        crate::config::named("splitting", name, &Splitting::ALL, Splitting::name)
    }
}

impl std::str::FromStr for Realisation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Realisation> {
        crate::config::named("realisation", name, &Realisation::ALL, Realisation::name)
    }
}
