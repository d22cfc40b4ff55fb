//! What a derived score costs beside the one written by hand: 40 Gaussians, and the built-in
//! targets, in 2 and in 16 dimensions.
//!
//! Run with `cargo bench --bench derived_score`. The times are nanoseconds of the wall per particle
//! and Langevin step, each of which evaluates the score once; the median of several rounds in which
//! the two take turns.

use std::time::Instant;

use wfr::{Component, Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Score, Target};

#[path = "../tests/common/without.rs"]
mod without;
use without::without;

const ROUNDS: usize = 9;
const PARTICLES: u32 = 1 << 16;
const STEPS: u32 = 32;

fn main() -> wfr::Result<()> {
    println!("| target | dimensions | written, ns | derived, ns | ratio | how |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    let mut cases = Vec::new();
    for dim in [2, 16] {
        cases.push(Target::gaussian_mixture(&components(dim))?);
    }
    for name in ["double-well", "many-well", "funnel", "banana", "ring"] {
        for dim in [2, 16] {
            cases.push(Target::named(name, Some(dim))?);
        }
    }
    for written in cases {
        let (name, dim) = (written.name().to_string(), written.dim());
        let text = without(written.wgsl(), &["score", "log_density_and_score"]);
        let mut derived = Target::from_wgsl(dim, "derived.wgsl", text)?;
        for data in written.storage() {
            derived = derived.with_storage(data.clone())?;
        }
        let runs = [Run::new(written)?, Run::new(derived)?];
        let mut times = vec![Vec::new(); runs.len()];
        for _ in 0..ROUNDS {
            for (run, times) in runs.iter().zip(&mut times) {
                times.push(run.time()?);
            }
        }
        let [written, derived] = [0, 1].map(|i| median(&mut times[i]));
        let Score::Derived { mode, evaluations, .. } = runs[1].problem.score() else {
            unreachable!("there is no score by hand");
        };
        println!(
            "| {name} | {dim} | {written:.1} | {derived:.1} | {:.2} | {mode}, {evaluations:.1} \
             evaluations |",
            derived / written
        );
    }
    Ok(())
}

struct Run {
    gpu: Gpu,
    problem: Problem,
    config: Config,
}

impl Run {
    fn new(target: Target) -> wfr::Result<Run> {
        let dim = target.dim() as usize;
        let initial = Initial::normal(&vec![0.0; dim], &vec![4.0; dim])?;
        let problem = Problem::new(target, initial, Flow::langevin())?;
        let config = Config {
            particles: PARTICLES,
            schedule: Schedule::uniform(0.1, STEPS)?,
            ess_every: STEPS,
            ..Config::default()
        };
        let gpu = pollster::block_on(Gpu::for_problem(&problem, &config, None))?;
        Ok(Run { gpu, problem, config })
    }

    /// Nanoseconds per particle and step.
    fn time(&self) -> wfr::Result<f64> {
        let mut sampler = Sampler::new(&self.gpu, &self.problem, self.config.clone())?;
        pollster::block_on(sampler.info())?;
        let started = Instant::now();
        sampler.run()?;
        Ok(started.elapsed().as_nanos() as f64 / f64::from(PARTICLES) / f64::from(STEPS))
    }
}

/// Forty components on a grid, as in the mixtures that samplers are compared on.
fn components(dim: usize) -> Vec<Component> {
    let place = |k: usize| (k as f64 * 0.618_033_988_749_895).fract();
    let component = |k: usize| Component {
        weight: 1.0,
        mean: (0..dim).map(|j| 20.0 * place(k * dim + j + 1) - 10.0).collect(),
        scale: vec![1.0],
    };
    (0..40).map(component).collect()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
