//! The kernels of the weights, whose loops grow with the population.

use super::{burden, stopping};
use crate::buffers::storage;
use crate::config::Resampler;
use crate::gpu::Gpu;
use crate::kernel::decide::{Decide, DecideBuffers};
use crate::kernel::loops::of_weights;
use crate::layout::{BLOCK, Block, Control, Dispatches, Settings, TraceRow};
use crate::numbers::Numbers;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, log_weights, read, write};

fn shape(gpu: &Gpu, particles: u32, resampler: Resampler) -> WeightShape {
    WeightShape::alone(particles, resampler, 7).on(gpu)
}

/// The ancestors of a population.
fn ancestors(gpu: &Gpu, resampler: Resampler, log_weights: &[f32]) -> Vec<u32> {
    let particles = log_weights.len() as u32;
    let weights = storage(&gpu.device, "weights", 4 * u64::from(particles));
    write(gpu, &weights, log_weights);
    let ancestors = storage(&gpu.device, "ancestors", weights.size());
    let shape = shape(gpu, particles, resampler);
    let resampling = Resampling::without_run(gpu, &shape, &weights, ancestors).unwrap();
    testing::pass(gpu, |pass| resampling.encode_test(pass, 1));
    read(gpu, resampling.ancestors())
}

#[test]
fn a_resampling_takes_no_more_loops_than_the_table_says() {
    let Some(gpu) = stopping() else { return };
    let particles = (1 << 14) + 5;
    let table = of_weights(particles);
    for resampler in Resampler::ALL {
        for population in ["normal", "one"] {
            let weights = log_weights(population, particles as usize);
            let expected = ancestors(&gpu, resampler, &weights);
            let same = burden(&table, 0, || ancestors(&gpu, resampler, &weights));
            assert!(same == expected, "{resampler} {population}");
        }
    }
    // The driver does stop: all that the kernels do in loops is left out.
    let weights = log_weights("normal", particles as usize);
    let expected = ancestors(&gpu, Resampler::Systematic, &weights);
    let stopped = burden(&table, 65_535, || ancestors(&gpu, Resampler::Systematic, &weights));
    assert!(stopped != expected);
}

/// One particle has all offspring: its lane marks every block of them.
#[test]
fn a_collapse_of_the_largest_population_marks_every_block() {
    let Some(gpu) = stopping() else { return };
    let mut weights = vec![f32::NEG_INFINITY; 1 << 24];
    weights[12_345_678] = 0.0;
    let ancestors = ancestors(&gpu, Resampler::Systematic, &weights);
    assert!(ancestors.iter().all(|ancestor| *ancestor == 12_345_678));
}

/// `decide` by itself, on blocks of a population that need not be there.
fn decided(gpu: &Gpu, particles: u32) -> (Vec<Block>, Control) {
    let shape = shape(gpu, particles, Resampler::Systematic);
    let count = particles.div_ceil(BLOCK);
    let blocks: Vec<Block> = (0..count)
        .map(|b| Block {
            total: [0x8000_0000 + b.wrapping_mul(2_654_435_761) % 0x4000_0000, 37],
            peak: -((b % 97) as f32) / 64.0,
            squares: 1 << 24,
            ..Block::default()
        })
        .collect();
    let storage = |size: usize| storage(&gpu.device, "decide", size as u64);
    let buffer = storage(size_of_val(blocks.as_slice()) + size_of::<Block>());
    write(gpu, &buffer, &blocks);
    let control = storage(size_of::<Control>());
    let all = DecideBuffers {
        blocks: &buffer,
        control: &control,
        trace: &storage(2 * size_of::<TraceRow>()),
        dispatches: &storage(size_of::<Dispatches>()),
        overflow: &storage(16),
    };
    let numbers = Numbers::alone(gpu, &Settings::of_weights(&shape)).unwrap();
    let decide = Decide::new(gpu, &numbers, &shape, &all).unwrap();
    testing::pass(gpu, |pass| decide.encode(pass, 1));
    (read(gpu, &buffer), read(gpu, &control)[0])
}

#[test]
fn the_decision_takes_no_more_loops_than_the_table_says() {
    let Some(gpu) = stopping() else { return };
    for particles in [1 << 12, 1 << 23, 3 << 24] {
        let expected = decided(&gpu, particles);
        assert!(chained(&expected.0));
        assert_eq!(expected.1.resampled, 1);
        assert!(burden(&of_weights(particles), 0, || decided(&gpu, particles)) == expected);
    }
    // The most particles of all.
    let expected = decided(&gpu, 1 << 27);
    assert!(chained(&expected.0));
    assert!(burden(&of_weights(1 << 27), 0, || decided(&gpu, 1 << 27)) == expected);
}

/// Every block lies behind the one before it, and the whole behind the last.
fn chained(blocks: &[Block]) -> bool {
    let before = |block: &Block| u64::from(block.before[1]) << 32 | u64::from(block.before[0]);
    blocks.windows(2).all(|pair| before(&pair[0]) < before(&pair[1]))
}
