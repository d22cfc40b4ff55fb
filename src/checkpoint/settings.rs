//! What a checkpoint says of a run in words: its settings, how far it is, and where it was made.

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::VERSION;
use crate::adaptive::Adaptive;
use crate::config::Config;
use crate::error::{CheckpointFault, Error, Result};
use crate::schedule::Schedule;

/// The version of the format.
const FORMAT: u64 = 1;

/// The text `wfr` of the header.
#[derive(Debug)]
pub(crate) struct Settings {
    pub config: Config,
    /// Steps done.
    pub step: u32,
    /// Whether an adaptive schedule has reached its end.
    pub stopped: bool,
    /// Where it was made.
    pub adapter: String,
    /// The version of the crate that wrote it.
    pub wfr: String,
    /// The steps of the schedule that it was made with.
    pub saved_steps: u32,
}

/// Whether this version of wfr reads the format that a text names.
pub(super) fn check_version(text: &str) -> Result<(), (CheckpointFault, String)> {
    let found = serde_json::from_str::<Value>(text).unwrap_or_default();
    match found["version"].as_u64() {
        Some(FORMAT) => Ok(()),
        Some(version) if version > FORMAT => {
            let by = found["wfr"].as_str().unwrap_or("a later one");
            let reason = format!(
                "is of format {version}, written by wfr {by}; this is wfr {VERSION}, which reads \
                 format {FORMAT}: go on with that version"
            );
            Err((CheckpointFault::NewerVersion, reason))
        }
        _ => Err((CheckpointFault::Corrupt, "says not of what version its format is".into())),
    }
}

impl Settings {
    pub(crate) fn of(config: &Config, step: u32, stopped: bool, adapter: String) -> Settings {
        let saved_steps = config.schedule.steps();
        let (config, wfr) = (config.clone(), VERSION.into());
        Settings { config, step, stopped, adapter, wfr, saved_steps }
    }

    /// As JSON; the points of the schedule are a tensor.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "version": FORMAT,
            "wfr": self.wfr,
            "adapter": self.adapter,
            "step": self.step,
            "stopped": self.stopped,
            "config": config_to_json(&self.config),
        })
    }

    /// From JSON and the points of the schedule; a reason where they do not fit.
    pub(super) fn parse(text: &str, points: &[f64]) -> Result<Settings, String> {
        let all = serde_json::from_str(text).map_err(|error| error.to_string());
        let Value::Object(all) = all? else { return Err("has settings of another form".into()) };
        let fields = Fields(&all);
        let config = config_from_json(&fields.object("config")?, points)
            .map_err(|reason| format!("has settings that are none: {reason}"))?;
        let (step, stopped) = (fields.u32("step")?, fields.flag("stopped")?);
        let saved_steps = config.schedule.steps();
        if step > saved_steps {
            return Err(format!("is at step {step} of {saved_steps}"));
        }
        let (adapter, wfr) = (fields.text("adapter")?, fields.text("wfr")?);
        Ok(Settings { config, step, stopped, adapter, wfr, saved_steps })
    }

    /// Puts another schedule in place, with the same steps so far.
    pub(super) fn extend(&mut self, schedule: Schedule) -> Result<()> {
        let (own, step) = (&self.config.schedule, self.step);
        let refused = |reason: String| Err(Error::config("schedule", reason));
        match (own.adaptivity(), schedule.adaptivity()) {
            (None, None) => {}
            (Some(own), Some(other)) => {
                if self.stopped {
                    let reason = "has ended at β = 1, and an adaptive schedule goes no further; go \
                                  on from its particles by Initial::from_target";
                    return refused(reason.into());
                }
                let same = Adaptive { max_stages: own.max_stages, ..*other };
                if same != *own {
                    let reason = "is adaptive, and of those max_stages alone can be another; keep \
                                  the other fields";
                    return refused(reason.into());
                }
            }
            _ => {
                let reason = "has β chosen by the device, and the other one not; keep what it is";
                return refused(reason.into());
            }
        }
        if schedule.steps() < step {
            let steps = schedule.steps();
            return refused(format!("has {steps} steps, and the run has done {step}; keep those"));
        }
        let point = |schedule: &Schedule, k| (schedule.time(k), schedule.beta(k));
        if let Some(k) = (0..=step).find(|k| point(own, *k) != point(&schedule, *k)) {
            let (ours, theirs) = (point(own, k), point(&schedule, k));
            return refused(format!(
                "has (t, β) = {theirs:?} at row {k}, where the run had {ours:?}; keep the rows up \
                 to step {step}"
            ));
        }
        self.config.schedule = schedule;
        Ok(())
    }
}

