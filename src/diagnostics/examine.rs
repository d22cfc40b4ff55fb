//! The particles of a run that has ended, held against its density.

use super::cover::{Face, open_face};
use super::drift::{Drift, drift};
use super::identities::{Identities, IdentityTest, Points, Proposals};
use super::outside::of_outside;
use super::precision::{LOSS, PrecisionLoss};
use super::reach::Reach;
use super::{Diagnostics, Warning};
use crate::autodiff::Evaluator;
use crate::check::{Agreement, host_density};
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::kernel::check::Evaluation;
use crate::problem::Problem;
use crate::reaction::Reaction;
use crate::sampler::Info;

/// Particles that the device evaluates at most, and as many as cost a fiftieth of the run's steps.
const MOST: usize = 1 << 16;
const FEWEST: usize = 4096;
const SHARE: usize = 50;
/// A share of refused moves that no estimate of a density feels.
const FEW_REFUSED: f32 = 1e-3;
/// Particles where a score that was written by hand is compared with the derivative.
const SCORES: usize = 64;
/// Loop iterations that take no time.
const QUICK: u64 = 1 << 21;
/// Normal numbers that the host draws for moves.
const DRAWS: u64 = 1 << 22;
/// Loop iterations of one dispatch.
const ITERATIONS: u64 = 1 << 24;

/// What the particles of a run say once they are held against its density.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Examination {
    /// Why nothing was held against the density, where nothing was.
    pub not_checked: Option<String>,
    /// Identities of the target that the particles should obey; nothing where there are fewer than 30
    /// effective families.
    pub identities: Option<Identities>,
    /// How far moves at the target carry the particles; nothing where there are fewer than 30 effective
    /// families among those that are moved.
    pub drift: Option<Drift>,
    /// What single precision loses; nothing where the host cannot evaluate the density.
    pub precision: Option<PrecisionLoss>,
    /// Whether the particles reach the target's tails; nothing where the host would take too long.
    pub reach: Option<Reach>,
    /// What follows from it, doubts first.
    pub warnings: Vec<Warning>,
}

