//! Runs of compositions against `reference::compose`, particle by particle.

use crate::diffusion::{Composition, Curve, Noise, Rule, ScoreModel, Tracking};
use crate::reference::compose::{Composer, Reward};
use crate::testing::{self, read};
use crate::{Component, Config, Gpu, Integrator, Sampler, Schedule, Target};

const PARTICLES: u32 = 200;
const STEPS: u32 = 6;

/// Three mixtures of two components with scales of their own per axis.
fn models(dim: u32, count: usize) -> Vec<ScoreModel> {
    let model = |i: usize| {
        let component = |k: usize| {
            let place = |j: u32| 0.5 * ((3 * i + 2 * k + j as usize) % 5) as f64 - 1.0;
            let scale = |j: u32| 0.5 + 0.125 * ((i + k + j as usize) % 4) as f64;
            Component {
                weight: 1.0 + k as f64,
                mean: (0..dim).map(place).collect(),
                scale: (0..dim).map(scale).collect(),
            }
        };
        ScoreModel::gaussian_mixture(&[component(0), component(1)]).unwrap()
    };
    (0..count).map(model).collect()
}

/// r = −Σ (xⱼ − 1)²/4.
fn reward(x: &[f64]) -> Reward {
    Reward {
        value: -0.25 * x.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>(),
        slope: x.iter().map(|x| 0.5 * (1.0 - x)).collect(),
        laplacian: -0.5 * x.len() as f64,
    }
}

/// The same where x₀ > −0.2, and −60 elsewhere.
fn walled_reward(x: &[f64]) -> Reward {
    match x[0] > -0.2 {
        true => reward(x),
        false => Reward { value: -60.0, slope: vec![0.0; x.len()], laplacian: 0.0 },
    }
}

fn rules() -> [(Rule, usize); 6] {
    let line = Curve::linear;
    [
        (Rule::annealed(line(1.0, 2.0)), 1),
        (Rule::product(), 3),
        (Rule::guidance(line(1.0, 2.5)), 2),
        (Rule::mixture(line(0.1, 0.6)), 2),
        (Rule::fisher_rao(0.4), 2),
        (Rule::power_mean(line(-0.8, -0.3), vec![line(0.5, 0.2), 0.3.into(), line(0.4, 0.9)]), 3),
    ]
}

/// What a composition may have beside its rule.
#[derive(Debug, Clone, Copy)]
struct Way {
    integrator: Integrator,
    eta: f64,
    tracking: Tracking,
    frozen: bool,
    /// λ, where there is a reward.
    reward: Option<f64>,
    /// Whether the reward has a wall.
    walled: bool,
}

fn ways() -> [Way; 11] {
    use Integrator::{Euler, Exponential, KernelRatio};
    let plain = Way {
        integrator: Euler,
        eta: 1.0,
        tracking: Tracking::Exact,
        frozen: false,
        reward: None,
        walled: false,
    };
    [
        Way { eta: 0.6, ..plain },
        Way { tracking: Tracking::Ito, eta: 1.4, ..plain },
        Way { tracking: Tracking::KernelRatio, integrator: Exponential, ..plain },
        Way { frozen: true, reward: Some(1.0), ..plain },
        Way { eta: 0.0, reward: Some(0.3), integrator: Exponential, ..plain },
        Way { integrator: KernelRatio, ..plain },
        Way { integrator: KernelRatio, eta: 1.4, frozen: true, reward: Some(0.98), ..plain },
        Way { integrator: Exponential, eta: 0.6, reward: Some(0.0), ..plain },
        Way { integrator: KernelRatio, tracking: Tracking::Ito, ..plain },
        Way { integrator: KernelRatio, reward: Some(0.5), walled: true, ..plain },
        Way { integrator: Exponential, eta: 1.4, reward: Some(0.2), walled: true, ..plain },
    ]
}

fn composition(noise: Noise, dim: u32, rule: &(Rule, usize), way: Way) -> Composition {
    let (rule, count) = rule;
    let composition = Composition::new(noise, models(dim, *count), rule.clone())
        .with_stochasticity(way.eta)
        .with_tracking(way.tracking)
        .with_correction(if dim == 5 { -0.5 } else { 1.0 });
    let composition = match way.frozen {
        true => composition.with_frozen_drift(vec![Curve::linear(0.5, 0.3); *count]),
        false => composition,
    };
    match way.reward {
        Some(lambda) => {
            let text = match way.walled {
                true => "where(x0 > -0.2, -sum(i, (x[i] - 1)^2)/4, -60)",
                false => "-sum(i, (x[i] - 1)^2)/4",
            };
            let target = Target::from_formula(dim, text).unwrap();
            composition.with_reward(target, Curve::linear(0.2, 1.5)).with_reward_guidance(lambda)
        }
        None => composition,
    }
}

/// Unequal steps over the levels where models differ; β is not proportional to time.
fn schedule(noise: Noise) -> Schedule {
    let point = |k: u32| {
        let s = f64::from(k) / f64::from(STEPS);
        (noise.end() * (0.55 + 0.1 * (s + s * s)), 0.1 + 0.8 * s * s)
    };
    Schedule::from_points(&(0..=STEPS).map(point).collect::<Vec<_>>()).unwrap()
}

/// Positions and what is tracked (per particle), and log-weights without an unknown constant.
struct Swarm {
    positions: Vec<Vec<f64>>,
    tracked: Vec<Vec<f64>>,
    log_weights: Vec<f64>,
}

