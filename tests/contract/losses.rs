//! Densities that go bad on purpose: who is lost is counted once, by step and cause, keeps a finite
//! position and has no weight; the bits do not depend on how the run is cut.

use wfr::diffusion::{Composition, Noise, Rule, ScoreModel, Spacing};
use wfr::{Bandwidth, Cause, Component, Density, ErrorKind, Losses, OnLoss, Reaction};

use super::*;

/// Beyond this first coordinate nothing is finite.
const EDGE: f32 = 1.5;

const NAN: &str = "0x7fc00000u";
const PLUS_INFINITY: &str = "0x7f800000u";

/// A standard normal whose log density, or whose score, is these bits beyond the edge.
fn spoilt(density: Option<&str>, score: Option<&str>) -> Target {
    let bits = |bits: Option<&str>| bits.unwrap_or("0u").to_string();
    let (bad_density, bad_score) = (density.is_some(), score.is_some());
    let text = format!(
        "fn hidden(bits: u32) -> f32 {{ var b = bits; return bitcast<f32>(b); }}
        fn log_density(x: Point) -> f32 {{
            let bad = {bad_density} && x.x > {EDGE};
            return select(-0.5 * dot(x, x), hidden({}), bad);
        }}
        fn score(x: Point) -> Point {{
            let bad = {bad_score} && x.x > {EDGE};
            return select(-x, Point(hidden({})), bad);
        }}",
        bits(density),
        bits(score)
    );
    Target::from_wgsl(2, "spoilt.wgsl", text).unwrap()
}

fn problem(target: Target, flow: Flow) -> Problem {
    let start = Initial::normal(&[0.0; 2], &[1.25; 2]).unwrap();
    Problem::new(target, start, flow).unwrap()
}

/// Without resampling: everybody who was lost is there at the end.
fn settings(integrator: Integrator) -> Config {
    Config {
        particles: 3000,
        schedule: Schedule::uniform(1.0, 24).unwrap(),
        integrator: Some(integrator),
        ess_threshold: 0.0,
        ..config()
    }
}

fn losses(sampler: &Sampler) -> Losses {
    pollster::block_on(sampler.losses()).unwrap()
}

/// The counts by cause, after checking what must hold of all losses.
fn checked_losses(name: &str, sampler: &Sampler) -> [u64; 3] {
    let losses = losses(sampler);
    let counts = [losses.lost.position, losses.lost.score, losses.lost.weight];
    let info = info(sampler);
    assert_eq!(info.lost, losses.lost, "{name}");
    let sum = |c: usize| losses.by_step.iter().map(|(_, row)| u64::from(row[c])).sum::<u64>();
    let sums = [sum(0), sum(1), sum(2)];
    assert_eq!(counts, sums, "{name}: rows");
    assert!(losses.by_step.windows(2).all(|pair| pair[0].0 < pair[1].0), "{name}: order");
    assert!(losses.by_step.iter().all(|(step, _)| *step <= sampler.steps()), "{name}: steps");
    let particles = particles(sampler);
    assert!(particles.positions().iter().all(|x| x.is_finite()), "{name}: positions");
    let first = losses.first.unwrap_or_else(|| panic!("{name}: nobody is lost"));
    assert_eq!(first.step, losses.by_step[0].0, "{name}: first");
    assert!(losses.by_step[0].1[first.cause as usize] > 0, "{name}: first");
    if sampler.config().ess_threshold == 0.0 {
        let lost = || (0..3000).filter(|i| particles.log_weights()[*i].is_nan());
        assert_eq!(counts.iter().sum::<u64>(), lost().count() as u64, "{name}: once each");
        assert_eq!(particles.position(first.slot as usize), first.position, "{name}: stays");
        for slot in lost() {
            let x = particles.position(slot)[0];
            assert!(x > EDGE, "{name}: {slot} was lost at {x}");
        }
    }
    counts
}

/// How many begin beyond the edge.
fn beyond(sampler: &Sampler) -> u64 {
    let particles = particles(sampler);
    particles.positions().chunks(2).filter(|x| x[0] > EDGE).count() as u64
}

#[test]
fn a_density_that_is_no_number_loses_by_weight() {
    for (bits, integrator) in
        [NAN, PLUS_INFINITY].iter().flat_map(|b| Integrator::ALL.map(|i| (b, i)))
    {
        let problem = problem(spoilt(Some(bits), None), Flow::annealed());
        let config = settings(integrator);
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let begin = beyond(&sampler);
        assert!(begin > 100);
        advance(&mut sampler, u32::MAX);
        let name = format!("{integrator} {bits}");
        let counts = checked_losses(&name, &sampler);
        // A move to beyond the edge is refused.
        assert_eq!(counts, [0, 0, begin], "{name}");
        let first = losses(&sampler).first.unwrap();
        assert_eq!((first.step, first.cause), (1, Cause::Weight), "{name}");
        assert_eq!(losses(&sampler).by_step, [(1, [0, 0, begin as u32])], "{name}");
    }
}

