//! A run that is played beside the same run of a sampler alone.

mod common;

use std::time::Duration;

use common::gpu;
use wfr::diffusion::{Composition, Noise, Outputs, Rule, ScoreModel, Spacing};
use wfr::{Adaptive, Config, Flow, Gpu, Initial, Particles, Problem, Sampler, Schedule, Target};
use wfr_view::{Failure, Playback};

const STEPS: u32 = 60;

fn problem() -> Problem {
    let target = Target::double_well(2).unwrap();
    let initial = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
    Problem::new(target, initial, Flow::annealed()).unwrap()
}

fn config() -> Config {
    let schedule = Schedule::uniform(2.0, STEPS).unwrap();
    Config { particles: 3000, seed: 5, schedule, ess_threshold: 0.9, ..Config::default() }
}

fn particles(sampler: &Sampler) -> Particles {
    pollster::block_on(sampler.particles()).unwrap()
}

fn playback(gpu: &Gpu) -> Playback {
    Playback::new(gpu.clone(), problem(), config()).unwrap()
}

#[test]
fn a_run_has_the_same_bits_however_it_is_played() {
    let Some(gpu) = gpu() else { return };
    let mut alone = Sampler::new(&gpu, &problem(), config()).unwrap();
    let info = alone.run().unwrap();
    let trace = pollster::block_on(alone.trace()).unwrap().to_vec();
    assert!(trace.iter().any(|event| event.resampled));

    let mut played = playback(&gpu);
    for steps in [1, 7, 16, 30, 100] {
        played.advance(steps).unwrap();
    }
    for _ in 0..2 {
        assert!(played.ended() && played.advance(1).unwrap() == 0);
        assert_eq!((played.info(), played.trace()), (&info, &trace[..]));
        assert_eq!(particles(played.sampler()), particles(&alone));

        // And the second time as the first.
        played.restart().unwrap();
        assert_eq!((played.info().step, played.trace().len(), played.ended()), (0, 0, false));
        assert_eq!(played.advance(STEPS).unwrap(), STEPS);
    }
}

#[test]
fn time_goes_on_only_while_it_plays() {
    let Some(gpu) = gpu() else { return };
    let mut played = playback(&gpu);
    let second = Duration::from_secs(1);
    assert_eq!(played.frame(second).unwrap(), 0);
    played.playing = true;
    played.pace.speed = 1e6;
    // The first frame learns what a step costs.
    assert_eq!(played.frame(second).unwrap(), 1);
    let mut frames = 1;
    while played.playing {
        let made = played.frame(second).unwrap();
        assert!(made > 0 || played.ended());
        frames += 1;
    }
    assert!(played.info().step == STEPS && frames <= STEPS + 1, "{frames} frames");
}

#[test]
fn an_adaptive_run_ends_at_its_end() {
    let Some(gpu) = gpu() else { return };
    let schedule = Schedule::adaptive(Adaptive::default()).unwrap();
    let mut played = Playback::new(gpu, problem(), Config { schedule, ..config() }).unwrap();
    let most = played.sampler().steps();
    while played.advance(16).unwrap() > 0 {}
    assert!(played.ended() && played.info().beta == 1.0);
    assert!(played.sampler().steps_encoded() < most, "as many steps as there can be");
}

#[test]
fn models_that_a_window_cannot_ask_are_refused() {
    let Some(gpu) = gpu() else { return };
    let model = ScoreModel::external("elsewhere", 2, Outputs::default()).unwrap();
    let noise = Noise::variance_preserving(0.1, 20.0);
    let problem = Composition::new(noise, vec![model], Rule::product()).problem().unwrap();
    let schedule = noise.schedule(Spacing::Uniform, 1e-3, 20).unwrap();
    let config = Config { schedule, ..config() };
    let refused = Playback::new(gpu, problem, config).unwrap_err();
    assert!(matches!(&refused, Failure::Usage(text) if text.contains("outside wfr")), "{refused}");
}
