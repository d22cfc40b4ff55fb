//! Layer 4: what a run promises whatever it computes. The same bits again, however it is cut into
//! submissions and workgroups; a trace of every test; populations larger than one binding.

#[path = "contract/adaptive.rs"]
mod adaptive;
#[path = "contract/checkpoint.rs"]
mod checkpoint;
#[path = "contract/checkpoint_files.rs"]
mod checkpoint_files;
mod common;
#[path = "contract/compositions.rs"]
mod compositions;
#[path = "contract/devices.rs"]
mod devices;
#[path = "contract/external.rs"]
mod external;
#[path = "contract/losses.rs"]
mod losses;
#[path = "contract/population.rs"]
mod population;
#[path = "contract/recorded_plan.rs"]
mod recorded_plan;
#[path = "contract/recordings.rs"]
mod recordings;
#[path = "common/replay.rs"]
mod replay;
#[path = "contract/submissions.rs"]
mod submissions;
#[path = "contract/walls.rs"]
mod walls;

use std::ops::ControlFlow;

use wfr::{Config, Flow, Gpu, Initial, Integrator, Problem, Resampler, Sampler, Schedule, Target};

use common::{advance, info, particles};

fn double_well(flow: Flow) -> Problem {
    let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
    Problem::new(Target::double_well(2).unwrap(), start, flow).unwrap()
}

/// No multiple of a block, of a workgroup or of the steps between two tests.
fn config() -> Config {
    Config {
        particles: 5000,
        seed: 11,
        schedule: Schedule::uniform(2.0, 100).unwrap(),
        ess_every: 7,
        ess_threshold: 0.7,
        ..Config::default()
    }
}

/// Everything a run shows, as bits.
#[derive(Debug, PartialEq)]
struct Bits {
    positions: Vec<u32>,
    log_weights: Vec<u32>,
    ancestors: Vec<u32>,
    info: [u64; 7],
}

fn bits(sampler: &Sampler) -> Bits {
    let info = info(sampler);
    let particles = particles(sampler);
    let words = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
    Bits {
        positions: words(particles.positions()),
        log_weights: words(particles.log_weights()),
        ancestors: particles.ancestors().to_vec(),
        info: [
            info.step.into(),
            info.time.to_bits(),
            info.ess.to_bits().into(),
            info.log_normalizer.to_bits(),
            info.max_weight.to_bits().into(),
            info.non_finite.into(),
            info.resamplings.into(),
        ],
    }
}

fn new(gpu: &Gpu, problem: &Problem, config: &Config) -> Sampler {
    Sampler::new(gpu, problem, config.clone()).unwrap()
}

fn whole(gpu: &Gpu, problem: &Problem, config: &Config) -> Bits {
    let mut sampler = new(gpu, problem, config);
    advance(&mut sampler, u32::MAX);
    bits(&sampler)
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    for resampler in Resampler::ALL {
        let config = Config { resampler, ..config() };
        let first = whole(&gpu, &problem, &config);
        assert!(first.info[6] > 2, "too few resamplings to prove anything");
        assert_eq!(first, whole(&gpu, &problem, &config), "{resampler}");
        // On another device object too.
        let other = common::gpu(&problem, &config).unwrap();
        assert_eq!(first, whole(&other, &problem, &config), "{resampler}");
        for seed in [12, 11 + (1 << 32)] {
            let others = whole(&gpu, &problem, &Config { seed, ..config.clone() });
            let same = |a: &[u32], b: &[u32]| a.iter().zip(b).filter(|(a, b)| a == b).count();
            assert!(same(&first.positions, &others.positions) < 10, "seed {seed}");
        }
    }
}

