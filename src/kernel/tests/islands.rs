//! Islands side by side in one dispatch: each is, to the bit, what it is by itself.

use crate::buffers::storage;
use crate::config::Resampler;
use crate::gpu::Gpu;
use crate::layout::{BLOCK, Block, Control, Settings, TraceRow};
use crate::numbers::Numbers;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, log_weights, read, write};

/// Two blocks and a part of one.
const PARTICLES: u32 = 5000;
const STRIDE: u32 = 3 * BLOCK;
const TESTS: u32 = 5;

/// What one island leaves behind.
#[derive(Debug, PartialEq)]
struct Island {
    control: Control,
    rows: Vec<TraceRow>,
    blocks: Vec<Block>,
    /// Offsets, fractions and copies, where they are kept, and the ancestors as the island counts them.
    words: [Vec<u32>; 4],
}

/// Tests islands `first` and so on, whose weights these are.
fn run(gpu: &Gpu, shape: &WeightShape, first: u32, weights: &[Vec<f32>]) -> Vec<Island> {
    let shape = WeightShape { islands: weights.len() as u32, ..shape.clone() };
    let settings = Settings { place: [0, 0, first], ..Settings::of_weights(&shape) };
    let numbers = Numbers::alone(gpu, &settings).unwrap();
    let row = |name| storage(&gpu.device, name, 4 * u64::from(shape.slots()));
    let (buffer, ancestors) = (row("log_weights"), row("ancestors"));
    let resampling = Resampling::over(gpu, &numbers, &shape, &buffer, ancestors.clone()).unwrap();
    let scratch = &resampling.scratch;
    let kept = [&scratch.offsets, &scratch.fractions, &scratch.copies_through];
    for buffer in [&scratch.blocks, &scratch.trace, &buffer].into_iter().chain(kept) {
        write(gpu, buffer, &vec![7_u32; buffer.size() as usize / 4]);
    }
    let mut all = vec![f32::NAN; shape.slots() as usize];
    for (island, weights) in weights.iter().enumerate() {
        let slots = &mut all[island * STRIDE as usize..];
        slots[..weights.len()].copy_from_slice(weights);
    }
    write(gpu, &buffer, &all);
    write(gpu, &ancestors, &vec![7_u32; all.len()]);
    let control = Control { tests: TESTS, trace_rows: 1, step_end: 9, ..Control::default() };
    write(gpu, &scratch.control, &vec![control; weights.len()]);
    testing::pass(gpu, |pass| resampling.encode_test(pass, 2));
    testing::pass(gpu, |pass| resampling.encode_report(pass));

    let (controls, rows): (Vec<Control>, Vec<TraceRow>) =
        (read(gpu, &scratch.control), read(gpu, &scratch.trace));
    let blocks: Vec<Block> = read(gpu, &scratch.blocks);
    let words = kept.into_iter().chain([&ancestors]).map(|buffer| read::<u32>(gpu, buffer));
    let words: Vec<Vec<u32>> = words.collect();
    let island = |i: usize| {
        let slots = i * STRIDE as usize..i * STRIDE as usize + PARTICLES as usize;
        let own = |words: &Vec<u32>| words.get(slots.clone()).map_or(Vec::new(), <[u32]>::to_vec);
        let mut words: Vec<_> = words.iter().map(own).collect();
        if controls[i].resampled == 1 {
            let first = i as u32 * STRIDE;
            words[3].iter_mut().for_each(|ancestor| *ancestor -= first);
        } else {
            // Nobody reads them then.
            words[..3].fill(Vec::new());
        }
        let trace = shape.trace_rows as usize + 1;
        Island {
            control: controls[i],
            rows: rows[i * trace + 1..(i + 1) * trace].to_vec(),
            // `report` leaves sums of lanes in the records.
            blocks: blocks[i * 4..i * 4 + 3].to_vec(),
            words: words.try_into().unwrap(),
        }
    };
    (0..weights.len()).map(island).collect()
}

#[test]
fn islands_are_what_they_are_alone() {
    let Some(gpu) = testing::gpu() else { return };
    let of = |name| log_weights(name, PARTICLES as usize);
    // The first is not resampled, and the last has no weight.
    let nothing = vec![f32::NEG_INFINITY; PARTICLES as usize];
    let weights = [of("equal"), of("cliffs"), of("wide normal"), of("one"), nothing];
    for resampler in Resampler::ALL {
        for tiled in [false, true] {
            let shape = WeightShape {
                ess_threshold: 0.5,
                trace_rows: 2,
                tiled,
                ..WeightShape::alone(PARTICLES, resampler, 77).on(&gpu)
            };
            let together = run(&gpu, &shape, 4, &weights);
            let decided: Vec<u32> =
                together.iter().map(|island| island.control.resampled).collect();
            assert_eq!(decided, [0, 1, 1, 1, 0], "{resampler}");
            for (i, island) in together.iter().enumerate() {
                let alone = run(&gpu, &shape, 4 + i as u32, &weights[i..=i]);
                assert!(*island == alone[0], "{resampler}, tiled {tiled}: island {i}");
            }
            // Their random numbers differ.
            let twins = run(&gpu, &shape, 0, &[of("normal"), of("normal")]);
            assert_ne!(twins[0].control.uniform, twins[1].control.uniform);
        }
    }
}
