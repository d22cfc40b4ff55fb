//! init and step against `reference::{initial, step}`, and what must not change a bit.

use crate::buffers::{self, State};
use crate::gpu::Gpu;
use crate::kernel::gather::Gather;
use crate::kernel::init::Init;
use crate::kernel::step::{self, Step, StepShape};
use crate::layout::{Control, Dispatches, LANES, MOVES_COUNTERS, Settings, TraceRow};
use crate::numbers::RunNumbers;
use crate::plan::Plan;
use crate::reference::initial::Normal;
use crate::reference::loss::loss_of;
use crate::reference::step::{Flow as Equation, Stepper};
use crate::resampling::Resampling;
use crate::shaders::WeightShape;
use crate::testing::{self, noise, poison, read, write};
use crate::{Cause, Config, Flow, Initial, Integrator, Problem, Resampler, Schedule, Target};

const PARTICLES: u32 = 300;
const STEPS: u32 = 8;
const SEED: u64 = 0xfeed_0000_0000_0042;
const INTEGRATORS: [(Equation, Integrator); 11] = [
    (Equation::Langevin, Integrator::Euler),
    (Equation::Langevin, Integrator::Strang),
    (Equation::Annealed, Integrator::Euler),
    (Equation::Annealed, Integrator::Strang),
    (Equation::Annealed, Integrator::KernelRatio),
    (Equation::Annealed, Integrator::Mala),
    (Equation::Annealed, Integrator::Baoab),
    (Equation::Annealed, Integrator::Exponential),
    (Equation::Langevin, Integrator::Mala),
    (Equation::Langevin, Integrator::Baoab),
    (Equation::Langevin, Integrator::Exponential),
];

/// A step kernel and its buffers, filled with noise.
struct Rig {
    gpu: Gpu,
    config: Config,
    problem: Problem,
    plan: Plan,
    state: State,
    step: Step,
    gather: Gather,
}

/// One row of words per coordinate, those that the integrator carries, and the origins; the
/// log-weights.
#[derive(Debug, Clone, PartialEq)]
struct Swarm {
    dim: usize,
    rows: Vec<Vec<u32>>,
    log_weights: Vec<u32>,
}

impl Swarm {
    fn position(&self, slot: usize) -> Vec<f64> {
        self.values(&self.rows[..self.dim], slot)
    }

    fn carried(&self, slot: usize) -> Vec<f64> {
        self.values(&self.rows[self.dim..self.rows.len() - 1], slot)
    }

    fn values(&self, rows: &[Vec<u32>], slot: usize) -> Vec<f64> {
        rows.iter().map(|row| f64::from(f32::from_bits(row[slot]))).collect()
    }

    fn log_weight(&self, slot: usize) -> f32 {
        f32::from_bits(self.log_weights[slot])
    }
}

/// Neither the steps nor the rates of the path are equal, so that none is taken for another.
fn schedule(time: f64) -> Schedule {
    let point = |k: u32| {
        let s = f64::from(k) / f64::from(STEPS);
        (0.5 * time * (s + s * s), s * s)
    };
    Schedule::from_points(&(0..=STEPS).map(point).collect::<Vec<_>>()).unwrap()
}

fn config() -> Config {
    Config { particles: PARTICLES, seed: SEED, schedule: schedule(0.05), ..Config::default() }
}

fn normal(dim: u32) -> Normal {
    let dim = dim as usize;
    Normal { mean: (0..dim).map(|j| 0.25 * (j % 3) as f64).collect(), sd: vec![1.25; dim] }
}

fn problem(target: Target, equation: Equation) -> Problem {
    let law = normal(target.dim());
    let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
    let initial = Initial::normal(&single(&law.mean), &single(&law.sd)).unwrap();
    let flow = match equation {
        Equation::Langevin => Flow::langevin(),
        Equation::Annealed => Flow::annealed(),
    };
    Problem::new(target, initial, flow).unwrap()
}

fn targets(dim: u32) -> [Target; 2] {
    let well = Target::double_well(dim).unwrap().set("a", 4.0).unwrap();
    [well, Target::named("gaussian-mixture", Some(dim)).unwrap()]
}

