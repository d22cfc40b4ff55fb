//! `wfr sample`: one run.

use clap::Args;
use wfr::{Config, Flow, Initial, Modes, Pilot, Problem, Target, Tuning, tune};

use super::console::Console;
use super::failure::Done;
use super::interrupt;
use super::options::{FlowName, ProblemOptions, RetryOptions, RunOptions};
use super::path::{Chosen, PathOptions};
use super::persist::Course;
use super::progress::SessionRecord;
use super::reaction::ReactionOptions;
use super::results::{Known, Results};
use super::resume::Resumption;
use super::run::Device;
use super::run_file::{Given, Law, Resolved};

const EXAMPLES: &str = "\
Examples:
  wfr sample double-well --set a=40 --particles 1e6 --steps 800
  wfr sample gaussian-mixture --components modes.txt --out modes --plot
  wfr sample --density '-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2' --dim 2 --param c=0.3
  wfr sample mine.wgsl --dim 2 --initial 'uniform(low=-3, high=3)' --json
  wfr sample regression.wgsl --dim 6 --data X=X.npy --data y=survey.csv:vote
  wfr sample ring --flow langevin --adapter nvidia
  wfr sample double-well --flow path --path fisher-rao --log-ratio auto
  wfr sample double-well --flow wfr --density-estimator grid --bandwidth 0.05,0.2

A formula is the log density of x0, x1, …: ^ before the sign before * /, sum(i, x[i]^2) over all
coordinates, where(a < b, so, not), exp, log, … and names of your own as parameters. The
documentation of Target::from_formula has the whole grammar.

A target may also be a function in a .wgsl file; `override` makes a parameter for --set:
  override depth: f32 = 1.0;
  fn log_density(x: Point) -> f32 { return -depth * dot(x * x, x * x); }
Its score is derived, unless there is `fn score(x: Point) -> Point` too; see wfr check.

In Python: run = numpy.load(\"modes/particles.npz\"); run[\"posterior\"] are draws of equal weight. The
weighted particles need their weights: w = numpy.exp(run[\"log_weights\"]); w /= w.sum();
mean = w @ run[\"positions\"].";

/// Samples a density and says what the weighted particles tell: log Z, moments, ESS.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    problem: ProblemOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    retry: RetryOptions,
    /// Find a scale per coordinate, and for mala the step lengths, by short pilot runs first.
    #[arg(long, help_heading = "Run")]
    tune: bool,
    /// The equation that particles follow.
    #[arg(long, value_name = "NAME", default_value = "annealed", help_heading = "Run")]
    flow: FlowName,
    #[command(flatten)]
    path: PathOptions,
    #[command(flatten)]
    reaction: ReactionOptions,
    #[command(flatten)]
    results: Results,
}

/// Runs the command, or goes on with what it began.
pub(crate) fn go(arguments: &Arguments, resumption: Option<Resumption>, console: &Console) -> Done {
    let results = &arguments.results;
    let keeper = match &resumption {
        Some(resumption) => Some(resumption.keeper(results)?),
        None => results.keeper(|| resolved(arguments))?,
    };
    let target = arguments.problem.target()?;
    let initial = arguments.problem.initial(target.dim())?;
    let modes = arguments.problem.modes(&target)?;
    let config = arguments.reaction.adapt(arguments.run.config()?);
    let (origin, config) = match resumption {
        Some(resumption) => match resumption.settle(&config)? {
            Some((origin, config)) => (Some(origin), config),
            None => return Ok(()),
        },
        None => (None, config),
    };
    let found = origin.as_ref().map(|origin| &origin.progress.session);
    let mut device = Device::new(arguments.run.population.device.adapter.as_deref());
    let pilot = found.and_then(SessionRecord::pilot);
    let Chosen { flow, pilot } = flow(arguments, (&target, &initial), &config, pilot, &mut device)?;
    let problem = Problem::new(target, initial, flow)?;
    let name = problem.target().name().to_string();
    let tuned = match found {
        Some(found) => found.tuned(&config),
        None if arguments.tune => {
            let gpu = device.for_run(&problem, &config)?;
            Some(tune(gpu, &problem, &config, &Tuning::default())?)
        }
        None => None,
    };
    let settings = tuned.as_ref().map_or(&config, |tuned| &tuned.config);
    interrupt::heed();
    let known = Known { label: &name, pilot, modes, tuned: tuned.clone(), truth: None };
    let (retries, known) = (arguments.retry.retries, &known);
    let course = Course { problem: &problem, config: settings, known, retries };
    results.of_run(keeper, &mut device, &course, origin, console)
}

/// The run file of these arguments.
pub(crate) fn resolved(arguments: &Arguments) -> Done<Resolved> {
    let mut run_file = Resolved::new("sample", &arguments.given)?;
    arguments.run.resolve(&mut run_file);
    Ok(run_file)
}

/// The law that is sampled, and its modes where some are known.
pub(crate) fn law(arguments: &Arguments) -> Done<(Law, Option<Modes>)> {
    let target = arguments.problem.target()?;
    let modes = arguments.problem.modes(&target)?;
    Ok((Law::Target(target), modes))
}

/// The flow that the options ask for; those of another one are refused.
fn flow(
    arguments: &Arguments,
    ends: (&Target, &Initial),
    config: &Config,
    pilot: Option<Pilot>,
    device: &mut Device<'_>,
) -> Done<Chosen> {
    if arguments.flow != FlowName::Wfr {
        arguments.reaction.check_absent(arguments.flow)?;
    }
    if arguments.flow != FlowName::Path {
        arguments.path.check_absent()?;
    }
    let flow = match arguments.flow {
        FlowName::Annealed => Flow::annealed(),
        FlowName::Langevin => Flow::langevin(),
        FlowName::Wfr => arguments.reaction.flow()?,
        FlowName::Path => return arguments.path.flow(ends, config, pilot, device),
    };
    Ok(Chosen { flow, pilot: None })
}