#[test]
fn a_score_that_is_not_finite_loses_by_score() {
    for (flow, integrator) in
        [Flow::annealed(), Flow::langevin()].iter().flat_map(|f| Integrator::ALL.map(|i| (f, i)))
    {
        if integrator == Integrator::KernelRatio && !flow.has_path() {
            continue;
        }
        let problem = problem(spoilt(None, Some(PLUS_INFINITY)), flow.clone());
        for taming in [true, false] {
            let config = Config { taming, ..settings(integrator) };
            let Some(gpu) = common::gpu(&problem, &config) else { return };
            let mut sampler = new(&gpu, &problem, &config);
            let begin = beyond(&sampler);
            advance(&mut sampler, u32::MAX);
            let name = format!("{integrator} {} {taming}", flow.name());
            // A move to beyond the edge has no way back there: it is refused.
            assert_eq!(checked_losses(&name, &sampler), [0, begin, 0], "{name}");
            assert_eq!(losses(&sampler).by_step, [(1, [0, begin as u32, 0])], "{name}");
        }
    }
}

/// A finite score that throws particles beyond all numbers: they stay where they are.
#[test]
fn a_move_beyond_all_numbers_is_refused() {
    let text = format!(
        "fn log_density(x: Point) -> f32 {{ return 0.0; }}
        fn score(x: Point) -> Point {{ return select(Point(), Point(1e38), x.x > {EDGE}); }}"
    );
    let target = Target::from_wgsl(2, "explosive.wgsl", text).unwrap();
    let problem = problem(target, Flow::langevin());
    for integrator in Integrator::ALL {
        if integrator == Integrator::KernelRatio {
            continue;
        }
        let schedule = Schedule::uniform(240.0, 24).unwrap();
        let config = Config { taming: false, stiffness: 0.0, schedule, ..settings(integrator) };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let begin = beyond(&sampler);
        advance(&mut sampler, u32::MAX);
        assert_eq!(losses(&sampler), Losses::default(), "{integrator}");
        assert_eq!(beyond(&sampler), begin, "{integrator}");
        let info = info(&sampler);
        let refused = info.refused.or(info.acceptance.map(|kept| 1.0 - kept)).unwrap();
        assert!(f64::from(refused) >= begin as f64 / 3000.0, "{integrator}: {refused}");
    }
}

#[test]
fn an_initial_law_that_draws_no_number_loses_at_time_zero() {
    let text = "fn initial_sample(slot: u32) -> Point {
            var bits = 0x7fc00000u;
            let x = f32(slot % 10u);
            return select(Point(x, 1.0), Point(x, bitcast<f32>(bits)), slot % 10u == 3u);
        }
        fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
            *out = Point();
            return 0.0;
        }";
    let initial = Initial::from_wgsl(2, "start.wgsl", text);
    let target = Target::standard_normal(2).unwrap();
    let problem = Problem::new(target, initial, Flow::langevin()).unwrap();
    let config = settings(Integrator::Euler);
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = new(&gpu, &problem, &config);
    for steps in [0, u32::MAX] {
        advance(&mut sampler, steps);
        let losses = losses(&sampler);
        assert_eq!(losses.by_step, [(0, [300, 0, 0])]);
        let first = losses.first.unwrap();
        assert_eq!((first.slot, first.cause), (3, Cause::Position));
        assert_eq!(first.position, [3.0, 0.0]);
        let particles = particles(&sampler);
        assert!((0..3000).all(|i| i % 10 != 3 || particles.position(i) == [3.0, 0.0]));
        assert_eq!(info(&sampler).non_finite, 300);
    }
}

/// A flow that knows no density, and whose rate is the target's log density: nothing keeps particles
/// from where that is no number.
fn killing() -> Flow {
    let text = "struct Local { aim: f32, score: Point }
        fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
            var score: Point;
            (*local).aim = target_log_density_and_score(x, &score);
            (*local).score = score;
        }
        fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
            return (*local).score;
        }
        fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 { return (*local).aim; }";
    Flow::from_wgsl("killing.wgsl", text, false)
}

