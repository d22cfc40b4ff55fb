//! Rubin's eight schools: a hierarchical model with the evidence, which is known exactly.
//!
//! Run with `cargo run --release --example eight_schools`. reference.py has the exact answer that is
//! printed beside.

use wfr::{
    Config, DataFile, Diagnostics, Estimate, Flow, Gpu, Info, Initial, Problem, Sampler, Schedule,
    Target,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/eight_schools");

fn main() -> wfr::Result<()> {
    env_logger::init();
    let (problem, config) = (problem()?, config(100_000, 200)?);
    let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
    let mut sampler = Sampler::new(&gpu, &problem, config)?;
    let info = sampler.run()?;
    let particles = wfr::block_on(sampler.particles())?;

    println!("{:12} {:>9} {:>8} {:>10}", "", "estimate", "±", "exact");
    for (name, found, exact) in answers(&info, &Diagnostics::new(&particles)) {
        println!("{name:12} {:9.4} {:8.4} {exact:10.4}", found.value, found.se);
    }
    println!("ESS {:.0} of {}, {} resamplings", info.ess, particles.len(), info.resamplings);
    Ok(())
}

/// The posterior in the coordinates mu, log tau, eta_1 .. eta_8.
pub fn problem() -> wfr::Result<Problem> {
    let schools = DataFile::open(format!("{FOLDER}/schools.csv"))?;
    let target = Target::from_wgsl(10, "model.wgsl", include_str!("model.wgsl"))?
        .with_data("y", &schools.get("y")?)?
        .with_data("sigma", &schools.get("sigma")?)?;
    // About the prior.
    let (mut mean, mut sd) = ([0.0; 10], [1.0; 10]);
    (mean[1], sd[0], sd[1]) = (1.6, 5.0, 2.0);
    Problem::new(target, Initial::normal(&mean, &sd)?, Flow::annealed())
}

/// A straight path, slow enough for this model.
pub fn config(particles: u32, steps: u32) -> wfr::Result<Config> {
    Ok(Config { particles, schedule: Schedule::uniform(4.0, steps)?, ..Config::default() })
}

/// What reference.json knows: name, estimate and exact value.
pub fn answers(info: &Info, diagnostics: &Diagnostics) -> Vec<(String, Estimate, f64)> {
    let reference: serde_json::Value =
        serde_json::from_str(include_str!("reference.json")).expect("committed with the example");
    let mean = |f: &dyn Fn(&[f32]) -> f32| diagnostics.mean(|x| f64::from(f(x)));
    let mut answers = vec![
        ("mu".to_string(), mean(&|x| x[0])),
        ("tau".into(), mean(&|x| x[1].exp())),
        ("log_tau".into(), mean(&|x| x[1])),
    ];
    for j in 1..=8 {
        answers.push((format!("theta_{j}"), mean(&|x| x[0] + x[1].exp() * x[j + 1])));
    }
    let known = |(name, found): (String, Estimate)| {
        let exact = reference["mean"][&name].as_f64().unwrap_or(f64::NAN);
        (name, found, exact)
    };
    let mut answers: Vec<_> = answers.into_iter().map(known).collect();
    let found = Estimate { value: info.log_normalizer, se: diagnostics.log_normalizer_se() };
    let exact = reference["log_evidence"].as_f64().unwrap_or(f64::NAN);
    answers.push(("log evidence".into(), found, exact));
    answers
}
