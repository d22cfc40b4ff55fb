//! Round numbers along an axis.

/// The multiples of 1, 2 or 5 times a power of ten between two bounds, at most `most` of them, and
/// the decimals that tell them apart.
pub(crate) fn ticks(low: f64, high: f64, most: usize) -> (Vec<f64>, usize) {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) || most == 0 {
        return (Vec::new(), 0);
    }
    let least = span / most as f64;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|unit| unit * power);
    let step = step.into_iter().find(|step| *step >= least).unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first) as usize + 1;
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    // Adding zero turns −0 into 0.
    ((0..count).map(|i| (first + i as f64) * step + 0.0).collect(), decimals)
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn ticks_are_round_inside_and_few_enough() {
        assert_eq!(ticks(-1.0, 1.0, 5), (vec![-1.0, -0.5, 0.0, 0.5, 1.0], 1));
        assert_eq!(ticks(0.3, 9.7, 5), (vec![2.0, 4.0, 6.0, 8.0], 0));
        assert_eq!(ticks(-310.0, 120.0, 5), (vec![-300.0, -200.0, -100.0, 0.0, 100.0], 0));
    }

    #[test]
    fn ticks_hold_their_promises_at_every_scale() {
        for exponent in -6..=12 {
            for (low, span) in [(-0.37, 1.0), (0.0, 3.3), (12.34, 7.7), (-8.0, 5.1)] {
                let scale = 10_f64.powi(exponent);
                let (low, high) = (low * scale, (low + span) * scale);
                let (found, decimals) = ticks(low, high, 6);
                assert!((2..=7).contains(&found.len()), "{found:?} between {low} and {high}");
                assert!(found.iter().all(|x| (low..=high).contains(x)), "{found:?}");
                let mut texts: Vec<_> = found.iter().map(|x| format!("{x:.decimals$}")).collect();
                texts.dedup();
                assert_eq!(texts.len(), found.len(), "{texts:?}");
            }
        }
    }

    #[test]
    fn an_axis_without_length_has_no_ticks() {
        assert!(ticks(1.0, 1.0, 5).0.is_empty());
        assert!(ticks(0.0, f64::NAN, 5).0.is_empty());
        assert!(ticks(0.0, f64::INFINITY, 5).0.is_empty());
    }
}
