//! An encoder with steps in it that was dropped, or submitted late or out of order, is an error of every
//! read; one that was submitted in order, whenever, is none.

use std::collections::BTreeMap;

use wfr::{Adaptive, Axis, Config, Error, ErrorKind, Flow, Gpu, RecordingFault, Sampler, Schedule};

use super::{bits, common, config, double_well, new, whole};

/// The encoder of so many steps.
fn recorded(gpu: &Gpu, sampler: &mut Sampler, steps: u32) -> wgpu::CommandBuffer {
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    sampler.encode(&mut encoder, steps);
    encoder.finish()
}

/// Every read of a sampler that may fail, by its name.
fn reads(sampler: &mut Sampler) -> Vec<(&'static str, Option<Error>)> {
    use pollster::block_on;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    vec![
        ("info", block_on(sampler.info()).err()),
        ("trace", block_on(sampler.trace()).err()),
        ("particles", block_on(sampler.particles()).err()),
        ("window", block_on(sampler.window(3..9)).err()),
        ("positions", block_on(sampler.positions(0..1)).err()),
        ("log_weights", block_on(sampler.log_weights(0..1)).err()),
        ("ancestors", block_on(sampler.ancestors(0..1)).err()),
        ("histogram", block_on(sampler.histogram(&[Axis::new(0, 8)])).err()),
        ("survivors", block_on(sampler.survivors()).err()),
        ("losses", block_on(sampler.losses()).err()),
        ("save", sampler.save(&path, &BTreeMap::new()).err()),
        ("advance", sampler.advance(1).err()),
        ("run", sampler.run().err()),
    ]
}

/// Asserts that all reads fail alike.
fn fails(sampler: &mut Sampler, expected: RecordingFault, steps: (u32, u32)) {
    for (name, error) in reads(sampler) {
        let error = error.unwrap_or_else(|| panic!("{name} is as if nothing had happened"));
        let ErrorKind::Recording { fault, first, end, .. } = *error.kind() else {
            panic!("{name}: {error}")
        };
        assert_eq!((fault, (first, end)), (expected, steps), "{name}: {error}");
    }
}

#[test]
fn a_dropped_encoder_is_an_error_of_every_read() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    // After other steps, and first of all.
    for before in [0, 30] {
        let mut sampler = new(&gpu, &problem, &config());
        common::advance(&mut sampler, before);
        drop(recorded(&gpu, &mut sampler, 16));
        fails(&mut sampler, RecordingFault::Missing, (before, before + 16));
        // What comes after it does not hide it.
        sampler.submit(8).unwrap();
        fails(&mut sampler, RecordingFault::Missing, (before, before + 16));
        let next = recorded(&gpu, &mut sampler, 8);
        gpu.queue.submit([next]);
        fails(&mut sampler, RecordingFault::Missing, (before, before + 16));
    }
}

#[test]
fn encoders_out_of_order_are_an_error_for_good() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    let (first, second) = (recorded(&gpu, &mut sampler, 20), recorded(&gpu, &mut sampler, 20));
    gpu.queue.submit([second, first]);
    fails(&mut sampler, RecordingFault::OutOfOrder, (0, 20));
    // Overtaken by the sampler's own steps, though as many were done as recorded.
    let mut sampler = new(&gpu, &problem, &config());
    let late = recorded(&gpu, &mut sampler, 20);
    sampler.submit(20).unwrap();
    gpu.queue.submit([late]);
    fails(&mut sampler, RecordingFault::OutOfOrder, (0, 20));
}

/// Two at once, one after the other, long after, of adaptive schedules beyond their end: no error, and
/// the bits of a run in one piece.
#[test]
fn encoders_in_order_are_as_good_as_the_samplers_own_submissions() {
    let adaptive = Config {
        schedule: Schedule::adaptive(Adaptive::default()).unwrap(),
        ess_every: Adaptive::default().moves_per_stage,
        ..config()
    };
    for config in [config(), adaptive] {
        let problem = double_well(Flow::annealed());
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let expected = whole(&gpu, &problem, &config);
        let mut sampler = new(&gpu, &problem, &config);
        let both = [7, 13].map(|steps| recorded(&gpu, &mut sampler, steps));
        gpu.queue.submit(both);
        common::advance(&mut sampler, 10);
        let late = recorded(&gpu, &mut sampler, 5);
        // Not yet submitted: no state to see; and once it is, all is well.
        let error = pollster::block_on(sampler.info()).unwrap_err();
        assert!(error.to_string().starts_with("steps 30 to 35 were recorded and not"), "{error}");
        gpu.queue.submit([late]);
        let trace = pollster::block_on(sampler.trace()).unwrap().len();
        assert!(trace > 2, "{trace}");
        loop {
            let rest = recorded(&gpu, &mut sampler, 11);
            gpu.queue.submit([rest]);
            if sampler.steps_encoded() == sampler.steps() {
                break;
            }
        }
        assert!(bits(&sampler) == expected);
        assert!(reads(&mut sampler).into_iter().all(|(_, error)| error.is_none()));
    }
}
