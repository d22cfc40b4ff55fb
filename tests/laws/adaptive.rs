//! Schedules that the device chooses: the same laws as under a fixed one, for every path, and
//! whatever the size and the sign of the likelihood.
//!
//! A schedule that looks at the particles biases log Z by O(1/N); 40/N is allowed for it.

use wfr::{Adaptive, Config, Estimate, Flow, Info, Initial, Problem, Sampler, Schedule, Target};

use crate::common::{self, Law, assert_hold, assert_rejected};
use crate::gaussian::bell;

/// A problem for any flow, its schedule, and the truths of [`measure`].
struct Case<'a> {
    problem: &'a dyn Fn(Flow) -> Problem,
    flow: Flow,
    flipped: Flow,
    particles: u32,
    adaptive: Adaptive,
    seeds: u64,
    truths: [f64; 3],
}

/// log Z, E x₀ and E x₀².
fn measure(info: &Info, diagnostics: &wfr::Diagnostics<'_>) -> Vec<Estimate> {
    let moment = |power: i32| diagnostics.mean(|x| f64::from(x[0]).powi(power));
    vec![common::log_z(info, diagnostics), moment(1), moment(2)]
}

impl Case<'_> {
    /// Asserts the laws, that the flipped flow breaks them, and returns the βs of the first seed.
    fn check(&self, name: &str) -> Option<Schedule> {
        let config = Config {
            particles: self.particles,
            schedule: Schedule::adaptive(self.adaptive).unwrap(),
            ..Config::default()
        };
        let gpu = common::gpu(&(self.problem)(self.flow.clone()), &config)?;
        let laws = |flow: &Flow, config: &Config, seeds: u64| -> wfr::Result<Vec<Law>> {
            let problem = (self.problem)(flow.clone());
            let measured = common::averaged(&gpu, &problem, config, 0..seeds, measure)?;
            let allowance = 40.0 / f64::from(config.particles);
            let quantities = ["log Z", "E x", "E x²"].iter().zip(self.truths).zip(measured);
            Ok(quantities
                .map(|((quantity, truth), measured)| {
                    Law::new(format!("{name}: {quantity}"), measured, truth, allowance)
                })
                .collect())
        };
        assert_hold(&laws(&self.flow, &config, self.seeds).unwrap());
        let stages = Adaptive { max_stages: 100, ..self.adaptive };
        let small = Config {
            particles: 2048,
            schedule: Schedule::adaptive(stages).unwrap(),
            ..config.clone()
        };
        assert_rejected(laws(&self.flipped, &small, 1));
        let mut sampler = Sampler::new(&gpu, &(self.problem)(self.flow.clone()), config).unwrap();
        sampler.run().unwrap();
        let schedule = pollster::block_on(sampler.schedule()).unwrap();
        let trace = pollster::block_on(sampler.trace()).unwrap();
        let reached = trace.iter().filter(|event| event.cess.is_some_and(|cess| cess >= 0.95));
        println!("{name}: {} stages, first β {:e}", trace.len(), schedule.beta(1));
        assert_eq!(reached.count(), trace.len(), "{name}: a stage went too far");
        assert_eq!(schedule.steps(), trace.len() as u32 * self.adaptive.moves_per_stage);
        Some(schedule)
    }
}

fn annealed(case: Case<'_>) -> Case<'_> {
    Case { flow: Flow::annealed(), flipped: common::annealed_with_flipped_sign(), ..case }
}

fn normal(target: Target, mean: f32, sd: f32) -> impl Fn(Flow) -> Problem {
    move |flow| {
        let dim = target.dim() as usize;
        let start = Initial::normal(&vec![mean; dim], &vec![sd; dim]).unwrap();
        Problem::new(target.clone(), start, flow).unwrap()
    }
}

fn case<'a>(problem: &'a dyn Fn(Flow) -> Problem, truths: [f64; 3]) -> Case<'a> {
    annealed(Case {
        problem,
        flow: Flow::annealed(),
        flipped: Flow::annealed(),
        particles: 1 << 14,
        adaptive: Adaptive { max_stages: 400, ..Adaptive::default() },
        seeds: 2,
        truths,
    })
}