impl Rig {
    /// `page_rows` rows of state per binding.
    fn new(
        gpu: &Gpu,
        problem: Problem,
        integrator: Integrator,
        config: Config,
        page_rows: u32,
    ) -> Rig {
        let shape = StepShape::of(gpu, &config, problem.target.dim());
        Rig::shaped(gpu, problem, integrator, config, page_rows, shape)
    }

    fn shaped(
        gpu: &Gpu,
        problem: Problem,
        integrator: Integrator,
        config: Config,
        page_rows: u32,
        shape: StepShape,
    ) -> Rig {
        // So that pages can be small.
        let config = Config { integrator: Some(integrator), trace_rows: 1, ..config };
        let row = 4 * u64::from(config.particles);
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: row * u64::from(page_rows),
            ..gpu.device.limits()
        };
        let dim = problem.target.dim();
        let carried = integrator.carried_rows(dim);
        let plan = crate::requirements(&problem, &config, &limits).unwrap();
        assert_eq!(plan.pages, (dim + carried + 1).div_ceil(page_rows));
        let storage = |size| buffers::storage(&gpu.device, "step", size);
        let weights = crate::sampler::weight_shape(&config).on(gpu);
        let settings = Settings::of_run(&weights, &problem, &config);
        let filled = |usage, contents: &[u8]| buffers::filled(&gpu.device, "step", usage, contents);
        let pages = || -> Vec<_> {
            (0..plan.pages).map(|page| storage(u64::from(plan.rows_of_page(page)) * row)).collect()
        };
        let state = State {
            pages: pages(),
            gathered: pages(),
            log_weights: storage(row),
            ancestors: storage(row),
            control: storage(size_of::<Control>() as u64),
            schedule: filled(
                wgpu::BufferUsages::UNIFORM,
                bytemuck::cast_slice(&config.schedule.rows()),
            ),
            data: problem
                .data()
                .map(|d| filled(wgpu::BufferUsages::STORAGE, bytemuck::cast_slice(d)))
                .collect(),
            moves: plan.counts.then(|| storage(4 * u64::from(MOVES_COUNTERS))),
            outputs: Vec::new(),
            flow_data: None,
            numbers: RunNumbers::new(gpu, &settings, &problem, &config).unwrap(),
        };
        let words = [&state.pages[..], &state.gathered].concat();
        let words = words.iter().chain([&state.log_weights, &state.ancestors]);
        words.enumerate().for_each(|(i, buffer)| poison(gpu, buffer, i as u32));
        let linked = step::linked(&problem, &plan, &config, integrator, shape);
        let step = Step::new(gpu, &linked, &problem, &plan, &config, &state).unwrap();
        let gather = Gather::new(gpu, &weights, &plan, &state).unwrap();
        Rig { gpu: gpu.clone(), config, problem, plan, state, step, gather }
    }

    /// The swarm at time zero. What integrators carry is normal.
    fn init(&self) -> Swarm {
        let problem = &self.problem;
        let init = Init::new(&self.gpu, problem, &self.plan, &self.config, &self.state).unwrap();
        testing::pass(&self.gpu, |pass| init.encode(pass, None));
        let mut swarm = self.download();
        let rows = swarm.dim..swarm.rows.len() - 1;
        for (j, row) in swarm.rows[rows].iter_mut().enumerate() {
            let values = testing::normals(j as u32, row.len());
            *row = values.into_iter().map(|z| (z as f32).to_bits()).collect();
        }
        swarm
    }

    /// Whether the integrator carries something from step to step.
    fn carried(&self) -> bool {
        self.plan.rows > self.problem.target.dim() + 1
    }

    /// Moves that were kept, by MALA, or refused, by the others, since the rig was made.
    fn moves(&self) -> u32 {
        let Some(moves) = &self.state.moves else { return 0 };
        read::<u32>(&self.gpu, moves).iter().sum()
    }

    fn download(&self) -> Swarm {
        let words = self.state.pages.iter().flat_map(|page| read::<u32>(&self.gpu, page));
        let words: Vec<u32> = words.collect();
        let rows = words.chunks(self.plan.particles as usize).map(<[u32]>::to_vec).collect();
        let dim = self.problem.target.dim() as usize;
        Swarm { dim, rows, log_weights: read(&self.gpu, &self.state.log_weights) }
    }

    fn upload(&self, swarm: &Swarm) {
        for (page, rows) in
            self.state.pages.iter().zip(swarm.rows.chunks(self.plan.page_rows as usize))
        {
            write(&self.gpu, page, &rows.concat());
        }
        write(&self.gpu, &self.state.log_weights, &swarm.log_weights);
    }

    /// The swarm after the steps [begin, end).
    fn run(&self, from: &Swarm, begin: u32, end: u32) -> Swarm {
        let control = Control { step_begin: begin, step_end: end, ..Control::default() };
        self.run_under(from, control)
    }

    fn run_under(&self, from: &Swarm, control: Control) -> Swarm {
        self.upload(from);
        self.state.gathered.iter().for_each(|page| poison(&self.gpu, page, 5));
        write(&self.gpu, &self.state.control, &[control]);
        let groups = control.resampled * self.plan.particles.div_ceil(LANES);
        let counts = Dispatches { particles: [groups, 1, 1, 0], ..Dispatches::default() };
        let usage = wgpu::BufferUsages::INDIRECT;
        let dispatches =
            buffers::filled(&self.gpu.device, "step", usage, bytemuck::bytes_of(&counts));
        testing::pass(&self.gpu, |pass| {
            self.gather.encode(pass, &dispatches);
            self.step.encode(pass, control.step_begin, None);
        });
        self.download()
    }
}

