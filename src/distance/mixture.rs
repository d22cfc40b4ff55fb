//! Exact samples of Gaussian mixtures and of their powers.

use std::f64::consts::TAU;

use super::Points;
use crate::error::{Error, Result};
use crate::random::Random;
use crate::target::{Component, Law, Target};

/// A normalised Gaussian mixture with diagonal covariances, to draw from on the host.
#[derive(Debug, Clone)]
pub struct Mixture {
    bells: Vec<Bell>,
    log_normalizer: f64,
}

#[derive(Debug, Clone)]
struct Bell {
    log_weight: f64,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// The most components of a power.
const MOST: usize = 1 << 20;
/// Components of a product that weigh less than this, relative to the heaviest, are left out.
const LEAST: f64 = 1e-14;

impl Mixture {
    /// The mixture of these components, as [`Target::gaussian_mixture`] takes them.
    ///
    /// # Errors
    /// Those of [`Target::gaussian_mixture`].
    pub fn new(components: &[Component]) -> Result<Mixture> {
        let target = Target::gaussian_mixture(components)?;
        let Some(Law::GaussianMixture(components)) = target.law() else {
            unreachable!("the target is a Gaussian mixture");
        };
        let bells = components.iter().map(|component| Bell {
            log_weight: component.weight.ln(),
            mean: component.mean.clone(),
            variance: component.scale.iter().map(|s| s.powi(2)).collect(),
        });
        Ok(Mixture { bells: bells.collect(), log_normalizer: 0.0 })
    }

    /// The number of coordinates.
    pub fn dim(&self) -> usize {
        self.bells[0].mean.len()
    }

    /// log ∫ of what this is the normalised form of: 0 of a mixture, log ∫ pⁿ of its power.
    pub fn log_normalizer(&self) -> f64 {
        self.log_normalizer
    }

    /// log p(x), normalised.
    ///
    /// Of a power it is cheaper as n log p(x) − [`Mixture::log_normalizer`].
    pub fn log_density(&self, x: &[f64]) -> f64 {
        log_sum_exp(self.bells.iter().map(|bell| bell.log_weight + bell.log_density(x)))
    }

    /// `n` independent draws.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn sample(&self, n: usize, seed: u64) -> Points {
        let mut random = Random::new(seed);
        let mut through = 0.0;
        let sums = self.bells.iter().map(|bell| {
            through += bell.log_weight.exp();
            through
        });
        let sums: Vec<f64> = sums.collect();
        let mut coordinates = Vec::with_capacity(n * self.dim());
        for _ in 0..n {
            let point = random.uniform() * through;
            let bell = sums.partition_point(|sum| *sum <= point).min(self.bells.len() - 1);
            let Bell { mean, variance, .. } = &self.bells[bell];
            let axes = mean.iter().zip(variance);
            coordinates
                .extend(axes.map(|(mean, variance)| mean + variance.sqrt() * random.normal()));
        }
        Points::new(self.dim(), coordinates).expect("draws of finite means and scales")
    }

    /// The normalised power pⁿ / ∫ pⁿ: the law at the n-th part of the temperature, a mixture of the
    /// products of n components.
    ///
    /// Products that weigh less than 10⁻¹⁴ of the heaviest are left out as they arise, at most 10⁻⁸
    /// of the mass in all.
    ///
    /// # Errors
    /// When n is 0, or there are more than 2²⁰ products at once.
    pub fn power(&self, exponent: u32) -> Result<Mixture> {
        if exponent == 0 {
            let reason = "is 0, which is no law; expected 1 or more".to_string();
            return Err(Error::config("the power of a mixture", reason));
        }
        let mut bells = self.bells.clone();
        for _ in 1..exponent {
            let count = bells.len().saturating_mul(self.bells.len());
            if count > MOST {
                let reason = format!("has {count} components; at most {MOST} can be enumerated");
                return Err(Error::config("the power of a mixture", reason));
            }
            let products = bells.iter().flat_map(|a| self.bells.iter().map(|b| a.times(b)));
            bells = products.collect();
            let most = bells.iter().map(|bell| bell.log_weight).fold(f64::NEG_INFINITY, f64::max);
            bells.retain(|bell| bell.log_weight >= most + LEAST.ln());
        }
        let log_mass = log_sum_exp(bells.iter().map(|bell| bell.log_weight));
        bells.iter_mut().for_each(|bell| bell.log_weight -= log_mass);
        let log_normalizer = log_mass + f64::from(exponent) * self.log_normalizer;
        Ok(Mixture { bells, log_normalizer })
    }
}

impl Bell {
    fn log_density(&self, x: &[f64]) -> f64 {
        let axes = x.iter().zip(&self.mean).zip(&self.variance);
        axes.map(|((x, mean), variance)| log_normal(x - mean, *variance)).sum()
    }