/// One submission, four and a hundred: the same bits, even with reads in between.
#[test]
fn cutting_a_run_into_submissions_changes_no_bit() {
    for flow in [Flow::annealed(), Flow::langevin()] {
        let problem = double_well(flow);
        let Some(gpu) = common::gpu(&problem, &config()) else { return };
        for integrator in Integrator::ALL {
            if integrator == Integrator::KernelRatio && !problem.flow().has_path() {
                continue;
            }
            let config = Config { integrator: Some(integrator), ..config() };
            let expected = whole(&gpu, &problem, &config);
            for pieces in [4, 100] {
                for reads in [false, true] {
                    let mut sampler = new(&gpu, &problem, &config);
                    for _ in 0..pieces {
                        advance(&mut sampler, 100 / pieces);
                        if reads {
                            let step = info(&sampler).step;
                            assert_eq!(step, sampler.steps_encoded());
                            particles(&sampler);
                            pollster::block_on(sampler.trace()).unwrap();
                        }
                    }
                    let name = problem.flow().name();
                    assert!(bits(&sampler) == expected, "{name} {integrator}: {pieces} {reads}");
                }
            }
        }
    }
}

/// In one encoder of the caller's, however many recordings it holds.
#[test]
fn recordings_in_one_encoder_add_up() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let expected = whole(&gpu, &problem, &config());
    let mut sampler = new(&gpu, &problem, &config());
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    for steps in [1, 30, 9, 60, 50] {
        sampler.encode(&mut encoder, steps);
    }
    assert_eq!(sampler.steps_encoded(), 100);
    gpu.queue.submit([encoder.finish()]);
    assert!(bits(&sampler) == expected);
}

#[test]
fn workgroup_sizes_change_no_bit() {
    for dim in [2, 5] {
        let start = Initial::normal(&vec![0.5; dim], &vec![1.5; dim]).unwrap();
        let target = Target::standard_normal(dim as u32).unwrap();
        let problem = Problem::new(target, start, Flow::annealed()).unwrap();
        let Some(gpu) = common::gpu(&problem, &config()) else { return };
        let expected = whole(&gpu, &problem, &Config { workgroup_size: 64, ..config() });
        for workgroup_size in [1, 32, 128, 256] {
            let config = Config { workgroup_size, ..config() };
            assert!(whole(&gpu, &problem, &config) == expected, "{workgroup_size}");
        }
    }
}

/// A row per test: when, in order, and equal to what [`Sampler::info`] says at the same moment.
#[test]
fn the_trace_has_a_row_per_test() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    let mut expected = Vec::new();
    let tests: Vec<u32> = (0..100).step_by(7).collect();
    for (k, test) in tests.iter().enumerate() {
        assert_eq!(sampler.steps_encoded(), *test);
        expected.push(info(&sampler));
        advance(&mut sampler, 7);
        assert_eq!(pollster::block_on(sampler.trace()).unwrap().len(), k + 1);
    }
    let config = sampler.config().clone();
    let rows = pollster::block_on(sampler.trace()).unwrap().to_vec();
    assert_eq!(rows.iter().map(|row| row.step).collect::<Vec<_>>(), tests);
    let mut resamplings = 0;
    for (row, info) in rows.iter().zip(&expected) {
        assert_eq!(row.time, config.schedule.time(row.step));
        assert_eq!((row.step, row.time, row.ess), (info.step, info.time, info.ess));
        assert_eq!(row.log_normalizer, info.log_normalizer);
        assert_eq!((row.max_weight, row.non_finite), (info.max_weight, info.non_finite));
        assert_eq!(row.resampled, row.ess < 0.7 * 5000.0);
        assert_eq!(info.resamplings, resamplings);
        resamplings += u32::from(row.resampled);
        assert!(row.ess >= 1.0 && row.ess <= 5000.0);
        assert!(row.max_weight >= 1.0 / 5001.0 && row.max_weight <= 1.0);
    }
    assert!(resamplings > 1);
}

