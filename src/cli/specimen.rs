//! A small run kept in every format, for readers in other languages: scripts/check-results.

use std::fs;
use std::path::PathBuf;

use wfr::{Config, Flow, Gpu, Initial, Modes, Particles, Problem, Schedule, Target};

use super::console::Console;
use super::{report, run};
use crate::output::{Contents, Estimates, Format, Frame, Kept, Record, Stage, write_frames};

/// Particles of equal weight: one at every n-th part of the weight, from the middle of the first.
fn equal_weight(particles: &Particles, count: usize) -> Vec<f32> {
    let weights = particles.weights();
    let (mut posterior, mut mass, mut i) = (Vec::new(), weights[0], 0);
    for draw in 0..count {
        while mass < (draw as f64 + 0.5) / count as f64 && i + 1 < particles.len() {
            i += 1;
            mass += weights[i];
        }
        posterior.extend(particles.position(i));
    }
    posterior
}

/// A density that is uniform over another square at each of three steps.
fn frames() -> Vec<Frame> {
    let frame = |step: u32| Frame {
        step,
        time: 0.1 * f64::from(step),
        ess: 1000.0,
        log_normalizer: 0.0,
        ancestors: 900,
        x: [-1.0 - f64::from(step), 1.0],
        y: [0.0, 1.0],
        columns: 8,
        rows: 4,
        density: vec![1.0 / (2.0 + step as f32); 32],
    };
    (0..3).map(frame).collect()
}

/// Keeps a run in the folder that `WFR_SPECIMEN` names, or else in one that is thrown away.
#[test]
fn a_run_is_kept_in_every_format() {
    let target = Target::double_well(2).unwrap().set("a", 4.0).unwrap().set("c", 0.5).unwrap();
    let initial = Initial::normal(&[0.0, 0.0], &[1.5, 1.5]).unwrap();
    let problem = Problem::new(target, initial, Flow::annealed()).unwrap();
    let config = Config {
        particles: 20_000,
        seed: 7,
        ess_threshold: 0.9,
        schedule: Schedule::uniform(2.0, 64).unwrap(),
        ..Config::default()
    };
    let gpu = match pollster::block_on(Gpu::for_problem(&problem, &config, None)) {
        Ok(gpu) => gpu,
        Err(error) => {
            let required = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|value| value == "require");
            assert!(!required, "WFR_TEST_ADAPTER=require, and there is no adapter: {error}");
            println!("skipped: there is no adapter");
            return;
        }
    };
    let console = Console::start(true, 0);
    let outcome = run::run(&gpu, &problem, &config, "double-well", &console).unwrap();
    let modes = Modes::of(problem.target());
    let estimates = Estimates::of(&outcome, modes.as_ref());
    let record = Record::new(&outcome, &estimates);
    assert!(outcome.info.resamplings > 1, "families are joined");
    let mut stages: Vec<_> = outcome.trace.iter().map(Stage::from).collect();
    stages.push(Stage::from(&outcome.info));

    let thrown_away = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("WFR_SPECIMEN")
        .map_or_else(|| thrown_away.path().to_path_buf(), PathBuf::from);
    fs::write(folder.join("summary.json"), serde_json::to_string(&record).unwrap()).unwrap();
    fs::write(folder.join("summary.txt"), report::summary(&outcome, &estimates)).unwrap();
    for every in [1, 3] {
        let contents = Contents {
            record: &record,
            config: "[target]\nname = \"double-well\" # a β in a comment\n",
            particles: &outcome.particles,
            every,
            posterior: &equal_weight(&outcome.particles, 4000),
            stages: &stages,
        };
        let folder = if every == 1 { folder.clone() } else { folder.join("thinned") };
        fs::create_dir_all(&folder).unwrap();
        for format in Format::ALL {
            contents.write(*format, &folder.join(format.file_name())).unwrap();
        }
    }
    write_frames(&folder.join("frames.npz"), &frames()).unwrap();

    let kept = Kept::read(&folder).unwrap();
    assert_eq!(kept.particles, outcome.particles);
    assert_eq!(format!("{:?}", kept.record), format!("{record:?}"));
    assert_eq!(kept.frames, frames());
}
