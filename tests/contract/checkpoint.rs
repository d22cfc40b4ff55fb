//! A run that is kept in a file and goes on later is the run that was not cut, whatever it computes
//! and wherever it is cut.

use std::collections::BTreeMap;
use std::path::Path;

use wfr::diffusion::{Composition, Network, Noise, Outputs, Rule, ScoreModel, Spacing, Tracking};
use wfr::{
    Adaptive, Bandwidth, Checkpoint, Component, Config, Density, ErrorKind, Flow, Gpu, Info,
    Initial, Integrator, ModelCall, Problem, Reaction, ReactionEvent, Realisation, Resampler,
    Sampler, Schedule, Splitting, Target, TraceEvent,
};

use super::{Bits, bits, common, double_well};

/// Everything a run shows.
#[derive(Debug)]
#[allow(dead_code, reason = "what is compared is the text, in which a NaN is itself")]
struct Shown {
    bits: Bits,
    info: Info,
    trace: Vec<TraceEvent>,
    reaction: Vec<ReactionEvent>,
    schedule: Option<Schedule>,
}

fn shown(sampler: &mut Sampler) -> String {
    let shown = Shown {
        bits: bits(sampler),
        info: common::info(sampler),
        trace: pollster::block_on(sampler.trace()).unwrap().to_vec(),
        reaction: pollster::block_on(sampler.reaction_trace()).unwrap().to_vec(),
        schedule: pollster::block_on(sampler.schedule()).ok(),
    };
    format!("{shown:?}")
}

