//! reduce, decide, scan, expand, residual and draw against `reference::resampling`, bit for bit.

use crate::config::Resampler;
use crate::gpu::Gpu;
use crate::layout::{Block, Control, Dispatches, Settings, TraceRow, headroom, log_normalizer};
use crate::numbers::Numbers;
use crate::reference::resampling::Event;
use crate::reference::{decide, population, threefry};
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, poison, read, write};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const STEP: u32 = 5;
const TRACE_ROWS: u32 = 4;

/// Sizes at the borders of workgroups and blocks.
const SIZES: [u32; 11] = [1, 2, 255, 256, 257, 1000, 2047, 2048, 2049, 65_537, 1 << 20];

/// A resampling and its buffers.
struct Harness {
    gpu: Gpu,
    shape: WeightShape,
    log_weights: wgpu::Buffer,
    resampling: Resampling,
}

/// What the device leaves behind.
struct Outcome {
    control: Control,
    row: TraceRow,
    blocks: Vec<Block>,
    offsets: Vec<u32>,
    fractions: Vec<u32>,
    copies_through: Vec<u32>,
    ancestors: Vec<u32>,
}

impl Harness {
    /// `threshold` 2 resamples whatever the weights.
    fn new(gpu: &Gpu, particles: u32, resampler: Resampler, threshold: f32) -> Harness {
        Harness::with(gpu, particles, resampler, threshold, !gpu.is_software())
    }

    /// The same by the text of a GPU, where `tiled`, or else by that of a software driver.
    fn with(
        gpu: &Gpu,
        particles: u32,
        resampler: Resampler,
        threshold: f32,
        tiled: bool,
    ) -> Harness {
        let shape = WeightShape {
            ess_threshold: threshold,
            trace_rows: TRACE_ROWS,
            tiled,
            ..WeightShape::alone(particles, resampler, SEED).on(gpu)
        };
        let row = |name| crate::buffers::storage(&gpu.device, name, 4 * u64::from(particles));
        let (log_weights, ancestors) = (row("log_weights"), row("ancestors"));
        let resampling = Resampling::without_run(gpu, &shape, &log_weights, ancestors).unwrap();
        let resampling = resampling.with_tick(&shape).unwrap();
        Harness { gpu: gpu.clone(), shape, log_weights, resampling }
    }

    /// Runs the `event`-th test over noise.
    fn run(&self, log_weights: &[f32], event: u32) -> Outcome {
        let (gpu, scratch) = (&self.gpu, &self.resampling.scratch);
        let ancestors = self.resampling.ancestors();
        let scrap = [
            &scratch.blocks,
            &scratch.trace,
            &scratch.offsets,
            &scratch.fractions,
            &scratch.copies_through,
        ];
        for (i, buffer) in scrap.into_iter().enumerate() {
            poison(gpu, buffer, i as u32);
        }
        // Ancestors of an earlier resampling: any, but without the mark.
        write(gpu, ancestors, &old_ancestors(log_weights.len()));
        write(gpu, &self.log_weights, log_weights);
        let control = Control { tests: event, step_end: STEP, ..Control::default() };
        write(gpu, &scratch.control, &[control]);
        testing::pass(gpu, |pass| self.resampling.encode_test(pass, 3));
        Outcome {
            control: read(gpu, &scratch.control)[0],
            row: read(gpu, &scratch.trace)[0],
            blocks: read(gpu, &scratch.blocks),
            offsets: read(gpu, &scratch.offsets),
            fractions: read(gpu, &scratch.fractions),
            copies_through: read(gpu, &scratch.copies_through),
            ancestors: read(gpu, ancestors),
        }
    }