/// The ring of rows keeps the newest, in order; those read in time are kept.
#[test]
fn a_short_trace_keeps_the_newest_rows() {
    let problem = double_well(Flow::annealed());
    let config = Config { trace_rows: 4, ..config() };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let steps = |sampler: &mut Sampler| -> Vec<u32> {
        pollster::block_on(sampler.trace()).unwrap().iter().map(|row| row.step).collect()
    };
    let mut sampler = new(&gpu, &problem, &config);
    advance(&mut sampler, 100);
    assert_eq!(steps(&mut sampler), [77, 84, 91, 98]);
    assert_eq!(steps(&mut sampler), [77, 84, 91, 98], "rows are read once");

    let mut sampler = new(&gpu, &problem, &config);
    advance(&mut sampler, 21);
    assert_eq!(steps(&mut sampler), [0, 7, 14]);
    advance(&mut sampler, 49);
    assert_eq!(steps(&mut sampler), [0, 7, 14, 42, 49, 56, 63]);
    // A whole run reads in time.
    let mut sampler = new(&gpu, &problem, &config);
    sampler.run().unwrap();
    assert_eq!(steps(&mut sampler), (0..100).step_by(7).collect::<Vec<_>>());
}

#[test]
fn an_observer_sees_progress_and_can_stop() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    let mut seen = Vec::new();
    let info = sampler
        .run_observed(|info| {
            seen.push(info.step);
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen[0] < seen[1] && seen[1] <= info.step, "{seen:?} {info:?}");
    assert_eq!(info.step, sampler.steps_encoded());
    assert!(info.step < 100);
    // And goes on to the same end.
    let end = sampler.run().unwrap();
    assert_eq!((end.step, end.time), (100, 2.0));
    assert!(bits(&sampler) == whole(&gpu, &problem, &config()));
}

#[test]
fn a_new_sampler_holds_the_initial_law() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let sampler = new(&gpu, &problem, &config());
    let info = info(&sampler);
    assert_eq!((info.step, info.time, info.resamplings, info.non_finite), (0, 0.0, 0, 0));
    assert_eq!((info.ess, info.log_normalizer), (5000.0, 0.0));
    let particles = particles(&sampler);
    assert_eq!(particles.ancestors(), (0..5000).collect::<Vec<u32>>());
    assert!(particles.log_weights().iter().all(|lw| *lw == 0.0));
    assert!(sampler.wgsl().contains("fn flow_psi") && sampler.wgsl().contains("fn log_density"));
    assert_eq!((sampler.steps(), sampler.steps_encoded()), (100, 0));
}

/// Past the end nothing happens.
#[test]
fn a_run_ends_with_its_schedule() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    let info = sampler.run().unwrap();
    assert_eq!((info.step, info.time), (100, 2.0));
    let end = bits(&sampler);
    advance(&mut sampler, 10);
    assert_eq!(sampler.run().unwrap(), info);
    assert!(bits(&sampler) == end);
}

#[test]
fn given_positions_are_the_particles() {
    let positions: Vec<f32> = (0..3 * 1000).map(|k| (k as f32 * 0.37).sin()).collect();
    let start = Initial::from_positions(3, positions.clone()).unwrap();
    let target = Target::standard_normal(3).unwrap();
    let problem = Problem::new(target, start, Flow::langevin()).unwrap();
    let config = Config { particles: 1000, ..config() };
    let Some(mut sampler) = common::sampler(&problem, &config) else { return };
    assert_eq!(particles(&sampler).positions(), positions);
    assert_eq!(particles(&sampler).ancestors(), (0..1000).collect::<Vec<u32>>());
    let info = sampler.run().unwrap();
    assert_eq!((info.step, info.ess), (100, 1000.0));
}

/// Data of the target in storage buffers, integers as their bits, and overrides.
#[test]
fn a_target_reads_its_data() {
    let text = "
        @group(1) @binding(0) var<storage, read> centers: array<vec2<f32>>;
        @group(1) @binding(1) var<storage, read> choice: array<u32>;
        override width: f32 = 1.0;
        fn log_density(x: Point) -> f32 {
            let z = (x - centers[choice[1]]) / width;
            return -0.5 * dot(z, z);
        }
        fn score(x: Point) -> Point { return (centers[choice[1]] - x) / (width * width); }";
    let target = Target::from_wgsl(2, "chosen.wgsl", text)
        .unwrap()
        .with_storage(vec![9.0, 9.0, 8.0, 8.0, 0.5, -0.25])
        .unwrap()
        .with_storage([0_u32, 2].map(f32::from_bits).to_vec())
        .unwrap()
        .set("width", 0.5)
        .unwrap();
    let start = Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    let config = Config { particles: 20_000, ..config() };
    let Some(mut sampler) = common::sampler(&problem, &config) else { return };
    let info = sampler.run().unwrap();
    let particles = particles(&sampler);
    let diagnostics = wfr::Diagnostics::new(&particles);
    for (mean, expected) in diagnostics.means().iter().zip([0.5, -0.25]) {
        assert!((mean.value - expected).abs() < 5.0 * mean.se, "{mean:?}");
    }
    let log_z = (std::f64::consts::TAU * 0.25).ln();
    assert!((info.log_normalizer - log_z).abs() < 5.0 * diagnostics.log_normalizer_se());
}

