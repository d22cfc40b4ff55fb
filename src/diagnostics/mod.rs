//! Estimates from weighted particles, each with a standard error from the one run; and what speaks
//! against them.

use std::borrow::Cow;

use crate::config::{Config, Resampler};
use crate::particles::Particles;
use crate::problem::Problem;
use crate::resolution::step;
use crate::sampler::Info;

mod cover;
mod cure;
mod drift;
mod evidence;
mod examine;
mod families;
mod identities;
mod modes;
mod precision;
mod quantiles;
mod reach;
mod resolution;
mod warning;

use cure::Cure;
pub use drift::Drift;
pub(crate) use evidence::is_collapsed;
pub use examine::Examination;
pub use identities::{Identities, IdentityTest};
pub use modes::{Mode, Modes};
pub use precision::PrecisionLoss;
pub use reach::Reach;
pub use warning::{Warning, WarningSeverity};

/// An estimate and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error, from the spread between the families of time-zero ancestors. Not a
    /// number where it is unknown: where all weight descends from one ancestor, nothing says how
    /// another would have done.
    pub se: f64,
}

/// Estimates over one population of weighted particles.
///
/// # Standard errors
///
/// They follow the genealogy: particles of one time-zero ancestor are one family, and families are
/// as good as independent (Chan & Lai 2013). With r resamplings and the share S_a of the weight
/// that family a holds, the relative variance of the estimated Z, and so the variance of log Z, is
/// estimated by
///
/// V = 1 − c (1 − Σ_a S_a²),   c = (N/(N−1))^{r+1},
///
/// and the variance of a mean m of f by c Σ_a (Σ_{i in a} W_i (f(x_i) − m))²: Lee & Whiteley 2018,
/// equation 8, where V is unbiased for multinomial resampling. The factor c takes out that
/// independent draws join families by themselves; [`Diagnostics::resampled`] tells r.
///
/// Systematic, stratified and residual resampling join fewer families, and no such formula is known
/// for them. Here r counts as 0 then, which keeps the families that rounding joins: per resampling
/// up to 1/(4N) too much variance under systematic resampling, beside the 1/N and more that made
/// the run resample. So the errors are somewhat too large there. That adaptive resampling depends
/// on the weights is neglected.
///
/// They need no second run, and say nothing once few families are left, or when a mode was never
/// found: see [`Diagnostics::warnings`].
#[derive(Debug)]
pub struct Diagnostics<'a> {
    particles: &'a Particles,
    weights: Vec<f64>,
    /// The family of each particle, below N.
    family: Cow<'a, [u32]>,
    /// (N/(N−1))^{r+1}.
    factor: f64,
    /// Whether one family holds practically all weight, which leaves errors unknown.
    is_one_family: bool,
    /// What warnings advise.
    cure: Cure,
    /// What the host adds to log Z at the end of the path.
    log_offset: f64,
}

/// Effective families from which on there is a spread between them.
const LEAST_FAMILIES: f64 = 1.5;

impl<'a> Diagnostics<'a> {
    /// Normalises the weights once for all estimates.
    pub fn new(particles: &'a Particles) -> Diagnostics<'a> {
        let factor = inflation(particles.len(), 0);
        let family = numbered(particles.ancestors());
        let weights = particles.weights();
        let mut diagnostics = Diagnostics {
            particles,
            weights,
            family,
            factor,
            is_one_family: false,
            cure: Cure::unknown(),
            log_offset: 0.0,
        };
        diagnostics.is_one_family = diagnostics.effective_ancestors() < LEAST_FAMILIES;
        diagnostics
    }

    /// The same with advice that fits the run: its warnings then name no option that the run has
    /// already, or cannot have.
    #[must_use]
    pub fn of_run(self, problem: &Problem, config: &Config) -> Diagnostics<'a> {
        let log_offset = problem.flow.offset_at(1.0, problem.log_offset());
        Diagnostics { cure: Cure::of(problem, config), log_offset, ..self }
    }