fn rig(gpu: &Gpu, target: Target, equation: Equation, integrator: Integrator) -> Rig {
    Rig::new(gpu, problem(target, equation), integrator, config(), 1 << 10)
}

#[test]
fn init_draws_the_oracles_normals() {
    let Some(gpu) = testing::gpu() else { return };
    for dim in [1, 2, 3, 5, 16] {
        let target = Target::standard_normal(dim).unwrap();
        let swarm = rig(&gpu, target, Equation::Langevin, Integrator::Euler).init();
        assert!(swarm.rows[dim as usize].iter().copied().eq(0..PARTICLES));
        assert!(swarm.log_weights.iter().all(|lw| *lw == 0));
        for slot in 0..PARTICLES as usize {
            let exact = normal(dim).sample(SEED, slot as u32);
            for (x, exact) in swarm.position(slot).iter().zip(exact) {
                // The bound of tests/normal.rs at the smallest radius drawn here.
                assert!((x - exact).abs() < 1e-4, "DIM {dim}, {slot}: {x} is not {exact}");
            }
        }
    }
}

#[test]
fn init_draws_uniforms_inside_the_box() {
    let Some(gpu) = testing::gpu() else { return };
    let (low, high) = ([-1.0, 5.0, 0.0, 0.0, -8.0], [1.0, 6.0, 0.5, 100.0, -4.0]);
    let initial = Initial::uniform(&low, &high).unwrap();
    let target = Target::standard_normal(5).unwrap();
    let problem = Problem::new(target, initial, Flow::annealed()).unwrap();
    let config = Config { particles: 20_000, ..config() };
    let swarm = Rig::new(&gpu, problem, Integrator::KernelRatio, config, 16).init();
    for j in 0..5 {
        let values: Vec<f32> = swarm.rows[j].iter().map(|word| f32::from_bits(*word)).collect();
        assert!(values.iter().all(|x| (low[j]..high[j]).contains(x)), "{j}");
        let unit = values.iter().map(|x| f64::from((x - low[j]) / (high[j] - low[j])));
        let mean = unit.sum::<f64>() / 20_000.0;
        // Four standard errors of a uniform's mean.
        assert!((mean - 0.5).abs() < 4.0 / (12.0 * 20_000.0_f64).sqrt(), "{j}: {mean}");
    }
}

