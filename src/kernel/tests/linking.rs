//! What can be said of the shaders without an adapter.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::diffusion::{
    Composition, Curve, Divergence, Noise, Outputs, Probe, Rule, ScoreError, ScoreModel, Spacing,
    Tracking,
};
use crate::kernel::network::{self, Shape};
use crate::kernel::step::StepShape;
use crate::kernel::{
    adapt, check, decide, draw, entropy, expand, gather, grid, grid_target, histogram, init,
    losses, mixture, moments, quantile, ratio, react, reduce, residual, scan, step, survivors,
    tally,
};
use crate::plan::{Plan, WEIGHT_BINDINGS};
use crate::shaders::{self, WeightShape};
use crate::wgsl::Linked;
use crate::{
    Adaptive, Component, Config, Flow, Initial, Integrator, Problem, Resampler, Schedule, Target,
    catalogue,
};

/// The storage buffers that WebGPU promises to every shader stage.
const PROMISED_STORAGE: usize = 8;

fn config(resampler: Resampler) -> Config {
    Config { particles: 1000, resampler, ..Config::default() }
}

fn storage_buffers(linked: &Linked) -> usize {
    let module = linked.check().unwrap_or_else(|error| panic!("{error}"));
    assert!(!counts_workgroups(&module), "{}", linked.text());
    let storage = |space| matches!(space, wgpu::naga::AddressSpace::Storage { .. });
    module.global_variables.iter().filter(|(_, variable)| storage(variable.space)).count()
}

/// The workgroup memory of a kernel in bytes.
fn workgroup_bytes(linked: &Linked) -> u32 {
    let module = linked.check().unwrap_or_else(|error| panic!("{error}"));
    let variables = module.global_variables.iter().map(|(_, variable)| variable);
    let shared = variables.filter(|v| v.space == wgpu::naga::AddressSpace::WorkGroup);
    shared.map(|v| module.types[v.ty].inner.size(module.to_ctx())).sum()
}

/// Whether a kernel asks how many workgroups it was dispatched with, which some drivers answer by zero
/// where the dispatch is indirect.
fn counts_workgroups(module: &wgpu::naga::Module) -> bool {
    use wgpu::naga::{Binding, BuiltIn};
    let arguments = module.entry_points.iter().flat_map(|entry| &entry.function.arguments);
    arguments
        .filter_map(|argument| argument.binding.as_ref())
        .any(|binding| matches!(binding, Binding::BuiltIn(BuiltIn::NumWorkGroups)))
}

#[test]
fn no_file_of_the_library_counts_workgroups() {
    for name in shaders::FILES {
        let text = shaders::file(name).text;
        let mut code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        assert!(!code.any(|line| line.contains("num_workgroups")), "{name}");
    }
}

fn weight_shape(particles: u32, resampler: Resampler) -> WeightShape {
    WeightShape {
        ess_threshold: 0.5,
        trace_rows: 16,
        ..WeightShape::alone(particles, resampler, 1)
    }
}

#[test]
fn every_target_flow_and_integrator_links_in_every_dimension() {
    let config = config(Resampler::Systematic);
    let mut linked_problems = 0;
    for dim in [1, 2, 3, 4, 8, 16, 32, 64] {
        let (mean, sd) = (vec![0.5; dim as usize], vec![2.0; dim as usize]);
        let laws = [Initial::normal(&mean, &sd).unwrap(), Initial::uniform(&mean, &sd).unwrap()];
        for (entry, flow) in
            catalogue().iter().flat_map(|e| [Flow::langevin(), Flow::annealed()].map(|f| (e, f)))
        {
            let Ok(target) = Target::named(entry.name, Some(dim)) else { continue };
            for initial in &laws {
                let problem = Problem::new(target.clone(), initial.clone(), flow.clone()).unwrap();
                let plan =
                    crate::requirements(&problem, &config, &wgpu::Limits::default()).unwrap();
                assert!(
                    storage_buffers(&init::linked(&problem, &plan, &config)) <= PROMISED_STORAGE
                );
                if flow.has_path() {
                    let schedule = Schedule::adaptive(Adaptive::default()).unwrap();
                    let config = Config { schedule, ..config.clone() };
                    let limits = wgpu::Limits::default();
                    let plan = crate::requirements(&problem, &config, &limits).unwrap();
                    let count = storage_buffers(&adapt::linked(&problem, &plan));
                    assert!(count <= PROMISED_STORAGE && count as u32 <= plan.bindings);
                }
                for integrator in Integrator::ALL {
                    if integrator == Integrator::KernelRatio && !flow.has_path() {
                        continue;
                    }
                    let config = Config { integrator: Some(integrator), ..config.clone() };
                    let limits = wgpu::Limits::default();
                    let plan = crate::requirements(&problem, &config, &limits).unwrap();
                    let linked =
                        step::linked(&problem, &plan, &config, integrator, StepShape::default());
                    let count = storage_buffers(&linked);
                    let name = format!("{} {} {integrator} {dim}", entry.name, flow.name());
                    assert!(count <= PROMISED_STORAGE, "{name}: {count} storage buffers");
                    assert_eq!((count as u32).max(WEIGHT_BINDINGS), plan.bindings, "{name}");
                    linked_problems += 1;
                }
            }
        }
    }
    // Eleven pairs of flow and integrator, two laws: all targets in most dimensions.
    assert!(linked_problems > 22 * 8 * (catalogue().len() - 2), "{linked_problems}");
}

