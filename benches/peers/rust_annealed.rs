//! What wfr's own fused step costs in Rust for eight lanes: the same random words, normals, density,
//! kernel-ratio weights and refusals, in the same order, by the arithmetic that `shaders/` has, with a
//! test of the effective sample size every 16 steps. seq 3 | rust_annealed --particles N --steps K
//!
//! It says how much of a step's time on lavapipe the driver takes. `benches/peers/run` compiles it for
//! the processor at hand; loops over lanes are what the compiler makes vectors of.

use std::io::{BufRead, Write};
use std::ops::{Add, Mul, Neg, Sub};
use std::time::Instant;

const LANES: usize = 8;
const FUSED: usize = 16;
const STEP: f32 = 0.02;
const TILT: f32 = 0.25;
const START_SD: f32 = 5.0;
const LOG_2PI: f32 = 1.837_877_1;
/// Beyond it a move is refused.
const BOUND: f32 = 2.0;

#[derive(Clone, Copy)]
struct F([f32; LANES]);
#[derive(Clone, Copy)]
struct U([u32; LANES]);

fn all(x: f32) -> F {
    F([x; LANES])
}

macro_rules! lanewise {
    ($($trait:ident $name:ident $op:tt),*) => {$(
        impl $trait for F {
            type Output = F;
            #[inline(always)]
            fn $name(self, other: F) -> F {
                F(std::array::from_fn(|l| self.0[l] $op other.0[l]))
            }
        }
        impl $trait<f32> for F {
            type Output = F;
            #[inline(always)]
            fn $name(self, other: f32) -> F {
                F(std::array::from_fn(|l| self.0[l] $op other))
            }
        }
    )*};
}
lanewise!(Add add +, Sub sub -, Mul mul *);

impl Neg for F {
    type Output = F;
    #[inline(always)]
    fn neg(self) -> F {
        F(self.0.map(|x| -x))
    }
}

impl F {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> F {
        F(std::array::from_fn(|l| f(self.0[l])))
    }

    /// This where the lane's word is all ones, the other where it is zero.
    #[inline(always)]
    fn or(self, other: F, kept: U) -> F {
        F(std::array::from_fn(|l| {
            let (this, other) = (self.0[l].to_bits(), other.0[l].to_bits());
            f32::from_bits((this & kept.0[l]) | (other & !kept.0[l]))
        }))
    }
}

#[inline(always)]
fn words(f: impl Fn(usize) -> u32) -> U {
    U(std::array::from_fn(f))
}

/// Threefry4x32 with 13 rounds: `shaders/threefry.wgsl`.
#[inline(always)]
fn threefry(slot: U, time: u32, stream: u32, seed: [u32; 2]) -> [U; 4] {
    let key = [seed[0], seed[1], 0, 0];
    let parity = 0x1BD1_1BDA ^ key[0] ^ key[1];
    let add = |x: U, k: u32| words(|l| x.0[l].wrapping_add(k));
    let start = [slot, words(|_| time), words(|_| 0), words(|_| stream)];
    let mut x: [U; 4] = std::array::from_fn(|i| add(start[i], key[i]));
    const ROTATIONS: [[u32; 2]; 13] = [
        [10, 26],
        [11, 21],
        [13, 27],
        [23, 5],
        [6, 20],
        [17, 11],
        [25, 10],
        [18, 20],
        [10, 26],
        [11, 21],
        [13, 27],
        [23, 5],
        [6, 20],
    ];
    let schedule = [key[0], key[1], key[2], key[3], parity];
    for (round, [first, second]) in ROTATIONS.into_iter().enumerate() {
        let (b, d) = if round % 2 == 0 { (1, 3) } else { (3, 1) };
        x[0] = words(|l| x[0].0[l].wrapping_add(x[b].0[l]));
        x[b] = words(|l| x[b].0[l].rotate_left(first) ^ x[0].0[l]);
        x[2] = words(|l| x[2].0[l].wrapping_add(x[d].0[l]));
        x[d] = words(|l| x[d].0[l].rotate_left(second) ^ x[2].0[l]);
        if round % 4 == 3 {
            let turn = round / 4 + 1;
            for (i, word) in x.iter_mut().enumerate() {
                let more = if i == 3 { turn as u32 } else { 0 };
                *word = add(*word, schedule[(i + turn) % 5].wrapping_add(more));
            }
        }
    }
    x
}

