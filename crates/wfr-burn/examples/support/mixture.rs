//! Gaussian mixtures with one scale per component, to draw from.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::Result;

/// Weights that sum to 1, means (dim,) and standard deviations.
pub struct Mixture {
    components: Vec<(f64, Vec<f64>, f64)>,
}

impl Mixture {
    /// Reads lines `weight mean_1 … mean_dim scale`; `#` begins a comment.
    pub fn from_file(path: &Path) -> Result<Mixture> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
        let mut components = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let place = format!("{}:{}", path.display(), i + 1);
            let numbers = line
                .split_whitespace()
                .map(|word| {
                    word.parse::<f64>().map_err(|_| format!("{place}: '{word}' is no number"))
                })
                .collect::<std::result::Result<Vec<f64>, _>>()?;
            let [weight, mean @ .., scale] = &numbers[..] else {
                return Err(format!("{place}: expected weight, mean and scale").into());
            };
            if mean.is_empty() || !(*weight > 0.0 && *scale > 0.0) {
                return Err(
                    format!("{place}: weight and scale must be above 0, with a mean").into()
                );
            }
            components.push((*weight, mean.to_vec(), *scale));
        }
        let total: f64 = components.iter().map(|component| component.0).sum();
        let dim = components.first().map_or(0, |component| component.1.len());
        if dim == 0 || components.iter().any(|component| component.1.len() != dim) {
            return Err(format!("{}: lines must have one number of means", path.display()).into());
        }
        components.iter_mut().for_each(|component| component.0 /= total);
        Ok(Mixture { components })
    }

    pub fn dim(&self) -> usize {
        self.components[0].1.len()
    }

    /// One draw (dim,).
    pub fn sample(&self, rng: &mut StdRng) -> Vec<f64> {
        let mut place: f64 = rng.random();
        let last = self.components.len() - 1;
        let found = self.components[..last].iter().position(|component| {
            place -= component.0;
            place < 0.0
        });
        let (_, mean, scale) = &self.components[found.unwrap_or(last)];
        mean.iter().map(|mean| mean + scale * normal(rng)).collect()
    }
}

/// A standard normal number.
pub fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(StandardNormal)
}
