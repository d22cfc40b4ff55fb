//! Twin of `src/resampling.rs`: one resampling from log-weights to ancestors.

use super::decide::decide;
use super::draw::{draw_point, draw_search_place};
use super::expand::ancestors_of_offsets;
use super::offspring::{OffspringBlock, offspring_blocks};
use super::population::{Population, population_reduce};
use super::reduce::{Block, reduce};
use super::residual::copies_through;
use super::scan::{scan, stratified_offset, systematic_offset};
use super::threefry::{STREAM_RESAMPLE, threefry};
use crate::Resampler;

/// One resampling, with all that the kernels leave behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What `reduce` and `decide` know of each block.
    pub blocks: Vec<Block>,
    /// Each block's part of the axis of offspring.
    pub parts: Vec<OffspringBlock>,
    /// The whole population.
    pub population: Population,
    /// The offset of the systematic grid in units of 2^−32.
    pub uniform: u32,
    /// Every particle's place on the axis of offspring, 32.32 fixed point.
    pub places: Vec<u64>,
    /// Systematic and stratified: the offspring of all particles up to and including each.
    pub offsets: Vec<u32>,
    /// Residual: the copies placed without chance, up to and including each particle.
    pub copies_through: Vec<u32>,
    /// The old particle that each new one copies.
    pub ancestors: Vec<u32>,
}

impl Event {
    /// The `event`-th resampling of a seed; none when no weight is positive.
    pub fn new(log_weights: &[f32], resampler: Resampler, seed: u64, event: u32) -> Option<Event> {
        let particles = log_weights.len() as u32;
        let mut blocks = reduce(log_weights);
        let population = population_reduce(&blocks, particles);
        if population.total == 0 {
            return None;
        }
        decide(&mut blocks, &population, particles);
        let uniform = threefry(seed, 0, event, 0, STREAM_RESAMPLE)[0];
        let parts = offspring_blocks(&blocks, &population, particles);
        let places = scan(log_weights, &blocks, &parts);
        let point = |k, length| draw_point(seed, event, k, length);
        let (mut offsets, mut through) = (Vec::new(), Vec::new());
        let ancestors = match resampler {
            Resampler::Systematic | Resampler::Stratified => {
                let offset = |place: &u64| match resampler {
                    Resampler::Systematic => systematic_offset(*place, uniform),
                    _ => stratified_offset(*place, seed, event),
                };
                offsets = places.iter().map(offset).collect();
                ancestors_of_offsets(&offsets)
            }
            Resampler::Multinomial => {
                (0..particles).map(|k| draw_search_place(&places, point(k, particles))).collect()
            }
            Resampler::Residual => {
                through = copies_through(&places);
                let mut copies = 0;
                for (block, through) in blocks.iter_mut().zip(through.chunks(2048)) {
                    block.copies = copies;
                    copies = through[through.len() - 1];
                }
                let rests: Vec<u64> =
                    places.iter().zip(&through).map(|(p, c)| p - (u64::from(*c) << 32)).collect();
                let mut ancestors = ancestors_of_offsets(&through);
                ancestors.extend(
                    (copies..particles)
                        .map(|k| draw_search_place(&rests, point(k, particles - copies))),
                );
                ancestors
            }
        };
        Some(Event {
            blocks,
            parts,
            population,
            uniform,
            places,
            offsets,
            copies_through: through,
            ancestors,
        })
    }
}
