//! Every path of densities: the host's formulas against the equation, and the shaders against the
//! host.

use wfr::reference::power::PowerMean;
use wfr::reference::tracks::Tracks;
use wfr::{Component, Path as Curve};

use super::*;

/// The curves, each with an estimate of log(Z₁/Z₀) that is deliberately not right.
fn curves() -> Vec<(Curve, f64)> {
    vec![
        (Curve::Geometric, 0.0),
        (Curve::power(0.25), 0.3),
        (Curve::FisherRao, -0.7),
        (Curve::Mixture, 1.1),
        (Curve::power(-1.0), 0.4),
        (Curve::power(1e-4), 0.5),
        (Curve::arc(0.9), 0.2),
        (Curve::hybrid(1.0, -0.5), 0.6),
        (Curve::hybrid(-0.2, 0.8), -0.4),
        // p = 0 exactly where the shader is looked at.
        (Curve::hybrid(-0.25, 1.0), 0.0),
    ]
}

/// A rate per unit of β as ψ, which is per unit of time.
fn psi(rate: f64) -> f64 {
    rate * (BETA[1] - BETA[0]) / DT
}

fn logs(initial: &Normal, target: &Target, x: &[f64]) -> [f64; 2] {
    [initial.log_density(x), log_density(target, x).unwrap()]
}

/// The path of a curve with the drift of its score, and with a velocity if there is one.
fn path<'a>(mean: PowerMean, initial: &'a Normal, target: &'a Target, velocity: f64) -> Path<'a> {
    Path {
        log_density: Box::new(move |x, t| mean.log_density(logs(initial, target, x), beta(t))),
        drift: Box::new(move |x, t| {
            let share = mean.share(logs(initial, target, x), beta(t));
            let (from, to) = (initial.score(x), score(target, x).unwrap());
            let pairs = from.iter().zip(&to).zip(control(x, beta(t)));
            pairs.map(|((a, b), u)| (1.0 - share) * a + share * b + psi(velocity * u)).collect()
        }),
    }
}

/// A velocity that has nothing to do with any path, and its divergence. Rational: sines of drivers may
/// be off by 2e-4, and are on SwiftShader.
const CONTROL: &str = "
fn velocity(x: Point, beta: f32) -> Point {
    var u: Point;
    for (var j = 0u; j < DIM; j++) {
        let y = x[j] + beta;
        u[j] = y / (1.0 + y * y) - 0.3 * x[(j + 1u) % DIM];
    }
    return u;
}
fn velocity_divergence(x: Point, beta: f32) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let square = (x[j] + beta) * (x[j] + beta);
        sum += (1.0 - square) / ((1.0 + square) * (1.0 + square));
    }
    return sum;
}";

fn control(x: &[f64], beta: f64) -> Vec<f64> {
    let next = |j: usize| x[(j + 1) % x.len()];
    let pull = |y: f64| y / (1.0 + y * y);
    (0..x.len()).map(|j| pull(x[j] + beta) - 0.3 * next(j)).collect()
}

fn control_divergence(x: &[f64], beta: f64) -> f64 {
    let slope = |square: f64| (1.0 - square) / (1.0 + square).powi(2);
    x.iter().map(|x| slope((x + beta).powi(2))).sum()
}

/// ψ of a curve from the host's formulas: that of the path, and what a velocity adds.
fn coded(mean: PowerMean, initial: &Normal, target: &Target, velocity: f64, x: &[f64]) -> f64 {
    let logs = logs(initial, target, x);
    let share = mean.share(logs, BETA[0]);
    let scores = initial.score(x).into_iter().zip(score(target, x).unwrap());
    let work: f64 = scores
        .zip(control(x, BETA[0]))
        .map(|((a, b), u)| ((1.0 - share) * a + share * b) * u)
        .sum();
    let divergence = control_divergence(x, BETA[0]);
    psi(mean.rate(logs, BETA[0]) + velocity * (divergence + work))
}

fn pairs() -> Vec<Target> {
    let well = Target::double_well(2).unwrap();
    vec![
        well.set("a", 4.0).unwrap().set("c", 0.3).unwrap(),
        Target::named("gaussian-mixture", Some(2)).unwrap(),
        Target::many_well(4).unwrap(),
    ]
}

