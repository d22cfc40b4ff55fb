//! The kernels of the reaction against `reference::{moments, grid, mixture, entropy, react}`.

use crate::buffers::{self, State};
use crate::gpu::Gpu;
use crate::kernel::entropy::{Entropy, EntropyBuffers};
use crate::kernel::grid::{self, Grid};
use crate::kernel::mixture::{self, Components, Mixture};
use crate::kernel::moments::{self, Moments};
use crate::kernel::ratio::{self, Ratio};
use crate::kernel::react::React;
use crate::layout::{Control, Instant, ReactionRow, ReactionState, Settings};
use crate::numbers::{Numbers, RunNumbers};
use crate::reference;
use crate::reference::normal::normal_draw;
use crate::reference::threefry::STREAM_STEP;
use crate::shaders::WeightShape;
use crate::testing::{self, normals, poison, read, write};
use crate::{Bandwidth, Config, Flow, Initial, Problem, Resampler, Target};

/// More than a block.
const PARTICLES: u32 = 2500;
const SEED: u64 = 0x0bad_5eed_0000_0011;
/// Steps done; the last was of this length.
const STEP: u32 = 6;
const DT: f32 = 0.03;
/// Few, so that some particles find no point inside.
const TRIALS: u32 = 3;

fn aim(x: &[f64]) -> f64 {
    -0.5 * x.iter().map(|x| x * x).sum::<f64>()
}

/// A population on the device and on the host, with particles of weight zero and lost ones.
struct Rig {
    gpu: Gpu,
    dim: u32,
    shape: WeightShape,
    state: State,
    rows: Vec<Vec<f32>>,
    log_weights: Vec<f32>,
    /// By how much log π is lower where x₀ > 1.2.
    fall: f32,
}

fn shape() -> WeightShape {
    WeightShape {
        ess_threshold: 0.5,
        trace_rows: 3,
        ..WeightShape::alone(PARTICLES, Resampler::Systematic, SEED)
    }
}

/// Half of a normal law, which a coordinate above 1.2 finds lower by `fall`.
fn problem(dim: u32, fall: f32) -> Problem {
    let text = format!(
        "fn log_density(x: ptr<function, Point>) -> f32 {{
            var sum = select(0.0, -{fall:?}, (*x)[0] > 1.2);
            for (var j = 0u; j < DIM; j++) {{ sum -= 0.5 * (*x)[j] * (*x)[j]; }}
            var nothing = 0xff800000u;
            return select(sum, bitcast<f32>(nothing), (*x)[0] < -0.5);
        }}
        fn score(x: ptr<function, Point>) -> Point {{ return *x; }}"
    );
    let target = Target::from_wgsl(dim, "half.wgsl", text).unwrap();
    let zeros = vec![0.0; dim as usize];
    let initial = Initial::normal(&zeros, &vec![1.0; dim as usize]).unwrap();
    Problem::new(target, initial, Flow::langevin()).unwrap()
}

impl Rig {
    fn new(gpu: &Gpu, dim: u32) -> Rig {
        let n = PARTICLES as usize;
        let column = |j: u32| {
            let shift = 3.0 * f64::from(j) - 40.0 * f64::from(j % 2);
            let values = normals(70 + j, n);
            values.into_iter().map(|z| (shift + (1.0 + f64::from(j)) * z) as f32).collect()
        };
        let mut rows: Vec<Vec<f32>> = (0..dim).map(column).collect();
        let mut log_weights: Vec<f32> = normals(60, n).iter().map(|z| 7.0 + *z as f32).collect();
        log_weights[5] = f32::NEG_INFINITY;
        log_weights[6] = f32::NAN;
        rows[0][6] = f32::NAN;
        log_weights[2049] = f32::INFINITY;
        rows[dim as usize - 1][2300] = f32::INFINITY;
        let storage = |bytes| buffers::storage(&gpu.device, "reaction", bytes);
        let row = 4 * u64::from(PARTICLES);
        let instants: Vec<Instant> = (0..=STEP + 4)
            .map(|k| Instant { time: DT * k as f32, dt: DT, beta: 0.0, beta_rate: 0.0 })
            .collect();
        let settings = Settings { transport: 0.8, ..Settings::of_weights(&shape()) };
        let state = State {
            pages: vec![storage(row * u64::from(dim + 1))],
            gathered: Vec::new(),
            log_weights: storage(row),
            ancestors: storage(4),
            control: storage(size_of::<Control>() as u64),
            schedule: storage(size_of_val(&instants[..]) as u64),
            data: Vec::new(),
            outputs: Vec::new(),
            flow_data: None,
            moves: None,
            numbers: RunNumbers::new(gpu, &settings, &problem(dim, 0.0), &Config::default())
                .unwrap(),
        };
        write(gpu, &state.pages[0], &rows.concat());
        write(gpu, &state.log_weights, &log_weights);
        write(gpu, &state.control, &[Control { step_end: STEP, ..Control::default() }]);
        write(gpu, &state.schedule, &instants);
        // The oracles know of weights alone.
        log_weights[2300] = f32::NAN;
        Rig { gpu: gpu.clone(), dim, shape: shape(), state, rows, log_weights, fall: 0.0 }
    }

