//! Models that the host program evaluates between the steps.

use wfr::diffusion::{Composition, Noise, Outputs, Rule, ScoreModel, Spacing};
use wfr::{Component, Config, Info, ModelCall, Particles, Problem, Sampler};

use crate::common;

const N: u32 = 512;

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn mixtures() -> [ScoreModel; 2] {
    let one = |weight, mean: [f64; 2], scale| Component {
        weight,
        mean: mean.to_vec(),
        scale: vec![scale],
    };
    [
        ScoreModel::gaussian_mixture(&[one(0.3, [-3.0, 1.0], 0.5), one(0.7, [1.0, -0.5], 0.7)]),
        ScoreModel::gaussian_mixture(&[one(0.6, [-1.0, 0.3], 0.6), one(0.4, [2.5, 1.0], 0.5)]),
    ]
    .map(Result::unwrap)
}

fn external(outputs: Outputs) -> [ScoreModel; 2] {
    ["left", "right"].map(|name| ScoreModel::external(name, 2, outputs).unwrap())
}

fn problem(models: [ScoreModel; 2], rule: Rule) -> Problem {
    Composition::new(noise(), models.to_vec(), rule).problem().unwrap()
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

/// Writes the closed forms at the particles of now, computed on the host.
fn fill(call: &ModelCall<'_>, outputs: Outputs) -> wfr::Result<()> {
    let (device, queue) = (&call.gpu.device, &call.gpu.queue);
    let words: Vec<f32> = common::read(device, queue, &call.particles.pages[0]);
    for (model, buffer) in mixtures().iter().zip(&call.outputs) {
        let mut rows = vec![Vec::new(); 4];
        for i in 0..N as usize {
            let x = [words[i], words[N as usize + i]].map(f64::from);
            let known = model.exact(&noise(), call.tau, &x).unwrap();
            let values = [known.score[0], known.score[1], known.divergence, known.log_density];
            rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value as f32));
        }
        if !outputs.divergence {
            rows.remove(2);
        }
        if !outputs.log_density {
            rows.pop();
        }
        call.gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&rows.concat()));
    }
    Ok(())
}

fn run(outputs: Option<Outputs>, rule: Rule, ess_threshold: f32) -> Option<(Info, Particles)> {
    let models = outputs.map_or_else(mixtures, external);
    let problem = problem(models, rule);
    let config = config(ess_threshold);
    let gpu = common::gpu(&problem, &config)?;
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    let info = match outputs {
        None => sampler.run().unwrap(),
        Some(outputs) => sampler.run_with(|call| fill(call, outputs)).unwrap(),
    };
    Some((info, common::particles(&sampler)))
}

/// With the scores of a closed form from outside, particles go where they go inside. The host's
/// scores are rounded once and the device's on the way: 60 steps take that to some 1e-4.
#[test]
fn scores_from_outside_move_particles_as_scores_from_inside() {
    let all = Outputs { divergence: true, log_density: true };
    let Some((info, own)) = run(None, Rule::fisher_rao(0.4), 0.0) else { return };
    let (other_info, other) = run(Some(all), Rule::fisher_rao(0.4), 0.0).unwrap();
    for (a, b) in own.positions().iter().zip(other.positions()) {
        assert!((a - b).abs() < 2e-3, "{a} and {b}");
    }
    // The initial weights of models from outside are those of the normal law.
    assert!((info.log_normalizer - other_info.log_normalizer).abs() < 0.02);
}

/// A particle's scores go with it when it is copied: with a resampling at every test log Z is that
/// of closed forms within five standard errors of one run, which five runs inside measure.
#[test]
fn scores_follow_their_particles_through_resampling() {
    let none = Outputs::default();
    let Some((inside, _)) = run(None, Rule::geometric(0.4), 1.0) else { return };
    let (outside, particles) = run(Some(none), Rule::geometric(0.4), 1.0).unwrap();
    assert!(outside.resamplings > 30, "{outside:?}");
    let se = wfr::Diagnostics::new(&particles).log_normalizer_se();
    let off = (inside.log_normalizer - outside.log_normalizer).abs();
    assert!(off < 5.0 * se, "{off} against {se}");
}

#[test]
fn a_run_without_its_models_is_refused() {
    let problem = problem(external(Outputs::default()), Rule::product());
    let config = config(0.5);
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    let error = sampler.run().unwrap_err().to_string();
    assert!(error.contains("use Sampler::run_with"), "{error}");
}