/// From the device's own start: the first two steps, one step, and six.
///
/// Bounds: positions are rounded once per step and the errors before grow by at most 1 + h times the
/// curvature, 1.4 here; the steps of MALA are 3 times longer, and its errors 4 times larger. The log-weight sums differences of log
/// densities, each known to some 2^-20 of its size, for which 1 + 4 |x|² + |p|² stands. (Mesa's
/// software driver keeps to a quarter of both.) Where the acceptance is decided by less than the
/// rounding of the ratio the device may decide otherwise: such a particle is not compared.
#[test]
fn steps_are_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let (mut undecided, mut rejected) = (0, 0);
    for dim in [1, 2, 3, 5, 16] {
        for (target, (equation, integrator)) in
            targets(dim).iter().flat_map(|t| INTEGRATORS.map(|i| (t, i)))
        {
            let mobility = |j: u32| 0.5 + 0.25 * j as f32;
            let config = Config {
                taming: dim % 2 == 0,
                preconditioner: (dim == 3 || dim == 5).then(|| (0..dim).map(mobility).collect()),
                friction: 4.0,
                stiffness: if dim == 5 { 40.0 } else { 2.0 },
                // Some moves must be rejected.
                schedule: schedule(if integrator == Integrator::Mala { 0.15 } else { 0.05 }),
                ..config()
            };
            let mut problem = problem(target.clone(), equation);
            problem.flow = problem.flow.with_transport(if dim == 3 { 0.7 } else { 1.0 });
            let rig = Rig::new(&gpu, problem, integrator, config.clone(), 1 << 10);
            let start = rig.init();
            let law = normal(dim);
            let stepper = Stepper {
                target,
                initial: &law,
                flow: equation,
                transport: f64::from(rig.problem.flow.transport()),
                integrator,
                config: &config,
                support: None,
            };
            let name = format!("{} in {dim}, {equation:?}, {integrator}", target.name());
            let bound = if integrator == Integrator::Mala { 2e-5 } else { 5e-6 };
            let mut spread = 0.0_f64;
            for (begin, end) in [(0, 2), (2, 3), (1, 7)] {
                let before = rig.moves();
                let ours = rig.run(&start, begin, end);
                let (mut moves, mut unsure) = (0, 0);
                for slot in 0..PARTICLES as usize {
                    let mut walker = stepper.walker(slot as u32, start.position(slot));
                    if begin > 0 {
                        walker.momentum = start.carried(slot);
                    }
                    let gain = stepper.step(&mut walker, begin, end);
                    moves += walker.moves;
                    if walker.margin < 1e-4 {
                        unsure += 1;
                        continue;
                    }
                    let carried = if rig.carried() { &walker.momentum[..] } else { &[] };
                    let places = ours.position(slot).into_iter().zip(&walker.x);
                    for (ours, exact) in places.chain(ours.carried(slot).into_iter().zip(carried)) {
                        let bound = bound * (1.0 + exact.abs());
                        assert!((ours - exact).abs() < bound, "{name}, {slot}: {ours} {exact}");
                    }
                    let squares = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>();
                    let size = 1.0 + 4.0 * squares(&walker.x) + squares(carried);
                    let ours = f64::from(ours.log_weight(slot));
                    assert!((ours - gain).abs() < 8e-6 * size, "{name}, {slot}: {ours} {gain}");
                    spread = spread.max(gain.abs());
                }
                let counted = rig.moves() - before;
                assert!(counted.abs_diff(moves) <= unsure * (end - begin), "{name}: counts");
                if integrator == Integrator::Mala {
                    rejected += PARTICLES * (end - begin) - counted;
                }
                undecided += unsure;
            }
            assert_eq!(spread > 0.1, equation == Equation::Annealed, "{name}: gains of {spread}");
        }
    }
    // Of 300 particles in 5 dimensions, 2 targets, 2 flows and 3 runs.
    assert!(undecided < 18_000 / 200, "{undecided} are undecided");
    assert!(rejected > 100, "only {rejected} moves were rejected");
}

fn every_integrator(gpu: &Gpu, mut check: impl FnMut(&str, Rig)) {
    for dim in [1, 2, 5] {
        for (equation, integrator) in INTEGRATORS {
            let [_, mixture] = targets(dim);
            check(&format!("DIM {dim} {integrator}"), rig(gpu, mixture, equation, integrator));
        }
    }
}