    fn live(&self) -> impl Iterator<Item = usize> {
        (0..PARTICLES as usize).filter(|i| self.log_weights[*i].is_finite())
    }

    fn position(&self, i: usize) -> Vec<f64> {
        self.rows.iter().map(|row| f64::from(row[i])).collect()
    }

    fn moments(&self) -> Moments {
        let page_rows = self.dim + 1;
        let moments =
            Moments::new(&self.gpu, &self.shape, self.dim, page_rows, &self.state).unwrap();
        poison(&self.gpu, &moments.buffer, 3);
        testing::pass(&self.gpu, |pass| moments.encode(pass));
        moments
    }

    fn page(&self) -> (u32, u32) {
        (self.dim, self.dim + 1)
    }

    fn mixture(&self, components: &Components, moments: &Moments) -> Mixture {
        let (gpu, shape) = (&self.gpu, &self.shape);
        let mixture =
            Mixture::new(gpu, shape, self.page(), components, &self.state, &moments.buffer)
                .unwrap();
        poison(gpu, &mixture.sums, 4);
        testing::pass(gpu, |pass| {
            mixture.encode_components(pass);
            (0..mixture.sweeps()).for_each(|sweep| mixture.encode_sweep(pass, sweep, None));
        });
        mixture
    }

    /// π(x) = exp(−Σ x²/2) on x₀ > −0.5, and lower where x₀ > 1.2.
    fn problem(&self) -> Problem {
        problem(self.dim, self.fall)
    }

    /// log π where it is finite.
    fn aim(&self, x: &[f64]) -> f64 {
        aim(x) - if x[0] > f64::from(1.2_f32) { f64::from(self.fall) } else { 0.0 }
    }

    /// log π − log p of every particle.
    fn ratios(
        &self,
        constants: impl FnOnce(crate::shaders::Prelude) -> crate::shaders::Prelude,
        density: &[&str],
        moments: &Moments,
        field: &wgpu::Buffer,
    ) -> Vec<f32> {
        let problem = self.problem();
        let prelude = moments::prelude(&self.shape, self.dim, 4, 1, self.dim + 1);
        let linked = ratio::linked(constants(prelude).source(), density, &problem);
        let out = buffers::storage(&self.gpu.device, "ratios", 4 * u64::from(PARTICLES));
        poison(&self.gpu, &out, 6);
        let buffers = [&moments.buffer, field, &out];
        let ratio =
            Ratio::new(&self.gpu, &linked, &problem, &self.state, buffers, PARTICLES).unwrap();
        testing::pass(&self.gpu, |pass| ratio.encode(pass));
        read(&self.gpu, &out)
    }

    /// Ratios against those of the oracle, which is told log π; `bound` on the difference.
    fn compare(&self, name: &str, ratios: &[f32], exact: impl Fn(usize, f64) -> f64, bound: f64) {
        let mut outside = 0;
        for i in self.live() {
            let x = self.position(i);
            let r = f64::from(ratios[i]);
            if x[0] < -0.5 {
                assert_eq!(r, f64::NEG_INFINITY, "{name}, {i}");
                outside += 1;
                continue;
            }
            let aim = self.aim(&x);
            let want = exact(i, aim);
            // The target itself is rounded.
            let bound = bound + 4e-7 * (aim.abs() + want.abs());
            assert!((r - want).abs() < bound, "{name}, {i}: {r} is not {want}");
        }
        assert!(outside > 100, "{outside}");
        assert!(ratios[6].is_nan() && ratios[2300].is_nan(), "{name}: lost particles");
    }
}

/// Means are of 2500 terms rounded to 2^-24, and merged in 20 levels: 4e-6 of the size of a value
/// or of the variance is allowed.
#[test]
fn moments_are_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    for dim in [1, 2, 3, 5, 64] {
        let rig = Rig::new(&gpu, dim);
        let found: Vec<f32> = read(&gpu, &rig.moments().buffer);
        let d = dim as usize;
        for (j, row) in rig.rows.iter().enumerate() {
            let exact = reference::moments::moments(row, &rig.log_weights);
            let at = |k: usize| f64::from(found[2 + k * d + j]);
            let size = exact.mean.abs() + exact.variance.sqrt();
            assert!((at(0) - exact.mean).abs() < 4e-6 * size, "{dim}: {} {exact:?}", at(0));
            let off = (at(1) - exact.variance).abs();
            assert!(off < 2e-5 * exact.variance, "{dim}: {} {exact:?}", at(1));
            assert_eq!((at(2), at(3)), (exact.low, exact.high), "{dim}");
        }
        let finite = rig.live().map(|i| rig.log_weights[i]);
        let peak = finite.fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = rig.live().map(|i| f64::from(rig.log_weights[i] - peak).exp()).sum();
        assert_eq!(found[0], peak);
        assert!((f64::from(found[1]) - total).abs() < 1e-5 * total);
    }
}

