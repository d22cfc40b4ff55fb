//! Models in burn beside the same models inside wfr.

use std::f64::consts::TAU;
use std::io::Write as _;
use std::sync::OnceLock;

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, Tensor, TensorData};
use wfr::diffusion::{Composition, Noise, Outputs, Rule, ScoreModel, Spacing};
use wfr::{Component, Config, Info, Particles, Sampler};
use wfr_burn::{Evaluation, Level, Model, Shared};

/// A multiple of nothing that a kernel's groups are.
const N: u32 = 1237;

const ALL: Outputs = Outputs { divergence: true, log_density: true };

/// Weight, mean and scale.
type Bell = (f64, [f64; 2], f64);

const LEFT: [Bell; 2] = [(0.3, [-3.0, 1.0], 0.5), (0.7, [1.0, -0.5], 0.7)];
const RIGHT: [Bell; 2] = [(0.6, [-1.0, 0.3], 0.6), (0.4, [2.5, 1.0], 0.5)];

/// The device of this test binary; `None`, said once, where there is none and `WFR_TEST_ADAPTER`
/// does not require one.
fn shared() -> Option<&'static Shared> {
    static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
    SHARED
        .get_or_init(|| match pollster::block_on(wfr::adapter(None)) {
            Ok(adapter) => Some(pollster::block_on(Shared::open(&adapter)).unwrap()),
            Err(error) => {
                let required = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|v| v == "require");
                assert!(!required, "WFR_TEST_ADAPTER=require, but {error}");
                // Written past the test harness, which swallows what passing tests print.
                let _ = writeln!(std::io::stderr(), "SKIPPED, every test of this binary: {error}");
                None
            }
        })
        .as_ref()
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

/// A mixture inside wfr.
fn inside(bells: &[Bell]) -> ScoreModel {
    let one = |(weight, mean, scale): &Bell| Component {
        weight: *weight,
        mean: mean.to_vec(),
        scale: vec![*scale],
    };
    ScoreModel::gaussian_mixture(&bells.iter().map(one).collect::<Vec<_>>()).unwrap()
}

/// The same mixture in burn's tensors.
fn evaluate(bells: &[Bell], x: Tensor<2>, level: &Level) -> Evaluation {
    let variance = |scale: f64| (level.alpha * scale).powi(2) + level.sigma.powi(2);
    // (α m − x)/v and log w N(x; α m, v I) of each component.
    let pulls: Vec<Tensor<2>> = bells
        .iter()
        .map(|(_, mean, scale)| {
            let mean = TensorData::from([mean.map(|m| (level.alpha * m) as f32)]);
            let mean = Tensor::<2>::from_data(mean, &x.device());
            (mean - x.clone()).div_scalar(variance(*scale))
        })
        .collect();
    let squares = pulls.iter().map(|pull| pull.clone().square().sum_dim(1));
    let squares = Tensor::cat(squares.collect(), 1);
    let logs = bells.iter().zip(squares.clone().split(1, 1)).map(|((weight, _, scale), square)| {
        let v = variance(*scale);
        square.mul_scalar(-0.5 * v).add_scalar((weight / (TAU * v)).ln())
    });
    let logs = Tensor::cat(logs.collect(), 1);
    let shares = softmax(logs.clone(), 1);
    let pulled = pulls.into_iter().zip(shares.clone().split(1, 1)).map(|(pull, p)| pull * p);
    let score = pulled.reduce(|a, b| a + b).unwrap();
    let rates = bells.iter().map(|(_, _, scale)| (2.0 / variance(*scale)) as f32);
    let rates = TensorData::new(rates.collect(), [1, bells.len()]);
    let rates = Tensor::<2>::from_data(rates, &x.device());
    let divergence = (shares * (squares - rates)).sum_dim(1) - score.clone().square().sum_dim(1);
    let peak = logs.clone().max_dim(1);
    let log_density = (logs - peak.clone()).exp().sum_dim(1).log() + peak;
    Evaluation {
        score,
        divergence: Some(divergence.squeeze_dim(1)),
        log_density: Some(log_density.squeeze_dim(1)),
    }
}

/// Both mixtures in burn, with what `change` makes of the left one's answers.
fn models(change: impl Fn(Evaluation) -> Evaluation + 'static) -> [Model<'static>; 2] {
    [
        Model::with_outputs("left", 2, ALL, move |x, level| change(evaluate(&LEFT, x, level))),
        Model::with_outputs("right", 2, ALL, |x, level| evaluate(&RIGHT, x, level)),
    ]
}

fn config(ess_threshold: f32) -> Config {
    Config {
        particles: N,
        schedule: noise().schedule(Spacing::Uniform, 0.0, 60).unwrap(),
        integrator: Some(wfr::Integrator::Euler),
        ess_threshold,
        ess_every: 1,
        ..Config::default()
    }
}

