//! How the divergence of a network's score is found.

use std::str::FromStr;

use crate::bits::WORD_BLOCKS;
use crate::error::{Error, Result};
use crate::target::MAX_DIM;

/// How the divergence of a network's score is found, by derivatives along directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// The trace of the Jacobian, one direction per coordinate: up to 16 dimensions.
    Exact,
    /// The mean of vᵀ J v over random directions v with E v vᵀ = I: no bias, and with J symmetric
    /// the variance 2 (‖J‖² − Σ Jᵢᵢ²) of Rademacher probes, 2 ‖J‖² of Gaussian ones, over the number
    /// of probes. M. F. Hutchinson, Commun. Stat. Simul. Comput. 18 (1989).
    ///
    /// Its noise enters log-weights: fresh probes average out over the steps. All models of a
    /// composition have the same probes within a step, so that differences of divergences have the
    /// noise of the difference of the Jacobians alone.
    ///
    /// Hutch++ (R. A. Meyer et al., arXiv:2010.09649) is not offered. The Jacobian of a score is
    /// near a multiple of the identity, whose trace Rademacher probes give exactly and a sketch
    /// spoils: for noised mixtures of five equal Gaussians in 16 to 64 dimensions, three products
    /// gave it 3 to 10⁷ times the variance of three Rademacher probes, at every noise tried.
    #[non_exhaustive]
    Hutchinson {
        /// Directions per particle and step, 1 to 64.
        probes: u32,
        /// Their law.
        probe: Probe,
        /// Whether every step draws new ones. Probes kept for a whole run add up: their noise does
        /// not shrink with the step.
        fresh: bool,
    },
}

/// The law of the directions of [`Divergence::Hutchinson`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Probe {
    /// Every coordinate is 1 or −1: the least variance of all laws of independent coordinates.
    #[default]
    Rademacher,
    /// Standard normals.
    Gaussian,
}

// A number per probe and coordinate, four in a block of words.
const _: () = assert!(Divergence::MAX_PROBES * MAX_DIM.div_ceil(4) <= WORD_BLOCKS);

impl Divergence {
    /// The most dimensions of [`Divergence::Exact`].
    pub const MAX_EXACT: u32 = 16;
    /// The most probes of [`Divergence::Hutchinson`].
    pub const MAX_PROBES: u32 = 64;

    /// So many fresh Rademacher probes.
    pub fn hutchinson(probes: u32) -> Divergence {
        Divergence::Hutchinson { probes, probe: Probe::Rademacher, fresh: true }
    }

    /// So many probes of a law; `fresh`, or the same at every step.
    pub fn hutchinson_with(probes: u32, probe: Probe, fresh: bool) -> Divergence {
        Divergence::Hutchinson { probes, probe, fresh }
    }

    /// The trace where the dimension allows, one fresh Rademacher probe elsewhere.
    pub fn of_dim(dim: u32) -> Divergence {
        if dim <= Divergence::MAX_EXACT { Divergence::Exact } else { Divergence::hutchinson(1) }
    }
}

impl FromStr for Divergence {
    type Err = Error;

    /// `exact`, `hutchinson`, or `hutchinson:PROBES`.
    fn from_str(text: &str) -> Result<Divergence> {
        let unknown = || {
            let reason = format!("'{text}' is not known; write exact, hutchinson or hutchinson:4");
            Error::config("divergence", reason)
        };
        match text.split_once(':') {
            None if text == "exact" => Ok(Divergence::Exact),
            None if text == "hutchinson" => Ok(Divergence::hutchinson(1)),
            Some(("hutchinson", probes)) => {
                Ok(Divergence::hutchinson(probes.parse().map_err(|_| unknown())?))
            }
            _ => Err(unknown()),
        }
    }
}