/// Deposits are rounded to 2^-32 of the mass, 1e-3 of what the least node that a particle sees
/// holds, and places on an axis of 40 to 2^-19 of a cell. No point of the target happens to lie within
/// rounding of its wall.
#[test]
fn the_density_on_a_grid_is_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    for (dim, cells) in [(1, 200), (2, 48), (3, 24)] {
        let rig = Rig::new(&gpu, dim);
        let (moments, problem) = (rig.moments(), rig.problem());
        let widths: Vec<f32> = (0..dim).map(|j| 0.3 + 0.4 * j as f32).collect();
        let bandwidth = Bandwidth::Fixed(widths.clone()).wgsl(dim, PARTICLES);
        let (shape, state) = (&rig.shape, &rig.state);
        let grid = Grid::new(
            &gpu,
            &problem,
            shape,
            rig.page(),
            (cells, &bandwidth),
            state,
            &moments.buffer,
        )
        .unwrap();
        testing::pass(&gpu, |pass| {
            grid.encode(pass);
            // The second finds the field of the first.
            grid.encode(pass);
        });
        let constants = |prelude| grid::constants(prelude, cells, dim, &bandwidth);
        let density = ["density/grid_frame", "density/grid"];
        let ratios = rig.ratios(constants, &density, &moments, grid.field());
        let widths: Vec<f64> = widths.iter().map(|w| f64::from(*w)).collect();
        let log_density = |x: &[f64]| if x[0] < -0.5 { f64::NEG_INFINITY } else { aim(x) };
        let (rows, weights, drawn) = (&rig.rows, &rig.log_weights, (SEED, STEP));
        let exact =
            reference::grid::Grid::new(rows, weights, cells as usize, &widths, drawn, log_density);
        let ratio = |i, aim| exact.density_log_ratio(&rig.position(i), aim);
        rig.compare(&format!("grid in {dim}"), &ratios, ratio, 3e-3);
    }
}

/// Exponents of up to some hundreds are rounded to 2^-24 of themselves: those that matter are
/// small. No point that looks for the support happens to lie within rounding of its wall.
#[test]
fn the_density_of_a_mixture_is_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    for (dim, transition, count) in [1, 2, 5]
        .into_iter()
        .flat_map(|d| [(d, false, PARTICLES), (d, true, PARTICLES), (d, false, 70), (d, true, 70)])
    {
        let rig = Rig { fall: 60.0, ..Rig::new(&gpu, dim) };
        let moments = rig.moments();
        let widths: Vec<f32> = match transition {
            true => vec![(2.0 * 0.8 * DT).sqrt(); dim as usize],
            false => (0..dim).map(|j| 0.3 + 0.4 * j as f32).collect(),
        };
        let components = match transition {
            true => Components {
                count,
                file: "density/transition",
                cover: "density/whole",
                text: String::new(),
            },
            false => Components {
                count,
                file: "density/kernel",
                cover: "density/cover",
                text: Bandwidth::Fixed(widths.clone()).wgsl(dim, count),
            },
        };
        let mixture = rig.mixture(&components, &moments);
        let constants = |prelude| {
            let prelude = mixture::constants(prelude, count, dim);
            prelude.u32("COVER_TRIALS", TRIALS).text(&components.text)
        };
        let density = ["density/subset", components.cover, "density/mixture"];
        let ratios = rig.ratios(constants, &density, &moments, &mixture.sums);
        let widths: Vec<f64> = widths.iter().map(|w| f64::from(*w)).collect();
        let centre = |i: usize| {
            let mut x = rig.position(i);
            if transition {
                let noise = normal_draw(SEED, i as u32, STEP - 1, STREAM_STEP, dim as usize);
                x.iter_mut().zip(noise).for_each(|(x, z)| *x -= widths[0] * z);
            }
            x
        };
        let centres: Vec<_> = (0..PARTICLES as usize).map(centre).collect();
        let subset: Vec<_> = (0..count)
            .map(|l| reference::mixture::subset_slot(SEED, STEP, PARTICLES, count, l) as usize)
            .collect();
        let exact = |i: usize, aim: f64| {
            let (x, lw) = (rig.position(i), &rig.log_weights);
            let density = reference::mixture::density_log(i, &x, &centres, &widths, lw, &subset);
            let log_density = |x: &[f64]| if x[0] < -0.5 { f64::NEG_INFINITY } else { rig.aim(x) };
            let at = (SEED, i as u32, STEP);
            let cover = match transition {
                true => 0.0,
                false => reference::mixture::cover_log(at, TRIALS, &x, &widths, log_density),
            };
            aim + cover - density
        };
        let name = format!("DIM {dim}, transition {transition}, {count} components");
        rig.compare(&name, &ratios, exact, 2e-4);
    }
}

