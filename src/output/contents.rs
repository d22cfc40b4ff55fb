//! What a run leaves in a result file, the same in every format.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::arrays::{Array, Values};
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
    /// Particles of equal weight, row by row (M, dim).
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
    /// of the ESS, then of the end, `stage_step`, `stage_time` and so on.
    pub(crate) fn arrays(&self) -> Vec<Array<'a>> {
        let particles = Thinned::new(self.particles, self.every);
        let (n, dim) = (particles.count(), particles.dim());
        let number = |value: f64| Values::F64(vec![value].into());
        let array = |name, shape: &[usize], values| Array { name, shape: shape.to_vec(), values };
        let draws = self.posterior.len() / dim;
        let mut all = vec![
            array("posterior", &[draws, dim], Values::F32(self.posterior.into())),
            array("positions", &[n, dim], Values::Positions(particles)),
            array("log_weights", &[n], Values::LogWeights(particles)),
            array("ancestors0", &[n], Values::Ancestors(particles)),
            array("log_normalizer", &[], number(self.record.log_normalizer)),
            array("log_normalizer_se", &[], number(self.record.log_normalizer_se)),
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
        let array = |name, values| Array { name, shape: vec![stages.len()], values };
        let real = |name, pick: fn(&Stage) -> f64| {
            array(name, Values::F64(stages.iter().map(pick).collect()))
        };
        let whole = |name, pick: fn(&Stage) -> u32| {
            array(name, Values::U32(stages.iter().map(pick).collect()))
        };
        [
            whole("stage_step", |stage| stage.step),
            real("stage_time", |stage| stage.time),
            real("stage_beta", |stage| stage.beta),
            real("stage_ess", |stage| stage.ess),
            real("stage_cess", |stage| stage.cess),
            real("stage_log_normalizer", |stage| stage.log_normalizer),
            real("stage_max_weight", |stage| stage.max_weight),
            whole("stage_non_finite", |stage| stage.non_finite),
            array(
                "stage_resampled",
                Values::Bool(stages.iter().map(|stage| stage.resampled).collect()),
            ),
        ]
    }
}
