//! Bayesian logistic regression on survey data, with the evidence of the model.
//!
//! Run with `cargo run --release --example logistic_regression`. README.md has the data's source,
//! reference.py the independent answer that is printed beside.

use wfr::{
    Config, DataFile, Diagnostics, Estimate, Flow, Gpu, Info, Initial, Problem, Sampler, Schedule,
    Target,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/logistic_regression");

fn main() -> wfr::Result<()> {
    env_logger::init();
    let (problem, config) = (problem()?, config(10_000, 200)?);
    let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
    let mut sampler = Sampler::new(&gpu, &problem, config)?;
    let info = sampler.run()?;
    let particles = wfr::block_on(sampler.particles())?;

    println!("{:12} {:>9} {:>8} {:>10}", "", "estimate", "±", "reference");
    for (name, found, reference) in answers(&info, &Diagnostics::new(&particles)) {
        println!("{name:12} {:9.4} {:8.4} {reference:10.4}", found.value, found.se);
    }
    println!("ESS {:.0} of {}, {} resamplings", info.ess, particles.len(), info.resamplings);
    Ok(())
}

/// The posterior, reached from the prior.
pub fn problem() -> wfr::Result<Problem> {
    let array = |file: &str| DataFile::open(format!("{FOLDER}/{file}"))?.whole();
    let x = array("X.csv")?;
    let dim = x.columns() + 1;
    let target = Target::from_wgsl(dim as u32, "model.wgsl", include_str!("model.wgsl"))?
        .with_data("X", &x)?
        .with_data("y", &array("y.csv")?)?;
    let prior = Initial::normal(&vec![0.0; dim], &vec![1.0; dim])?;
    Problem::new(target, prior, Flow::annealed())
}

/// A path from prior to posterior that begins slowly, because at the prior the log likelihood of a
/// thousand answers varies by hundreds; its steps shorten as the law narrows a hundredfold.
pub fn config(particles: u32, steps: u32) -> wfr::Result<Config> {
    let (mut time, mut points) = (0.0, vec![(0.0, 0.0)]);
    for k in 1..=steps {
        let beta = (f64::from(k) / f64::from(steps)).powi(4);
        time += 15.0 / f64::from(steps) / (1.0 + 100.0 * beta);
        points.push((time, beta));
    }
    let schedule = Schedule::from_points(&points)?;
    Ok(Config { particles, schedule, ess_every: 4, ..Config::default() })
}

/// What reference.json knows: name, estimate and reference.
pub fn answers(info: &Info, diagnostics: &Diagnostics) -> Vec<(String, Estimate, f64)> {
    let reference: serde_json::Value =
        serde_json::from_str(include_str!("reference.json")).expect("committed with the example");
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or(f64::NAN);
    let names = reference["names"].as_array().into_iter().flatten();
    let mut answers: Vec<_> = names
        .enumerate()
        .map(|(j, name)| {
            let name = format!("E {}", name.as_str().unwrap_or_default());
            (name, diagnostics.mean(|x| f64::from(x[j])), number(&reference["mean"][j]))
        })
        .collect();
    let found = Estimate { value: info.log_normalizer, se: diagnostics.log_normalizer_se() };
    answers.push(("log evidence".into(), found, number(&reference["log_evidence"])));
    answers
}
