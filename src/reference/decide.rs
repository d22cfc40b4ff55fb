//! Twin of `shaders/decide.wgsl`: the blocks' places on the axis of offspring.

use super::offspring::{offspring_at, offspring_factor};
use super::population::{Population, population_scaled};
use super::reduce::Block;

/// Gives every block its place on the axis of offspring.
pub fn decide(blocks: &mut [Block], population: &Population, particles: u32) {
    let mut before = 0;
    let mut base = 0;
    for block in blocks {
        let scaled = population_scaled(block, population.peak, particles);
        before += scaled;
        let end = offspring_at(before, population.total, particles);
        (block.base, block.end) = (base, end);
        (block.factor, block.shift) =
            if scaled == 0 { (0, 0) } else { offspring_factor(end - base, block.total) };
        base = end;
    }
}
