//! Twin of `shaders/step.wgsl` with the flows and integrators it links: one particle in `f64`.
//!
//! Positions and log-weights are to be compared within a bound: the device rounds to `f32`.

use super::initial::Normal;
use super::normal::normal_draw;
use super::target;
use super::threefry::{STREAM_ACCEPT, STREAM_MOMENTUM, STREAM_STEP, threefry};
use crate::layout::Instant;
use crate::{Config, Integrator, Target};

/// The built-in flows: `shaders/flow/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// dx = ∇ log π dt + √2 dW.
    Langevin,
    /// Along log ρ = (1 − β) log p₀ + β log π, with ψ = β′ (log π − log p₀).
    Annealed,
}

/// What moves a particle.
#[derive(Debug, Clone, Copy)]
pub struct Stepper<'a> {
    /// A built-in target.
    pub target: &'a Target,
    /// The initial law.
    pub initial: &'a Normal,
    /// The equation.
    pub flow: Flow,
    /// The rate ε of transport.
    pub transport: f64,
    /// How a step is done.
    pub integrator: Integrator,
    /// Times, path parameters, seed of the noise, taming, preconditioner, friction and stiffness.
    pub config: &'a Config,
}

/// A particle in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct Walker {
    /// Its slot.
    pub slot: u32,
    /// Its position.
    pub x: Vec<f64>,
    /// Its momentum, where the integrator carries one.
    pub momentum: Vec<f64>,
    /// Proposed moves that were accepted, where the integrator may reject them.
    pub accepted: u32,
    /// The least distance of a logarithm of acceptance from its bound: within rounding of it
    /// the device may decide otherwise.
    pub margin: f64,
}

/// A row of the schedule as the device has it.
#[derive(Debug, Clone, Copy)]
struct Moment {
    dt: f64,
    beta: f64,
    beta_rate: f64,
}

/// How far a move goes along a coordinate: x′ = x + length · drift + noise · ξ.
#[derive(Debug, Clone, Copy)]
struct Reach {
    length: f64,
    noise: f64,
}