impl Diagnostics<'_> {
    /// Holds the particles of a run that has ended against its density: log density and score of up
    /// to 65,536 of them on the device, and some in double precision on the host. The run is left as
    /// it is.
    ///
    /// | kind | what it says |
    /// | --- | --- |
    /// | `identities` | Stein's identities fail, or at walls a Metropolis move changes the particles' moments |
    /// | `outside` | without a path: particles lie where the target has next to nothing |
    /// | `drift` | a few Metropolis moves carry the particles elsewhere |
    /// | `score` | the target's text has a score of its own that is not the derivative of its log density |
    /// | `precision` | single precision loses more than 0.1 nat of the log density |
    /// | `rounding` | rounding in so many steps may lose as much; a note where it typically does not |
    /// | `tails` | the target has mass farther out than nearly all particles |
    /// | `start-without-cover` | a note: a uniform start leaves out a part of the target |
    /// | `refused-moves` | a gradient flow by the transition mixture refused more than 0.1 % of its moves |
    /// | `weights-by-rates` | a note: Euler and Strang along a path, whose weights have a bias |
    /// | `no-weights` | a note: what the errors of `--flow langevin` leave out |
    /// | `rounded-data` | a note: a text in WGSL sees data whose digits single precision does not hold |
    /// | `gradient-flow` | a note: what the errors of `--flow wfr` leave out |
    ///
    /// The identities are blind to the shares of modes.
    ///
    /// # Errors
    /// Those of the device.
    pub fn examine(
        &self,
        gpu: &Gpu,
        problem: &Problem,
        config: &Config,
        info: &Info,
    ) -> Result<Examination> {
        let mut examination = Examination::default();
        let warnings = &mut examination.warnings;
        warnings.extend(left_out(problem, config));
        let rounded = problem.rounded_data().into_iter();
        warnings.extend(rounded.map(|text| Warning::note("rounded-data", text)));
        warnings.extend(without_moves(problem, info));
        if let Some(reason) = not_of_the_target(problem, info) {
            examination.not_checked = Some(reason.into());
            return Ok(examination);
        }
        let sample = self.sample(config);
        if sample.weights.len() < 2 {
            examination.not_checked = Some("fewer than two particles have weight".into());
            return Ok(examination);
        }
        let dim = self.particles.dim();
        let bounds = problem.flow.has_path().then(|| problem.start().bounds()).flatten();
        let is_inside = |x: &[f32]| match &bounds {
            Some([low, high]) => {
                x.iter().zip(low.iter().zip(high)).all(|(x, (low, high))| low <= x && x < high)
            }
            None => true,
        };
        let per_point = problem.evaluation_loops().most + 1;
        let batch = (ITERATIONS / per_point).clamp(64, MOST as u64) as u32;
        let batch = batch.min(sample.weights.len() as u32);
        let device = Evaluation::new(gpu, problem, batch)?;
        let rows = device.at(gpu, &sample.positions)?;
        let values: Vec<f32> = rows.chunks(dim + 1).map(|row| row[0]).collect();
        if !problem.flow.has_path() {
            warnings.extend(of_outside(&values, &sample.weights, dim));
        }
        let points = Points {
            dim,
            positions: &sample.positions,
            rows: &rows,
            weights: &sample.weights,
            family: &sample.family,
        };
        let (mean, sd) = points.moments();
        let proposals = Proposals::new(&points, &sd, config.seed);
        let there = device.at(gpu, &proposals.positions)?;
        examination.identities = points.test(&proposals, &there, is_inside);
        if examination.identities.is_none() {
            let reason = "fewer than 30 effective families";
            examination.not_checked = Some(reason.into());
        }
        let density = host_density(problem);
        let own_score = density.as_ref().and_then(|density| {
            let points =
                sample.positions.chunks(dim).step_by(sample.weights.len().div_ceil(SCORES));
            density.own_score(points.map(|x| x.iter().copied().map(f64::from).collect()))
        });
        // Identities are made of the score: a wrong one says nothing of the particles.
        if let Some(found) = own_score.filter(Agreement::is_broken) {
            warnings.extend(of_score(&found, problem.target.name()));
        } else if let Some(found) = examination.identities.as_ref().filter(|found| found.is_off) {
            warnings.push(self.of_identities(found));
        }
        let moments = (&mean[..], &sd[..]);
        // A twentieth of the run's, or as many as take no time; the host draws the moves.
        let of_run = u64::from(config.particles) * u64::from(info.step) / 20;
        let evaluations = of_run.max(QUICK / per_point).min(DRAWS / dim as u64);
        examination.drift =
            drift(&points, moments, (config.seed, evaluations), is_inside, |x| device.at(gpu, x))?;
        let has_doubt = examination.identities.is_some_and(|found| found.is_off);
        if let Some(found) = examination.drift.as_ref().filter(|one| one.is_off && !has_doubt) {
            warnings.push(self.of_drift(found));
        }
        let Some(density) = density else { return Ok(examination) };
        let host = density.value;
        let at = (dim, &sample.positions[..]);
        let has_log_z = problem.flow.has_path();
        let steps = match problem.integrator(config) {
            // The density enters the weights only by increments of β, whose factors sum to 1.
            Integrator::Mala => 1,
            _ if has_log_z => info.step,
            _ => 1,
        };
        examination.precision = density
            .engine
            .and_then(|engine| PrecisionLoss::at(&engine, at, &values, &sample.weights, steps));
        if let Some(loss) = &examination.precision {
            warnings.extend(self.of_precision(loss, has_log_z));
        }
        let families = self.effective_ancestors();
        examination.reach = Reach::of(&host, at, &sample.weights, moments, families, is_inside);
        if let Some(reach) = &examination.reach {
            warnings.extend(self.of_reach(reach, families, problem));
        }
        if let Some(bounds) = &bounds {
            warnings.extend(self.of_start(&host, bounds, at, &sample.weights));
        }
        warnings.sort_by_key(Warning::severity);
        Ok(examination)
    }

    /// Particles of positive weight, evenly by their number.
    fn sample(&self, config: &Config) -> Sample {
        let steps = config.schedule.steps() as usize;
        let affordable = self.particles.len().saturating_mul(steps) / SHARE;
        let most = affordable.clamp(FEWEST, MOST);
        let alive: Vec<usize> =
            (0..self.particles.len()).filter(|i| self.weights[*i] > 0.0).collect();
        let every = alive.len().div_ceil(most).max(1);
        let chosen: Vec<usize> = alive.into_iter().step_by(every).collect();
        let total: f64 = chosen.iter().map(|i| self.weights[*i]).sum();
        Sample {
            positions: chosen.iter().flat_map(|i| self.particles.position(*i)).copied().collect(),
            weights: chosen.iter().map(|i| self.weights[*i] / total).collect(),
            family: chosen.iter().map(|i| self.family[*i]).collect(),
        }
    }

    fn of_identities(&self, found: &Identities) -> Warning {
        let what = if found.is_spread { "spread" } else { "mean" };
        let j = found.coordinate;
        let sure = match found.z.abs() {
            some if some < 1000.0 => format!("{some:.1}"),
            _ => "more than 1000".into(),
        };
        let test = match found.test {
            IdentityTest::Stein => "fails an identity of the target",
            IdentityTest::Move => "is changed by moves that the target's law is left alone by",
        };
        let text = format!(
            "the particles are not distributed like the target: the {what} of x{j} {test}, by {:.2} where \
             0 is right, {sure} standard errors where {:.1} are allowed",
            found.effect.abs(),
            found.threshold,
        );
        Warning::doubt("identities", text).with_option(self.cure.longer())
    }

    fn of_drift(&self, found: &Drift) -> Warning {
        let (what, unit) = match found.is_spread {
            true => ("spread", "variances"),
            false => ("mean", "standard deviations"),
        };
        let text = format!(
            "the particles are not distributed like the target: {} moves that its law is left alone by \
             shift the {what} of x{} by {:+.2} {unit}, {:.1} standard errors",
            found.moves,
            found.coordinate,
            found.effect,
            found.z.abs().min(999.9),
        );
        Warning::doubt("drift", text).with_option(self.cure.longer())
    }

    fn of_precision(&self, loss: &PrecisionLoss, has_log_z: bool) -> Option<Warning> {
        let lost = loss.loss(has_log_z);
        if lost > LOSS {
            let between = loss.rms > LOSS;
            let what = match between {
                true => format!(
                    "single precision loses {:.2} nats of the log density from particle to particle, \
                     up to {:.2}",
                    loss.rms, loss.largest
                ),
                false => format!("log Z is off by {:+.2} for single precision", loss.offset),
            };
            let why = match loss.is_by_level() {
                true => format!(
                    ": it is near {:.3e}, where two numbers are {:.2} apart; subtract a constant from \
                     it, or from every term of its sum",
                    loss.level,
                    spacing(loss.level)
                ),
                false => format!(
                    ": numbers as large as {:.3e} cancel on the way; subtract before they grow",
                    loss.intermediate
                ),
            };
            return Some(Warning::doubt("precision", what + &why));
        }
        if loss.steps <= LOSS {
            return None;
        }
        let text = format!(
            "rounding of a log density near {:.3e} in every step may cost the weights up to {:.2} nats; \
             subtract a constant from it",
            loss.level, loss.steps
        );
        let warning = match loss.typical_of_steps() > LOSS {
            true => Warning::doubt("rounding", text),
            false => Warning::note("rounding", text),
        };
        Some(match self.cure.mala_alone() {
            Some(option) => warning.with_option(option),
            None => warning,
        })
    }

    fn of_reach(&self, reach: &Reach, families: f64, problem: &Problem) -> Option<Warning> {
        let text = if reach.is_short(families) {
            format!(
                "{:.1} % of the target lie farther out than {:.0} % of the particles: they do not reach its \
                 tails, which need a start that is as wide",
                100.0 * reach.target,
                100.0 * (1.0 - reach.particles)
            )
        } else if reach.lacks_variance() {
            format!(
                "the particles lack {:.0} % of the target's variance, which is far out: standard deviations \
                 are too small, and tails need a start that is as wide",
                100.0 * reach.lack
            )
        } else {
            return None;
        };
        Some(Warning::doubt("tails", text).with_option(wider(problem)))
    }

    fn of_start(
        &self,
        host: &Evaluator,
        bounds: &[Vec<f32>; 2],
        at: (usize, &[f32]),
        weights: &[f64],
    ) -> Option<Warning> {
        let Face { coordinate, at } = open_face(host, bounds, at, weights)?;
        let text = format!(
            "the start does not cover the target, which goes on beyond x{coordinate} = {at}: all numbers \
             are of the target inside the start's box"
        );
        let option = "--initial 'normal(mean=…, sd=…)', or a wider box";
        Some(Warning::note("start-without-cover", text).with_option(option))
    }
}

