//! The files of results that a run leaves at its end.

use std::io;
use std::path::Path;
use std::sync::Arc;

use wfr::{Histograms, Sampler};

use super::checkpoints;
use super::compose::last_level;
use super::failure::{Done, Failure};
use super::keeper::METRICS;
use super::plot::{self, Drawing};
use super::report;
use super::results::Results;
use super::run::Outcome;
use super::run_file::{FILE_NAME, INPUTS, Resolved};
use crate::output::{
    self, Contents, Estimates, Frame, Kept, Next, OnDevice, Record, Stage, Windows,
};
use crate::plot::Exact;
use crate::shown::printable;

/// The population at moments of the run.
const FRAMES: &str = "frames.npz";

/// All files of results that a run may leave, or not: those of one that was here before must not stay
/// beside it.
pub(super) fn names() -> impl Iterator<Item = String> {
    let particles = ["particles.npz", "particles.safetensors", "particles.nc", FRAMES];
    let told = ["summary.json", "summary.txt"];
    particles.into_iter().chain(told).map(String::from).chain(plot::all_files())
}

/// Whether a run leaves files of this name, which is below its folder.
pub(crate) fn is_ours(name: &str) -> bool {
    match name.split_once('/') {
        None => [FILE_NAME, METRICS].contains(&name) || names().any(|own| own == name),
        Some((folder, file)) => {
            folder == INPUTS || folder == checkpoints::FOLDER && checkpoints::is_ours(file)
        }
    }
}

/// Whether a folder has something of an earlier run that took time to make.
pub(super) fn are_in(folder: &Path) -> Done<bool> {
    let is_there = |name: String| folder.join(name).symlink_metadata().is_ok();
    Ok(names().any(is_there) || !checkpoints::in_folder(folder)?.is_empty())
}

/// Writes the particles and what they tell.
pub(super) fn write(
    next: &Next,
    (options, run_file): (&Results, &Resolved),
    sampler: &Sampler,
    outcome: &Outcome,
    estimates: &Estimates,
    frames: Vec<Frame>,
) -> Done<Kept> {
    // Those that the host looks at, or if it looks at some the others too.
    let on_device = OnDevice::new(sampler, outcome.particles.dim());
    let particles: &dyn Windows = match outcome.every {
        1 => outcome.particles.as_ref(),
        _ => &on_device,
    };
    let draws = options.draws(outcome.config.particles) as usize;
    let end = Stage::from(&outcome.info);
    let kept = Kept {
        record: Record::new(outcome, estimates),
        particles: Arc::clone(&outcome.particles),
        posterior: output::posterior(particles, draws, outcome.config.seed)?,
        stages: outcome.trace.iter().map(Stage::from).chain([end]).collect(),
        frames,
    };
    let contents = Contents {
        record: &kept.record,
        config: &run_file.text(),
        particles,
        every: options.thin as usize,
        posterior: &kept.posterior,
        stages: &kept.stages,
    };
    let words = |error: io::Error| error.to_string();
    for format in &options.format {
        next.put(format.file_name(), |path| contents.write(*format, path).map_err(words))?;
    }
    if !kept.frames.is_empty() {
        next.put(FRAMES, |path| output::write_frames(path, &kept.frames).map_err(words))?;
    }
    let record = serde_json::to_string_pretty(&kept.record);
    let record = record.map_err(|error| Failure::Output(error.to_string()))?;
    next.put_text("summary.json", &(record + "\n"))?;
    next.put_text("summary.txt", &printable(&report::summary(outcome, estimates)))?;
    Ok(kept)
}

/// Draws the pictures and the report, where they were asked for.
pub(super) fn draw(
    next: &Next,
    (options, run_file): (&Results, &Resolved),
    sampler: &Sampler,
    outcome: &Outcome,
    kept: &Kept,
) -> Done {
    if !options.plot && !options.animate {
        return Ok(());
    }
    // A run that was stopped is somewhere on its way.
    let exact = outcome.complete.then(|| exact(outcome)).flatten();
    let run_file = Some(run_file.text());
    let canvas = plot::Canvas { folder: &next.path(), overwrite: true, run_file };
    let drawing = Drawing::usual(options.animate);
    let exact = exact.as_ref();
    let drawn = match outcome.every {
        1 => drawing.draw(sampler, &canvas, kept, exact),
        _ => drawing.draw(&Histograms::new(sampler.gpu(), &kept.particles)?, &canvas, kept, exact),
    };
    drawn.map(|_| ())
}

/// What is known exactly of the law that was sampled.
fn exact(outcome: &Outcome) -> Option<Exact> {
    match outcome.problem.composition() {
        Some(composition) => {
            let last = last_level(composition.noise(), &outcome.config);
            Exact::of_composition(composition, last)
        }
        None => Exact::of_target(outcome.problem.target()),
    }
}
