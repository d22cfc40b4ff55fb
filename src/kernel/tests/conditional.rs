//! The conditional ESS between two tests against `reference::conditional`.

use crate::Resampler;
use crate::buffers;
use crate::kernel::conditional::Conditional;
use crate::layout::{Control, Settings, TraceRow};
use crate::numbers::Numbers;
use crate::reference::conditional::conditional;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, POPULATIONS, log_weights, normals, read, write};

/// Two tests in a row, with gains between them: the first compares with weights of 1.
///
/// Single precision keeps 2^-20 of each exponential, and the sums are merged pair by pair: 2e-5.
#[test]
fn the_conditional_ess_is_the_oracles() {
    let Some(gpu) = testing::gpu() else { return };
    for particles in [1, 255, 2049, 65_537] {
        for (threshold, population) in
            [0.0, 2.0].into_iter().flat_map(|t| POPULATIONS.map(|p| (t, p)))
        {
            let n = particles as usize;
            let start = log_weights(population, n);
            let shape = WeightShape {
                ess_threshold: threshold,
                trace_rows: 4,
                ..WeightShape::alone(particles, Resampler::Systematic, 5).on(&gpu)
            };
            let row = 4 * u64::from(particles);
            let weights = buffers::storage(&gpu.device, "conditional", row);
            let ancestors = buffers::storage(&gpu.device, "conditional", row);
            let resampling = Resampling::without_run(&gpu, &shape, &weights, ancestors).unwrap();
            let numbers = Numbers::alone(&gpu, &Settings::of_weights(&shape)).unwrap();
            let (control, trace) = (&resampling.scratch.control, &resampling.scratch.trace);
            let kernel =
                Conditional::new(&gpu, &numbers, particles, &weights, control, trace).unwrap();
            let test = |contents: &[f32]| {
                write(&gpu, &weights, contents);
                testing::pass(&gpu, |pass| {
                    resampling.encode_test(pass, 1);
                    kernel.encode(pass);
                });
                let rows: Vec<TraceRow> = read(&gpu, trace);
                (rows, read::<Control>(&gpu, control)[0])
            };
            let name = format!("{population}, {particles} particles, threshold {threshold}");
            let near = |found: f32, exact: f64| {
                assert!((f64::from(found) - exact).abs() < 2e-5, "{name}: {found} is not {exact}");
            };
            let (rows, control) = test(&start);
            near(rows[0].cess, conditional(&vec![0.0; n], &start));
            // As `step` finds them: even after a resampling, otherwise shifted.
            let resampled = control.resampled != 0;
            let left = start.iter().map(|lw| if resampled { 0.0 } else { lw - control.shift });
            let left: Vec<f32> = left.collect();
            let gains = normals(7, n);
            let then: Vec<f32> =
                left.iter().zip(&gains).map(|(lw, gain)| lw + 0.7 * *gain as f32).collect();
            let (rows, _) = test(&then);
            near(rows[1].cess, conditional(&left, &then));
        }
    }
}
