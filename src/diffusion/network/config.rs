//! What a network's file says of it: the JSON under `wfr.config`.

use serde_json::{Map, Value};

use crate::diffusion::Noise;
use crate::error::{Error, Result};
use crate::target::MAX_DIM;

/// The widest hidden layer.
pub(super) const MAX_HIDDEN: u32 = 1024;
/// The most frequencies of the time embedding.
const MAX_FREQUENCIES: usize = 1024;

/// The nonlinearity between the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x / (1 + e^{−x})
    Silu,
    /// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2
    Gelu,
    Tanh,
}

/// How the layers are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    Sequential,
    Residual,
}

/// What the output F of a network means, x = α x₀ + σ ε.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Prediction {
    Score,
    /// ε
    Noise,
    /// α ε − σ x₀
    Velocity,
    /// x₀, preconditioned as by T. Karras et al., arXiv:2206.00364, section 5.
    Denoiser {
        sigma_data: f64,
    },
}

/// What the time embedding is a function of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// τ
    Time,
    /// log(σ/α)
    LogSigma,
    /// log(σ/α) / 4
    LogSigmaQuarter,
}

/// What a network is beside its weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub dim: u32,
    pub hidden: u32,
    pub activation: Activation,
    pub architecture: Architecture,
    pub prediction: Prediction,
    pub noise: Noise,
    pub clock: Clock,
    pub frequencies: Vec<f64>,
    /// Whether x is divided by √(α² + σ²) first.
    pub unit_input: bool,
}

/// What multiplies the input, the output and x: score = `output` F(`input` x) + `skip` x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scales {
    pub input: f64,
    pub output: f64,
    pub skip: f64,
}

impl Config {
    /// Reads the JSON of the file `name`.
    pub(super) fn parse(name: &str, text: &str) -> Result<Config> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Error::file(name, format!("wfr.config is not JSON ({error}); write it again"))
        })?;
        let top = Object::new(name, "wfr.config", &value)?;
        let prediction = match top.word("prediction", &["score", "noise", "v", "denoiser"])? {
            "score" => Prediction::Score,
            "noise" => Prediction::Noise,
            "v" => Prediction::Velocity,
            _ => Prediction::Denoiser { sigma_data: top.positive("sigma_data")? },
        };
        let noise = noise(&top.object("schedule")?)?;
        if prediction == Prediction::Velocity && !matches!(noise, Noise::VariancePreserving { .. })
        {
            let reason = "predicts v, which needs the schedule vp; convert it to predict noise";
            return Err(Error::file(name, reason));
        }
        let embedding = top.object("time_embedding")?;
        embedding.word("kind", &["fourier"])?;
        let clock = match embedding.word("input", &["time", "log_sigma", "log_sigma/4"])? {
            "time" => Clock::Time,
            "log_sigma" => Clock::LogSigma,
            _ => Clock::LogSigmaQuarter,
        };
        let frequencies = embedding.numbers("frequencies")?;
        embedding.finish(&["kind", "input", "frequencies"])?;
        let unit_input =
            top.has("input_scale") && top.word("input_scale", &["none", "unit"])? == "unit";
        let denoiser = matches!(prediction, Prediction::Denoiser { .. });
        if denoiser && unit_input {
            let reason = "has input_scale = unit, but a denoiser scales its input itself; leave \
                          input_scale out";
            return Err(Error::file(name, reason));
        }
        let config = Config {
            dim: top.whole("dim", MAX_DIM)?,
            hidden: top.whole("hidden", MAX_HIDDEN)?,
            activation: match top.word("activation", &["silu", "gelu", "tanh"])? {
                "silu" => Activation::Silu,
                "gelu" => Activation::Gelu,
                _ => Activation::Tanh,
            },
            architecture: match top.word("architecture", &["sequential", "residual"])? {
                "sequential" => Architecture::Sequential,
                _ => Architecture::Residual,
            },
            prediction,
            noise,
            clock,
            frequencies,
            unit_input,
        };
        let mut known = vec![
            "dim",
            "hidden",
            "activation",
            "architecture",
            "prediction",
            "schedule",
            "time_embedding",
            "input_scale",
        ];
        known.extend(denoiser.then_some("sigma_data"));
        top.finish(&known)?;
        Ok(config)
    }

    /// The features of time at the level τ: sines of all frequencies, then cosines.
    pub(super) fn embedding(&self, tau: f64) -> Vec<f64> {
        let log_sigma = || (self.noise.sigma(tau) / self.noise.alpha(tau)).ln();
        let u = match self.clock {
            Clock::Time => tau,
            Clock::LogSigma => log_sigma(),
            Clock::LogSigmaQuarter => 0.25 * log_sigma(),
        };
        let sines = self.frequencies.iter().map(|f| (f * u).sin());
        sines.chain(self.frequencies.iter().map(|f| (f * u).cos())).collect()
    }

    /// The scales at the level τ; not finite where the prediction means nothing.
    pub(super) fn scales(&self, tau: f64) -> Scales {
        let (a, s) = (self.noise.alpha(tau), self.noise.sigma(tau));
        let input = if self.unit_input { 1.0 / a.hypot(s) } else { 1.0 };
        match self.prediction {
            Prediction::Score => Scales { input, output: 1.0, skip: 0.0 },
            Prediction::Noise => Scales { input, output: -1.0 / s, skip: 0.0 },
            Prediction::Velocity => Scales { input, output: -a / s, skip: -1.0 },
            Prediction::Denoiser { sigma_data } => {
                // D = c_skip x/α + c_out F and s = (α D − x) / σ², with σ/α for their σ.
                let root = (s / a).hypot(sigma_data);
                Scales {
                    input: 1.0 / (a * root),
                    output: sigma_data / (s * root),
                    skip: -1.0 / (a * root).powi(2),
                }
            }
        }
    }
}

