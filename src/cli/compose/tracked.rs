//! How far the log densities that particles carry are from the models' own.

use wfr::diffusion::Composition;
use wfr::{Config, Integrator, Particles};

use super::levels;

/// The log density of one model along the particles' paths, at the end of a run.
#[derive(Debug, Clone)]
pub(crate) struct Tracked {
    pub(crate) model: String,
    /// Of tracked minus exact under the weights; `None` where the model does not know its density.
    pub(crate) drift: Option<Drift>,
}

/// The mean of a difference, and the root of its mean square.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drift {
    pub(crate) mean: f64,
    pub(crate) rms: f64,
}

impl Tracked {
    /// Of every tracked model, from the rows that particles carry.
    pub(crate) fn all(
        composition: &Composition,
        config: &Config,
        integrator: Integrator,
        particles: &Particles,
        carried: &[Vec<f32>],
    ) -> Vec<Tracked> {
        let tau = levels::last(composition.noise(), config);
        let weights = particles.weights();
        let tracked = composition.tracked(integrator).into_iter().zip(carried);
        tracked
            .map(|(i, row)| {
                let model = &composition.models()[i];
                let mut sums = Some((0.0, 0.0));
                for (k, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                    let x: Vec<f64> = particles.position(k).iter().map(|x| f64::from(*x)).collect();
                    let exact = model.exact(composition.noise(), tau, &x);
                    sums = sums.zip(exact).map(|((mean, square), exact)| {
                        let off = f64::from(row[k]) - exact.log_density;
                        (mean + weight * off, square + weight * off * off)
                    });
                }
                let drift =
                    sums.map(|(mean, square): (f64, f64)| Drift { mean, rms: square.sqrt() });
                Tracked { model: model.name().to_string(), drift }
            })
            .collect()
    }
}