/// Two normals of two words: `shaders/normal.wgsl`.
#[inline(always)]
fn normal_pair(a: U, b: U) -> [F; 2] {
    let u = F(std::array::from_fn(|l| ((a.0[l] >> 1) as i32 as f32 + 0.5) * 4.656_612_9e-10));
    let bits = u.0.map(f32::to_bits);
    let near_one = |word: u32| f32::from_bits((word & 0x007f_ffff) | 0x3f80_0000) - 1.5;
    let t = F(bits.map(near_one));
    const LOG: [f32; 8] = [
        -0.019_901_451,
        0.034_800_727,
        -0.052_189_853,
        0.097_868_3,
        -0.197_551_85,
        0.444_489_84,
        -1.333_333_3,
        -0.810_930_55,
    ];
    let log = LOG[1..].iter().fold(all(LOG[0]), |p, c| p * t + *c);
    let exponent = F(bits.map(|word| f32::from_bits((word >> 23) | 0x4b00_0000) - 8_388_735.0));
    let radius = (log - exponent * 1.386_294_4).map(|square| square.abs().sqrt());
    let side =
        F(std::array::from_fn(|l| f32::from_bits(radius.0[l].to_bits() | (b.0[l] & 0x8000_0000))));
    let r = F(b.0.map(near_one));
    let z = r * r;
    let sine = (((z * -0.554_636_2 + 2.541_899) * z - 5.167_143) * z + 3.141_582) * r;
    let cosine =
        (((z * 0.219_696_8 - 1.331_880_2) * z + 4.058_412) * z - 4.934_793) * z + 0.999_999_94;
    [side * cosine, side * sine]
}

/// What a step knows of a point.
#[derive(Clone, Copy)]
struct Local {
    initial: F,
    aim: F,
    initial_score: [F; 2],
    aim_score: [F; 2],
}

#[inline(always)]
fn local(x: [F; 2]) -> Local {
    const ROOT: f32 = 1.0 / START_SD;
    let z = [x[0] * ROOT, x[1] * ROOT];
    let peak = -LOG_2PI - 2.0 * START_SD.ln();
    let square = x[0] * x[0];
    Local {
        initial: (z[0] * z[0] + z[1] * z[1]) * -0.5 + peak,
        aim: -(square * (square * 0.25 - 0.5)) - x[0] * TILT - x[1] * x[1] * 0.5,
        initial_score: [-(z[0] * ROOT), -(z[1] * ROOT)],
        aim_score: [x[0] * (-square + 1.0) - TILT, -x[1]],
    }
}

#[inline(always)]
fn drift(at: &Local, beta: f32, j: usize) -> F {
    at.initial_score[j] * (1.0 - beta) + at.aim_score[j] * beta
}

struct Population {
    x: [Vec<f32>; 2],
    log_weights: Vec<f32>,
}

/// Steps `from` to `to` of `steps` for eight particles.
#[inline(always)]
fn advance(
    slot: U,
    x: &mut [F; 2],
    log_weight: &mut F,
    span: [usize; 2],
    steps: usize,
    seed: [u32; 2],
) {
    let mut now = local(*x);
    let mut four = threefry(slot, span[0] as u32 / 2, 1, seed);
    for k in span[0]..span[1] {
        if k % 2 == 0 {
            four = threefry(slot, k as u32 / 2, 1, seed);
        }
        let [a, b] = if k % 2 == 0 { [four[0], four[1]] } else { [four[2], four[3]] };
        let noise = normal_pair(a, b);
        let beta = (k + 1) as f32 / steps as f32;
        let growth = beta - k as f32 / steps as f32;
        let gain = (now.aim - now.initial) * growth;
        let (here, before) = (*x, now);
        let out = [drift(&before, beta, 0), drift(&before, beta, 1)];
        let (strain, scale) = ((0.5 * STEP).sqrt(), (2.0 * STEP).sqrt());
        for j in 0..2 {
            x[j] = x[j] + (out[j] * STEP + noise[j] * scale);
        }
        now = local(*x);
        let densities =
            (now.initial - before.initial) * (1.0 - beta) + (now.aim - before.aim) * beta;
        let mut ratio = densities;
        for j in 0..2 {
            let e = (out[j] + drift(&now, beta, j)) * strain;
            ratio = ratio - e * (noise[j] + e * 0.5);
        }
        let kept = words(|l| {
            let is_finite = x[0].0[l].abs() < f32::INFINITY && x[1].0[l].abs() < f32::INFINITY;
            let within = ratio.0[l].abs() <= BOUND;
            u32::from(is_finite & within).wrapping_neg()
        });
        for j in 0..2 {
            x[j] = x[j].or(here[j], kept);
            now.initial_score[j] = now.initial_score[j].or(before.initial_score[j], kept);
            now.aim_score[j] = now.aim_score[j].or(before.aim_score[j], kept);
        }
        now.initial = now.initial.or(before.initial, kept);
        now.aim = now.aim.or(before.aim, kept);
        *log_weight = *log_weight + gain + ratio.or(all(0.0), kept);
    }
}

