//! `wfr experiment fkc`: one diffusion model sharpened, beside published numbers.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wfr::distance::Points;
use wfr::{Component, Particles, Schedule};

mod measure;
mod setting;
mod table;

use crate::cli::console::{self, Console};
use crate::cli::failure::{Done, Failure};
use crate::cli::numbers::{self, grouped};
use crate::cli::options::DeviceOptions;
use crate::cli::run::{self, Device, Outcome};
use crate::output::Place;
use crate::plot::{self, Cloud};
use measure::{Exact, Lineage, Measured};
use setting::{Correction, Drift, Way};
use table::Row;

const DETAILS: &str = "\
The law is the third power of 40 equal Gaussians in the plane, sampled by one diffusion model of the
40, known in closed form: M. Skreta et al., arXiv 2503.02819, Table A1, whose noise and levels are
taken over. Particles follow the score of the power (target score), or the same with less noise
(tempered noise); without weights neither ends at the power. Weights correct that: by their rate,
resampled at every step, as published; the same, resampled when the ESS falls below half; or by
ratios of kernels, which are exact at every step size.
Distances are to as many exact draws, in the published units, and those of exact draws from one
another are the floor of the table. W1 and W2 are between --points points of each, which lifts their
floor; the published ones are between all 10,000. Energies are not comparable as published.
Particles that share a time-zero ancestor are one family; the second table tells whether more
particles leave more families.";

/// Samples the cube of 40 Gaussians by one diffusion model with and without weights: distances to
/// exact draws beside the published ones, and what more particles change.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    /// How many particles.
    #[arg(short = 'n', long, value_name = "N", default_value = "1e4")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: u32,
    /// How many runs in every way; tables show means and standard deviations.
    #[arg(long, value_name = "R", default_value = "5")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    seeds: u32,
    /// How many time steps.
    #[arg(long, value_name = "K", default_value = "1000")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: u32,
    /// Points of each sample for W1 and W2; their cost grows with the cube.
    #[arg(long, value_name = "P", default_value = "1000")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    points: u32,
    /// Go on to 10, 100, … times the particles, one run each, up to so many; by default while a run
    /// is expected to take less than a minute.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    large: Option<u32>,
    /// Write a picture of the samples.
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
    /// Replace the file of --plot where it exists.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object with every run.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: DeviceOptions,
}

/// Seconds that a run of more particles may be expected to take.
const MINUTE: f64 = 60.0;
/// The most particles: what is done on the host takes minutes too.
const MOST: u32 = 10_000_000;

/// A sample of the picture and its title.
type Sample = (String, Arc<Particles>);

/// What all runs share.
struct Bench<'a> {
    arguments: &'a Arguments,
    console: &'a Console,
    gaussians: Vec<Component>,
    exact: Exact,
    schedule: Schedule,
    device: Device<'a>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let place = |path| Place::check(path, "png", arguments.overwrite);
    let picture = arguments.plot.as_deref().map(place).transpose()?;
    check(arguments)?;
    console::warn_debug_build();
    let gaussians = setting::gaussians()?;
    let mut bench = Bench {
        arguments,
        console,
        exact: Exact::new(&gaussians)?,
        gaussians,
        schedule: setting::schedule(arguments.steps)?,
        device: Device::new(arguments.device.adapter.as_deref()),
    };
    let (mut rows, samples) = bench.compare()?;
    if let Some(place) = &picture {
        place.fill(|path| draw(path, arguments, &samples))?;
        log::info!("the picture is in {}", place.path().display());
    }
    let compared = rows.len();
    bench.enlarge(&mut rows)?;
    if arguments.json {
        return console::print_json(&Record::new(&bench, &rows));
    }
    console::print(&table::text(&bench, &rows, compared))
}

fn check(arguments: &Arguments) -> Done {
    for (option, value, least, most) in [
        ("--particles", arguments.particles, 2, MOST),
        ("--seeds", arguments.seeds, 1, 1000),
        ("--steps", arguments.steps, 1, 100_000),
        ("--points", arguments.points, 1, 20_000),
        ("--large", arguments.large.unwrap_or(0), 0, MOST),
    ] {
        if !(least..=most).contains(&value) {
            return Err(Failure::Usage(format!(
                "{option} = {value} is not between {least} and {most}"
            )));
        }
    }
    Ok(())
}

