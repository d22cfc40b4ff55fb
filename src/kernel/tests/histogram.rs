//! The kernels that look at a population against `reference::{tally, histogram, quantile,
//! survivors}`: integers, hence equal to the bit.

use crate::buffers;
use crate::gpu::Gpu;
use crate::kernel::histogram::{Histogram, SIDES};
use crate::kernel::quantile::{self, FRACTIONS, Quantile};
use crate::kernel::survivors::Survivors;
use crate::kernel::tally::{Cloud, CloudShape, Sums, TallyAxis};
use crate::layout::Settings;
use crate::numbers::Numbers;
use crate::reference;
use crate::shaders::WeightShape;
use crate::testing::{self, POPULATIONS, log_weights, noise, normals, read, write};

/// Around a workgroup and a block, and many of them.
const SIZES: [usize; 5] = [1, 255, 257, 65_537, 1_000_000];

/// Rows of words and log-weights on the device, a page for each `page_rows` rows.
struct Rig {
    gpu: Gpu,
    shape: CloudShape,
    log_weights: wgpu::Buffer,
    pages: Vec<wgpu::Buffer>,
}

impl Rig {
    fn new(gpu: &Gpu, rows: &[Vec<u32>], log_weights: &[f32], page_rows: usize) -> Rig {
        let filled = |words: &[u32]| {
            let buffer = buffers::storage(&gpu.device, "cloud", 4 * words.len() as u64);
            write(gpu, &buffer, words);
            buffer
        };
        let pages: Vec<_> = rows.chunks(page_rows).map(|rows| filled(&rows.concat())).collect();
        let weights = WeightShape {
            ess_threshold: 0.5,
            ..WeightShape::alone(log_weights.len() as u32, crate::Resampler::Systematic, 0).on(gpu)
        };
        let shape = CloudShape { weights, pages: pages.len() as u32, page_rows: page_rows as u32 };
        let log_weights = filled(bytemuck::cast_slice(log_weights));
        Rig { gpu: gpu.clone(), shape, log_weights, pages }
    }

    fn numbers(&self) -> Numbers {
        Numbers::alone(&self.gpu, &Settings::of_weights(&self.shape.weights)).unwrap()
    }

    fn cloud(&self) -> Cloud<'_> {
        Cloud { log_weights: &self.log_weights, pages: &self.pages }
    }

    fn histogram(&self, axes: [TallyAxis; 2]) -> Vec<u32> {
        let kernel = Histogram::new(&self.gpu, &self.numbers(), &self.shape).unwrap();
        let sums = Sums::new(&self.gpu, axes, SIDES + axes[0].bins * axes[1].bins).unwrap();
        let bound = kernel.bind(&self.gpu, self.cloud(), &sums).unwrap();
        testing::pass(&self.gpu, |pass| kernel.encode(pass, &bound));
        read(&self.gpu, &sums.tally)
    }

    fn quantiles(&self, coordinate: u32) -> (Option<[f32; 2]>, u32) {
        let kernel = Quantile::new(&self.gpu, &self.numbers(), &self.shape).unwrap();
        let axes = [TallyAxis::whole(coordinate); 2];
        let sums = Sums::new(&self.gpu, axes, quantile::STATE + quantile::COUNTS).unwrap();
        let bound = kernel.bind(&self.gpu, self.cloud(), &sums).unwrap();
        testing::pass(&self.gpu, |pass| kernel.encode(pass, &bound));
        let words: Vec<u32> = read(&self.gpu, &sums.tally);
        (Quantile::values(&words), words[1])
    }

    fn survivors(&self, ancestor_row: u32) -> u32 {
        let kernel = Survivors::new(&self.gpu, &self.numbers(), &self.shape, ancestor_row).unwrap();
        let buffer = kernel.buffer(&self.gpu).unwrap();
        let bound = kernel.bind(&self.gpu, self.cloud(), &buffer).unwrap();
        testing::pass(&self.gpu, |pass| kernel.encode(pass, &bound));
        read::<u32>(&self.gpu, &buffer)[0]
    }
}

/// Normals with outliers and, every so often, what is no place.
fn coordinate(seed: u32, count: usize) -> Vec<f32> {
    let place = |(i, z): (usize, f64)| match i % 1013 {
        500 => f32::NAN,
        501 => f32::INFINITY,
        502 => f32::NEG_INFINITY,
        503 => 3e38,
        504 => -3e38,
        505 => -0.0,
        _ => z as f32,
    };
    normals(seed, count).into_iter().enumerate().map(place).collect()
}

fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|x| x.to_bits()).collect()
}

fn wide(words: &[u32]) -> u64 {
    u64::from(words[1]) << 32 | u64::from(words[0])
}

fn populations() -> impl Iterator<Item = (usize, &'static str)> {
    // Every population in small, and the largest size with two of them.
    let small = |size: &usize| *size < 1_000_000;
    let all = SIZES.into_iter().filter(small).flat_map(|n| POPULATIONS.map(|name| (n, name)));
    all.chain(["normal", "not numbers"].map(|name| (1_000_000, name)))
}

