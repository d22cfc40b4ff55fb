//! Twin of `shaders/flow/compose.wgsl`, `shaders/flow/compose_rule.wgsl`, the integrators
//! `shaders/integrator/compose*.wgsl` and `shaders/initial/composed.wgsl`: one particle of a
//! composition of closed-form models in `f64`, from the definitions.
//!
//! Variances are sums over pairs and kernels are normal densities, where the shaders have the forms
//! that single precision needs.

use std::f64::consts::TAU;

use super::normal::normal_draw;
use super::threefry::STREAM_STEP;
use crate::diffusion::{Composition, Evaluation, Exponents, Interval, Survey, Tracking};
use crate::{Config, Integrator};

/// A reward r at a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Reward {
    /// r.
    pub value: f64,
    /// ∇r, (dim,).
    pub slope: Vec<f64>,
    /// Δr.
    pub laplacian: f64,
}

/// What moves a particle of a composition.
#[derive(Debug, Clone, Copy)]
pub struct Composer<'a> {
    /// Models in closed form and their rule.
    pub composition: &'a Composition,
    /// The reward's host twin; read only where the composition has a reward.
    pub reward: fn(&[f64]) -> Reward,
    /// How a step is done.
    pub integrator: Integrator,
    /// The levels of noise and the seed.
    pub config: &'a Config,
}

/// A particle in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct Walker {
    /// Its slot.
    pub slot: u32,
    /// Its position.
    pub x: Vec<f64>,
    /// log q of each model as tracked along its path, whether or not a rule asks for it.
    pub tracked: Vec<f64>,
}

/// What is known at a point and a node of the schedule.
struct Place {
    models: Vec<Evaluation>,
    reward: Reward,
    /// The strength B of the reward.
    strength: f64,
    /// aᵢ, or log Aᵢ and p.
    exponents: Exponents,
    /// log q of each model, evaluated or tracked.
    logs: Vec<f64>,
    /// aᵢ, or the parts wᵢ of a power mean.
    parts: Vec<f64>,
    /// The score of ρ without the reward.
    score: Vec<f64>,
    /// The score that moves the particle.
    drift: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn square(a: &[f64]) -> f64 {
    dot(a, a)
}

/// Σ cᵢ vᵢ.
fn combined<'a>(shares: &[f64], vectors: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut sum = Vec::new();
    for (share, vector) in shares.iter().zip(vectors) {
        sum.resize(vector.len(), 0.0);
        sum.iter_mut().zip(vector).for_each(|(sum, v)| *sum += share * v);
    }
    sum
}

/// log N(x; mean, variance I).
fn log_normal(x: &[f64], mean: &[f64], variance: f64) -> f64 {
    let squares: f64 = x.iter().zip(mean).map(|(x, m)| (x - m).powi(2)).sum();
    -0.5 * (squares / variance + x.len() as f64 * (TAU * variance).ln())
}

impl Place {
    fn scores(&self) -> impl Iterator<Item = &Vec<f64>> {
        self.models.iter().map(|model| &model.score)
    }

    /// Σ_{i<j} cᵢ cⱼ |sᵢ − sⱼ|²: the variance of the scores if the parts sum to 1.
    fn pairwise(&self) -> f64 {
        let mut sum = 0.0;
        for (i, a) in self.models.iter().enumerate() {
            for (j, b) in self.models.iter().enumerate().skip(i + 1) {
                let apart = a.score.iter().zip(&b.score).map(|(a, b)| (a - b).powi(2));
                sum += self.parts[i] * self.parts[j] * apart.sum::<f64>();
            }
        }
        sum
    }

    /// log ρ with the reward.
    fn log_density(&self) -> f64 {
        self.exponents.log_density(&self.logs) + self.strength * self.reward.value
    }

    /// The score of ρ with the reward.
    fn tilted_score(&self) -> Vec<f64> {
        combined(&[1.0, self.strength], [&self.score, &self.reward.slope].into_iter())
    }
}

