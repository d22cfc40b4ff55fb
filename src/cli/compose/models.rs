//! Which models are composed.

use std::path::PathBuf;

use clap::Args;
use wfr::Modes;
use wfr::diffusion::{Composition, Network, ScoreModel};

use super::{Done, Failure};
use crate::cli::numbers;

/// The models.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct ModelOptions {
    /// A model: a network (.safetensors), or a text file with the components of a Gaussian mixture.
    /// Repeat it for more.
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,
    /// The number of dimensions, where the columns of a mixture's file leave it open.
    #[arg(long, value_name = "D", value_parser = numbers::count, allow_negative_numbers = true)]
    dim: Option<u32>,
}

/// Centres beyond which modes are not told by default.
const MOST_CENTRES: usize = 32;

impl ModelOptions {
    /// The models in their order.
    pub(crate) fn read(&self) -> Done<Vec<ScoreModel>> {
        if self.models.is_empty() {
            let message = "no model is given; add --model FILE for each";
            return Err(Failure::Usage(message.into()));
        }
        let read = |path: &PathBuf| match path.extension() {
            Some(ending) if ending == "safetensors" => {
                Ok(ScoreModel::network(Network::from_file(path)?))
            }
            _ => Ok(ScoreModel::gaussian_mixture_from_file(path, self.dim)?),
        };
        self.models.iter().map(read).collect()
    }
}

/// Modes around the means of all mixtures, each once.
pub(crate) fn centres(composition: &Composition) -> Done<Option<Modes>> {
    let components = composition.models().iter().filter_map(ScoreModel::components).flatten();
    let mut centres: Vec<Vec<f32>> = Vec::new();
    for component in components {
        let center = component.mean.iter().map(|x| *x as f32).collect();
        if !centres.contains(&center) {
            centres.push(center);
        }
    }
    Ok(match centres.len() {
        2..=MOST_CENTRES => Some(Modes::around(centres)?),
        _ => None,
    })
}
