//! adapt and adapt_choose against `reference::adapt`, and what must not change a bit.

use crate::adaptive::Adaptive;
use crate::buffers::{self, State};
use crate::gpu::Gpu;
use crate::kernel::adapt::{Adapt, PASSES};
use crate::layout::{Control, Instant, Settings, TraceRow};
use crate::numbers::RunNumbers;
use crate::plan::Plan;
use crate::reference::adapt::choose;
use crate::reference::target::log_density;
use crate::resampling::Resampling;
use crate::testing::{self, log_weights, noise, normals, poison, read, write};
use crate::{Config, Flow, Initial, Problem, Schedule, Target};

const MOVES: u32 = 5;
const BEGIN: u32 = 10;
const STAGES: u32 = 6;

/// The initial law of every problem here: N(0.5, 1.25²) on each axis.
fn initial_log_density(x: &[f64]) -> f64 {
    let axis = |x: &f64| {
        let z = (x - 0.5) / 1.25;
        -0.5 * z * z - (1.25 * std::f64::consts::TAU.sqrt()).ln()
    };
    x.iter().map(axis).sum()
}

fn problem(target: Target) -> Problem {
    let dim = target.dim() as usize;
    let initial = Initial::normal(&vec![0.5; dim], &vec![1.25; dim]).unwrap();
    Problem::new(target, initial, Flow::annealed()).unwrap()
}

/// What a stage starts from.
#[derive(Clone)]
struct Population {
    /// One row per coordinate.
    rows: Vec<Vec<f32>>,
    log_weights: Vec<f32>,
    /// The particles that the next step copies, where the ESS test resampled.
    ancestors: Option<Vec<u32>>,
}

impl Population {
    fn new(dim: u32, particles: u32, weights: &str) -> Population {
        let n = particles as usize;
        let row = |j| normals(40 + j, n).iter().map(|z| (0.5 + 1.25 * z) as f32).collect();
        Population {
            rows: (0..dim).map(row).collect(),
            log_weights: log_weights(weights, n),
            ancestors: None,
        }
    }

    fn position(&self, slot: usize) -> Vec<f64> {
        self.rows.iter().map(|row| f64::from(row[slot])).collect()
    }

    /// Positions and weights as the next step finds them.
    fn gathered(&self) -> (Vec<Vec<f64>>, Vec<f64>) {
        let slots = 0..self.log_weights.len();
        match &self.ancestors {
            Some(a) => (a.iter().map(|a| self.position(*a as usize)).collect(), vec![1.0; a.len()]),
            None => {
                let weight = |lw: &f32| {
                    if lw.is_finite() { f64::from(*lw - SHIFT).exp() } else { 0.0 }
                };
                (
                    slots.map(|slot| self.position(slot)).collect(),
                    self.log_weights.iter().map(weight).collect(),
                )
            }
        }
    }
}

/// What the next step subtracts from the log-weights.
const SHIFT: f32 = 0.5;

/// What a stage chose.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    rows: Vec<Instant>,
    control: Control,
    cess: f32,
}

/// Chooses one stage that begins at `beta`.
fn stage(
    gpu: &Gpu,
    problem: &Problem,
    population: &Population,
    adaptive: Adaptive,
    beta: f32,
    page_rows: u32,
) -> Choice {
    let particles = population.log_weights.len() as u32;
    let config = Config {
        particles,
        schedule: Schedule::adaptive(adaptive).unwrap(),
        trace_rows: 3,
        ..Config::default()
    };
    let row = 4 * u64::from(particles);
    let limits = wgpu::Limits {
        // Never below the trace and the table of offspring.
        max_storage_buffer_binding_size: (row * u64::from(page_rows)).max(4096),
        ..gpu.device.limits()
    };
    let plan = crate::requirements(problem, &config, &limits).unwrap();
    let shape = crate::sampler::weight_shape(&config).on(gpu);
    let storage = |size| buffers::storage(&gpu.device, "adapt", size);
    let pages = |plan: &Plan| -> Vec<_> {
        (0..plan.pages).map(|page| storage(u64::from(plan.rows_of_page(page)) * row)).collect()
    };
    let log_weights = storage(row);
    let ancestors = storage(row);
    let resampling = Resampling::without_run(gpu, &shape, &log_weights, ancestors.clone()).unwrap();
    let filled = |usage, contents: &[u8]| buffers::filled(&gpu.device, "adapt", usage, contents);
    let settings = Settings::of_run(&shape, problem, &config);
    let mut rows = config.schedule.rows();
    rows[0].beta = beta;
    rows[BEGIN as usize].beta = beta;
    let state = State {
        pages: pages(&plan),
        gathered: pages(&plan),
        log_weights,
        ancestors,
        control: resampling.scratch.control.clone(),
        schedule: filled(
            wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            bytemuck::cast_slice(&rows),
        ),
        outputs: Vec::new(),
        flow_data: None,
        moves: None,
        numbers: RunNumbers::new(gpu, &settings, problem, &config).unwrap(),
        data: problem
            .target
            .storage()
            .iter()
            .map(|d| filled(wgpu::BufferUsages::STORAGE, bytemuck::cast_slice(d)))
            .collect(),
    };
    state
        .pages
        .iter()
        .chain(&state.gathered)
        .enumerate()
        .for_each(|(i, page)| poison(gpu, page, i as u32));
    let coordinates = population.rows.chunks(plan.page_rows as usize);
    for (page, rows) in state.pages.iter().zip(coordinates) {
        write(gpu, page, &rows.concat());
    }
    write(gpu, &state.log_weights, &population.log_weights);
    let control = Control {
        step_begin: BEGIN,
        step_end: BEGIN + MOVES,
        resampled: u32::from(population.ancestors.is_some()),
        shift: SHIFT,
        trace_rows: 5,
        ..Control::default()
    };
    if let Some(ancestors) = &population.ancestors {
        write(gpu, &state.ancestors, ancestors);
    }
    write(gpu, &state.control, &[control]);
    let trace = &resampling.scratch.trace;
    poison(gpu, trace, 9);
    let adapt = Adapt::new(gpu, problem, &plan, &state, trace).unwrap();
    testing::pass(gpu, |pass| {
        adapt.encode_open(pass);
        for _ in 0..PASSES {
            adapt.encode_measure(pass, None);
            adapt.encode_choose(pass);
        }
    });
    let control = read::<Control>(gpu, &state.control)[0];
    let cess = read::<TraceRow>(gpu, trace)[(5 - 1) % 3].cess;
    Choice { rows: read(gpu, &state.schedule), control, cess }
}

