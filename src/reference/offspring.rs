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

/// ⌊N · 2^32 · part / total⌋.
pub fn offspring_at(part: u64, total: u64, particles: u32) -> u64 {
    // 2^59 · 2^62 fits 128 bits.
    ((u128::from(part) * (u128::from(particles) << 32)) / u128::from(total)) as u64
}

/// width / total as (factor, shift): factor · 2^−shift, rounded down, with 32 significant bits or 31
/// fractional ones, whichever is fewer.
pub fn offspring_factor(width: u64, total: u64) -> (u32, u32) {
    let quotient = |shift: u32| (u128::from(width) << shift) / u128::from(total);
    let shift = (0..31).find(|shift| quotient(*shift) >= 1 << 31).unwrap_or(31);
    (quotient(shift) as u32, shift)
}
