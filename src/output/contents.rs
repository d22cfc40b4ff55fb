//! What a run leaves in a result file, the same in every format.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::arrays::{Array, Values, placed};
use super::kept::Stage;
#[cfg(feature = "arviz")]
use super::netcdf;
use super::record::Record;
use super::windows::{Thinned, Windows};
use super::{npz, safetensors};

/// What the particles are, for people who come from chains.
const NOTE: &str = "Particles are exchangeable: their order means nothing, so that R-hat, ESS-bulk \
                    and other diagnostics of chains do not apply to them. posterior holds draws of \
                    equal weight. Averages over the weighted particles must use their log-weights.";

/// A format of particles as a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For `numpy.load`.
    Npz,
    /// For `safetensors`.
    Safetensors,
    /// NetCDF-4 for ArviZ and xarray; with the feature `arviz`.
    #[cfg(feature = "arviz")]
    Netcdf,
}

impl Format {
    pub(crate) const ALL: &[Format] = &[
        Format::Npz,
        Format::Safetensors,
        #[cfg(feature = "arviz")]
        Format::Netcdf,
    ];

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Npz => "npz",
            Format::Safetensors => "safetensors",
            #[cfg(feature = "arviz")]
            Format::Netcdf => "netcdf",
        }
    }

    /// The name of the file in the folder of results.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Format::Npz => "particles.npz",
            Format::Safetensors => "particles.safetensors",
            #[cfg(feature = "arviz")]
            Format::Netcdf => "particles.nc",
        }
    }
}

/// A run, to be written.
pub(crate) struct Contents<'a> {
    pub(crate) record: &'a Record,
    /// The text of the resolved run file.
    pub(crate) config: &'a str,
    pub(crate) particles: &'a dyn Windows,
    /// One in so many particles is written.
    pub(crate) every: usize,
    /// Particles of equal weight, row by row (M, dim), counted as those on the device.
    pub(crate) posterior: &'a [f32],
    pub(crate) stages: &'a [Stage],
}

impl<'a> Contents<'a> {
    /// Writes a file of this format.
    pub(crate) fn write(&self, format: Format, path: &Path) -> io::Result<()> {
        let (arrays, attributes) = (self.arrays(), self.attributes());
        match format {
            Format::Npz => npz::write(path, &arrays, &attributes),
            Format::Safetensors => safetensors::write(path, &arrays, &attributes),
            #[cfg(feature = "arviz")]
            Format::Netcdf => netcdf::write(path, &arrays, &attributes),
        }
    }

    /// The arrays: `posterior` (M, d) of equal weight; `positions` (N, d), `log_weights` (N,) up to
    /// a common constant and `ancestors0` (N,); `log_normalizer` and its error (); and of each test
    /// of the ESS, then of the end, `stage_step`, `stage_time` and so on. Coordinates are float32, or
    /// float64 where those of the device are counted from a center.
    pub(crate) fn arrays(&self) -> Vec<Array<'a>> {
        let particles = Thinned::new(self.particles, self.every);
        let (n, dim) = (particles.count(), particles.dim());
        let number = |value: f64| Values::F64(vec![value].into());
        let draws = self.posterior.len() / dim;
        let (posterior, positions) = match &self.record.center {
            None => (Values::F32(self.posterior.into()), Values::Positions(particles)),
            Some(center) => (
                Values::F64(placed(self.posterior, center).into()),
                Values::Centered(particles, center),
            ),
        };
        let mut all = vec![
            Array::new("posterior", &[draws, dim], posterior),
            Array::new("positions", &[n, dim], positions),
            Array::new("log_weights", &[n], Values::LogWeights(particles)),
            Array::new("ancestors0", &[n], Values::Ancestors(particles)),
            Array::new("log_normalizer", &[], number(self.record.log_normalizer)),
            Array::new("log_normalizer_se", &[], number(self.record.log_normalizer_se)),
        ];
        all.extend(Stage::arrays(self.stages));
        all
    }

    /// Where the numbers come from, by name. What a run knows by words is text, the rest a number;
    /// what is not finite is `null`.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        let record = self.record;
        let all: [(&str, Value); 16] = [
            ("inference_library", "wfr".into()),
            ("inference_library_version", record.version.as_str().into()),
            ("note", NOTE.into()),
            ("target", record.target.as_str().into()),
            ("initial", record.initial.as_str().into()),
            ("flow", record.flow.as_str().into()),
            ("integrator", record.integrator.as_str().into()),
            ("schedule", record.schedule.as_str().into()),
            ("particles", record.particles.into()),
            ("every", self.every.into()),
            ("seed", record.seed.into()),
            ("adapter", record.adapter.as_str().into()),
            ("driver", record.driver.as_str().into()),
            ("log_normalizer", record.log_normalizer.into()),
            ("log_normalizer_se", record.log_normalizer_se.into()),
            ("config", self.config.into()),
        ];
        all.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }
}

impl Stage {
    /// A column per statistic, a row per stage.
    fn arrays(stages: &[Stage]) -> [Array<'static>; 9] {
        [
            Array::wholes("stage_step", stages, |stage| stage.step),
            Array::reals("stage_time", stages, |stage| stage.time),
            Array::reals("stage_beta", stages, |stage| stage.beta),
            Array::reals("stage_ess", stages, |stage| stage.ess),
            Array::reals("stage_cess", stages, |stage| stage.cess),
            Array::reals("stage_log_normalizer", stages, |stage| stage.log_normalizer),
            Array::reals("stage_max_weight", stages, |stage| stage.max_weight),
            Array::wholes("stage_non_finite", stages, |stage| stage.non_finite),
            Array::new(
                "stage_resampled",
                &[stages.len()],
                Values::Bool(stages.iter().map(|stage| stage.resampled).collect()),
            ),
        ]
    }
}