/// Two reactions of half a block each, from one estimate, and jumps.
#[test]
fn means_and_gains_are_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let rig = Rig::new(&gpu, 2);
    let n = PARTICLES as usize;
    let mut ratios: Vec<f32> = normals(90, n).iter().map(|z| 3.0 * *z as f32 - 50.0).collect();
    ratios[7] = f32::NEG_INFINITY;
    ratios[8] = f32::NAN;
    let (mean, log_normalizer, outside) = reference::entropy::entropy(&rig.log_weights, &ratios);
    let storage = |bytes| buffers::storage(&gpu.device, "reaction", bytes);
    let (out, state) = (storage(4 * n as u64), storage(size_of::<ReactionState>() as u64));
    let trace = storage(3 * size_of::<ReactionRow>() as u64);
    write(&gpu, &out, &ratios);
    let run = &rig.state;
    let (log_weights, control) = (&run.log_weights, &run.control);
    for jumps in [false, true] {
        write(&gpu, log_weights, &rig.log_weights);
        write(&gpu, &state, &[ReactionState { rows: 4, ..ReactionState::default() }]);
        let buffers =
            EntropyBuffers { log_weights, ratios: &out, control, reaction: &state, trace: &trace };
        let entropy = Entropy::new(&gpu, &run.numbers.engine, &rig.shape, &buffers).unwrap();
        let share = if jumps { 1.0 } else { 0.5 };
        let settings = Settings {
            reaction_rate: 2.0,
            reaction_share: share,
            reaction_every: 4,
            steps: STEP + 3,
            ..Settings::of_weights(&rig.shape)
        };
        let numbers = &Numbers::alone(&gpu, &settings).unwrap();
        let all = [log_weights, &out, control, &run.schedule, &state];
        let react = React::new(&gpu, numbers, &rig.shape, jumps, all).unwrap();
        testing::pass(&gpu, |pass| {
            entropy.encode(pass);
            react.encode_after(pass);
        });
        let row: ReactionRow = read(&gpu, &trace)[1];
        assert_eq!((row.step, row.outside), (STEP, outside));
        assert_eq!(outside, 2);
        assert!((f64::from(row.log_normalizer) - log_normalizer).abs() < 2e-5);
        let kl = log_normalizer - mean;
        assert!((f64::from(row.relative_entropy) - kl).abs() < 4e-5 * (1.0 + kl));
        // Blocks of 4 steps: of this one 2 are done, and 3 are left of the run from here on.
        let a = |steps: f64, part: f64| (-2.0 * part * steps * f64::from(DT)).exp();
        let mut strength = if jumps { 2.0 * 2.0 * f64::from(DT) } else { 1.0 - a(2.0, 0.5) };
        if !jumps {
            testing::pass(&gpu, |pass| react.encode_before(pass));
            strength = 1.0 - a(2.0, 0.5) * a(3.0, 0.5);
        }
        let after: Vec<f32> = read(&gpu, log_weights);
        let mut changed = [0; 3];
        for i in 0..n {
            let (before, after) = (rig.log_weights[i], f64::from(after[i]));
            if !before.is_finite() {
                assert!(!after.is_finite(), "{i}");
                continue;
            }
            let excess = f64::from(ratios[i]) - mean;
            if excess.is_nan() {
                assert!(after.is_nan() || jumps, "{i}");
                continue;
            }
            let gain = match jumps {
                true => reference::react::react_jumps(SEED, i as u32, STEP, strength, excess),
                false => Some(reference::react::react_weights(strength, excess)),
            };
            let Some(gain) = gain else { continue };
            changed[if gain == 0.0 {
                0
            } else if gain > 0.0 {
                1
            } else {
                2
            }] += 1;
            let want = f64::from(before) + gain;
            let near = (after - want).abs() < 4e-6 * (1.0 + want.abs()) || after == want;
            assert!(near, "jumps {jumps}, {i}: {after} is not {want}");
        }
        assert!(changed[1..].iter().all(|count| *count > 100), "{changed:?}");
    }
}
