//! Paths of densities by their ends: the target's law and log Z, whichever way mass takes.
//!
//! Nothing is resampled here, so that the log-weights turned round are those of a run with −ψ, or
//! with the sign of every log ratio flipped, and the same moves: what assert_rejected looks at.

use wfr::{Component, Config, Diagnostics, Estimate, Flow, Gpu, Initial, Integrator, Particles};
use wfr::{Path, Pilot, Problem, Sampler, Schedule, Target};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// The end of a run without resampling.
struct End {
    particles: Particles,
    /// log of the mean weight, for each sign of the log-weights.
    log_z: [f64; 2],
    ess: f64,
}

fn log_mean_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let peak = values.clone().fold(f64::NEG_INFINITY, f64::max);
    let count = values.clone().count() as f64;
    peak + (values.map(|v| (v - peak).exp()).sum::<f64>() / count).ln()
}

fn run(gpu: &Gpu, problem: &Problem, config: &Config) -> wfr::Result<End> {
    let mut sampler = Sampler::new(gpu, problem, config.clone())?;
    let info = sampler.run()?;
    assert_eq!((info.resamplings, info.non_finite), (0, 0));
    let particles = common::particles(&sampler);
    // In memory they are relative to a constant.
    let relative = particles.log_weights().iter().map(|lw| f64::from(*lw));
    let constant = info.log_normalizer - log_mean_exp(relative.clone());
    let flipped = log_mean_exp(relative.map(|lw| -(lw + constant)));
    let ess = Diagnostics::new(&particles).ess() / particles.len() as f64;
    println!("{}: ESS {ess:.3} N, log Z {:.4}", problem.flow().name(), info.log_normalizer);
    Ok(End { particles, log_z: [info.log_normalizer, flipped], ess })
}

impl End {
    /// Mean, mass of the right side and log Z against the truth; `flip` turns the weights round.
    fn laws(
        &self,
        name: &str,
        target: &Target,
        log_z: f64,
        allowance: f64,
        flip: bool,
    ) -> Vec<Law> {
        let truth = target.truth().unwrap();
        let own = &self.particles;
        let sign = if flip { -1.0 } else { 1.0 };
        let log_weights = own.log_weights().iter().map(|lw| sign * lw).collect();
        let (positions, ancestors) = (own.positions().to_vec(), own.ancestors().to_vec());
        let particles = Particles::new(own.dim(), positions, log_weights, ancestors).unwrap();
        let diagnostics = Diagnostics::new(&particles);
        let measured =
            Estimate { value: self.log_z[usize::from(flip)], se: diagnostics.log_normalizer_se() };
        let law = |what: &str, measured, truth| {
            Law::new(format!("{name}: {what}"), measured, truth, allowance)
        };
        vec![
            law("E x", diagnostics.means()[0], truth.mean[0]),
            law("P(x > 0)", diagnostics.mass(|x| x[0] > 0.0), truth.right_mass),
            law("log Z", measured, log_z),
        ]
    }

    fn check(&self, name: &str, target: &Target, log_z: f64, allowance: f64) {
        assert_hold(&self.laws(name, target, log_z, allowance, false));
        assert_rejected(Ok(self.laws(name, target, log_z, allowance, true)));
    }
}

fn config(time: f64, steps: u32) -> Config {
    Config {
        particles: 1 << 15,
        schedule: Schedule::uniform(time, steps).unwrap(),
        ess_threshold: 0.0,
        seed: 5,
        ..Config::default()
    }
}

/// A tilted double well, with log Z = 1.68, that a normal law covers.
fn well() -> (Target, Initial, f64) {
    let target = Target::double_well(1).unwrap().set("a", 4.0).unwrap().set("c", 0.5).unwrap();
    let log_z = target.log_normalizer().unwrap();
    (target, Initial::normal(&[0.0], &[1.5]).unwrap(), log_z)
}

fn curves() -> [Path; 7] {
    [
        Path::Geometric,
        Path::power(0.25),
        Path::FisherRao,
        Path::Mixture,
        Path::power(-1.0),
        Path::arc(0.5),
        Path::hybrid(1.0, -0.5),
    ]
}