/// log Z, E x and E x² of a target that is known.
fn truths(target: &Target) -> [f64; 3] {
    let truth = target.truth().unwrap();
    [truth.log_normalizer, truth.mean[0], truth.second_moment[0]]
}

#[test]
fn a_gaussian_in_five_dimensions_has_the_closed_form_log_z() {
    let log_z = 2.5 * (std::f64::consts::TAU * 0.25).ln();
    let problem = |flow| bell(5, flow);
    case(&problem, [log_z, 1.0, 1.25]).check("bell");
}

#[test]
fn double_wells_agree_with_quadrature() {
    for (a, c) in [(4.0, 0.0), (20.0, 0.1)] {
        let target = Target::double_well(2).unwrap().set("a", a).unwrap().set("c", c).unwrap();
        let truths = truths(&target);
        let problem = move |flow| {
            let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
            Problem::new(target.clone(), start, flow).unwrap()
        };
        case(&problem, truths).check(&format!("a = {a}"));
    }
}

#[test]
fn many_wells_in_eight_dimensions_have_their_log_z() {
    let target = Target::many_well(8).unwrap();
    let truths = truths(&target);
    assert!((truths[0] - 41.1739).abs() < 1e-3);
    let problem = normal(target, 0.0, 1.5);
    case(&problem, truths).check("many-well");
}

/// A path that is not geometric: log ρ = log((1 − β) p₀ + β π).
const MIXTURE: &str = "
struct Local { initial: f32, aim: f32, initial_score: Point, aim_score: Point }
fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    var score: Point;
    (*local).initial = initial_log_density_and_score(x, &score);
    (*local).initial_score = score;
    (*local).aim = target_log_density_and_score(x, &score);
    (*local).aim_score = score;
}
fn mixture_peak(local: ptr<function, Local>) -> f32 {
    return max((*local).initial, (*local).aim);
}
fn mixture_share(local: ptr<function, Local>, beta: f32) -> f32 {
    let peak = mixture_peak(local);
    let aim = beta * exp((*local).aim - peak);
    return aim / (aim + (1.0 - beta) * exp((*local).initial - peak));
}
fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    let w = mixture_share(local, at.beta);
    return (1.0 - w) * (*local).initial_score + w * (*local).aim_score;
}
fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    let w = mixture_share(local, at.beta);
    return at.beta_rate * (w / max(at.beta, 1e-30) - (1.0 - w) / max(1.0 - at.beta, 1e-30));
}
fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    let peak = mixture_peak(local);
    let aim = at.beta * exp((*local).aim - peak);
    return peak + log(aim + (1.0 - at.beta) * exp((*local).initial - peak));
}
";

#[test]
fn a_mixture_of_densities_is_a_path_too() {
    let log_z = (std::f64::consts::TAU * 0.25).ln();
    let problem = |flow| bell(2, flow);
    let by = "fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {\n    return \
              -right_flow_log_density(local, at);\n}\n";
    let flipped = common::replaced(MIXTURE, "flow_log_density", by);
    let case = Case {
        flow: Flow::from_wgsl("mixture.wgsl", MIXTURE, true),
        flipped: Flow::from_wgsl("flipped.wgsl", flipped, true),
        ..case(&problem, [log_z, 1.0, 1.25])
    };
    case.check("mixture");
}

