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
    /// Whether the target's density is positive there, if it is not so everywhere.
    pub support: Option<fn(&[f64]) -> bool>,
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
    /// Moves that were kept, by MALA, or refused, by the others.
    pub moves: u32,
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

/// The bounds of `shaders/integrator/refuse.wgsl`.
const REFUSE_BOUND: f64 = 2.0;
const REFUSE_FLOOR: f64 = -50.0;

impl Walker {
    /// How near a decision is.
    fn look(&mut self, distance: f64) {
        if distance.is_finite() {
            self.margin = self.margin.min(distance.abs());
        }
    }

    /// Whether exact weights carry the move; otherwise it counts as refused.
    fn within(&mut self, log_alpha: f64) -> bool {
        self.look(log_alpha.abs() - REFUSE_BOUND);
        self.refuse_unless(log_alpha.abs() <= REFUSE_BOUND)
    }

    /// Whether a step without exact weights may be made.
    fn above(&mut self, log_alpha: f64) -> bool {
        self.look(log_alpha - REFUSE_FLOOR);
        self.refuse_unless(log_alpha.is_finite() && log_alpha >= REFUSE_FLOOR)
    }

    fn refuse_unless(&mut self, kept: bool) -> bool {
        self.moves += u32::from(!kept);
        kept
    }
}

