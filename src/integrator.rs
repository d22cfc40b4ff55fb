//! How one step is done.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How a step moves a particle and what it adds to its log-weight.
///
/// Each evaluates the score once per step. Taming ([`Config::taming`](crate::Config::taming)) is
/// apart: tamed Euler is [`Integrator::Euler`] with it on. The preconditioner
/// ([`Config::preconditioner`](crate::Config::preconditioner)) works with all of them.
///
/// A move that would leave the support of the density is refused: the particle stays, with the weight
/// that belongs there ([`Info::refused`](crate::Info)). *Exact at every step size* holds where the
/// support of the path's densities does not grow: a start that is narrower than the target samples the
/// target inside the start's support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Integrator {
    /// Euler–Maruyama with the weight h·ψ(x, t): weak order 1, a bias of order h in log Z. The
    /// cheapest, for flows that have a ψ and no density; taming adds a bias of order h, walls none.
    Euler,
    /// Half the weight before and half after the move: order 1 with a smaller constant, at the
    /// cost of Euler. For flows whose ψ changes fast.
    Strang,
    /// Forward/backward kernel ratio (Neal 2001; Crooks 1998): weights exact at every step size,
    /// tamed or not. Costs some operations per coordinate more than Euler and needs a path of
    /// densities; the default where there is one. A move that a wall, or a slope as steep as one,
    /// changes the density by e² or more against its reverse is refused. Beside a velocity a wall makes
    /// the run an error.
    KernelRatio,
    /// Annealed importance sampling (Neal 2001) by Metropolis-adjusted Langevin moves (Roberts &
    /// Tweedie 1996): weights and moves exact at every step size, tamed or not. Costs a uniform and
    /// the memory of where the move began. Takes the longest steps, and samples a constant density
    /// without bias; needs a density and no velocity. [`Info::acceptance`](crate::Info) is near 0.57
    /// where the step is right.
    Mala,
    /// Underdamped Langevin dynamics by the splitting BAOAB (Leimkuhler & Matthews 2013) with the
    /// heat in the weight (Crooks 1998): exact at every step size, tamed or not. Costs a momentum,
    /// `dim` rows of state more. Crosses flat regions faster than diffusion; its noise of the weights
    /// is larger for short times. Needs a density and no velocity, and takes ε as a rate of time; a
    /// flow without a path has no weights and a bias of order h² in its invariant law.
    Baoab,
    /// The exact Ornstein–Uhlenbeck step for the linear part −κx of the score, the rest of it frozen
    /// (κ is [`Config::stiffness`](crate::Config::stiffness)), with the weight of the kernel ratio
    /// where there is a path: exact at every step size, tamed or not. Costs two exponentials more
    /// than the kernel ratio, or none where all steps are equal. For stiff targets near a Gaussian
    /// of precision κ; where there is no path the weight is Euler's, h·ψ(x, t).
    Exponential,
}

impl Integrator {
    /// All integrators.
    pub const ALL: [Integrator; 6] = [
        Integrator::Euler,
        Integrator::Strang,
        Integrator::KernelRatio,
        Integrator::Mala,
        Integrator::Baoab,
        Integrator::Exponential,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Integrator::Euler => "euler",
            Integrator::Strang => "strang",
            Integrator::KernelRatio => "kernel-ratio",
            Integrator::Mala => "mala",
            Integrator::Baoab => "baoab",
            Integrator::Exponential => "exponential",
        }
    }

    /// Whether the weights along a path of densities are exact at every step size.
    pub fn is_exact(self) -> bool {
        !matches!(self, Integrator::Euler | Integrator::Strang)
    }

    /// The files under `shaders/` that make it up, for a flow with a path of densities or without.
    pub(crate) fn files(self, has_path: bool) -> &'static [&'static str] {
        macro_rules! files {
            ($($name:literal),+) => { &[$(concat!("integrator/", $name)),+] };
        }
        match self {
            Integrator::Euler => {
                files!["refuse", "carry_nothing", "move", "move_euler", "move_above", "euler"]
            }
            Integrator::Strang => {
                files!["refuse", "carry_nothing", "move", "move_euler", "move_above", "strang"]
            }
            Integrator::KernelRatio => {
                files!["refuse", "carry_nothing", "move", "move_euler", "kernel_ratio"]
            }
            Integrator::Mala => files!["refuse", "move", "move_euler", "mala"],
            Integrator::Baoab => files!["refuse", "decay", "baoab"],
            Integrator::Exponential if has_path => {
                files![
                    "refuse",
                    "carry_nothing",
                    "decay",
                    "move",
                    "move_exponential",
                    "kernel_ratio"
                ]
            }
            Integrator::Exponential => {
                files![
                    "refuse",
                    "carry_nothing",
                    "decay",
                    "move",
                    "move_exponential",
                    "move_above",
                    "euler"
                ]
            }
        }
    }

    /// Whether it needs a density that the diffusion leaves invariant at each time.
    pub(crate) fn needs_density(self) -> bool {
        matches!(self, Integrator::KernelRatio | Integrator::Mala | Integrator::Baoab)
    }

    /// Rows of state, a word per particle each, that it carries from step to step.
    pub(crate) fn carried_rows(self, dim: u32) -> u32 {
        if self == Integrator::Baoab { dim } else { 0 }
    }

    /// Whether it counts the moves that it keeps; the others count those that they refuse.
    pub(crate) fn counts_kept(self) -> bool {
        self == Integrator::Mala
    }
}

impl fmt::Display for Integrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Integrator {
    type Err = Error;

    fn from_str(name: &str) -> Result<Integrator> {
        crate::config::named("integrator", name, &Integrator::ALL, Integrator::name)
    }
}