/// A wide start on one side: the log-likelihood falls to −10⁶ and is skewed to the left or to the
/// right. The first increment is below 10⁻⁴, and the number of stages grows with the logarithm of
/// the scale only.
#[test]
fn a_huge_one_sided_likelihood_takes_a_sensible_number_of_stages() {
    for (mean, log_z) in [(60.0, 0.5 * std::f64::consts::TAU.ln()), (-60.0, 0.918_938_533)] {
        let target = Target::from_formula(1, &format!("-0.5*(x0 - ({mean:.1}))^2")).unwrap();
        let problem = normal(target, 0.0, 200.0);
        let base = case(&problem, [log_z, mean, mean * mean + 1.0]);
        let adaptive = Adaptive { moves_per_stage: 32, dt: 0.5, ..base.adaptive };
        let Some(schedule) = Case { adaptive, ..base }.check("one-sided") else { return };
        assert!(schedule.beta(1) < 1e-4, "{}", schedule.beta(1));
        assert!(schedule.steps() < 100 * 32, "{} steps", schedule.steps());
    }
}

/// A wall of height 5 · 10⁸ (x − 1)² that a sixth of the particles are behind. Only an exponent of
/// some 10⁻⁹ is bearable at first; once they are gone it may grow at once. One tiny step per stage:
/// the kernel ratio loses in practice what steps through a wall.
///
/// The truth is the normal below 1: log Z = log(√2π Φ(1)), E x = −φ(1)/Φ(1), E x² = 1 + E x.
#[test]
fn the_exponent_may_start_as_slowly_as_it_must() {
    let wall = "
        fn log_density(x: Point) -> f32 {
            let behind = max(0.0, x[0] - 1.0);
            return -0.5 * x[0] * x[0] - 5e8 * behind * behind;
        }
        fn score(x: Point) -> Point {
            var out: Point;
            out[0] = -x[0] - 1e9 * max(0.0, x[0] - 1.0);
            return out;
        }";
    let problem = normal(Target::from_wgsl(1, "wall.wgsl", wall).unwrap(), 0.0, 1.0);
    let (inside, at) = (0.841_344_746_068_543_f64, 0.241_970_724_519_143);
    let log_z = 0.5 * std::f64::consts::TAU.ln() + inside.ln();
    let mean = -at / inside;
    let base = case(&problem, [log_z, mean, 1.0 + mean]);
    let adaptive = Adaptive { moves_per_stage: 1, dt: 1e-8, ..base.adaptive };
    let Some(schedule) = Case { adaptive, ..base }.check("wall") else { return };
    assert!(schedule.beta(1) < 2e-8, "{}", schedule.beta(1));
    assert!(schedule.steps() < 100, "{} steps", schedule.steps());
}

/// The schedule of one run in others: nothing adapts, and the mean of exp(log Z) over seeds is Z.
///
/// log Z itself is low by half its variance, for which 40/N is ample. Flipped, it is off by 9.
#[test]
fn the_schedule_of_a_run_is_one_for_others() {
    let adaptive = Adaptive { max_stages: 100, ..Adaptive::default() };
    let config = Config {
        particles: 2048,
        schedule: Schedule::adaptive(adaptive).unwrap(),
        seed: 99,
        ..Config::default()
    };
    let Some(gpu) = common::gpu(&bell(2, Flow::annealed()), &config) else { return };
    let laws = |flow: Flow, seeds: u64| -> wfr::Result<Vec<Law>> {
        let problem = bell(2, flow);
        let mut pilot = Sampler::new(&gpu, &problem, config.clone())?;
        pilot.run()?;
        let schedule = pollster::block_on(pilot.schedule())?;
        let config = Config { schedule, ess_every: adaptive.moves_per_stage, ..config.clone() };
        let estimates = common::averaged(&gpu, &problem, &config, 0..seeds, |info, d| {
            let (value, se) = (info.log_normalizer.exp(), d.log_normalizer_se());
            vec![Estimate { value, se: value * se }, common::log_z(info, d)]
        })?;
        let z = std::f64::consts::TAU * 0.25;
        Ok(vec![
            Law::new("Z", estimates[0], z, 0.0),
            Law::new("log Z", estimates[1], z.ln(), 40.0 / f64::from(config.particles)),
        ])
    };
    assert_hold(&laws(Flow::annealed(), 8).unwrap());
    assert_rejected(laws(common::annealed_with_flipped_sign(), 1));
}
