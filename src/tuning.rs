//! Step sizes and a preconditioner from pilot runs, before the run that counts.

use crate::config::Config;
use crate::diagnostics::Diagnostics;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::problem::Problem;
use crate::sampler::Sampler;
use crate::schedule::Schedule;

/// Windows of the schedule: each has a step length of its own, and the scales are looked at after
/// each.
const WINDOWS: u32 = 8;
/// The most that one round changes a step length.
const LARGEST_CHANGE: f64 = 8.0;
/// The most by which a mobility is above the least variance along the path: the rate of relaxation
/// there, in units of that at the end.
const LARGEST_GROWTH: f64 = 10.0;
/// Scales are measured where at least this share of the particles is effective.
const LEAST_ESS: f64 = 0.05;

/// How [`tune`](crate::tune) looks for its settings: a plain struct, every field has a default.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Particles of a pilot run, at least 2; 4096 by default.
    pub particles: u32,
    /// Pilot runs one after the other, each with what the one before found, at least 1; 8 by default.
    pub rounds: u32,
    /// The acceptance that step lengths aim at, between 0 and 1: 0.57 by default, the most efficient
    /// in many dimensions (Roberts & Rosenthal 1998).
    pub acceptance: f32,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { particles: 4096, rounds: 8, acceptance: 0.57 }
    }
}

/// What [`tune`](crate::tune) found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tuned {
    /// The settings asked for with the preconditioner and, for [`Integrator::Mala`], the step
    /// lengths found.
    pub config: Config,
    /// The acceptance of the last pilot run with them, where it could reject moves.
    pub acceptance: Option<f32>,
}

impl Tuned {
    /// What [`tune`](crate::tune) found earlier, for who has kept it.
    pub fn new(config: Config, acceptance: Option<f32>) -> Tuned {
        Tuned { config, acceptance }
    }
}

/// Finds a preconditioner and, for [`Integrator::Mala`], step lengths by pilot runs.
///
/// The preconditioner is the variance that each coordinate has at the end; along a path of densities
/// at most ten times the least on the way, so that no step is unstable there. For MALA the step
/// lengths bring the acceptance in each eighth of the schedule to [`Tuning::acceptance`]; the path
/// parameter after each step stays, and so the time at the end changes. For the others the steps
/// stay, and all mobilities are raised by one factor as far as the steps allow it, so that no time
/// is lost where scales are below 1.
///
/// Pilot runs move by MALA where the flow allows it, otherwise by the integrator of `config`. Their
/// random numbers are not those of the run with `config.seed`, and what they found is fixed before
/// it begins: that run is as exact as any other, and nothing of its weights is spent.
///
/// # Errors
/// Where the schedule is adaptive; those of [`Sampler::new_async`] and
/// [`Sampler::run_async`], and
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind) when a field of `tuning` is out of its range.
pub async fn tune_async(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    tuning: &Tuning,
) -> Result<Tuned> {
    check(tuning)?;
    if config.schedule.adaptivity().is_some() {
        let reason = "is adaptive, and pilot runs need to know its steps; tune a fixed one";
        return Err(Error::config("schedule", reason));
    }
    let wanted = config.integrator.unwrap_or(problem.flow().default_integrator());
    let pilots = if can_reject(problem.flow()) { Integrator::Mala } else { wanted };
    let mut scales = [1.0; WINDOWS as usize];
    let mut preconditioner = config.preconditioner.clone();
    let mut acceptance = None;
    let mut variances = Vec::new();
    for round in 0..tuning.rounds {
        let pilot = Config {
            particles: problem.initial.pilot_particles(config.particles, tuning.particles),
            seed: seed(config.seed, round),
            schedule: stretched(&config.schedule, &scales),
            integrator: Some(pilots),
            preconditioner: preconditioner.clone(),
            ..config.clone()
        };
        let found = pilot_run(gpu, problem, pilot).await?;
        acceptance = found.acceptance;
        // The last round measures what is returned.
        if round + 1 == tuning.rounds {
            break;
        }
        for (scale, rate) in scales.iter_mut().zip(&found.rates) {
            *scale *= rate.map_or(1.0, |rate| change(rate, tuning.acceptance.into()));
        }
        let before = preconditioner.unwrap_or(vec![1.0; problem.target().dim() as usize]);
        preconditioner = Some(mobilities(problem.flow(), &found.variances, before));
        variances = found.variances;
    }
    let schedule = match wanted {
        Integrator::Mala => stretched(&config.schedule, &scales),
        _ => config.schedule.clone(),
    };
    if wanted != Integrator::Mala
        && let Some(mobilities) = &mut preconditioner
    {
        let longest = schedule.step_lengths().1 * f64::from(problem.flow().transport());
        let factor = quickening(mobilities, &variances, longest) as f32;
        mobilities.iter_mut().for_each(|m| *m *= factor);
    }
    let acceptance = acceptance.filter(|_| wanted == Integrator::Mala);
    Ok(Tuned { config: Config { schedule, preconditioner, ..config.clone() }, acceptance })
}