#[test]
fn cutting_a_run_into_segments_changes_no_bit() {
    let Some(gpu) = testing::gpu() else { return };
    every_integrator(&gpu, |name, rig| {
        let start = rig.init();
        let whole = rig.run(&start, 1, 8);
        let cuts = [(1, 2), (2, 3), (3, 7), (7, 8)];
        let pieces = cuts.iter().fold(start, |swarm, (begin, end)| rig.run(&swarm, *begin, *end));
        assert_eq!(whole, pieces, "{name}");
    });
}

/// A resampled swarm is the swarm of its ancestors with even weights, time-zero origins included.
#[test]
fn the_gather_follows_the_ancestors() {
    let Some(gpu) = testing::gpu() else { return };
    every_integrator(&gpu, |name, rig| {
        let mut start = rig.init();
        let n = PARTICLES as usize;
        let origins = rig.plan.rows as usize - 1;
        start.rows[origins] = noise(3, n);
        let ancestors: Vec<u32> = noise(4, n).iter().map(|word| word % PARTICLES).collect();
        write(&gpu, &rig.state.ancestors, &ancestors);
        let control =
            Control { step_begin: 2, step_end: 5, resampled: 1, shift: 9.0, ..Control::default() };
        // Log-weights of before do not matter.
        let poisoned = Swarm { log_weights: noise(5, n), ..start.clone() };
        let gathered = rig.run_under(&poisoned, control);
        let copy = |row: &Vec<u32>| ancestors.iter().map(|a| row[*a as usize]).collect();
        let rows = start.rows.iter().map(copy).collect();
        let copies = Swarm { rows, log_weights: vec![0; n], ..start };
        assert_eq!(gathered, rig.run(&copies, 2, 5), "{name}");
        assert_eq!(gathered.rows[origins], copies.rows[origins], "{name}");
    });
}

/// The loop with one evaluation in the text, which software drivers do not take by themselves: its
/// bits do not depend on the segments either, and it goes where the other one goes.
#[test]
fn either_loop_over_steps_may_be_cut_and_goes_the_same_way() {
    let Some(gpu) = testing::gpu() else { return };
    for (equation, integrator) in INTEGRATORS {
        let rig = |two_places, keeps_in_workgroup| {
            let [_, mixture] = targets(2);
            let shape = StepShape { two_places, keeps_in_workgroup };
            Rig::shaped(&gpu, problem(mixture, equation), integrator, config(), 1 << 10, shape)
        };
        let (one, two) = (rig(false, false), rig(true, false));
        let start = one.init();
        let whole = one.run(&start, 1, 6);
        let pieces = [(1, 2), (2, 2), (2, 5), (5, 6)];
        let cut =
            pieces.iter().fold(start.clone(), |swarm, (from, to)| one.run(&swarm, *from, *to));
        assert_eq!(whole, cut, "{integrator}");
        // A word is the same wherever it is kept.
        assert_eq!(rig(false, true).run(&start, 1, 6), whole, "{integrator}");
        let other = two.run(&start, 1, 6);
        for slot in 0..PARTICLES as usize {
            for (a, b) in whole.position(slot).iter().zip(other.position(slot)) {
                // Roundings of six steps, as in `steps_are_near_the_oracle`.
                assert!((a - b).abs() < 1e-4 * (1.0 + a.abs()), "{integrator} {slot}: {a}, {b}");
            }
        }
    }
}

#[test]
fn pages_change_no_bit() {
    let Some(gpu) = testing::gpu() else { return };
    for (equation, integrator) in [INTEGRATORS[0], INTEGRATORS[4], INTEGRATORS[5], INTEGRATORS[6]] {
        let run = |page_rows: u32| {
            let [_, mixture] = targets(5);
            let problem = problem(mixture, equation);
            let rig = Rig::new(&gpu, problem, integrator, config(), page_rows);
            let start = rig.init();
            (rig.run(&start, 0, 6), start)
        };
        let one_page = run(11);
        let rows = 5 + integrator.carried_rows(5) + 1;
        // Log-weights, ancestors, control and the mixture; and counts.
        let others = 4 + 1;
        for page_rows in testing::page_rows(&gpu, [1, 2, 5], rows, others) {
            assert_eq!(run(page_rows), one_page, "{integrator}: {page_rows} rows per page");
        }
    }
}