    /// The same for a run that resampled `count` times by `resampler`, which standard errors take
    /// into account where that is multinomial.
    #[must_use]
    pub fn resampled(self, resampler: Resampler, count: u32) -> Diagnostics<'a> {
        let joined = if resampler == Resampler::Multinomial { count } else { 0 };
        Diagnostics { factor: inflation(self.particles.len(), joined), ..self }
    }

    /// Effective sample size (Σw)² / Σw².
    pub fn ess(&self) -> f64 {
        effective(self.weights.iter())
    }

    /// The number of time-zero ancestors with a descendant of positive weight.
    pub fn unique_ancestors(&self) -> usize {
        self.families(|_| 1.0).iter().filter(|w| **w > 0.0).count()
    }

    /// The effective number of time-zero ancestors, 1 / Σ_a S_a² of the shares S_a of the weight
    /// that their descendants hold.
    pub fn effective_ancestors(&self) -> f64 {
        effective(self.families(|_| 1.0).iter())
    }

    /// The largest share of the weight that one particle holds.
    pub fn largest_particle(&self) -> f64 {
        self.weights.iter().copied().fold(0.0, f64::max)
    }

    /// The largest share of the weight that the descendants of one time-zero ancestor hold.
    pub fn largest_ancestor(&self) -> f64 {
        self.families(|_| 1.0).into_iter().fold(0.0, f64::max)
    }

    /// E f(x), where x is counted from [`Particles::center`].
    pub fn mean(&self, f: impl Fn(&[f32]) -> f64) -> Estimate {
        // A lost particle has no weight, and its position must not be looked at.
        let value = (0..self.particles.len())
            .filter(|i| self.weights[*i] > 0.0)
            .map(|i| self.weights[i] * f(self.particles.position(i)))
            .sum();
        let families = self.families(|i| f(self.particles.position(i)) - value);
        let squares: f64 = families.iter().map(|sum| sum * sum).sum();
        Estimate { value, se: self.error(squares) }
    }

    /// The standard error from the sum of the squares of what families deviate by.
    fn error(&self, squares: f64) -> f64 {
        if self.is_one_family { f64::NAN } else { (self.factor * squares).sqrt() }
    }

    /// The mean of each coordinate.
    pub fn means(&self) -> Vec<Estimate> {
        let mean = |j: usize| {
            let Estimate { value, se } = self.mean(|x| f64::from(x[j]));
            Estimate { value: value + self.center(j), se }
        };
        (0..self.particles.dim()).map(mean).collect()
    }

    /// What coordinate `j` of a position is counted from.
    fn center(&self, j: usize) -> f64 {
        self.particles.center().map_or(0.0, |center| center[j])
    }

    /// The second moment of each coordinate.
    pub fn second_moments(&self) -> Vec<Estimate> {
        let square = |j: usize| {
            let center = self.center(j);
            self.mean(|x| (f64::from(x[j]) + center).powi(2))
        };
        (0..self.particles.dim()).map(square).collect()
    }

    /// The variance of each coordinate, E (x − m)² about its mean m.
    ///
    /// The error is that of the mean of (x − m)²: to first order the mean's own does not count,
    /// because a variance is least about the mean.
    pub fn variances(&self) -> Vec<Estimate> {
        let variance = |j: usize| {
            let mean = self.mean(|x| f64::from(x[j])).value;
            self.mean(|x| (f64::from(x[j]) - mean).powi(2))
        };
        (0..self.particles.dim()).map(variance).collect()
    }

    /// The standard deviation of each coordinate, the root of its variance v.
    ///
    /// The error is se(v) / (2 √v), by the delta method; 0 where v is 0.
    pub fn standard_deviations(&self) -> Vec<Estimate> {
        let root = |variance: Estimate| {
            let value = variance.value.sqrt();
            let se = if variance.se == 0.0 { 0.0 } else { variance.se / (2.0 * value) };
            Estimate { value, se }
        };
        self.variances().into_iter().map(root).collect()
    }

    /// The probability of a set, given points counted from [`Particles::center`].
    pub fn mass(&self, inside: impl Fn(&[f32]) -> bool) -> Estimate {
        self.mean(|x| if inside(x) { 1.0 } else { 0.0 })
    }

    /// log Z of a run with its standard error, which is unknown where it is smaller than what rounding
    /// leaves of a number as large: a step of double precision from 1e-8 on, or of single precision
    /// from 0.1 on, in which the device has what [`Problem::log_offset`] does not take out.
    pub fn log_normalizer(&self, info: &Info) -> Estimate {
        let value = info.log_normalizer;
        let in_double = value.abs() * f64::EPSILON;
        let in_single = step((value - info.beta * self.log_offset).abs());
        let is_coarse = |step: f64, least: f64, se: f64| step >= least && se < step;
        let se = self.log_normalizer_se();
        let is_lost = is_coarse(in_double, 1e-8, se) || is_coarse(in_single, 0.1, se);
        Estimate { value, se: if is_lost { f64::NAN } else { se } }
    }

    /// The standard error of the log-normaliser: the relative error of its exponential.
    pub fn log_normalizer_se(&self) -> f64 {
        let squares: f64 = self.families(|_| 1.0).iter().map(|sum| sum * sum).sum();
        if self.is_one_family {
            return f64::NAN;
        }
        (1.0 - self.factor * (1.0 - squares)).max(0.0).sqrt()
    }

    /// Σ W_i g(i) over each family.
    fn families(&self, g: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.particles.len()];
        for (i, &family) in self.family.iter().enumerate() {
            if self.weights[i] > 0.0 {
                sums[family as usize] += self.weights[i] * g(i);
            }
        }
        sums
    }
}

