//! `wfr experiment geodesics`: the same two laws joined by six geodesics.

use std::path::PathBuf;

use clap::Args;
use wfr::{Component, Config, Diagnostics, Flow, Initial, Path, Problem, Schedule, Target, Truth};

use crate::cli::console::{self, Console};
use crate::cli::failure::{Done, Failure};
use crate::cli::numbers::{self, grouped, with_error};
use crate::cli::options::DeviceOptions;
use crate::cli::run::{self, Device};
use crate::cli::table::Table;
use crate::output::Place;
use crate::plot::{self, Journey, Look};

const PICTURE: &str = "wfr-geodesics.png";

const DETAILS: &str = "\
Both laws are mixtures of two normal laws on the line,
  0.65 N(-1.6, 0.6^2) + 0.35 N(1, 0.6^2)  and  0.3 N(-1, 0.5^2) + 0.7 N(2, 0.5^2).
Along the exponential, the mixture and the Fisher-Rao geodesic mass changes by weights alone;
along the Wasserstein geodesic (among mixtures) it travels and weights are even; the hybrid moves
components and weighs them; the cone geodesic, of length scale 0.3, moves the left component and
lets the right one vanish in one place and appear in the other. Nothing is resampled, so that a
line is one particle: as wide as it is heavy. Particles diffuse a little, at the rate 0.05.";

/// The rate of transport: little noise, so that one sees where particles are taken.
const TRANSPORT: f32 = 0.05;
/// The length scale of the cone.
const LENGTH: f64 = 0.3;

/// Joins two mixtures by six geodesics: particles' ways over the density, wfr-geodesics.png, and a
/// table of the errors at the end.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    /// How many particles along each geodesic.
    #[arg(short = 'n', long, value_name = "N", default_value = "2^15")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: u32,
    /// How many time steps.
    #[arg(long, value_name = "K", default_value = "400")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: u32,
    /// How often to look at the particles on their way.
    #[arg(long, value_name = "L", default_value = "80")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    looks: u32,
    /// The folder for the picture; an older wfr-geodesics.png in it is replaced.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The seed.
    #[arg(long, value_name = "SEED", default_value = "0", allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    device: DeviceOptions,
}

/// A geodesic by its names.
struct Geodesic {
    name: &'static str,
    remark: &'static str,
    flow: Flow,
}

fn geodesics() -> [Geodesic; 6] {
    let geodesic = |name, remark, flow: Flow| {
        let flow = flow.with_transport(TRANSPORT);
        Geodesic { name, remark, flow }
    };
    [
        geodesic("exponential", "weights, where both laws have mass", Flow::annealed()),
        geodesic("mixture", "weights, in place", Flow::path(Path::Mixture)),
        geodesic("Fisher-Rao", "weights, between the two", Flow::path(Path::FisherRao)),
        geodesic("Wasserstein", "transport, even weights", Flow::displacement()),
        geodesic("hybrid", "transport and weights", Flow::hybrid()),
        geodesic("cone", "near moves, far teleports", Flow::cone(LENGTH)),
    ]
}

fn mixture(parts: [(f64, f64, f64); 2]) -> [Component; 2] {
    parts.map(|(weight, mean, scale)| Component { weight, mean: vec![mean], scale: vec![scale] })
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    std::fs::create_dir_all(&arguments.out).map_err(|error| {
        Failure::Usage(format!("{} cannot be made: {error}", arguments.out.display()))
    })?;
    let place = Place::check(&arguments.out.join(PICTURE), "png", true)?;
    if arguments.looks == 0 || arguments.looks > arguments.steps {
        return Err(Failure::Usage(format!(
            "--looks = {} is not between 1 and the {} steps",
            arguments.looks, arguments.steps
        )));
    }
    let initial = Initial::gaussian_mixture(&mixture([(0.65, -1.6, 0.6), (0.35, 1.0, 0.6)]))?;
    let target = Target::gaussian_mixture(&mixture([(0.3, -1.0, 0.5), (0.7, 2.0, 0.5)]))?;
    let truth = target
        .truth()
        .ok_or_else(|| Failure::Output("bug in wfr: a mixture has moments".into()))?;
    let config = Config {
        particles: arguments.particles,
        schedule: Schedule::uniform(1.0, arguments.steps)?,
        ess_threshold: 0.0,
        seed: arguments.seed,
        ..Config::default()
    };
    let mut device = Device::new(arguments.device.adapter.as_deref());
    let mut journeys = Vec::new();
    for geodesic in geodesics() {
        let problem = Problem::new(target.clone(), initial.clone(), geodesic.flow)?;
        let gpu = device.for_run(&problem, &config)?;
        let mut looks = Vec::new();
        let label = (geodesic.name, console);
        run::watch(gpu, &problem, &config, label, arguments.looks, |particles, info, _| {
            looks.push(Look { beta: info.beta, mass: info.log_normalizer.exp(), particles });
        })?;
        journeys.push(Journey { title: geodesic.name, remark: geodesic.remark, looks });
    }
    place.fill(|path| plot::geodesics(path, &journeys))?;
    console::print(&format!(
        "Six geodesics between two mixtures on the line: {} particles, {} steps, no resampling\n\n\
         {}\nExact values are those of the second mixture.\nThe picture is {}\n",
        grouped(u64::from(arguments.particles)),
        arguments.steps,
        table(&journeys, &truth).text(),
        place.path().display(),
    ))
}

/// What the particles say at the end, each with its error.
fn table(journeys: &[Journey<'_>], truth: &Truth) -> Table {
    let mut table = Table::new(1);
    table.row(["geodesic", "E x", "E x^2", "P(x > 0)", "mass", "ESS"]);
    let exact = |value: f64| format!("{value:.4}");
    table.row([
        "exact".to_string(),
        exact(truth.mean[0]),
        exact(truth.second_moment[0]),
        exact(truth.right_mass),
        exact(1.0),
        String::new(),
    ]);
    for journey in journeys {
        let Some(end) = journey.looks.last() else { continue };
        let diagnostics = Diagnostics::new(&end.particles);
        let shown = |estimate: wfr::Estimate| with_error(estimate.value, estimate.se);
        table.row([
            journey.title.to_string(),
            shown(diagnostics.means()[0]),
            shown(diagnostics.second_moments()[0]),
            shown(diagnostics.mass(|x| x[0] > 0.0)),
            with_error(end.mass, end.mass * diagnostics.log_normalizer_se()),
            grouped(diagnostics.ess().round() as u64),
        ]);
    }
    table
}