impl Stepper<'_> {
    /// The particle in `slot` at `x` at time zero.
    pub fn walker(&self, slot: u32, x: Vec<f64>) -> Walker {
        let momentum = normal_draw(self.config.seed, slot, 0, STREAM_MOMENTUM, x.len());
        Walker { slot, x, momentum, accepted: 0, margin: f64::INFINITY }
    }

    /// Moves the particle by the steps [begin, end) and returns what its log-weight gains.
    pub fn step(&self, walker: &mut Walker, begin: u32, end: u32) -> f64 {
        let rows = self.config.schedule.rows();
        let moment = |k: u32| {
            let Instant { dt, beta, beta_rate, .. } = rows[k as usize];
            Moment { dt: dt.into(), beta: beta.into(), beta_rate: beta_rate.into() }
        };
        (begin..end).map(|k| self.advance(walker, k, moment(k), moment(k + 1))).sum()
    }

    fn advance(&self, walker: &mut Walker, k: u32, now: Moment, next: Moment) -> f64 {
        let h = now.dt;
        let noise = normal_draw(self.config.seed, walker.slot, k, STREAM_STEP, walker.x.len());
        let before = walker.x.clone();
        let arrival = Moment { beta_rate: now.beta_rate, ..next };
        let has_path = self.flow == Flow::Annealed;
        match self.integrator {
            Integrator::Euler => {
                walker.x = self.moved(&before, now, h, &noise);
                h * self.psi(&before, now)
            }
            Integrator::Strang => {
                walker.x = self.moved(&before, now, h, &noise);
                0.5 * h * (self.psi(&before, now) + self.psi(&walker.x, arrival))
            }
            Integrator::Exponential if !has_path => {
                walker.x = self.moved(&before, now, h, &noise);
                h * self.psi(&before, now)
            }
            // The exact integrators step for the density at the end of the step.
            Integrator::KernelRatio | Integrator::Exponential => {
                walker.x = self.moved(&before, next, h, &noise);
                self.log_density(&walker.x, next) - self.log_density(&before, now)
                    + self.log_kernel(&walker.x, &before, next, h)
                    - self.log_kernel(&before, &walker.x, next, h)
            }
            Integrator::Mala => {
                let proposal = self.moved(&before, next, h, &noise);
                let ratio = self.log_density(&proposal, next) - self.log_density(&before, next)
                    + self.log_kernel(&proposal, &before, next, h)
                    - self.log_kernel(&before, &proposal, next, h);
                let word = threefry(self.config.seed, walker.slot, k, 0, STREAM_ACCEPT)[0];
                let bound = ((f64::from(word >> 1) + 0.5) / 2_147_483_648.0).ln();
                walker.margin = walker.margin.min((ratio - bound).abs());
                if bound < ratio {
                    walker.accepted += 1;
                    walker.x = proposal;
                }
                self.log_density(&before, next) - self.log_density(&before, now)
            }
            Integrator::Baoab => {
                let heat = self.baoab(walker, next, h, &noise);
                let gain = self.log_density(&walker.x, next) - self.log_density(&before, now);
                if has_path { gain + heat } else { 0.0 }
            }
        }
    }

    /// Moves place and momentum and returns the logarithm of the path's and its reverse's ratio.
    fn baoab(&self, walker: &mut Walker, next: Moment, h: f64, noise: &[f64]) -> f64 {
        let energy = |p: &[f64]| 0.5 * p.iter().map(|p| p * p).sum::<f64>();
        let h = self.transport * h;
        let kick = |x: &[f64], p: &mut [f64]| {
            for (j, (p, score)) in p.iter_mut().zip(self.score(x, next)).enumerate() {
                let force = self.mobility(j).sqrt() * score;
                let tamed = if self.config.taming { 1.0 + 0.5 * h * h * force.abs() } else { 1.0 };
                *p += 0.5 * h * force / tamed;
            }
        };
        let drift = |x: &mut [f64], p: &[f64]| {
            for (j, (x, p)) in x.iter_mut().zip(p).enumerate() {
                *x += 0.5 * h * self.mobility(j).sqrt() * p;
            }
        };
        let Walker { x, momentum, .. } = walker;
        let start = energy(momentum);
        kick(x, momentum);
        drift(x, momentum);
        let before = energy(momentum);
        let keep = (-f64::from(self.config.friction) * h).exp();
        for (p, xi) in momentum.iter_mut().zip(noise) {
            *p = keep * *p + (1.0 - keep * keep).sqrt() * xi;
        }
        let after = energy(momentum);
        drift(x, momentum);
        kick(x, momentum);
        (start - energy(momentum)) - (before - after)
    }

    fn mobility(&self, j: usize) -> f64 {
        self.config.preconditioner.as_ref().map_or(1.0, |m| m[j].into())
    }

    /// The exact solution for a score −κx where the integrator has it, Euler's move elsewhere.
    fn reach(&self, j: usize, h: f64) -> Reach {
        let rate = self.transport * self.mobility(j);
        let kappa = f64::from(self.config.stiffness);
        if self.integrator == Integrator::Exponential && kappa > 0.0 {
            let z = kappa * rate * h;
            let (length, variance) =
                (-(-z).exp_m1() / (kappa * rate), -(-2.0 * z).exp_m1() / kappa);
            return Reach { length, noise: variance.sqrt() };
        }
        Reach { length: h, noise: (2.0 * rate * h).sqrt() }
    }

    /// x + length · drift, the drift that of the density at `at`.
    fn mean(&self, x: &[f64], at: Moment, h: f64) -> Vec<f64> {
        let axes = x.iter().zip(self.score(x, at)).enumerate();
        let mean = axes.map(|(j, (x, score))| {
            let (m, Reach { length, .. }) = (self.mobility(j), self.reach(j, h));
            let drift = self.transport * m * score;
            let tamed =
                if self.config.taming { 1.0 + length * drift.abs() / m.sqrt() } else { 1.0 };
            x + length * drift / tamed
        });
        mean.collect()
    }

    fn moved(&self, x: &[f64], at: Moment, h: f64, noise: &[f64]) -> Vec<f64> {
        let mean = self.mean(x, at, h).into_iter().zip(noise).enumerate();
        mean.map(|(j, (mean, xi))| mean + self.reach(j, h).noise * xi).collect()
    }

    /// The logarithm of the density of a move, up to its constant.
    fn log_kernel(&self, from: &[f64], to: &[f64], at: Moment, h: f64) -> f64 {
        let axes = self.mean(from, at, h).into_iter().zip(to).enumerate();
        axes.map(|(j, (mean, to))| -0.5 * ((to - mean) / self.reach(j, h).noise).powi(2)).sum()
    }

    fn score(&self, x: &[f64], at: Moment) -> Vec<f64> {
        let aim = target::score(self.target, x).expect("a built-in target");
        match self.flow {
            Flow::Langevin => aim,
            Flow::Annealed => {
                let pairs = self.initial.score(x).into_iter().zip(aim);
                pairs.map(|(initial, aim)| (1.0 - at.beta) * initial + at.beta * aim).collect()
            }
        }
    }

    fn psi(&self, x: &[f64], at: Moment) -> f64 {
        match self.flow {
            Flow::Langevin => 0.0,
            Flow::Annealed => at.beta_rate * (self.aim(x) - self.initial.log_density(x)),
        }
    }

    fn log_density(&self, x: &[f64], at: Moment) -> f64 {
        match self.flow {
            Flow::Langevin => self.aim(x),
            Flow::Annealed => (1.0 - at.beta) * self.initial.log_density(x) + at.beta * self.aim(x),
        }
    }

    fn aim(&self, x: &[f64]) -> f64 {
        target::log_density(self.target, x).expect("a built-in target")
    }
}
