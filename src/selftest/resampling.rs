//! Resampling against its oracle: ancestors and fixed-point sums, bit for bit.

use super::answers::wide;
use super::finding::Finding;
use crate::buffers::{filled, storage};
use crate::config::Resampler;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::{Access, BoundKernel, draw};
use crate::layout::{Block, Control, LANES, Settings, fold};
use crate::numbers::Numbers;
use crate::readback;
use crate::reference::cases::{checksum, exact_log_weights, log_weights};
use crate::reference::draw::draw_point;
use crate::reference::resampling::Event;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

pub(super) const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Sizes at the borders of workgroups and blocks.
const SIZES: [u32; 4] = [1, 2048, 2049, 10_007];

/// Populations that are ordinary, broken and steep.
const POPULATIONS: [&str; 3] = ["normal", "not numbers", "cliffs"];

/// The checksums of the ancestors that each resampler draws for the log-weights
/// `exact_log_weights(3, 10007)`: they are the same on every adapter.
pub(super) const ANCESTORS: [(Resampler, u64); 4] = [
    (Resampler::Systematic, 0xdd61_cfac_cd30_27d1),
    (Resampler::Stratified, 0xd7f5_4e37_0536_f5cd),
    (Resampler::Multinomial, 0x2b25_62a0_4e6a_4f3f),
    (Resampler::Residual, 0xa27a_3062_d3f6_6bd6),
];

/// Log-weights on the device, and what resamples them.
struct Bench {
    gpu: Gpu,
    log_weights: wgpu::Buffer,
    resampling: Resampling,
}

/// What one resampling leaves behind.
struct Outcome {
    ancestors: Vec<u32>,
    /// The total of every block of weights and what lies before it, in 64 bits each.
    sums: Vec<u32>,
}

impl Bench {
    fn new(gpu: &Gpu, particles: u32, resampler: Resampler) -> Result<Bench> {
        let shape = WeightShape::alone(particles, resampler, SEED).on(gpu);
        let row = |name| storage(&gpu.device, name, 4 * u64::from(particles));
        let (log_weights, ancestors) =
            gpu.scoped(|| (row("wfr.log_weights"), row("wfr.ancestors")))?;
        let resampling = Resampling::without_run(gpu, &shape, &log_weights, ancestors)?;
        Ok(Bench { gpu: gpu.clone(), log_weights, resampling })
    }

    /// The next event of the seed.
    fn run(&self, log_weights: &[f32]) -> Result<Outcome> {
        let gpu = &self.gpu;
        gpu.scoped(|| {
            let bytes = bytemuck::cast_slice(log_weights);
            gpu.queue.write_buffer(&self.log_weights, 0, bytes);
        })?;
        gpu.submit_pass(|pass| self.resampling.encode_test(pass, 0))?;
        let (ancestors, blocks) = (self.resampling.ancestors(), &self.resampling.scratch.blocks);
        let ancestors = crate::block_on(readback::read(gpu, ancestors, 0, ancestors.size()))?;
        let blocks: Vec<Block> = crate::block_on(readback::read(gpu, blocks, 0, blocks.size()))?;
        let blocks = blocks.split_last().map_or(&[][..], |(_, blocks)| blocks);
        let sums = blocks.iter().flat_map(|block| [block.total, block.before].concat());
        Ok(Outcome { ancestors, sums: sums.collect() })
    }
}

/// Every resampler over several populations, at sizes where one thing more is another block.
pub(super) fn ancestors(gpu: &Gpu) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for resampler in Resampler::ALL {
        let (mut ancestors, mut sums) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for particles in SIZES {
            let bench = Bench::new(gpu, particles, resampler)?;
            for (event, population) in (0..).zip(POPULATIONS) {
                let log_weights = log_weights(population, particles as usize);
                let ours = bench.run(&log_weights)?;
                let Some(oracle) = Event::new(&log_weights, resampler, SEED, event) else {
                    continue;
                };
                ancestors.0.extend(ours.ancestors);
                ancestors.1.extend(oracle.ancestors);
                sums.0.extend(ours.sums);
                let of_block = |b: &crate::reference::reduce::Block| [b.total, b.before];
                let words = |sum: u64| [sum as u32, (sum >> 32) as u32];
                sums.1.extend(oracle.blocks.iter().flat_map(of_block).flat_map(words));
            }
        }
        findings.push(Finding::words(&format!("{resampler}: ancestors"), ancestors.0, ancestors.1));
        findings.push(Finding::words(&format!("{resampler}: fixed-point sums"), sums.0, sums.1));
    }
    Ok(findings)
}

