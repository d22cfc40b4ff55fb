//! A run that is kept in a file and goes on later is the run that was not cut, whatever it computes
//! and wherever it is cut.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wfr::{
    Checkpoint, Config, Flow, Info, ModelCall, Problem, ReactionEvent, Sampler, Schedule,
    TraceEvent,
};

use super::{Bits, bits, common, double_well};

/// Everything a run shows, events and all.
#[derive(Debug)]
struct Shown {
    bits: Bits,
    info: Info,
    trace: Vec<TraceEvent>,
    reaction: Vec<ReactionEvent>,
    schedule: Option<Schedule>,
}

fn shown(sampler: &mut Sampler) -> Shown {
    Shown {
        bits: bits(sampler),
        info: common::info(sampler),
        trace: pollster::block_on(sampler.trace()).unwrap().to_vec(),
        reaction: pollster::block_on(sampler.reaction_trace()).unwrap().to_vec(),
        schedule: pollster::block_on(sampler.schedule()).ok(),
    }
}

/// Text is compared, in which numbers are to the last bit and NaN is itself.
fn same(a: &Shown, b: &Shown) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// What has to be filled in before every step of external models.
type Fill = fn(&ModelCall<'_>);

struct Case {
    name: &'static str,
    problem: Problem,
    config: Config,
    fill: Option<Fill>,
}

impl Case {
    fn advance(&self, sampler: &mut Sampler, steps: u32) {
        let Some(fill) = self.fill else { return common::advance(sampler, steps) };
        for _ in 0..steps {
            if let Some(call) = sampler.model_call() {
                fill(&call);
            }
            common::advance(sampler, 1);
        }
    }
}

fn config() -> Config {
    Config {
        particles: 300,
        schedule: Schedule::uniform(0.6, 24).unwrap(),
        ess_every: 5,
        ess_threshold: 0.9,
        seed: 3,
        trace_rows: 16,
        ..Config::default()
    }
}

fn cases() -> Vec<Case> {
    let case = |name, problem, config| Case { name, problem, config, fill: None };
    let annealed = || double_well(Flow::annealed());
    vec![
        case("kernel ratio", annealed(), config()),
        case("langevin", double_well(Flow::langevin()), config()),
    ]
}

fn file(folder: &Path) -> PathBuf {
    folder.join("run.safetensors")
}

fn save(sampler: &mut Sampler, path: &Path) -> Checkpoint {
    sampler.save(path, &BTreeMap::new()).unwrap();
    Checkpoint::open(path).unwrap()
}

/// Cut before the first step, where an ESS test is due, within a block, and at the end.
#[test]
fn a_run_that_goes_on_is_the_run_that_was_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases() {
        let Some(gpu) = common::gpu(&case.problem, &case.config) else { return };
        let mut whole = Sampler::new(&gpu, &case.problem, case.config.clone()).unwrap();
        case.advance(&mut whole, u32::MAX);
        let expected = shown(&mut whole);
        for cut in [0, 10, 13, case.config.schedule.steps()] {
            let mut first = Sampler::new(&gpu, &case.problem, case.config.clone()).unwrap();
            case.advance(&mut first, cut);
            let checkpoint = save(&mut first, &file(folder.path()));
            assert_eq!((checkpoint.step(), checkpoint.config()), (cut, &case.config));
            assert!(checkpoint.repeats_bits_on(&gpu));
            let mut second = Sampler::resume(&gpu, &case.problem, &checkpoint).unwrap();
            assert!(same(&shown(&mut first), &shown(&mut second)), "{} at {cut}", case.name);
            case.advance(&mut second, u32::MAX);
            assert!(same(&expected, &shown(&mut second)), "{} cut at {cut}", case.name);
        }
    }
}