/// The families of N particles, numbered below N: by their ancestors, unless the particles are a
/// part of a population that had more of these.
fn numbered(ancestors: &[u32]) -> Cow<'_, [u32]> {
    if ancestors.iter().all(|ancestor| (*ancestor as usize) < ancestors.len()) {
        return Cow::Borrowed(ancestors);
    }
    let mut known = ancestors.to_vec();
    known.sort_unstable();
    known.dedup();
    // Every ancestor is among the known.
    let number = |ancestor: &u32| known.partition_point(|other| other < ancestor) as u32;
    Cow::Owned(ancestors.iter().map(number).collect())
}

/// (N/(N−1))^{r+1}, the share of pairs that no resampling joins by chance alone, inverted.
fn inflation(n: usize, resamplings: u32) -> f64 {
    let pairs = 1.0 - 1.0 / n.max(2) as f64;
    pairs.powf(-(1.0 + f64::from(resamplings)))
}

/// (Σ s)² / Σ s², or 0 where there is nothing.
fn effective<'s>(shares: impl Iterator<Item = &'s f64>) -> f64 {
    let (sum, squares) = shares.fold((0.0, 0.0), |(sum, squares), s| (sum + s, squares + s * s));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn one_dimensional(positions: &[f32], log_weights: &[f32], ancestors: &[u32]) -> Particles {
        Particles::new(1, positions.to_vec(), log_weights.to_vec(), ancestors.to_vec()).unwrap()
    }

    #[test]
    fn independent_particles_have_the_textbook_error() {
        let particles = one_dimensional(&[1.0, 2.0, 3.0, 6.0], &[0.0; 4], &[0, 1, 2, 3]);
        let diagnostics = Diagnostics::new(&particles);
        let mean = diagnostics.mean(|x| f64::from(x[0]));
        assert!((mean.value - 3.0).abs() < 1e-12);
        // s²/N with s² = 14/3.
        assert!((mean.se - (14.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        assert!((diagnostics.ess() - 4.0).abs() < 1e-12);
        assert_eq!(diagnostics.unique_ancestors(), 4);
        assert!(diagnostics.log_normalizer_se() < 1e-7);
    }

    /// The mean of N independent weights has the relative error s/√N, s the sample's deviation.
    #[test]
    fn independent_weights_have_the_textbook_error_of_log_z() {
        let log_weights = [0.5_f32, 0.0, -1.0, 0.25, 0.75];
        let particles = one_dimensional(&[0.0; 5], &log_weights, &[0, 1, 2, 3, 4]);
        let weights = log_weights.map(|lw| f64::from(lw).exp());
        let mean = weights.iter().sum::<f64>() / 5.0;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / 4.0;
        let expected = (variance / 5.0).sqrt() / mean;
        let se = Diagnostics::new(&particles).log_normalizer_se();
        assert!((se - expected).abs() < 1e-12, "{se} is not {expected}");
    }

    #[test]
    fn a_lost_particle_counts_for_nothing() {
        let particles = one_dimensional(&[1.0, 3.0, f32::NAN], &[0.0, 0.0, f32::NAN], &[0, 1, 2]);
        let diagnostics = Diagnostics::new(&particles);
        assert!((diagnostics.mean(|x| f64::from(x[0])).value - 2.0).abs() < 1e-12);
        assert!((diagnostics.ess() - 2.0).abs() < 1e-12);
        assert_eq!(diagnostics.unique_ancestors(), 2);
    }

    /// Every second particle of a population is a population, with the families it has left.
    #[test]
    fn ancestors_beyond_the_particles_are_families_too() {
        let (positions, log_weights) = ([1.0, 5.0, 2.0], [0.0, 0.5, -0.5]);
        let whole = one_dimensional(&positions, &log_weights, &[2, 0, 2]);
        let part = one_dimensional(&positions, &log_weights, &[900, 7, 900]);
        let of = |particles: &Particles| {
            let d = Diagnostics::new(particles);
            (d.means(), d.log_normalizer_se(), d.unique_ancestors(), d.largest_ancestor())
        };
        assert_eq!(of(&part), of(&whole));
        assert_eq!(of(&part).2, 2);
    }

    /// Of 1, 2, 3 and 6: v = 3.5, and (x − 3)² is 4, 1, 0, 9 with the deviation √(49/3)/2 of its mean.
    #[test]
    fn deviations_have_the_error_of_the_delta_method() {
        let particles = one_dimensional(&[1.0, 2.0, 3.0, 6.0], &[0.0; 4], &[0, 1, 2, 3]);
        let diagnostics = Diagnostics::new(&particles);
        let (variance, sd) = (diagnostics.variances()[0], diagnostics.standard_deviations()[0]);
        assert!((variance.value - 3.5).abs() < 1e-12);
        assert!((variance.se - (49.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        assert!((sd.value - 3.5_f64.sqrt()).abs() < 1e-12);
        assert!((sd.se - (49.0_f64 / 12.0).sqrt() / (2.0 * 3.5_f64.sqrt())).abs() < 1e-12);
        let same = one_dimensional(&[2.0; 3], &[0.0; 3], &[0, 1, 2]);
        let none = Estimate { value: 0.0, se: 0.0 };
        assert_eq!(Diagnostics::new(&same).standard_deviations(), [none]);
    }

    /// One particle, one family, or all weight on one: nothing tells how far off the numbers are.
    #[test]
    fn the_errors_of_a_single_family_are_unknown() {
        let alone = one_dimensional(&[1.0], &[0.0], &[0]);
        let related = one_dimensional(&[1.0, 2.0, 3.0], &[0.0; 3], &[1, 1, 1]);
        let heavy = one_dimensional(&[1.0, 2.0, 3.0], &[0.0, -30.0, -30.0], &[0, 1, 2]);
        for particles in [alone, related, heavy] {
            let diagnostics = Diagnostics::new(&particles);
            let modes = Modes::around(vec![vec![1.0], vec![3.0]]).unwrap();
            let errors = [
                diagnostics.means()[0].se,
                diagnostics.standard_deviations()[0].se,
                diagnostics.log_normalizer_se(),
                diagnostics.quantiles(0, &[0.5])[0].se,
                diagnostics.modes(&modes)[0].mass.se,
            ];
            assert!(errors.iter().all(|se| se.is_nan()), "{errors:?}");
            assert!(diagnostics.means()[0].value.is_finite());
        }
    }

    #[test]
    fn a_family_counts_once() {
        let particles = one_dimensional(&[1.0, 1.0, 3.0, 3.0], &[0.0; 4], &[0, 0, 2, 2]);
        let diagnostics = Diagnostics::new(&particles);
        assert_eq!(diagnostics.unique_ancestors(), 2);
        assert!((diagnostics.effective_ancestors() - 2.0).abs() < 1e-12);
        assert!((diagnostics.largest_particle() - 0.25).abs() < 1e-12);
        assert!((diagnostics.largest_ancestor() - 0.5).abs() < 1e-12);
        // With N/(N−1) = 4/3: the mean's variance is 4/3 · ½, log Z's 1 − 4/3 · ½.
        let mean = diagnostics.mean(|x| f64::from(x[0]));
        assert!((mean.se - (2.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((diagnostics.log_normalizer_se() - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        // One multinomial resampling explains the two pairs beyond that: 1 − 16/9 · ½ = 1/9.
        let drawn = Diagnostics::new(&particles).resampled(Resampler::Multinomial, 1);
        assert!((drawn.log_normalizer_se() - 1.0 / 3.0).abs() < 1e-12);
        let grid = Diagnostics::new(&particles).resampled(Resampler::Systematic, 1);
        assert_eq!(grid.log_normalizer_se(), diagnostics.log_normalizer_se());
    }

    /// −1.5e15 ± 1e-3 is no knowledge: two numbers of that size are 0.25 apart.
    #[test]
    fn an_error_below_the_rounding_of_log_z_is_unknown() {
        let log_weights: Vec<f32> = (0..100).map(|i| 0.01 * (i % 7) as f32).collect();
        let ancestors: Vec<u32> = (0..100).collect();
        let particles = one_dimensional(&[0.0; 100], &log_weights, &ancestors);
        let told = |log_offset: f64, log_normalizer: f64| {
            let diagnostics = Diagnostics { log_offset, ..Diagnostics::new(&particles) };
            let estimate =
                diagnostics.log_normalizer(&Info { log_normalizer, ..testing::info(100.0) });
            assert_eq!(estimate.value, log_normalizer);
            estimate.se
        };
        let se = Diagnostics::new(&particles).log_normalizer_se();
        assert!((1e-3..3e-3).contains(&se));
        assert!(told(-1.5e15, -1.5e15).is_nan());
        // The host's constant has the digits of a double, the device's those of a single.
        assert_eq!(told(-1e7, -1e7 + 0.5), se);
        assert!(told(0.0, -1e7 + 0.5).is_nan());
        assert_eq!((told(0.0, -1e5), told(0.0, 0.0)), (se, se));
    }
}
