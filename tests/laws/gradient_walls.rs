//! The reaction of the gradient flow where the target's support ends, and without the bias of its blur:
//! means, squares and the mass next to walls against quadrature.
//!
//! Particles are moved by Metropolis steps, which leave the target as it is: what is off is the
//! reaction's. It is strong beside the transport, so that it decides. Bounds are four textbook standard
//! errors, doubled for weights and resamplings, as for the flow without walls.

use wfr::{
    Bandwidth, Config, Density, Diagnostics, Estimate, Flow, Gpu, Initial, Integrator, Problem,
    Reaction, Realisation, Schedule, Splitting, Target,
};

use crate::common::{self, Law, assert_hold, assert_rejected};

type Function = Box<dyn Fn(&[f64]) -> f64>;

/// A law on part of a box, a start that covers it, and what is asked of it.
struct Case {
    name: &'static str,
    formula: &'static str,
    start: Initial,
    /// The least box that holds all but nothing of the law, the same for each coordinate.
    sides: [f64; 2],
    log_density: fn(&[f64]) -> f64,
    questions: Vec<(&'static str, Function)>,
}

impl Case {
    fn dim(&self) -> usize {
        self.start.dim() as usize
    }

    /// Mean and variance of each question, by midpoints.
    fn truths(&self) -> Vec<[f64; 2]> {
        let nodes: usize = if self.dim() == 1 { 50_000 } else { 500 };
        let [low, high] = self.sides;
        let middle = |k: usize| low + (high - low) * (k as f64 + 0.5) / nodes as f64;
        let mut sums = vec![[0.0; 2]; self.questions.len()];
        let mut total = 0.0;
        for k in 0..nodes.pow(self.dim() as u32) {
            let x: Vec<f64> =
                (0..self.dim()).map(|j| middle(k / nodes.pow(j as u32) % nodes)).collect();
            let weight = (self.log_density)(&x).exp();
            total += weight;
            for ((_, ask), sum) in self.questions.iter().zip(&mut sums) {
                let answer = ask(&x);
                sum[0] += weight * answer;
                sum[1] += weight * answer * answer;
            }
        }
        let moments = |[first, second]: [f64; 2]| {
            let mean = first / total;
            [mean, second / total - mean * mean]
        };
        sums.into_iter().map(moments).collect()
    }

    fn problem(&self, reaction: Reaction) -> Problem {
        let target = Target::from_formula(self.dim() as u32, self.formula).unwrap();
        let flow = Flow::wasserstein_fisher_rao(reaction);
        Problem::new(target, self.start.clone(), flow).unwrap()
    }