#[test]
fn power_means_satisfy_the_equation_on_the_host() {
    for target in pairs() {
        let (initial, _) = initial(target.dim());
        let points = points(target.dim() as usize);
        for (curve, log_ratio) in curves() {
            let mean = PowerMean { path: curve, log_ratio };
            for velocity in [0.0, 1.0] {
                let path = path(mean, &initial, &target, velocity);
                let psi = |x: &[f64]| coded(mean, &initial, &target, velocity, x);
                let (right, wrong) =
                    (worst(&path, &points, psi), worst(&path, &points, |x| -psi(x)));
                let name = format!("{} {curve}, u {velocity}", target.name());
                println!("{name}: residual {right:.1e}, −ψ {wrong:.1e}");
                // Powers near 0 lose digits in the definition.
                assert!(right < 3.0 * HOST_BOUND, "{name}: residual {right:e}");
                assert!(wrong > 0.1, "{name}: −ψ passes with {wrong:e}");
            }
        }
    }
}

/// Drift, ψ and −ψ of one Euler step on the device against the host's formulas.
fn step_errors(
    step: &Step,
    noise: &Step,
    path: &Path<'_>,
    psi: impl Fn(&[f64]) -> f64,
) -> [f64; 3] {
    let mut errors = [0.0_f64; 3];
    step.assert_enough_moved();
    for (i, x) in step.before.iter().enumerate().filter(|(i, _)| step.moved(*i)) {
        for (j, v) in (path.drift)(x, 0.0).iter().enumerate() {
            let moved = (step.after[i][j] - noise.after[i][j]) / DT;
            let scale = 1.0 + v.abs() + noise.after[i][j].abs() / DT;
            errors[0] = errors[0].max((moved - v).abs() / scale);
        }
        // The terms of the equation, for their size; far out their differences are too coarse.
        let (_, scale) = path.psi(x, 0.0);
        let (ours, exact) = (step.gains[i] / DT, psi(x));
        errors[1] = errors[1].max((ours - exact).abs() / scale);
        errors[2] = errors[2].max((-ours - exact).abs() / scale);
    }
    errors
}

/// A log-weight that falls below this in one step is zero for good.
const LEAST: f64 = -1_048_576.0;

/// The gain of the kernel ratio against its definition, forward with u at the begin and backward
/// with −u at the end: the right sign and the wrong one.
fn ratio_errors(
    step: &Step,
    path: &Path<'_>,
    velocity: impl Fn(&[f64], f64) -> Vec<f64>,
) -> [f64; 2] {
    let mut errors = [0.0_f64; 2];
    for ((x, y), gain) in step.before.iter().zip(&step.after).zip(&step.gains) {
        // The drift at the later time without its velocity, and the velocity of its own time.
        let drift = |from: &[f64], u_at: f64, sign: f64| -> Vec<f64> {
            let late = velocity(from, BETA[1]);
            let own = velocity(from, u_at);
            let all = (path.drift)(from, DT);
            all.iter().zip(late).zip(own).map(|((v, l), u)| v - psi(l) + sign * psi(u)).collect()
        };
        let kernel = |from: &[f64], to: &[f64], drift: &[f64]| -> f64 {
            let square = |j: usize| (to[j] - from[j] - DT * drift[j]).powi(2) / (2.0 * NOISE * DT);
            -(0..from.len()).map(square).sum::<f64>()
        };
        let mut terms = vec![(path.log_density)(y, DT), -(path.log_density)(x, 0.0)];
        // A move that is refused gains what the density grows by.
        if x != y {
            terms.push(kernel(y, x, &drift(y, BETA[1], -1.0)));
            terms.push(-kernel(x, y, &drift(x, BETA[0], 1.0)));
        }
        let scale = terms.iter().fold(1.0_f64, |scale, term| scale.max(term.abs()));
        let expected: f64 = terms.iter().sum();
        // What single precision could not restore is gone.
        if expected < LEAST && *gain == f64::NEG_INFINITY {
            continue;
        }
        errors[0] = errors[0].max((gain - expected).abs() / scale);
        errors[1] = errors[1].max((-gain - expected).abs() / scale);
    }
    errors
}

fn assert_errors(name: &str, [drift, right, flipped]: [f64; 3], [gain, wrong]: [f64; 2]) {
    println!(
        "{name}: drift {drift:.1e}, ψ {right:.1e}, −ψ {flipped:.1e}, ratio {gain:.1e} {wrong:.1e}"
    );
    assert!(drift < GPU_BOUND, "{name}: drift {drift:e}");
    assert!(right < GPU_BOUND, "{name}: ψ {right:e}");
    assert!(flipped > 0.1, "{name}: −ψ passes with {flipped:e}");
    assert!(gain < GPU_BOUND, "{name}: kernel ratio {gain:e}");
    assert!(wrong > 0.1, "{name}: a flipped ratio passes with {wrong:e}");
}