/// Each thread's part of the particles, whole lanes of them.
fn in_parts(population: &mut Population, f: impl Fn(usize, [&mut [f32]; 3]) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let part = population.log_weights.len().div_ceil(threads * LANES) * LANES;
    let [first, second] = &mut population.x;
    let parts = first.chunks_mut(part).zip(second.chunks_mut(part));
    let parts = parts.zip(population.log_weights.chunks_mut(part));
    std::thread::scope(|scope| {
        for (i, ((x, y), log_weights)) in parts.enumerate() {
            let f = &f;
            scope.spawn(move || f(i * part, [x, y, log_weights]));
        }
    });
}

fn load(from: &[f32]) -> F {
    F(std::array::from_fn(|l| from[l]))
}

fn start(particles: usize, seed: [u32; 2]) -> Population {
    let mut population = Population {
        x: [vec![0.0; particles], vec![0.0; particles]],
        log_weights: vec![0.0; particles],
    };
    in_parts(&mut population, |first, [x, y, _]| {
        for i in (0..x.len()).step_by(LANES) {
            let four = threefry(words(|l| (first + i + l) as u32), 0, 0, seed);
            let [a, b] = normal_pair(four[0], four[1]);
            x[i..i + LANES].copy_from_slice(&(a * START_SD).0);
            y[i..i + LANES].copy_from_slice(&(b * START_SD).0);
        }
    });
    population
}

/// The largest log-weight, and the sums of weights and of their squares relative to it.
fn sums(log_weights: &[f32]) -> (f32, f64, f64) {
    let peak = log_weights.iter().copied().fold(f32::MIN, f32::max);
    let weight = |lw: &f32| f64::from((lw - peak).exp());
    let add = |(a, b), w: f64| (a + w, b + w * w);
    let (sum, squares) = log_weights.iter().map(weight).fold((0.0, 0.0), add);
    (peak, sum, squares)
}

/// log Z and the number of resamplings.
fn run(population: &mut Population, steps: usize, seed: [u32; 2]) -> (f64, u32) {
    let particles = population.log_weights.len();
    let (mut log_z, mut resamplings) = (0.0, 0);
    for from in (0..steps).step_by(FUSED) {
        let (peak, sum, squares) = sums(&population.log_weights);
        if sum * sum / squares < particles as f64 / 2.0 {
            log_z += f64::from(peak) + (sum / particles as f64).ln();
            let u = f64::from(seed[0] % 1000) / 1000.0;
            let (old, mut mass, mut slot) = (population.x.clone(), 0.0, 0);
            for i in 0..particles {
                mass += f64::from((population.log_weights[i] - peak).exp());
                while slot < particles && (slot as f64 + u) < mass / sum * particles as f64 {
                    population.x[0][slot] = old[0][i];
                    population.x[1][slot] = old[1][i];
                    slot += 1;
                }
            }
            population.log_weights.fill(0.0);
            resamplings += 1;
        }
        let span = [from, (from + FUSED).min(steps)];
        in_parts(population, |first, [x, y, log_weights]| {
            for i in (0..x.len()).step_by(LANES) {
                let slot = words(|l| (first + i + l) as u32);
                let (mut at, mut lw) = ([load(&x[i..]), load(&y[i..])], load(&log_weights[i..]));
                advance(slot, &mut at, &mut lw, span, steps, seed);
                x[i..i + LANES].copy_from_slice(&at[0].0);
                y[i..i + LANES].copy_from_slice(&at[1].0);
                log_weights[i..i + LANES].copy_from_slice(&lw.0);
            }
        });
    }
    let (peak, sum, _) = sums(&population.log_weights);
    (log_z + f64::from(peak) + (sum / particles as f64).ln(), resamplings)
}

/// Seconds of all threads of this process, in steps of 10 ms.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        let value = at.and_then(|at| arguments.get(at + 1)).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    };
    let particles = option("--particles", 1_000_000).next_multiple_of(LANES);
    let steps = option("--steps", 200);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    println!(r#"{{"tool": "Rust", "device": "CPU, {threads} threads", "first_run_s": 0.0}}"#);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let seed = [line.trim().parse().unwrap_or(0), 0];
        let mut population = start(particles, seed);
        let (wall, before) = (Instant::now(), cpu());
        let (log_z, resamplings) = run(&mut population, steps, seed);
        let (wall, took) = (wall.elapsed().as_secs_f64(), cpu() - before);
        println!(
            r#"{{"log_normalizer": {log_z}, "elapsed_s": {wall}, "cpu_s": {took}, "resamplings": {resamplings}}}"#
        );
        std::io::stdout().flush().ok();
    }
}