#[test]
fn the_workgroup_size_changes_no_bit() {
    let Some(gpu) = testing::gpu() else { return };
    for (dim, (equation, integrator)) in [1, 2, 5].into_iter().cycle().zip(&INTEGRATORS[2..]) {
        let run = |workgroup_size: u32| {
            let [well, _] = targets(dim);
            let config = Config { workgroup_size, ..config() };
            let rig = Rig::new(&gpu, problem(well, *equation), *integrator, config, 16);
            let start = rig.init();
            (rig.run(&start, 0, 6), start)
        };
        let expected = run(64);
        for size in [1, 32, 256] {
            assert_eq!(run(size), expected, "DIM {dim}: {size} per workgroup");
        }
    }
}

/// Langevin has no weights: what is left is the shift, which `decide` moves to the log-normaliser.
#[test]
fn the_shift_is_taken_off() {
    let Some(gpu) = testing::gpu() else { return };
    let [well, _] = targets(2);
    let rig = rig(&gpu, well, Equation::Langevin, Integrator::Euler);
    let mut start = rig.init();
    start.log_weights.fill(5.25_f32.to_bits());
    let control = Control { step_end: 3, shift: 1.25, ..Control::default() };
    let ours = rig.run_under(&start, control);
    assert!((0..PARTICLES as usize).all(|slot| ours.log_weight(slot) == 4.0));
}

/// A position that is not a number makes the weight NaN, for good, and `reduce` counts it; one that
/// is lost already stays as it is to the bit; the neighbours keep theirs.
#[test]
fn a_lost_particle_has_no_weight_and_is_counted() {
    let Some(gpu) = testing::gpu() else { return };
    for (equation, integrator) in INTEGRATORS {
        let [well, _] = targets(3);
        let rig = rig(&gpu, well, equation, integrator);
        let mut start = rig.init();
        start.rows[0][3] = f32::NAN.to_bits();
        start.rows[1][7] = f32::INFINITY.to_bits();
        start.rows[2][8] = f32::NEG_INFINITY.to_bits();
        start.log_weights[11] = f32::INFINITY.to_bits();
        start.log_weights[12] = loss_of(Cause::Score, 77).to_bits();
        start.log_weights[13] = f32::NEG_INFINITY.to_bits();
        let lost = [3, 7, 8, 11, 12];
        let once = rig.run(&start, 0, 1);
        let dim = start.dim;
        for swarm in [&once, &rig.run(&once, 1, 4)] {
            assert_eq!(swarm.log_weights[11..13], start.log_weights[11..13], "{integrator}");
            for slot in lost {
                let place = |swarm: &Swarm| swarm.rows[..dim].iter().map(|row| row[slot]).collect();
                let (before, after): (Vec<_>, Vec<_>) = (place(&start), place(swarm));
                assert_eq!(before, after, "{integrator}: {slot} has moved");
            }
            for slot in 0..PARTICLES as usize {
                let lw = swarm.log_weight(slot);
                match slot {
                    13 => assert_eq!(lw, f32::NEG_INFINITY, "{integrator}"),
                    11 => assert_eq!(lw, f32::INFINITY),
                    _ if lost.contains(&slot) => assert!(lw.is_nan(), "{integrator}: {slot}"),
                    _ => assert!(lw.is_finite(), "{integrator}: {slot}"),
                }
            }
        }
        let shape = WeightShape::alone(PARTICLES, Resampler::Systematic, 0).on(&gpu);
        let ancestors = rig.state.ancestors.clone();
        let resampling =
            Resampling::without_run(&gpu, &shape, &rig.state.log_weights, ancestors).unwrap();
        testing::pass(&gpu, |pass| resampling.encode_test(pass, 1));
        let row: TraceRow = read(&gpu, &resampling.scratch.trace)[0];
        assert_eq!((row.non_finite, row.failed), (lost.len() as u32, 0), "{integrator}");
        let ancestors: Vec<u32> = read(&gpu, &rig.state.ancestors);
        assert!(ancestors.iter().all(|a| *a != 13 && !lost.contains(&(*a as usize))));
    }
}

