//! A density of one's own, in a WGSL file: two moons.
//!
//! Run with `cargo run --release --example custom_target`.

use wfr::{Config, Diagnostics, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

fn main() -> wfr::Result<()> {
    // Errors in the text name the file, the line and the column.
    let text = include_str!("custom_target.wgsl");
    let target = Target::from_wgsl(2, "custom_target.wgsl", text)?.set("width", 0.35)?;
    let initial = Initial::normal(&[0.0, 0.0], &[2.0, 2.0])?;
    let problem = Problem::new(target, initial, Flow::annealed())?;
    let config =
        Config { particles: 100_000, schedule: Schedule::uniform(2.0, 400)?, ..Config::default() };

    let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
    let mut sampler = Sampler::new(&gpu, &problem, config)?;
    let info = sampler.run()?;
    let particles = wfr::block_on(sampler.particles())?;
    let diagnostics = Diagnostics::new(&particles);
    let right = diagnostics.mass(|x| x[0] > 0.0);
    println!("log Z          {:.4} ± {:.4}", info.log_normalizer, diagnostics.log_normalizer_se());
    println!("right moon     {:.4} ± {:.4}", right.value, right.se);
    println!("ESS            {:.0} of {}", info.ess, particles.len());
    Ok(())
}
