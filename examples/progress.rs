//! Watching a run, and stopping it: the observer sees the last ESS test after every submission.
//!
//! Run with `cargo run --release --example progress`.

use std::ops::ControlFlow;

use wfr::{Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

fn main() -> wfr::Result<()> {
    let initial = Initial::normal(&[0.0; 8], &[1.5; 8])?;
    let problem = Problem::new(Target::many_well(8)?, initial, Flow::annealed())?;
    let config =
        Config { particles: 100_000, schedule: Schedule::uniform(4.0, 1000)?, ..Config::default() };
    let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
    println!("on {}", gpu.adapter_info().name);

    let mut sampler = Sampler::new(&gpu, &problem, config)?;
    let total = sampler.steps();
    let mut shown = 0;
    let info = sampler.run_observed(|info| {
        let tenth = 10 * info.step / total;
        if tenth > shown {
            shown = tenth;
            println!(
                "{:3} %  ESS {:6.0}  log Z {:8.4}  {} resamplings",
                10 * tenth,
                info.ess,
                info.log_normalizer,
                info.resamplings
            );
        }
        // A population that has died out is not worth waiting for.
        if info.ess < 10.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    println!("step {}: log Z {:.3}, exact 41.174", info.step, info.log_normalizer);

    let trace = wfr::block_on(sampler.trace())?;
    let lowest = trace.iter().map(|event| event.ess).fold(f32::INFINITY, f32::min);
    println!("{} tests, lowest ESS {lowest:.0}", trace.len());
    Ok(())
}