/// A population whose draws take more than one row of workgroups.
const LARGE: u32 = 65_535 * LANES + 77;

/// Of so many slots of it one is looked at, and all of the last rows.
const SPARSE: usize = 1009;

/// Draws among more particles than one row of workgroups holds, in a dispatch that the device sizes:
/// of equal weights, so that the ancestor is the point itself.
pub(super) fn large(gpu: &Gpu) -> Result<Vec<Finding>> {
    large_by(gpu, &draw::linked(&large_shape(gpu)))
}

pub(super) fn large_shape(gpu: &Gpu) -> WeightShape {
    WeightShape::alone(LARGE, Resampler::Multinomial, SEED).on(gpu)
}

/// The same by the text of a kernel.
pub(super) fn large_by(gpu: &Gpu, draw: &Linked) -> Result<Vec<Finding>> {
    use Access::{Read, ReadWrite};
    let numbers = Numbers::alone(gpu, &Settings::of_weights(&large_shape(gpu)))?;
    let control = Control { tests: 1, resampled: 1, ..Control::default() };
    let ends: Vec<u32> = (1..=LARGE).collect();
    let groups = fold(LARGE.div_ceil(LANES));
    let row = 4 * u64::from(LARGE);
    let (inputs, sizes, ancestors) = gpu.scoped(|| {
        let usage = wgpu::BufferUsages::STORAGE;
        let made = |bytes: &[u8]| filled(&gpu.device, "wfr.inputs", usage, bytes);
        let inputs = [
            made(bytemuck::bytes_of(&control)),
            made(bytemuck::cast_slice(&ends)),
            storage(&gpu.device, "wfr.inputs", row),
            storage(&gpu.device, "wfr.inputs", 4),
        ];
        let indirect = wgpu::BufferUsages::INDIRECT;
        let sizes = filled(&gpu.device, "wfr.sizes", indirect, bytemuck::cast_slice(&groups));
        (inputs, sizes, storage(&gpu.device, "wfr.ancestors", row))
    })?;
    let [control, offsets, fractions, copies] = &inputs;
    let read = [control, offsets, fractions, copies].map(|buffer| (Read, buffer));
    let own: Vec<_> = read.into_iter().chain([(ReadWrite, &ancestors)]).collect();
    let kernel = BoundKernel::new(gpu, &numbers, (draw, "draw"), &own)?;
    gpu.submit_pass(|pass| kernel.encode_indirect(pass, &sizes, 0))?;
    let ours: Vec<u32> = crate::block_on(readback::read(gpu, &ancestors, 0, row))?;
    let last = LARGE as usize - 4096;
    let seen = || (0..last).step_by(SPARSE).chain(last..LARGE as usize);
    let ancestor = |k: usize| (draw_point(SEED, 0, k as u32, LARGE) >> 32) as u32;
    let name = format!("draws among {LARGE} particles");
    let (ours, exact) = (seen().map(|k| ours[k]).collect(), seen().map(ancestor).collect());
    Ok(vec![Finding::words(&name, ours, exact)])
}

/// The ancestors of given weights, which are known beforehand.
pub(super) fn known(gpu: &Gpu) -> Result<Vec<Finding>> {
    let finding = |(resampler, expected)| {
        let measured = wide(ancestors_of_exact_weights(gpu, resampler)?);
        let name = format!("{resampler}: checksum of the ancestors of given weights");
        Ok(Finding::words(&name, measured, wide(expected)))
    };
    ANCESTORS.into_iter().map(finding).collect()
}

fn ancestors_of_exact_weights(gpu: &Gpu, resampler: Resampler) -> Result<u64> {
    let log_weights = exact_log_weights(3, 10_007);
    let bench = Bench::new(gpu, log_weights.len() as u32, resampler)?;
    Ok(checksum(&bench.run(&log_weights)?.ancestors))
}