/// Every curve ends at the target, with exact weights.
///
/// Flipped, log Z is off by 33 and more along every curve.
#[test]
fn every_curve_ends_at_the_target() {
    let (target, start, log_z) = well();
    let config = config(2.0, 100);
    let problem = |path| {
        let flow = Flow::path(path).with_log_ratio(log_z);
        Problem::new(target.clone(), start.clone(), flow).unwrap()
    };
    let Some(gpu) = common::gpu(&problem(Path::Mixture), &config) else { return };
    for path in curves() {
        let end = run(&gpu, &problem(path), &config).unwrap();
        assert!(end.ess > 0.2, "{path}: ESS {} N", end.ess);
        end.check(&path.to_string(), &target, log_z, 0.0);
    }
}

/// Euler's ψ, whose bias is of order h: 0.014 in log Z at h = 0.005 in an independent program.
///
/// Flipped, P(x > 0) is off by 0.29 and more, and log Z by 6 and more but for the mixture.
#[test]
fn euler_weights_follow_curves_too() {
    let (target, start, log_z) = well();
    let config = Config { integrator: Some(Integrator::Euler), ..config(2.0, 400) };
    for path in [Path::FisherRao, Path::Mixture, Path::hybrid(1.0, -0.5)] {
        let flow = Flow::path(path).with_log_ratio(log_z);
        let problem = Problem::new(target.clone(), start.clone(), flow).unwrap();
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let end = run(&gpu, &problem, &config).unwrap();
        end.check(&format!("{path}, Euler"), &target, log_z, 0.03);
    }
}

/// A ratio that a pilot found, and one that is wrong by a factor of e² both ways: another clock,
/// the same end.
///
/// Flipped, log Z is off by more than 800.
#[test]
fn a_wrong_ratio_is_another_clock() {
    let (target, start, log_z) = well();
    let config = config(2.0, 100);
    let problem = |ratio: f64| {
        let flow = Flow::path(Path::FisherRao).with_log_ratio(ratio);
        Problem::new(target.clone(), start.clone(), flow).unwrap()
    };
    let Some(gpu) = common::gpu(&problem(0.0), &config) else { return };
    let pilot = Pilot::run(&gpu, &target, &start, &config).unwrap();
    assert_eq!(pilot, Pilot::run(&gpu, &target, &start, &config).unwrap());
    // ∫√(q₀q₁) by a sum over a grid.
    let normal = |x: f64| -0.5 * (x / 1.5).powi(2) - (1.5 * std::f64::consts::TAU.sqrt()).ln();
    let aim = |x: f64| -4.0 * (0.25 * x.powi(4) - 0.5 * x * x) - 0.5 * x - log_z;
    let grid = (0..4000).map(|k| -8.0 + (f64::from(k) + 0.5) * 0.004);
    let affinity: f64 = grid.map(|x| 0.004 * (0.5 * (normal(x) + aim(x))).exp()).sum();
    assert_hold(&[
        Law::new("pilot: log ratio", pilot.log_ratio, log_z, 0.0),
        Law::new("pilot: affinity", pilot.affinity, affinity, 0.0),
    ]);
    for ratio in [pilot.log_ratio.value, log_z - 2.0, log_z + 2.0] {
        let end = run(&gpu, &problem(ratio), &config).unwrap();
        end.check(&format!("ratio {ratio:.3}"), &target, log_z, 0.0);
    }
}

fn mixture(list: &[(f64, f64, f64)]) -> Vec<Component> {
    let one = |(weight, mean, scale): &(f64, f64, f64)| Component {
        weight: *weight,
        mean: vec![*mean, 0.5 * mean],
        scale: vec![*scale, 1.0],
    };
    list.iter().map(one).collect()
}

