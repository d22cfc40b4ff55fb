//! Networks as score models: read from files, evaluated on the host and on the device.

mod config;
mod evaluate;
mod file;
mod layers;
mod scores;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::Noise;
use crate::bounded;
use crate::error::{Error, Result};
use config::Config;
pub(crate) use config::{Activation, Architecture};
pub(crate) use evaluate::Level;
pub(crate) use layers::{Layer, Matrix};
pub use scores::Scores;

/// A score model as a multilayer perceptron with a time embedding, read from a safetensors file.
///
/// The file has PyTorch's names and layouts (`weight` is \[out, in\]), and in its metadata
/// `wfr.kind` = `score-mlp`, `wfr.version` = `1` and `wfr.config`, JSON with
/// - `dim`, `hidden` (up to 1024), `activation` (`silu`, `gelu` in its tanh form, `tanh`);
/// - `architecture`: `sequential`, linear layers `net.0`, `net.2`, … of \[c x; e\] with activations
///   between them; or `residual`, h = input(c x), then for each block h += second(act(first(act(h)) +
///   time(e))), then output(act(h));
/// - `prediction`, what the output means: `score`, `noise`, `v`, or `denoiser` with `sigma_data`
///   (T. Karras et al., arXiv:2206.00364);
/// - `schedule`: `kind` `vp` or `sub-vp` with `beta_min`, `beta_max` and `time`, or `ve` with
///   `sigma_min` and `sigma_max`;
/// - `time_embedding`: `kind` `fourier`, `frequencies` f and `input` u (`time` τ, `log_sigma`
///   log(σ/α), or `log_sigma/4`), e = (sin fu, cos fu);
/// - optionally `input_scale`: `none`, or `unit`, c = 1/√(α² + σ²).
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: String,
    config: Config,
    /// From x to the first hidden layer.
    pub(crate) input: Layer,
    /// From hidden layer to hidden layer: of a residual network, two per block.
    pub(crate) layers: Vec<Layer>,
    /// From the last hidden layer to F.
    pub(crate) output: Layer,
}

impl Network {
    /// Reads a network from a file.
    ///
    /// # Errors
    /// When the file cannot be read, and those of [`Network::from_bytes`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Network> {
        let path = path.as_ref();
        let bytes = bounded::bytes(path, bounded::TABLE).map_err(|why| Error::file(path, why))?;
        Network::from_bytes(path.display().to_string(), &bytes)
    }

    /// Reads a network from the bytes of a file that errors call `name`.
    ///
    /// # Errors
    /// [`ErrorKind::File`](crate::ErrorKind::File) with what was found, what was expected and the
    /// way out: not a whole file, metadata or keys that are missing or not known, tensors that are
    /// missing, superfluous, of another shape or not finite.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Network> {
        let name = name.into();
        let contents = file::read(&name, bytes)?;
        let about = |key: &str| contents.metadata.get(key).map(String::as_str);
        for (key, expected) in [("wfr.kind", "score-mlp"), ("wfr.version", "1")] {
            if about(key) != Some(expected) {
                let found = about(key).map_or("no".into(), |found| format!("'{found}' as"));
                let reason = format!(
                    "has {found} {key} in its metadata, expected '{expected}'; convert it, for \
                     instance with train/from_torch.py"
                );
                return Err(Error::file(name, reason));
            }
        }
        let text = about("wfr.config").ok_or_else(|| {
            let reason = "has no wfr.config in its metadata; write its JSON there";
            Error::file(&name, reason)
        })?;
        let config = Config::parse(&name, text)?;
        let (input, layers, output) = layers::of(&name, &config, contents.tensors)?;
        Ok(Network { name, config, input, layers, output })
    }

    /// What errors and results call it: its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dimension of its points.
    pub fn dim(&self) -> u32 {
        self.config.dim
    }

    /// The width of its hidden layers.
    pub fn hidden(&self) -> u32 {
        self.config.hidden
    }

    /// The noise it was trained on.
    pub fn noise(&self) -> Noise {
        self.config.noise
    }

    /// How many weights and biases it has.
    pub fn parameters(&self) -> usize {
        let hidden = [&self.input].into_iter().chain(&self.layers);
        hidden.chain([&self.output]).map(Layer::parameters).sum()
    }

    /// Its settings in words, and all its weights and biases.
    pub(crate) fn parts(&self) -> (String, Vec<&[f32]>) {
        let hidden = [&self.input].into_iter().chain(&self.layers);
        let layers = hidden.chain([&self.output]).flat_map(Layer::parts);
        (format!("{:?}", self.config), layers.collect())
    }

    pub(crate) fn activation(&self) -> Activation {
        self.config.activation
    }

    pub(crate) fn architecture(&self) -> Architecture {
        self.config.architecture
    }
}
