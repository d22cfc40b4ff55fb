//! Twin of `shaders/losses.wgsl`: the count of lost particles.

use std::collections::BTreeMap;

use super::loss::fresh_loss;
use crate::{Loss, Losses, Lost};

/// Counts the particles that were lost since it last ran, of `now` steps or fewer, and leaves them
/// lost.
pub fn losses(log_weights: &mut [f32], position: impl Fn(u32) -> Vec<f32>, now: u32) -> Losses {
    let mut rows: BTreeMap<u32, [u32; 3]> = BTreeMap::new();
    let mut first: Option<Loss> = None;
    for (slot, log_weight) in (0..).zip(log_weights) {
        let Some((cause, step)) = fresh_loss(*log_weight, now) else { continue };
        *log_weight = f32::from_bits(0x7fc0_0000);
        rows.entry(step).or_default()[cause as usize] += 1;
        if first.as_ref().is_none_or(|first| step < first.step) {
            first = Some(Loss { step, slot, cause, position: position(slot) });
        }
    }
    let total = |cause: usize| rows.values().map(|counts| u64::from(counts[cause])).sum();
    let lost = Lost { position: total(0), score: total(1), weight: total(2) };
    Losses { lost, by_step: rows.into_iter().collect(), first }
}