/// Every path between two mixtures, and a velocity beside one, within the promised bindings.
#[test]
fn every_path_links_in_every_dimension() {
    let config = Config { ess_threshold: 0.0, ..config(Resampler::Systematic) };
    let velocity = "fn velocity(x: Point, beta: f32) -> Point { return x; }
        fn velocity_divergence(x: Point, beta: f32) -> f32 { return f32(DIM); }";
    for dim in [1, 2, 3, 4, 8, 64] {
        let target = Target::named("gaussian-mixture", Some(dim)).unwrap();
        let (components, _) = target.gaussians().unwrap();
        let initial = Initial::gaussian_mixture(&components).unwrap();
        for flow in [
            Flow::path(crate::Path::FisherRao),
            Flow::path(crate::Path::arc(1.0)),
            Flow::path(crate::Path::hybrid(1.0, 0.0)),
            Flow::annealed().with_velocity("u.wgsl", velocity),
            Flow::displacement(),
            Flow::hybrid(),
            Flow::cone(0.5),
        ] {
            let problem = Problem::new(target.clone(), initial.clone(), flow.clone()).unwrap();
            for integrator in Integrator::ALL {
                let unfit = [Integrator::Mala, Integrator::Baoab];
                if flow.has_velocity() && unfit.contains(&integrator) {
                    continue;
                }
                let config = Config { integrator: Some(integrator), ..config.clone() };
                let limits = wgpu::Limits::default();
                let plan = crate::requirements(&problem, &config, &limits).unwrap();
                let init = init::linked(&problem, &plan, &config);
                assert!(storage_buffers(&init) <= PROMISED_STORAGE);
                let linked =
                    step::linked(&problem, &plan, &config, integrator, StepShape::default());
                let count = storage_buffers(&linked);
                let name = format!("{} {integrator} {dim}", flow.name());
                assert!(count <= PROMISED_STORAGE, "{name}: {count} storage buffers");
                assert_eq!(count as u32, plan.bindings, "{name}");
            }
        }
    }
}