/// With resamplings in between, and losses all along: the same bits and the same losses however the
/// run is cut, whoever looks, and in workgroups of any size.
#[test]
fn losses_do_not_depend_on_submissions_or_workgroups() {
    let annealed = Integrator::ALL.map(|integrator| (integrator, Flow::annealed(), 1));
    let killing = [Integrator::Euler, Integrator::Strang].map(|i| (i, killing(), 10));
    for (integrator, flow, steps) in annealed.into_iter().chain(killing) {
        let problem = problem(spoilt(Some(NAN), None), flow);
        let config = Config { integrator: Some(integrator), ess_threshold: 1.0, ..config() };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut expected: Option<(Bits, Losses)> = None;
        for (pieces, looks, workgroup_size) in
            [(1, false, 64), (100, false, 64), (9, true, 64), (1, false, 256), (100, true, 1)]
        {
            let config = Config { workgroup_size, ..config.clone() };
            let mut sampler = new(&gpu, &problem, &config);
            for _ in 0..pieces {
                advance(&mut sampler, 100_u32.div_ceil(pieces));
                if looks {
                    losses(&sampler);
                    info(&sampler);
                }
            }
            let name = format!("{integrator} in {pieces}, {looks}, {workgroup_size}");
            checked_losses(&name, &sampler);
            let found = (bits(&sampler), losses(&sampler));
            match &expected {
                None => {
                    assert!(found.1.by_step.len() >= steps && found.0.info[6] > 5, "{name}");
                    expected = Some(found);
                }
                Some(expected) => assert!(found == *expected, "{name}: {:?}", found.1),
            }
        }
    }
}

/// The flow whose weights come from an estimate of the population's density: the log ratio of the lost
/// is no number, and nothing is poisoned by it.
#[test]
fn a_reaction_loses_by_weight_and_goes_on() {
    for density in [
        Density::Grid { cells: None, bandwidth: Bandwidth::Silverman },
        Density::Kernel { landmarks: 500, bandwidth: Bandwidth::Silverman },
        Density::Transition { components: Some(500) },
    ] {
        let name = format!("{density:?}");
        let flow = Flow::wasserstein_fisher_rao(Reaction { density, ..Reaction::default() });
        let problem = problem(spoilt(Some(NAN), None), flow);
        let config = Config { particles: 2000, ess_threshold: 0.9, ..settings(Integrator::Euler) };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let info = sampler.run().unwrap();
        let [position, score, weight] = checked_losses(&name, &sampler);
        assert!(position == 0 && score == 0 && weight > 100, "{name}: {weight}");
        assert!(info.ess > 100.0, "{name}: {}", info.ess);
        let trace = pollster::block_on(sampler.reaction_trace()).unwrap();
        let finite =
            |e: &wfr::ReactionEvent| e.log_normalizer.is_finite() && e.relative_entropy.is_finite();
        assert!(!trace.is_empty() && trace.iter().all(finite), "{name}: {trace:?}");
    }
}

/// A reward that is no number somewhere.
#[test]
fn a_composition_loses_what_its_reward_spoils() {
    let noise = Noise::variance_preserving(0.1, 20.0);
    let one = Component { weight: 1.0, mean: vec![0.0; 2], scale: vec![1.0; 2] };
    let model = ScoreModel::gaussian_mixture(&[one.clone(), one]).unwrap();
    let models = vec![model.clone(), model];
    for (score, cause) in [(None, Cause::Weight), (Some(NAN), Cause::Score)] {
        let density = if score.is_none() { Some(NAN) } else { None };
        let composition = Composition::new(noise, models.clone(), Rule::product())
            .with_reward(spoilt(density, score), 1.0)
            .with_reward_guidance(1.0);
        let problem = composition.problem().unwrap();
        let config = Config {
            schedule: noise.schedule(Spacing::Uniform, 0.0, 60).unwrap(),
            ..settings(Integrator::KernelRatio)
        };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        advance(&mut sampler, u32::MAX);
        let counts = checked_losses(&format!("{cause:?}"), &sampler);
        assert_eq!(losses(&sampler).first.unwrap().cause, cause);
        assert!(counts[cause as usize] > 100 && counts[0] == 0, "{counts:?}");
    }
}

#[test]
fn a_run_that_should_stop_at_a_loss_stops_after_its_submission() {
    let problem = problem(spoilt(Some(NAN), None), Flow::annealed());
    let config = Config { on_loss: OnLoss::Stop, ..settings(Integrator::KernelRatio) };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = new(&gpu, &problem, &config);
    let error = sampler.advance(1).unwrap_err();
    let ErrorKind::NonFinite { lost, step, slot, cause, position } = error.kind() else {
        panic!("{error}")
    };
    assert_eq!((*step, *cause, lost.position, lost.score), (1, Cause::Weight, 0, 0));
    assert!(lost.weight > 100 && position[0] > EDGE, "{error}");
    let shown = format!(
        "slot {slot}: the log density or what it gives is not a number at x = ({:?}",
        position[0]
    );
    assert!(error.to_string().contains(&shown), "{error}");
    // What there is can be looked at, and goes no further.
    let info = info(&sampler);
    assert_eq!((info.step, info.lost, u64::from(info.non_finite)), (1, *lost, lost.weight));
    let before = bits(&sampler);
    assert_eq!(sampler.advance(10).unwrap_err().kind(), error.kind());
    assert_eq!(sampler.run().unwrap_err().kind(), error.kind());
    assert_eq!(bits(&sampler), before);
    let left = particles(&sampler).weights().iter().filter(|w| **w > 0.0).count();
    assert_eq!(left as u64, 3000 - lost.weight);
}

