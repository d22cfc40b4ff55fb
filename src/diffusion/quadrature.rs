//! What a composition of closed-form models should find, by quadrature in one and two dimensions.

use super::model::Kind;
use super::{Composition, Curve};
use crate::diagnostics::Modes;
use crate::truth::Truth;

/// How far beyond the outermost component the grid reaches, in its scales.
const REACH: f64 = 10.0;
/// Grid points per scale of the narrowest component, in one and in two dimensions.
const FINE: [f64; 2] = [64.0, 8.0];
/// The most grid points.
const MOST: usize = 4_000_000;
/// The density at the rim of the grid, relative to its peak, above which mass lies outside.
const RIM: f64 = 1e-9;

/// The density of a composition on a grid, normalised: the trapezoid rule, whose error for such
/// smooth laws is far below single precision.
#[derive(Debug, Clone)]
pub struct Quadrature {
    axes: Vec<Axis>,
    log_normalizer: f64,
    /// The probability of each grid point, the first axis fastest.
    shares: Vec<f64>,
}

/// The multiples of a width from `first` times it on: zero is among the points.
#[derive(Debug, Clone, Copy)]
struct Axis {
    first: i64,
    count: usize,
    width: f64,
}

impl Axis {
    fn over(low: f64, high: f64, width: f64) -> Axis {
        let first = (low / width).floor() as i64;
        let last = (high / width).ceil() as i64;
        Axis { first, count: (last - first + 1) as usize, width }
    }

    fn at(&self, i: usize) -> f64 {
        (self.first + i as i64) as f64 * self.width
    }
}

impl Composition {
    /// The density at the end of a run, at the level of noise τ, on a grid: `None` unless all models
    /// are closed forms of one or two dimensions, there is no reward, and the density is all within
    /// reach of the grid.
    pub fn quadrature(&self, tau: f64) -> Option<Quadrature> {
        let dim = self.models.first()?.dim() as usize;
        if dim > FINE.len() || self.reward.is_some() || self.check().is_err() {
            return None;
        }
        let axes = (0..dim).map(|j| self.axis(j, tau)).collect::<Option<Vec<_>>>()?;
        let count = axes.iter().map(|axis| axis.count).product();
        if count > MOST {
            return None;
        }
        let log_density = |i| self.log_density(&point(&axes, i), tau, 1.0);
        let logs = (0..count).map(log_density).collect::<Option<Vec<_>>>()?;
        let peak = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = logs.iter().map(|log| (log - peak).exp()).collect();
        let on_rim = |i: usize| {
            let places = places(&axes, i);
            places.zip(&axes).any(|(place, axis)| place == 0 || place + 1 == axis.count)
        };
        if (0..count).any(|i| on_rim(i) && shares[i] > RIM) {
            return None;
        }
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= total);
        let cell: f64 = axes.iter().map(|axis| axis.width).product();
        Some(Quadrature { axes, log_normalizer: peak + (total * cell).ln(), shares })
    }

    fn axis(&self, j: usize, tau: f64) -> Option<Axis> {
        let (alpha, sigma) = (self.noise.alpha(tau), self.noise.sigma(tau));
        let (mut low, mut high, mut least) = (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY);
        for model in &self.models {
            let Kind::Mixture(mixture) = model.kind() else { return None };
            for component in &mixture.components {
                let scale = (alpha * component.scale[j]).hypot(sigma);
                let mean = alpha * component.mean[j];
                low = low.min(mean - REACH * scale);
                high = high.max(mean + REACH * scale);
                least = least.min(scale);
            }
        }
        let width = least / FINE[self.dim() as usize - 1];
        // Beyond it the multiples of the width are no points of a grid that fits.
        ((high - low) / width < MOST as f64).then(|| Axis::over(low, high, width))
    }

    /// cos Ω = ∫ √(q₁ q₂) of two closed-form models at the level of noise τ: the angle Ω of
    /// [`Rule::arc`](super::Rule::arc). `None` where [`Composition::quadrature`] is.
    pub fn angle(&self, tau: f64) -> Option<f64> {
        if self.models.len() != 2 {
            return None;
        }
        let rule = super::Rule::geometric(Curve::constant(0.5));
        let middle = Composition { rule, reward: None, ..self.clone() };
        Some(middle.quadrature(tau)?.log_normalizer.exp().min(1.0).acos())
    }
}

