//! How one step is done.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How a step moves a particle and what it adds to its log-weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Integrator {
    /// Euler–Maruyama with the weight h·ψ(x, t): weak order 1, a bias of order h in log Z.
    Euler,
    /// Half the weight before and half after the move: order 1 with a smaller constant.
    Strang,
    /// Forward/backward kernel ratio (Neal 2001; Crooks 1998): weights exact at every step size.
    /// Needs a flow with a path of densities.
    KernelRatio,
}

impl Integrator {
    /// All integrators.
    pub const ALL: [Integrator; 3] =
        [Integrator::Euler, Integrator::Strang, Integrator::KernelRatio];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Integrator::Euler => "euler",
            Integrator::Strang => "strang",
            Integrator::KernelRatio => "kernel-ratio",
        }
    }
}

impl Integrator {
    /// The files under `shaders/` that make it up.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Integrator::Euler => {
                &["integrator/carry_nothing", "integrator/move", "integrator/euler"]
            }
            Integrator::Strang => {
                &["integrator/carry_nothing", "integrator/move", "integrator/strang"]
            }
            Integrator::KernelRatio => {
                &["integrator/carry_nothing", "integrator/move", "integrator/kernel_ratio"]
            }
        }
    }

    /// Rows of state, a word per particle each, that it carries from step to step.
    pub(crate) fn carried_rows(self, _dim: u32) -> u32 {
        0
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