fn config_to_json(config: &Config) -> Value {
    // Every field by its name: one that is new is missed here first.
    let Config {
        particles,
        seed,
        schedule,
        integrator,
        taming,
        preconditioner,
        friction,
        stiffness,
        ess_threshold,
        ess_every,
        resampler,
        trace_rows,
        trace_cess,
        workgroup_size,
        submission_limit,
        on_loss,
    } = config;
    let adaptive = schedule.adaptivity().map(|adaptive| {
        let Adaptive { cess, moves_per_stage, dt, max_stages, floor } = adaptive;
        json!({
            "cess": cess,
            "moves_per_stage": moves_per_stage,
            "dt": dt,
            "max_stages": max_stages,
            "floor": floor,
        })
    });
    let (beta, grid) = schedule.names();
    json!({
        "particles": particles,
        "seed": seed,
        "schedule": { "beta": beta, "grid": grid, "adaptive": adaptive },
        "integrator": integrator.map(|integrator| integrator.name()),
        "taming": taming,
        "preconditioner": preconditioner,
        "friction": friction,
        "stiffness": stiffness,
        "ess_threshold": ess_threshold,
        "ess_every": ess_every,
        "resampler": resampler.name(),
        "trace_rows": trace_rows,
        "trace_cess": trace_cess,
        "workgroup_size": workgroup_size,
        // An hour of nanoseconds, the most, fits easily.
        "submission_limit": submission_limit.as_nanos() as u64,
        "on_loss": on_loss.name(),
    })
}

