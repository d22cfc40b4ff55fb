//! network against `reference::network`, in both forms of its layers, and what must not change a bit.

use serde_json::{Value, json};

use crate::buffers::{State, storage};
use crate::diffusion::{Divergence, Network, Probe, Scores};
use crate::gpu::Gpu;
use crate::kernel::network::{NetworkKernel, Shape, rows};
use crate::layout::{Control, Settings};
use crate::numbers::RunNumbers;
use crate::plan::Plan;
use crate::reference;
use crate::reference::network::{network_file, network_tensors};
use crate::testing::{self, normals, poison, read, write};

const SEED: u64 = 0x0123_4567_89ab_cdef;
const TAUS: [f64; 3] = [1.0, 0.4, 0.05];
const STEP: u32 = 1;

pub(super) fn config(dim: u32, hidden: u32) -> Value {
    json!({
        "dim": dim,
        "hidden": hidden,
        "activation": "silu",
        "architecture": "sequential",
        "prediction": "noise",
        "schedule": {"kind": "vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        "time_embedding":
            {"kind": "fourier", "input": "log_sigma", "frequencies": [0.25, 0.5, 1.0]},
    })
}

pub(super) fn random(config: &Value, depth: usize) -> Network {
    let bytes = network_file(config, &network_tensors(config, depth, 11));
    Network::from_bytes("random", &bytes).unwrap()
}

/// A state of `particles` in several pages, and its positions.
fn state(gpu: &Gpu, dim: u32, particles: u32) -> (Plan, State, Vec<Vec<f64>>) {
    let storage = |size| storage(&gpu.device, "network", size);
    let (rows, page_rows) = (dim + 1, (dim + 1).div_ceil(3));
    let pages = rows.div_ceil(page_rows);
    let plan = Plan::in_pages(particles, rows, page_rows);
    let page = |p| storage(u64::from(plan.rows_of_page(p) * particles) * 4);
    let pages: Vec<_> = (0..pages).map(page).collect();
    let count = (dim * particles) as usize;
    let axes: Vec<f32> = normals(7, count).into_iter().map(|z| 1.5 * z as f32).collect();
    // Row by row, so that a population's first particles are others' where N is another.
    let at = |i: u32, j: u32| axes[(i * dim + j) as usize];
    for page in &pages {
        poison(gpu, page, 3);
    }
    for j in 0..dim {
        let row: Vec<f32> = (0..particles).map(|i| at(i, j)).collect();
        let offset = u64::from(j % page_rows * particles) * 4;
        let page = &pages[(j / page_rows) as usize];
        gpu.queue.write_buffer(page, offset, bytemuck::cast_slice(&row));
    }
    let control = storage(size_of::<Control>() as u64);
    let steps = TAUS.len() as u32 - 1;
    let settings = Settings { particles, steps, ..Settings::default() };
    write(gpu, &control, &[Control { step_begin: STEP, ..Control::default() }]);
    let state = State {
        pages,
        gathered: Vec::new(),
        log_weights: storage(4),
        ancestors: storage(4),
        control,
        schedule: storage(4),
        data: Vec::new(),
        flow_data: None,
        outputs: Vec::new(),
        moves: None,
        numbers: RunNumbers::alone(gpu, &settings.with_seed(SEED)).unwrap(),
    };
    let x = (0..particles).map(|i| (0..dim).map(|j| f64::from(at(i, j))).collect()).collect();
    (plan, state, x)
}

/// What the kernel writes, row by row.
fn run(
    gpu: &Gpu,
    network: &Network,
    shape: Shape,
    divergence: Option<Divergence>,
    particles: u32,
) -> (Vec<f32>, Vec<Vec<f64>>) {
    let (plan, state, x) = state(gpu, network.dim(), particles);
    let size = u64::from(rows(network.dim(), divergence) * particles) * 4;
    let out = storage(&gpu.device, "network", size);
    poison(gpu, &out, 5);
    let kernel =
        NetworkKernel::new(gpu, network, shape, &TAUS, divergence, &plan, &state, &out).unwrap();
    testing::pass(gpu, |pass| kernel.encode(pass, None));
    (read(gpu, &out), x)
}

/// Sums of H products with rounding 2^-24 each, in a row of layers whose weights keep the size of
/// values: 3e-6 covers the widest here with the exponentials of the activations, relative to the
/// largest score of the particle; the divergence adds `dim` of those.
const BOUND: f64 = 3e-6;

fn compare(network: &Network, divergence: Option<Divergence>, ours: &[f32], x: &[Vec<f64>]) {
    let (n, dim) = (x.len(), network.dim() as usize);
    let mut worst = [0.0_f64; 2];
    // At most some 200 particles, the last among them.
    for i in (0..n).filter(|i| i % (n / 200 + 1) == 0 || *i + 1 == n) {
        let at = (SEED, i as u32, STEP);
        let any = divergence.unwrap_or(Divergence::hutchinson(1));
        let (score, exact) =
            reference::network::network(network, any, at, TAUS[STEP as usize], &x[i]);
        let scale = score.iter().fold(1.0_f64, |scale, s| scale.max(s.abs()));
        for (j, s) in score.iter().enumerate() {
            worst[0] = worst[0].max((f64::from(ours[j * n + i]) - s).abs() / scale);
        }
        if divergence.is_some() {
            let error = (f64::from(ours[dim * n + i]) - exact).abs();
            worst[1] = worst[1].max(error / (scale * dim as f64));
        }
    }
    println!("{} {divergence:?}: worst errors {worst:?}", network.name());
    assert!(worst.iter().all(|worst| *worst < BOUND), "{worst:?}");
}

/// In the layout that suits this device.
fn check(config: &Value, depth: usize, divergence: Option<Divergence>, particles: u32) {
    let Some(gpu) = testing::gpu() else { return };
    let network = random(config, depth);
    let shape = Shape::new(&gpu, &network, divergence);
    let (ours, x) = run(&gpu, &network, shape, divergence, particles);
    compare(&network, divergence, &ours, &x);
}

fn residual(dim: u32, hidden: u32) -> Value {
    let mut config = config(dim, hidden);
    config["architecture"] = json!("residual");
    config
}

/// In the layout of a graphics card.
#[test]
fn values_go_through_workgroup_memory_too() {
    let Some(gpu) = testing::gpu() else { return };
    let hutchinson = Some(Divergence::hutchinson(1));
    for (config, divergence) in [
        (config(3, 12), None),
        (config(2, 8), Some(Divergence::Exact)),
        (config(2, 256), hutchinson),
        (residual(40, 72), Some(Divergence::hutchinson(5))),
        (residual(5, 130), Some(GAUSSIAN)),
        (config(130, 20), hutchinson),
    ] {
        let network = random(&config, 2);
        let shape = Shape::portable(&network, divergence);
        let (ours, x) = run(&gpu, &network, shape, divergence, 21);
        compare(&network, divergence, &ours, &x);
    }
}

const GAUSSIAN: Divergence =
    Divergence::Hutchinson { probes: 2, probe: Probe::Gaussian, fresh: true };

#[test]
fn scores_in_all_dimensions() {
    for (dim, hidden) in [(1, 5), (2, 64), (3, 20), (16, 64), (64, 64)] {
        check(&config(dim, hidden), 2, None, 65);
    }
}

/// A uniform holds all weights, or some of one layer; or they are too many for uniforms.
#[test]
fn wide_layers_have_weights_in_several_places() {
    check(&config(2, 100), 2, Some(Divergence::Exact), 40);
    check(&config(2, 256), 2, None, 40);
    check(&residual(3, 120), 1, Some(Divergence::Exact), 40);
    check(&config(1, 600), 2, None, 3);
}

#[test]
fn architectures_activations_and_predictions() {
    for (architecture, activation, prediction, schedule) in [
        ("residual", "gelu", "v", json!({"kind": "vp", "beta_min": 0.1, "beta_max": 9, "time": 1})),
        ("residual", "tanh", "denoiser", json!({"kind": "ve", "sigma_min": 0.01, "sigma_max": 9})),
        ("sequential", "gelu", "score", json!({"kind": "ve", "sigma_min": 0.1, "sigma_max": 2})),
    ] {
        let mut config = config(3, 12);
        config["architecture"] = json!(architecture);
        config["activation"] = json!(activation);
        config["prediction"] = json!(prediction);
        config["schedule"] = schedule;
        if prediction == "denoiser" {
            config["sigma_data"] = json!(2.0);
        }
        for depth in [1, 2] {
            check(&config, depth, Some(Divergence::Exact), 20);
        }
    }
}

#[test]
fn divergences_in_all_dimensions() {
    for (dim, hidden) in [(1, 5), (2, 64), (16, 32)] {
        check(&config(dim, hidden), 1, Some(Divergence::Exact), 20);
    }
    let kept = Divergence::Hutchinson { probes: 1, probe: Probe::Rademacher, fresh: false };
    for (dim, divergence) in [
        (3, GAUSSIAN),
        (5, kept),
        (64, Divergence::hutchinson(9)),
        (130, Divergence::hutchinson(1)),
    ] {
        check(&config(dim, 32), 1, Some(divergence), 20);
    }
}

/// A particle's numbers do not depend on how many others there are.
#[test]
fn other_particles_change_no_bit() {
    let Some(gpu) = testing::gpu() else { return };
    let network = random(&config(2, 64), 3);
    let divergence = Some(Divergence::hutchinson(1));
    let of = |n: u32| run(&gpu, &network, Shape::new(&gpu, &network, divergence), divergence, n);
    let (most, x) = of(65_537);
    compare(&network, divergence, &most, &x);
    for n in [1, 255, 257] {
        let (few, x) = of(n);
        compare(&network, divergence, &few, &x);
        for row in 0..3 {
            let (a, b) = (&few[row * n as usize..], &most[row * 65_537..]);
            let same = (0..n as usize).all(|i| a[i].to_bits() == b[i].to_bits());
            assert!(same, "row {row} of {n}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let Some(gpu) = testing::gpu() else { return };
    let refusal = |dim: u32, tau: f64, divergence: Option<Divergence>| {
        let network = random(&config(dim, 8), 1);
        let x = vec![0.5; dim as usize];
        Scores::new(&gpu, &network, &x, tau, divergence, 0).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(2, 0.0, None),
        "schedule comes to τ = 0, where random means nothing: its prediction divides by the noise; \
         end at a level above it, for instance 0.001"
    );
    assert_eq!(
        refusal(17, 0.5, Some(Divergence::Exact)),
        "divergence = exact takes 17 derivatives per particle, above 16, the most; use Hutchinson's"
    );
    for probes in [0, 65] {
        let error = refusal(2, 0.5, Some(Divergence::hutchinson(probes)));
        assert_eq!(error, format!("divergence has {probes} probes; give 1 to 64"));
    }
    let network = random(&config(2, 8), 1);
    let error = Scores::new(&gpu, &network, &[1.0; 3], 0.5, None, 0).unwrap_err().to_string();
    assert!(error.starts_with("positions holds 3 numbers"), "{error}");
}

#[test]
fn points_are_evaluated_apart_from_any_run() {
    let Some(gpu) = testing::gpu() else { return };
    let network = random(&config(3, 8), 2);
    let x: Vec<f32> = normals(9, 30).into_iter().map(|z| z as f32).collect();
    let scores = Scores::new(&gpu, &network, &x, 0.3, None, 0).unwrap();
    scores.evaluate().unwrap();
    let ours = crate::block_on(scores.read()).unwrap();
    for (i, x) in x.chunks(3).enumerate() {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        for (j, s) in network.score(&x, 0.3).into_iter().enumerate() {
            assert!((f64::from(ours[10 * j + i]) - s).abs() < BOUND * (1.0 + s.abs()));
        }
    }
}
