//! Why all weights are zero: the target has no density where the particles are, or one too low for
//! single precision.

use std::sync::Arc;

use super::Sampler;
use crate::aside::aside;
use crate::check::host_density;
use crate::problem::Problem;

/// Particles that the host looks at, in order: their slots say nothing of where they are.
const MOST: u32 = 256;
/// Operations of the host in all.
const BUDGET: u64 = 20_000_000;
/// Numbers of data above which no second copy is kept for this.
const MOST_DATA: usize = 1 << 22;

/// What the host needs to evaluate the target, where it has one that is not too large.
pub(super) fn witness(problem: &Problem) -> Option<Arc<Problem>> {
    let is_small = problem.data().map(<[f32]>::len).sum::<usize>() <= MOST_DATA;
    (problem.composition.is_none() && is_small).then(|| Arc::new(problem.clone()))
}

impl Sampler {
    /// The highest log density among the first particles, in double precision: −∞ where they have none;
    /// nothing where the host cannot evaluate it, or has no number for any.
    pub(super) async fn highest_log_density(&self) -> Option<f64> {
        let witness = Arc::clone(self.witness.as_ref()?);
        let count = self.plan.particles.min(MOST);
        let positions = self.positions(0..count).await.ok()?;
        aside(move || Ok(highest(&witness, &positions))).await.ok()?
    }
}

fn highest(problem: &Problem, positions: &[f32]) -> Option<f64> {
    let density = host_density(problem)?.value;
    let (mut highest, mut spent) = (None, 0);
    for x in positions.chunks(problem.target.dim() as usize) {
        let x: Vec<f64> = x.iter().copied().map(f64::from).collect();
        let found = density.evaluate(&x, &[]).ok()?;
        if !found.value.is_nan() {
            highest = Some(found.value.max(highest.unwrap_or(f64::NEG_INFINITY)));
        }
        spent += found.operations;
        if spent > BUDGET {
            break;
        }
    }
    highest
}
