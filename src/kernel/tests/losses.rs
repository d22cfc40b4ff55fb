//! losses against `reference::losses`, and how its way through `decide` is opened.

use crate::buffers::{State, storage};
use crate::kernel::losses::Losses;
use crate::layout::{Control, Dispatches, Settings};
use crate::numbers::RunNumbers;
use crate::plan::Plan;
use crate::reference::loss::loss_of;
use crate::reference::losses;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, noise, read, write};
use crate::{Cause, Resampler};

const DIM: u32 = 3;
const STEPS: u32 = 40;
const NOW: u32 = 37;

fn log_weights(particles: u32, lost: impl Fn(u32) -> Option<(Cause, u32)>) -> Vec<f32> {
    let one = |slot| lost(slot).map_or(-0.25, |(cause, step)| loss_of(cause, step));
    (0..particles).map(one).collect()
}

/// Losses in no order, NaNs that were counted before, weights of zero; in two rounds, of which the
/// second loses a lower slot in the same first step and others later.
#[test]
fn losses_are_counted_by_step_and_cause() {
    let Some(gpu) = testing::gpu() else { return };
    for particles in [1_u32, 127, 2048, 70_001] {
        let shape = WeightShape {
            ess_threshold: 0.5,
            ..WeightShape::alone(particles, Resampler::Systematic, 0)
        };
        let settings = Settings { steps: STEPS, ..Settings::of_weights(&shape) };
        let row = 4 * u64::from(particles);
        let plan = Plan::in_pages(particles, DIM + 1, 2);
        let buffer = |size| storage(&gpu.device, "losses", size);
        let pages = || -> Vec<_> {
            (0..plan.pages).map(|page| buffer(u64::from(plan.rows_of_page(page)) * row)).collect()
        };
        let state = State {
            pages: pages(),
            gathered: pages(),
            log_weights: buffer(row),
            ancestors: buffer(row),
            control: buffer(size_of::<Control>() as u64),
            schedule: buffer(4),
            data: Vec::new(),
            flow_data: None,
            outputs: Vec::new(),
            moves: None,
            numbers: RunNumbers::alone(&gpu, &settings).unwrap(),
        };
        let counter = Losses::new(&gpu, &shape, DIM, STEPS, &plan, &state).unwrap();
        let words = noise(9, (plan.rows * particles) as usize);
        let rows: Vec<&[u32]> = words.chunks(particles as usize).collect();
        for (page, rows) in state.pages.iter().zip(rows.chunks(plan.page_rows as usize)) {
            write(&gpu, page, &rows.concat());
        }
        let position =
            |slot: u32| (0..DIM).map(|j| f32::from_bits(rows[j as usize][slot as usize])).collect();
        write(&gpu, &state.control, &[Control { step_end: NOW, ..Control::default() }]);

        let causes = [Cause::Position, Cause::Score, Cause::Weight];
        let lots = noise(3, particles as usize);
        let first_round = |slot: u32| {
            let lot = lots[slot as usize];
            (lot.is_multiple_of(5) || particles == 1)
                .then(|| (causes[(lot / 5 % 3) as usize], 4 + lot / 15 % 30))
        };
        let second_round =
            |slot: u32| slot.is_multiple_of(7).then(|| (causes[(slot % 3) as usize], 4 + slot % 3));
        let mut expected: Option<crate::Losses> = None;
        for round in 0..2 {
            let mut values = match round {
                0 => log_weights(particles, first_round),
                _ => log_weights(particles, second_round),
            };
            if particles > 100 {
                values[50] = f32::NEG_INFINITY;
                values[51] = f32::from_bits(0x7fc0_0000);
                values[52] = f32::from_bits(0xffff_ffff);
            }
            write(&gpu, &state.log_weights, &values);
            testing::pass(&gpu, |pass| counter.encode_now(pass));
            let before: Vec<u32> = values.iter().map(|lw| lw.to_bits()).collect();
            let found = losses::losses(&mut values, position, NOW);
            assert_ne!(before, values.iter().map(|lw| lw.to_bits()).collect::<Vec<_>>());
            let ours: Vec<u32> = read(&gpu, &state.log_weights);
            assert!(
                ours.iter().eq(values.iter().map(|lw| lw.to_bits()).collect::<Vec<_>>().iter())
            );
            expected = Some(match expected {
                None => found,
                Some(earlier) => merged(earlier, found),
            });
            let table: Vec<u32> = read(&gpu, &counter.buffer);
            check(&table, expected.as_ref().unwrap(), particles);
        }
    }
}

