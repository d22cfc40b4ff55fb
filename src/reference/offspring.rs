//! Twin of `shaders/offspring.wgsl`: the axis of offspring.

use super::reduce::Block;

/// The place of a particle on the axis of offspring, 32.32 fixed point: the expected offspring of
/// its block's particles up to and including it, whose weights sum to `prefix`, and of all before.
pub fn offspring_place(block: &Block, prefix: u64) -> u64 {
    if prefix == block.total {
        return block.end;
    }
    block.base + ((u128::from(prefix) * u128::from(block.factor)) >> block.shift) as u64
}
