//! Samplers made and dropped: a process that serves for days keeps nothing of them.

use std::sync::Arc;

use wfr::{Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

use super::common;
use super::memory::{Samples, alone};

fn problem() -> Problem {
    let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
    Problem::new(Target::double_well(2).unwrap(), start, Flow::annealed()).unwrap()
}

fn config(seed: u64) -> Config {
    Config {
        particles: 4096,
        seed,
        schedule: Schedule::uniform(1.0, 16).unwrap(),
        ..Config::default()
    }
}

/// Makes so many, runs each to its end, and drops it; each has a seed of its own, hence its own text.
fn lifetimes(count: u64) {
    let problem = problem();
    let Some(gpu) = common::gpu(&problem, &config(0)) else { return };
    let mut memory = Samples::default();
    for seed in 0..count {
        let mut sampler = Sampler::new(&gpu, &problem, config(seed)).unwrap();
        let info = sampler.run().unwrap();
        assert_eq!(info.step, 16);
        drop(sampler);
        memory.take();
    }
    memory.assert_flat("samplers on one device", 4 << 20);
}

#[test]
fn samplers_come_and_go() {
    alone("lifetimes::samplers_come_and_go", || lifetimes(30));
}

#[test]
#[ignore = "minutes; scripts/endurance runs it"]
fn a_thousand_samplers_come_and_go() {
    alone("lifetimes::a_thousand_samplers_come_and_go", || lifetimes(1000));
}

/// Devices too: each is one's own, and goes with the last clone.
#[test]
fn devices_come_and_go() {
    alone("lifetimes::devices_come_and_go", devices);
}

fn devices() {
    let problem = problem();
    let Some(adapter) = common::adapter() else { return };
    let plan = wfr::requirements(&problem, &config(0), &adapter.limits()).unwrap();
    let mut memory = Samples::default();
    for _ in 0..12 {
        let gpu = pollster::block_on(Gpu::request(adapter, plan.limits())).unwrap();
        let mut sampler = Sampler::new(&gpu, &problem, config(0)).unwrap();
        sampler.run().unwrap();
        memory.take();
    }
    memory.assert_flat("devices", 8 << 20);
}

/// Two samplers in one process, on one device and on two, alone or in threads: each has the bits
/// that it has alone.
#[test]
fn samplers_side_by_side_do_not_know_of_each_other() {
    let problem = Arc::new(problem());
    let Some(gpu) = common::gpu(&problem, &config(0)) else { return };
    let Some(other) = common::gpu(&problem, &config(0)) else { return };
    let alone = |gpu: &Gpu, seed| {
        let mut sampler = Sampler::new(gpu, &problem, config(seed)).unwrap();
        sampler.run().unwrap();
        common::particles(&sampler)
    };
    let expected = [alone(&gpu, 1), alone(&gpu, 2)];
    assert_ne!(expected[0], expected[1]);

    let sampler = |seed| Sampler::new(&gpu, &problem, config(seed)).unwrap();
    let (mut first, mut second) = (sampler(1), sampler(2));
    while !first.is_finished() || !second.is_finished() {
        first.submit(3).unwrap();
        second.submit(5).unwrap();
    }
    assert_eq!([common::particles(&first), common::particles(&second)], expected);

    for gpus in [[&gpu, &gpu], [&gpu, &other]] {
        let threads = std::thread::scope(|scope| {
            let [first, second] = [(gpus[0], 1), (gpus[1], 2)]
                .map(|(gpu, seed)| scope.spawn(move || alone(gpu, seed)));
            [first.join().unwrap(), second.join().unwrap()]
        });
        assert_eq!(threads, expected);
    }
}
