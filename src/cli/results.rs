//! What becomes of a run: files, a picture, a report or a record.

use std::path::PathBuf;

use clap::Args;

use super::console;
use super::failure::Done;
use super::report;
use super::run::Outcome;
use crate::output::{Contents, Estimates, Format, Place, Record, Stage};
use crate::plot;

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct Results {
    /// Write the weighted particles, their time-zero ancestors and the trace for NumPy.
    #[arg(long, value_name = "FILE.npz")]
    out: Option<PathBuf>,
    /// Write a picture of the weighted particles in the plane of the first two coordinates.
    #[arg(long, value_name = "FILE.png")]
    plot: Option<PathBuf>,
    /// Replace the files of --out and --plot where they exist.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object with all settings and results.
    #[arg(long)]
    json: bool,
}

/// The files asked for, checked before the run.
pub(crate) struct Places {
    archive: Option<Place>,
    picture: Option<Place>,
}

impl Results {
    /// The places of the files.
    pub(crate) fn places(&self) -> Done<Places> {
        let place = |path: &Option<PathBuf>, extension| {
            path.as_ref().map(|path| Place::check(path, extension, self.overwrite)).transpose()
        };
        Ok(Places { archive: place(&self.out, "npz")?, picture: place(&self.plot, "png")? })
    }

    /// Warns, fills the places and prints.
    pub(crate) fn hand_over(
        &self,
        places: &Places,
        outcome: &Outcome,
        estimates: &Estimates,
    ) -> Done {
        report::warn(outcome, estimates);
        if let Some(place) = &places.archive {
            place.fill(|path| {
                let mut stages: Vec<_> = outcome.trace.iter().map(Stage::from).collect();
                stages.push(Stage::from(&outcome.info));
                let contents = Contents {
                    record: &Record::new(outcome, estimates),
                    config: "",
                    particles: &outcome.particles,
                    every: 1,
                    posterior: &[],
                    stages: &stages,
                };
                contents.write(Format::Npz, path).map_err(|error| error.to_string())
            })?;
            log::info!("particles are in {}", place.path().display());
        }
        if let Some(place) = &places.picture {
            place.fill(|path| plot::sample(path, outcome, estimates))?;
            log::info!("the picture is in {}", place.path().display());
        }
        if self.json {
            return console::print_json(&Record::new(outcome, estimates).with_cost(outcome));
        }
        console::print(&report::text(outcome, estimates))
    }
}
