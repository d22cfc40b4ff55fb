//! A tilted double well whose barrier plain Langevin hardly crosses, sampled twice.
//!
//! Run with `cargo run --release --example double_well`.

use wfr::{Config, Diagnostics, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

fn main() -> wfr::Result<()> {
    env_logger::init();
    let target = Target::double_well(2)?;
    let truth = target.truth().expect("built-in targets have one");
    println!("truth      right mass {:.4}  log Z {:.4}", truth.right_mass, truth.log_normalizer);

    let config =
        Config { particles: 200_000, schedule: Schedule::uniform(4.0, 800)?, ..Config::default() };
    for flow in [Flow::langevin(), Flow::annealed()] {
        // Everybody starts in the left well.
        let initial = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?;
        let problem = Problem::new(target.clone(), initial, flow)?;
        let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
        let mut sampler = Sampler::new(&gpu, &problem, config.clone())?;
        let info = sampler.run()?;
        let particles = wfr::block_on(sampler.particles())?;
        let right = Diagnostics::new(&particles).mass(|x| x[0] > 0.0);
        println!(
            "{:10} right mass {:.4} ± {:.4}  log Z {:.4}  ESS {:.0}  resamplings {}",
            problem.flow().name(),
            right.value,
            right.se,
            info.log_normalizer,
            info.ess,
            info.resamplings
        );
    }
    Ok(())
}