    /// Runs the test and compares everything with the oracle.
    fn check(&self, name: &str, log_weights: &[f32], event: u32) {
        let shape = &self.shape;
        let name = format!("{} of {} {name}", shape.resampler, shape.particles);
        let ours = self.run(log_weights, event);
        assert_eq!((ours.control.step_begin, ours.control.step_end), (STEP, STEP + 3), "{name}");
        assert_eq!((ours.control.tests, ours.control.trace_rows), (event + 1, 1), "{name}");
        check_statistics(&name, log_weights, &ours);
        let Some(oracle) = Event::new(log_weights, shape.resampler, SEED, event) else {
            check_failure(&name, &ours);
            return;
        };
        assert_eq!((ours.control.failed, ours.control.resampled), (0, 1), "{name}");
        let dead = log_weights.iter().filter(|lw| **lw == f32::NEG_INFINITY).count() as u32;
        assert_eq!((ours.control.dead, ours.control.tested), ([dead, 0], 1), "{name}");
        check_blocks(&name, shape, &ours, &oracle);
        if shape.resampler == Resampler::Systematic {
            assert_eq!(ours.control.uniform, oracle.uniform, "{name}");
        }
        let halves = |shift: u32| oracle.places.iter().map(|p| (p >> shift) as u32).collect();
        if shape.resampler.is_ordered() {
            // Offsets are not kept; ancestors in order say them again.
            let mut offsets = vec![0; log_weights.len()];
            ours.ancestors.iter().for_each(|a| offsets[*a as usize] += 1);
            let mut sum = 0;
            offsets.iter_mut().for_each(|count| {
                sum += *count;
                *count = sum;
            });
            same(&name, "offsets", &offsets, &oracle.offsets);
        } else {
            let (fractions, wholes): (Vec<u32>, Vec<u32>) = (halves(0), halves(32));
            same(&name, "offsets", &ours.offsets, &wholes);
            same(&name, "fractions", &ours.fractions, &fractions);
        }
        if shape.resampler == Resampler::Residual {
            same(&name, "copies", &ours.copies_through, &oracle.copies_through);
            assert_eq!(Some(&ours.control.copies), oracle.copies_through.last(), "{name}");
        }
        same(&name, "ancestors", &ours.ancestors, &oracle.ancestors);
        check_law(&name, shape, log_weights, &ours, &oracle);
    }
}

fn old_ancestors(count: usize) -> Vec<u32> {
    testing::noise(5, count).into_iter().map(|word| word >> 1).collect()
}

fn same(name: &str, what: &str, ours: &[u32], oracle: &[u32]) {
    assert_eq!(ours.len(), oracle.len(), "{name}: {what}");
    let wrong = ours.iter().zip(oracle).filter(|(a, b)| a != b).count();
    let first = ours.iter().zip(oracle).position(|(a, b)| a != b);
    let shown = first.map(|i| (i, ours[i], oracle[i]));
    assert!(wrong == 0, "{name}: {wrong} {what} differ, first (index, device, oracle) {shown:?}");
}

fn wide(words: [u32; 2]) -> u64 {
    u64::from(words[1]) << 32 | u64::from(words[0])
}

fn check_blocks(name: &str, shape: &WeightShape, ours: &Outcome, oracle: &Event) {
    assert_eq!(ours.row.non_finite, oracle.population.non_finite, "{name}");
    for (i, (a, b)) in ours.blocks.iter().zip(&oracle.blocks).enumerate() {
        let name = format!("{name}: block {i}");
        assert_eq!(
            (wide(a.total), a.squares, wide(a.before)),
            (b.total, b.squares, b.before),
            "{name}"
        );
        let counts = (a.non_finite, a.fresh, a.dead);
        assert_eq!((a.peak, counts), (b.peak, (b.non_finite, b.fresh, b.dead)), "{name}");
        if shape.resampler == Resampler::Residual {
            assert_eq!(a.copies, b.copies, "{name}");
        }
    }
    let whole = ours.blocks[oracle.blocks.len()];
    assert_eq!(wide(whole.before), oracle.population.total, "{name}");
}

/// ESS, largest weight and log-normaliser against `f64`.
fn check_statistics(name: &str, log_weights: &[f32], ours: &Outcome) {
    if ours.row.failed != 0 {
        return;
    }
    let near = |what: &str, value: f64, exact: f64, bound: f64| {
        assert!((value - exact).abs() <= bound, "{name}: {what} {value} is not {exact}");
    };
    // The rounding of the squares of a block, at worst 2^-17 of its peak's, which is the least they sum
    // to, and the error of the weights.
    let ess = population::ess(log_weights);
    near("ESS", f64::from(ours.row.ess), ess, 1.0e-5 * ess);
    let max_weight = population::weights(log_weights).into_iter().fold(0.0, f64::max);
    let rounding = rounding_of_total(log_weights);
    near("weight", f64::from(ours.row.max_weight), max_weight, (rounding + 1e-6) * max_weight);
    let log_mean = log_normalizer(ours.row.nats, ours.row.log2);
    near("log Z", log_mean, population::log_mean_weight(log_weights), rounding + 2e-9);
}

