//! The network of the examples: its file, its scores, a run with it, and its training.

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use support::file;
use support::mixture::Mixture;
use support::network::{Network, Shape};
use support::training::{self, LOWEST, Training};
use wfr::diffusion::{self, Composition, Rule, ScoreModel, Spacing};
use wfr::{Config, Sampler};
use wfr_burn::{Model, Shared};

fn model(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(file)
}

/// Some points (13, 2).
fn points() -> Vec<[f32; 2]> {
    (0..13).map(|i| [0.0, 1.0].map(|j| (i as f32 * 0.7 + j).sin() * 3.0)).collect()
}

/// The scores of a network there (13, 2), at τ.
fn scores(network: &Network, tau: f64, device: &Device) -> Vec<f32> {
    let data = TensorData::new(points().concat(), [13, 2]);
    let noise = network.shape.noise();
    let points = Tensor::<2>::from_data(data, device);
    network.score_at(points, noise.alpha(tau), noise.sigma(tau)).into_data().try_to_vec().unwrap()
}

/// What burn reads of a file is what wfr reads of it, and so is what burn writes. Rounding in
/// single precision is some 1e-6 of what is summed, and the score is 1/σ of that.
#[test]
fn files_mean_the_same_to_burn_and_wfr() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.safetensors");
    file::save(&file::load(&model("left.safetensors"), &device).unwrap(), &copy).unwrap();
    let network = file::load(&copy, &device).unwrap();
    let oracle = diffusion::Network::from_file(&copy).unwrap();
    let original = diffusion::Network::from_file(model("left.safetensors")).unwrap();
    for tau in [0.001, 0.03, 0.3, 1.0] {
        let found = scores(&network, tau, &device);
        for (point, found) in points().iter().zip(found.chunks(2)) {
            let point = point.map(f64::from);
            let expected = oracle.score(&point, tau);
            assert_eq!(expected, original.score(&point, tau));
            let bound = 2e-5 / oracle.noise().sigma(tau);
            for (found, expected) in found.iter().zip(&expected) {
                let off = (f64::from(*found) - expected).abs();
                assert!(off < bound, "{found} and {expected} at {tau}");
            }
        }
    }
}

#[test]
fn other_kinds_of_networks_are_refused() {
    let error = file::load(&model("left-edm.safetensors"), &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("another kind of network"), "{error}");
}

/// Networks in burn move particles as wfr's own kernel does: both round in single precision, which
/// is some 1e-6 after 40 steps.
#[test]
fn networks_in_burn_move_particles_as_networks_inside() {
    let adapter = match pollster::block_on(wfr::adapter(None)) {
        Ok(adapter) => adapter,
        Err(error) => {
            let required = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|v| v == "require");
            assert!(!required, "WFR_TEST_ADAPTER=require, but {error}");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {error}");
            return;
        }
    };
    let shared = pollster::block_on(Shared::open(&adapter)).unwrap();
    let files = ["left.safetensors", "right.safetensors"].map(model);
    let networks = files.each_ref().map(|path| file::load(path, shared.device()).unwrap());
    let [left, right] = &networks;
    let models = [
        Model::new("left", 2, |x, level| left.score(x, level)),
        Model::new("right", 2, |x, level| right.score(x, level)),
    ];
    let inside = files
        .each_ref()
        .map(|path| ScoreModel::network(diffusion::Network::from_file(path).unwrap()));
    let outside = models.each_ref().map(|model| model.score_model().unwrap());
    let noise = left.shape.noise();
    let config = Config {
        particles: 357,
        schedule: noise.schedule(Spacing::Uniform, LOWEST, 40).unwrap(),
        integrator: Some(wfr::Integrator::Euler),
        ess_threshold: 0.0,
        ..Config::default()
    };
    let run = |scores: [ScoreModel; 2], models: &[Model<'_>]| {
        let composition = Composition::new(noise, scores.into(), Rule::geometric(0.5));
        let problem = composition.problem().unwrap();
        let mut sampler = Sampler::new(shared.gpu(), &problem, config.clone()).unwrap();
        match models {
            [] => sampler.run().unwrap(),
            models => shared.run(&mut sampler, models).unwrap(),
        };
        pollster::block_on(sampler.particles()).unwrap()
    };
    let (own, other) = (run(inside, &[]), run(outside, &models));
    let pairs = || own.positions().iter().zip(other.positions());
    let off = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-3, "{off}");
}

/// In 300 steps the error of the score comes down at the middle levels of noise, from 3.2, 1.3 and
/// 0.8 of the score's size to 0.20, 0.22 and 0.14.
#[test]
fn training_finds_the_score() {
    let device = Device::flex();
    let left = model("left.txt");
    let exact = ScoreModel::gaussian_mixture_from_file(&left, None).unwrap();
    let mixture = Mixture::from_file(&left).unwrap();
    let training = Training { steps: 300, batch: 256, rate: 3e-3, seed: 1 };
    let network = training.run(&mixture, &device, |_, _| {});
    let raw = Network::random(Shape::usual(2), &device);
    let errors = |network| training::relative_errors(network, &mixture, &exact, &device).unwrap();
    for ((tau, before), (_, after)) in errors(&raw).into_iter().zip(errors(&network)) {
        if (0.01..0.5).contains(&tau) {
            assert!(after < 0.4 && before > 0.5, "{before} to {after} at {tau}");
        }
    }
}
