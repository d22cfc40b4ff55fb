//! The published setting: the law, its noise, and the ways to sample its power.

use wfr::diffusion::{Composition, Noise, Rule, ScoreModel};
use wfr::{Component, Config, Integrator, Problem, Schedule};

use crate::cli::failure::{Done, Failure};

/// A line `weight mean_1 mean_2 scale` for each Gaussian.
const GAUSSIANS: &str = include_str!("../../../../benches/forty-gaussians.txt");
/// The power of the mixture that is sampled: the inverse temperature.
pub(super) const POWER: u32 = 3;
/// The noise at time t, from 1 down to 0, is LEAST (RATIO^2t - 1)^1/2: published as 0.01 in
/// coordinates divided by 50.
const LEAST: f64 = 0.01 * 50.0;
const RATIO: f64 = 1000.0;
/// Steps between tests of the ESS where not every step resamples.
const TEST_EVERY: u32 = 4;

/// The Gaussians of the mixture.
pub(super) fn gaussians() -> Done<Vec<Component>> {
    let component = |line: &str| {
        let numbers: Vec<f64> = line.split_whitespace().map_while(|n| n.parse().ok()).collect();
        match numbers[..] {
            [weight, x, y, scale] => {
                Some(Component { weight, mean: vec![x, y], scale: vec![scale] })
            }
            _ => None,
        }
    };
    let lines = GAUSSIANS.lines().filter(|line| !line.starts_with('#'));
    let components: Option<Vec<_>> = lines.map(component).collect();
    components.ok_or_else(|| Failure::Output("bug in wfr: a Gaussian is four numbers".into()))
}

/// The noise at time t.
fn level(t: f64) -> f64 {
    LEAST * (2.0 * t * RATIO.ln()).exp_m1().sqrt()
}

/// Levels of noise at equal steps of t, from 1 to 0.
pub(super) fn schedule(steps: u32) -> wfr::Result<Schedule> {
    let done = |k: u32| f64::from(k) / f64::from(steps);
    let point = |k: u32| (level(1.0) - level(1.0 - done(k)), done(k));
    Schedule::from_points(&(0..=steps).map(point).collect::<Vec<_>>())
}

/// Where particles go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    /// By the score of the power, with the noise of the model.
    TargetScore,
    /// With noise divided by the root of the power, which is the same law.
    TemperedNoise,
}

impl Drift {
    pub(super) fn name(self) -> &'static str {
        match self {
            Drift::TargetScore => "target score",
            Drift::TemperedNoise => "tempered noise",
        }
    }

    /// The factor of the noise: drift then is (1 + eta^2)/2 times the score of the power.
    fn stochasticity(self) -> f64 {
        match self {
            Drift::TargetScore => 1.0,
            Drift::TemperedNoise => f64::from(POWER).powf(-0.5),
        }
    }
}

/// What makes up for the drift not being that of a diffusion with the power as its law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Correction {
    /// Nothing.
    None,
    /// Weights by their rate, resampled at every step: as published.
    EveryStep,
    /// Weights by their rate, resampled when the ESS falls below half.
    Rate,
    /// Weights by ratios of kernels, resampled likewise.
    KernelRatio,
}

impl Correction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Correction::None => "none",
            Correction::EveryStep => "rate, every step",
            Correction::Rate => "rate, by ESS",
            Correction::KernelRatio => "kernel ratio, by ESS",
        }
    }
}

/// One way to sample the power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) drift: Drift,
    pub(super) correction: Correction,
}

/// MMD, TV, W1 and W2 as published, each with its standard deviation over five runs.
pub(super) type Published = [(f64, f64); 4];

impl Way {
    /// All ways, in the order of the table.
    pub(super) fn all() -> impl Iterator<Item = Way> {
        use Correction::{EveryStep, KernelRatio, None, Rate};
        [Drift::TargetScore, Drift::TemperedNoise].into_iter().flat_map(|drift| {
            [None, EveryStep, Rate, KernelRatio].map(|correction| Way { drift, correction })
        })
    }

    /// Whether particles are weighted.
    pub(super) fn is_corrected(self) -> bool {
        self.correction != Correction::None
    }

    /// The mixture's power by its one model. The initial law is that of the published runs, a
    /// normal law as wide as the power at the largest noise; they do without the initial weights,
    /// which make it exact.
    pub(super) fn problem(self, gaussians: &[Component]) -> wfr::Result<Problem> {
        let noise = Noise::variance_exploding(0.0, level(1.0));
        let models = vec![ScoreModel::gaussian_mixture(gaussians)?];
        let composition = Composition::new(noise, models, Rule::annealed(f64::from(POWER)))
            .with_stochasticity(self.drift.stochasticity());
        if self.is_corrected() { composition } else { composition.without_correction() }.problem()
    }

    /// The settings of a run.
    pub(super) fn config(self, particles: u32, schedule: &Schedule, seed: u64) -> Config {
        let (ess_threshold, ess_every) = match self.correction {
            Correction::EveryStep => (1.0, 1),
            _ => (0.5, TEST_EVERY),
        };
        let integrator = match self.correction {
            Correction::KernelRatio => Integrator::KernelRatio,
            _ => Integrator::Euler,
        };
        Config {
            particles,
            seed,
            schedule: schedule.clone(),
            integrator: Some(integrator),
            ess_threshold,
            ess_every,
            ..Config::default()
        }
    }

    /// Table A1 of M. Skreta et al., arXiv 2503.02819, where it has this way: N = 10^4, 1000 steps.
    /// Its energies are compared with five points each and left out.
    pub(super) fn published(self) -> Option<Published> {
        match (self.drift, self.correction) {
            (Drift::TargetScore, Correction::None) => {
                Some([(0.020, 0.001), (0.487, 0.007), (11.304, 0.296), (15.671, 0.269)])
            }
            (Drift::TemperedNoise, Correction::None) => {
                Some([(0.058, 0.001), (0.638, 0.002), (16.051, 0.123), (19.627, 0.101)])
            }
            (Drift::TargetScore, Correction::EveryStep) => {
                Some([(0.007, 0.005), (0.372, 0.020), (6.256, 3.960), (11.265, 5.629)])
            }
            (Drift::TemperedNoise, Correction::EveryStep) => {
                Some([(0.027, 0.011), (0.512, 0.017), (9.974, 1.229), (14.045, 1.308)])
            }
            (_, Correction::Rate | Correction::KernelRatio) => None,
        }
    }
}
