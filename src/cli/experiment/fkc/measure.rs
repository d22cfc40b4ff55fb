//! How far a sample is from the exact law, and on how few ancestors it hangs.

use serde::Serialize;
use wfr::distance::{
    BANDWIDTHS, Grid, Mixture, Points, energy_wasserstein, mmd, total_variation,
    total_variation_to_density, wasserstein,
};
use wfr::{Component, Diagnostics, Modes, Target};

use super::setting::POWER;
use crate::cli::failure::{Done, Failure};
use crate::cli::run::Outcome;

/// Cells per axis for two samples, as published.
const CELLS: usize = 200;
/// The box that holds the law, and cells per axis in it for a sample and the density.
const BOX: f64 = 48.0;
const BOX_CELLS: usize = 120;
/// Points of a sample that are compared pair by pair.
const MOST_PAIRED: usize = 10_000;

/// The power of the mixture, exactly.
pub(super) struct Exact {
    mixture: Mixture,
    law: Mixture,
    modes: Modes,
    /// What the power has of each of the mixture's Gaussians.
    masses: Vec<f64>,
    grid: Grid,
}

/// Between a sample and as many exact draws, in the units of the published table.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Distances {
    /// The square of W2 between values of the log density.
    pub(super) energy: f64,
    /// Squared and biased.
    pub(super) mmd: f64,
    pub(super) tv: f64,
    pub(super) w1: f64,
    pub(super) w2: f64,
}

/// Between a sample and the law itself.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Errors {
    /// Half the sum of errors of the Gaussians' masses.
    pub(super) modes: f64,
    /// Total variation to the density.
    pub(super) density: f64,
}

/// What a run tells beside its sample.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Lineage {
    pub(super) ess: f64,
    /// The least ESS at any test.
    pub(super) least_ess: f64,
    pub(super) resamplings: u32,
    /// Time-zero ancestors left.
    pub(super) ancestors: usize,
    pub(super) effective_ancestors: f64,
    /// log Z above the exact one, of runs with weights.
    pub(super) log_normalizer_error: Option<f64>,
    pub(super) log_normalizer_se: Option<f64>,
    /// Seconds of the sampling loop.
    pub(super) seconds: f64,
}

/// All about one sample.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Measured {
    pub(super) seed: u64,
    pub(super) distances: Option<Distances>,
    pub(super) errors: Errors,
    pub(super) lineage: Option<Lineage>,
}

impl Exact {
    pub(super) fn new(gaussians: &[Component]) -> Done<Exact> {
        let mixture = Mixture::new(gaussians)?;
        let law = mixture.power(POWER)?;
        let modes = Modes::of(&Target::gaussian_mixture(gaussians)?)
            .ok_or_else(|| Failure::Output("bug in wfr: a mixture has modes".into()))?;
        let grid = Grid::new([-BOX; 2], [BOX; 2], BOX_CELLS)?;
        let mut exact = Exact { mixture, law, modes, masses: Vec::new(), grid };
        exact.masses = exact.quadrature();
        Ok(exact)
    }

    /// The integral of each Gaussian's part of the mixture over the power, by middles a fifth of
    /// its deviations apart: exact but for rounding, as all is smooth.
    fn quadrature(&self) -> Vec<f64> {
        const SIDE: f64 = 0.25;
        let middles = (2.0 * BOX / SIDE) as u32;
        let place = |i: u32| (f64::from(i) + 0.5) * SIDE - BOX;
        let mut masses = vec![0.0; self.modes.names().len()];
        for (i, j) in (0..middles).flat_map(|i| (0..middles).map(move |j| (i, j))) {
            let x = [place(i), place(j)];
            let mass = self.log_density(&x).exp() * SIDE * SIDE;
            // Nothing is left of the shares where nothing is left of the law.
            if mass > 1e-15 {
                self.add_shares(&mut masses, &x, mass);
            }
        }
        masses
    }

    fn add_shares(&self, masses: &mut [f64], x: &[f64], mass: f64) {
        let shares = self.modes.shares(&[x[0] as f32, x[1] as f32]);
        masses.iter_mut().zip(shares).for_each(|(sum, share)| *sum += mass * share);
    }

    /// The normalised log density of the power.
    fn log_density(&self, x: &[f64]) -> f64 {
        f64::from(POWER) * self.mixture.log_density(x) - self.law.log_normalizer()
    }

    /// log of the integral of the power.
    pub(super) fn log_normalizer(&self) -> f64 {
        self.law.log_normalizer()
    }

    /// Independent draws, other ones for every number.
    pub(super) fn draws(&self, particles: u32, number: u64) -> Points {
        self.law.sample(particles as usize, number)
    }

    /// The distances between a sample and draws, W1 and W2 on so many points of each.
    pub(super) fn distances(&self, a: &Points, draws: &Points, points: u32) -> Done<Distances> {
        let some = |sample: &Points, most: usize, seed| sample.resampled(most, seed);
        let paired = |sample: &Points| match sample.len() {
            n if n > MOST_PAIRED => some(sample, MOST_PAIRED, 1),
            _ => sample.clone(),
        };
        let few = (points as usize).min(a.len()).min(draws.len());
        let (carried, to) = (some(a, few, 2), some(draws, few, 3));
        Ok(Distances {
            energy: energy_wasserstein(a, draws, |x| self.log_density(x))?.powi(2),
            mmd: mmd(&paired(a), &paired(draws), &BANDWIDTHS)?.biased,
            tv: total_variation(a, draws, &Grid::around(draws, CELLS)?)?,
            w1: wasserstein(&carried, &to, 1.0)?,
            w2: wasserstein(&carried, &to, 2.0)?,
        })
    }

    /// The errors of a sample.
    pub(super) fn errors(&self, sample: &Points) -> Done<Errors> {
        let mut masses = vec![0.0; self.masses.len()];
        sample.iter().for_each(|(x, weight)| self.add_shares(&mut masses, x, weight));
        let off = masses.iter().zip(&self.masses).map(|(found, exact)| (found - exact).abs());
        Ok(Errors {
            modes: 0.5 * off.sum::<f64>(),
            density: total_variation_to_density(sample, |x| self.log_density(x), &self.grid)?,
        })
    }
}

impl Lineage {
    /// Of a run, whose weights tell log Z if it has any.
    pub(super) fn of(outcome: &Outcome, log_normalizer: Option<f64>) -> Lineage {
        let diagnostics = Diagnostics::new(&outcome.particles)
            .resampled(outcome.config.resampler, outcome.info.resamplings);
        let ess = diagnostics.ess();
        let tests = outcome.trace.iter().map(|event| f64::from(event.ess));
        Lineage {
            ess,
            least_ess: tests.fold(ess, f64::min),
            resamplings: outcome.info.resamplings,
            ancestors: diagnostics.unique_ancestors(),
            effective_ancestors: diagnostics.effective_ancestors(),
            log_normalizer_error: log_normalizer.map(|exact| outcome.info.log_normalizer - exact),
            log_normalizer_se: log_normalizer.map(|_| diagnostics.log_normalizer_se()),
            seconds: outcome.spent.wall,
        }
    }
}
