//! Densities under constraints, written through `shaders/transform.wgsl`, have the moments of the
//! laws they are written for, and log Z = 0.

use wfr::{Config, Diagnostics, Estimate, Flow, Info, Initial, Problem, Schedule, Target};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// Five independent laws, normalised; `jacobian` is 1 unless a test spoils it.
///
/// x0: Gamma(3, 2). x1: Beta(2, 5). x2: the exponential law cut off to (−1, 3). x3, x4: the lesser
/// and the greater of two standard normals. x5 to x7: Dirichlet(1, 2, 3, 4).
const CONSTRAINED: &str = "
override jacobian: f32 = 1.0;
fn log_normal(z: f32) -> f32 { return -0.5 * z * z - 0.9189385; }
fn log_density(x: ptr<function, Point>) -> f32 {
    let rate = transform_positive((*x)[0]);
    var sum = log(4.0) + 2.0 * log(rate) - 2.0 * rate;
    var slopes = transform_positive_log_jacobian((*x)[0]);

    let share = transform_unit((*x)[1]);
    sum += log(30.0) + log(share) + 4.0 * transform_log_logistic(-(*x)[1]);
    slopes += transform_unit_log_jacobian((*x)[1]);

    let place = transform_interval((*x)[2], -1.0, 3.0);
    // -log(1 - exp(-4))
    sum += 0.018485447 - (place + 1.0);
    slopes += transform_interval_log_jacobian((*x)[2], -1.0, 3.0);

    let greater = transform_ordered((*x)[4], (*x)[3]);
    sum += log(2.0) + log_normal((*x)[3]) + log_normal(greater);
    slopes += transform_ordered_log_jacobian((*x)[4]);

    // log of Gamma(10) / (Gamma(1) Gamma(2) Gamma(3) Gamma(4))
    sum += log(30240.0);
    var stick = transform_simplex_begin();
    for (var k = 0u; k < 3u; k++) {
        stick = transform_simplex_step((*x)[5u + k], stick.log_rest, 3u - k);
        sum += f32(k) * stick.log_value;
        slopes += stick.log_jacobian;
    }
    sum += 3.0 * stick.log_rest;
    return sum + jacobian * slopes;
}
";

/// The constrained values at a point, in double precision.
fn constrained(x: &[f32]) -> [f64; 9] {
    let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
    let mut values = [0.0; 9];
    values[0] = x[0].exp();
    values[1] = logistic(x[1]);
    values[2] = 4.0 * logistic(x[2]) - 1.0;
    values[3] = x[3];
    values[4] = x[3] + x[4].exp();
    let mut rest = 1.0;
    for k in 0..3 {
        let part = rest * logistic(x[5 + k] - (3.0 - k as f64).ln());
        values[5 + k] = part;
        rest -= part;
    }
    values[8] = rest;
    values
}

/// A moment, and what it is by the textbook.
type Moment = (&'static str, f64, fn(&[f64; 9]) -> f64);

const MOMENTS: [Moment; 15] = [
    ("Gamma: mean", 1.5, |v| v[0]),
    ("Gamma: second", 3.0, |v| v[0] * v[0]),
    // ψ(3) − log 2
    ("Gamma: log", 0.229_637_154_5, |v| v[0].ln()),
    ("Beta: mean", 2.0 / 7.0, |v| v[1]),
    ("Beta: second", 6.0 / 56.0, |v| v[1] * v[1]),
    // −4 / (e⁴ − 1), and from ∫ u² exp(−u) over (0, 4)
    ("interval: mean", -0.074_629_441_5, |v| v[2]),
    ("interval: second", 0.701_482_234_2, |v| v[2] * v[2]),
    // −1 / √π and its opposite
    ("ordered: lesser", -0.564_189_583_5, |v| v[3]),
    ("ordered: greater", 0.564_189_583_5, |v| v[4]),
    ("ordered: product", 0.0, |v| v[3] * v[4]),
    ("Dirichlet: 1", 0.1, |v| v[5]),
    ("Dirichlet: 2", 0.2, |v| v[6]),
    ("Dirichlet: 3", 0.3, |v| v[7]),
    ("Dirichlet: 4", 0.4, |v| v[8]),
    ("Dirichlet: 1 and 4", 4.0 / 110.0, |v| v[5] * v[8]),
];

/// Flipped, log Z is off by 56; without the Jacobians by 13, and with their sign turned round by 38.
#[test]
fn constrained_laws_have_their_moments() {
    let config = Config {
        particles: 1 << 14,
        schedule: Schedule::uniform(4.0, 400).unwrap(),
        ..Config::default()
    };
    let problem = |jacobian: f64, flow: Flow| {
        let target = Target::from_wgsl(8, "constrained.wgsl", CONSTRAINED).unwrap();
        let start = Initial::normal(&[0.0; 8], &[1.5; 8]).unwrap();
        Problem::new(target.set("jacobian", jacobian).unwrap(), start, flow).unwrap()
    };
    let right = problem(1.0, Flow::annealed());
    let Some(gpu) = common::gpu(&right, &config) else { return };
    let estimates = |info: &Info, diagnostics: &Diagnostics<'_>| -> Vec<Estimate> {
        let moment = |(_, _, f): &Moment| diagnostics.mean(|x| f(&constrained(x)));
        let moments = MOMENTS.iter().map(moment);
        [common::log_z(info, diagnostics)].into_iter().chain(moments).collect()
    };
    let laws = |problem: &Problem, config: &Config, seeds: u64| -> wfr::Result<Vec<Law>> {
        let measured = common::averaged(&gpu, problem, config, 0..seeds, estimates)?;
        let truths = [("log Z", 0.0)].into_iter().chain(MOMENTS.map(|(name, t, _)| (name, t)));
        let law = |((name, truth), measured)| Law::new(name, measured, truth, 0.0);
        Ok(truths.zip(measured).map(law).collect())
    };
    let held = laws(&right, &config, 2).unwrap();
    assert_hold(&held);
    assert!(held.iter().all(|law| law.measured.se < 0.05), "too blunt to tell");
    let small = Config { particles: 4096, ..config.clone() };
    assert_rejected(laws(&problem(1.0, common::annealed_with_flipped_sign()), &small, 1));
    for jacobian in [0.0, -1.0] {
        assert_rejected(laws(&problem(jacobian, Flow::annealed()), &small, 1));
    }
}