impl Composer<'_> {
    /// The particle in `slot` at `x` at the largest noise.
    pub fn walker(&self, slot: u32, x: Vec<f64>) -> Walker {
        let models = self.look(&x, self.tau(0)).into_iter();
        Walker { slot, x, tracked: models.map(|model| model.log_density).collect() }
    }

    /// The log-weight of a particle drawn at `x` from the initial law N(0, σ²/A): σ at the noise's
    /// end, A the sum of exponents at β = 0.
    pub fn initial_log_weight(&self, x: &[f64]) -> f64 {
        let walker = self.walker(0, x.to_vec());
        let place = self.place(&walker, 0);
        let Composition { noise, rule, models, .. } = self.composition;
        let degree = rule.exponents(0.0, models.len()).degree();
        let variance = noise.sigma(noise.end()).powi(2) / degree;
        let origin = vec![0.0; x.len()];
        self.composition.correction * (place.log_density() - log_normal(x, &origin, variance))
    }

    /// Moves the particle by the steps [begin, end) and returns what its log-weight gains.
    pub fn step(&self, walker: &mut Walker, begin: u32, end: u32) -> f64 {
        (begin..end).map(|k| self.advance(walker, k)).sum()
    }

    fn tau(&self, k: u32) -> f64 {
        (self.composition.noise.end() - self.config.schedule.time(k)).max(0.0)
    }

    fn look(&self, x: &[f64], tau: f64) -> Vec<Evaluation> {
        let Composition { noise, models, .. } = self.composition;
        let each = models.iter().map(|model| model.exact(noise, tau, x));
        each.map(|model| model.expect("a model in closed form")).collect()
    }

    fn place(&self, walker: &Walker, k: u32) -> Place {
        let composition = self.composition;
        let beta = self.config.schedule.beta(k);
        let models = self.look(&walker.x, self.tau(k));
        let (strength, reward) = match &composition.reward {
            Some(reward) => {
                let found = self.wall(k, (self.reward)(&walker.x), reward.survey.as_ref());
                (reward.strength.at(beta), found)
            }
            None => {
                let slope = vec![0.0; walker.x.len()];
                (0.0, Reward { value: 0.0, slope, laplacian: 0.0 })
            }
        };
        let exponents = composition.rule.exponents(beta, models.len());
        let logs: Vec<f64> = match composition.tracking {
            Tracking::Exact => models.iter().map(|model| model.log_density).collect(),
            _ => walker.tracked.clone(),
        };
        // q_i^p A_i over their sum: relative to the largest, so that none is lost.
        let p = exponents.power;
        let parts: Vec<f64> = if p == 0.0 {
            exponents.each.clone()
        } else {
            let sum = p * exponents.log_density(&logs);
            exponents.each.iter().zip(&logs).map(|(a, log)| (a + p * log - sum).exp()).collect()
        };
        let scores = || models.iter().map(|model| &model.score);
        let score = combined(&parts, scores());
        let drift = match &composition.frozen {
            Some(shares) => {
                let shares: Vec<f64> = shares.iter().map(|share| share.at(beta)).collect();
                combined(&shares, scores())
            }
            None => score.clone(),
        };
        Place { models, reward, strength, exponents, logs, parts, score, drift }
    }

    /// The reward as a step by ratios takes it: at a wall a number before the last node.
    fn wall(&self, k: u32, found: Reward, survey: Option<&Survey>) -> Reward {
        let Some(survey) = survey.filter(|survey| {
            self.composition.weighs_by_ratio(self.integrator)
                && survey.is_wall(found.value, &found.slope)
        }) else {
            return found;
        };
        let flat = Reward { slope: vec![0.0; found.slope.len()], laplacian: 0.0, ..found };
        match k < self.config.schedule.steps() {
            true => Reward { value: survey.floor, ..flat },
            false if found.value == f64::NEG_INFINITY => flat,
            false => found,
        }
    }

    fn advance(&self, walker: &mut Walker, k: u32) -> f64 {
        let composition = self.composition;
        let interval = composition.noise.interval(self.tau(k), self.tau(k + 1));
        let here = self.place(walker, k);
        let before = walker.x.clone();
        let noise = normal_draw(self.config.seed, walker.slot, k, STREAM_STEP, before.len());
        let (mean, variance) = self.forward(&here, &before, interval);
        walker.x = mean.iter().zip(&noise).map(|(m, xi)| m + variance.sqrt() * xi).collect();
        for (log, model) in walker.tracked.iter_mut().zip(&here.models) {
            *log += self.tracked_gain(model, &before, &walker.x, interval);
        }
        if !composition.weighs_by_ratio(self.integrator) {
            return composition.correction * self.rate_gain(&here, &before, k, interval);
        }
        let there = self.place(walker, k + 1);
        let (back, back_variance) = self.backward(&there, &walker.x, interval);
        composition.correction
            * (there.log_density() - here.log_density() + log_normal(&before, &back, back_variance)
                - log_normal(&walker.x, &mean, variance))
    }

    /// Mean and variance of a step from `x`.
    fn forward(&self, place: &Place, x: &[f64], interval: Interval) -> (Vec<f64>, f64) {
        let composition = self.composition;
        let (stretch, length, variance) = match self.integrator {
            Integrator::Exponential => ((-interval.drift).exp(), interval.pull, interval.variance),
            _ => (1.0 - interval.drift, interval.diffusion, interval.diffusion),
        };
        let guided = composition.guidance() * place.strength * length;
        let shares = [stretch, composition.kappa() * length, guided];
        let vectors = [x.to_vec(), place.drift.clone(), place.reward.slope.clone()];
        let eta = composition.stochasticity;
        (combined(&shares, vectors.iter()), eta * eta * variance)
    }

    /// Mean and variance of the reversed process back from `x`: noising at η = 1 with the score's
    /// own drift.
    fn backward(&self, place: &Place, x: &[f64], interval: Interval) -> (Vec<f64>, f64) {
        let composition = self.composition;
        let (stretch, length, variance) = match self.integrator {
            Integrator::Exponential => {
                let shrink = interval.drift.exp();
                (shrink, interval.pull * shrink, interval.variance * shrink * shrink)
            }
            _ => (1.0 + interval.drift, interval.diffusion, interval.diffusion),
        };
        let eta = composition.stochasticity.powi(2);
        let guided = composition.guidance() * place.strength;
        let shares = [stretch, eta * length, -composition.kappa() * length, -guided * length];
        let vectors =
            [x.to_vec(), place.tilted_score(), place.drift.clone(), place.reward.slope.clone()];
        (combined(&shares, vectors.iter()), eta * variance)
    }

    /// What log q of one model gains along the way from `x` to `y`.
    fn tracked_gain(&self, model: &Evaluation, x: &[f64], y: &[f64], interval: Interval) -> f64 {
        let Interval { drift, diffusion, variance, .. } = interval;
        if self.composition.tracking == Tracking::KernelRatio {
            let shrink = drift.exp();
            let added = variance * shrink * shrink;
            let back: Vec<f64> = y.iter().map(|y| shrink * y).collect();
            let pairs = x.iter().zip(&model.score);
            let ahead: Vec<f64> = pairs.map(|(x, s)| (x + added * s) / shrink).collect();
            return log_normal(y, &ahead, added) - log_normal(x, &back, added);
        }
        let eta = self.composition.stochasticity.powi(2);
        let moved: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - x + drift * x).collect();
        drift * x.len() as f64 + dot(&model.score, &moved) - 0.5 * diffusion * square(&model.score)
            + 0.5 * (eta - 1.0) * diffusion * model.divergence
    }

    /// ψ in integrals over the step, at its left point.
    fn rate_gain(&self, place: &Place, x: &[f64], k: u32, interval: Interval) -> f64 {
        let composition = self.composition;
        let Interval { drift, diffusion, .. } = interval;
        let after =
            composition.rule.exponents(self.config.schedule.beta(k + 1), composition.models.len());
        let p = place.exponents.power;
        let growth: Vec<f64> =
            after.each.iter().zip(&place.exponents.each).map(|(b, a)| b - a).collect();
        let squares: Vec<f64> = place.scores().map(|s| square(s)).collect();
        let divergences: Vec<f64> = place.models.iter().map(|m| m.divergence).collect();
        let spread = place.pairwise();
        let mut gain = if p == 0.0 {
            let excess = place.parts.iter().sum::<f64>() - 1.0;
            excess * drift * x.len() as f64
                + 0.5 * diffusion * (excess * dot(&place.parts, &squares) - spread)
                + dot(&growth, &place.logs)
        } else {
            // log(w/A) = p log q − log Σ A qᵖ.
            let sum = p * place.exponents.log_density(&place.logs);
            let ratios: Vec<f64> = place.logs.iter().map(|log| p * log - sum).collect();
            let turn = after.power - p;
            dot(&place.parts, &growth) / p + turn / (p * p) * dot(&place.parts, &ratios)
                - 0.5 * diffusion * (1.0 - p) * spread
        };
        if let Some(shares) = &composition.frozen {
            let beta = self.config.schedule.beta(k);
            let shares: Vec<f64> = shares.iter().map(|share| share.at(beta)).collect();
            // A power mean's parts change with x, the exponents of a product do not.
            let curved = dot(&place.parts, &divergences) + p * spread;
            let score = place.tilted_score();
            gain += composition.kappa()
                * diffusion
                * (dot(&shares, &divergences) - curved + dot(&place.drift, &score)
                    - dot(&place.score, &score));
        }
        if let Some(reward) = &composition.reward {
            let Reward { value, slope, laplacian } = &place.reward;
            let strength = place.strength;
            let lambda = composition.guidance();
            let eta = composition.stochasticity.powi(2);
            let next = reward.strength.at(self.config.schedule.beta(k + 1));
            gain += (next - strength) * value - strength * drift * dot(x, slope)
                + strength * diffusion * (0.5 * (1.0 - eta) + lambda) * dot(&place.score, slope)
                + diffusion
                    * (lambda - 0.5 * eta)
                    * (strength * laplacian + strength * strength * square(slope));
        }
        gain
    }
}