/// The largest relative error of the total that rounding the weights to 27 bits can make.
///
/// A weight errs by half a unit of its block's peak and 2^-26 of itself, by a rounding of the
/// difference of logs, and by less than a unit where it is cut at 20 nats.
fn rounding_of_total(log_weights: &[f32]) -> f64 {
    let log_total = population::log_mean_weight(log_weights) + (log_weights.len() as f64).ln();
    let peaks = log_weights.chunks(2048).map(|block| {
        let finite = block.iter().copied().filter(|lw| lw.is_finite());
        let peak = f64::from(finite.clone().fold(f32::NEG_INFINITY, f32::max));
        finite.count() as f64 * (peak - log_total).exp()
    });
    let units: f64 = peaks.filter(|peak| peak.is_finite()).sum();
    units * 2.0_f64.powi(-28) * 1.3 + 2.0_f64.powi(-26)
}

/// What every resampler owes, whatever its random numbers.
fn check_law(name: &str, shape: &WeightShape, log_weights: &[f32], ours: &Outcome, oracle: &Event) {
    let n = f64::from(shape.particles);
    let mut counts = vec![0_u32; log_weights.len()];
    ours.ancestors.iter().for_each(|a| counts[*a as usize] += 1);
    let weights = population::weights(log_weights);
    let total = rounding_of_total(log_weights);
    for (i, (count, weight)) in counts.iter().zip(&weights).enumerate() {
        assert!(*count == 0 || *weight > 0.0, "{name}: {i} has weight zero and {count} offspring");
        // The weight's own rounding, that of the total, and 2^-31 of the block's offspring.
        let (block, part) = (&oracle.blocks[i / 2048], &oracle.parts[i / 2048]);
        let width = (part.end - part.base) as f64 / 2.0_f64.powi(32);
        let unit = n * weight * (f64::from(block.peak) - f64::from(log_weights[i])).exp();
        let unit = if *weight > 0.0 { unit } else { 0.0 };
        let bound = unit * 2.0_f64.powi(-27)
            + n * weight * (total + 2.0_f64.powi(-24))
            + width * 2.0_f64.powi(-31)
            + 1e-9;
        let expected = n * weight;
        match shape.resampler {
            Resampler::Systematic => assert!(
                (f64::from(*count) - expected).abs() < 1.0 + bound,
                "{name}: {i} has {count} offspring for {expected}"
            ),
            Resampler::Residual => assert!(
                f64::from(*count) >= (expected - bound).floor(),
                "{name}: {i} has {count} offspring for {expected}"
            ),
            _ => {}
        }
    }
}

/// No weight is positive: nothing is resampled, and the run is marked.
fn check_failure(name: &str, ours: &Outcome) {
    assert_eq!((ours.control.failed, ours.row.failed), (STEP + 1, 1), "{name}");
    assert_eq!((ours.control.resampled, ours.control.resamplings), (0, 0), "{name}");
    assert_eq!((ours.control.nats, ours.control.log2), ([0; 2], [0; 2]), "{name}");
    assert_eq!(ours.ancestors, old_ancestors(ours.ancestors.len()), "{name}");
}

fn every_size(resampler: Resampler) {
    let Some(gpu) = testing::gpu() else { return };
    for (particles, tiled) in SIZES.into_iter().flat_map(|n| [(n, false), (n, true)]) {
        let harness = Harness::with(&gpu, particles, resampler, 2.0, tiled);
        // The steep and broken populations suffice where each takes a second.
        let populations = &testing::POPULATIONS[if particles > 100_000 { 4 } else { 0 }..];
        for (event, name) in populations.iter().enumerate() {
            harness.check(name, &testing::log_weights(name, particles as usize), event as u32);
        }
    }
}