/// A half-plane: particles that begin outside lose their weight and stay, no other leaves, and all
/// else is as the oracle says.
#[test]
fn steps_at_a_wall_are_near_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let half_plane = "
        fn log_density(x: Point) -> f32 {
            var minus_infinity = 0xff800000u;
            let inside = -0.5 * dot(x, x);
            return select(inside, bitcast<f32>(minus_infinity), x.x < 0.0);
        }
        fn score(x: Point) -> Point { return -x; }";
    let target = Target::from_wgsl(2, "half-plane", half_plane).unwrap();
    let whole = Target::standard_normal(2).unwrap();
    let law = normal(2);
    let (mut refused, mut undecided) = (0, 0);
    for (equation, integrator) in INTEGRATORS {
        let config = Config { schedule: schedule(0.4), ..config() };
        let problem = problem(target.clone(), equation);
        let rig = Rig::new(&gpu, problem, integrator, config.clone(), 1 << 10);
        let stepper = Stepper {
            target: &whole,
            initial: &law,
            flow: equation,
            transport: 1.0,
            integrator,
            config: &config,
            support: Some(|x| x[0] >= 0.0),
        };
        let start = rig.init();
        let before = rig.moves();
        let (mut moves, mut unsure) = (0, 0);
        let ours = rig.run(&start, 1, 7);
        for slot in 0..PARTICLES as usize {
            let mut walker = stepper.walker(slot as u32, start.position(slot));
            walker.momentum = start.carried(slot);
            let began = walker.x[0] >= 0.0;
            let gain = stepper.step(&mut walker, 1, 7);
            moves += walker.moves;
            let name = format!("{equation:?}, {integrator}, {slot}");
            if walker.margin < 1e-3 || walker.x[0].abs() < 1e-3 {
                unsure += 1;
                continue;
            }
            let x = ours.position(slot);
            assert!(!began || x[0] >= 0.0, "{name} left to {x:?}");
            for (ours, exact) in x.iter().zip(&walker.x) {
                assert!((ours - exact).abs() < 2e-5 * (1.0 + exact.abs()), "{name}: {x:?}");
            }
            let lw = f64::from(ours.log_weight(slot));
            if gain == f64::NEG_INFINITY {
                assert!(!began && lw == gain, "{name}: {lw}");
            } else {
                assert!((lw - gain).abs() < 1e-4, "{name}: {lw} {gain}");
            }
        }
        let counted = rig.moves() - before;
        assert!(counted.abs_diff(moves) <= unsure * 6, "{integrator}: {counted}, {moves} moves");
        refused += if integrator == Integrator::Mala { 0 } else { counted };
        undecided += unsure;
    }
    assert!(refused > 500, "only {refused} moves were refused");
    assert!(undecided < 11 * PARTICLES / 50, "{undecided} are undecided");
}

/// A log-weight that is so far below the largest that a float cannot bring it back is zero, once an ESS
/// test has made the largest one zero, and so is one that a single step takes that far.
#[test]
fn what_a_float_cannot_bring_back_is_zero() {
    let Some(gpu) = testing::gpu() else { return };
    let [well, _] = targets(2);
    let rig = rig(&gpu, well, Equation::Langevin, Integrator::Euler);
    let mut start = rig.init();
    let least = crate::layout::LEAST_LOG_WEIGHT;
    start.log_weights[..3]
        .copy_from_slice(&[least + 5.0, least + 4.0, least - 9.0].map(f32::to_bits));
    for (tested, expected) in [
        (0, [least, least - 1.0, least - 14.0]),
        (1, [least, f32::NEG_INFINITY, f32::NEG_INFINITY]),
    ] {
        let control = Control { step_end: 2, shift: 5.0, tested, ..Control::default() };
        let ours = rig.run_under(&start, control);
        assert_eq!([0, 1, 2].map(|slot| ours.log_weight(slot)), expected, "tested {tested}");
    }
}