fn config_from_json(all: &Map<String, Value>, points: &[f64]) -> Result<Config, String> {
    let fields = Fields(all);
    let schedule = fields.object("schedule")?;
    let schedule = Fields(&schedule);
    let adaptive = match schedule.get("adaptive")? {
        Value::Null => None,
        _ => Some(adaptive_from_json(&schedule.object("adaptive")?)?),
    };
    let points = points.as_chunks().0.iter().map(|[t, beta]| (*t, *beta)).collect();
    let (beta, grid) = (schedule.text("beta")?, schedule.optional("grid")?);
    let preconditioner = match fields.get("preconditioner")? {
        Value::Null => None,
        value => {
            let list = value.as_array().ok_or("`preconditioner` is no list")?;
            let numbers = list.iter().map(|value| Some(value.as_f64()? as f32));
            Some(numbers.collect::<Option<_>>().ok_or("`preconditioner` is no list of numbers")?)
        }
    };
    let integrator = fields.optional("integrator")?;
    let config = Config {
        particles: fields.u32("particles")?,
        seed: fields.get("seed")?.as_u64().ok_or("`seed` is no whole number")?,
        schedule: Schedule::from_parts(points, beta, grid, adaptive)?,
        integrator: integrator.as_deref().map(named).transpose()?,
        taming: fields.flag("taming")?,
        preconditioner,
        friction: fields.f64("friction")? as f32,
        stiffness: fields.f64("stiffness")? as f32,
        ess_threshold: fields.f64("ess_threshold")? as f32,
        ess_every: fields.u32("ess_every")?,
        resampler: named(&fields.text("resampler")?)?,
        trace_rows: fields.u32("trace_rows")?,
        trace_cess: fields.flag("trace_cess")?,
        workgroup_size: fields.u32("workgroup_size")?,
        on_loss: named(&fields.text("on_loss")?)?,
        submission_limit: Duration::from_nanos(fields.typed("submission_limit", Value::as_u64)?),
    };
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

fn adaptive_from_json(all: &Map<String, Value>) -> Result<Adaptive, String> {
    let fields = Fields(all);
    let adaptive = Adaptive {
        cess: fields.f64("cess")?,
        moves_per_stage: fields.u32("moves_per_stage")?,
        dt: fields.f64("dt")?,
        max_stages: fields.u32("max_stages")?,
        floor: fields.f64("floor")?,
    };
    adaptive.check().map_err(|error| error.to_string())?;
    Ok(adaptive)
}

fn named<T: FromStr<Err = Error>>(name: &str) -> Result<T, String> {
    name.parse().map_err(|error: Error| error.to_string())
}

/// The fields of an object, each of which has to be there.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Result<&Value, String> {
        self.0.get(name).ok_or_else(|| format!("has no `{name}`"))
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        as_type: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, String> {
        as_type(self.get(name)?).ok_or_else(|| format!("has another kind of value as `{name}`"))
    }

    fn u32(&self, name: &str) -> Result<u32, String> {
        self.typed(name, |value| u32::try_from(value.as_u64()?).ok())
    }

    fn f64(&self, name: &str) -> Result<f64, String> {
        self.typed(name, Value::as_f64)
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        self.typed(name, Value::as_bool)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        self.typed(name, |value| value.as_str().map(str::to_string))
    }

    /// A text, or nothing for null.
    fn optional(&self, name: &str) -> Result<Option<String>, String> {
        self.typed(name, |value| match value {
            Value::Null => Some(None),
            value => value.as_str().map(|text| Some(text.to_string())),
        })
    }

    fn object(&self, name: &str) -> Result<Map<String, Value>, String> {
        self.typed(name, |value| value.as_object().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Resampler;
    use crate::integrator::Integrator;
    use crate::loss::OnLoss;
    use crate::schedule::Annealing;

    /// No field at its default.
    fn config() -> Config {
        let schedule = Schedule::geometric(0.01, 1.7, 30).unwrap();
        Config {
            particles: 12_345,
            seed: u64::MAX - 1,
            schedule: schedule.annealed(Annealing::Sigmoid(6.0)).unwrap(),
            integrator: Some(Integrator::Exponential),
            taming: false,
            preconditioner: Some(vec![0.1, 1e-30, 1e30, f32::MIN_POSITIVE * 1e10]),
            friction: 0.3,
            stiffness: 1.0 / 3.0,
            ess_threshold: 0.7,
            ess_every: 3,
            resampler: Resampler::Residual,
            trace_rows: 99,
            trace_cess: true,
            workgroup_size: 32,
            on_loss: OnLoss::Stop,
            submission_limit: Duration::from_micros(12_345),
        }
    }

    fn points(schedule: &Schedule) -> Vec<f64> {
        (0..=schedule.steps()).flat_map(|k| [schedule.time(k), schedule.beta(k)]).collect()
    }

    fn read(text: &Value, points: &[f64]) -> Result<Settings, String> {
        Settings::parse(&text.to_string(), points)
    }

    #[test]
    fn every_setting_comes_back_to_the_last_bit() {
        let adaptive =
            Adaptive { cess: 0.9, moves_per_stage: 3, dt: 0.1, max_stages: 7, floor: 1e-9 };
        let schedule = Schedule::adaptive(adaptive).unwrap();
        for config in [config(), Config { schedule, ..config() }, Config::default()] {
            let settings = Settings::of(&config, 17, true, "an adapter, a driver".into());
            let read = read(&settings.to_json(), &points(&config.schedule)).unwrap();
            assert_eq!(read.config, config);
            assert_eq!(
                (read.step, read.stopped, read.saved_steps),
                (17, true, config.schedule.steps())
            );
            assert_eq!(
                (read.adapter.as_str(), read.wfr.as_str()),
                ("an adapter, a driver", VERSION)
            );
        }
    }

    #[test]
    fn settings_that_are_none_are_refused() {
        let good = Settings::of(&config(), 17, false, "an adapter".into()).to_json();
        let points = points(&config().schedule);
        let refused = |place: &str, value: Value| {
            let mut bad = good.clone();
            *bad.pointer_mut(place).unwrap() = value;
            read(&bad, &points).unwrap_err()
        };
        for (place, value, words) in [
            ("/step", json!(31), "is at step 31 of 30"),
            ("/step", json!(-1), "has another kind of value as `step`"),
            ("/stopped", json!(0), "has another kind of value as `stopped`"),
            ("/config", json!([]), "has another kind of value as `config`"),
            ("/config/seed", json!(0.5), "`seed` is no whole number"),
            ("/config/particles", json!(0), "particles = 0 is not between 1 and 134217728"),
            ("/config/particles", json!(1_u64 << 40), "has another kind of value as `particles`"),
            ("/config/resampler", json!("best"), "resampler 'best' is not known"),
            ("/config/integrator", json!("best"), "integrator 'best' is not known"),
            ("/config/preconditioner", json!([1, "x"]), "`preconditioner` is no list of numbers"),
            ("/config/schedule/adaptive", json!(1), "has another kind of value as `adaptive`"),
            ("/config/schedule/adaptive", json!({}), "has no `cess`"),
        ] {
            let reason = refused(place, value);
            assert!(reason.contains(words), "{reason}");
        }
        assert!(read(&json!({}), &points).unwrap_err().contains("has no `config`"));
        assert!(read(&json!(1), &points).unwrap_err().contains("settings of another form"));
        let mut odd = points.clone();
        for (at, value, words) in [
            (5, 1.5, "a schedule with (t, β) = (0.0"),
            (4, f64::NAN, "a schedule with (t, β) = (NaN"),
        ] {
            odd[at] = value;
            let reason = read(&good, &odd).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
        assert!(read(&good, &points[..2]).unwrap_err().contains("a schedule of 0 steps"));
    }
}