/// Between two mixtures in the plane, drawn on the device: pure reaction along curves, pure
/// transport, both, and the cone with pairs that move and that teleport.
///
/// Flipped, P(x > 0) is off by more than 0.1; displacement has no weights under Euler.
#[test]
fn mixtures_become_mixtures() {
    let from = mixture(&[(0.7, -1.5, 0.7), (0.3, 1.5, 0.7)]);
    let to = mixture(&[(0.35, -1.0, 0.6), (0.65, 2.0, 0.5)]);
    let (start, target) = (Initial::gaussian_mixture(&from), Target::gaussian_mixture(&to));
    let (start, target) = (start.unwrap(), target.unwrap());
    let config = Config { particles: 1 << 13, ..config(1.0, 64) };
    let flows = [
        Flow::path(Path::FisherRao),
        Flow::path(Path::Mixture),
        Flow::displacement(),
        Flow::hybrid(),
        Flow::cone(2.0),
        // Both pairs are farther than a right angle.
        Flow::cone(0.15),
    ];
    for flow in flows {
        let name = flow.name().to_string();
        let problem = Problem::new(target.clone(), start.clone(), flow).unwrap();
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let end = run(&gpu, &problem, &config).unwrap();
        assert!(end.ess > 0.1, "{name}: ESS {} N", end.ess);
        if name == "displacement" {
            assert_hold(&end.laws(&name, &target, 0.0, 0.0, false));
            // Where only the steps' error is weighed, to first order.
            assert!(end.ess > 0.9, "ESS {} N", end.ess);
        } else {
            end.check(&name, &target, 0.0, 0.0);
        }
    }
}

/// The mixture's components as they are drawn: weights, means and second moments.
///
/// With the weights of the components exchanged P(x > 0) is off by 0.4.
#[test]
fn a_mixture_is_drawn_by_its_weights() {
    let components = mixture(&[(0.7, -1.5, 0.7), (0.0, 9.0, 1.0), (0.3, 1.5, 0.4)]);
    let start = Initial::gaussian_mixture(&components).unwrap();
    let config = config(1.0, 1);
    let laws = |of: &Target| -> Option<Vec<Law>> {
        let problem = Problem::new(of.clone(), start.clone(), Flow::langevin()).unwrap();
        let sampler = common::sampler(&problem, &config)?;
        let particles = common::particles(&sampler);
        let diagnostics = Diagnostics::new(&particles);
        let truth = of.truth().unwrap();
        let mut laws =
            vec![Law::new("P(x > 0)", diagnostics.mass(|x| x[0] > 0.0), truth.right_mass, 0.0)];
        for j in 0..2 {
            let (mean, square) = (diagnostics.means()[j], diagnostics.second_moments()[j]);
            laws.push(Law::new(format!("E x{j}"), mean, truth.mean[j], 0.0));
            laws.push(Law::new(format!("E x{j}^2"), square, truth.second_moment[j], 0.0));
        }
        Some(laws)
    };
    let Some(right) = laws(&Target::gaussian_mixture(&components).unwrap()) else { return };
    assert_hold(&right);
    let wrong = mixture(&[(0.3, -1.5, 0.7), (0.7, 1.5, 0.4)]);
    assert_rejected(Ok(laws(&Target::gaussian_mixture(&wrong).unwrap()).unwrap()));
}

/// The hybrid of math: weights .8 → .3, means −1 → −3 and .5 → 2.5, scales .8 → .4 and .6 → .8, whose
/// end has E x = .85, E x² = 7.571 and P(x > 0) = .6994.
///
/// Flipped, P(x > 0) is off by 0.6.
#[test]
fn the_hybrid_moves_and_weighs() {
    let one = |weight, mean, scale| Component { weight, mean: vec![mean], scale: vec![scale] };
    let from = [one(0.8, -1.0, 0.8), one(0.2, 0.5, 0.6)];
    let to = [one(0.3, -3.0, 0.4), one(0.7, 2.5, 0.8)];
    let target = Target::gaussian_mixture(&to).unwrap();
    let truth = target.truth().unwrap();
    assert!((truth.mean[0] - 0.85).abs() < 1e-4 && (truth.right_mass - 0.6994).abs() < 1e-4);
    assert!((truth.second_moment[0] - 7.571).abs() < 1e-3);
    for integrator in [Integrator::KernelRatio, Integrator::Strang] {
        // Strang's drift step has a bias of order h; 0.01 in an independent program.
        let allowance = if integrator == Integrator::Strang { 0.015 } else { 0.0 };
        let config =
            Config { integrator: Some(integrator), particles: 1 << 14, ..config(1.0, 200) };
        let start = Initial::gaussian_mixture(&from).unwrap();
        let problem = Problem::new(target.clone(), start, Flow::hybrid()).unwrap();
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let end = run(&gpu, &problem, &config).unwrap();
        end.check(&format!("hybrid, {integrator}"), &target, 0.0, allowance);
    }
}

