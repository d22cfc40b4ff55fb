//! A weighted SDE of one's own, in a WGSL file: diffusion in a harmonic trap with killing.
//!
//! The decay of the total weight gives the lowest eigenvalue of the killed diffusion, which is
//! known here: (√3 − 1)/2 per dimension, and the limit law has the variance √3 − 1.
//!
//! Run with `cargo run --release --example custom_flow`.

use wfr::{
    Config, Diagnostics, Flow, Gpu, Initial, Integrator, Problem, Sampler, Schedule, Target,
};

fn main() -> wfr::Result<()> {
    let text = include_str!("custom_flow.wgsl");
    let flow = Flow::from_wgsl("custom_flow.wgsl", text, false);
    let initial = Initial::normal(&[0.0, 0.0], &[1.0, 1.0])?;
    let problem = Problem::new(Target::standard_normal(2)?, initial, flow)?;
    let config = Config {
        particles: 50_000,
        schedule: Schedule::uniform(8.0, 1600)?,
        integrator: Some(Integrator::Strang),
        ..Config::default()
    };

    let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
    let mut sampler = Sampler::new(&gpu, &problem, config)?;
    sampler.submit(800)?;
    let halfway = wfr::block_on(sampler.info())?;
    let end = sampler.run()?;
    let rate = (halfway.log_normalizer - end.log_normalizer) / (end.time - halfway.time);
    println!("decay rate {rate:.4}, exact {:.4}", 3.0_f64.sqrt() - 1.0);

    let particles = wfr::block_on(sampler.particles())?;
    let variance = Diagnostics::new(&particles).mean(|x| f64::from(x[0]).powi(2));
    println!(
        "variance   {:.4} ± {:.4}, exact {:.4}",
        variance.value,
        variance.se,
        3.0_f64.sqrt() - 1.0
    );
    Ok(())
}