impl Quadrature {
    /// log Z, means and second moments, and P(x₀ > 0).
    pub fn truth(&self) -> Truth {
        let dim = self.axes.len();
        // The trapezoid rule that begins at 0, with the first term of Euler and Maclaurin for its
        // error there: the slope by the points beside.
        let right = |x: &[f64]| match (x[0] / self.axes[0].width).round() as i64 {
            0 => 0.5,
            1 => 1.0 + 1.0 / 24.0,
            -1 => -1.0 / 24.0,
            place => f64::from(u8::from(place > 0)),
        };
        Truth {
            log_normalizer: self.log_normalizer,
            right_mass: self.expect(right),
            mean: (0..dim).map(|j| self.expect(|x| x[j])).collect(),
            second_moment: (0..dim).map(|j| self.expect(|x| x[j] * x[j])).collect(),
        }
    }

    /// E f(x).
    pub fn expect(&self, f: impl Fn(&[f64]) -> f64) -> f64 {
        let points = self.shares.iter().enumerate();
        points.map(|(i, share)| share * f(&point(&self.axes, i))).sum()
    }

    /// The mass of each mode.
    pub fn masses(&self, modes: &Modes) -> Vec<f64> {
        let mut masses = vec![0.0; modes.names().len()];
        for (i, share) in self.shares.iter().enumerate() {
            let x: Vec<f32> = point(&self.axes, i).iter().map(|x| *x as f32).collect();
            masses.iter_mut().zip(modes.shares(&x)).for_each(|(mass, part)| *mass += share * part);
        }
        masses
    }
}

/// The places of the grid point `i` on each axis.
fn places(axes: &[Axis], i: usize) -> impl Iterator<Item = usize> + '_ {
    axes.iter().scan(i, |rest, axis| {
        let place = *rest % axis.count;
        *rest /= axis.count;
        Some(place)
    })
}

/// The coordinates of the grid point `i`.
fn point(axes: &[Axis], i: usize) -> Vec<f64> {
    places(axes, i).zip(axes).map(|(place, axis)| axis.at(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Noise, Rule, ScoreModel};
    use super::*;
    use crate::target::Component;

    fn normal(mean: Vec<f64>, scale: f64) -> ScoreModel {
        let one = Component { weight: 1.0, mean, scale: vec![scale] };
        ScoreModel::gaussian_mixture(&[one]).unwrap()
    }

    /// N(m₁, v) N(m₂, v) = e^{−|m₁−m₂|²/4v} (4πv)^{−d/2} N((m₁+m₂)/2, v/2).
    #[test]
    fn a_product_of_normals_is_known() {
        let noise = Noise::variance_preserving(0.1, 20.0);
        for dim in [1, 2] {
            let mean = |first: f64| [first, 0.5][..dim].to_vec();
            let models = vec![normal(mean(-1.0), 0.5), normal(mean(2.0), 0.5)];
            let composition = Composition::new(noise, models, Rule::product());
            let quadrature = composition.quadrature(0.0).unwrap();
            let truth = quadrature.truth();
            let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{dim}: {a} {b}");
            let v = 0.25;
            let normalizer =
                -9.0 / (4.0 * v) - 0.5 * dim as f64 * (2.0 * std::f64::consts::TAU * v).ln();
            near(truth.log_normalizer, normalizer);
            near(truth.mean[0], 0.5);
            near(truth.second_moment[0], 0.25 + v / 2.0);
            if dim == 2 {
                near(truth.second_moment[1], 0.25 + v / 2.0);
            }
            let centres = vec![mean(-0.5), mean(1.5)];
            let masses = quadrature.masses(&Modes::around(centres).unwrap());
            assert!((masses[0] - 0.5).abs() < 0.1 && (masses[0] + masses[1] - 1.0).abs() < 1e-12);
            // Φ(0.5/√0.125) by a table.
            assert!((truth.right_mass - 0.921_350_4).abs() < 1e-5, "{}", truth.right_mass);
            // ∫√(q₁q₂) = e^{−|m₁−m₂|²/8v}.
            near(composition.angle(0.0).unwrap().cos(), (-9.0_f64 / 2.0).exp());
        }
    }

    #[test]
    fn what_leaves_the_grid_is_unknown() {
        let noise = Noise::variance_preserving(0.1, 20.0);
        let models = vec![normal(vec![0.0], 0.5), normal(vec![1.0], 1.0)];
        // 2.5 / 1 − 1.5 / 0.25 < 0: not integrable.
        let guided = Composition::new(noise, models.clone(), Rule::guidance(2.5));
        assert!(guided.quadrature(0.0).is_none());
        assert!(Composition::new(noise, models, Rule::guidance(1.1)).quadrature(0.0).is_some());
        let spatial = vec![normal(vec![0.0; 3], 1.0)];
        assert!(Composition::new(noise, spatial, Rule::annealed(2.0)).quadrature(0.0).is_none());
    }
}
