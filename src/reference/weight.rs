//! Twin of `shaders/weight.wgsl`: integer weights, the same bits as on the device.

use crate::layout::WEIGHT_BITS;

const LOG2_E: u32 = 3_098_164_009;
/// The polynomial of 1 − 2^−f, highest power first, times 2^32.
const C: [u32; 7] =
    [46_675, 633_214, 5_703_899, 41_299_336, 238_385_872, 1_031_764_709, 2_977_044_461];

fn high(a: u32, b: u32) -> u32 {
    ((u64::from(a) * u64::from(b)) >> 32) as u32
}

/// exp(−below) for 0 ≤ below < 31, as (mantissa, exponent) with the value mantissa ·
/// 2^−(31 + exponent) and a mantissa in [2^30, 2^31].
pub fn weight_exp(below: f32) -> (u32, u32) {
    let scaled = (below * 134_217_728.0).round_ties_even() as u32;
    let y = high(scaled, LOG2_E) + (scaled.wrapping_mul(LOG2_E) >> 31);
    let f = y << 6;
    let p = C[1..].iter().fold(C[0], |p, c| c - high(p, f));
    (0x8000_0000 - ((high(p, f) + 1) >> 1), y >> 26)
}

/// The weight of a particle in units of 2^−27 of the weight of its block's peak.
pub fn weight_of(log_weight: f32, peak: f32) -> u32 {
    let below = peak - log_weight;
    if !log_weight.is_finite() || below >= 20.0 {
        return 0;
    }
    let (mantissa, exponent) = weight_exp(below);
    // mantissa · 2^−(31 + exponent) in units of 2^−27, rounded half up.
    let shift = 31 - WEIGHT_BITS + exponent;
    ((u64::from(mantissa) + (1 << (shift - 1))) >> shift) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// log2(e) with 31 bits and the rounding of the product cost 2^-27 of an octave less one bit
        /// each, the truncations of the polynomial 2^-30.
        #[test]
        fn weight_exp_is_near_exp(below in 0.0_f32..31.0) {
            let (mantissa, exponent) = weight_exp(below);
            prop_assert!((1 << 30..=1 << 31).contains(&mantissa));
            let value = f64::from(mantissa) * 2.0_f64.powi(-31 - exponent as i32);
            let exact = (-f64::from(below)).exp();
            prop_assert!((value / exact - 1.0).abs() < 2.0_f64.powi(-26), "{value} {exact}");
        }

        /// Half a unit of rounding, and the error of `weight_exp` times the weight.
        #[test]
        fn weight_of_is_near_exp(peak in -1e3_f32..1e3, below in 0.0_f32..25.0) {
            let log_weight = peak - below;
            let exact = (f64::from(log_weight) - f64::from(peak)).exp();
            let weight = f64::from(weight_of(log_weight, peak)) / f64::from(1 << WEIGHT_BITS);
            // The difference is rounded once in f32, and exp turns that into a relative error.
            let bound = 2.0_f64.powi(-27) + exact * f64::from(below) * 2.0_f64.powi(-24)
                + exact * 2.0_f64.powi(-25);
            prop_assert!((weight - exact).abs() < bound, "{weight} {exact}");
        }
    }

    /// Errors of one sign would add up over a million resamplings: they are told from those of both
    /// by their mean, over ranges of log-weights that runs have.
    #[test]
    fn weight_exp_errs_to_both_sides() {
        for spread in [1e-3_f32, 1e-2, 0.1, 1.0, 8.0] {
            let count = 200_000;
            let errors = (0..count).map(|k| {
                let below = spread * (k as f32 + 0.37) / count as f32;
                let (mantissa, exponent) = weight_exp(below);
                let value = f64::from(mantissa) * 2.0_f64.powi(-31 - exponent as i32);
                value / (-f64::from(below)).exp() - 1.0
            });
            let mean = errors.sum::<f64>() / f64::from(count);
            assert!(mean.abs() < 2.0_f64.powi(-31), "{mean:e} below {spread}");
        }
    }

    #[test]
    fn weight_of_at_its_ends() {
        assert_eq!(weight_of(3.5, 3.5), 1 << WEIGHT_BITS);
        assert_eq!(weight_of(-20.0, 0.0), 0);
        assert_eq!(weight_of(-18.7, 0.0), 1);
        for lost in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(weight_of(lost, 0.0), 0);
        }
        assert_eq!(weight_of(-f32::MAX, f32::MAX), 0);
    }
}
