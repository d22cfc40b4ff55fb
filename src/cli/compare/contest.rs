//! One flow's run in a comparison: its error over time.

use serde::Serialize;
use wfr::{Config, Diagnostics, Gpu, Modes, Particles, Problem, Target, Truth};

use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::run::{self, Outcome};
use crate::output::Estimates;

/// A flow that finds the modes' masses this well has arrived.
pub(super) const ARRIVED: f64 = 0.05;

/// What the modes' masses should be.
pub(super) enum Masses {
    /// Of every mode.
    Modes(Modes),
    /// P(x₀ > 0), for targets whose modes are not told.
    Right(f64),
    /// Nothing is known.
    Unknown,
}

/// The error at one time.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Look {
    /// Seconds of sampling so far.
    pub(super) seconds: f64,
    /// The flow's own time.
    pub(super) time: f64,
    /// Half the sum of the modes' absolute errors of mass; `null` where the truth is unknown.
    pub(super) mode_error: Option<f64>,
}

/// A finished run.
pub(super) struct Entry {
    pub(super) heading: String,
    pub(super) outcome: Outcome,
    pub(super) estimates: Estimates,
    pub(super) looks: Vec<Look>,
}

impl Masses {
    /// The masses to compare with.
    pub(super) fn of(target: &Target) -> Masses {
        match (Modes::of(target).filter(|modes| modes.exact_masses().is_some()), target.truth()) {
            (Some(modes), _) => Masses::Modes(modes),
            (None, Some(Truth { right_mass, .. })) => Masses::Right(right_mass),
            (None, None) => Masses::Unknown,
        }
    }

    /// Total variation between the population's masses and the exact ones.
    pub(super) fn error(&self, particles: &Particles) -> Option<f64> {
        let diagnostics = Diagnostics::new(particles);
        match self {
            Masses::Modes(modes) => {
                let found = diagnostics.modes(modes);
                let exact = modes.exact_masses()?;
                let apart = found.iter().zip(exact).map(|(found, exact)| found.mass.value - exact);
                Some(0.5 * apart.map(f64::abs).sum::<f64>())
            }
            Masses::Right(exact) => Some((diagnostics.mass(|x| x[0] > 0.0).value - exact).abs()),
            Masses::Unknown => None,
        }
    }
}

impl Entry {
    /// Runs the flow and looks at it `looks` times.
    pub(super) fn run(
        heading: &str,
        (gpu, console): (&Gpu, &Console),
        problem: &Problem,
        config: &Config,
        masses: &Masses,
        looks: u32,
    ) -> Done<Entry> {
        let mut found = Vec::new();
        let label = (heading, console);
        let outcome =
            run::watch(gpu, problem, config, label, looks, |particles, info, seconds| {
                let mode_error = masses.error(&particles);
                found.push(Look { seconds, time: info.time, mode_error });
            })?;
        let modes = match masses {
            Masses::Modes(modes) => Some(modes),
            _ => None,
        };
        let estimates = Estimates::of(&outcome, modes);
        Ok(Entry { heading: heading.to_string(), outcome, estimates, looks: found })
    }

    /// The error of the modes' masses at the end.
    pub(super) fn mode_error(&self) -> Option<f64> {
        self.looks.last().and_then(|look| look.mode_error)
    }

    /// Seconds of sampling after which the error stayed below [`ARRIVED`].
    pub(super) fn seconds_to_arrive(&self) -> Option<f64> {
        let far = |look: &&Look| look.mode_error.is_none_or(|error| error > ARRIVED);
        let last_far = self.looks.iter().rposition(|look| far(&look));
        match last_far {
            None => self.looks.first().map(|look| look.seconds),
            Some(last) => self.looks.get(last + 1).map(|look| look.seconds),
        }
    }
}
