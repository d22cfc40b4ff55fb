//! Twin of `shaders/step.wgsl` with the flows and integrators it links: one particle in `f64`.
//!
//! Positions and log-weights are to be compared within a bound: the device rounds to `f32`.

use super::initial::Normal;
use super::normal::normal_draw;
use super::target;
use super::threefry::STREAM_STEP;
use crate::layout::Instant;
use crate::{Integrator, Schedule, Target};

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
    /// Whether a drift D is D / (1 + h |D|).
    pub taming: bool,
    /// The seed of the noise.
    pub seed: u64,
    /// Times and path parameters.
    pub schedule: &'a Schedule,
}

/// A row of the schedule as the device has it.
#[derive(Debug, Clone, Copy)]
struct Moment {
    dt: f64,
    beta: f64,
    beta_rate: f64,
}

impl Stepper<'_> {
    /// Moves the particle in `slot` from `x` by the steps [begin, end) and returns what its
    /// log-weight gains.
    pub fn step(&self, slot: u32, x: &mut [f64], begin: u32, end: u32) -> f64 {
        let rows = self.schedule.rows();
        let moment = |k: u32| {
            let Instant { dt, beta, beta_rate, .. } = rows[k as usize];
            Moment { dt: dt.into(), beta: beta.into(), beta_rate: beta_rate.into() }
        };
        (begin..end).map(|k| self.advance(slot, x, k, moment(k), moment(k + 1))).sum()
    }

    fn advance(&self, slot: u32, x: &mut [f64], k: u32, now: Moment, next: Moment) -> f64 {
        let h = now.dt;
        let noise = normal_draw(self.seed, slot, k, STREAM_STEP, x.len());
        let before = x.to_vec();
        // The kernel ratio steps for the density at the end of the step.
        let at = if self.integrator == Integrator::KernelRatio { next } else { now };
        let drift = self.tamed(self.drift(&before, at), h);
        for ((x, drift), noise) in x.iter_mut().zip(&drift).zip(&noise) {
            *x += h * drift + (2.0 * self.transport * h).sqrt() * noise;
        }
        let arrival = Moment { beta_rate: now.beta_rate, ..next };
        match self.integrator {
            Integrator::Euler => h * self.psi(&before, now),
            Integrator::Strang => 0.5 * h * (self.psi(&before, now) + self.psi(x, arrival)),
            Integrator::KernelRatio => {
                let back = self.tamed(self.drift(x, next), h);
                // Both kernels are N(start + h drift, 2 ε h).
                let variance = self.transport * h;
                let kernel = |from: &[f64], to: &[f64], drift: &[f64]| -> f64 {
                    let axes = from.iter().zip(to).zip(drift);
                    axes.map(|((from, to), drift)| {
                        -(to - from - h * drift).powi(2) / (4.0 * variance)
                    })
                    .sum()
                };
                self.log_density(x, next) - self.log_density(&before, now)
                    + kernel(x, &before, &back)
                    - kernel(&before, x, &drift)
            }
        }
    }

    fn tamed(&self, mut drift: Vec<f64>, h: f64) -> Vec<f64> {
        drift.iter_mut().for_each(|d| *d *= self.transport);
        if self.taming {
            drift.iter_mut().for_each(|d| *d /= 1.0 + h * d.abs());
        }
        drift
    }

    fn drift(&self, x: &[f64], at: Moment) -> Vec<f64> {
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
        assert!(self.flow == Flow::Annealed, "Langevin has no path of densities");
        (1.0 - at.beta) * self.initial.log_density(x) + at.beta * self.aim(x)
    }

    fn aim(&self, x: &[f64]) -> f64 {
        target::log_density(self.target, x).expect("a built-in target")
    }
}
