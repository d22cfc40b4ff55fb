//! `shaders/long_sum.wgsl` against its twin, and sums over data on the device against the host.

use super::{run_snippet, wide};
use crate::kernel::check::evaluate;
use crate::reference::long_sum::{LongSum, long_sum_add, long_sum_value};
use crate::shaders::Prelude;
use crate::target::Target;
use crate::testing::{self, noise, normals};
use crate::{Data, Flow, Initial, Problem};

/// Bits of any float, small ones, and those around whole numbers: equal to the bit.
#[test]
fn fixed_point_equals_native_integers() {
    let Some(gpu) = testing::gpu() else { return };
    const COUNT: u32 = 300;
    const TERMS: usize = 7;
    let mut inputs = noise(41, COUNT as usize * (TERMS + 2));
    for (i, row) in inputs.chunks_mut(TERMS + 2).enumerate() {
        let scale = [1e-12_f32, 1e-3, 1.0, 300.0, 1e6, 1e9][i % 6];
        for (j, word) in row[..TERMS].iter_mut().enumerate() {
            // Halves and quarters have exact parts; whole numbers have no part below one.
            let part = (*word as i32) as f32 / 2_147_483_648.0;
            let term = match j {
                0 => (part * 64.0).round() / 4.0,
                1 => (part * scale).round(),
                _ => part * scale,
            };
            *word = term.to_bits();
        }
    }
    let body = format!(
        "var sum: LongSum;
         for (var j = 0u; j < {TERMS}u; j++) {{
             long_sum_add(&sum, bitcast<f32>(inputs[{0}u * i + j]));
         }}
         outputs[3u * i] = sum.low;
         outputs[3u * i + 1u] = sum.high;
         outputs[3u * i + 2u] = bitcast<u32>(long_sum_value(&sum, inputs[{0}u * i + {TERMS}u], \
         inputs[{0}u * i + {1}u]));",
        TERMS + 2,
        TERMS + 1
    );
    let ours = run_snippet(&gpu, Prelude::default(), &["long_sum"], &body, COUNT, 3, &inputs);
    for (words, row) in ours.chunks(3).zip(inputs.chunks(TERMS + 2)) {
        let mut sum = LongSum::default();
        row[..TERMS].iter().for_each(|word| long_sum_add(&mut sum, f32::from_bits(*word)));
        let terms: Vec<f32> = row[..TERMS].iter().map(|word| f32::from_bits(*word)).collect();
        assert_eq!(wide(words), sum.fixed, "{terms:?}");
        let value = long_sum_value(&sum, wide(&row[TERMS..]));
        let off = (f64::from(f32::from_bits(words[2])) - f64::from(value)).abs();
        assert!(off <= 1.2e-7 * f64::from(value.abs()).max(1.0), "{terms:?}");
    }
}

/// What no fixed point holds ends as a plain sum would.
#[test]
fn what_is_not_finite_stays_so() {
    let Some(gpu) = testing::gpu() else { return };
    let (minus, plus) = (f32::NEG_INFINITY, f32::INFINITY);
    let cases = [[1.0, minus, 2.0], [plus, 0.5, 0.0], [3e9, -1.0, -3e9], [-1e30, 5.0, 0.0]];
    let inputs: Vec<u32> = cases.iter().flatten().map(|term: &f32| term.to_bits()).collect();
    let body = "var sum: LongSum;
        for (var j = 0u; j < 3u; j++) { long_sum_add(&sum, bitcast<f32>(inputs[3u * i + j])); }
        outputs[i] = bitcast<u32>(long_sum_value(&sum, 0u, 0u));";
    let found = run_snippet(&gpu, Prelude::default(), &["long_sum"], body, 4, 1, &inputs);
    let found: Vec<f32> = found.into_iter().map(f32::from_bits).collect();
    assert_eq!(found, [minus, plus, -1.0, -1e30]);
}

/// n observations y ~ N(0.7, 1).
fn observations(n: usize) -> Data {
    let values: Vec<f32> = normals(n as u32, n).into_iter().map(|y| (y + 0.7) as f32).collect();
    Data::new(n, 1, values).unwrap()
}

/// The most by which differences of log densities on the device and of `exact` are apart, at some
/// positions as far from each other as those of the posterior.
fn most_apart(
    gpu: &crate::Gpu,
    target: Target,
    n: usize,
    exact: impl Fn(f64) -> f64,
) -> (f64, f64) {
    let width = 1.0 / (n as f64).sqrt();
    let start = Initial::normal(&[0.7], &[(3.0 * width) as f32]).unwrap();
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    let shifts = [-2.5, -1.6, -0.4, 0.0, 0.9, 1.7, 2.5];
    let points: Vec<f32> = shifts.iter().map(|shift| (0.7 + shift * width) as f32).collect();
    let found = evaluate(gpu, &problem, &points).unwrap();
    let values: Vec<f64> = found.chunks(2).map(|row| f64::from(row[0])).collect();
    let truths: Vec<f64> = points.iter().map(|x| exact(f64::from(*x))).collect();
    let apart = |k: usize| ((values[k] - values[3]) - (truths[k] - truths[3])).abs();
    let whole = (values[3] + problem.log_offset() - truths[3]).abs();
    ((0..values.len()).map(apart).fold(0.0, f64::max), whole)
}

fn formula(data: &Data, offset: f64) -> Target {
    let text = format!("-x0^2/2 - 0.9189385 + sum(n in data.y, -(data.y[n]-x0)^2/2 - {offset})");
    Target::from_formula(1, &text).unwrap().with_data("y", data).unwrap()
}

fn written(data: &Data, offset: f64) -> Target {
    let text = format!(
        "@group(1) @binding(0) var<storage, read> y: array<f32>;
        override y_rows: u32;
        fn log_density(x: Point) -> f32 {{
            var sum = -0.5 * x[0] * x[0] - 0.9189385;
            for (var n = 0u; n < y_rows; n++) {{
                let off = y[n] - x[0];
                sum -= 0.5 * off * off + {offset:?};
            }}
            return sum;
        }}"
    );
    Target::from_wgsl(1, "mean.wgsl", text).unwrap().with_data("y", data).unwrap()
}

/// Sums of a thousand to a million terms lose less than a hundredth, whatever is added to each.
#[test]
fn sums_over_data_lose_little() {
    let Some(gpu) = testing::gpu() else { return };
    for n in [1_000, 10_000, 100_000, 1_000_000] {
        let data = observations(n);
        for offset in [0.0, 10.0, 100.0] {
            // The text of a formula and one by hand become nearly the same.
            let both: &[fn(&Data, f64) -> Target] = match (n, offset) {
                (1_000_000, 10.0) => &[formula],
                (1_000_000, 0.0) => continue,
                _ => &[formula, written],
            };
            for target in both {
                let exact = |x: f64| {
                    let terms = data.values().iter().map(|y| {
                        let off = f64::from(*y) - x;
                        -0.5 * off * off - offset
                    });
                    -0.5 * x * x - 0.9189385 + terms.sum::<f64>()
                };
                let (apart, whole) = most_apart(&gpu, target(&data, offset), n, exact);
                println!("n {n}, offset {offset}: {apart:.1e} apart, {whole:.1e} in all");
                assert!(apart < 0.01, "n {n}, offset {offset}: {apart}");
                assert!(whole < 0.02, "n {n}, offset {offset}: {whole} in all");
            }
        }
    }
}
