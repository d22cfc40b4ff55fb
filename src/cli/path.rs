//! The options of paths of densities.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use wfr::{Config, Estimate, Flow, Gpu, Initial, Path, Pilot, Problem, Target};

use super::failure::{Done, Failure};
use super::options::read_wgsl;
use super::run::Device;

const FORMS: &str = "write geometric, mixture, fisher-rao, harmonic, power:0.25, power:1..-0.5, arc, \
                     arc:0.9, displacement, hybrid or cone:1.5";

/// Which path of densities.
#[derive(Debug, Args)]
#[command(next_help_heading = "Path")]
pub(crate) struct PathOptions {
    /// The path of --flow path: geometric, mixture, fisher-rao or harmonic; power:P or
    /// power:P0..P1, the power mean with exponent P or from P0 to P1; arc or arc:ANGLE, the
    /// Fisher-Rao arc. Between Gaussian mixtures also displacement, hybrid and cone:LENGTH.
    #[arg(long, value_name = "PATH", value_parser = kind, allow_hyphen_values = true)]
    path: Option<Kind>,
    /// An estimate of log(Z of the target / Z of the initial law), or auto for one by a small run
    /// before. Its error makes another clock along the path, never another law at the end.
    #[arg(long, value_name = "VALUE|auto", value_parser = ratio, allow_negative_numbers = true)]
    log_ratio: Option<Ratio>,
    /// A velocity beside the score of a power mean, from a .wgsl file with fn velocity(x: Point,
    /// beta: f32) -> Point, per unit of beta; for euler and strang also velocity_divergence.
    #[arg(long, value_name = "FILE.wgsl")]
    velocity: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Curve(Path),
    /// The arc of an angle that a pilot estimates.
    Arc,
    Displacement,
    Hybrid,
    Cone(f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ratio {
    Value(f64),
    Auto,
}

/// A flow, and what a pilot found for it.
pub(crate) struct Chosen {
    pub(crate) flow: Flow,
    pub(crate) pilot: Option<Pilot>,
}

/// What the record of a run says of a pilot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PilotRecord {
    log_ratio: f64,
    log_ratio_se: f64,
    affinity: f64,
    affinity_se: f64,
}

impl From<&Pilot> for PilotRecord {
    fn from(pilot: &Pilot) -> PilotRecord {
        PilotRecord {
            log_ratio: pilot.log_ratio.value,
            log_ratio_se: pilot.log_ratio.se,
            affinity: pilot.affinity.value,
            affinity_se: pilot.affinity.se,
        }
    }
}

impl From<&PilotRecord> for Pilot {
    fn from(record: &PilotRecord) -> Pilot {
        Pilot::new(
            Estimate { value: record.log_ratio, se: record.log_ratio_se },
            Estimate { value: record.affinity, se: record.affinity_se },
        )
    }
}

impl PathOptions {
    /// Refuses what is given of these for another flow.
    pub(crate) fn check_absent(&self) -> Done {
        let given = [
            ("--path", self.path.is_some()),
            ("--log-ratio", self.log_ratio.is_some()),
            ("--velocity", self.velocity.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                Err(Failure::Usage(format!("{option} is for --flow path; add that")))
            }
            None => Ok(()),
        }
    }

