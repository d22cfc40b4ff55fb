//! What all experiments with compositions take.

use std::path::PathBuf;

use clap::Args;

use crate::cli::console;
use crate::cli::failure::{Done, Failure};
use crate::cli::numbers;
use crate::cli::options::DeviceOptions;
use crate::output::Place;

/// Where results go, the seed and the device.
#[derive(Debug, Args)]
pub(super) struct CommonOptions {
    /// The seed.
    #[arg(long, value_name = "SEED", default_value = "0", allow_negative_numbers = true)]
    pub(super) seed: u64,
    /// The folder for the picture; an older one of its name is replaced.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) device: DeviceOptions,
}

/// How much is sampled.
#[derive(Debug, Args)]
pub(super) struct SizeOptions {
    /// How many particles in each run.
    #[arg(short = 'n', long, value_name = "N")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: Option<u32>,
    /// How many steps in each run.
    #[arg(long, value_name = "K")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: Option<u32>,
}

/// In how many dimensions.
#[derive(Debug, Args)]
pub(super) struct DimOptions {
    /// The numbers of dimensions, joined by commas, each 1 to 256.
    #[arg(long, value_name = "D,…", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    dims: Vec<u16>,
}

impl DimOptions {
    /// Those asked for, or what the experiment takes.
    pub(super) fn or(&self, usual: &[usize]) -> Vec<usize> {
        let own: Vec<usize> = self.dims.iter().map(|dim| usize::from(*dim)).collect();
        if own.is_empty() { usual.to_vec() } else { own }
    }
}

impl SizeOptions {
    /// Particles and steps, or what the experiment takes.
    pub(super) fn or(&self, particles: u32, steps: u32) -> (u32, u32) {
        (self.particles.unwrap_or(particles), self.steps.unwrap_or(steps))
    }
}

impl CommonOptions {
    /// The place of a picture of this name.
    pub(super) fn picture(&self, name: &str) -> Done<Place> {
        std::fs::create_dir_all(&self.out).map_err(|error| {
            Failure::Usage(format!("{} cannot be made: {error}", self.out.display()))
        })?;
        Place::check(&self.out.join(name), "png", true)
    }

    /// Prints the record or the text.
    pub(super) fn print(&self, record: &impl serde::Serialize, text: &str) -> Done {
        if self.json { console::print_json(record) } else { console::print(text) }
    }
}