/// Every family of rules with every way to weigh and to track, within the promised bindings.
#[test]
fn every_composition_links_in_every_dimension() {
    let noise = Noise::variance_preserving(0.1, 20.0);
    let schedule = noise.schedule(Spacing::Uniform, 0.0, 10).unwrap();
    let shares = || vec![Curve::linear(0.5, 0.2), 0.3.into(), 0.2.into()];
    let mut linked_problems = 0;
    for dim in [1, 2, 3, 4, 8, 16, 64] {
        let one = Component { weight: 1.0, mean: vec![0.5; dim], scale: vec![2.0; dim] };
        let model = ScoreModel::gaussian_mixture(&[one.clone(), one]).unwrap();
        let reward = Target::from_formula(dim as u32, "-sum(i, (x[i] - 1)^2)").unwrap();
        for rule in [
            Rule::annealed(2.0),
            Rule::log_linear(shares()),
            Rule::power_mean(0.5, shares()),
            Rule::power_mean(Curve::linear(0.1, 1.0), shares()),
        ] {
            let models = vec![model.clone(); rule.models().unwrap_or(3)];
            let plain = Composition::new(noise, models, rule);
            let tracked = |tracking| plain.clone().with_tracking(tracking);
            let rewarded = plain.clone().with_reward(reward.clone(), 1.0);
            for composition in [
                plain.clone(),
                tracked(Tracking::Ito),
                tracked(Tracking::Ito).with_stochasticity(0.6),
                tracked(Tracking::KernelRatio),
                plain.clone().with_frozen_drift(shares()),
                rewarded.clone(),
                rewarded.with_reward_guidance(0.0).with_frozen_drift(shares()),
            ] {
                let name = format!("{composition:?} in {dim}");
                let problem = composition.clone().problem().unwrap();
                for integrator in
                    [Integrator::Euler, Integrator::Exponential, Integrator::KernelRatio]
                {
                    let config = Config {
                        integrator: Some(integrator),
                        schedule: schedule.clone(),
                        ..config(Resampler::Systematic)
                    };
                    composition.check_config(&config, integrator).unwrap();
                    let limits = wgpu::Limits::default();
                    let plan = crate::requirements(&problem, &config, &limits).unwrap();
                    let init = init::linked(&problem, &plan, &config);
                    assert!(storage_buffers(&init) <= PROMISED_STORAGE, "{name}");
                    let linked =
                        step::linked(&problem, &plan, &config, integrator, StepShape::default());
                    let count = storage_buffers(&linked);
                    assert!(count <= PROMISED_STORAGE, "{name}: {count} storage buffers");
                    // One fewer where the table of nodes is a uniform.
                    let bound = [count, count + 1].map(|n| (n as u32).max(WEIGHT_BINDINGS));
                    assert!(bound.contains(&plan.bindings), "{name}");
                    linked_problems += 1;
                }
            }
        }
    }
    assert_eq!(linked_problems, 7 * 4 * 7 * 3);
}

/// What few runs need: wrong scores, probed divergences, models that the host fills, a velocity without
/// its divergence; and the kernel that examines a target.
#[test]
fn what_few_runs_need_links() {
    let noise = Noise::variance_preserving(0.1, 20.0);
    let limits = wgpu::Limits::default();
    for dim in [1, 2, 3, 16] {
        let one = Component { weight: 1.0, mean: vec![0.5; dim], scale: vec![2.0; dim] };
        let exact = ScoreModel::gaussian_mixture(&[one]).unwrap();
        let wrong = exact.clone().with_error(ScoreError { scale: 0.1, wave: 0.1, noise: 0.1 });
        let host = ScoreModel::external("host", dim as u32, Outputs::default()).unwrap();
        let product =
            |second| Composition::new(noise, vec![exact.clone(), second], Rule::product());
        let tracked = |second, tracking| product(second).with_tracking(tracking);
        let gaussian = Divergence::Hutchinson { probes: 2, probe: Probe::Gaussian, fresh: true };
        for composition in [
            product(wrong.clone()),
            tracked(wrong, Tracking::KernelRatio),
            tracked(exact.clone(), Tracking::Ito).with_divergence(Divergence::hutchinson(2)),
            tracked(exact.clone(), Tracking::Ito).with_divergence(gaussian),
            tracked(host, Tracking::KernelRatio),
        ] {
            let problem = composition.clone().problem().unwrap();
            for integrator in [Integrator::Euler, Integrator::KernelRatio] {
                let config = Config {
                    integrator: Some(integrator),
                    schedule: noise.schedule(Spacing::Uniform, 0.0, 10).unwrap(),
                    ..config(Resampler::Systematic)
                };
                let plan = crate::requirements(&problem, &config, &limits).unwrap();
                let linked =
                    step::linked(&problem, &plan, &config, integrator, StepShape::default());
                assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
            }
        }
        let velocity = "fn velocity(x: Point, beta: f32) -> Point { return x; }";
        let flow = Flow::annealed().with_velocity("u.wgsl", velocity);
        let normal = Initial::normal(&vec![0.0; dim], &vec![1.0; dim]).unwrap();
        let target = Target::standard_normal(dim as u32).unwrap();
        let problem = Problem::new(target, normal, flow).unwrap();
        let config = config(Resampler::Systematic);
        let plan = crate::requirements(&problem, &config, &limits).unwrap();
        let linked =
            step::linked(&problem, &plan, &config, Integrator::KernelRatio, StepShape::default());
        assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
        let extent = check::Extent { count: 10, lanes: 10, repeats: 2 };
        assert!(storage_buffers(&check::linked(&problem, extent)) <= PROMISED_STORAGE);
    }
}