/// Where mass teleports, resampling is refused; elsewhere the total mass on the way is known.
#[test]
fn the_cone_path_says_what_it_needs() {
    let one = |weight, mean| Component { weight, mean: vec![mean], scale: vec![0.5] };
    let start = Initial::gaussian_mixture(&[one(1.0, -1.0)]).unwrap();
    let target = Target::gaussian_mixture(&[one(1.0, 1.0)]).unwrap();
    let problem = |length| Problem::new(target.clone(), start.clone(), Flow::cone(length)).unwrap();
    let config = config(1.0, 100);
    let Some(gpu) = common::gpu(&problem(1.0), &config) else { return };
    let resampling = Config { ess_threshold: 0.5, ..config.clone() };
    let error = Sampler::new(&gpu, &problem(0.5), resampling).unwrap_err().to_string();
    assert!(error.starts_with("ess_threshold = 0.5 would take away"), "{error}");

    for (length, mass) in [(1.0, 0.5 + 0.5 * 1.0_f64.cos()), (0.5, 0.5)] {
        let mut sampler = Sampler::new(&gpu, &problem(length), config.clone()).unwrap();
        common::advance(&mut sampler, 50);
        let info = common::info(&sampler);
        let particles = common::particles(&sampler);
        let measured = common::log_z(&info, &Diagnostics::new(&particles));
        let law =
            |truth: f64| vec![Law::new(format!("mass on the way, {length}"), measured, truth, 0.0)];
        assert_hold(&law(mass.ln()));
        assert_rejected(Ok(law(-mass.ln())));
    }
}

/// The geometric path from N(0, 1) to exp(−|x − m|²/2s²) in five dimensions, with a part of the
/// velocity that solves its continuity equation.
fn bell_velocity(part: f64) -> String {
    format!(
        "
const PART = {part:?};
fn inverse(beta: f32) -> f32 {{ return 1.0 / (1.0 - beta + beta / 0.25); }}
fn velocity(x: ptr<function, Point>, beta: f32) -> Point {{
    let v = inverse(beta);
    // mean = beta m v / s^2, v' = -3 v^2 and mean' = m v^2 / s^2.
    let mean = beta * 8.0 * v;
    var u: Point;
    for (var j = 0u; j < DIM; j++) {{
        u[j] = PART * (8.0 * v * v - 1.5 * v * ((*x)[j] - mean));
    }}
    return u;
}}
"
    )
}

const BELL_DIVERGENCE: &str = "
fn velocity_divergence(x: ptr<function, Point>, beta: f32) -> f32 {
    return -PART * 1.5 * inverse(beta) * f32(DIM);
}";

/// d log Z / dβ on that path.
fn bell_rate(beta: f64) -> f64 {
    let precision = 1.0 + 3.0 * beta;
    let log_root_tau = 0.5 * std::f64::consts::TAU.ln();
    // log Z = d [-(1 - β) log √2π + log √(2π/precision) - β m²/2s² + (β m/s²)²/2 precision].
    let square = 32.0 * (2.0 * beta * precision - 3.0 * beta * beta) / (precision * precision);
    5.0 * (log_root_tau - 1.5 / precision - 8.0 + square)
}