    /// The product of two weighted bells, one weighted bell.
    fn times(&self, other: &Bell) -> Bell {
        let mut log_weight = self.log_weight + other.log_weight;
        let (mut mean, mut variance) = (self.mean.clone(), self.variance.clone());
        for axis in 0..mean.len() {
            let (m, v) = (other.mean[axis], other.variance[axis]);
            let sum = variance[axis] + v;
            log_weight += log_normal(mean[axis] - m, sum);
            mean[axis] = (mean[axis] * v + m * variance[axis]) / sum;
            variance[axis] *= v / sum;
        }
        Bell { log_weight, mean, variance }
    }
}

fn log_normal(x: f64, variance: f64) -> f64 {
    -0.5 * (x * x / variance + (TAU * variance).ln())
}

fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    most + terms.map(|term| (term - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law() -> Mixture {
        let component = |weight, mean: [f64; 2], scale: [f64; 2]| Component {
            weight,
            mean: mean.to_vec(),
            scale: scale.to_vec(),
        };
        Mixture::new(&[
            component(1.0, [-2.0, 0.0], [0.5, 1.0]),
            component(2.0, [1.0, 1.0], [1.0, 0.7]),
            component(1.0, [1.5, -1.0], [0.8, 0.8]),
        ])
        .unwrap()
    }

    /// ∫ f over the plane: the trapezoidal rule, whose error is below 10⁻¹⁰ for bells this wide.
    fn integral(f: impl Fn(&[f64]) -> f64) -> f64 {
        let h = 0.1;
        let line = (-80..=80).map(|i| f64::from(i) * h);
        line.clone().flat_map(|x| line.clone().map(move |y| [x, y])).map(|x| f(&x)).sum::<f64>()
            * h
            * h
    }

    #[test]
    fn the_density_is_that_of_the_target() {
        let law = law();
        assert!((integral(|x| law.log_density(x).exp()) - 1.0).abs() < 1e-9);
        // By hand, at the middle of the first component: the others are e^−4.5 … away.
        let x: [f64; 2] = [-2.0, 0.0];
        let bell = |w: f64, z2: f64, area: f64| w * (-0.5 * z2).exp() / (TAU * area);
        let expected = bell(0.25, 0.0, 0.5)
            + bell(0.5, 9.0 + 1.0 / 0.49, 0.7)
            + bell(0.25, (3.5 * 3.5 + 1.0) / 0.64, 0.64);
        assert!((law.log_density(&x) - expected.ln()).abs() < 1e-6);
    }

    #[test]
    fn powers_are_normalised_and_proportional_to_the_power() {
        let law = law();
        for exponent in [1, 2, 3, 4] {
            let power = law.power(exponent).unwrap();
            let n = f64::from(exponent);
            let mass = integral(|x| (n * law.log_density(x)).exp());
            assert!((power.log_normalizer() - mass.ln()).abs() < 1e-8, "{exponent}");
            for x in [[0.0, 0.0], [-2.0, 0.3], [1.5, -4.0]] {
                let expected = n * law.log_density(&x) - mass.ln();
                assert!((power.log_density(&x) - expected).abs() < 1e-6, "{exponent} {x:?}");
            }
        }
        // The power of a power.
        let (once, twice) = (law.power(4).unwrap(), law.power(2).unwrap().power(2).unwrap());
        assert!((once.log_normalizer() - twice.log_normalizer()).abs() < 1e-8);
    }

    #[test]
    fn draws_have_the_law_s_moments() {
        let n = 40_000;
        for (law, seed) in [(law(), 1), (law().power(3).unwrap(), 2)] {
            let points = law.sample(n, seed);
            for f in [
                |x: &[f64]| x[0],
                |x: &[f64]| x[1],
                |x: &[f64]| x[0] * x[0],
                |x: &[f64]| x[0] * x[1],
                |x: &[f64]| f64::from(x[0] < -0.5),
            ] {
                let expect =
                    |f: &dyn Fn(&[f64]) -> f64| integral(|x| f(x) * law.log_density(x).exp());
                let (mean, second) = (expect(&f), expect(&|x| f(x).powi(2)));
                let error = ((second - mean * mean) / n as f64).sqrt();
                let found: f64 = points.iter().map(|(x, weight)| weight * f(x)).sum();
                // The trapezoidal rule loses up to h/2 · p at the step of the indicator: 0.002.
                assert!((found - mean).abs() < 4.0 * error + 2e-3, "{found} {mean} ± {error}");
            }
        }
        assert_eq!(law().sample(5, 1), law().sample(5, 1));
        assert_ne!(law().sample(5, 1), law().sample(5, 2));
    }

    #[test]
    fn errors_name_the_value() {
        let error = law().power(0).unwrap_err().to_string();
        assert_eq!(error, "the power of a mixture is 0, which is no law; expected 1 or more");
        let many = vec![Component { weight: 1.0, mean: vec![0.0], scale: vec![1.0] }; 1025];
        let error = Mixture::new(&many).unwrap().power(2).unwrap_err().to_string();
        let expected = "the power of a mixture has 1050625 components; at most 1048576 can be \
                        enumerated";
        assert_eq!(error, expected);
        let error = Mixture::new(&[]).unwrap_err().to_string();
        assert!(error.starts_with("gaussian-mixture: there is no component"), "{error}");
    }
}
