//! `wfr sample`: one run.

use clap::Args;
use wfr::{Config, Flow, Initial, Modes, Pilot, Problem, Target, Tuning, tune};

use super::console::Console;
use super::failure::Done;
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
pub(crate) fn go(
    arguments: &Arguments,
    mut resumption: Option<Resumption>,
    console: &Console,
) -> Done {
    let results = &arguments.results;
    let keeper = match &mut resumption {
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
    Ok((Law::Target(Box::new(target)), modes))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::ops::ControlFlow;
    use std::path::Path;

    use clap::Parser;
    use wfr::{Info, Sampler};

    use super::*;
    use crate::cli::clock::Spent;
    use crate::cli::failure::Failure;
    use crate::cli::keeper::{Keeper, METRICS};
    use crate::cli::persist::{Goal, persist};
    use crate::cli::run::{Session, Watcher};
    use crate::cli::{Cli, Command};
    use crate::output::Estimates;

    /// Destroys the device of a run once it has come to the next of these steps.
    struct Destroyer<'d> {
        steps: &'d mut Vec<u32>,
    }

    impl Watcher for Destroyer<'_> {
        fn look(&mut self, sampler: &mut Sampler, _: &Info, _: Spent) -> Done<ControlFlow<()>> {
            if self.steps.first().is_some_and(|step| sampler.steps_encoded() >= *step) {
                self.steps.remove(0);
                sampler.gpu().device.destroy();
            }
            Ok(ControlFlow::Continue(()))
        }

        fn next_step(&self, _: u32) -> u32 {
            self.steps.first().copied().unwrap_or(u32::MAX)
        }
    }

    /// Samples into a folder on devices that are destroyed at these steps; gives the step at which each
    /// attempt began.
    fn sample(out: &Path, options: &[&str], destroyed: Vec<u32>) -> (Vec<u32>, Done) {
        sample_of(500, out, options, destroyed, |_| ())
    }

    /// The same of so many particles; shows the sampler when its results are there.
    fn sample_of(
        particles: u32,
        out: &Path,
        options: &[&str],
        mut destroyed: Vec<u32>,
        mut ended: impl FnMut(&Sampler),
    ) -> (Vec<u32>, Done) {
        let (out, n) = (out.display().to_string(), particles.to_string());
        let words = ["wfr", "sample", "ring", "-n", &n, "--steps", "160", "--out", &out];
        let cli = Cli::try_parse_from([&words, options].concat()).unwrap();
        let Command::Sample(arguments) = cli.command else { unreachable!("it is sample") };
        let mut keeper = arguments.results.keeper(|| resolved(&arguments)).unwrap().unwrap();
        let target = arguments.problem.target().unwrap();
        let initial = arguments.problem.initial(2).unwrap();
        let problem = Problem::new(target, initial, Flow::annealed()).unwrap();
        let (config, known) = (arguments.run.config().unwrap(), Known::default());
        let retries = arguments.retry.retries;
        let course = Course { problem: &problem, config: &config, known: &known, retries };
        let mut began = Vec::new();
        let attempt = |session: &mut Session, keeper: Option<&mut Keeper<'_>>, _: &Goal| {
            began.push(session.sampler.steps_encoded());
            let keeper = keeper.expect("there is one");
            let mut destroyer = Destroyer { steps: &mut destroyed };
            let console = Console::without_bars();
            let end = session.run("ring", &console, &mut [&mut *keeper, &mut destroyer])?;
            let outcome = session.outcome(end)?;
            keeper.finish(&mut session.sampler, &outcome, &Estimates::of(&outcome, None))?;
            ended(&session.sampler);
            Ok(())
        };
        let done = persist(&course, &mut Device::new(None), None, Some(&mut keeper), attempt);
        (began, done)
    }

    /// The files but that which tells times, and what run file says how often to retry.
    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
        let results = named.filter(|(name, path)| path.is_file() && name != METRICS);
        results.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
    }

    /// The events of metrics.jsonl, and the tests of the ESS among them.
    fn events(folder: &Path, event: &str) -> usize {
        let text = fs::read_to_string(folder.join(METRICS)).unwrap();
        text.matches(&format!("{{\"event\":\"{event}\"")).count()
    }

    /// For what is written, estimated and drawn: what else is read are numbers of the run and bins.
    #[test]
    fn the_particles_come_down_once() {
        if let Err(error) = wfr::block_on(wfr::adapter(None)) {
            println!("skipped: {error}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let read = |options: &[&str], name: &str| {
            let mut read = None;
            let ended = |sampler: &Sampler| read = Some(sampler.gpu().read_backs());
            let (_, done) = sample_of(300_000, &folder.path().join(name), options, vec![], ended);
            done.unwrap();
            read.unwrap()
        };
        // Two coordinates, a log-weight and an ancestor.
        let once = 4 * 4 * 300_000;
        for (name, options) in [("plain", vec!["--frames", "0"]), ("drawn", vec!["--plot"])] {
            let read = read(&options, name).bytes;
            println!("{name}: {read} bytes");
            assert!((once..once + once / 2).contains(&read), "{name}: {read} of {once}");
        }
    }

    #[test]
    fn a_run_whose_device_is_lost_goes_on_with_the_next_to_the_same_bytes() {
        if let Err(error) = wfr::block_on(wfr::adapter(None)) {
            let required = std::env::var_os("WFR_TEST_ADAPTER").is_some_and(|v| v == "require");
            assert!(!required, "{error}");
            println!("skipped: {error}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let every = ["--checkpoint-every", "32", "--retry-device", "2"];
        let (began, done) = sample(&place("calm"), &every, vec![]);
        assert_eq!((began, done.is_ok()), (vec![0], true));
        // Two are lost, the second while it does again what came after the checkpoint.
        let (began, done) = sample(&place("lost"), &every, vec![112, 144]);
        done.unwrap();
        assert_eq!(began, [0, 96, 128]);
        assert!(files(&place("lost")) == files(&place("calm")));
        assert_eq!(events(&place("lost"), "resumed"), 2);
        assert_eq!(events(&place("lost"), "test"), events(&place("calm"), "test"));

        // Without checkpoints it begins again.
        let (began, done) = sample(&place("again"), &["--retry-device", "2"], vec![112]);
        done.unwrap();
        assert_eq!(began, [0, 0]);
        let particles = |name: &str| files(&place(name))["summary.json"].clone();
        assert!(particles("again") == particles("calm"));

        // Once too often, the error says what to do.
        let (began, done) = sample(&place("often"), &every, vec![40, 80, 120]);
        let Err(failure @ Failure::Run(..)) = done else { unreachable!("a device was lost") };
        assert_eq!(began, [0, 32, 64]);
        let (run, said) = (place("often").display().to_string(), failure.to_string());
        assert!(said.starts_with("the device was lost: "), "{said}");
        let way_out = format!(
            "; the last checkpoint is {run}/checkpoints/step-0000000096.safetensors: go on with \
             `wfr resume {run}`, or let --retry-device 3 do so"
        );
        assert!(said.ends_with(&way_out), "{said}");
        let (_, done) = sample(&place("none"), &[], vec![40]);
        let said = done.unwrap_err().to_string();
        assert!(said.contains("there is no checkpoint to go on from"), "{said}");
    }
}