/// With the exact velocity all weights are equal: under Euler log Z is a sum over left ends, and
/// nothing else; the kernel ratio, which needs no divergence, weighs the error of the steps alone.
/// Half of it is half of the help.
///
/// With −u the effective sample size falls to a few particles, and log Z is off by 3.
#[test]
fn a_velocity_that_solves_the_continuity_equation_leaves_nothing_to_weigh() {
    let component = Component { weight: 1.0, mean: vec![2.0; 5], scale: vec![0.5; 5] };
    let log_z = 2.5 * (std::f64::consts::TAU * 0.25).ln();
    // Unnormalised by a formula, so that log Z is not 0.
    let target = Target::from_formula(5, "-2*sum(i, (x[i]-2)^2)").unwrap();
    let start = Initial::normal(&[0.0; 5], &[1.0; 5]).unwrap();
    let truth = Target::gaussian_mixture(&[component]).unwrap();
    let problem = |part: f64, divergence: &str| {
        let text = bell_velocity(part) + divergence;
        let flow = Flow::annealed().with_velocity("bell.wgsl", text);
        Problem::new(target.clone(), start.clone(), flow).unwrap()
    };
    let euler = |steps| Config {
        integrator: Some(Integrator::Euler),
        taming: false,
        particles: 1 << 13,
        ..config(2.0, steps)
    };
    let ratio = Config { taming: false, ..config(2.0, 160) };
    let Some(gpu) = common::gpu(&problem(1.0, ""), &ratio) else { return };

    let error = Sampler::new(&gpu, &problem(1.0, ""), euler(10)).unwrap_err().to_string();
    assert!(error.contains("write `fn velocity_divergence(x: Point, beta: f32) -> f32` in bell"));

    for steps in [40, 160] {
        let end = run(&gpu, &problem(1.0, BELL_DIVERGENCE), &euler(steps)).unwrap();
        let sum: f64 =
            (0..steps).map(|k| bell_rate(f64::from(k) / f64::from(steps)) / f64::from(steps)).sum();
        assert!(end.ess > 0.9999, "ESS {} N", end.ess);
        let measured = Estimate { value: end.log_z[0], se: 0.0 };
        println!("Euler, {steps} steps: log Z off by {:.4}", end.log_z[0] - log_z);
        // Rounding of sums of some 100 steps in single precision.
        assert_hold(&[Law::new("log Z by left ends", measured, sum, 3e-4)]);
        assert!((sum - log_z + 27.9 / f64::from(steps)).abs() < 0.1 * 27.9 / f64::from(steps));
    }

    let ends = [1.0, 0.5, 0.0, -1.0].map(|part| run(&gpu, &problem(part, ""), &ratio).unwrap());
    let laws = |end: &End| {
        let mut laws = end.laws("ratio", &truth, log_z, 0.0, false);
        // The truth's right side is all but certain: nothing to estimate.
        laws.remove(1);
        laws
    };
    assert_hold(&laws(&ends[0]));
    assert_hold(&laws(&ends[1]));
    assert!(ends[0].ess > 0.9 && ends[0].ess > ends[1].ess && ends[1].ess > ends[2].ess);
    assert!(ends[3].ess < 0.01, "against the velocity: ESS {} N", ends[3].ess);
}

/// Particles of one double well, weighted as a run left them, become those of another one: two
/// texts with the same names beside each other.
///
/// Flipped, log Z is off by 9.
#[test]
fn particles_of_one_target_become_those_of_another() {
    let well =
        |a: f64, c: f64| Target::double_well(1).unwrap().set("a", a).unwrap().set("c", c).unwrap();
    let (first, second) = (well(1.0, -0.2), well(4.0, 0.5));
    let log_z = [&first, &second].map(|target| target.log_normalizer().unwrap());
    let config = config(2.0, 50);
    let start = Initial::normal(&[0.0], &[1.5]).unwrap();
    let problem = Problem::new(first.clone(), start, Flow::annealed()).unwrap();
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let particles = run(&gpu, &problem, &config).unwrap().particles;
    let ratio = log_z[1] - log_z[0];
    for path in [Path::Geometric, Path::FisherRao] {
        let start = Initial::from_target(first.clone(), &particles).unwrap();
        let flow = Flow::path(path).with_log_ratio(ratio);
        let problem = Problem::new(second.clone(), start, flow).unwrap();
        let end = run(&gpu, &problem, &Config { seed: 6, ..config.clone() }).unwrap();
        end.check(&format!("{path} from particles"), &second, ratio, 0.0);
    }
}
