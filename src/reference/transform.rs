//! Twin of `shaders/transform.wgsl`: values under constraints and the logarithms of their
//! derivatives, in `f64`.

/// log(1 + exp(z)).
pub fn transform_softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// 1 / (1 + exp(−z)).
pub fn transform_logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// log of [`transform_logistic`].
pub fn transform_log_logistic(z: f64) -> f64 {
    -transform_softplus(-z)
}

/// Above 0.
pub fn transform_positive(z: f64) -> f64 {
    z.exp()
}

/// log of the derivative of [`transform_positive`].
pub fn transform_positive_log_jacobian(z: f64) -> f64 {
    z
}

/// Between 0 and 1.
pub fn transform_unit(z: f64) -> f64 {
    transform_logistic(z)
}

/// log of the derivative of [`transform_unit`].
pub fn transform_unit_log_jacobian(z: f64) -> f64 {
    -transform_softplus(z) - transform_softplus(-z)
}

/// Between `low` and `high`.
pub fn transform_interval(z: f64, low: f64, high: f64) -> f64 {
    low + (high - low) * transform_logistic(z)
}

/// log of the derivative of [`transform_interval`].
pub fn transform_interval_log_jacobian(z: f64, low: f64, high: f64) -> f64 {
    (high - low).ln() + transform_unit_log_jacobian(z)
}

/// Above `previous`.
pub fn transform_ordered(z: f64, previous: f64) -> f64 {
    previous + z.exp()
}

/// log of the derivative of [`transform_ordered`].
pub fn transform_ordered_log_jacobian(z: f64) -> f64 {
    z
}

/// One part broken from the stick of a simplex.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransformStick {
    /// The part.
    pub value: f64,
    /// Its logarithm.
    pub log_value: f64,
    /// The logarithm of what is left.
    pub log_rest: f64,
    /// What this step adds to the log density.
    pub log_jacobian: f64,
}

/// The whole stick.
pub fn transform_simplex_begin() -> TransformStick {
    TransformStick { value: 0.0, log_value: 0.0, log_rest: 0.0, log_jacobian: 0.0 }
}

/// Breaks a part from a stick of length exp(`log_rest`); `remaining` parts come after it.
pub fn transform_simplex_step(z: f64, log_rest: f64, remaining: u32) -> TransformStick {
    let shifted = z - f64::from(remaining).ln();
    let log_value = log_rest + transform_log_logistic(shifted);
    let log_left = transform_log_logistic(-shifted);
    TransformStick {
        value: log_value.exp(),
        log_value,
        log_rest: log_rest + log_left,
        log_jacobian: log_value + log_left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The central difference of order four.
    fn slope(f: impl Fn(f64) -> f64, z: f64) -> f64 {
        let h = 1e-3;
        (8.0 * (f(z + h) - f(z - h)) - (f(z + 2.0 * h) - f(z - 2.0 * h))) / (12.0 * h)
    }

    fn points() -> impl Iterator<Item = f64> {
        (-40..=40).map(|k| 0.2 * f64::from(k))
    }

    #[track_caller]
    fn close(a: f64, b: f64, z: f64) {
        assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs()), "at {z}: {a} {b}");
    }

    #[test]
    fn log_jacobians_are_the_logarithms_of_slopes() {
        for z in points() {
            let (low, high, before) = (-2.0, 5.0, 1.5);
            close(slope(transform_positive, z).ln(), transform_positive_log_jacobian(z), z);
            close(slope(transform_unit, z).ln(), transform_unit_log_jacobian(z), z);
            let interval = slope(|z| transform_interval(z, low, high), z).ln();
            close(interval, transform_interval_log_jacobian(z, low, high), z);
            let ordered = slope(|z| transform_ordered(z, before), z).ln();
            close(ordered, transform_ordered_log_jacobian(z), z);
            close(slope(transform_softplus, z), transform_logistic(z), z);
            close(slope(transform_log_logistic, z), transform_logistic(-z), z);
        }
    }

    /// The parts of a simplex from its coordinates, and the sum of the log-Jacobians.
    fn simplex(z: &[f64; 3]) -> (Vec<f64>, f64) {
        let (mut stick, mut parts, mut sum) = (transform_simplex_begin(), Vec::new(), 0.0);
        for (z, remaining) in z.iter().zip([3, 2, 1]) {
            stick = transform_simplex_step(*z, stick.log_rest, remaining);
            parts.push(stick.value);
            sum += stick.log_jacobian;
        }
        parts.push(stick.log_rest.exp());
        (parts, sum)
    }

    #[test]
    fn a_simplex_sums_to_one_and_is_uniform_at_zero() {
        for z in [[0.0; 3], [1.0, -2.0, 0.5], [-30.0, 20.0, 3.0]] {
            let (parts, _) = simplex(&z);
            close(parts.iter().sum(), 1.0, z[0]);
            assert!(parts.iter().all(|part| *part > 0.0));
        }
        assert!(simplex(&[0.0; 3]).0.iter().all(|part| (part - 0.25).abs() < 1e-15));
    }

    #[test]
    fn the_log_jacobian_of_a_simplex_is_that_of_its_first_parts() {
        for z in [[0.0; 3], [1.0, -2.0, 0.5], [-3.0, 2.0, 3.0]] {
            // The parts depend on the coordinates up to their own: a triangle, whose determinant
            // is the product of the diagonal.
            let diagonal: f64 = (0..3)
                .map(|k| {
                    let part = |value: f64| {
                        let mut z = z;
                        z[k] = value;
                        simplex(&z).0[k]
                    };
                    slope(part, z[k]).ln()
                })
                .sum();
            close(diagonal, simplex(&z).1, z[0]);
            // A part does not depend on later coordinates.
            let later = |value: f64| simplex(&[z[0], value, z[2]]).0[0];
            assert_eq!(slope(later, z[1]), 0.0);
        }
    }

    #[test]
    fn far_out_everything_stays_finite() {
        for z in [-700.0, 700.0] {
            for value in [
                transform_softplus(z),
                transform_log_logistic(z),
                transform_unit_log_jacobian(z),
                transform_simplex_step(z, -1.0, 4).log_jacobian,
            ] {
                assert!(value.is_finite(), "{z}: {value}");
            }
        }
    }
}
