//! A Gaussian mixture under noise: again a mixture, so that its score is exact at every level.

use super::Noise;
use crate::target::Component;

/// Normalised components with a scale per axis: the law of x₀.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mixture {
    pub(crate) components: Vec<Component>,
}

/// One component at a level of noise: N(α m, α² s² + σ²).
struct Noised {
    log_factor: f64,
    mean: Vec<f64>,
    precision: Vec<f64>,
}

/// What a model knows at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// log q.
    pub log_density: f64,
    /// ∇ log q, (dim,).
    pub score: Vec<f64>,
    /// ∇·∇ log q.
    pub divergence: f64,
}

impl Mixture {
    pub(crate) fn dim(&self) -> usize {
        self.components[0].mean.len()
    }

    fn at(&self, noise: &Noise, tau: f64) -> impl Iterator<Item = Noised> + '_ {
        let (alpha, sigma) = (noise.alpha(tau), noise.sigma(tau));
        self.components.iter().map(move |component| {
            let mean = component.mean.iter().map(|m| alpha * m).collect();
            let variance = |s: &f64| (alpha * s).powi(2) + sigma * sigma;
            let precision: Vec<f64> = component.scale.iter().map(|s| 1.0 / variance(s)).collect();
            let logs: f64 = precision.iter().map(|p| 0.5 * (p / std::f64::consts::TAU).ln()).sum();
            Noised { log_factor: component.weight.ln() + logs, mean, precision }
        })
    }

    /// The node of the device's table: for each component its log factor, means and precisions.
    pub(crate) fn node(&self, noise: &Noise, tau: f64) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.columns());
        for Noised { log_factor, mean, precision } in self.at(noise, tau) {
            row.push(log_factor as f32);
            let kept = if self.is_isotropic() { &precision[..1] } else { &precision };
            row.extend(mean.iter().chain(kept).map(|v| *v as f32));
        }
        row
    }

    /// Numbers per node.
    pub(crate) fn columns(&self) -> usize {
        let precisions = if self.is_isotropic() { 1 } else { self.dim() };
        self.components.len() * (1 + self.dim() + precisions)
    }

    /// Whether every component has one scale for all axes.
    pub(crate) fn is_isotropic(&self) -> bool {
        self.components.iter().all(|c| c.scale.iter().all(|scale| *scale == c.scale[0]))
    }

    /// The closed form in double precision.
    pub(crate) fn evaluate(&self, noise: &Noise, tau: f64, x: &[f64]) -> Evaluation {
        let terms: Vec<(f64, Vec<f64>, f64)> = self
            .at(noise, tau)
            .map(|Noised { log_factor, mean, precision }| {
                let pull = |((x, m), p): ((&f64, &f64), &f64)| -(x - m) * p;
                let pulls: Vec<f64> = x.iter().zip(&mean).zip(&precision).map(pull).collect();
                let squares = pulls.iter().zip(&precision).map(|(g, p)| g * g / p).sum::<f64>();
                let curvature =
                    pulls.iter().map(|g| g * g).sum::<f64>() - precision.iter().sum::<f64>();
                (log_factor - 0.5 * squares, pulls, curvature)
            })
            .collect();
        let peak = terms.iter().map(|term| term.0).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = terms.iter().map(|term| (term.0 - peak).exp()).sum();
        let mut score = vec![0.0; x.len()];
        let mut divergence = 0.0;
        for (log, pulls, curvature) in &terms {
            let share = (log - peak).exp() / total;
            divergence += share * curvature;
            score.iter_mut().zip(pulls).for_each(|(s, g)| *s += share * g);
        }
        divergence -= score.iter().map(|s| s * s).sum::<f64>();
        Evaluation { log_density: peak + total.ln(), score, divergence }
    }
}
