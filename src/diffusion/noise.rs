//! How diffusion models add noise: x_τ = α(τ) x₀ + σ(τ) ε.

use std::fmt;

use crate::error::{Error, Result};
use crate::schedule::Schedule;

/// The noising process of diffusion models, dx = f(x, τ) dτ + g(τ) dW with f linear in x, so that
/// x_τ = α(τ) x₀ + σ(τ) ε with ε ~ N(0, I).
///
/// Noising time τ goes from 0 up; sampling runs it backward, from [`Noise::end`] down.
/// Y. Song et al., arXiv:2011.13456.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Noise {
    /// α² + σ² = 1, f = −βx/2, g² = β with β linear in τ.
    #[non_exhaustive]
    VariancePreserving {
        /// β at τ = 0.
        beta_min: f64,
        /// β at τ = `time`.
        beta_max: f64,
        /// The largest τ.
        time: f64,
    },
    /// The same α with σ = 1 − α².
    #[non_exhaustive]
    SubVariancePreserving {
        /// β at τ = 0.
        beta_min: f64,
        /// β at τ = `time`.
        beta_max: f64,
        /// The largest τ.
        time: f64,
    },
    /// α = 1 and σ = τ: time is the noise itself, g² = 2τ.
    #[non_exhaustive]
    VarianceExploding {
        /// The τ at which sampling ends, above 0.
        sigma_min: f64,
        /// The largest τ.
        sigma_max: f64,
    },
}

/// How the levels of noise of a schedule lie between the ends.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Spacing {
    /// Equal steps of τ.
    Uniform,
    /// Equal factors of τ; needs an end above 0.
    Geometric,
    /// Equal steps of τ^{1/ρ}: T. Karras et al., arXiv:2206.00364, equation 5, where ρ = 7.
    Karras(f64),
}

/// What one step does to a particle, in integrals over its interval of τ: all in double precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    /// ∫ f/x dτ = log(α/α′) ≤ 0: α at the noisier end, α′ at the other.
    pub(crate) drift: f64,
    /// ∫ g² dτ.
    pub(crate) diffusion: f64,
    /// ∫ g² (α′/α(u)) du: how far a frozen score carries in the exact linear step.
    pub(crate) pull: f64,
    /// α′² (σ²/α² − σ′²/α′²): the variance of the exact linear step backward.
    pub(crate) variance: f64,
}

impl Noise {
    /// β linear from `beta_min` to `beta_max` over τ from 0 to 1; 0.1 and 20 are customary.
    pub fn variance_preserving(beta_min: f64, beta_max: f64) -> Noise {
        Noise::VariancePreserving { beta_min, beta_max, time: 1.0 }
    }

    /// The process of less variance with the same β; 0.1 and 20 are customary.
    pub fn sub_variance_preserving(beta_min: f64, beta_max: f64) -> Noise {
        Noise::SubVariancePreserving { beta_min, beta_max, time: 1.0 }
    }

    /// σ = τ from `sigma_max` down to `sigma_min`; 80 and 0.002 are customary for images.
    pub fn variance_exploding(sigma_min: f64, sigma_max: f64) -> Noise {
        Noise::VarianceExploding { sigma_min, sigma_max }
    }

    /// The largest τ, where sampling begins.
    pub fn end(&self) -> f64 {
        match *self {
            Noise::VariancePreserving { time, .. } | Noise::SubVariancePreserving { time, .. } => {
                time
            }
            Noise::VarianceExploding { sigma_max, .. } => sigma_max,
        }
    }

    /// The τ at which sampling ends unless it is told to end earlier.
    pub fn begin(&self) -> f64 {
        match *self {
            Noise::VarianceExploding { sigma_min, .. } => sigma_min,
            _ => 0.0,
        }
    }

    /// α(τ), what is left of the signal.
    pub fn alpha(&self, tau: f64) -> f64 {
        (-0.5 * self.turns(tau)).exp()
    }

    /// σ(τ), the standard deviation of the noise.
    pub fn sigma(&self, tau: f64) -> f64 {
        match self {
            Noise::VariancePreserving { .. } => (-(-self.turns(tau)).exp_m1()).sqrt(),
            Noise::SubVariancePreserving { .. } => -(-self.turns(tau)).exp_m1(),
            Noise::VarianceExploding { .. } => tau,
        }
    }

    /// g²(τ), the rate of the noise's variance.
    pub fn diffusion(&self, tau: f64) -> f64 {
        match self {
            Noise::VariancePreserving { .. } => self.beta(tau),
            Noise::SubVariancePreserving { .. } => {
                -self.beta(tau) * (-2.0 * self.turns(tau)).exp_m1()
            }
            Noise::VarianceExploding { .. } => 2.0 * tau,
        }
    }