/// What fills the outputs of external models.
type Fill = fn(&ModelCall<'_>);

struct Case {
    name: &'static str,
    problem: Problem,
    config: Config,
    fill: Option<Fill>,
}

fn case(name: &'static str, problem: Problem, config: Config) -> Case {
    Case { name, problem, config, fill: None }
}

impl Case {
    fn gpu(&self) -> Option<Gpu> {
        common::gpu(&self.problem, &self.config)
    }

    fn sampler(&self, gpu: &Gpu) -> Sampler {
        Sampler::new(gpu, &self.problem, self.config.clone()).unwrap()
    }

    fn advance(&self, sampler: &mut Sampler, steps: u32) {
        let Some(fill) = self.fill else { return common::advance(sampler, steps) };
        for _ in 0..steps {
            if let Some(call) = sampler.model_call() {
                fill(&call);
            }
            common::advance(sampler, 1);
        }
    }

    /// One step, and the last ESS test as the loop on the host shows it, which may be one before the
    /// cut.
    fn step(&self, sampler: &mut Sampler) -> String {
        if self.fill.is_some() {
            self.advance(sampler, 1);
            return String::new();
        }
        format!("{:?}", sampler.advance(1))
    }

    /// The run, kept at two places; and the run that goes on from the first of them, whose file at
    /// the second is the same to the byte.
    fn goes_on(&self, cuts: [u32; 2]) {
        let Some(gpu) = self.gpu() else { return };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (name, steps) = (self.name, self.config.schedule.steps());
        let [first, second] = cuts;
        let mut whole = self.sampler(&gpu);
        self.advance(&mut whole, first);
        save(&mut whole, &path("first"));
        let step = self.step(&mut whole);
        self.advance(&mut whole, second - first - 1);
        let expected = save(&mut whole, &path("second"));
        self.advance(&mut whole, steps - second);

        let checkpoint = Checkpoint::open(&path("first")).unwrap();
        assert_eq!((checkpoint.step(), checkpoint.config()), (first, &self.config), "{name}");
        assert!(checkpoint.repeats_bits_on(&gpu) && !checkpoint.is_finished(), "{name}");
        let mut resumed = Sampler::resume(&gpu, &self.problem, &checkpoint).unwrap();
        assert_eq!(resumed.steps_encoded(), first);
        assert_eq!(self.step(&mut resumed), step, "{name}: the step after {first}");
        self.advance(&mut resumed, second - first - 1);
        assert!(save(&mut resumed, &path("again")) == expected, "{name}: {first} to {second}");
        self.advance(&mut resumed, steps - second);
        assert!(shown(&mut resumed) == shown(&mut whole), "{name} cut at {first}");
    }
}

/// The bytes of the file, which opens.
fn save(sampler: &mut Sampler, path: &Path) -> Vec<u8> {
    sampler.save(path, &BTreeMap::new()).unwrap();
    Checkpoint::open(path).unwrap();
    std::fs::read(path).unwrap()
}

/// Small, with a resampling at nearly every test, and a trace whose rows on the device come round.
fn config() -> Config {
    Config {
        particles: 300,
        schedule: Schedule::uniform(0.6, 24).unwrap(),
        ess_every: 5,
        ess_threshold: 0.95,
        seed: 3,
        trace_rows: 4,
        ..Config::default()
    }
}

fn with(integrator: Integrator, resampler: Resampler) -> Config {
    Config { integrator: Some(integrator), resampler, ..config() }
}

/// With one of the things that go from one submission to the next left out of [`Sampler::resume`],
/// one of these three tests fails, also without its comparison of files. Tried once for each:
/// positions, carried rows, ancestors, log-weights, control, the last rows of the trace, accepted
/// moves, the log-weights before, the state of a reaction, its ratios, and what an adaptive schedule
/// has chosen.
#[test]
fn integrators_and_resamplers_go_on() {
    let annealed = || double_well(Flow::annealed());
    // Where the last test did not resample, the log-weights that it left are not all alike.
    let traced = Config { trace_cess: true, ess_threshold: 0.2, ..config() };
    case("kernel ratio, conditional ESS traced", annealed(), traced).goes_on([13, 15]);
    let settings = with(Integrator::Mala, Resampler::Stratified);
    case("MALA", annealed(), settings).goes_on([10, 17]);
    let settings = Config {
        preconditioner: Some(vec![0.5, 2.0]),
        ..with(Integrator::Baoab, Resampler::Multinomial)
    };
    case("BAOAB", double_well(Flow::langevin()), settings).goes_on([7, 20]);
    let settings = with(Integrator::Exponential, Resampler::Residual);
    case("exponential", annealed(), settings).goes_on([10, 12]);
    let settings = with(Integrator::Euler, Resampler::Systematic);
    case("Langevin by Euler", double_well(Flow::langevin()), settings).goes_on([1, 5]);
}

fn reacting(density: Density, splitting: Splitting, realisation: Realisation) -> Problem {
    let reaction = Reaction { rate: 1.5, density, splitting, realisation };
    double_well(Flow::wasserstein_fisher_rao(reaction))
}

fn stages(max_stages: u32) -> Schedule {
    let adaptive = Adaptive { moves_per_stage: 6, max_stages, dt: 0.02, ..Adaptive::default() };
    Schedule::adaptive(adaptive).unwrap()
}

#[test]
fn reactions_and_adaptive_schedules_go_on() {
    let (weights, jumps) = (Realisation::Weights, Realisation::Jumps);
    let density = Density::Grid { cells: Some(32), bandwidth: Bandwidth::Scott };
    let problem = reacting(density, Splitting::Strang, weights);
    case("grid, weights", problem, config()).goes_on([10, 13]);
    let density = Density::Kernel { landmarks: 40, bandwidth: Bandwidth::Silverman };
    let always = Config { ess_threshold: 1.0, ..config() };
    let problem = reacting(density, Splitting::TransportFirst, jumps);
    case("kernel, jumps", problem, always).goes_on([13, 15]);
    let density = Density::Transition { components: Some(50) };
    let problem = reacting(density, Splitting::ReactionFirst, weights);
    case("transition, weights", problem, config()).goes_on([5, 8]);

    let adaptive = Config { schedule: stages(40), ..config() };
    let adaptive = case("adaptive", double_well(Flow::annealed()), adaptive);
    adaptive.goes_on([15, 18]);
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn levels() -> Config {
    let schedule = noise().schedule(Spacing::Uniform, 0.001, 20).unwrap();
    Config { schedule, integrator: Some(Integrator::Euler), ..config() }
}

fn mixtures() -> [ScoreModel; 2] {
    [-1.0, 1.5].map(|mean| {
        let one = Component { weight: 1.0, mean: vec![mean, 0.0], scale: vec![0.6] };
        ScoreModel::gaussian_mixture(&[one]).unwrap()
    })
}

fn composed(models: impl Into<Vec<ScoreModel>>, rule: Rule) -> Composition {
    Composition::new(noise(), models.into(), rule)
}

/// The scores of standard normals.
fn fill(call: &ModelCall<'_>) {
    let (device, queue) = (&call.gpu.device, &call.gpu.queue);
    let words: Vec<f32> = common::read(device, queue, &call.particles.pages[0]);
    let rows = call.particles.log_weights.size() as usize / 4 * 2;
    let scores: Vec<f32> = words[..rows].iter().map(|x| -x).collect();
    for output in &call.outputs {
        queue.write_buffer(output, 0, bytemuck::cast_slice(&scores));
    }
}

#[test]
fn compositions_and_paths_go_on() {
    let components = |means: [f64; 2]| {
        means.map(|mean| Component { weight: 1.0, mean: vec![mean], scale: vec![0.5] })
    };
    let start = Initial::gaussian_mixture(&components([-2.0, 1.0])).unwrap();
    let target = Target::gaussian_mixture(&components([-1.0, 2.0])).unwrap();
    let hybrid = Problem::new(target, start, Flow::hybrid()).unwrap();
    case("hybrid", hybrid, config()).goes_on([10, 11]);

    let tracked = composed(mixtures(), Rule::fisher_rao(0.4)).with_tracking(Tracking::Ito);
    case("closed forms, tracked", tracked.problem().unwrap(), levels()).goes_on([7, 10]);

    let network = |name: &str| {
        let path = format!("{}/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        ScoreModel::network(Network::from_file(path).unwrap())
    };
    let networks = composed([network("left"), network("right")], Rule::fisher_rao(0.4));
    case("networks", networks.problem().unwrap(), levels()).goes_on([5, 6]);

    let external = |name| ScoreModel::external(name, 2, Outputs::default()).unwrap();
    let models = [external("one"), external("two")];
    let problem = composed(models, Rule::geometric(0.4)).problem().unwrap();
    let external = Case { fill: Some(fill), ..case("external models", problem, levels()) };
    external.goes_on([3, 5]);
}

/// Keeping a run changes no bit of it; and it goes on from its begin and its end, on another device
/// object too.
#[test]
fn a_run_is_kept_at_its_begin_and_its_end() {
    let case = case("annealed", double_well(Flow::annealed()), config());
    let Some(gpu) = case.gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut untouched = case.sampler(&gpu);
    let mut kept = case.sampler(&gpu);
    save(&mut kept, &path);
    let mut early =
        Sampler::resume(&gpu, &case.problem, &Checkpoint::open(&path).unwrap()).unwrap();
    for sampler in [&mut untouched, &mut kept, &mut early] {
        common::advance(sampler, u32::MAX);
    }
    save(&mut kept, &path);
    let expected = shown(&mut untouched);
    assert!(shown(&mut kept) == expected && shown(&mut early) == expected);
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert!(checkpoint.is_finished() && checkpoint.step() == 24);
    let other = case.gpu().unwrap();
    let mut late = Sampler::resume(&other, &case.problem, &checkpoint).unwrap();
    assert!(late.is_finished() && shown(&mut late) == expected);
    assert_eq!(late.finish().unwrap(), common::info(&untouched));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A run with a longer schedule from the start, and runs that were made longer: at their end, and
/// on the way with another tail.
#[test]
fn a_longer_run_is_the_run_that_was_to_be_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let density = Density::Kernel { landmarks: 40, bandwidth: Bandwidth::Silverman };
    let reaction = reacting(density, Splitting::Strang, Realisation::Weights);
    // The long runs are not read on the way: all rows of their traces have to have room.
    let traced = Config { trace_rows: 16, ..config() };
    let whole_blocks = Config { schedule: Schedule::uniform(0.5, 20).unwrap(), ..traced.clone() };
    for (case, at) in [
        (case("annealed", double_well(Flow::annealed()), traced.clone()), 24),
        (case("annealed", double_well(Flow::annealed()), traced), 13),
        (case("reaction", reaction, whole_blocks), 20),
    ] {
        let Some(gpu) = case.gpu() else { return };
        let mut first = case.sampler(&gpu);
        common::advance(&mut first, at);
        first.save(&path, &BTreeMap::new()).unwrap();
        let schedule = case.config.schedule.clone().extended(16, 0.4).unwrap();
        let long = Config { schedule: schedule.clone(), ..case.config.clone() };
        let mut long = Sampler::new(&gpu, &case.problem, long).unwrap();
        common::advance(&mut long, u32::MAX);
        let checkpoint = Checkpoint::open(&path).unwrap().with_schedule(schedule).unwrap();
        assert!(!checkpoint.is_finished());
        let mut longer = Sampler::resume(&gpu, &case.problem, &checkpoint).unwrap();
        assert_eq!(longer.wgsl(), long.wgsl());
        common::advance(&mut longer, u32::MAX);
        assert!(shown(&mut longer) == shown(&mut long), "{} at {at}", case.name);
    }
}

/// Steps of other lengths make another text: then numbers are rounded elsewhere, and nothing else.
/// Each step rounds to 1e-7, and 24 of them in a well of curvature 8 do not make 1e-4 of it.
#[test]
fn a_tail_of_other_steps_keeps_the_law() {
    let settings = Config { ess_threshold: 0.0, ..config() };
    let case = case("annealed", double_well(Flow::annealed()), settings);
    let Some(gpu) = case.gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut first = case.sampler(&gpu);
    common::advance(&mut first, 24);
    first.save(&path, &BTreeMap::new()).unwrap();
    let schedule = case.config.schedule.clone().extended(10, 0.5).unwrap();
    let long = Config { schedule: schedule.clone(), ..case.config.clone() };
    let mut long = Sampler::new(&gpu, &case.problem, long).unwrap();
    common::advance(&mut long, u32::MAX);
    let checkpoint = Checkpoint::open(&path).unwrap().with_schedule(schedule).unwrap();
    let mut longer = Sampler::resume(&gpu, &case.problem, &checkpoint).unwrap();
    // The lengths of steps are data.
    assert!(longer.wgsl() == long.wgsl() && longer.wgsl() == first.wgsl());
    common::advance(&mut longer, u32::MAX);
    let (long_end, end) = (common::particles(&long), common::particles(&longer));
    for (a, b) in end.positions().iter().zip(long_end.positions()) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
    let off = common::info(&long).log_normalizer - common::info(&longer).log_normalizer;
    assert!(off.abs() < 1e-4, "{off}");
}

/// Stages that ran out are raised, and the run is that which had them from the start; at β = 1 it
/// has ended.
#[test]
fn an_adaptive_run_gets_more_stages() {
    let problem = double_well(Flow::annealed());
    let few = case("few", problem.clone(), Config { schedule: stages(3), ..config() });
    let many = case("many", problem, Config { schedule: stages(40), ..config() });
    let Some(gpu) = many.gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut few_run = few.sampler(&gpu);
    let error = few_run.run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::StagesExhausted { .. }), "{error}");
    few_run.save(&path, &BTreeMap::new()).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert!(checkpoint.is_finished());
    let checkpoint = checkpoint.with_schedule(stages(40)).unwrap();
    assert!(!checkpoint.is_finished());
    let mut resumed = Sampler::resume(&gpu, &many.problem, &checkpoint).unwrap();
    let mut whole = many.sampler(&gpu);
    assert_eq!(resumed.run().unwrap(), whole.run().unwrap());
    assert!(shown(&mut resumed) == shown(&mut whole));

    resumed.save(&path, &BTreeMap::new()).unwrap();
    let ended = Checkpoint::open(&path).unwrap();
    assert!(ended.is_finished() && ended.step() < 240);
    let mut late = Sampler::resume(&gpu, &many.problem, &ended).unwrap();
    assert!(late.is_finished() && shown(&mut late) == shown(&mut whole));
    let refused = |schedule| {
        Checkpoint::open(&path).unwrap().with_schedule(schedule).unwrap_err().to_string()
    };
    let error = refused(stages(50));
    assert!(error.starts_with("schedule has ended at β = 1"), "{error}");
    let error = refused(Schedule::uniform(5.0, 300).unwrap());
    assert!(error.starts_with("schedule has β chosen by the device"), "{error}");
}

#[test]
fn schedules_that_do_not_begin_so_are_refused() {
    let case = case("annealed", double_well(Flow::annealed()), config());
    let Some(gpu) = case.gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut sampler = case.sampler(&gpu);
    common::advance(&mut sampler, 12);
    sampler.save(&path, &BTreeMap::new()).unwrap();
    let with = |schedule: wfr::Result<Schedule>| {
        Checkpoint::open(&path).unwrap().with_schedule(schedule.unwrap())
    };
    let refused = |schedule| with(schedule).unwrap_err().to_string();
    let points = |k: u32| (config().schedule.time(k), config().schedule.beta(k));
    let mut other: Vec<_> = (0..=24).map(points).collect();
    other[3].1 = 0.126;
    let (theirs, ours) = (other[3], points(3));
    assert_eq!(
        refused(Schedule::from_points(&other)),
        format!(
            "schedule has (t, β) = {theirs:?} at row 3, where the run had {ours:?}; keep the rows \
             up to step 12"
        )
    );
    assert_eq!(
        refused(Schedule::uniform(0.25, 10)),
        "schedule has 10 steps, and the run has done 12; keep those"
    );
    assert!(refused(Ok(stages(3))).starts_with("schedule has β chosen by the device"));
    // A shorter one that has the rows done ends where it ends.
    let short: Vec<_> = (0..=12).map(points).collect();
    assert!(with(Schedule::from_points(&short)).unwrap().is_finished());
}

/// Steps that are recorded and not submitted are on nobody's device.
#[test]
fn what_is_not_submitted_is_not_saved() {
    let case = case("annealed", double_well(Flow::annealed()), config());
    let Some(gpu) = case.gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut sampler = case.sampler(&gpu);
    common::advance(&mut sampler, 5);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    sampler.encode(&mut encoder, 3);
    let path = folder.path().join("run.safetensors");
    let error = sampler.save(&path, &BTreeMap::new()).unwrap_err().to_string();
    assert_eq!(
        error,
        "steps 5 to 8 were recorded and not executed (8 steps are recorded and 5 done); submit their \
         encoder before anything is read or submitted after it, and if it was dropped go back \
         with Sampler::rewind"
    );
    gpu.queue.submit([encoder.finish()]);
    sampler.save(&path, &BTreeMap::new()).unwrap();
    assert_eq!(Checkpoint::open(&path).unwrap().step(), 8);
}

/// A page of the state per row, because bindings are small, and all rows in one: either goes on from
/// the other.
#[test]
fn a_run_goes_on_where_bindings_have_another_size() {
    // All rows of the trace have room on the device, because the whole run is not read on the way.
    let (particles, trace_rows) = (3000, 16);
    let settings = with(Integrator::Baoab, Resampler::Systematic);
    let settings = Config { particles, trace_rows, ..settings };
    let case = case("BAOAB", double_well(Flow::annealed()), settings);
    let (Some(wide), Some(adapter)) = (case.gpu(), common::adapter()) else { return };
    // A row to a page, where the adapter binds so many, or three.
    let (buffers, binding, most) = match adapter.limits().max_storage_buffers_per_shader_stage {
        16.. => (16, 16 << 10, 5),
        _ => (10, 40 << 10, 2),
    };
    let limits = wgpu::Limits {
        max_storage_buffer_binding_size: binding,
        max_storage_buffers_per_shader_stage: buffers,
        ..wide.device.limits()
    };
    let narrow = pollster::block_on(Gpu::request(adapter, limits)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let mut whole = case.sampler(&wide);
    common::advance(&mut whole, u32::MAX);
    let expected = shown(&mut whole);
    for (first, second, pages) in [(&wide, &narrow, [1, most]), (&narrow, &wide, [most, 1])] {
        let mut sampler = case.sampler(first);
        common::advance(&mut sampler, 8);
        save(&mut sampler, &path);
        let checkpoint = Checkpoint::open(&path).unwrap();
        let mut resumed = Sampler::resume(second, &case.problem, &checkpoint).unwrap();
        assert_eq!([&sampler, &resumed].map(|sampler| sampler.buffers().pages.len()), pages);
        common::advance(&mut resumed, u32::MAX);
        assert!(shown(&mut resumed) == expected, "{pages:?}");
    }
}