fn adaptive(cess: f64) -> Adaptive {
    Adaptive { cess, moves_per_stage: MOVES, max_stages: STAGES, ..Adaptive::default() }
}

/// The choice of the device beside the oracle's.
///
/// Bounds: candidates are a factor 1.0079 apart and the device takes the lower one, so that its
/// increment of β is at most 0.8 % short; that it is ever above is rounding. Log densities of size
/// 30 differ by 1e-5 between f32 and f64, which moves CESS by less than 1e-4.
fn compare(gpu: &Gpu, name: &str, population: &Population, target: &Target, cess: f64, beta: f32) {
    let problem = problem(target.clone());
    let ours = stage(gpu, &problem, population, adaptive(cess), beta, 1 << 10);
    let (positions, weights) = population.gathered();
    let ratios: Vec<f64> = positions
        .iter()
        .map(|x| log_density(target, x).unwrap() - initial_log_density(x))
        .collect();
    let from = f64::from(beta);
    let increments = |b: f64| ratios.iter().map(|r| (b - from) * r).collect::<Vec<_>>();
    let floor = Adaptive::default().floor;
    let (exact, _) = choose(&weights, increments, from, cess, floor);
    let chosen = f64::from(ours.control.beta);
    let ratio = (chosen - from) / (exact - from);
    let rounding = 1e-4 + 2e-7 / (exact - from);
    assert!(
        (1.0 - 0.008 - rounding..=1.0 + rounding).contains(&ratio),
        "{name} from {beta}: {chosen} is {ratio} of {exact}"
    );
    let at_chosen = crate::reference::adapt::cess(&weights, &increments(chosen));
    assert!((f64::from(ours.cess) - at_chosen).abs() < 1e-4, "{name}: {} {at_chosen}", ours.cess);

    // The first step carries the increment, the others stay, and so does what lies around.
    let rows = &ours.rows[BEGIN as usize..];
    assert_eq!(rows[0].beta, beta, "{name}");
    let rate = (ours.control.beta - beta) / rows[0].dt;
    assert!((rows[0].beta_rate / rate - 1.0).abs() < 1e-6, "{name}: {}", rows[0].beta_rate);
    for row in &rows[1..=MOVES as usize] {
        assert_eq!((row.beta, row.beta_rate), (ours.control.beta, 0.0), "{name}");
    }
    assert_eq!(rows[MOVES as usize + 1].beta, 0.0, "{name}");
    let stop = if ours.control.beta == 1.0 { BEGIN + MOVES } else { 0 };
    assert_eq!((ours.control.stages, ours.control.stop), (1, stop), "{name}");
}

#[test]
fn the_next_beta_is_the_oracles() {
    let Some(gpu) = testing::gpu() else { return };
    let well = Target::double_well(2).unwrap().set("a", 4.0).unwrap();
    for (particles, populations) in [
        (255, &["normal", "equal", "zeros at the ends", "not numbers"][..]),
        (2049, &["normal", "zeros at the ends", "not numbers"]),
        (65537, &["normal"]),
    ] {
        for weights in populations {
            let population = Population::new(2, particles, weights);
            for (cess, beta) in [(0.95, 0.0), (0.7, 0.0), (0.95, 0.25), (0.9, 0.97)] {
                let name = format!("{particles} {weights} {cess}");
                compare(&gpu, &name, &population, &well, cess, beta);
            }
        }
    }
}

