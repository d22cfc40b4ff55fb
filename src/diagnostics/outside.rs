//! Particles where the target has nothing: outside of a wall that is finite, or on their way still.
//!
//! A flow without a path has no weights that would take them away, and on flat ground beyond a wall no
//! score leads them back.

use super::Warning;

/// The fall below the best particle, in nats, and what each coordinate adds: between places that both
/// have mass a log density differs by the logarithm of their volumes, which this leaves room for.
const FALL: f64 = 50.0;
const FALL_PER_COORDINATE: f64 = 20.0;

/// The share of the weight that is let pass.
const FEW: f64 = 1e-3;

/// What is to be said of particles of these log densities and normalized weights.
pub(super) fn of_outside(values: &[f32], weights: &[f64], dim: usize) -> Option<Warning> {
    let finite = values.iter().filter(|value| value.is_finite());
    let best = f64::from(finite.copied().fold(f32::NEG_INFINITY, f32::max));
    let fall = FALL + FALL_PER_COORDINATE * dim as f64;
    let pairs = values.iter().zip(weights);
    let outside = pairs.filter(|(value, _)| f64::from(**value) < best - fall);
    let share: f64 = outside.map(|(_, weight)| weight).sum();
    if share <= FEW {
        return None;
    }
    let text = format!(
        "{:.1} % of the particles lie where the log density is more than {fall} below that of the best: \
         the target has next to nothing there; they started outside of a wall, or have not arrived",
        100.0 * share
    );
    Some(Warning::doubt("outside", text).with_option("--flow annealed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn of(dim: usize, draw: impl FnMut() -> f64) -> Option<Warning> {
        let mut draw = draw;
        let values: Vec<f32> = (0..4096).map(|_| draw() as f32).collect();
        of_outside(&values, &vec![1.0 / 4096.0; 4096], dim)
    }

    #[test]
    fn a_finite_wall_is_seen_from_outside() {
        for (dim, wall) in [(1, -1e30), (1, -100.0), (5, -1e4), (200, -1e4)] {
            let mut k = 0;
            let found = of(dim, || {
                k += 1;
                if k % 8 == 0 { wall } else { -0.5 * dim as f64 }
            });
            let text = found.expect("one in eight is outside").to_string();
            assert!(text.starts_with("12.5 % of the particles"), "{text}");
        }
    }

    /// Normal, Cauchy, a funnel, a spike of sd 0.02 in a slab of sd 0.5.
    #[test]
    fn laws_of_all_shapes_are_inside() {
        for dim in [1, 2, 10, 100] {
            let mut random = Random::new(dim as u64);
            let normal = of(dim, || (0..dim).map(|_| -0.5 * random.normal().powi(2)).sum());
            let cauchy = of(dim, || {
                let tan = |u: f64| (std::f64::consts::PI * (u - 0.5)).tan();
                (0..dim).map(|_| -tan(random.uniform()).powi(2).ln_1p()).sum()
            });
            let funnel = of(dim, || {
                let first = 3.0 * random.normal();
                let rest = (1..dim).map(|_| -0.5 * (first + random.normal().powi(2)));
                -0.5 * (first / 3.0).powi(2) + rest.sum::<f64>()
            });
            let spike = of(dim, || {
                let sd: f64 = if random.uniform() < 0.5 { 0.02 } else { 0.5 };
                (0..dim).map(|_| -sd.ln() - 0.5 * random.normal().powi(2)).sum()
            });
            assert_eq!([normal, cauchy, funnel, spike], [const { None }; 4], "in {dim}");
        }
    }
}