/// What one pilot run shows, window by window.
struct Found {
    acceptance: Option<f32>,
    /// The acceptance in each window, where the integrator may reject and the window has steps.
    rates: Vec<Option<f64>>,
    /// The variance of each coordinate after each window whose weights tell it.
    variances: Vec<Vec<f64>>,
}

async fn pilot_run(gpu: &Gpu, problem: &Problem, config: Config) -> Result<Found> {
    let mut sampler = Sampler::new_async(gpu, problem, config).await?;
    let mut found = Found { acceptance: None, rates: Vec::new(), variances: Vec::new() };
    let mut kept = 0.0;
    for window in 0..WINDOWS {
        let begin = sampler.steps_encoded();
        let end = window_end(window, sampler.steps());
        sampler.advance_to(end).await?;
        let info = sampler.info().await?;
        found.acceptance = info.acceptance;
        let before = kept;
        kept = info.acceptance.map_or(0.0, f64::from) * f64::from(end);
        let counted = info.acceptance.filter(|_| end > begin);
        found.rates.push(counted.map(|_| (kept - before) / f64::from(end - begin)));
        let particles = sampler.particles().await?;
        let diagnostics = Diagnostics::new(&particles);
        let last = window + 1 == WINDOWS;
        if last || diagnostics.ess() >= LEAST_ESS * particles.len() as f64 {
            let means = diagnostics.means().into_iter().enumerate();
            let variance = means.map(|(j, mean)| {
                diagnostics.mean(|x| (f64::from(x[j]) - mean.value).powi(2)).value
            });
            found.variances.push(variance.collect());
        }
    }
    Ok(found)
}

/// Whether the flow has what Metropolis moves need.
fn can_reject(flow: &Flow) -> bool {
    let moves = flow.transport() > 0.0 && flow.reaction().is_none();
    flow.has_density() && !flow.has_velocity() && moves
}

/// Where the steps of a window end, of so many in all.
fn window_end(window: u32, steps: u32) -> u32 {
    (u64::from(window + 1) * u64::from(steps) / u64::from(WINDOWS)) as u32
}

fn stretched(schedule: &Schedule, scales: &[f64]) -> Schedule {
    let steps = schedule.steps();
    let window_of = |k: u32| (0..WINDOWS).position(|w| k < window_end(w, steps));
    schedule.stretched(|k| window_of(k).map_or(1.0, |window| scales[window]))
}

/// The factor on a step length whose moves were accepted at this rate.
///
/// In many dimensions the rate is 2Φ(−z h^{3/2}), whose slope against log h at 0.57 is −0.58 (Roberts
/// & Rosenthal 1998): this is Newton's step there, in log-odds so that it goes far from far away.
fn change(rate: f64, aim: f64) -> f64 {
    let log_odds = |p: f64| (p / (1.0 - p)).ln();
    let off = log_odds(rate.clamp(1e-4, 1.0 - 1e-4)) - log_odds(aim);
    (0.42 * off).exp().clamp(1.0 / LARGEST_CHANGE, LARGEST_CHANGE)
}

/// The mobilities that the variances ask for; what was before where they are no numbers.
fn mobilities(flow: &Flow, variances: &[Vec<f64>], before: Vec<f32>) -> Vec<f32> {
    let wanted = |j: usize| {
        let along = variances.iter().map(|window| window[j]);
        let end = along.clone().next_back().unwrap_or(f64::NAN);
        let least = along.fold(f64::INFINITY, f64::min);
        if flow.has_path() { end.min(LARGEST_GROWTH * least) } else { end }
    };
    let mobility = |(j, before): (usize, f32)| match wanted(j) as f32 {
        mobility if (1e-30..=1e30).contains(&mobility) => mobility,
        _ => before,
    };
    before.into_iter().enumerate().map(mobility).collect()
}

/// By how much all mobilities may be raised: until the fastest relaxation along the path is as fast
/// as without a preconditioner, or a step of this length takes a fifth of it.
fn quickening(mobilities: &[f32], variances: &[Vec<f64>], longest: f64) -> f64 {
    let fastest = |mobility: &dyn Fn(usize) -> f64| {
        let rates = variances.iter().flat_map(|v| (0..v.len()).map(|j| mobility(j) / v[j]));
        rates.filter(|rate| rate.is_finite()).fold(0.0, f64::max)
    };
    let allowed = fastest(&|_| 1.0).min(0.2 / longest);
    let factor = allowed / fastest(&|j| f64::from(mobilities[j]));
    if factor.is_finite() { factor.max(1.0) } else { 1.0 }
}