/// That the score of the user's text is no derivative.
fn of_score(found: &Agreement, file: &str) -> Option<Warning> {
    let worst = found.worst.as_ref()?;
    let text = format!(
        "the score written in {file} differs from the derivative of log_density at {} of {} particles: \
         along x{} it is {:.4e} where the derivative is {:.4e}; correct it, or leave it out to have it \
         derived",
        found.apart,
        found.points,
        worst.coordinate.unwrap_or(0),
        worst.found,
        worst.expected
    );
    Some(Warning::doubt("score", text))
}

/// A part of the population.
struct Sample {
    /// Row-major.
    positions: Vec<f32>,
    /// Normalized.
    weights: Vec<f64>,
    family: Vec<u32>,
}

/// That particles have no transition density because their moves were refused.
fn without_moves(problem: &Problem, info: &Info) -> Option<Warning> {
    let is_of_moves = problem.flow.reaction().is_some_and(Reaction::is_of_moves);
    let refused = info.refused.filter(|refused| is_of_moves && *refused > FEW_REFUSED)?;
    let text = format!(
        "{:.2} % of the moves were refused, at walls or on steep slopes, and particles that stayed have no \
         transition density: the reaction and log Z are off",
        100.0 * refused
    );
    Some(Warning::doubt("refused-moves", text).with_option("--density-estimator kernel"))
}

