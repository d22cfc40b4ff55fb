//! The target's text with the engine's around it, and its functions evaluated on the host.

use std::ops::Range;

use wgpu::naga;

use crate::adaptor::{FUSED, POINTER, signature};
use crate::autodiff::{self, Evaluator, Refusal};
use crate::error::{Location, Result};
use crate::initial::Kind;
use crate::problem::Problem;
use crate::shaders::{self, Prelude};
use crate::wgsl::{Linked, Source};

/// The most loop iterations of one evaluation.
pub(super) const MOST_ITERATIONS: u64 = 1 << 20;

const DRAW: &str = "check_draw";
const VALUE: &str = "check_value";

pub(super) struct Text<'p> {
    pub(super) problem: &'p Problem,
    sources: Vec<Source>,
    pub(super) linked: Linked,
    pub(super) module: naga::Module,
}

impl<'p> Text<'p> {
    pub(super) fn of(problem: &'p Problem, seed: u64) -> Result<Text<'p>> {
        let prelude = Prelude::default().dimension(problem.target.dim()).seed(seed);
        let mut sources = vec![prelude.source()];
        sources.extend(shaders::files(&["types", "threefry", "normal", "float", "hidden/nothing"]));
        let mut own = String::new();
        if !matches!(problem.initial.kind, Kind::Positions(_)) {
            own += &format!(
                "fn {DRAW}(slot: ptr<function, f32>, out: {POINTER}) -> f32 {{\n    \
                 *out = initial_sample(u32(*slot));\n    return 0.0;\n}}\n"
            );
        }
        let target = problem.target.wgsl();
        if target.contains(FUSED) && !target.contains("fn log_density(") {
            own += &format!(
                "fn {VALUE}(x: {POINTER}) -> f32 {{\n    var at = *x;\n    var out: Point;\n    \
                 return {FUSED}(&at, &out);\n}}\n"
            );
        }
        sources.push(Source::own("check", own));
        sources.extend(problem.sources.iter().cloned());
        Text::from(problem, sources)
    }

    fn from(problem: &'p Problem, sources: Vec<Source>) -> Result<Text<'p>> {
        let linked = Linked::new(sources.iter().cloned());
        let module = linked.check()?;
        Ok(Text { problem, sources, linked, module })
    }

    fn evaluator(&self, name: &str) -> Result<Evaluator, Refusal> {
        let mut evaluator = Evaluator::new(&self.module, name)?;
        self.problem.target.give(&self.module, &mut evaluator);
        evaluator.limit_iterations(MOST_ITERATIONS);
        Ok(evaluator)
    }

    /// The user's function that gives the log density to the engine.
    pub(super) fn value_name(&self) -> &'static str {
        let is_fused = signature(&self.module, FUSED)
            .is_some_and(|s| s.result == "f32" && s.takes(&[POINTER, POINTER]));
        if is_fused { FUSED } else { "log_density" }
    }

    /// The log density alone, by the user's own function.
    pub(super) fn value(&self) -> Result<Evaluator, Refusal> {
        self.evaluator(self.value_name())
    }

    /// The log density and the score as the engine has them.
    pub(super) fn engine(&self) -> Result<Evaluator, Refusal> {
        self.evaluator("target_log_density_and_score")
    }

    /// The log density and its derivative, whatever score was written.
    pub(super) fn derived(&self) -> Result<Evaluator, Refusal> {
        let has = |name| signature(&self.module, name).is_some();
        let name = if has("log_density") { "log_density" } else { VALUE };
        let derived = autodiff::gradient(&self.module, name)?;
        let source = Source::own("derivative", derived.wgsl);
        let text = Text::from(self.problem, [&self.sources[..], &[source]].concat())
            .map_err(|error| Refusal::new(error.to_string(), None))?;
        text.evaluator(&derived.function)
    }

    /// Points that a run with this seed starts from.
    pub(super) fn draw(&self, count: u32) -> Result<Vec<Vec<f64>>> {
        let dim = self.problem.target.dim() as usize;
        if let Kind::Positions(positions) = &self.problem.initial.kind {
            let rows = positions.chunks(dim).take(count as usize);
            return Ok(rows.map(|row| row.iter().map(|x| f64::from(*x)).collect()).collect());
        }
        let refused = |refusal: Refusal| self.linked.refused(&refusal);
        let evaluator = self.evaluator(DRAW).map_err(refused)?;
        let draw = |slot: u32| {
            let found = evaluator.evaluate(&[f64::from(slot)], &[]).map_err(refused)?;
            let x = found.outputs.into_iter().next().unwrap_or_default();
            // What a particle holds.
            Ok(x.into_iter().map(|x| f64::from(x as f32)).collect())
        };
        (0..count).map(draw).collect()
    }

    /// A point as the findings write it, in the coordinates themselves.
    pub(super) fn point(&self, x: &[f64]) -> String {
        let origin = self.problem.target.origin();
        super::words::point_from(x, |j| origin.of_coordinate(j))
    }

    /// A place in the target's own text.
    pub(super) fn place(&self, span: Range<usize>) -> Option<(Location, String)> {
        let location = self.linked.locate(span.start)?;
        let is_own = location.source == self.problem.target.source_name();
        is_own.then(|| (location, self.linked.excerpt(span).unwrap_or_default()))
    }

    /// Whether a place begins with a call of one of these functions.
    pub(super) fn calls(&self, span: &Range<usize>, functions: &[&str]) -> bool {
        let text = self.linked.text().get(span.clone()).unwrap_or_default();
        let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        functions.contains(&name)
    }

    /// The name of a function of the target where it is defined.
    pub(super) fn definition(&self, name: &str) -> Option<Range<usize>> {
        let text = self.linked.text();
        let mut starts = text.match_indices(name).map(|(at, _)| at..at + name.len());
        starts.find(|span| {
            let is_defined = text[..span.start].trim_end().ends_with("fn")
                && text[span.end..].trim_start().starts_with('(');
            is_defined && self.place(span.clone()).is_some()
        })
    }
}