fn swarm(gpu: &Gpu, sampler: &Sampler) -> Swarm {
    let info = crate::block_on(sampler.info()).unwrap();
    let particles = crate::block_on(sampler.particles()).unwrap();
    let lw: Vec<f64> = particles.log_weights().iter().map(|lw| f64::from(*lw)).collect();
    let mean = lw.iter().map(|lw| lw.exp()).sum::<f64>() / lw.len() as f64;
    let shift = info.log_normalizer - mean.ln();
    let buffers = sampler.buffers();
    let words: Vec<u32> = buffers.pages.iter().flat_map(|page| read::<u32>(gpu, page)).collect();
    let rows: Vec<&[u32]> = words.chunks(PARTICLES as usize).collect();
    let carried = particles.dim()..buffers.rows as usize - 1;
    let of = |i: usize| rows[carried.clone()].iter().map(move |row| f32::from_bits(row[i]).into());
    let numbers = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect();
    Swarm {
        positions: (0..particles.len()).map(|i| numbers(particles.position(i))).collect(),
        tracked: (0..particles.len()).map(|i| of(i).collect()).collect(),
        log_weights: lw.iter().map(|lw| lw + shift).collect(),
    }
}

/// From the device's own start: its log-weights, then two steps and four.
///
/// Bounds: a position is rounded once per step, and the score that it moves by is known to some
/// 2^-21 of its size, the exponents of the mixtures being rounded; the steps here multiply errors by
/// at most 3 in all. log q and log-weights sum log densities and products of scores and moves, each
/// known to some 2^-20 of its size, for which 1 + |x|² stands. (Mesa's software driver keeps to a
/// third of all three.)
#[test]
fn steps_of_compositions_are_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let noises = [
        Noise::variance_preserving(0.1, 20.0),
        Noise::sub_variance_preserving(0.1, 12.0),
        Noise::variance_exploding(0.01, 4.0),
    ];
    let mut worst = [0.0_f64; 3];
    for (i, rule) in rules().iter().enumerate() {
        // Every rule in half of the ways, every way with half of the rules.
        for (k, way) in ways().into_iter().enumerate().skip(i % 2).step_by(2) {
            let dim = [1, 2, 3, 5][(i + k) % 4];
            let noise = noises[(i + 2 * k) % 3];
            let name = format!("{} in {dim} of {noise}, {way:?}", rule.0);
            let composition = composition(noise, dim, rule, way);
            let config = Config {
                particles: PARTICLES,
                seed: 7 + i as u64,
                schedule: schedule(noise),
                integrator: Some(way.integrator),
                ess_threshold: 0.0,
                ess_every: 2,
                ..Config::default()
            };
            let problem = composition.clone().problem().unwrap();
            let mut sampler = Sampler::new(&gpu, &problem, config.clone()).unwrap();
            let composer = Composer {
                composition: problem.composition().unwrap(),
                reward: if way.walled { walled_reward } else { reward },
                integrator: way.integrator,
                config: &config,
            };
            let start = swarm(&gpu, &sampler);
            let tracked = composition.tracked(way.integrator);
            let mut walkers = Vec::new();
            let mut gains = Vec::new();
            for (slot, x) in start.positions.iter().enumerate() {
                walkers.push(composer.walker(slot as u32, x.clone()));
                gains.push(composer.initial_log_weight(x));
            }
            let mut compare = |ours: &Swarm, walkers: &[_], gains: &[f64], end: u32| {
                for (slot, (walker, gain)) in walkers.iter().zip(gains).enumerate() {
                    let walker: &crate::reference::compose::Walker = walker;
                    let size = 1.0 + walker.x.iter().map(|x| x * x).sum::<f64>();
                    let mut check = |what: usize, ours: f64, exact: f64, bound: f64| {
                        let error = (ours - exact).abs() / bound;
                        worst[what] = worst[what].max(error);
                        let what = ["x", "log q", "log w"][what];
                        assert!(error < 1.0, "{name}, {slot}, {end}: {what} {ours} is not {exact}");
                    };
                    for (ours, exact) in ours.positions[slot].iter().zip(&walker.x) {
                        check(0, *ours, *exact, 6e-6 * (1.0 + exact.abs()));
                    }
                    if end > 0 {
                        for (ours, i) in ours.tracked[slot].iter().zip(&tracked) {
                            check(1, *ours, walker.tracked[*i], 6e-6 * size);
                        }
                    }
                    check(2, ours.log_weights[slot], *gain, 2e-5 * size);
                }
            };
            compare(&start, &walkers, &gains, 0);
            for (begin, end) in [(0, 2), (2, 6)] {
                sampler.submit(end - begin).unwrap();
                for (walker, gain) in walkers.iter_mut().zip(&mut gains) {
                    *gain += composer.step(walker, begin, end);
                }
                compare(&swarm(&gpu, &sampler), &walkers, &gains, end);
            }
            let spread =
                gains.iter().fold(0.0_f64, |spread, gain| spread.max((gain - gains[0]).abs()));
            assert!(spread > 0.02, "{name}: gains differ by {spread}");
        }
    }
    println!(
        "of their bounds: positions {:.2}, log q {:.2}, log w {:.2}",
        worst[0], worst[1], worst[2]
    );
}