/// A branch that is not taken is no number at half of the places, and its density is finite at all: the
/// derived score is too, nobody is lost, and log Z and the mean are those of the quadrature.
#[test]
fn a_branch_that_is_not_taken_loses_nobody() {
    let text = "fn log_density(x: Point) -> f32 {
        return -0.5 * dot(x, x) + select(sqrt(x.x), x.x, x.x < 1.0);
    }";
    let formula = "-(x0^2 + x1^2 + x2^2 + x3^2)/2 + where(x0 < 1, x0, sqrt(x0))";
    for target in [
        Target::from_wgsl(4, "untaken.wgsl", text).unwrap(),
        Target::from_formula(4, formula).unwrap(),
    ] {
        let start = Initial::normal(&[0.0; 4], &[2.0; 4]).unwrap();
        let problem = Problem::new(target, start, Flow::annealed()).unwrap();
        assert!(matches!(problem.score(), wfr::Score::Derived { .. }));
        let schedule = Schedule::uniform(4.0, 100).unwrap();
        let config = Config { particles: 8000, schedule, ..Config::default() };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let info = sampler.run().unwrap();
        assert_eq!((info.lost.total(), losses(&sampler)), (0, Losses::default()));
        let particles = particles(&sampler);
        let diagnostics = wfr::Diagnostics::new(&particles);
        for (estimate, truth) in [
            (common::log_z(&info, &diagnostics), 1.235_046_7 + 1.5 * std::f64::consts::TAU.ln()),
            (diagnostics.mean(|x| f64::from(x[0])), 0.763_187_4),
            (diagnostics.mean(|x| f64::from(u8::from(x[0] > 0.0))), 0.809_321_8),
        ] {
            let off = (estimate.value - truth) / estimate.se;
            assert!(off.abs() < 4.0, "{estimate:?} is not {truth}: off by {off} errors");
        }
    }
}

/// A run that has done all its steps and has hardly anybody left is no result; what is left can be
/// looked at.
#[test]
fn a_run_that_loses_more_than_half_fails_and_keeps_what_is_left() {
    let text = "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }
        fn score(x: Point) -> Point {
            var bits = 0x7fc00000u;
            return select(-x, Point(bitcast<f32>(bits)), x.x < EDGE);
        }";
    for (edge, fails) in [(-1.0, false), (0.5, true)] {
        let text = text.replace("EDGE", &format!("{edge:?}"));
        let target = Target::from_wgsl(2, "half.wgsl", text).unwrap();
        let problem = problem(target, Flow::annealed());
        let schedule = Schedule::uniform(1e-3, 2).unwrap();
        let config = Config { schedule, ..settings(Integrator::KernelRatio) };
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let run = sampler.run();
        let lost = info(&sampler).lost;
        assert_eq!(run.is_err(), fails, "{edge}: {lost}");
        assert_eq!(lost.total(), lost.score, "{lost}");
        let left = particles(&sampler).weights().iter().filter(|w| **w > 0.0).count();
        assert_eq!(left as u64, 3000 - lost.score);
        let Err(error) = run else { continue };
        let ErrorKind::MostLost { lost: told, particles, first } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!((*told, *particles, first), (lost, 3000, &losses(&sampler).first));
        assert!(sampler.is_finished());
        let text =
            format!("{} by their score in a population of 3000, the first in step", lost.score);
        assert!(error.to_string().contains(&text), "{error}");
    }
}

#[test]
fn a_run_that_loses_nobody_says_so() {
    let problem = double_well(Flow::annealed());
    let config = Config { on_loss: OnLoss::Stop, ..config() };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = new(&gpu, &problem, &config);
    let info = sampler.run().unwrap();
    assert_eq!((info.lost.total(), losses(&sampler)), (0, Losses::default()));
}

/// After all weights are zero nothing moves: the particles are those of the step in the error.
#[test]
fn nothing_moves_after_all_weights_are_zero() {
    let text = "fn log_density(x: Point) -> f32 { var b = 0xff800000u; return bitcast<f32>(b); }
        fn score(x: Point) -> Point { return -x; }";
    let problem = problem(Target::from_wgsl(2, "nowhere.wgsl", text).unwrap(), Flow::annealed());
    let config = settings(Integrator::KernelRatio);
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = new(&gpu, &problem, &config);
    // One test after the first block, and the clock stands.
    advance(&mut sampler, 8);
    let before = particles(&sampler);
    advance(&mut sampler, u32::MAX);
    assert_eq!(particles(&sampler), before);
    let error = pollster::block_on(sampler.info()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::AllWeightsZero { step: 7, .. }), "{error}");
}