    /// Levels of noise from [`Noise::end`] down to `last` in so many steps, as the schedule of a
    /// run: time t = end − τ.
    ///
    /// Parameters of a rule that change follow the schedule's β, here the fraction of steps done.
    ///
    /// # Errors
    /// When the noise's numbers or `last` are out of their bounds, or `steps` is 0 or too many.
    pub fn schedule(&self, spacing: Spacing, last: f64, steps: u32) -> Result<Schedule> {
        self.check()?;
        let end = self.end();
        if !(last >= 0.0 && last < end) {
            let reason = format!("last level = {last} is not between 0 and {end}, the first");
            return Err(Error::config("schedule", reason));
        }
        let at: Box<dyn Fn(f64) -> f64> = match spacing {
            Spacing::Uniform => Box::new(|s| end + s * (last - end)),
            Spacing::Geometric if last > 0.0 => Box::new(|s| end * (last / end).powf(s)),
            Spacing::Geometric => {
                let reason = "of geometric levels ends at 0, which equal factors never reach; give \
                              a last level above 0";
                return Err(Error::config("schedule", reason));
            }
            Spacing::Karras(rho) if rho >= 1.0 && rho.is_finite() => Box::new(move |s| {
                let (first, last) = (end.powf(1.0 / rho), last.powf(1.0 / rho));
                (first + s * (last - first)).powf(rho)
            }),
            Spacing::Karras(rho) => {
                let reason = format!("= karras:{rho} needs an exponent of 1 or more; 7 is usual");
                return Err(Error::config("schedule", reason));
            }
        };
        Schedule::grid_of(steps, &spacing.to_string(), |s| (end - at(s), s))
    }

    /// The levels of noise of a schedule's nodes, from the first to the last.
    ///
    /// # Errors
    /// When the schedule goes on below τ = 0.
    pub(crate) fn levels(&self, schedule: &Schedule) -> Result<Vec<f64>> {
        let end = self.end();
        // Rounding at the ends counts as none.
        let slack = 1e-9 * end;
        let within = -slack..=end + slack;
        if (0..=schedule.steps()).any(|k| !within.contains(&(end - schedule.time(k)))) {
            let reason = format!(
                "goes from time {} to {}, and the noise from 0 to {end}; use Noise::schedule",
                schedule.time(0),
                schedule.time(schedule.steps())
            );
            return Err(Error::config("schedule", reason));
        }
        Ok((0..=schedule.steps()).map(|k| self.level(schedule, k)).collect())
    }

    /// The level of noise after `step` steps of a schedule that [`Noise::levels`] accepts.
    pub(crate) fn level(&self, schedule: &Schedule, step: u32) -> f64 {
        (self.end() - schedule.time(step)).clamp(0.0, self.end())
    }

    /// The step from the level `from` down to `to`.
    pub(crate) fn interval(&self, from: f64, to: f64) -> Interval {
        let drift = 0.5 * (self.turns(to) - self.turns(from));
        let (alpha, rest) = (self.alpha(from), self.alpha(to));
        let noise = |tau: f64| self.sigma(tau) / self.alpha(tau);
        let variance = rest * rest * (noise(from).powi(2) - noise(to).powi(2));
        let (diffusion, pull) = match self {
            Noise::VariancePreserving { .. } => (-2.0 * drift, 2.0 * (rest / alpha - 1.0)),
            Noise::VarianceExploding { .. } => (variance, variance),
            Noise::SubVariancePreserving { .. } => (
                integral(to, from, |tau| self.diffusion(tau)),
                integral(to, from, |tau| self.diffusion(tau) * rest / self.alpha(tau)),
            ),
        };
        Interval { drift, diffusion, pull, variance }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let out = |reason: String| Err(Error::config("noise", reason));
        match *self {
            Noise::VariancePreserving { beta_min, beta_max, time }
            | Noise::SubVariancePreserving { beta_min, beta_max, time } => {
                if !(beta_min >= 0.0 && beta_max > 0.0 && beta_max.is_finite()) {
                    return out(format!(
                        "has beta from {beta_min} to {beta_max}; give 0 or more and a finite end \
                         above 0"
                    ));
                }
                if !(time > 0.0 && time.is_finite()) {
                    return out(format!("has time = {time}, which is not positive and finite"));
                }
                // Beyond it nothing of the signal is left in single precision.
                let turns = self.turns(time);
                if turns > 80.0 {
                    return out(format!(
                        "has an integral of beta of {turns}, above 80; give a smaller beta"
                    ));
                }
            }
            Noise::VarianceExploding { sigma_min, sigma_max } => {
                if !(sigma_min >= 0.0 && sigma_max > sigma_min && sigma_max <= 1e6) {
                    return out(format!(
                        "has sigma from {sigma_min} to {sigma_max}; give 0 or more and a larger end \
                         up to 1000000"
                    ));
                }
            }
        }
        Ok(())
    }