/// A uniform start: outside of the box the density is zero, and such particles die.
#[test]
fn particles_outside_of_the_support_have_weight_zero() {
    let start = Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    let half = Target::from_formula(2, "where(x0 > 0, -x0^2 - x1^2, -inf)").unwrap();
    let problem = Problem::new(half, start, Flow::annealed()).unwrap();
    let config = Config { ess_threshold: 0.0, ..config() };
    let Some(mut sampler) = common::sampler(&problem, &config) else { return };
    let info = sampler.run().unwrap();
    let particles = particles(&sampler);
    let dead = particles.log_weights().iter().filter(|lw| **lw == f32::NEG_INFINITY).count();
    assert!(dead > 2000 && dead < 3000, "{dead}");
    assert_eq!(info.dead, dead as u64);
    assert_eq!(info.non_finite, 0, "minus infinity is a legal log-weight");
    assert!(info.ess > 100.0 && info.ess < 5000.0);
}

/// Populations whose state takes several bindings, with resampling: every number finite, the means
/// right.
fn large(particles: u32, dim: u32, pages: usize) {
    let dims = dim as usize;
    let start = Initial::normal(&vec![0.03; dims], &vec![0.97; dims]).unwrap();
    let target = Target::standard_normal(dim).unwrap();
    let log_z = target.log_normalizer().unwrap();
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    let config = Config {
        particles,
        schedule: Schedule::uniform(0.1, 4).unwrap(),
        ess_every: 2,
        ess_threshold: 1.0,
        ..Config::default()
    };
    let Some(adapter) = common::adapter() else { return };
    // No larger bindings than every adapter has.
    let defaults = wgpu::Limits {
        max_storage_buffers_per_shader_stage: adapter.limits().max_storage_buffers_per_shader_stage,
        max_buffer_size: adapter.limits().max_buffer_size,
        ..wgpu::Limits::default()
    };
    let plan = wfr::requirements(&problem, &config, &defaults).unwrap();
    let gpu = pollster::block_on(Gpu::request(adapter, plan.limits())).unwrap();
    let mut sampler = new(&gpu, &problem, &config);
    assert_eq!(sampler.buffers().pages.len(), pages);
    let info = sampler.run().unwrap();
    println!("N = {particles}, d = {dim}: {info:?}");
    assert_eq!((info.step, info.non_finite, info.resamplings), (4, 0, 1));
    assert!(info.ess > 0.5 * particles as f32);
    let particles = common::particles(&sampler);
    let diagnostics = wfr::Diagnostics::new(&particles);
    let off = info.log_normalizer - log_z;
    assert!(off.abs() < 5.0 * diagnostics.log_normalizer_se(), "log Z off by {off}");
    for j in [0, dims / 2, dims - 1] {
        let mean = diagnostics.mean(|x| f64::from(x[j]));
        assert!(mean.value.abs() < 5.0 * mean.se, "x{j}: {mean:?}");
    }
    assert!(particles.positions().iter().all(|x| x.is_finite()));
    let ancestors = particles.ancestors();
    assert!(ancestors.windows(2).all(|w| w[0] <= w[1]), "systematic ancestors do not decrease");
    assert!((ancestors[ancestors.len() - 1] as usize) < particles.len());
}

#[test]
fn sixteen_million_particles_in_two_dimensions() {
    large(1 << 24, 2, 2);
}

#[test]
fn a_million_particles_in_sixty_four_dimensions() {
    large(1 << 20, 64, 3);
}
