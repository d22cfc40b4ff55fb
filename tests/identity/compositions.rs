//! Every rule of composition: the log-weight's rate against the equation, whose right side knows only
//! the definition of the combined density and how noise is added.

use wfr::diffusion::{Composition, Curve, Noise, Rule, ScoreModel};
use wfr::reference::compose::{Composer, Reward};
use wfr::{Component, Target};

use super::*;

/// log ρ at β from the densities of the models.
type Definition = fn(f64, &[f64]) -> f64;

struct Case {
    rule: Rule,
    models: usize,
    definition: Definition,
}

/// Every rule from its definition; parameters that change are linear in β.
fn cases() -> Vec<Case> {
    let line = Curve::linear;
    let case = |rule, models, definition| Case { rule, models, definition };
    vec![
        case(Rule::annealed(2.0), 1, |_, q| 2.0 * q[0].ln()),
        case(Rule::annealed(line(0.5, 2.0)), 3, |b, q| (0.5 + 1.5 * b) * (q[0] * q[1] * q[2]).ln()),
        case(Rule::product(), 3, |_, q| (q[0] * q[1] * q[2]).ln()),
        case(Rule::geometric(0.4), 2, |_, q| 0.6 * q[0].ln() + 0.4 * q[1].ln()),
        case(Rule::geometric(line(0.1, 0.6)), 2, |b, q| {
            q[0].ln() + (0.1 + 0.5 * b) * (q[1] / q[0]).ln()
        }),
        case(Rule::guidance(line(1.0, 2.5)), 2, |b, q| {
            q[0].ln() + (1.0 + 1.5 * b) * (q[1] / q[0]).ln()
        }),
        case(Rule::log_linear(vec![line(0.9, 0.4), 0.7.into(), line(-0.3, 0.2)]), 3, |b, q| {
            (0.9 - 0.5 * b) * q[0].ln() + 0.7 * q[1].ln() + (0.5 * b - 0.3) * q[2].ln()
        }),
        case(Rule::mixture(0.4), 2, |_, q| (0.6 * q[0] + 0.4 * q[1]).ln()),
        case(Rule::mixture(line(0.1, 0.6)), 2, |b, q| {
            (q[0] + (0.1 + 0.5 * b) * (q[1] - q[0])).ln()
        }),
        case(Rule::fisher_rao(0.4), 2, |_, q| (0.6 * q[0].sqrt() + 0.4 * q[1].sqrt()).powi(2).ln()),
        case(Rule::fisher_rao(line(0.1, 0.6)), 2, |b, q| {
            let b = 0.1 + 0.5 * b;
            ((1.0 - b) * q[0].sqrt() + b * q[1].sqrt()).powi(2).ln()
        }),
        case(Rule::arc(line(0.2, 0.9), 1.1), 2, |b, q| {
            let b = 0.2 + 0.7 * b;
            let [from, to] = [(1.0 - b) * 1.1, b * 1.1].map(|part: f64| part.sin() / 1.1_f64.sin());
            (from * q[0].sqrt() + to * q[1].sqrt()).powi(2).ln()
        }),
        case(Rule::power_mean(line(0.2, 0.8), shares()), 3, |b, q| mean(0.2 + 0.6 * b, b, q)),
        case(Rule::power_mean(-1.0, shares()), 3, |b, q| mean(-1.0, b, q)),
        case(Rule::power_mean(1.0, shares()), 3, |b, q| mean(1.0, b, q)),
        // The limit of p = 0 is of shares that sum to 1.
        case(Rule::power_mean(0.0, shares()), 3, |b, q| {
            let shares = SHARES.map(|(from, to)| from + (to - from) * b);
            let total: f64 = shares.iter().sum();
            shares.iter().zip(q).map(|(share, q)| share / total * q.ln()).sum()
        }),
    ]
}

/// Where the share of each model begins and ends.
const SHARES: [(f64, f64); 3] = [(0.5, 0.2), (0.3, 0.3), (0.4, 0.9)];

fn shares() -> Vec<Curve> {
    SHARES.map(|(from, to)| Curve::linear(from, to)).to_vec()
}

fn mean(p: f64, b: f64, q: &[f64]) -> f64 {
    let term = |((from, to), q): (&(f64, f64), &f64)| (from + (to - from) * b) * q.powf(p);
    SHARES.iter().zip(q).map(term).sum::<f64>().ln() / p
}

/// Weight, mean and standard deviation per axis of a component in the plane.
type Part = (f64, [f64; 2], [f64; 2]);

const LAWS: [[Part; 2]; 3] = [
    [(0.3, [-1.5, 0.5], [0.5, 0.75]), (0.7, [0.5, -0.25], [0.75, 1.0])],
    [(0.6, [-0.5, 0.25], [0.625, 0.5]), (0.4, [1.25, 0.5], [0.5, 0.75])],
    [(0.5, [0.0, 1.0], [1.0, 0.5]), (0.5, [0.5, -1.0], [0.5, 0.625])],
];