fn merged(a: crate::Losses, b: crate::Losses) -> crate::Losses {
    let lost = crate::Lost {
        position: a.lost.position + b.lost.position,
        score: a.lost.score + b.lost.score,
        weight: a.lost.weight + b.lost.weight,
    };
    let mut by_step = std::collections::BTreeMap::new();
    for (step, counts) in a.by_step.into_iter().chain(b.by_step) {
        let row: &mut [u32; 3] = by_step.entry(step).or_default();
        row.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let firsts = a.first.into_iter().chain(b.first);
    let first = firsts.min_by_key(|loss| (loss.step, loss.slot));
    crate::Losses { lost, by_step: by_step.into_iter().collect(), first }
}

fn check(table: &[u32], expected: &crate::Losses, particles: u32) {
    let lost = expected.lost;
    let totals = [lost.position, lost.score, lost.weight].map(|total| [total as u32, 0]);
    assert_eq!(table[..6], totals.concat()[..], "{particles}: totals");
    let first = expected.first.as_ref().unwrap();
    assert_eq!(table[6], u32::MAX - first.step, "{particles}: the first step");
    assert_eq!(table[7], (particles - first.slot) << 2 | first.cause as u32, "{particles}: who");
    let position: Vec<u32> = first.position.iter().map(|x| x.to_bits()).collect();
    assert_eq!(table[8..8 + DIM as usize], position, "{particles}: where");
    let rows: Vec<_> = (0..=STEPS).zip(table[8 + DIM as usize..].chunks(4)).collect();
    assert_eq!(rows.len(), STEPS as usize + 1);
    let found: Vec<_> = rows
        .into_iter()
        .map(|(step, row)| (step, [row[0], row[1], row[2]]))
        .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
        .collect();
    assert_eq!(found, expected.by_step, "{particles}: rows");
}

/// Only a test that sees a loss nobody has counted lets the count run.
#[test]
fn the_count_is_skipped_where_nothing_is_new() {
    let Some(gpu) = testing::gpu() else { return };
    let particles = 5000;
    let shape = WeightShape {
        ess_threshold: 0.5,
        ..WeightShape::alone(particles, Resampler::Systematic, 0).on(&gpu)
    };
    let buffer = || storage(&gpu.device, "losses", 4 * u64::from(particles));
    let (weights, ancestors) = (buffer(), buffer());
    let resampling = Resampling::without_run(&gpu, &shape, &weights, ancestors).unwrap();
    let new = loss_of(Cause::Weight, 3);
    for (lost, opens) in [(f32::from_bits(0x7fc0_0000), false), (new, true), (0.0, false)] {
        let mut values = vec![0.0; particles as usize];
        values[4321] = lost;
        write(&gpu, &weights, &values);
        testing::pass(&gpu, |pass| resampling.encode_test(pass, 1));
        let dispatches = read::<Dispatches>(&gpu, &resampling.scratch.dispatches)[0];
        let groups = particles.div_ceil(crate::layout::LANES);
        let expected = if opens { [groups, 1, 1, 0] } else { [0; 4] };
        assert_eq!(dispatches.losses, expected, "{lost}");
        let control = read::<Control>(&gpu, &resampling.scratch.control)[0];
        assert_eq!(control.non_finite, u32::from(lost.is_nan()));
    }
}
