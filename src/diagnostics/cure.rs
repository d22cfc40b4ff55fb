//! The options that cure what warnings find, as they are typed on the command line.

use crate::config::Config;
use crate::integrator::Integrator;
use crate::problem::Problem;

/// For flows without a path: what has one, weights, and exact moves.
const ANNEALED: &str = "--flow annealed --integrator mala --schedule adaptive";

/// What of the run is known when a warning looks for its cure.
#[derive(Debug, Clone, Default)]
pub(super) struct Cure {
    /// Particles and steps, where the settings are known.
    settings: Option<(u32, u32)>,
    /// Whether Metropolis moves and an adaptive schedule may be asked for, and are not yet.
    mala: bool,
    adaptive: bool,
    /// Whether pilot runs may find the steps.
    can_tune: bool,
    /// Whether the flow has no path of densities, and one could be had.
    is_pathless: bool,
    /// The name of a target that is built in.
    built_in: Option<String>,
}

impl Cure {
    /// Of a run along a path by the default integrator.
    pub(super) fn unknown() -> Cure {
        Cure { mala: true, adaptive: true, can_tune: true, ..Cure::default() }
    }

    pub(super) fn of(problem: &Problem, config: &Config) -> Cure {
        let flow = &problem.flow;
        let is_plain = problem.composition.is_none() && !flow.has_velocity();
        let has_adaptivity = config.schedule.adaptivity().is_some();
        Cure {
            settings: Some((config.particles, config.schedule.steps())),
            mala: is_plain
                && flow.has_density()
                && problem.integrator(config) != Integrator::Mala
                && flow.reaction().is_none(),
            adaptive: flow.has_path() && !has_adaptivity,
            can_tune: !has_adaptivity && config.preconditioner.is_none(),
            is_pathless: problem.composition.is_none() && !flow.has_path(),
            built_in: problem.target.built_in_name().map(String::from),
        }
    }

    /// The name of the target where it is built in, and so takes no center.
    pub(super) fn built_in(&self) -> Option<&str> {
        self.built_in.as_deref()
    }

    /// For weights that collapse, walls and stiffness: exact moves first, then a path that is walked as
    /// fast as the weights allow, then more of everything.
    pub(super) fn collapse(&self) -> String {
        if self.is_pathless {
            return ANNEALED.into();
        }
        match (self.mala, self.adaptive) {
            (true, true) => "--integrator mala --schedule adaptive".into(),
            (true, false) => "--integrator mala".into(),
            (false, true) => "--schedule adaptive".into(),
            (false, false) => self.more(4, 2),
        }
    }

    /// For moves that are exact already, or a run that is only too short.
    pub(super) fn longer(&self) -> String {
        if self.is_pathless {
            return ANNEALED.into();
        }
        if self.mala { "--integrator mala".into() } else { self.more(1, 4) }
    }

    /// Metropolis moves, where they may be asked for.
    pub(super) fn mala_alone(&self) -> Option<&'static str> {
        self.mala.then_some("--integrator mala")
    }

    /// For errors that few families make: more particles.
    pub(super) fn families(&self, effective: f64, wanted: f64) -> String {
        let (particles, _) = self.settings.unwrap_or((10_000, 400));
        let factor = (1.5 * wanted / effective.max(1.0)).clamp(2.0, 100.0);
        let more = rounded(f64::from(particles) * factor);
        if self.adaptive && self.mala && factor > 10.0 {
            return format!("--integrator mala --schedule adaptive, or --particles {more}");
        }
        format!("--particles {more}")
    }

    /// More particles and more steps by these factors.
    fn more(&self, particles: u32, steps: u32) -> String {
        let (n, k) = self.settings.unwrap_or((10_000, 400));
        let n = rounded(f64::from(n) * f64::from(particles));
        let k = rounded(f64::from(k) * f64::from(steps));
        match particles {
            1 => format!("--steps {k}"),
            _ => format!("--particles {n} --steps {k}"),
        }
    }

    /// For moves that are refused: steps that are shorter.
    pub(super) fn shorter_steps(&self) -> String {
        if self.can_tune { "--tune".into() } else { self.more(1, 4) }
    }
}

/// Two digits: `40000`, `1500000`.
fn rounded(count: f64) -> u64 {
    let unit = 10_f64.powf(count.max(1.0).log10().floor() - 1.0).max(1.0);
    ((count / unit).ceil() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cure_is_what_the_run_has_not_tried() {
        let settings = Some((20_000, 400));
        let run = |mala, adaptive| Cure { settings, mala, adaptive, ..Cure::default() };
        assert_eq!(run(true, true).collapse(), "--integrator mala --schedule adaptive");
        assert_eq!(run(false, true).collapse(), "--schedule adaptive");
        assert_eq!(run(true, false).collapse(), "--integrator mala");
        assert_eq!(run(false, false).collapse(), "--particles 80000 --steps 800");
        assert_eq!(run(false, false).longer(), "--steps 1600");
        assert_eq!(run(false, true).families(50.0, 100.0), "--particles 60000");
        let langevin = Cure { is_pathless: true, ..run(true, false) };
        assert_eq!((langevin.longer(), langevin.collapse()), (ANNEALED.into(), ANNEALED.into()));
        assert_eq!(rounded(1_234_567.0), 1_300_000);
        assert_eq!((rounded(7.0), rounded(0.0)), (7, 0));
    }
}