/// Networks of all kinds with every way to find divergences, in layouts for any device.
#[test]
fn every_network_links_in_every_layout() {
    let gaussian = Divergence::Hutchinson { probes: 2, probe: Probe::Gaussian, fresh: false };
    let mut linked_texts = 0;
    for (dim, hidden) in [(1, 5), (2, 64), (3, 20), (16, 64), (64, 256)] {
        for (architecture, activation) in
            [("sequential", "silu"), ("residual", "gelu"), ("sequential", "tanh")]
        {
            let mut config = super::network::config(dim, hidden);
            config["architecture"] = architecture.into();
            config["activation"] = activation.into();
            let model = super::network::random(&config, 2);
            let plan = Plan {
                particles: 1000,
                rows: dim + 1,
                pages: 2,
                page_rows: (dim + 1).div_ceil(2),
                counts: false,
                bindings: 0,
                needs: Vec::new(),
            };
            let exact = (dim <= Divergence::MAX_EXACT).then_some(Divergence::Exact);
            for divergence in [None, exact, Some(Divergence::hutchinson(9)), Some(gaussian)] {
                let by_subgroups = |size| Shape::by_subgroups(&model, divergence, size);
                let portable = Shape::portable(&model, divergence);
                for shape in [portable, by_subgroups(4), by_subgroups(8), by_subgroups(32)] {
                    // The weights of wide networks do not fit a uniform.
                    for uniform in [false, hidden < 256] {
                        let linked = network::linked(&model, &shape, divergence, &plan, uniform);
                        assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
                        linked_texts += 1;
                    }
                }
            }
        }
    }
    assert_eq!(linked_texts, 5 * 3 * 4 * 4 * 2);
}

#[test]
fn the_weight_kernels_link_for_every_resampler() {
    for resampler in Resampler::ALL {
        for tiled in [false, true] {
            let shape = WeightShape { tiled, ..weight_shape(1000, resampler) };
            for linked in [
                reduce::linked(&shape),
                decide::linked(&shape),
                scan::linked(&shape),
                residual::linked(&shape),
                draw::linked(&shape),
                expand::linked(&shape),
            ] {
                assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
                // What WebGPU promises.
                assert!(workgroup_bytes(&linked) <= 16 << 10, "{}", workgroup_bytes(&linked));
            }
        }
    }
}

/// With as many pages as leave the promised bindings.
#[test]
fn what_looks_at_a_population_links() {
    for (particles, pages) in [(1, 1), (1000, 6), (crate::layout::MAX_PARTICLES, 6)] {
        for native_wide in [false, true] {
            let weights =
                WeightShape { native_wide, ..weight_shape(particles, Resampler::Systematic) };
            let shape = tally::CloudShape { weights, pages, page_rows: 3 };
            for linked in [
                histogram::linked(&shape),
                quantile::linked(&shape),
                survivors::linked(&shape, 3 * pages - 1),
            ] {
                assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
            }
        }
    }
}

#[test]
fn the_choice_of_a_stage_links() {
    let normal = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
    let problem =
        Problem::new(Target::standard_normal(2).unwrap(), normal, Flow::annealed()).unwrap();
    assert!(storage_buffers(&adapt::linked_choice(&problem)) <= PROMISED_STORAGE);
}

/// A flow of one's own that has the functions that every flow has, and no other.
#[test]
fn a_flow_of_ones_own_links() {
    let text = "struct Local { score: Point }
        fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
            (*local).score = target_score(x);
        }
        fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point { return (*local).score; }
        fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 { return 0.0; }";
    let normal = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
    let flow = Flow::from_wgsl("mine.wgsl", text, false);
    let problem = Problem::new(Target::standard_normal(2).unwrap(), normal, flow).unwrap();
    let config = config(Resampler::Systematic);
    let plan = crate::requirements(&problem, &config, &wgpu::Limits::default()).unwrap();
    let linked = step::linked(&problem, &plan, &config, Integrator::Euler, StepShape::default());
    assert!(storage_buffers(&linked) <= PROMISED_STORAGE);
}