impl Bench<'_> {
    /// Exact draws and all ways, with all seeds; and the samples of the first for a picture.
    fn compare(&mut self) -> Done<(Vec<Row>, Vec<Sample>)> {
        let particles = self.arguments.particles;
        let seeds = 0..u64::from(self.arguments.seeds);
        let mut samples = vec![("exact draws".into(), cloud(&self.exact.draws(particles, 0))?)];
        let mut exact = Vec::new();
        for seed in seeds.clone() {
            let draws = self.exact.draws(particles, 2 * seed);
            exact.push(self.measured(&draws, seed, true, None)?);
        }
        let mut rows = vec![Row { particles, way: None, measured: exact }];
        for way in Way::all() {
            let mut measured = Vec::new();
            for seed in seeds.clone() {
                let outcome = self.sample(way, particles, seed)?;
                measured.push(self.look(way, &outcome, true)?);
                if seed == 0 && way.drift == Drift::TargetScore && is_drawn(way) {
                    samples.push((titled(way.correction), outcome.particles));
                }
            }
            rows.push(Row { particles, way: Some(way), measured });
        }
        Ok((rows, samples))
    }

    /// More and more particles in the two ways that [`follows_lineage`] names.
    fn enlarge(&mut self, rows: &mut Vec<Row>) -> Done {
        let mut particles = self.arguments.particles;
        loop {
            let more = particles.saturating_mul(10);
            let last = rows.iter().filter(|row| row.particles == particles);
            let seconds = last.filter_map(|row| row.mean(|m| Some(m.lineage?.seconds)));
            let expected = 10.0 * seconds.fold(0.0, f64::max);
            let goes_on = match self.arguments.large {
                Some(large) => more <= large,
                None => more <= MOST && expected < MINUTE,
            };
            if !goes_on {
                return Ok(());
            }
            particles = more;
            let draws = self.exact.draws(particles, 0);
            let measured = vec![self.measured(&draws, 0, false, None)?];
            rows.push(Row { particles, way: None, measured });
            for way in Way::all().filter(|way| follows_lineage(*way)) {
                let outcome = self.sample(way, particles, 0)?;
                let measured = vec![self.look(way, &outcome, false)?];
                rows.push(Row { particles, way: Some(way), measured });
            }
        }
    }

    fn sample(&mut self, way: Way, particles: u32, seed: u64) -> Done<Outcome> {
        let problem = way.problem(&self.gaussians)?;
        let config = way.config(particles, &self.schedule, seed);
        let gpu = self.device.for_run(&problem, &config)?;
        run::run(gpu, &problem, &config, way.drift.name(), self.console)
    }

    fn look(&self, way: Way, outcome: &Outcome, compares: bool) -> Done<Measured> {
        let log_normalizer = way.is_corrected().then(|| self.exact.log_normalizer());
        let lineage = Lineage::of(outcome, log_normalizer);
        let sample = Points::from_particles(&outcome.particles)?;
        self.measured(&sample, outcome.config.seed, compares, Some(lineage))
    }

    /// A sample beside the exact draws of its seed, which are odd: those of the floor are even.
    fn measured(
        &self,
        sample: &Points,
        seed: u64,
        compares: bool,
        lineage: Option<Lineage>,
    ) -> Done<Measured> {
        let distances = compares.then(|| {
            let draws = self.exact.draws(self.arguments.particles, 2 * seed + 1);
            self.exact.distances(sample, &draws, self.arguments.points)
        });
        let errors = self.exact.errors(sample)?;
        Ok(Measured { seed, distances: distances.transpose()?, errors, lineage })
    }
}

/// The ways of the second table: as published, and the best.
fn follows_lineage(way: Way) -> bool {
    way.drift == Drift::TargetScore
        && matches!(way.correction, Correction::EveryStep | Correction::KernelRatio)
}

/// The ways of the picture.
fn is_drawn(way: Way) -> bool {
    way.correction == Correction::None || follows_lineage(way)
}

/// What the picture calls a correction.
fn titled(correction: Correction) -> String {
    match correction {
        Correction::None => "without weights".into(),
        correction => format!("weights: {}", correction.name()),
    }
}

/// Exact draws as particles.
fn cloud(points: &Points) -> Done<Arc<Particles>> {
    let positions = points.coordinates().iter().map(|x| *x as f32).collect();
    let n = points.len();
    Ok(Arc::new(Particles::new(points.dim(), positions, vec![0.0; n], (0..n as u32).collect())?))
}

fn draw(path: &std::path::Path, arguments: &Arguments, samples: &[Sample]) -> Result<(), String> {
    let facts = format!(
        "40 Gaussians to the third power by one diffusion model: {} particles, {} steps",
        grouped(u64::from(arguments.particles)),
        arguments.steps
    );
    let clouds: Vec<_> =
        samples.iter().map(|(title, particles)| Cloud { title, particles }).collect();
    plot::clouds(path, "Without weights, and with them", &facts, -45.0..45.0, &clouds)
}

#[derive(Serialize)]
struct Record<'a> {
    version: &'static str,
    debug_build: bool,
    power: u32,
    steps: u32,
    points: u32,
    log_normalizer: f64,
    rows: Vec<RowRecord<'a>>,
}

#[derive(Serialize)]
struct RowRecord<'a> {
    particles: u32,
    /// None for exact draws.
    drift: Option<&'static str>,
    correction: Option<&'static str>,
    runs: &'a [Measured],
}

impl<'a> Record<'a> {
    fn new(bench: &Bench<'_>, rows: &'a [Row]) -> Record<'a> {
        let row = |row: &'a Row| RowRecord {
            particles: row.particles,
            drift: row.way.map(|way| way.drift.name()),
            correction: row.way.map(|way| way.correction.name()),
            runs: &row.measured,
        };
        Record {
            version: env!("CARGO_PKG_VERSION"),
            debug_build: cfg!(debug_assertions),
            power: setting::POWER,
            steps: bench.arguments.steps,
            points: bench.arguments.points,
            log_normalizer: bench.exact.log_normalizer(),
            rows: rows.iter().map(row).collect(),
        }
    }
}