    fn beta(&self, tau: f64) -> f64 {
        match *self {
            Noise::VariancePreserving { beta_min, beta_max, time }
            | Noise::SubVariancePreserving { beta_min, beta_max, time } => {
                beta_min + (beta_max - beta_min) * tau / time
            }
            Noise::VarianceExploding { .. } => 0.0,
        }
    }

    /// ∫₀^τ β.
    fn turns(&self, tau: f64) -> f64 {
        0.5 * tau * (self.beta(0.0) + self.beta(tau))
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Noise::VariancePreserving { beta_min, beta_max, .. } => {
                write!(f, "vp:{beta_min}:{beta_max}")
            }
            Noise::SubVariancePreserving { beta_min, beta_max, .. } => {
                write!(f, "sub-vp:{beta_min}:{beta_max}")
            }
            Noise::VarianceExploding { sigma_min, sigma_max } => {
                write!(f, "ve:{sigma_min}:{sigma_max}")
            }
        }
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spacing::Uniform => f.write_str("uniform"),
            Spacing::Geometric => f.write_str("geometric"),
            Spacing::Karras(rho) => write!(f, "karras:{rho}"),
        }
    }
}

/// ∫ over [a, b] by Simpson's rule on 64 pieces: smooth functions over one step.
fn integral(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    const PIECES: u32 = 64;
    let h = (b - a) / f64::from(PIECES);
    let weight = |k: u32| match k {
        0 | PIECES => 1.0,
        _ if k % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=PIECES).map(|k| weight(k) * f(a + h * f64::from(k))).sum::<f64>() * h / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Noise; 3] = [
        Noise::VariancePreserving { beta_min: 0.1, beta_max: 20.0, time: 1.0 },
        Noise::SubVariancePreserving { beta_min: 0.5, beta_max: 12.0, time: 2.0 },
        Noise::VarianceExploding { sigma_min: 0.01, sigma_max: 20.0 },
    ];

    /// α and σ solve the equations of the process: α′ = (f/x) α, (σ²)′ = 2 (f/x) σ² + g².
    #[test]
    fn levels_solve_the_noising_equation() {
        for noise in ALL {
            for s in [0.05, 0.3, 0.9] {
                let (tau, h) = (s * noise.end(), 1e-5 * noise.end());
                let rate = |f: &dyn Fn(f64) -> f64| (f(tau + h) - f(tau - h)) / (2.0 * h);
                let drift = rate(&|tau| noise.alpha(tau).ln());
                assert!((drift + 0.5 * noise.beta(tau)).abs() < 1e-6, "{noise}");
                let growth = rate(&|tau| noise.sigma(tau).powi(2));
                let expected = 2.0 * drift * noise.sigma(tau).powi(2) + noise.diffusion(tau);
                assert!((growth - expected).abs() < 1e-5 * expected.abs().max(1.0), "{noise}");
            }
        }
    }

    /// Integrals over two steps in a row are those over both, each in its own way.
    #[test]
    fn intervals_compose() {
        for noise in ALL {
            let [a, b, c] = [0.8, 0.5, 0.2].map(|s| s * noise.end());
            let [first, second, both] = [(a, b), (b, c), (a, c)].map(|(x, y)| noise.interval(x, y));
            let close = |x: f64, y: f64| {
                assert!((x - y).abs() < 1e-6 * y.abs().max(1.0), "{noise}: {x} {y}");
            };
            close(first.drift + second.drift, both.drift);
            close(first.diffusion + second.diffusion, both.diffusion);
            let grown = (-second.drift).exp();
            close(first.pull * grown + second.pull, both.pull);
            close(first.variance * grown * grown + second.variance, both.variance);
            // Short steps are Euler's.
            let short = noise.interval(b, b * (1.0 - 1e-4));
            let euler = noise.diffusion(b) * b * 1e-4;
            for value in [short.diffusion, short.pull, short.variance] {
                assert!((value / euler - 1.0).abs() < 3e-3, "{noise}: {value} {euler}");
            }
        }
    }

    #[test]
    fn schedules_have_the_levels_asked_for() {
        let noise = Noise::variance_exploding(0.002, 80.0);
        let schedule = noise.schedule(Spacing::Karras(7.0), 0.002, 18).unwrap();
        let levels = noise.levels(&schedule).unwrap();
        assert_eq!((levels.len(), levels[0]), (19, 80.0));
        // Their equation 5 at i = 9 of 18.
        let middle = (0.5 * (80_f64.powf(1.0 / 7.0) + 0.002_f64.powf(1.0 / 7.0))).powi(7);
        assert!((levels[9] - middle).abs() < 1e-9 && (levels[18] - 0.002).abs() < 1e-12);
        let error = noise.schedule(Spacing::Geometric, 0.0, 18).unwrap_err().to_string();
        assert!(error.contains("equal factors never reach"), "{error}");
        let long = Schedule::uniform(90.0, 10).unwrap();
        let error = noise.levels(&long).unwrap_err().to_string();
        assert!(error.contains("from time 0 to 90"), "{error}");
    }
}