/// Runs `compose` of the models in burn, or of those inside wfr where there are none.
fn run(
    shared: &Shared,
    models: Option<&[Model<'_>; 2]>,
    compose: &dyn Fn(Vec<ScoreModel>) -> Composition,
    ess_threshold: f32,
) -> wfr::Result<(Info, Particles)> {
    let places = match models {
        Some(models) => models.iter().map(Model::score_model).collect::<wfr::Result<_>>()?,
        None => vec![inside(&LEFT), inside(&RIGHT)],
    };
    let problem = compose(places).problem()?;
    let mut sampler = Sampler::new(shared.gpu(), &problem, config(ess_threshold))?;
    let info = match models {
        Some(models) => shared.run(&mut sampler, models)?,
        None => sampler.run()?,
    };
    Ok((info, pollster::block_on(sampler.particles())?))
}

fn arc(models: Vec<ScoreModel>) -> Composition {
    Composition::new(noise(), models, Rule::fisher_rao(0.4))
}

/// The largest difference of a coordinate, and that of a log-weight over the log-weights' spread.
fn differences(a: &Particles, b: &Particles) -> (f32, f32) {
    let largest =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Each up to its own constant.
    let centred = |particles: &Particles| -> Vec<f32> {
        let logs = particles.log_weights();
        let mean = logs.iter().sum::<f32>() / logs.len() as f32;
        logs.iter().map(|log| log - mean).collect()
    };
    let (logs, others) = (centred(a), centred(b));
    let spread = logs.iter().map(|log| log.abs()).fold(0.0, f32::max);
    (largest(a.positions(), b.positions()), largest(&logs, &others) / spread)
}

/// Scores and log densities arrive where they belong. Both sides round in single precision: 60
/// steps take that to some 1e-6, or 1e-3 where a driver's functions are as bad as WGSL allows. A
/// log density that is wrong by 0.2 moves particles by 0.19.
#[test]
fn models_in_burn_move_particles_as_models_inside() {
    let Some(shared) = shared() else { return };
    let (_, own) = run(shared, None, &arc, 0.0).unwrap();
    let off = |models: [Model<'_>; 2]| {
        differences(&own, &run(shared, Some(&models), &arc, 0.0).unwrap().1)
    };
    let (moved, _) = off(models(|answer| answer));
    let (wrong, _) = off(models(|answer| Evaluation {
        log_density: answer.log_density.map(|log| log.add_scalar(0.2)),
        ..answer
    }));
    assert!(moved < 2e-3, "{moved}");
    assert!(wrong > 0.02, "{wrong}");
}

/// Divergences arrive where they belong: weights of a frozen drift need them. Initial weights of
/// models from outside are those of the normal law, which is 0.012 of the log-weights' spread; with
/// the divergence's sign flipped it is 1.2.
#[test]
fn divergences_of_burn_weigh_particles_as_those_inside() {
    let Some(shared) = shared() else { return };
    let frozen = |models| arc(models).with_frozen_drift(vec![0.6.into(), 0.4.into()]);
    let (_, own) = run(shared, None, &frozen, 0.0).unwrap();
    let off = |models: [Model<'_>; 2]| {
        differences(&own, &run(shared, Some(&models), &frozen, 0.0).unwrap().1)
    };
    let (moved, weighed) = off(models(|answer| answer));
    let (_, wrong) = off(models(|answer| Evaluation {
        divergence: answer.divergence.map(Tensor::neg),
        ..answer
    }));
    assert!(moved < 2e-3 && weighed < 0.03, "{moved} {weighed}");
    assert!(wrong > 0.3, "{wrong}");
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let Some(shared) = shared() else { return };
    let one = || run(shared, Some(&models(|answer| answer)), &arc, 1.0).unwrap();
    let ((info, a), (_, b)) = (one(), one());
    assert!(info.resamplings > 30, "{info:?}");
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a.positions()), bits(b.positions()));
    assert_eq!(bits(a.log_weights()), bits(b.log_weights()));
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let Some(shared) = shared() else { return };
    let elsewhere = Device::flex();
    let refusals = [
        (
            models(|answer| Evaluation { score: answer.score.narrow(1, 0, 1), ..answer }),
            "(1237, 1)",
        ),
        (models(|answer| Evaluation { divergence: None, ..answer }), "answers no divergence"),
        (
            models(move |answer| Evaluation {
                score: answer.score.to_device(&elsewhere),
                ..answer
            }),
            "move it",
        ),
        (
            models(|answer| Evaluation { score: answer.score.cast(DType::F64), ..answer }),
            "cast it to F32",
        ),
    ];
    for (models, expected) in refusals {
        let error = run(shared, Some(&models), &arc, 0.0).unwrap_err().to_string();
        assert!(error.contains("model left") && error.contains(expected), "{error}");
    }
}

#[test]
fn samplers_that_do_not_fit_are_refused() {
    let Some(shared) = shared() else { return };
    let models = models(|answer| answer);
    let places = models.iter().map(|model| model.score_model().unwrap()).collect();
    let problem = arc(places).problem().unwrap();
    let config = config(0.0);
    let mut sampler = Sampler::new(shared.gpu(), &problem, config.clone()).unwrap();
    let error = shared.run(&mut sampler, &models[..1]).unwrap_err().to_string();
    assert!(error.contains("are 1, and the composition has 2"), "{error}");
    let [left, _] = self::models(|answer| answer);
    let error = shared.run(&mut sampler, &[left, Model::new("solid", 3, |x, _| x)]).unwrap_err();
    assert!(error.to_string().contains("model solid has another dimension"), "{error}");
    let gpu = pollster::block_on(wfr::Gpu::for_problem(&problem, &config, None)).unwrap();
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    let error = shared.run(&mut sampler, &models).unwrap_err().to_string();
    assert!(error.contains("another device"), "{error}");
}
