//! What a run computes: a target, an initial law and a flow that fit together.

use wgpu::naga;

use crate::adaptor::{Adaptor, POINTER, Score, Signature, check_snippet, missing, signature};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::initial::{Initial, Kind};
use crate::shaders::{self, Prelude};
use crate::target::Target;
use crate::wgsl::{Linked, Source};

/// A target, an initial law and a flow.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) target: Target,
    pub(crate) initial: Initial,
    pub(crate) flow: Flow,
    /// The texts of initial law, flow and target with the engine's adaptors, the user's last.
    pub(crate) sources: Vec<Source>,
    adaptor: Adaptor,
}

impl Problem {
    /// Puts the three together and checks that they fit, user texts included.
    ///
    /// # Errors
    /// When dimensions differ; when the flow needs the density of an initial law that has none;
    /// when a parameter of the target has neither a default nor a value;
    /// [`ErrorKind::Shader`](crate::ErrorKind) or [`ErrorKind::MissingFunction`](crate::ErrorKind)
    /// for WGSL that does not play its role; and where a score has to be derived and cannot be.
    pub fn new(target: Target, initial: Initial, flow: Flow) -> Result<Problem> {
        if target.dim() != initial.dim() {
            let reason = format!(
                "has {} coordinates but the target {} has {}; give one value per coordinate",
                initial.dim(),
                target.name(),
                target.dim()
            );
            return Err(Error::config("initial", reason));
        }
        if flow.needs_initial_density() && !initial.has_density() {
            let reason = format!(
                "{} has no density, which the {} flow needs; use normal or uniform",
                initial.description(),
                flow.name()
            );
            return Err(Error::config("initial", reason));
        }
        if !(flow.transport() >= 0.0 && flow.transport().is_finite()) {
            let reason = format!(
                "= {} is not a rate from 0 (none) on; 1 is the plain Langevin diffusion",
                flow.transport()
            );
            return Err(Error::config("transport", reason));
        }
        target.check_formula()?;
        // Data that are missing are told before the shapes that they would have set.
        let adaptor = Adaptor::of(&target)?;
        target.check_parameters()?;
        adaptor.warn(&target);
        log::debug!("{}: the score is {}", target.name(), adaptor.score);
        let sources = sources(&target, &initial, &flow, adaptor.source.clone())?;
        Ok(Problem { target, initial, flow, sources, adaptor })
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The initial law.
    pub fn initial(&self) -> &Initial {
        &self.initial
    }

    /// The flow.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Where the score of the target comes from.
    pub fn score(&self) -> Score {
        self.adaptor.score
    }

    /// Loop iterations of one evaluation of the log density with its score.
    ///
    /// Mesa's software driver ends every shader after 65535 of them. They are counted on the host,
    /// at one point; where that fails, loops over the dimensions are assumed and one over all data.
    pub(crate) fn loops_per_evaluation(&self) -> u32 {
        let target = &self.target;
        // Not at the origin, where branches are often taken that are rare elsewhere.
        let x: Vec<f64> = (0..target.dim()).map(|j| 0.3 + 0.01 * f64::from(j % 7)).collect();
        let count = || {
            let mut evaluator = self.adaptor.evaluator(target).ok()?;
            evaluator.limit_iterations(1 << 18);
            evaluator.evaluate(&x, &[]).map_or(Some(u64::MAX), |found| Some(found.iterations))
        };
        let assumed = || {
            let data = target.storage().iter().map(|data| data.len() as u64);
            data.sum::<u64>() + 2 * u64::from(target.dim())
        };
        u32::try_from(count().unwrap_or_else(assumed)).unwrap_or(u32::MAX)
    }
}

/// The texts of a problem, each of the user's checked alone first so that its errors point at its
/// own lines.
fn sources(
    target: &Target,
    initial: &Initial,
    flow: &Flow,
    adaptor: Source,
) -> Result<Vec<Source>> {
    let prelude = Prelude::default().dimension(target.dim()).seed(0);
    let target_library = crate::target::library(target.wgsl());
    let target = target.source();
    let mut library = vec![prelude.source()];
    library.extend(shaders::files(&["types", "threefry", "normal", "float"]));
    if let Kind::Wgsl(source) = &initial.kind {
        check_initial(&library, source)?;
    }
    let initial = initial.sources();
    let initials = initial.len();
    library.extend(initial.iter().cloned());
    // Of two that define one name the later is blamed: the user's.
    let mut sources = initial;
    sources.extend(target_library);
    if flow.is_builtin() {
        sources.extend([flow.source().clone(), adaptor, target]);
    } else {
        sources.extend([adaptor, target, flow.source().clone()]);
    }
    library.extend(sources.iter().skip(initials).cloned());
    check_flow(library, flow)?;
    Ok(sources)
}

fn check_initial(library: &[Source], source: &Source) -> Result<()> {
    let linked = Linked::new(library.iter().cloned().chain([source.clone()]));
    let module = linked.check()?;
    check_snippet(&linked, &module, None)?;
    require(&module, "initial", source, "initial_sample", &["u32"], "Point")?;
    let name = "initial_log_density_and_score";
    require(&module, "initial", source, name, &[POINTER, POINTER], "f32")
}

fn check_flow(library: Vec<Source>, flow: &Flow) -> Result<()> {
    let source = flow.source();
    let linked = Linked::new(library);
    let module = linked.check()?;
    let local = "ptr<function, Local>";
    require(&module, "flow", source, "flow_local", &[POINTER, local], "nothing")?;
    require(&module, "flow", source, "flow_drift", &[local, "Instant"], "Point")?;
    require(&module, "flow", source, "flow_psi", &[local, "Instant"], "f32")?;
    if flow.has_velocity() {
        require(&module, "flow", source, "flow_velocity", &[local, "Instant"], "Point")?;
    }
    if flow.has_path() {
        require(&module, "flow", source, "flow_log_density", &[local, "Instant"], "f32")?;
    }
    Ok(())
}

fn require(
    module: &naga::Module,
    role: &'static str,
    source: &Source,
    name: &str,
    arguments: &[&str],
    result: &str,
) -> Result<()> {
    let found = signature(module, name);
    if found.as_ref().is_some_and(|s| s.takes(arguments) && s.result == result) {
        return Ok(());
    }
    let wanted = Signature {
        arguments: arguments.iter().map(|a| a.to_string()).collect(),
        result: result.into(),
    };
    Err(missing(role, &wanted.text(name), name, source, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loops(target: Target) -> u32 {
        let zero = vec![0.0; target.dim() as usize];
        let initial = Initial::normal(&zero, &vec![1.0; zero.len()]).unwrap();
        Problem::new(target, initial, Flow::annealed()).unwrap().loops_per_evaluation()
    }

    /// A loop of k iterations counts k + 1: its test fails once.
    #[test]
    fn loops_are_counted_as_they_run() {
        // Twice for each component over the axes, and twice over the axes around that.
        let mixture = Target::named("gaussian-mixture", Some(2)).unwrap();
        assert_eq!(loops(mixture), 8 * (1 + 3 + 3) + 1 + 3 + 3);
        let formula = |text: &str| Target::from_formula(100, text).unwrap();
        assert_eq!(loops(formula("-x0^2")), 0);
        // Forward and backward.
        assert_eq!(loops(formula("-sum(i, x[i]^4)")), 101 + 101);
        let text = "fn log_density(x: Point) -> f32 {
            var sum = 0.0;
            for (var i = 0u; i < 300000u; i++) { sum += x.x; }
            return sum;
        }";
        assert!(loops(Target::from_wgsl(2, "long.wgsl", text).unwrap()) > 65_535);
    }
}