#[test]
fn histograms_equal_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let mut with_outside = 0;
    for (n, name) in populations() {
        let columns = [coordinate(3, n), coordinate(4, n), coordinate(5, n)];
        let lw = log_weights(name, n);
        let rows = columns.each_ref().map(|row| bits(row));
        for (page_rows, chosen) in [(3, &[2, 0][..]), (1, &[0, 1]), (2, &[1])] {
            let rig = Rig::new(&gpu, &rows, &lw, page_rows);
            let axes = [(-1.5, 9.7, 41), (-2.5, 7.3, 30)]
                .map(|(low, per_unit, bins)| reference::histogram::Axis { low, per_unit, bins });
            let axis = |at: usize| match chosen.get(at) {
                Some(coordinate) => {
                    let reference::histogram::Axis { low, per_unit, bins } = axes[at];
                    TallyAxis { coordinate: *coordinate as u32, bins, low, per_unit }
                }
                None => TallyAxis::whole(chosen[0] as u32),
            };
            let words = rig.histogram([axis(0), axis(1)]);
            let used: Vec<&[f32]> = chosen.iter().map(|j| columns[*j].as_slice()).collect();
            let (weights, lost) = reference::tally::tally(&used, &lw);
            let exact = reference::histogram::histogram(&used, &weights, &axes[..used.len()]);
            let name = format!("{n} {name} {chosen:?}");
            assert_eq!(words[1], lost, "{name}");
            let sums: Vec<u64> = words[2..].chunks_exact(2).map(wide).collect();
            assert_eq!(sums[0], exact.outside, "{name}");
            for (j, sides) in exact.sides.iter().enumerate() {
                assert_eq!(sums[1 + 2 * j..3 + 2 * j], sides[..], "{name}");
            }
            assert!(sums[SIDES as usize..] == exact.bins, "{name}");
            let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
            assert_eq!(exact.outside + exact.bins.iter().sum::<u64>(), total, "{name}");
            with_outside += usize::from(exact.outside > 0);
        }
    }
    assert!(with_outside > 40, "{with_outside}");
}

/// A bin of more than 2^32 units: the carries of a million particles of the largest weight.
#[test]
fn bins_carry_into_their_high_words() {
    let Some(gpu) = testing::gpu() else { return };
    let n = 1_000_000;
    let rig = Rig::new(&gpu, &[vec![0; n]], &vec![-3.0; n], 1);
    let axis = TallyAxis { coordinate: 0, bins: 3, low: -1.5, per_unit: 1.0 };
    let words = rig.histogram([axis, TallyAxis::whole(0)]);
    let sums: Vec<u64> = words[2..].chunks_exact(2).map(wide).collect();
    assert_eq!(sums, [0, 0, 0, 0, 0, 0, (n as u64) << 27, 0]);
}

#[test]
fn quantiles_equal_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    for (n, name) in populations() {
        let column = coordinate(6, n);
        let lw = log_weights(name, n);
        let rig = Rig::new(&gpu, &[vec![0; n], bits(&column)], &lw, 2);
        let stride = quantile::stride(n as u32) as usize;
        let every = |row: &[f32]| row.iter().copied().step_by(stride).collect::<Vec<_>>();
        let (column, lw) = (every(&column), every(&lw));
        let (weights, lost) = reference::tally::tally(&[&column], &lw);
        let exact = reference::quantile::quantile(&column, &weights, FRACTIONS);
        let as_bits = |pair: Option<[f32; 2]>| pair.map(|pair| pair.map(f32::to_bits));
        let (found, also_lost) = rig.quantiles(1);
        assert_eq!((as_bits(found), also_lost), (as_bits(exact), lost), "{n} {name}");
    }
    // All in one place, two places, and nowhere.
    for (values, weights, expected) in [
        ([2.5, 2.5, 2.5], [0.0; 3], Some([2.5, 2.5])),
        ([-7.0, 1e-3, 9.0], [0.0, f32::NEG_INFINITY, 0.0], Some([-7.0, 9.0])),
        ([1.0, 2.0, 3.0], [f32::NEG_INFINITY; 3], None),
        ([f32::NAN; 3], [0.0; 3], None),
    ] {
        let rig = Rig::new(&gpu, &[bits(&values)], &weights, 1);
        assert_eq!(rig.quantiles(0).0, expected);
    }
}

#[test]
fn survivors_equal_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    for (n, name) in populations() {
        let lw = log_weights(name, n);
        let random: Vec<u32> = noise(9, n).into_iter().map(|word| word % n as u32).collect();
        let mut sorted = random.clone();
        sorted.sort_unstable();
        let few: Vec<u32> = random.iter().map(|a| a % 7.min(n as u32)).collect();
        let last = vec![n as u32 - 1; n];
        for ancestors in [random, sorted, few, last, (0..n as u32).collect()] {
            let exact = reference::survivors::survivors(&ancestors, &lw);
            let rig = Rig::new(&gpu, &[vec![0; n], ancestors], &lw, 1);
            assert_eq!(rig.survivors(1), exact, "{n} {name}");
        }
    }
}