#[test]
fn systematic_equals_the_oracle() {
    every_size(Resampler::Systematic);
}

#[test]
fn stratified_equals_the_oracle() {
    every_size(Resampler::Stratified);
}

#[test]
fn multinomial_equals_the_oracle() {
    every_size(Resampler::Multinomial);
}

#[test]
fn residual_equals_the_oracle() {
    every_size(Resampler::Residual);
}

/// More workgroups than one dimension of a dispatch holds.
#[test]
fn sixteen_million_equal_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let particles = 1 << 24;
    assert!(crate::layout::fold(particles / 256)[1] > 1);
    let log_weights = testing::log_weights("normal", particles as usize);
    for (resampler, tiled) in [(Resampler::Systematic, false), (Resampler::Stratified, true)] {
        Harness::with(&gpu, particles, resampler, 2.0, tiled).check("normal", &log_weights, 9);
    }
}

/// Blocks with any number of offspring, none, about as many as a tile holds and all of them among them:
/// spread, or those of few particles.
#[test]
fn tiles_of_every_width_equal_the_oracle() {
    use crate::layout::{BLOCK, TILE};
    let Some(gpu) = testing::gpu() else { return };
    let particles = 23 * BLOCK + 1000;
    let tile = TILE as f32 / BLOCK as f32;
    let widths =
        [0.0, 1e-4, 0.5, 0.999, 1.0, 1.001, tile * 0.999, tile * 0.9999, tile, tile * 1.0001];
    let wide = [tile * 1.001, 1.9, 2.0, 2.1, 3.5, 0.0];
    let mut widths = [&widths[..], &wide].concat();
    // The last block takes what is left, so that widths are in units of blocks.
    widths.resize(particles.div_ceil(BLOCK) as usize - 1, 0.0);
    let rest = particles as f32 / BLOCK as f32 - widths.iter().sum::<f32>();
    widths.push(rest);
    assert!(rest > 1.0, "{rest}");
    for (event, few) in [1, 3, 40, 2048].into_iter().enumerate() {
        let in_block =
            |i: usize| 1 + (particles as usize - i).min(BLOCK as usize - 1) / (2048 / few);
        let log_weights: Vec<f32> = (0..particles as usize)
            .map(|i| match i % BLOCK as usize {
                k if k % (2048 / few) == 0 => {
                    let first = i - k;
                    (widths[i / BLOCK as usize] / in_block(first) as f32).ln()
                }
                _ => f32::NEG_INFINITY,
            })
            .collect();
        for resampler in [Resampler::Systematic, Resampler::Stratified] {
            for tiled in [true, false] {
                let harness = Harness::with(&gpu, particles, resampler, 2.0, tiled);
                harness.check(&format!("{few} parents a block"), &log_weights, event as u32);
            }
        }
    }
}

/// `draw` comes in more than one row just above 65535 workgroups of its lanes, and its dispatch is
/// indirect.
#[test]
fn searched_ancestors_equal_the_oracle_beyond_one_row_of_workgroups() {
    let Some(gpu) = testing::gpu() else { return };
    let particles = 65_535 * crate::layout::LANES + 77;
    assert!(crate::layout::fold(particles.div_ceil(crate::layout::LANES))[1] > 1);
    let log_weights = testing::log_weights("normal", particles as usize);
    Harness::new(&gpu, particles, Resampler::Multinomial, 2.0).check("normal", &log_weights, 9);
}

#[test]
fn all_weights_zero_is_a_failure() {
    let Some(gpu) = testing::gpu() else { return };
    for resampler in Resampler::ALL {
        let harness = Harness::new(&gpu, 3000, resampler, 2.0);
        harness.check("zeros", &vec![f32::NEG_INFINITY; 3000], 0);
        harness.check("not numbers", &vec![f32::NAN; 3000], 1);
    }
}

