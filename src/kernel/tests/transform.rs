//! `shaders/transform.wgsl` against its oracle in `f64`.

use super::run_snippet;
use crate::reference::transform::*;
use crate::shaders::Prelude;
use crate::testing;

const COUNT: u32 = 4001;

/// From −80 to 80, with zero: exp(z) overflows no `f32` there.
fn z(i: u32) -> f32 {
    (i as f32 - 2000.0) * 0.04
}

/// What the device makes of `values`, expressions of `z`: a row for each z.
fn run(values: &[&str]) -> Option<Vec<Vec<f32>>> {
    let gpu = testing::gpu()?;
    let words = values.len() as u32;
    let mut body = "let z = bitcast<f32>(inputs[i]);\n".to_string();
    for (k, value) in values.iter().enumerate() {
        body += &format!("outputs[i * {words}u + {k}u] = bitcast<u32>({value});\n");
    }
    let inputs: Vec<u32> = (0..COUNT).map(|i| z(i).to_bits()).collect();
    let files = ["transform"];
    let bits = run_snippet(&gpu, Prelude::default(), &files, &body, COUNT, words, &inputs);
    let row = |row: &[u32]| row.iter().map(|bits| f32::from_bits(*bits)).collect();
    Some(bits.chunks(values.len()).map(row).collect())
}

/// WGSL promises exp to 3 + 2 |z| ulp and the logarithm near 1 to 2⁻²¹.
#[track_caller]
fn check(values: &[&str], oracle: impl Fn(f64) -> Vec<f64>) {
    let Some(rows) = run(values) else { return };
    for (i, row) in rows.iter().enumerate() {
        let z = f64::from(z(i as u32));
        let exact = oracle(z);
        assert_eq!(exact.len(), row.len());
        for ((ours, exact), name) in row.iter().zip(exact).zip(values) {
            let relative = if name.contains("log") || name.contains("softplus") {
                4e-7
            } else {
                (5.0 + 2.0 * z.abs()) * 1.2e-7
            };
            // Below the least normal number a device may flush to zero.
            let absolute = if relative == 4e-7 { 1e-6 } else { 1.2e-38 };
            let bound = relative * exact.abs() + absolute;
            let error = f64::from(*ours) - exact;
            assert!(error.abs() <= bound, "{name} at {z}: {ours} is not {exact}");
        }
    }
}

#[test]
fn values_and_log_jacobians_are_the_oracles() {
    check(
        &[
            "transform_softplus(z)",
            "transform_logistic(z)",
            "transform_log_logistic(z)",
            "transform_positive(z)",
            "transform_positive_log_jacobian(z)",
            "transform_unit(z)",
            "transform_unit_log_jacobian(z)",
            "transform_interval_log_jacobian(z, -2.0, 5.0)",
            "transform_ordered_log_jacobian(z)",
        ],
        |z| {
            vec![
                transform_softplus(z),
                transform_logistic(z),
                transform_log_logistic(z),
                transform_positive(z),
                transform_positive_log_jacobian(z),
                transform_unit(z),
                transform_unit_log_jacobian(z),
                transform_interval_log_jacobian(z, -2.0, 5.0),
                transform_ordered_log_jacobian(z),
            ]
        },
    );
}

/// Both round to the size of what is added.
#[test]
fn sums_round_to_the_size_of_their_terms() {
    let values = ["transform_interval(z, -2.0, 5.0)", "transform_ordered(z, 100.0)"];
    let Some(rows) = run(&values) else { return };
    for (i, row) in rows.iter().enumerate() {
        let z = f64::from(z(i as u32));
        let interval = transform_interval(z, -2.0, 5.0);
        assert!((f64::from(row[0]) - interval).abs() < 2e-6, "{z}: {} {interval}", row[0]);
        assert!((-2.0..=5.0).contains(&row[0]));
        let ordered = transform_ordered(z, 100.0);
        let bound = 1e-5 + (5.0 + 2.0 * z.abs()) * 1.2e-7 * ordered;
        assert!((f64::from(row[1]) - ordered).abs() < bound, "{z}: {} {ordered}", row[1]);
    }
}

/// A step of a stick that is nearly used up, and of one that is whole.
#[test]
fn a_stick_is_broken_as_by_the_oracle() {
    for (rest, remaining) in [(0.0, 1), (-0.5, 3), (-60.0, 4)] {
        let step = format!("transform_simplex_step(z, {rest:?}, {remaining}u)");
        let logs = ["log_value", "log_rest", "log_jacobian"].map(|name| format!("{step}.{name}"));
        check(&logs.each_ref().map(String::as_str), |z| {
            let stick = transform_simplex_step(z, rest, remaining);
            vec![stick.log_value, stick.log_rest, stick.log_jacobian]
        });
        let Some(rows) = run(&[&format!("{step}.value")]) else { return };
        for (i, row) in rows.iter().enumerate() {
            let z = f64::from(z(i as u32));
            let value = transform_simplex_step(z, rest, remaining).value;
            // The logarithm's rounding, which the exponential makes relative.
            let bound = (2.0 + z.abs() + rest.abs()) * 1e-6 * value + 1.2e-38;
            assert!((f64::from(row[0]) - value).abs() <= bound, "{z}: {} {value}", row[0]);
        }
    }
}