fn noise(schedule: &Object<'_>) -> Result<Noise> {
    let noise = match schedule.word("kind", &["vp", "sub-vp", "ve"])? {
        "ve" => {
            schedule.finish(&["kind", "sigma_min", "sigma_max"])?;
            Noise::VarianceExploding {
                sigma_min: schedule.number("sigma_min")?,
                sigma_max: schedule.number("sigma_max")?,
            }
        }
        kind => {
            schedule.finish(&["kind", "beta_min", "beta_max", "time"])?;
            let beta_min = schedule.number("beta_min")?;
            let beta_max = schedule.number("beta_max")?;
            let time = schedule.number("time")?;
            match kind {
                "vp" => Noise::VariancePreserving { beta_min, beta_max, time },
                _ => Noise::SubVariancePreserving { beta_min, beta_max, time },
            }
        }
    };
    noise.check().map_err(|error| schedule.error(error.to_string()))?;
    Ok(noise)
}

/// An object of the JSON, with where it is for errors.
struct Object<'a> {
    file: &'a str,
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn new(file: &'a str, path: &str, value: &'a Value) -> Result<Object<'a>> {
        let fields = value.as_object().ok_or_else(|| {
            Error::file(file, format!("{path} is {value}; expected an object of named values"))
        })?;
        Ok(Object { file, path: path.into(), fields })
    }

    fn error(&self, reason: String) -> Error {
        Error::file(self.file, format!("{}: {reason}", self.path))
    }

    /// A value that is not what is expected.
    fn unexpected(&self, key: &str, expected: &str) -> Error {
        self.error(format!("{key} is {}; expected {expected}", self.fields[key]))
    }

    fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    fn get(&self, key: &str) -> Result<&'a Value> {
        let missing = || self.error(format!("{key} is missing; write it into the file"));
        self.fields.get(key).ok_or_else(missing)
    }

    fn object(&self, key: &str) -> Result<Object<'a>> {
        Object::new(self.file, &format!("{}.{key}", self.path), self.get(key)?)
    }

    /// One of some words.
    fn word(&self, key: &str, words: &[&'static str]) -> Result<&'static str> {
        let found = self.get(key)?.as_str();
        let word = words.iter().find(|word| found == Some(word));
        let expected = || self.unexpected(key, &format!("one of {}", words.join(", ")));
        word.copied().ok_or_else(expected)
    }

    fn number(&self, key: &str) -> Result<f64> {
        self.get(key)?.as_f64().ok_or_else(|| self.unexpected(key, "a number"))
    }

    fn positive(&self, key: &str) -> Result<f64> {
        let value = self.number(key)?;
        if value > 0.0 { Ok(value) } else { Err(self.unexpected(key, "a number above 0")) }
    }

    /// A whole number from 1 to `most`.
    fn whole(&self, key: &str, most: u32) -> Result<u32> {
        let value = self.get(key)?.as_u64().and_then(|value| u32::try_from(value).ok());
        let within = value.filter(|value| (1..=most).contains(value));
        within.ok_or_else(|| self.unexpected(key, &format!("a whole number from 1 to {most}")))
    }

    fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        let list = self.get(key)?.as_array();
        let numbers: Option<Vec<f64>> =
            list.and_then(|list| list.iter().map(Value::as_f64).collect());
        let within = numbers.filter(|list| (1..=MAX_FREQUENCIES).contains(&list.len()));
        let expected = format!("a list of 1 to {MAX_FREQUENCIES} numbers");
        within.ok_or_else(|| self.unexpected(key, &expected))
    }

    /// Refuses keys that are not `known`.
    fn finish(&self, known: &[&str]) -> Result<()> {
        match self.fields.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let list = known.join(", ");
                Err(self.error(format!("'{key}' is not known; the keys are {list}")))
            }
        }
    }
}
