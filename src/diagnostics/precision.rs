//! What single precision loses of the log density at the particles, in nats.

use crate::autodiff::Evaluator;

/// Particles that the host evaluates, and the fewest.
const POINTS: usize = 64;
const FEWEST: usize = 4;
/// Operations that the host spends on them.
const BUDGET: u64 = 3_000_000;
/// A loss that weights can feel, in nats.
pub(super) const LOSS: f64 = 0.1;
/// Rounding of one step, relative to the log density: its bound, and what is typical of that.
const ROUNDING: f64 = 1.0 / (1 << 22) as f64;
const TYPICAL: f64 = 1.0 / 7.0;

/// Single precision on the device against double precision on the host, at some of the particles.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PrecisionLoss {
    /// Particles compared.
    pub points: usize,
    /// Root mean square difference of the log densities, in nats, their common offset taken off.
    pub rms: f64,
    /// The largest of these differences.
    pub largest: f64,
    /// The common offset: how far off log Z is by it.
    pub offset: f64,
    /// The mean of the log densities.
    pub level: f64,
    /// The largest number on the way to one of them.
    pub intermediate: f64,
    /// A bound of what rounding in the steps adds, in nats.
    pub steps: f64,
}

impl PrecisionLoss {
    /// Compares at particles drawn evenly by their weights; `values` are the device's log densities,
    /// and `steps` those of the run that round anew. Nothing where the host finds no two numbers.
    pub(super) fn at(
        host: &Evaluator,
        (dim, positions): (usize, &[f32]),
        values: &[f32],
        weights: &[f64],
        steps: u32,
    ) -> Option<PrecisionLoss> {
        let (mut found, mut intermediate, mut spent) = (Vec::new(), 0.0_f64, 0);
        for i in drawn(weights, POINTS) {
            if found.len() >= FEWEST && spent > BUDGET {
                break;
            }
            let x: Vec<f64> =
                positions[i * dim..(i + 1) * dim].iter().map(|x| f64::from(*x)).collect();
            let Ok(exact) = host.evaluate(&x, &[]) else { continue };
            spent += exact.operations;
            let value = f64::from(values[i]);
            if exact.value.is_finite() && value.is_finite() {
                intermediate = intermediate.max(exact.largest);
                found.push((value - exact.value, exact.value));
            }
        }
        if found.len() < 2 {
            return None;
        }
        let n = found.len() as f64;
        let offset = found.iter().map(|(off, _)| off).sum::<f64>() / n;
        let level = found.iter().map(|(_, value)| value).sum::<f64>() / n;
        let square = found.iter().map(|(off, _)| (off - offset).powi(2)).sum::<f64>();
        let largest = found.iter().map(|(off, _)| (off - offset).abs()).fold(0.0, f64::max);
        let steps = ROUNDING * level.abs() * f64::from(steps.max(1)).sqrt();
        let rms = (square / (n - 1.0)).sqrt();
        Some(PrecisionLoss {
            points: found.len(),
            rms,
            largest,
            offset,
            level,
            intermediate,
            steps,
        })
    }

    /// The loss that is measured: between particles, or where `has_log_z` of their common level.
    pub fn loss(&self, has_log_z: bool) -> f64 {
        if has_log_z { self.rms.max(self.offset.abs()) } else { self.rms }
    }

    /// What rounding in the steps typically adds.
    pub(super) fn typical_of_steps(&self) -> f64 {
        TYPICAL * self.steps
    }

    /// Whether the numbers themselves are too large, and not what is added up on the way.
    pub(super) fn is_by_level(&self) -> bool {
        self.intermediate < 4.0 * self.level.abs()
    }
}

/// So many particles at even steps of the weight, each once.
pub(super) fn drawn(weights: &[f64], count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::with_capacity(count);
    let (mut sum, mut next) = (0.0, 0.5);
    for (i, weight) in weights.iter().enumerate() {
        sum += weight * count as f64;
        if sum > next {
            all.push(i);
            next = (sum - 0.5).floor() + 1.5;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_are_drawn_by_weight_and_once() {
        assert_eq!(drawn(&[0.25; 4], 4), [0, 1, 2, 3]);
        assert_eq!(drawn(&[0.1; 10], 2), [2, 7]);
        assert_eq!(drawn(&[0.0, 0.9, 0.1], 8), [1, 2]);
        assert_eq!(drawn(&[0.0; 3], 4), [0; 0]);
    }

    fn host(text: &str) -> Evaluator {
        crate::Target::from_wgsl(1, "mine.wgsl", text).unwrap().evaluator().unwrap()
    }

    /// The device's number is the f32 nearest to −10⁷ − x²/2, of which every one is whole.
    #[test]
    fn a_large_constant_loses_what_lies_between_two_numbers() {
        let host = host("fn log_density(x: Point) -> f32 { return -1e7 - 0.5 * x[0] * x[0]; }");
        let positions: Vec<f32> = (0..200).map(|i| 0.02 * i as f32).collect();
        let values: Vec<f32> = positions.iter().map(|x| -1e7 - 0.5 * x * x).collect();
        let loss = PrecisionLoss::at(&host, (1, &positions), &values, &[0.005; 200], 100).unwrap();
        // Rounding to whole numbers: 1/√12.
        assert!((loss.rms - 0.29).abs() < 0.06 && loss.is_by_level(), "{loss:?}");
        assert!((loss.steps - 23.8).abs() < 0.1 && loss.loss(true) > LOSS, "{loss:?}");
    }

    #[test]
    fn what_single_precision_holds_is_no_loss() {
        let host = host("fn log_density(x: Point) -> f32 { return -0.5 * x[0] * x[0]; }");
        let positions: Vec<f32> = (0..200).map(|i| 0.02 * i as f32).collect();
        let values: Vec<f32> = positions.iter().map(|x| -0.5 * x * x).collect();
        let loss = PrecisionLoss::at(&host, (1, &positions), &values, &[0.005; 200], 400).unwrap();
        assert!(loss.loss(true) < 1e-6 && loss.steps < 1e-4, "{loss:?}");
        // A common offset is an error of log Z, and of nothing else.
        let values: Vec<f32> = values.iter().map(|value| value + 2.0).collect();
        let loss = PrecisionLoss::at(&host, (1, &positions), &values, &[0.005; 200], 1).unwrap();
        assert!((loss.loss(true) - 2.0).abs() < 1e-6 && loss.loss(false) < 1e-6, "{loss:?}");
    }
}
