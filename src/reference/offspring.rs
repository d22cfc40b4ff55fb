//! Twin of `shaders/offspring.wgsl`: the axis of offspring.

use super::population::Population;
use super::reduce::Block;

/// A block's part of the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OffspringBlock {
    /// Where the block's offspring begin, 32.32 fixed point.
    pub base: u64,
    /// Where they end.
    pub end: u64,
    /// Offspring per unit of weight is factor · 2^−shift, in units of 2^−32.
    pub factor: u32,
    /// See `factor`.
    pub shift: u32,
}

/// The part of a block up to and including which the blocks weigh `after`.
pub fn offspring_block(
    block: &Block,
    after: u64,
    population: &Population,
    particles: u32,
) -> OffspringBlock {
    let at = |part| offspring_at(part, population.total, particles);
    let (base, end) = (at(block.before), at(after));
    let is_empty = after == block.before;
    let (factor, shift) = if is_empty { (0, 0) } else { offspring_factor(end - base, block.total) };
    OffspringBlock { base, end, factor, shift }
}

/// The parts of all blocks.
pub fn offspring_blocks(
    blocks: &[Block],
    population: &Population,
    particles: u32,
) -> Vec<OffspringBlock> {
    let afters = blocks[1..].iter().map(|block| block.before).chain([population.total]);
    let part = |(block, after)| offspring_block(block, after, population, particles);
    blocks.iter().zip(afters).map(part).collect()
}

/// The place of a particle on the axis of offspring, 32.32 fixed point: the expected offspring of
/// its block's particles up to and including it, whose weights sum to `prefix` of the block's `total`,
/// and of all before.
pub fn offspring_place(block: &OffspringBlock, total: u64, prefix: u64) -> u64 {
    if prefix == total {
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
