//! Slopes by central differences of fourth order, with an estimate of their own error.

/// The slope of `f` at 0, and about how far off it is; none where `f` is not finite nearby.
///
/// Steps shrink by tens from a tenth of `scale`, and of two that follow each other the pair that
/// agrees best is taken. `size` is that of the numbers that `f` computes with, whose rounding it has
/// even where they cancel.
pub(super) fn slope(
    scale: f64,
    size: f64,
    mut f: impl FnMut(f64) -> Option<f64>,
) -> Option<(f64, f64)> {
    let noise = noise(scale, &mut f)?.max(f64::EPSILON * size);
    let mut best: Option<(f64, f64)> = None;
    let mut last: Option<f64> = None;
    let mut h = 0.1 * scale;
    for _ in 0..7 {
        let mut difference = |h: f64| Some((f(h)? - f(-h)?) / (2.0 * h));
        let found =
            difference(h).zip(difference(2.0 * h)).map(|(one, two)| (4.0 * one - two) / 3.0);
        let found = found.filter(|slope| slope.is_finite());
        if let (Some(before), Some(now)) = (last, found) {
            let error = (now - before).abs() + noise / h;
            if best.is_none_or(|(_, least)| error < least) {
                best = Some((now, error));
            }
            if error <= 1e-9 * now.abs() {
                break;
            }
        }
        last = found;
        h *= 0.1;
    }
    best
}

/// What rounding adds to `f`: how far it is from a straight line over a length where it is one.
fn noise(scale: f64, f: &mut impl FnMut(f64) -> Option<f64>) -> Option<f64> {
    let mut values = [0.0; 7];
    for (k, value) in values.iter_mut().enumerate() {
        *value = f((k as f64 - 3.0) * 1e-9 * scale)?;
    }
    let off = |w: &[f64]| (w[0] - 2.0 * w[1] + w[2]).abs();
    let largest = values.iter().fold(0.0_f64, |most, value| value.abs().max(most));
    Some(values.windows(3).map(off).fold(f64::EPSILON * largest, f64::max))
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn slopes_are_exact_on_every_scale() {
        for scale in [1e-4, 1.0, 1e4] {
            let (found, error) = slope(scale, 1.0, |t| Some((0.7 + t / scale).sin())).unwrap();
            let exact = 0.7_f64.cos() / scale;
            assert!((found - exact).abs() < 1e-8 * exact.abs(), "{found} {exact}");
            assert!(error < 1e-5 * exact.abs(), "{error}");
        }
        // A scale that is a thousand times too large.
        let (found, _) = slope(1000.0, 1.0, |t| Some((0.7 + t).sin())).unwrap();
        assert!((found - 0.7_f64.cos()).abs() < 1e-7, "{found}");
    }

    #[test]
    fn what_cancels_shows_in_the_error() {
        let (found, error) =
            slope(1.0, 1e9, |t| Some((1e9 + 3.0 * t * t + 2.0 * t) - 1e9)).unwrap();
        assert!(error < 1e-2 && (found - 2.0).abs() <= error, "{found} {error}");
    }

    #[test]
    fn a_kink_has_the_middle_slope_and_an_edge_none() {
        let (found, _) = slope(1.0, 1.0, |t| Some(t.abs())).unwrap();
        assert_eq!(found, 0.0);
        assert!(slope(1.0, 1.0, |t| (t > 0.0).then_some(t)).is_none());
    }
}