/// Equal weights have ESS = N, every particle one copy, and leave log Z exactly as it was.
#[test]
fn equal_weights_change_nothing() {
    let Some(gpu) = testing::gpu() else { return };
    for particles in [1, 3, 1000, 65_537] {
        let harness = Harness::new(&gpu, particles, Resampler::Systematic, 2.0);
        let ours = harness.run(&vec![0.0; particles as usize], 0);
        assert_eq!(ours.row.ess, particles as f32);
        assert_eq!(log_normalizer(ours.row.nats, ours.row.log2), 0.0);
        assert_eq!(ours.control.nats, [0; 2]);
        assert_eq!(ours.control.log2, [0; 2]);
        assert!(ours.ancestors.iter().copied().eq(0..particles));
    }
}

/// Above the threshold nothing is resampled; the peak moves from the log-weights to log Z.
#[test]
fn an_even_population_is_left_alone() {
    let Some(gpu) = testing::gpu() else { return };
    let harness = Harness::new(&gpu, 3000, Resampler::Systematic, 0.3);
    let log_weights = testing::log_weights("normal", 3000);
    let ours = harness.run(&log_weights, 0);
    assert_eq!((ours.control.resampled, ours.control.resamplings, ours.row.resampled), (0, 0, 0));
    assert_eq!(ours.ancestors, old_ancestors(3000));
    let peak = log_weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shift = ours.control.shift;
    assert!((shift - peak).abs() <= 2.0_f32.powi(-20));
    assert_eq!(log_normalizer(ours.control.nats, ours.control.log2), f64::from(shift));
    check_statistics("even", &log_weights, &ours);
    // A lower ESS crosses the same threshold.
    let steep = testing::log_weights("wide normal", 3000);
    assert_eq!(harness.run(&steep, 0).control.resampled, 1);
}

#[test]
fn tick_and_report_change_only_what_they_say() {
    let Some(gpu) = testing::gpu() else { return };
    let harness = Harness::new(&gpu, 3000, Resampler::Systematic, 2.0);
    let log_weights = testing::log_weights("normal", 3000);
    let before = harness.run(&log_weights, 6).control;
    assert_eq!(before.resampled, 1);
    let scratch = &harness.resampling.scratch;
    testing::pass(&gpu, |pass| harness.resampling.encode_report(pass));
    assert_eq!(read::<Control>(&gpu, &scratch.control)[0], before);
    let rows: Vec<TraceRow> = read(&gpu, &scratch.trace);
    let report = rows[TRACE_ROWS as usize];
    assert_eq!((report.step, report.resampled), (STEP + 3, 0));
    assert_eq!(report.ess, rows[0].ess);
    testing::pass(&gpu, |pass| harness.resampling.encode_tick(pass, 2));
    let (step_begin, step_end) = (STEP + 3, STEP + 5);
    let after = Control { step_begin, step_end, resampled: 0, shift: 0.0, tested: 0, ..before };
    assert_eq!(read::<Control>(&gpu, &scratch.control)[0], after);
}

/// The trace is a ring, and log Z adds up over its tests.
#[test]
fn log_normaliser_adds_up_over_resamplings() {
    let Some(gpu) = testing::gpu() else { return };
    let harness = Harness::new(&gpu, 3000, Resampler::Systematic, 2.0);
    let log_weights = testing::log_weights("normal", 3000);
    let first = harness.run(&log_weights, 0);
    for _ in 0..6 {
        testing::pass(&gpu, |pass| harness.resampling.encode_test(pass, 1));
    }
    let control: Control = read(&gpu, &harness.resampling.scratch.control)[0];
    assert_eq!((control.tests, control.resamplings, control.trace_rows), (7, 7, 7));
    let rows: Vec<TraceRow> = read(&gpu, &harness.resampling.scratch.trace);
    let steps: Vec<u32> = rows[..TRACE_ROWS as usize].iter().map(|row| row.step).collect();
    assert_eq!(steps, [STEP + 6, STEP + 7, STEP + 8, STEP + 5]);
    assert_eq!(wide(control.nats), wide(first.control.nats).wrapping_mul(7));
    assert_eq!(wide(control.log2), wide(first.control.log2).wrapping_mul(7));
}