/// A seed for each pilot run, apart from that of the run (splitmix64).
fn seed(seed: u64, round: u32) -> u64 {
    let mut z = seed.wrapping_add(u64::from(round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn check(tuning: &Tuning) -> Result<()> {
    if tuning.particles < 2 {
        let reason = format!("= {} are too few for a variance; use 2 or more", tuning.particles);
        return Err(Error::config("tuning particles", reason));
    }
    if tuning.rounds == 0 {
        return Err(Error::config("tuning rounds", "= 0 finds nothing; use 1 or more"));
    }
    if !(tuning.acceptance > 0.0 && tuning.acceptance < 1.0) {
        let reason = format!("= {} is not between 0 and 1", tuning.acceptance);
        return Err(Error::config("tuning acceptance", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_schedule_and_keep_its_path() {
        for steps in [1, 3, 8, 400, 401] {
            assert_eq!(window_end(WINDOWS - 1, steps), steps);
            let schedule = Schedule::uniform(2.0, steps).unwrap();
            let scales: Vec<f64> = (1..=WINDOWS).map(f64::from).collect();
            let ours = stretched(&schedule, &scales);
            for (ours, row) in ours.rows().iter().zip(schedule.rows()) {
                assert_eq!(ours.beta, row.beta);
            }
            let lengths: Vec<_> =
                (0..steps).map(|k| (ours.time(k + 1) - ours.time(k)) / schedule.time(1)).collect();
            assert!(lengths.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{lengths:?}");
            assert!((lengths[lengths.len() - 1] - 8.0).abs() < 1e-6, "{lengths:?}");
        }
    }

    /// From steps a thousand times too short or too long, with the rate that theory gives for MALA
    /// in many dimensions, eight rounds come within 2 %.
    #[test]
    fn step_lengths_converge_on_the_acceptance() {
        // 2Φ(−z) by 1 − erf(z/√2) (Abramowitz & Stegun 7.1.26, error 1.5e-7), z = 0.568 at 0.57.
        let rate = |h: f64| {
            let z = 0.568 * h.powf(1.5) / 2.0_f64.sqrt();
            let t = 1.0 / (1.0 + 0.327_591_1 * z);
            let p = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
            p.iter().rev().fold(0.0, |sum, p| (sum + p) * t) * (-z * z).exp()
        };
        for start in [1e-3, 0.05, 0.9, 30.0, 1e3] {
            let mut h: f64 = start;
            for _ in 0..8 {
                h *= change(rate(h), 0.57);
            }
            assert!((h.ln()).abs() < 0.02, "{start} ends at {h}");
        }
    }

    #[test]
    fn mobilities_are_the_variances_at_the_end_where_the_way_allows_it() {
        let variances = [vec![0.1, 4.0, 1.0, f64::NAN], vec![2.0, 0.25, 5.0, f64::NAN]];
        let ours = |flow: Flow| mobilities(&flow, &variances, vec![7.0; 4]);
        assert_eq!(ours(Flow::annealed()), [1.0, 0.25, 5.0, 7.0]);
        assert_eq!(ours(Flow::langevin()), [2.0, 0.25, 5.0, 7.0]);
    }

    #[test]
    fn no_time_is_lost_where_scales_are_small() {
        // Equal scales: as without a preconditioner.
        let equal = [vec![1.0; 2], vec![0.25; 2]];
        assert_eq!(quickening(&[0.25; 2], &equal, 0.01), 4.0);
        // As far as the steps allow it, and never slower.
        assert_eq!(quickening(&[0.25; 2], &equal, 0.1), 2.0);
        assert_eq!(quickening(&[0.25; 2], &equal, 1.0), 1.0);
        assert_eq!(quickening(&[1.0], &[vec![f64::NAN]], 0.1), 1.0);
    }

    #[test]
    fn pilots_have_seeds_of_their_own() {
        let all: Vec<_> = (0..4).flat_map(|s| (0..9).map(move |r| seed(s, r))).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!((0..4).all(|s| !all.contains(&s)));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for tuning in [
            Tuning { particles: 1, ..Tuning::default() },
            Tuning { rounds: 0, ..Tuning::default() },
            Tuning { acceptance: 1.0, ..Tuning::default() },
            Tuning { acceptance: f32::NAN, ..Tuning::default() },
        ] {
            assert!(check(&tuning).is_err(), "{tuning:?}");
        }
    }
}