impl Stepper<'_> {
    /// The particle in `slot` at `x` at time zero.
    pub fn walker(&self, slot: u32, x: Vec<f64>) -> Walker {
        let momentum = normal_draw(self.config.seed, slot, 0, STREAM_MOMENTUM, x.len());
        Walker { slot, x, momentum, moves: 0, margin: f64::INFINITY }
    }

    /// Moves the particle by the steps [begin, end) and returns what its log-weight gains. Once it has
    /// no weight it stays.
    pub fn step(&self, walker: &mut Walker, begin: u32, end: u32) -> f64 {
        let rows = self.config.schedule.rows();
        let moment = |k: u32| {
            let Instant { dt, beta, beta_rate, .. } = rows[k as usize];
            Moment { dt: dt.into(), beta: beta.into(), beta_rate: beta_rate.into() }
        };
        let mut sum = 0.0;
        for k in begin..end {
            if sum == f64::NEG_INFINITY {
                break;
            }
            sum += self.advance(walker, k, moment(k), moment(k + 1));
        }
        sum
    }

    fn advance(&self, walker: &mut Walker, k: u32, now: Moment, next: Moment) -> f64 {
        let h = now.dt;
        let noise = normal_draw(self.config.seed, walker.slot, k, STREAM_STEP, walker.x.len());
        let before = walker.x.clone();
        let arrival = Moment { beta_rate: now.beta_rate, ..next };
        let has_path = self.has_path();
        match self.integrator {
            Integrator::Euler | Integrator::Strang => self.plain(walker, now, next, &noise),
            Integrator::Exponential if !has_path => self.plain(walker, now, next, &noise),
            // The exact integrators step for the density at the end of the step.
            Integrator::KernelRatio | Integrator::Exponential => {
                let growth = self.growth(&before, now, next);
                let proposal = self.moved(&before, next, h, &noise);
                let log_alpha = self.log_ratio(&before, &proposal, next)
                    + self.log_kernels(&before, &proposal, next, h);
                if !walker.within(log_alpha) {
                    return growth;
                }
                walker.x = proposal;
                growth + log_alpha
            }
            Integrator::Mala => {
                let proposal = self.moved(&before, next, h, &noise);
                let ratio = self.log_ratio(&before, &proposal, next)
                    + self.log_kernels(&before, &proposal, next, h);
                let word = threefry(self.config.seed, walker.slot, k, 0, STREAM_ACCEPT)[0];
                let bound = ((f64::from(word >> 1) + 0.5) / 2_147_483_648.0).ln();
                walker.look(ratio - bound);
                if ratio.is_finite() && bound < ratio {
                    walker.moves += 1;
                    walker.x = proposal;
                }
                self.growth(&before, now, next)
            }
            Integrator::Baoab => self.baoab(walker, now, arrival, h, &noise),
        }
    }

    /// Euler's move with the weight of its begin, or of both ends.
    fn plain(&self, walker: &mut Walker, now: Moment, next: Moment, noise: &[f64]) -> f64 {
        let h = now.dt;
        let arrival = Moment { beta_rate: now.beta_rate, ..next };
        let before = walker.x.clone();
        let proposal = self.moved(&before, now, h, noise);
        let log_alpha =
            self.log_ratio(&before, &proposal, next) + self.log_kernels(&before, &proposal, now, h);
        if walker.above(log_alpha) {
            walker.x = proposal;
        }
        match self.integrator {
            Integrator::Strang => 0.5 * h * (self.psi(&before, now) + self.psi(&walker.x, arrival)),
            _ => h * self.psi(&before, now),
        }
    }

    /// Moves place and momentum.
    fn baoab(&self, walker: &mut Walker, now: Moment, next: Moment, h: f64, noise: &[f64]) -> f64 {
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
        let (mut x, mut momentum) = (walker.x.clone(), walker.momentum.clone());
        kick(&x, &mut momentum);
        drift(&mut x, &momentum);
        let before = energy(&momentum);
        let keep = (-f64::from(self.config.friction) * h).exp();
        for (p, xi) in momentum.iter_mut().zip(noise) {
            *p = keep * *p + (1.0 - keep * keep).sqrt() * xi;
        }
        let after = energy(&momentum);
        drift(&mut x, &momentum);
        kick(&x, &mut momentum);
        let heat = (energy(&walker.momentum) - energy(&momentum)) - (before - after);
        let log_alpha = self.log_ratio(&walker.x, &x, next) + heat;
        let growth = self.growth(&walker.x, now, next);
        let kept = match self.has_path() {
            true => walker.within(log_alpha),
            false => walker.above(log_alpha),
        };
        if !kept {
            walker.momentum.iter_mut().for_each(|p| *p = -*p);
            return growth;
        }
        (walker.x, walker.momentum) = (x, momentum);
        if self.has_path() { growth + log_alpha } else { growth }
    }

    fn has_path(&self) -> bool {
        self.flow == Flow::Annealed
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

    /// log q(x | x′) − log q(x′ | x) of the move for the density at `at`.
    fn log_kernels(&self, x: &[f64], proposal: &[f64], at: Moment, h: f64) -> f64 {
        self.log_kernel(proposal, x, at, h) - self.log_kernel(x, proposal, at, h)
    }

    /// log ρ_next(x) − log ρ_now(x); without a path the weight is only lost outside.
    fn growth(&self, x: &[f64], now: Moment, next: Moment) -> f64 {
        if !self.has_path() {
            return if self.aim(x).is_finite() { 0.0 } else { f64::NEG_INFINITY };
        }
        match next.beta - now.beta {
            0.0 => 0.0,
            step => step * (self.aim(x) - self.initial.log_density(x)),
        }
    }

    /// log ρ(x′) − log ρ(x).
    fn log_ratio(&self, x: &[f64], proposal: &[f64], at: Moment) -> f64 {
        self.log_density(proposal, at) - self.log_density(x, at)
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
            Flow::Langevin if self.aim(x).is_finite() => 0.0,
            Flow::Langevin => f64::NEG_INFINITY,
            Flow::Annealed => at.beta_rate * (self.aim(x) - self.initial.log_density(x)),
        }
    }

    fn log_density(&self, x: &[f64], at: Moment) -> f64 {
        match self.flow {
            Flow::Langevin => self.aim(x),
            Flow::Annealed if at.beta == 0.0 => self.initial.log_density(x),
            Flow::Annealed => (1.0 - at.beta) * self.initial.log_density(x) + at.beta * self.aim(x),
        }
    }

    fn aim(&self, x: &[f64]) -> f64 {
        if self.support.is_some_and(|support| !support(x)) {
            return f64::NEG_INFINITY;
        }
        target::log_density(self.target, x).expect("a built-in target")
    }
}