    /// The answers of all seeds together, with `allowance` for what is not noise.
    fn laws(
        &self,
        gpu: &Gpu,
        reaction: &Reaction,
        config: &Config,
        seeds: u64,
        allowance: f64,
    ) -> wfr::Result<Vec<Law>> {
        let problem = self.problem(reaction.clone());
        let mut answers = vec![0.0; self.questions.len()];
        for seed in 0..seeds {
            let config = Config { seed, ..config.clone() };
            let mut sampler = wfr::Sampler::new(gpu, &problem, config)?;
            sampler.run()?;
            let particles = common::particles(&sampler);
            let diagnostics = Diagnostics::new(&particles);
            for ((_, ask), answer) in self.questions.iter().zip(&mut answers) {
                let asked = |x: &[f32]| ask(&x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>());
                *answer += diagnostics.mean(asked).value / seeds as f64;
            }
        }
        let samples = f64::from(config.particles) * seeds as f64;
        let law = |(((what, _), value), [mean, variance]): (((&str, _), f64), [f64; 2])| {
            let name = format!(
                "{}, {}, {}: {what}",
                self.name,
                reaction.density.name(),
                reaction.realisation
            );
            let estimate = Estimate { value, se: 2.0 * (variance / samples).sqrt() };
            Law::new(name, estimate, mean, allowance * variance.sqrt().max(mean.abs()))
        };
        let questions = self.questions.iter().map(|(what, ask)| (*what, ask));
        Ok(questions.zip(answers).zip(self.truths()).map(law).collect())
    }
}

fn between(j: usize, low: f64, high: f64) -> Function {
    Box::new(move |x| f64::from(u8::from((low..=high).contains(&x[j]))))
}

fn coordinate(j: usize) -> Function {
    Box::new(move |x| x[j])
}

fn square(j: usize) -> Function {
    Box::new(move |x| x[j] * x[j])
}

/// −∞ outside of a condition.
fn only_if(inside: bool, log_density: f64) -> f64 {
    if inside { log_density } else { f64::NEG_INFINITY }
}

fn interval() -> Case {
    Case {
        name: "interval",
        formula: "log(where(abs(x0) < 1, 1, 0)) - x0^2/2 - x0",
        start: Initial::uniform(&[-1.0], &[1.0]).unwrap(),
        sides: [-1.0, 1.0],
        log_density: |x| -x[0] * x[0] / 2.0 - x[0],
        questions: vec![
            ("mean", coordinate(0)),
            ("square", square(0)),
            ("left edge", between(0, -1.0, -0.9)),
            ("right edge", between(0, 0.9, 1.0)),
        ],
    }
}

fn half_line() -> Case {
    Case {
        name: "half-line",
        formula: "log(where(x0 > 0, 1, 0)) - x0",
        start: Initial::uniform(&[0.0], &[4.0]).unwrap(),
        sides: [0.0, 25.0],
        log_density: |x| -x[0],
        questions: vec![
            ("mean", coordinate(0)),
            ("edge", between(0, 0.0, 0.1)),
            ("beyond 2", between(0, 2.0, 25.0)),
        ],
    }
}

/// The start is not the law, so that the reaction has something to do.
fn flat() -> Case {
    Case {
        name: "flat",
        formula: "log(where(abs(x0) < 1, 1, 0))",
        start: Initial::normal(&[0.5], &[0.8]).unwrap(),
        sides: [-1.0, 1.0],
        log_density: |_| 0.0,
        questions: vec![
            ("mean", coordinate(0)),
            ("square", square(0)),
            ("left edge", between(0, -1.0, -0.9)),
            ("right edge", between(0, 0.9, 1.0)),
        ],
    }
}

/// The same with numbers in place of −∞.
fn flat_to(name: &'static str, formula: &'static str) -> Case {
    Case { name, formula, ..flat() }
}

fn rectangle() -> Case {
    Case {
        name: "box",
        formula: "log(where(x0 > 0, 1, 0)) + log(where(x0 < 1, 1, 0)) + log(where(x1 > 0, 1, 0)) \
                  + log(where(x1 < 1, 1, 0)) - 2*x0 - x1^2",
        start: Initial::uniform(&[0.0, 0.0], &[1.0, 1.0]).unwrap(),
        sides: [0.0, 1.0],
        log_density: |x| -2.0 * x[0] - x[1] * x[1],
        questions: vec![
            ("mean of x0", coordinate(0)),
            ("mean of x1", coordinate(1)),
            ("square of x0", square(0)),
            ("left edge", between(0, 0.0, 0.1)),
            ("right edge", between(0, 0.9, 1.0)),
            ("upper edge", between(1, 0.9, 1.0)),
            ("lower left corner", Box::new(|x| f64::from(u8::from(x[0] < 0.15 && x[1] < 0.15)))),
        ],
    }
}

fn hole() -> Case {
    Case {
        name: "hole",
        formula: "log(where(x0^2 + x1^2 > 0.49, 1, 0)) - x0^2/2 - x1^2/2 + x0/2",
        start: Initial::normal(&[0.0, 0.0], &[1.3, 1.3]).unwrap(),
        sides: [-6.0, 6.5],
        log_density: |x| {
            let radius = x[0] * x[0] + x[1] * x[1];
            only_if(radius > 0.49, -radius / 2.0 + x[0] / 2.0)
        },
        questions: vec![
            ("mean of x0", coordinate(0)),
            ("square of x1", square(1)),
            ("rim", Box::new(|x| f64::from(u8::from(x[0] * x[0] + x[1] * x[1] < 0.64)))),
        ],
    }
}

fn reaction(density: Density, realisation: Realisation) -> Reaction {
    Reaction { rate: 10.0, density, splitting: Splitting::TransportFirst, realisation }
}

fn config(particles: u32, realisation: Realisation) -> Config {
    let jumps = realisation == Realisation::Jumps;
    Config {
        particles,
        schedule: Schedule::uniform(1.5, 300).unwrap(),
        integrator: Some(Integrator::Mala),
        ess_every: 2,
        ess_threshold: if jumps { 1.0 } else { 0.5 },
        taming: false,
        ..Config::default()
    }
}

/// A law holds with the reaction.
fn assert_holds(case: &Case, density: &Density, realisation: Realisation, bounds: (u32, f64)) {
    let (particles, allowance) = bounds;
    let right = reaction(density.clone(), realisation);
    let config = config(particles, realisation);
    let Some(gpu) = common::gpu(&case.problem(right.clone()), &config) else { return };
    assert_hold(&case.laws(&gpu, &right, &config, 1, allowance).unwrap());
}

/// It holds by weights, and not with a reaction of the other sign.
fn assert_right(case: &Case, density: &Density, particles: u32, allowance: f64) {
    let weights = Realisation::Weights;
    assert_holds(case, density, weights, (particles, allowance));
    let wrong = Reaction { rate: -10.0, ..reaction(density.clone(), weights) };
    let config = config(particles, weights);
    let Some(gpu) = common::gpu(&case.problem(wrong.clone()), &config) else { return };
    assert_rejected(case.laws(&gpu, &wrong, &config, 1, allowance));
}

fn grid(bandwidth: f32) -> Density {
    Density::Grid { cells: None, bandwidth: Bandwidth::Fixed(vec![bandwidth]) }
}

fn kernel(bandwidth: f32) -> Density {
    Density::Kernel { landmarks: 1024, bandwidth: Bandwidth::Fixed(vec![bandwidth]) }
}

/// A hundredth is allowed. A population blurred over the wall, and the target not, has a quarter more
/// than its share next to it, and the mean of the interval is off by 0.04.
///
/// Flipped, the mass piles up at one wall.
#[test]
fn on_a_grid_the_mass_next_to_a_wall_is_right() {
    assert_holds(&interval(), &grid(0.15), Realisation::Jumps, (1 << 15, 0.01));
    for case in [interval(), half_line()] {
        assert_right(&case, &grid(0.15), 1 << 15, 0.01);
    }
    for case in [rectangle(), hole()] {
        assert_right(&case, &grid(0.15), 1 << 15, 0.015);
    }
}

/// A kernel counts by its share inside of the support. The target is not blurred, which matters where
/// it has a slope at a wall: 0.03 is allowed for kernels of width 0.1. Where it is flat 0.01 is, though
/// kernels are as wide as 0.3: without their shares inside, the edges have a fifth more and E x² is
/// 0.36 in place of 1/3.
#[test]
fn by_kernels_the_mass_next_to_a_wall_is_right() {
    assert_right(&flat(), &kernel(0.3), 1 << 13, 0.01);
    for case in [
        flat_to("flat to -1e30", "where(abs(x0) < 1, 0, -1e30)"),
        flat_to("flat to -100", "where(abs(x0) < 1, 0, -100)"),
    ] {
        assert_holds(&case, &kernel(0.3), Realisation::Weights, (1 << 13, 0.01));
    }
    assert_holds(&interval(), &kernel(0.1), Realisation::Jumps, (1 << 13, 0.03));
    for case in [interval(), half_line(), rectangle(), hole()] {
        assert_right(&case, &kernel(0.1), 1 << 13, 0.03);
    }
}

/// Wells of width 0.16 under kernels of width 0.5: a population blurred so far is nowhere near the
/// target, and the same blur of both cancels. Without it E x0² is 0.963 for 0.937, and E x1² 0.81 for 1.
///
/// Flipped, the masses of the wells are wrong.
#[test]
fn the_bandwidth_of_a_grid_leaves_no_bias() {
    let case = Case {
        name: "double well",
        formula: "-20*(x0^4/4 - x0^2/2) - 0.1*x0 - x1^2/2",
        start: Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap(),
        sides: [-6.0, 6.0],
        log_density: |x| {
            let square = x[0] * x[0];
            -20.0 * (square * square / 4.0 - square / 2.0) - 0.1 * x[0] - x[1] * x[1] / 2.0
        },
        questions: vec![
            ("square of x0", square(0)),
            ("square of x1", square(1)),
            ("right well", between(0, 0.0, 6.0)),
            ("outer flank", between(0, 1.15, 6.0)),
        ],
    };
    assert_right(&case, &grid(0.5), 1 << 15, 0.01);
}

/// At the end the population is distributed as the target, and the blurred laws say so: their relative
/// entropy is nothing, and their ratio is Z.
#[test]
fn the_trace_of_a_grid_tells_log_z_and_no_relative_entropy() {
    let case = interval();
    let right = reaction(grid(0.15), Realisation::Weights);
    let config = config(1 << 15, Realisation::Weights);
    let Some(gpu) = common::gpu(&case.problem(right.clone()), &config) else { return };
    let mut sampler = wfr::Sampler::new(&gpu, &case.problem(right), config).unwrap();
    sampler.run().unwrap();
    let trace = pollster::block_on(sampler.reaction_trace()).unwrap();
    let late: Vec<_> = trace.iter().filter(|event| event.time > 1.0).collect();
    let mean = |of: &dyn Fn(&wfr::ReactionEvent) -> f64| {
        late.iter().map(|event| of(event)).sum::<f64>() / late.len() as f64
    };
    // ∫ exp(−x²/2 − x) over the interval is e^0.679223.
    let log_z = mean(&|event| event.log_normalizer);
    assert!((log_z - 0.679_223).abs() < 0.01, "log Z {log_z}");
    let entropy = mean(&|event| event.relative_entropy.into());
    assert!((0.0..0.003).contains(&entropy), "relative entropy {entropy}");
}