fn still(target: &Target, initial: &Initial) -> Option<Step> {
    let still = Flow::from_wgsl("still.wgsl", STILL, false);
    one_step(target, initial, still, Integrator::Euler)
}

#[test]
fn shaders_of_power_means_satisfy_the_equation() {
    let [well, _, many] = &pairs()[..] else { unreachable!("three targets") };
    let curves = curves();
    // All curves in two dimensions; some in four, where a position is another type, or with u.
    let plain = curves.iter().map(|curve| (well, curve, 0.0));
    let controlled = curves[..3].iter().map(|curve| (well, curve, 1.0));
    for (target, (curve, log_ratio), velocity) in
        plain.chain(controlled).chain([(many, &curves[2], 1.0)])
    {
        let (law, initial) = initial(target.dim());
        let Some(noise) = still(target, &initial) else { return };
        let mean = PowerMean { path: *curve, log_ratio: *log_ratio };
        let mut flow = Flow::path(*curve).with_log_ratio(*log_ratio);
        if velocity > 0.0 {
            flow = flow.with_velocity("control.wgsl", CONTROL);
        }
        let path = path(mean, &law, target, velocity);
        let euler = one_step(target, &initial, flow.clone(), Integrator::Euler).unwrap();
        let ratio = one_step(target, &initial, flow, Integrator::KernelRatio).unwrap();
        let u = |x: &[f64], beta: f64| -> Vec<f64> {
            control(x, beta).iter().map(|u| velocity * u).collect()
        };
        let coded = |x: &[f64]| coded(mean, &law, target, velocity, x);
        let name = format!("{} {curve}, u {velocity}", target.name());
        let of_step = step_errors(&euler, &noise, &path, coded);
        assert_errors(&name, of_step, ratio_errors(&ratio, &path, u));
    }
}

fn components(list: &[(f64, [f64; 2], f64)]) -> Vec<Component> {
    let one = |(weight, mean, scale): &(f64, [f64; 2], f64)| Component {
        weight: *weight,
        mean: mean.to_vec(),
        scale: vec![*scale, 1.25 * scale],
    };
    list.iter().map(one).collect()
}

/// Flows of components that travel, on the host and on the device.
#[test]
fn travelling_components_satisfy_the_equation() {
    let from = components(&[(0.6, [-1.0, 0.5], 0.8), (0.4, [1.0, 0.0], 0.6)]);
    let to = components(&[(0.3, [-1.5, 0.0], 0.5), (0.7, [1.4, 1.0], 0.9)]);
    let initial = Initial::gaussian_mixture(&from).unwrap();
    let target = Target::gaussian_mixture(&to).unwrap();
    let Some(noise) = still(&target, &initial) else { return };
    let flows = [Flow::displacement(), Flow::hybrid(), Flow::cone(1.0), Flow::cone(0.3)];
    for flow in flows {
        let name = flow.name().to_string();
        let problem = Problem::new(target.clone(), initial.clone(), flow.clone()).unwrap();
        let tracks = Tracks::of(&problem).unwrap();
        let path = Path {
            log_density: Box::new(|x, t| tracks.log_density(x, beta(t))),
            drift: Box::new(|x, t| {
                let pairs = tracks.score(x, beta(t)).into_iter().zip(tracks.velocity(x, beta(t)));
                pairs.map(|(s, u)| s + psi(u)).collect()
            }),
        };
        let coded = |x: &[f64]| psi(tracks.rate(x, BETA[0]));
        let points = points(2);
        let right = worst(&path, &points, coded);
        println!("{name}: residual {right:.1e}");
        assert!(right < 3.0 * HOST_BOUND, "{name}: residual {right:e}");
        // Displacement has no weights to turn round.
        let weighs = name != "displacement";
        let wrong = worst(&path, &points, |x| -coded(x));
        assert!(!weighs || wrong > 0.1, "{name}: −ψ passes with {wrong:e}");

        let ratio = one_step(&target, &initial, flow.clone(), Integrator::KernelRatio).unwrap();
        let u = |x: &[f64], beta: f64| tracks.velocity(x, beta);
        if name == "cone:0.3" {
            // It draws elsewhere, so that the noise of the other run is not its own; and its
            // log-weights at time zero are in what it gains.
            continue;
        }
        let euler = one_step(&target, &initial, flow, Integrator::Euler).unwrap();
        let mut of_step = step_errors(&euler, &noise, &path, coded);
        if !weighs {
            assert!(euler.gains.iter().all(|gain| gain.abs() < 1e-6));
            of_step[2] = 1.0;
        }
        assert_errors(&name, of_step, ratio_errors(&ratio, &path, u));
    }
}
