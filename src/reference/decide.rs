//! Twin of `shaders/decide.wgsl`: the weight of the blocks before each.

use super::population::{Population, population_term};
use super::reduce::Block;

/// Gives every block the weight of those before it.
pub fn decide(blocks: &mut [Block], population: &Population, particles: u32) {
    let mut before = 0;
    for block in blocks {
        block.before = before;
        before += population_term(block, population.peak, particles).total;
    }
}