/// What the errors of a flow leave out by design.
fn left_out(problem: &Problem, config: &Config) -> Option<Warning> {
    let flow = &problem.flow;
    let by_rates = matches!(problem.integrator(config), Integrator::Euler | Integrator::Strang);
    let is_weighted = match &problem.composition {
        Some(composition) => composition.is_corrected(),
        None => flow.has_path() && flow.own_text().is_none(),
    };
    if by_rates && is_weighted {
        let text = "errors leave out the bias of weights by rates, of order of the step: log Z shows it most";
        return Some(
            Warning::note("weights-by-rates", text).with_option("--integrator kernel-ratio"),
        );
    }
    if problem.composition.is_some() || flow.has_path() || flow.own_text().is_some() {
        return None;
    }
    let exact = problem.integrator(config) == Integrator::Mala;
    if flow.reaction().is_some() {
        let text = "errors leave out the bias of the gradient flow: that of its steps, of order h, and \
                    that of its estimate of the density, of order bandwidth squared";
        return Some(Warning::note("gradient-flow", text).with_option("--flow annealed"));
    }
    let bias = if exact { "" } else { ", nor for the bias of its steps, of order h" };
    let text = format!(
        "the langevin flow has no weights: errors do not account for a start that is not forgotten{bias}"
    );
    Some(Warning::note("no-weights", text).with_option("--flow annealed"))
}

/// Why the particles are not of the target alone.
fn not_of_the_target(problem: &Problem, info: &Info) -> Option<&'static str> {
    if problem.composition.is_some() {
        return Some("the density of a composition is known along its steps alone");
    }
    if problem.flow.own_text().is_some() {
        return Some("a flow of its own may end at another density than the target");
    }
    (problem.flow.has_path() && info.beta < 1.0 - 1e-6).then_some("the path's end is not reached")
}

/// The distance of two neighbors in single precision.
fn spacing(value: f64) -> f64 {
    let single = (value.abs() as f32).max(f32::MIN_POSITIVE);
    f64::from(single.next_up()) - f64::from(single)
}

/// A start five times as wide.
fn wider(problem: &Problem) -> String {
    let normal = problem.initial().gaussians().and_then(|all| match all {
        [one] => Some(one),
        _ => None,
    });
    let all_alike = |values: &[f64]| values.windows(2).all(|pair| pair[0] == pair[1]);
    let is_one_center = problem.center().is_none_or(all_alike);
    match normal {
        Some(one) if is_one_center && all_alike(&one.mean) && all_alike(&one.scale) => {
            let mean = one.mean[0] + problem.center().map_or(0.0, |center| center[0]);
            format!("--initial 'normal(mean={mean}, sd={})'", 5.0 * one.scale[0])
        }
        _ => "a wider --initial".into(),
    }
}
