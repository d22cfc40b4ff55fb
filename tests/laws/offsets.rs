//! What is added to a log density whatever the position changes nothing but log Z, and long sums over
//! data lose nothing that weights could tell.

use std::f64::consts::TAU;

use wfr::{Config, Data, Diagnostics, Estimate, Flow, Initial, Integrator, Path, Problem};
use wfr::{Schedule, Target};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// Positions, log-weights and log Z.
fn run(target: Target, flow: Flow, config: &Config) -> Option<(Vec<u32>, f64)> {
    let start = Initial::normal(&[0.2], &[2.0]).unwrap();
    let problem = Problem::new(target, start, flow).unwrap();
    let mut sampler = common::sampler(&problem, config)?;
    let info = sampler.run().unwrap();
    let particles = common::particles(&sampler);
    let all = particles.positions().iter().chain(particles.log_weights());
    Some((all.map(|x| x.to_bits()).collect(), info.log_normalizer))
}

/// The same bits with constants from moderate to absurd, and log Z moved by them.
#[test]
fn a_constant_changes_no_bit() {
    let config = |integrator| Config {
        particles: 1000,
        schedule: Schedule::uniform(1.0, 40).unwrap(),
        integrator: Some(integrator),
        ..Config::default()
    };
    let formula = |text: &str| Target::from_formula(1, text).unwrap();
    let text = |constant: &str| {
        let text = format!("fn log_density(x: Point) -> f32 {{ return {constant}0.5*x[0]*x[0]; }}");
        Target::from_wgsl(1, "mine.wgsl", text).unwrap()
    };
    let power = |log_ratio| Flow::path(Path::FisherRao).with_log_ratio(log_ratio);
    for (integrator, with, without, constant, flow) in [
        (Integrator::KernelRatio, formula("-x0^2/2 - 1e7"), formula("-x0^2/2"), -1e7, None),
        (Integrator::KernelRatio, formula("-x0^2/2 - 1e12"), formula("-x0^2/2"), -1e12, None),
        (Integrator::Euler, formula("-x0^2/2 + 123.25"), formula("-x0^2/2"), 123.25, None),
        (
            Integrator::Mala,
            formula("-x0^2/2 + c").set("c", 1e9).unwrap(),
            formula("-x0^2/2"),
            1e9,
            None,
        ),
        (Integrator::KernelRatio, text("1e7 - "), text("-"), 1e7, None),
        // The path of power means is the one between the whole densities.
        (Integrator::KernelRatio, formula("-x0^2/2 + 64"), formula("-x0^2/2"), 64.0, Some(64.0)),
    ] {
        let config = config(integrator);
        let flow = |log_ratio: f64| flow.map_or(Flow::annealed(), |_| power(log_ratio));
        let (shifted, plain) = (flow(constant), flow(0.0));
        let Some(with) = run(with, shifted, &config) else { return };
        let Some(without) = run(without, plain, &config) else { return };
        assert!(with.0 == without.0, "{constant}: positions or log-weights differ");
        let off = (with.1 - without.1 - constant).abs();
        assert!(off <= 1e-9 + 1e-15 * constant.abs(), "{constant}: log Z {} {}", with.1, without.1);
    }
}

const ROWS: usize = 20_000;

/// A posterior of 20,000 observations with something added to each term.
///
/// A wrong prior, the flipped side, is off by far more than the errors.
#[test]
fn sums_of_many_rows_have_the_right_log_z() {
    // Quantiles of N(0.7, 1): no random numbers are needed.
    let y: Vec<f32> = (0..ROWS)
        .map(|n| {
            let u = (n as f64 + 0.5) / ROWS as f64;
            let logit = (u / (1.0 - u)).ln();
            (0.7 + 0.55 * logit) as f32
        })
        .collect();
    let (count, sum) = (ROWS as f64 + 1.0, y.iter().map(|y| f64::from(*y)).sum::<f64>());
    let squares = y.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>();
    let data = Data::new(ROWS, 1, y).unwrap();
    let config = Config {
        particles: 1000,
        schedule: Schedule::uniform(0.0005, 48).unwrap(),
        ..Config::default()
    };
    for offset in [0.0, 10.0, 100.0] {
        let log_z = 0.5 * (TAU / count).ln() - 0.9189385 - 0.5 * squares + 0.5 * sum * sum / count
            - offset * ROWS as f64;
        let laws = |prior: &str| -> Option<wfr::Result<Vec<Law>>> {
            let text =
                format!("{prior} - 0.9189385 + sum(n in data.y, -(data.y[n]-x0)^2/2 - {offset})");
            let target = Target::from_formula(1, &text).unwrap().with_data("y", &data).unwrap();
            let start = Initial::normal(&[0.7], &[0.02]).unwrap();
            let problem = Problem::new(target, start, Flow::annealed()).unwrap();
            let gpu = common::gpu(&problem, &config)?;
            let measured =
                common::averaged(&gpu, &problem, &config, 0..1, |info, d: &Diagnostics| {
                    let mean = d.mean(|x| x[0].into());
                    let spread = d.mean(|x| (f64::from(x[0]) - sum / count).powi(2) * count);
                    vec![common::log_z(info, d), mean, spread]
                });
            Some(measured.map(|found: Vec<Estimate>| {
                let truths = [("log Z", log_z), ("mean", sum / count), ("spread", 1.0)];
                let laws = truths.iter().zip(found).map(|((name, truth), estimate)| {
                    Law::new(format!("offset {offset}: {name}"), estimate, *truth, 1e-4)
                });
                laws.collect()
            }))
        };
        let Some(right) = laws("-x0^2/2") else { return };
        assert_hold(&right.unwrap());
        if offset == 10.0 {
            assert_rejected(laws("-(x0 - 3)^2/2").unwrap());
        }
    }
}
