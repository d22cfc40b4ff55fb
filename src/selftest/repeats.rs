//! The same bits again: run twice, in other workgroups, and cut into other submissions.

use super::finding::Finding;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::{Config, Flow, Initial, Problem, Sampler, Schedule, Target};

/// No multiple of a block, of a workgroup or of the steps between two tests.
fn config() -> Result<Config> {
    Ok(Config {
        particles: 5000,
        seed: 11,
        schedule: Schedule::uniform(2.0, 100)?,
        ess_every: 7,
        ess_threshold: 0.7,
        ..Config::default()
    })
}

/// The bits of a run that is submitted in so many pieces, and read after each.
fn bits(gpu: &Gpu, problem: &Problem, config: &Config, pieces: u32) -> Result<Vec<u32>> {
    let mut sampler = Sampler::new(gpu, problem, config.clone())?;
    let steps = sampler.steps().div_ceil(pieces);
    for _ in 0..pieces {
        sampler.submit(steps)?;
        gpu.wait()?;
        crate::block_on(sampler.info())?;
    }
    let info = crate::block_on(sampler.info())?;
    let particles = crate::block_on(sampler.particles())?;
    let log_z = info.log_normalizer.to_bits();
    let numbers = particles.positions().iter().chain(particles.log_weights());
    let words = numbers.map(|number| number.to_bits()).chain(particles.ancestors().iter().copied());
    let told = [info.ess.to_bits(), info.resamplings, log_z as u32, (log_z >> 32) as u32];
    Ok(words.chain(told).collect())
}

/// A run with several resamplings, and the ways to do it that change no bit.
pub(super) fn determinism(gpu: &Gpu) -> Result<Vec<Finding>> {
    let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?;
    let problem = Problem::new(Target::double_well(2)?, start, Flow::annealed())?;
    let config = config()?;
    let first = bits(gpu, &problem, &config, 1)?;
    let with = |workgroup_size: u32| Config { workgroup_size, ..config.clone() };
    let ways = [
        ("a run again: its bits", config.clone(), 1),
        ("in 9 submissions, read in between: its bits", config.clone(), 9),
        ("in workgroups of 32: its bits", with(32), 1),
        ("in workgroups of 256: its bits", with(256), 1),
    ];
    let finding = |(name, config, pieces)| {
        Ok(Finding::words(name, bits(gpu, &problem, &config, pieces)?, first.clone()))
    };
    ways.into_iter().map(finding).collect()
}
