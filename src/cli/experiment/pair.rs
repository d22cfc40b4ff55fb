//! The two diffusion models that experiments compose, and one run of a composition.

use wfr::diffusion::{Composition, Network, Noise, Quadrature, ScoreModel, Spacing};
use wfr::distance::Mixture;
use wfr::{Component, Config, Modes};

use crate::cli::compose;
use crate::cli::console::Console;
use crate::cli::failure::{Done, Failure};
use crate::cli::run::{self, Device, Outcome};
use crate::output::Estimates;

/// A component: its weight, mean and variance. The plane's is the line's with a second coordinate.
type Bell = (f64, [f64; 2], f64);
const LEFT: [Bell; 2] = [(0.3, [-3.0, 1.0], 0.25), (0.7, [1.0, -0.5], 0.5)];
const RIGHT: [Bell; 2] = [(0.6, [-1.0, 0.3], 0.4), (0.4, [2.5, 1.0], 0.3)];

/// In words.
pub(super) const WORDS: &str = "\
The models are closed forms, mixtures of two normal laws each (the second number is a variance),
  0.3 N(-3, 0.25) + 0.7 N(1, 0.5)  and  0.6 N(-1, 0.4) + 0.4 N(2.5, 0.3)
on the line, with the second coordinates 1, -0.5 and 0.3, 1 in the plane, under the noise
vp:0.1:20.";

/// The noise of both.
pub(super) fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn model(bells: &[Bell], dim: usize) -> wfr::Result<ScoreModel> {
    let component = |(weight, mean, variance): &Bell| Component {
        weight: *weight,
        mean: mean[..dim].to_vec(),
        scale: vec![variance.sqrt()],
    };
    ScoreModel::gaussian_mixture(&bells.iter().map(component).collect::<Vec<_>>())
}

/// Both models on the line (1) or in the plane (2).
pub(super) fn models(dim: usize) -> Done<Vec<ScoreModel>> {
    Ok(vec![model(&LEFT, dim)?, model(&RIGHT, dim)?])
}

/// Networks that were trained on both in the plane.
pub(super) fn networks() -> Done<Vec<ScoreModel>> {
    let read = |name: &str, bytes: &[u8]| -> Done<ScoreModel> {
        Ok(ScoreModel::network(Network::from_bytes(name, bytes)?))
    };
    Ok(vec![
        read("left.safetensors", include_bytes!("../../../models/left.safetensors"))?,
        read("right.safetensors", include_bytes!("../../../models/right.safetensors"))?,
    ])
}

/// The left model without the smaller of its modes.
pub(super) fn left_without_mode(dim: usize) -> Done<ScoreModel> {
    Ok(model(&LEFT[1..], dim)?)
}

/// The settings of a run on equal steps to τ = 0.
pub(super) fn config(particles: u32, steps: u32, seed: u64) -> Done<Config> {
    config_to(0.0, particles, steps, seed)
}

/// The settings of a run on equal steps to this level of noise.
pub(super) fn config_to(last: f64, particles: u32, steps: u32, seed: u64) -> Done<Config> {
    let schedule = noise().schedule(Spacing::Uniform, last, steps)?;
    Ok(Config { particles, schedule, seed, ..Config::default() })
}

/// What is exact of a composition of the pair: by quadrature.
pub(super) struct Exact {
    pub(super) quadrature: Quadrature,
    /// Around the means of the components, with their exact masses.
    pub(super) modes: Modes,
}

impl Exact {
    /// Of the law that these models compose.
    pub(super) fn of(composition: &Composition) -> Done<Exact> {
        let unknown = || Failure::Output("bug in wfr: the pair has no quadrature".into());
        let quadrature = composition.quadrature(0.0).ok_or_else(unknown)?;
        let modes = compose::centres(composition)?.ok_or_else(unknown)?;
        let modes = compose::with_masses(modes, Some(&quadrature));
        Ok(Exact { quadrature, modes })
    }

    /// Half the sum of the absolute errors of the modes' masses.
    pub(super) fn mode_error(&self, estimates: &Estimates) -> f64 {
        let exact = self.modes.exact_masses().unwrap_or_default();
        let pairs = estimates.modes.iter().zip(exact);
        0.5 * pairs.map(|(mode, exact)| (mode.mass.value - exact).abs()).sum::<f64>()
    }
}

/// Runs a composition to its end.
pub(super) fn sample(
    composition: Composition,
    config: &Config,
    modes: Option<&Modes>,
    device: &mut Device<'_>,
    (label, console): (&str, &Console),
) -> Done<(Outcome, Estimates)> {
    let problem = composition.problem()?;
    let gpu = device.for_run(&problem, config)?;
    let outcome = run::run(gpu, &problem, config, label, console)?;
    let estimates = Estimates::of(&outcome, modes);
    Ok((outcome, estimates))
}

/// Two mixtures of two equal components in any dimension: means drawn from N(0, 1.2²) and variance
/// 0.5.
pub(super) fn spread(dim: usize) -> Done<Vec<ScoreModel>> {
    let law = Component { weight: 1.0, mean: vec![0.0; dim], scale: vec![1.2] };
    let drawn = Mixture::new(&[law])?.sample(4, 0);
    let means: Vec<Vec<f64>> = drawn.iter().map(|(x, _)| x.to_vec()).collect();
    let component = |mean: &Vec<f64>| Component {
        weight: 1.0,
        mean: mean.clone(),
        scale: vec![0.5_f64.sqrt()],
    };
    let model = |means: &[Vec<f64>]| {
        ScoreModel::gaussian_mixture(&means.iter().map(component).collect::<Vec<_>>())
    };
    Ok(vec![model(&means[..2])?, model(&means[2..])?])
}
