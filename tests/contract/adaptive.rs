//! Adaptive schedules: what the device chooses does not depend on how the run is recorded.

use wfr::{Adaptive, Config, ErrorKind, Flow, Sampler, Schedule};

use super::{Bits, advance, bits, common, double_well, new, whole};

fn adaptive() -> Config {
    // Stages longer than one dispatch fuses.
    let stages = Adaptive { moves_per_stage: 70, max_stages: 30, dt: 0.005, ..Default::default() };
    Config { schedule: Schedule::adaptive(stages).unwrap(), ..super::config() }
}

/// What a run shows and what it chose.
fn chosen(sampler: &Sampler) -> (Bits, Schedule) {
    (bits(sampler), pollster::block_on(sampler.schedule()).unwrap())
}

/// The whole of it at once, far past the end that the device finds; in pieces that cut stages; and
/// as `run` does it, which ends early.
#[test]
fn neither_cuts_nor_steps_past_the_end_change_a_bit() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &adaptive()) else { return };
    let mut at_once = new(&gpu, &problem, &adaptive());
    advance(&mut at_once, u32::MAX);
    let expected = chosen(&at_once);
    assert_eq!(at_once.steps_encoded(), 30 * 70);
    let rows = pollster::block_on(at_once.trace()).unwrap().len();
    let done = common::info(&at_once);
    assert_eq!((done.beta, done.stages as usize), (1.0, rows));
    assert!(rows > 3 && rows < 25 && done.step == 70 * rows as u32, "{done:?}");

    let mut in_pieces = new(&gpu, &problem, &adaptive());
    for steps in [1, 69, 3, 200, 64, 7, u32::MAX] {
        advance(&mut in_pieces, steps);
        common::info(&in_pieces);
    }
    assert!(chosen(&in_pieces) == expected);

    let mut run = new(&gpu, &problem, &adaptive());
    assert_eq!(run.run().unwrap(), done);
    assert!(chosen(&run) == expected);
    assert_eq!(run.run().unwrap(), done);

    for workgroup_size in [32, 256] {
        let config = Config { workgroup_size, ..adaptive() };
        assert!(whole(&gpu, &problem, &config) == expected.0, "{workgroup_size}");
    }
}

/// The chosen schedule with the same seed is the same run.
#[test]
fn the_chosen_schedule_repeats_the_run() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &adaptive()) else { return };
    let mut first = new(&gpu, &problem, &adaptive());
    first.run().unwrap();
    let (expected, schedule) = chosen(&first);
    let again = Config { schedule, ess_every: 70, ..adaptive() };
    assert!(whole(&gpu, &problem, &again) == expected);
}

/// β and the conditional ESS of every test; a fixed schedule has its β and no conditional ESS.
#[test]
fn the_trace_says_where_each_stage_began() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &adaptive()) else { return };
    let mut sampler = new(&gpu, &problem, &adaptive());
    sampler.run().unwrap();
    let schedule = pollster::block_on(sampler.schedule()).unwrap();
    let trace = pollster::block_on(sampler.trace()).unwrap();
    let (last, others) = trace.split_last().unwrap();
    for (k, event) in (0..).zip(trace) {
        assert_eq!((event.step, event.beta), (70 * k, schedule.beta(70 * k)));
        assert!((1..=70).all(|j| schedule.beta(70 * k + j) == schedule.beta(70 * k + 70)));
    }
    // The grid of candidates is as fine as 0.8 % of the increment, 1.6 % of 1 - CESS.
    assert!(others.iter().all(|event| (0.95..0.951).contains(&event.cess.unwrap())), "{trace:?}");
    assert!((0.95..=1.0).contains(&last.cess.unwrap()));

    let mut fixed = new(&gpu, &problem, &super::config());
    fixed.run().unwrap();
    let schedule = super::config().schedule;
    for event in pollster::block_on(fixed.trace()).unwrap() {
        assert_eq!((event.beta, event.cess), (schedule.beta(event.step), None));
    }
    assert_eq!(pollster::block_on(fixed.schedule()).unwrap(), schedule);
}

/// Too few stages are an error that keeps the particles where they are.
#[test]
fn stages_run_out_in_an_error() {
    let problem = double_well(Flow::annealed());
    let stages = Adaptive { max_stages: 2, moves_per_stage: 4, ..Adaptive::default() };
    let config = Config { schedule: Schedule::adaptive(stages).unwrap(), ..super::config() };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = new(&gpu, &problem, &config);
    let nothing = pollster::block_on(sampler.schedule()).unwrap_err().to_string();
    assert!(nothing.contains("before the first step"), "{nothing}");
    let error = sampler.run().unwrap_err();
    let info = common::info(&sampler);
    let kind = ErrorKind::StagesExhausted { beta: info.beta, stages: 2 };
    assert_eq!(error.kind(), &kind);
    assert!(info.step == 8 && info.beta > 0.0 && info.beta < 1.0, "{info:?}");
    assert_eq!(pollster::block_on(sampler.schedule()).unwrap().steps(), 8);
}

/// What an adaptive schedule promised of a stage is what the trace of a fixed one finds after it:
/// MALA's weights gain the increment of the path and nothing else, and the same seed draws the same.
#[test]
fn the_conditional_ess_is_as_promised() {
    let adaptive = Adaptive { cess: 0.9, moves_per_stage: 4, ..Adaptive::default() };
    let config = Config {
        particles: 5000,
        schedule: Schedule::adaptive(adaptive).unwrap(),
        integrator: Some(wfr::Integrator::Mala),
        ..Config::default()
    };
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut first = new(&gpu, &problem, &config);
    first.run().unwrap();
    let schedule = pollster::block_on(first.schedule()).unwrap();
    let promised = pollster::block_on(first.trace()).unwrap().to_vec();
    let config = Config { schedule, ess_every: 4, trace_cess: true, ..config };
    let mut second = new(&gpu, &problem, &config);
    second.run().unwrap();
    let found = pollster::block_on(second.trace()).unwrap().to_vec();
    assert!(promised.len() > 3 && found.len() == promised.len());
    for (promised, found) in promised.iter().zip(&found[1..]) {
        let (promised, found) = (promised.cess.unwrap(), found.cess.unwrap());
        // Log-weights are rounded where they are added up.
        assert!((promised - found).abs() < 1e-4, "{found} is not {promised}");
    }

    let plain = Config { trace_cess: false, ..config };
    let mut plain = new(&gpu, &problem, &plain);
    plain.run().unwrap();
    assert!(pollster::block_on(plain.trace()).unwrap().iter().all(|event| event.cess.is_none()));
    assert_eq!(common::particles(&plain), common::particles(&second), "tracing changes no bit");
}
