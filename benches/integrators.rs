//! The integrators side by side at the same number of score evaluations, as a Markdown table: bias
//! and spread of log Z over seeds, the order of the bias, acceptance, and the cost of a step.
//!
//! Run with `cargo bench --bench integrators`. Every integrator evaluates the score once per step,
//! and each run takes K steps to the same time (MALA after tuning: K steps of the lengths found).
//! The order is the slope of the bias between K/4 and K steps, where both stand out of the noise of
//! the seeds by 4 standard errors; where the weights are exact at every step size there is none.

use std::time::Instant;

use wfr::{Config, Flow, Gpu, Initial, Integrator, Problem, Sampler, Schedule, Target};
use wfr::{Tuning, tune};

const PARTICLES: u32 = 1 << 13;
const SEEDS: u64 = 6;

/// An isotropic Gaussian with mean 2 and variance 1/4 that is not normalised.
const BELL: &str = "
fn log_density(x: ptr<function, Point>) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < DIM; j++) { sum += ((*x)[j] - 2.0) * ((*x)[j] - 2.0); }
    return -2.0 * sum;
}
fn score(x: ptr<function, Point>) -> Point {
    var out: Point;
    for (var j = 0u; j < DIM; j++) { out[j] = -4.0 * ((*x)[j] - 2.0); }
    return out;
}
";

struct Case {
    name: &'static str,
    problem: Problem,
    log_z: f64,
    time: f64,
    steps: u32,
}

fn main() -> wfr::Result<()> {
    println!(
        "| target | integrator | K | log Z − truth | ± | sd over seeds | order | acceptance |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for case in cases()? {
        let gpu = gpu(&case.problem)?;
        for integrator in Integrator::ALL {
            let with = |steps| measure(&gpu, &case, &case.config(integrator, steps)?);
            let measured = with(case.steps)?;
            let order = if integrator.is_exact() {
                "none".into()
            } else {
                let coarse = with(case.steps / 4)?;
                let seen = |m: &Measured| m.bias.abs() > 4.0 * m.error();
                match seen(&coarse) && seen(&measured) {
                    true => format!("{:.2}", (coarse.bias / measured.bias).abs().log2() / 2.0),
                    false => "not seen".into(),
                }
            };
            print(&case, &integrator.to_string(), case.steps, &measured, &order);
        }
        for integrator in [Integrator::KernelRatio, Integrator::Mala, Integrator::Baoab] {
            let config = case.config(integrator, case.steps)?;
            let tuned = tune(&gpu, &case.problem, &config, &Tuning::default())?.config;
            let measured = measure(&gpu, &case, &tuned)?;
            print(&case, &format!("{integrator}, tuned"), case.steps, &measured, "");
        }
    }
    println!();
    println!("| integrator | ns per particle and step | tamed, ns |");
    println!("| --- | ---: | ---: |");
    let well = Problem::new(
        Target::double_well(2)?.set("a", 20.0)?.set("c", 0.1)?,
        Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?,
        Flow::annealed(),
    )?;
    let gpu = gpu(&well)?;
    for integrator in Integrator::ALL {
        let [free, tamed] = [false, true].map(|taming| cost(&gpu, &well, integrator, taming));
        println!("| {integrator} | {:.1} | {:.1} |", free?, tamed?);
    }
    Ok(())
}

fn cases() -> wfr::Result<Vec<Case>> {
    let annealed = |target: Target, mean: &[f32], sd: &[f32]| {
        Problem::new(target, Initial::normal(mean, sd)?, Flow::annealed())
    };
    let bell = annealed(Target::from_wgsl(5, "bell.wgsl", BELL)?, &[0.0; 5], &[1.0; 5])?;
    let well = Target::double_well(2)?.set("a", 20.0)?.set("c", 0.1)?;
    let wells = Target::named("many-well", Some(8))?;
    let exact = |target: &Target| target.truth().map_or(f64::NAN, |truth| truth.log_normalizer);
    let (well_z, wells_z) = (exact(&well), exact(&wells));
    Ok(vec![
        Case {
            name: "Gaussian, d = 5",
            problem: bell,
            log_z: 2.5 * (std::f64::consts::TAU * 0.25).ln(),
            time: 2.0,
            steps: 80,
        },
        Case {
            name: "double well a = 20, c = 0.1, d = 2",
            problem: annealed(well, &[-1.0, 0.0], &[1.0, 1.0])?,
            log_z: well_z,
            time: 4.0,
            steps: 400,
        },
        Case {
            name: "many-well, d = 8",
            problem: annealed(wells, &[0.0; 8], &[1.5; 8])?,
            log_z: wells_z,
            time: 4.0,
            steps: 400,
        },
    ])
}

impl Case {
    fn config(&self, integrator: Integrator, steps: u32) -> wfr::Result<Config> {
        Ok(Config {
            particles: PARTICLES,
            schedule: Schedule::uniform(self.time, steps)?,
            integrator: Some(integrator),
            ..Config::default()
        })
    }
}

/// log Z over the seeds.
struct Measured {
    bias: f64,
    sd: f64,
    acceptance: Option<f32>,
}

impl Measured {
    fn error(&self) -> f64 {
        self.sd / (SEEDS as f64).sqrt()
    }
}

fn measure(gpu: &Gpu, case: &Case, config: &Config) -> wfr::Result<Measured> {
    let mut values = Vec::new();
    let mut acceptance = None;
    for seed in 0..SEEDS {
        let config = Config { seed, ..config.clone() };
        let info = Sampler::new(gpu, &case.problem, config)?.run()?;
        values.push(info.log_normalizer - case.log_z);
        acceptance = info.acceptance;
    }
    let n = values.len() as f64;
    let bias = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|v| (v - bias).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    Ok(Measured { bias, sd, acceptance })
}

fn print(case: &Case, integrator: &str, steps: u32, measured: &Measured, order: &str) {
    let acceptance = measured.acceptance.map_or_else(String::new, |a| format!("{a:.2}"));
    println!(
        "| {} | {integrator} | {steps} | {:+.4} | {:.4} | {:.4} | {order} | {acceptance} |",
        case.name,
        measured.bias,
        measured.error(),
        measured.sd
    );
}

/// Nanoseconds of the wall per particle and step, the median of several runs.
fn cost(gpu: &Gpu, problem: &Problem, integrator: Integrator, taming: bool) -> wfr::Result<f64> {
    let (particles, steps) = (1 << 16, 64);
    let config = Config {
        particles,
        schedule: Schedule::uniform(0.32, steps)?,
        integrator: Some(integrator),
        taming,
        ..Config::default()
    };
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut sampler = Sampler::new(gpu, problem, config.clone())?;
        pollster::block_on(sampler.info())?;
        let started = Instant::now();
        sampler.run()?;
        times.push(started.elapsed().as_nanos() as f64 / f64::from(particles) / f64::from(steps));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn gpu(problem: &Problem) -> wfr::Result<Gpu> {
    pollster::block_on(Gpu::for_problem(problem, &Config::default(), None))
}
