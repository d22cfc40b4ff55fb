//! Twin of `shaders/loss.wgsl`: the log-weight of a lost particle.

use crate::Cause;

const MARK: u32 = 0x7fc0_0000;
const STEPS: u32 = 0x000f_ffff;

/// The log-weight that says why a particle was lost and after how many steps.
pub fn loss_of(cause: Cause, steps: u32) -> f32 {
    let tag = match cause {
        Cause::Position => 1 << 20,
        Cause::Score => 2 << 20,
        Cause::Weight => 1 << 31 | 1 << 20,
    };
    f32::from_bits(MARK | tag | steps & STEPS)
}

/// The cause, where a particle is lost and not counted yet, and the steps of `now` or fewer.
pub fn fresh_loss(log_weight: f32, now: u32) -> Option<(Cause, u32)> {
    let bits = log_weight.to_bits();
    let cause = match (bits & !STEPS) ^ MARK {
        0x0010_0000 => Cause::Position,
        0x0020_0000 => Cause::Score,
        0x8010_0000 => Cause::Weight,
        // Of no cause; no kernel writes it.
        0x8020_0000 => Cause::Weight,
        _ => return None,
    };
    Some((cause, now.wrapping_sub(now.wrapping_sub(bits) & STEPS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_tells_its_cause_and_step() {
        for cause in [Cause::Position, Cause::Score, Cause::Weight] {
            for steps in [0, 1, 1_048_574, 1_048_575, 1_048_576, 3_999_999] {
                for later in [0, 1, 1 << 19] {
                    let log_weight = loss_of(cause, steps);
                    assert!(log_weight.is_nan());
                    assert_eq!(fresh_loss(log_weight, steps + later), Some((cause, steps)));
                }
            }
        }
    }

    /// What arithmetic gives on one processor or another.
    #[test]
    fn other_numbers_are_no_fresh_losses() {
        for bits in
            [0x7fc0_0000, 0xffc0_0000, 0x7fff_ffff, 0xffff_ffff, 0x7f80_0000, 0xff80_0000, 0]
        {
            assert_eq!(fresh_loss(f32::from_bits(bits), 7), None, "{bits:x}");
        }
    }
}