fn models(count: usize) -> Vec<ScoreModel> {
    let component = |&(weight, mean, scale): &Part| Component {
        weight,
        mean: mean.to_vec(),
        scale: scale.to_vec(),
    };
    let model = |law: &[_; 2]| {
        ScoreModel::gaussian_mixture(&law.iter().map(component).collect::<Vec<_>>()).unwrap()
    };
    LAWS[..count].iter().map(model).collect()
}

/// The density of model `i` at a level of noise.
fn noised(noise: &Noise, i: usize, x: &[f64], tau: f64) -> f64 {
    let (alpha, sigma) = (noise.alpha(tau), noise.sigma(tau));
    let component = |(weight, mean, sd): &Part| -> f64 {
        let axis = |j: usize| {
            let variance = (alpha * sd[j]).powi(2) + sigma * sigma;
            let peak = (std::f64::consts::TAU * variance).sqrt();
            (-0.5 * (x[j] - alpha * mean[j]).powi(2) / variance).exp() / peak
        };
        weight * axis(0) * axis(1)
    };
    LAWS[i].iter().map(component).sum()
}

/// r = −(x₀ − 1)²/2 + 0.3 sin 2x₁ + 0.2 x₀x₁.
fn reward(x: &[f64]) -> Reward {
    Reward {
        value: -0.5 * (x[0] - 1.0).powi(2) + 0.3 * (2.0 * x[1]).sin() + 0.2 * x[0] * x[1],
        slope: vec![1.0 - x[0] + 0.2 * x[1], 0.6 * (2.0 * x[1]).cos() + 0.2 * x[0]],
        laplacian: -1.0 - 1.2 * (2.0 * x[1]).sin(),
    }
}

/// The strength of the reward at β.
const STRENGTH: (f64, f64) = (0.2, 1.5);

/// The constants of a drift that is not the score of ρ.
const FROZEN: [f64; 3] = [0.3, 0.6, 0.25];

/// How a composition is run.
#[derive(Debug, Clone, Copy)]
struct Way {
    eta: f64,
    frozen: bool,
    /// λ, where there is a reward.
    reward: Option<f64>,
}

fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for eta in [0.0, 0.6, 1.0, 1.4] {
        for frozen in [false, true] {
            for reward in [None, Some(0.5 * eta * eta), Some(0.0), Some(1.0)] {
                ways.push(Way { eta, frozen, reward });
            }
        }
    }
    ways
}

/// One case run in one way from the time `time`, when β is `beta`.
struct Run<'a> {
    case: &'a Case,
    way: Way,
    noise: Noise,
    time: f64,
}

/// β at the time of the run, and its rate.
const BEGIN: f64 = 0.4;
const RATE: f64 = 0.7;