/// Offspring have the mean N W: over many events within 4.5 standard errors of their own spread.
#[test]
fn expected_offspring_are_proportional_to_weight() {
    let Some(gpu) = testing::gpu() else { return };
    const N: usize = 24;
    const EVENTS: u32 = 600;
    let log_weights: Vec<f32> = testing::normals(8, N).iter().map(|z| *z as f32).collect();
    let weights = population::weights(&log_weights);
    for resampler in Resampler::ALL {
        let harness = Harness::new(&gpu, N as u32, resampler, 2.0);
        write(&gpu, &harness.log_weights, &log_weights);
        let (mut sums, mut squares) = ([0.0; N], [0.0; N]);
        for _ in 0..EVENTS {
            testing::pass(&gpu, |pass| harness.resampling.encode_test(pass, 0));
            let mut counts = [0.0; N];
            let ancestors: Vec<u32> = read(&gpu, harness.resampling.ancestors());
            ancestors.iter().for_each(|a| counts[*a as usize] += 1.0);
            for i in 0..N {
                sums[i] += counts[i];
                squares[i] += counts[i] * counts[i];
            }
        }
        let events = f64::from(EVENTS);
        for i in 0..N {
            let (mean, expected) = (sums[i] / events, N as f64 * weights[i]);
            let spread = ((squares[i] / events - mean * mean) / events).sqrt();
            // A count that never changed within the events has no measured spread.
            let bound = 4.5 * spread.max(0.1 / events.sqrt());
            assert!((mean - expected).abs() < bound, "{resampler} {i}: {mean} is not {expected}");
        }
    }
}

/// `decide` at the largest population, over blocks of its own: no row of particles is allocated.
#[test]
fn decide_holds_at_the_largest_population() {
    use crate::kernel::decide::{Decide, DecideBuffers};
    use crate::reference::reduce;
    let Some(gpu) = testing::gpu() else { return };
    let particles = crate::layout::MAX_PARTICLES;
    let words = testing::noise(11, 4 * 65_536);
    let blocks: Vec<Block> = words
        .chunks(4)
        .map(|w| Block {
            // From the peak alone to a block of equals, over 12 nats.
            total: [w[0] | 1 << 27, w[1] % 64],
            peak: -12.0 * (w[2] as f32 / u32::MAX as f32),
            squares: 1 << 20,
            ..Block::default()
        })
        .collect();
    let mut oracle: Vec<reduce::Block> = blocks
        .iter()
        .map(|b| reduce::Block {
            total: wide(b.total),
            before: 0,
            peak: b.peak,
            squares: b.squares,
            non_finite: 0,
            fresh: 0,
            dead: b.dead,
            copies: 0,
        })
        .collect();
    let whole = population::population_reduce(&oracle, particles);
    assert!(whole.total <= 1 << 62 && headroom(particles) == 8);
    decide::decide(&mut oracle, &whole, particles);

    let shape = WeightShape::alone(particles, Resampler::Systematic, SEED).on(&gpu);
    let storage = |size: usize| crate::buffers::storage(&gpu.device, "decide", size as u64);
    let buffers = DecideBuffers {
        blocks: &storage((blocks.len() + 1) * size_of::<Block>()),
        control: &storage(size_of::<Control>()),
        trace: &storage(2 * size_of::<TraceRow>()),
        dispatches: &storage(size_of::<Dispatches>()),
        overflow: &storage(16),
    };
    write(&gpu, buffers.blocks, &blocks);
    let numbers = Numbers::alone(&gpu, &Settings::of_weights(&shape)).unwrap();
    let decide = Decide::new(&gpu, &numbers, &shape, &buffers).unwrap();
    testing::pass(&gpu, |pass| decide.encode(pass, 0));
    let ours: Vec<Block> = read(&gpu, buffers.blocks);
    for (i, (a, b)) in ours.iter().zip(&oracle).enumerate() {
        assert_eq!(wide(a.before), b.before, "block {i}");
    }
    assert_eq!(wide(ours[65_536].before), whole.total);
    let uniform = threefry::threefry(SEED, 0, 0, 0, threefry::STREAM_RESAMPLE)[0];
    assert_eq!(read::<Control>(&gpu, buffers.control)[0].uniform, uniform);
}