    /// The flow along the path; a pilot runs on the device where one is asked for, unless it is known
    /// what it found.
    pub(crate) fn flow(
        &self,
        (target, initial): (&Target, &Initial),
        config: &Config,
        found: Option<Pilot>,
        device: &mut Device<'_>,
    ) -> Done<Chosen> {
        let kind = self.path.ok_or_else(|| {
            Failure::Usage(format!("--flow path needs to know which; add --path, and {FORMS}"))
        })?;
        if self.log_ratio.is_some() && !kind.depends_on_ratio() {
            let message = "--log-ratio is for paths of power means other than the geometric one";
            return Err(Failure::Usage(format!("{message}; leave it out")));
        }
        let wants_pilot = kind == Kind::Arc || self.log_ratio == Some(Ratio::Auto);
        let pilot = if !wants_pilot {
            None
        } else if found.is_some() {
            found
        } else {
            let problem = Problem::new(target.clone(), initial.clone(), Flow::annealed())?;
            let gpu = device.for_run(&problem, config)?;
            Some(run_pilot(gpu, &problem, config)?)
        };
        let ratio = match (self.log_ratio, &pilot) {
            (Some(Ratio::Value(value)), _) => value,
            // An arc that needs a pilot for its angle takes its ratio too.
            (_, Some(pilot)) => pilot.log_ratio.value,
            (_, None) => 0.0,
        };
        let flow = match (kind, &pilot) {
            (Kind::Curve(path), _) => Flow::path(path).with_log_ratio(ratio),
            (Kind::Arc, Some(pilot)) => {
                Flow::path(Path::arc(pilot.arc_angle())).with_log_ratio(ratio)
            }
            (Kind::Arc, None) => unreachable!("bug in wfr: an arc without an angle has a pilot"),
            (Kind::Displacement, _) => Flow::displacement(),
            (Kind::Hybrid, _) => Flow::hybrid(),
            (Kind::Cone(length), _) => Flow::cone(length),
        };
        let flow = match &self.velocity {
            Some(file) => {
                let name = file.display().to_string();
                let text = read_wgsl(&name)?;
                flow.with_velocity(name, text)
            }
            None => flow,
        };
        Ok(Chosen { flow, pilot })
    }
}

fn run_pilot(gpu: &Gpu, problem: &Problem, config: &Config) -> Done<Pilot> {
    let pilot = Pilot::run(gpu, problem.target(), problem.initial(), config)?;
    log::info!(
        "a pilot estimates log(Z1/Z0) = {} and the overlap of the laws {}",
        shown(pilot.log_ratio),
        shown(pilot.affinity),
    );
    Ok(pilot)
}

fn shown(estimate: Estimate) -> String {
    super::numbers::with_error(estimate.value, estimate.se)
}

impl Kind {
    fn depends_on_ratio(self) -> bool {
        match self {
            Kind::Curve(path) => Flow::path(path).log_ratio().is_some(),
            Kind::Arc => true,
            Kind::Displacement | Kind::Hybrid | Kind::Cone(_) => false,
        }
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let (name, value) = match text.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let number = |text: &str| -> Result<f64, String> {
        text.trim().parse().map_err(|_| format!("has '{text}' where a number is expected; {FORMS}"))
    };
    Ok(match (name, value) {
        ("geometric", None) => Kind::Curve(Path::Geometric),
        ("mixture", None) => Kind::Curve(Path::Mixture),
        ("fisher-rao", None) => Kind::Curve(Path::FisherRao),
        ("harmonic", None) => Kind::Curve(Path::power(-1.0)),
        ("arc", None) => Kind::Arc,
        ("arc", Some(angle)) => Kind::Curve(Path::arc(number(angle)?)),
        ("power", Some(powers)) => match powers.split_once("..") {
            Some((begin, end)) => Kind::Curve(Path::hybrid(number(begin)?, number(end)?)),
            None => Kind::Curve(Path::power(number(powers)?)),
        },
        ("displacement", None) => Kind::Displacement,
        ("hybrid", None) => Kind::Hybrid,
        ("cone", Some(length)) => Kind::Cone(number(length)?),
        _ => return Err(format!("is no path; {FORMS}")),
    })
}

fn ratio(text: &str) -> Result<Ratio, String> {
    if text == "auto" {
        return Ok(Ratio::Auto);
    }
    let value = text.parse().map_err(|_| "is neither a number nor auto".to_string())?;
    Ok(Ratio::Value(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_all_forms() {
        for (text, expected) in [
            ("fisher-rao", Kind::Curve(Path::FisherRao)),
            ("harmonic", Kind::Curve(Path::power(-1.0))),
            ("power:-0.5", Kind::Curve(Path::power(-0.5))),
            ("power:1..-0.5", Kind::Curve(Path::hybrid(1.0, -0.5))),
            ("arc", Kind::Arc),
            ("arc:0.9", Kind::Curve(Path::arc(0.9))),
            ("cone:1.5", Kind::Cone(1.5)),
        ] {
            assert_eq!(kind(text), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("fisherrao", "is no path; write geometric, mixture"),
            ("cone", "is no path"),
            ("power:x", "has 'x' where a number is expected"),
            ("power:1..", "has '' where"),
        ] {
            assert!(kind(text).unwrap_err().starts_with(expected), "{text}");
        }
        assert_eq!(ratio("auto"), Ok(Ratio::Auto));
        assert!(ratio("many").is_err());
    }
}