impl Run<'_> {
    fn composition(&self) -> Composition {
        let rule = self.case.rule.clone();
        let composition = Composition::new(self.noise, models(self.case.models), rule)
            .with_stochasticity(self.way.eta);
        let composition = match self.way.frozen {
            true => {
                let shares = FROZEN[..self.case.models].iter().map(|share| (*share).into());
                composition.with_frozen_drift(shares.collect())
            }
            false => composition,
        };
        match self.way.reward {
            Some(lambda) => {
                let text = "-0.5*(x0 - 1)^2 + 0.3*sin(2*x1) + 0.2*x0*x1";
                let target = Target::from_formula(2, text).unwrap();
                composition
                    .with_reward(target, Curve::linear(STRENGTH.0, STRENGTH.1))
                    .with_reward_guidance(lambda)
            }
            None => composition,
        }
    }

    /// What the host's oracle adds to the log-weight in a short step, per unit of time.
    fn coded(&self, composition: &Composition, x: &[f64]) -> f64 {
        let h = 1e-7;
        let points = [(self.time, BEGIN), (self.time + h, BEGIN + RATE * h)];
        let schedule = Schedule::from_points(&points).unwrap();
        let config = Config { schedule, ..Config::default() };
        let integrator = Integrator::Euler;
        let composer = Composer { composition, reward, integrator, config: &config };
        let mut walker = composer.walker(0, x.to_vec());
        composer.step(&mut walker, 0, 1) / h
    }

    /// log ρ without the reward, `late` after the run's time.
    fn log_density(&self, x: &[f64], late: f64) -> f64 {
        let tau = self.noise.end() - self.time - late;
        let densities: Vec<f64> =
            (0..self.case.models).map(|i| noised(&self.noise, i, x, tau)).collect();
        (self.case.definition)(BEGIN + RATE * late, &densities)
    }

    fn tilted(&self, x: &[f64], late: f64) -> f64 {
        let tilt = match self.way.reward {
            Some(_) => {
                let (from, to) = STRENGTH;
                (from + (to - from) * (BEGIN + RATE * late)) * reward(x).value
            }
            None => 0.0,
        };
        self.log_density(x, late) + tilt
    }

    /// f/x and g² of the noising process, from how signal and noise change with τ.
    fn process(&self) -> (f64, f64) {
        let (noise, tau) = (self.noise, self.noise.end() - self.time);
        let pull = slope(|e| noise.alpha(tau + e).ln());
        let growth = slope(|e| noise.sigma(tau + e).powi(2));
        (pull, growth - 2.0 * pull * noise.sigma(tau).powi(2))
    }

    /// The drift −f + κ g² V + λ g² B ∇r along an axis.
    fn drift(&self, x: &[f64], j: usize) -> f64 {
        let (pull, diffusion) = self.process();
        let along = |f: &dyn Fn(&[f64]) -> f64| slope(|e| f(&shifted(x, j, e)));
        let score = match self.way.frozen {
            true => {
                let tau = self.noise.end() - self.time;
                let one = |i: usize| along(&|x| noised(&self.noise, i, x, tau).ln());
                (0..self.case.models).map(|i| FROZEN[i] * one(i)).sum()
            }
            false => along(&|x| self.log_density(x, 0.0)),
        };
        let tilt = match self.way.reward {
            Some(lambda) => {
                let strength = STRENGTH.0 + (STRENGTH.1 - STRENGTH.0) * BEGIN;
                lambda * strength * along(&|x| reward(x).value)
            }
            None => 0.0,
        };
        -pull * x[j] + diffusion * (0.5 * (1.0 + self.way.eta.powi(2)) * score + tilt)
    }

    /// The right side of the equation.
    fn psi(&self, x: &[f64]) -> f64 {
        let (_, diffusion) = self.process();
        let variance = self.way.eta.powi(2) * diffusion;
        let mut psi = slope(|e| self.tilted(x, e));
        for j in 0..x.len() {
            let s = slope(|e| self.tilted(&shifted(x, j, e), 0.0));
            let curved = curvature(|e| self.tilted(&shifted(x, j, e), 0.0));
            psi += slope(|e| self.drift(&shifted(x, j, e), j)) + self.drift(x, j) * s
                - 0.5 * variance * (curved + s * s);
        }
        psi
    }
}

/// Residuals are relative to 1 + |ψ|, above rounding in the second differences and in gains over
/// steps of 1e-7: at most 3e-6 is left. With −ψ they are up to 2.
#[test]
fn compositions_satisfy_the_equation() {
    let noises = [
        (Noise::variance_preserving(0.1, 20.0), [0.4, 0.8]),
        (Noise::sub_variance_preserving(0.1, 12.0), [0.5, 0.7]),
        (Noise::variance_exploding(0.01, 4.0), [2.5, 3.4]),
    ];
    let points: Vec<_> = points(2).into_iter().step_by(13).collect();
    for case in cases() {
        let (mut right, mut wrong) = (0.0_f64, 0.0_f64);
        let mut largest = 0.0_f64;
        for (way, (noise, times)) in ways().into_iter().zip(noises.into_iter().cycle()) {
            for time in times {
                let run = Run { case: &case, way, noise, time };
                let composition = run.composition();
                for x in &points {
                    let psi = run.psi(x);
                    let coded = run.coded(&composition, x);
                    let error = (coded - psi).abs() / (1.0 + psi.abs());
                    let name = format!("{} in {way:?} at {time} of {noise}", case.rule);
                    assert!(error < 1e-5, "{name}: {coded} is not {psi}");
                    right = right.max(error);
                    wrong = wrong.max((-coded - psi).abs() / (1.0 + psi.abs()));
                    largest = largest.max(psi.abs());
                }
            }
        }
        println!("{}: residual {right:.1e}, −ψ {wrong:.1e}, ψ to {largest:.0}", case.rule);
        assert!(wrong > 0.5, "{}: −ψ passes with {wrong:e}", case.rule);
    }
}

/// A mixture of constant shares follows its own reverse SDE: there is no weight whose sign could be
/// wrong.
#[test]
fn a_constant_mixture_needs_no_weights() {
    let all = cases();
    let case = all.iter().find(|case| case.rule == Rule::mixture(0.4)).unwrap();
    let noise = Noise::variance_preserving(0.1, 20.0);
    let way = Way { eta: 1.0, frozen: false, reward: None };
    let run = Run { case, way, noise, time: 0.7 };
    let composition = run.composition();
    for x in points(2) {
        let psi = run.psi(&x);
        assert!(psi.abs() < 1e-5, "{psi}");
        assert_eq!(run.coded(&composition, &x), 0.0);
    }
}