/// Several pages of state: more bindings, the same text.
#[test]
fn pages_link() {
    let config = config(Resampler::Systematic);
    let normal = Initial::normal(&[0.0; 16], &[1.0; 16]).unwrap();
    let target = Target::standard_normal(16).unwrap();
    let problem = Problem::new(target, normal, Flow::annealed()).unwrap();
    for rows in [1, 2, 5, 16] {
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: 400_000 * rows,
            max_storage_buffers_per_shader_stage: 64,
            ..wgpu::Limits::default()
        };
        let config = Config { particles: 100_000, ..config.clone() };
        let plan = crate::requirements(&problem, &config, &limits).unwrap();
        assert_eq!(u64::from(plan.pages), 17_u64.div_ceil(rows));
        let linked =
            step::linked(&problem, &plan, &config, Integrator::KernelRatio, StepShape::default());
        let shape = weight_shape(100_000, Resampler::Systematic);
        let copied = storage_buffers(&gather::linked(&shape, &plan));
        let most = (storage_buffers(&linked).max(copied) as u32).max(WEIGHT_BINDINGS);
        assert_eq!(most, plan.bindings);
        let counted = storage_buffers(&losses::linked(&shape, 16, &plan));
        assert!(counted as u32 <= plan.bindings, "{counted} to count losses");
    }
}

/// The .wgsl files in a folder and below it, by path from `root` without the ending.
fn wgsl_files(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder of shaders is there") {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            wgsl_files(root, &path, found);
        } else if path.extension().is_some_and(|ending| ending == "wgsl") {
            let name = path.strip_prefix(root).unwrap().with_extension("");
            found.insert(name.to_str().unwrap().replace('\\', "/"));
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

#[test]
fn every_file_is_in_the_library_or_the_catalogue() {
    let mut found = BTreeSet::new();
    wgsl_files(&folder(), &folder(), &mut found);
    let targets = catalogue().iter().map(|e| format!("target/{}", e.name.replace('-', "_")));
    let known = shaders::FILES.iter().map(|name| name.to_string()).chain(targets);
    assert_eq!(found, known.collect());
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    let mut found = BTreeSet::new();
    wgsl_files(&folder(), &folder(), &mut found);
    for name in found {
        let text = std::fs::read_to_string(folder().join(&name).with_extension("wgsl")).unwrap();
        assert!(text.starts_with("// "), "{name}.wgsl does not open with a comment");
        let lines = text.lines().count();
        assert!(lines <= 150, "{name}.wgsl has {lines} lines");
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(longest <= 100, "{name}.wgsl has a line of {longest} characters");
    }
}

/// Every estimator, realisation and order in every dimension that they are for.
#[test]
fn the_reaction_links_in_every_dimension() {
    let config = Config { ess_threshold: 1.0, ..config(Resampler::Systematic) };
    let mut linked_texts = 0;
    for dim in [1, 2, 3, 4, 8, 64] {
        let shape = weight_shape(1000, Resampler::Systematic);
        let initial = Initial::normal(&vec![0.5; dim as usize], &vec![2.0; dim as usize]).unwrap();
        let problem =
            Problem::new(Target::standard_normal(dim).unwrap(), initial, Flow::langevin()).unwrap();
        let pages = crate::requirements(&problem, &config, &wgpu::Limits::default()).unwrap().pages;
        let prelude = |first| moments::prelude(&shape, dim, first, pages, dim + 1);
        let bandwidth = crate::Bandwidth::Silverman.wgsl(dim, 1000);
        let mut texts = vec![
            moments::linked(prelude(3).source()),
            entropy::linked(&shape),
            ratio::linked(prelude(4).source(), &["density/initial"], &problem),
        ];
        if dim <= grid::MAX_GRID_DIM {
            let source = |first| grid::constants(prelude(first), 64, dim, &bandwidth).source();
            texts.push(grid::linked(source(4)));
            texts.push(grid_target::linked(source(4), &problem));
            let density = ["density/grid_frame", "density/grid"];
            texts.push(ratio::linked(source(4), &density, &problem));
        }
        for (file, cover, text) in [
            ("density/kernel", "density/cover", bandwidth.as_str()),
            ("density/transition", "density/whole", ""),
        ] {
            let source = |first| mixture::constants(prelude(first), 100, dim);
            texts.push(mixture::linked(source(7).text(text).source(), file));
            let density = ["density/subset", cover, "density/mixture"];
            let source = source(4).u32("COVER_TRIALS", 8).text(text).source();
            texts.push(ratio::linked(source, &density, &problem));
        }
        for jumps in [false, true] {
            texts.push(react::linked(crate::shaders::Prelude::default().weights(&shape), jumps));
        }
        for linked in &texts {
            assert!(storage_buffers(linked) <= PROMISED_STORAGE);
        }
        linked_texts += texts.len();
    }
    assert_eq!(linked_texts, 6 * 9 + 3 * 3);
}