/// One particle with all the weight goes to the end at once: nothing can become uneven.
#[test]
fn a_single_particle_and_a_dominating_one_go_to_the_end() {
    let Some(gpu) = testing::gpu() else { return };
    let well = Target::double_well(2).unwrap();
    compare(&gpu, "single", &Population::new(2, 1, "equal"), &well, 0.95, 0.0);
    for particles in [255, 2049] {
        let population = Population::new(2, particles, "one");
        compare(&gpu, "dominating", &population, &well, 0.95, 0.0);
        // Below it the others count for e^-12 each.
        let mut population = Population::new(2, particles, "equal");
        population.log_weights[77] = 8.75;
        compare(&gpu, "high", &population, &well, 0.95, 0.0);
    }
}

/// Particles that will be gathered count once per copy, with even weights.
#[test]
fn a_resampled_population_is_seen_through_its_ancestors() {
    let Some(gpu) = testing::gpu() else { return };
    let mixture = Target::named("gaussian-mixture", Some(3)).unwrap();
    for particles in [255, 2049, 65537] {
        let mut population = Population::new(3, particles, "wide normal");
        let low = particles / 3;
        let ancestors = noise(8, particles as usize).into_iter().map(|word| word % low);
        population.ancestors = Some(ancestors.collect());
        compare(&gpu, &format!("gathered {particles}"), &population, &mixture, 0.95, 0.125);
    }
}

/// Neither the size nor the sign of the log-likelihood matters: 10⁵ and 10⁸ times a coordinate, both
/// ways, need increments near 10⁻⁶ and 10⁻⁹.
#[test]
fn huge_and_one_sided_likelihoods_find_their_increment() {
    let Some(gpu) = testing::gpu() else { return };
    let population = Population::new(2, 2049, "normal");
    for slope in [1e5, -1e5, 3e7, -3e7] {
        let text = format!("-0.5*(x0^2 + x1^2) + {slope:.1}*x0");
        let target = Target::from_formula(2, &text).unwrap();
        let problem = problem(target);
        let ours = stage(&gpu, &problem, &population, adaptive(0.95), 0.0, 1 << 10);
        let (positions, weights) = population.gathered();
        let ratios: Vec<f64> = positions
            .iter()
            .map(|x| {
                let square: f64 = x.iter().map(|x| x * x).sum();
                -0.5 * square + slope * x[0] - initial_log_density(x)
            })
            .collect();
        let increments = |b: f64| ratios.iter().map(|r| b * r).collect::<Vec<_>>();
        let (exact, _) = choose(&weights, increments, 0.0, 0.95, 1e-12);
        let ratio = f64::from(ours.control.beta) / exact;
        assert!((0.99..1.001).contains(&ratio), "{slope}: {} {exact}", ours.control.beta);
        assert!((0.95..0.952).contains(&ours.cess), "{slope}: {}", ours.cess);
    }
}

/// Where even the floor is too far it is taken, and the trace says what it costs.
#[test]
fn the_floor_is_taken_where_particles_leave_the_support() {
    let Some(gpu) = testing::gpu() else { return };
    let text = "
        fn log_density(x: Point) -> f32 {
            var minus_infinity = 0xff800000u;
            return select(-0.5 * dot(x, x), bitcast<f32>(minus_infinity), x.x < 0.5);
        }
        fn score(x: Point) -> Point { return -x; }";
    let problem = problem(Target::from_wgsl(2, "half-plane", text).unwrap());
    let population = Population::new(2, 2049, "equal");
    let inside = population.rows[0].iter().filter(|x| **x >= 0.5).count() as f32 / 2049.0;
    for floor in [1e-6, 1e-3] {
        let adaptive = Adaptive { floor, ..adaptive(0.95) };
        let ours = stage(&gpu, &problem, &population, adaptive, 0.0, 1 << 10);
        assert_eq!(ours.control.beta, floor as f32);
        assert!((ours.cess - inside).abs() < 1e-3, "{} {inside}", ours.cess);
    }
}

/// A lost position, whatever its weight, is no particle.
#[test]
fn lost_positions_do_not_count() {
    let Some(gpu) = testing::gpu() else { return };
    let well = Target::double_well(2).unwrap();
    let problem = problem(well);
    let mut population = Population::new(2, 2049, "normal");
    for slot in [0, 5, 2048] {
        population.log_weights[slot] = f32::NAN;
    }
    let clean = stage(&gpu, &problem, &population, adaptive(0.95), 0.0, 1 << 10);
    for (slot, lost) in [(0, f32::NAN), (5, f32::INFINITY), (2048, f32::NEG_INFINITY)] {
        population.rows[0][slot] = lost;
    }
    assert_eq!(stage(&gpu, &problem, &population, adaptive(0.95), 0.0, 1 << 10), clean);
}

#[test]
fn pages_change_no_bit_of_a_choice() {
    let Some(gpu) = testing::gpu() else { return };
    let problem = problem(Target::named("gaussian-mixture", Some(5)).unwrap());
    let population = Population::new(5, 2049, "normal");
    let whole = stage(&gpu, &problem, &population, adaptive(0.95), 0.0, 6);
    // Log-weights, ancestors, control and the mixture.
    for page_rows in testing::page_rows(&gpu, [1, 2, 5], 6, 4) {
        assert_eq!(stage(&gpu, &problem, &population, adaptive(0.95), 0.0, page_rows), whole);
    }
}
