//! Loop iterations of a problem's texts, counted on the host at some points.

use super::Problem;
use crate::adaptor::Adaptor;
use crate::autodiff::Evaluator;
use crate::target::Target;

/// The most iterations of one evaluation that are counted: four times what any driver allows.
const MOST: u64 = 1 << 18;

/// Above it one more point is enough: counting takes as long as evaluating.
const MANY: u64 = 1 << 14;

/// Loop iterations as far as the host could count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The most that were seen; twice as many where their number depends on the place.
    pub most: u64,
    /// The fewest and the most that were seen, where they differ.
    pub varies: Option<(u64, u64)>,
    /// Whether the host could not evaluate a text.
    pub unknown: bool,
}

impl Counted {
    pub(super) const NONE: Counted = Counted::exactly(0);
    const UNKNOWN: Counted = Counted { unknown: true, ..Counted::NONE };

    pub(super) const fn exactly(most: u64) -> Counted {
        Counted { most, varies: None, unknown: false }
    }

    /// Of what was seen at some points.
    fn of(seen: &[u64]) -> Counted {
        let (fewest, most) = (seen.iter().min().copied(), seen.iter().max().copied());
        match fewest.zip(most) {
            None => Counted::NONE,
            Some((fewest, most)) if fewest == most => Counted::exactly(most),
            Some((fewest, most)) => Counted {
                most: most.saturating_mul(2),
                varies: Some((fewest, most)),
                unknown: false,
            },
        }
    }

    /// One after the other.
    pub(super) fn and(self, other: Counted) -> Counted {
        Counted {
            most: self.most.saturating_add(other.most),
            varies: self.varies.or(other.varies),
            unknown: self.unknown || other.unknown,
        }
    }

    /// The same counted in another way.
    pub(super) fn or_more(self, other: Counted) -> Counted {
        Counted {
            most: self.most.max(other.most),
            varies: self.varies.or(other.varies),
            unknown: self.unknown || other.unknown,
        }
    }

    /// Says what is not sure of a text.
    pub(super) fn warn(self, name: &str) {
        if let Some((fewest, most)) = self.varies {
            log::warn!(
                "{name}: its loops ran {fewest} to {most} times where they were counted, and this \
                 software driver silently stops a kernel after {}; bound them by constants, or use a \
                 GPU",
                crate::driver::SOFTWARE_LOOP_CAP
            );
        }
        if self.unknown {
            log::warn!(
                "{name}: its loops cannot be counted, and this software driver silently stops a \
                 kernel after {}; keep them short, or use a GPU",
                crate::driver::SOFTWARE_LOOP_CAP
            );
        }
    }
}

/// Of one evaluation of a target with its score; where that fails, loops over the dimensions are
/// assumed and one over all data.
pub(super) fn of_target(target: &Target, adaptor: &Adaptor) -> Counted {
    if let Some(iterations) = adaptor.iterations {
        return Counted::exactly(iterations);
    }
    let counted = adaptor.evaluator(target).ok().and_then(|e| at_points(e, target.dim()));
    counted.unwrap_or_else(|| {
        let data = target.storage().iter().map(|data| data.len() as u64);
        let assumed = data.sum::<u64>() + 2 * u64::from(target.dim());
        Counted { unknown: true, ..Counted::exactly(assumed) }
    })
}

/// Of what a flow of the user's evaluates in a step, the laws included.
pub(super) fn of_flow(problem: &Problem) -> Counted {
    let velocity = match problem.flow.has_velocity() {
        true => "let velocity = flow_velocity(&local, at);",
        false => "var velocity: Point;",
    };
    // As a text of the user's has it, or the engine's own paths.
    let drift = match problem.flow.own_text() {
        Some(_) => "var drift = flow_drift(&local, at);",
        None => {
            "var terms: DriftTerms;
    flow_drift_terms(&local, at, &terms);
    let drift = vec2<f32>(flow_drift_along((*x)[0], &local, &terms, 0u));"
        }
    };
    // For the growth at one point and for the ratio of two.
    let densities = match problem.flow.has_path() {
        true => ["flow_log_density(&local, at)"; 4].join(" + "),
        false => "0.0".to_string(),
    };
    let text = format!(
        "fn loops_of_flow(x: ptr<function, Point>) -> f32 {{
    var local: Local;
    flow_local(x, &local);
    let at = Instant(0.5, 0.01, 0.5, 1.0);
    {drift}
    {velocity}
    let densities = {densities};
    return flow_psi(&local, at) + densities + drift[0] + velocity[0];
}}
"
    );
    let evaluator = problem.evaluator("loops_of_flow", text);
    evaluator.and_then(|e| at_points(e, problem.target.dim())).unwrap_or(Counted::UNKNOWN)
}

/// Of drawing a particle from the user's initial law, and weighing it.
pub(super) fn of_initial(problem: &Problem) -> Counted {
    let text = "fn loops_of_initial(x: ptr<function, Point>) -> f32 {
    var drawn = initial_sample(u32((*x)[0]));
    return initial_log_weight(&drawn) + drawn[0];
}
";
    let evaluator = problem.evaluator("loops_of_initial", text.into());
    let counted = evaluator.and_then(|mut evaluator| {
        evaluator.limit_iterations(MOST);
        let mut x = vec![0.0; problem.target.dim() as usize];
        let seen: Option<Vec<u64>> = (0..16)
            .map(|slot| {
                x[0] = f64::from(slot);
                iterations(&evaluator, &x)
            })
            .collect();
        seen.map(|seen| Counted::of(&seen))
    });
    counted.unwrap_or(Counted::UNKNOWN)
}

/// At some points.
fn at_points(mut evaluator: Evaluator, dim: u32) -> Option<Counted> {
    evaluator.limit_iterations(MOST);
    // Not at the origin, where branches are often taken that are rare elsewhere.
    let points: [fn(u32) -> f64; 4] = [
        |j| 0.3 + 0.01 * f64::from(j % 7),
        |j| -1.7 + 0.13 * f64::from(j % 5),
        |j| 0.02 - 0.3 * f64::from(j % 3),
        |j| 6.0 - 2.5 * f64::from(j % 4),
    ];
    let mut seen: Vec<u64> = Vec::new();
    for point in points {
        if seen.len() > 1 && seen.iter().any(|count| *count > MANY) {
            break;
        }
        let x: Vec<f64> = (0..dim).map(point).collect();
        seen.push(iterations(&evaluator, &x)?);
    }
    Some(Counted::of(&seen))
}

/// Nothing where the host cannot evaluate; more than the limit counts as no end.
fn iterations(evaluator: &Evaluator, x: &[f64]) -> Option<u64> {
    match evaluator.evaluate(x, &[]) {
        Ok(found) => Some(found.iterations),
        Err(refusal) if refusal.message().ends_with("loop iterations") => Some(u64::MAX),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flow, Initial};

    fn loops(target: Target) -> u64 {
        let zero = vec![0.0; target.dim() as usize];
        let initial = Initial::normal(&zero, &vec![1.0; zero.len()]).unwrap();
        Problem::new(target, initial, Flow::annealed()).unwrap().evaluation_loops().most
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
        // Too many to write several out as one.
        let text = "fn log_density(x: Point) -> f32 {
            var turn = 0.0;
            for (var i = 0u; i < 3000000u; i++) { turn = sin(turn + x.x); }
            return turn;
        }";
        assert!(loops(Target::from_wgsl(2, "long.wgsl", text).unwrap()) > 65_535);
    }
}
