//! Files that networks are read from, and their scores on the host.

use serde_json::{Value, json};

use super::*;
use crate::diffusion::Divergence;
use crate::reference::network::{network, network_file, network_tensors};
use crate::testing::normals;

fn config(architecture: &str, activation: &str, prediction: &str, schedule: &str) -> Value {
    let mut config = json!({
        "dim": 3,
        "hidden": 7,
        "activation": activation,
        "architecture": architecture,
        "prediction": prediction,
        "schedule": match schedule {
            "ve" => json!({"kind": "ve", "sigma_min": 0.01, "sigma_max": 20.0}),
            kind => json!({"kind": kind, "beta_min": 0.1, "beta_max": 20.0, "time": 1.0}),
        },
        "time_embedding": {"kind": "fourier", "input": "log_sigma", "frequencies": [0.5, 1.0]},
        "input_scale": "unit",
    });
    if prediction == "denoiser" {
        config["sigma_data"] = json!(1.5);
        config["input_scale"] = json!("none");
    }
    config
}

fn random(config: &Value, depth: usize) -> Network {
    let bytes = network_file(config, &network_tensors(config, depth, 5));
    Network::from_bytes("random", &bytes).unwrap()
}

/// Divergences are the central differences of the scores, and directional derivatives of a probe
/// with one axis its diagonal: error of the differences h² = 1e-8 times third derivatives.
#[test]
fn divergences_are_those_of_the_score() {
    for architecture in ["sequential", "residual"] {
        for activation in ["silu", "gelu", "tanh"] {
            for (prediction, schedule) in [
                ("score", "vp"),
                ("noise", "sub-vp"),
                ("v", "vp"),
                ("denoiser", "ve"),
                ("denoiser", "vp"),
            ] {
                let net = random(&config(architecture, activation, prediction, schedule), 2);
                for (k, s) in [0.1, 0.4, 0.9].into_iter().enumerate() {
                    let (tau, x) = (s * net.noise().end(), normals(k as u32, 3));
                    let (score, exact) = network(&net, Divergence::Exact, (0, 0, 0), tau, &x);
                    assert_eq!(score, net.score(&x, tau));
                    let h = 1e-4;
                    let slope = |j: usize| {
                        let at = |by: f64| {
                            let mut x = x.clone();
                            x[j] += by;
                            net.score(&x, tau)[j]
                        };
                        (at(h) - at(-h)) / (2.0 * h)
                    };
                    let differences: f64 = (0..3).map(slope).sum();
                    let bound = 1e-6 * (1.0 + exact.abs());
                    assert!(
                        (differences - exact).abs() < bound,
                        "{architecture} {activation} {prediction} {schedule}: {exact}, \
                         differences {differences}"
                    );
                }
            }
        }
    }
}

/// Each prediction by its definition, from one output F and x = a x₀ + s ε.
#[test]
fn predictions_mean_what_their_names_say() {
    for (prediction, schedule) in
        [("score", "ve"), ("noise", "sub-vp"), ("v", "vp"), ("denoiser", "vp"), ("denoiser", "ve")]
    {
        let config = config("residual", "silu", prediction, schedule);
        let mut plain = config.clone();
        plain["prediction"] = json!("score");
        plain.as_object_mut().unwrap().remove("sigma_data");
        let (net, plain) = (random(&config, 1), random(&plain, 1));
        let (tau, x) = (0.3, [0.4, -1.2, 2.0]);
        let (a, s) = (net.noise().alpha(tau), net.noise().sigma(tau));
        let spread = (s / a).hypot(1.5);
        // What the network is given: of the denoiser c_in x/a, else x by the input scale.
        let c = if prediction == "denoiser" { 1.0 / (spread * a) } else { 1.0 };
        let f = plain.score(&x.map(|x| c * x), tau);
        for (j, (score, f)) in net.score(&x, tau).into_iter().zip(f).enumerate() {
            // E ε = −s score and E x₀ = (x + s² score) / a.
            let (noise, start) = (-s * score, (x[j] + s * s * score) / a);
            let (expected, found) = match prediction {
                "score" => (f, score),
                "noise" => (f, noise),
                "v" => (f, a * noise - s * start),
                _ => {
                    let (skip, out) = (2.25 / (spread * spread), s / a * 1.5 / spread);
                    (skip * x[j] / a + out * f, start)
                }
            };
            let error = (expected - found).abs();
            assert!(error < 1e-9, "{prediction} {schedule}: {expected} {found}");
        }
    }
}

#[test]
fn counts_are_those_of_the_file() {
    let net = random(&config("residual", "silu", "noise", "vp"), 2);
    assert_eq!((net.dim(), net.hidden()), (3, 7));
    // Input, two blocks with 4 features of time, output.
    assert_eq!(net.parameters(), (21 + 7) + 2 * (49 + 7 + 28 + 49 + 7) + (21 + 3));
    assert_eq!(net.noise(), Noise::variance_preserving(0.1, 20.0));
}

/// The error of a file of these tensors.
fn refusal(config: &Value, tensors: &[(String, Vec<usize>, Vec<f32>)]) -> String {
    Network::from_bytes("bad.safetensors", &network_file(config, tensors)).unwrap_err().to_string()
}

#[test]
fn broken_files_are_refused() {
    let good = config("sequential", "silu", "noise", "vp");
    let bytes = network_file(&good, &network_tensors(&good, 2, 5));
    let error = |bytes: &[u8]| Network::from_bytes("bad", bytes).unwrap_err().to_string();
    for length in [0, 4, 100, bytes.len() - 1] {
        let found = error(&bytes[..length]);
        assert!(found.starts_with("bad: is not a whole safetensors file ("), "{found}");
        assert!(found.ends_with(&format!("it has {length} bytes); copy or write it again")));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let renamed = |from: &[u8], to: &[u8]| {
        let at = text.as_bytes().windows(from.len()).position(|w| w == from);
        let at = at.unwrap_or_else(|| panic!("{from:?}"));
        let mut bytes = bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        error(&bytes)
    };
    assert_eq!(
        renamed(b"wfr.kind", b"wfr.king"),
        "bad: has no wfr.kind in its metadata, expected 'score-mlp'; convert it, for instance with \
         train/from_torch.py"
    );
    let error = renamed(b"score-mlp", b"score-cnn");
    assert!(error.contains("has 'score-cnn' as wfr.kind"), "{error}");
    let error = renamed(b"wfr.config", b"wfr.confiG");
    assert_eq!(error, "bad: has no wfr.config in its metadata; write its JSON there");
    let missing = Network::from_file("no/such.safetensors").unwrap_err().to_string();
    assert!(missing.starts_with("no/such.safetensors: "), "{missing}");
}

#[test]
fn configurations_are_refused_by_key() {
    let good = config("sequential", "silu", "noise", "vp");
    let tensors = network_tensors(&good, 2, 5);
    let with = |path: &str, value: Value| {
        let mut config = good.clone();
        *config.pointer_mut(path).unwrap() = value;
        refusal(&config, &tensors)
    };
    let expected = |path: &str, value: Value, reason: &str| {
        assert_eq!(with(path, value), format!("bad.safetensors: {reason}"));
    };
    let wide = "wfr.config: hidden is 1025; expected a whole number from 1 to 1024";
    expected("/hidden", json!(1025), wide);
    let dim = "wfr.config: dim is 0; expected a whole number from 1 to 1024";
    expected("/dim", json!(0), dim);
    let relu = "wfr.config: activation is \"relu\"; expected one of silu, gelu, tanh";
    expected("/activation", json!("relu"), relu);
    let unet = "wfr.config: architecture is \"unet\"; expected one of sequential, residual";
    expected("/architecture", json!("unet"), unet);
    let flow = "wfr.config: prediction is 3; expected one of score, noise, v, denoiser";
    expected("/prediction", json!(3), flow);
    let lacking = "wfr.config: sigma_data is missing; write it into the file";
    expected("/prediction", json!("denoiser"), lacking);
    let cosine = "wfr.config.schedule: kind is \"cosine\"; expected one of vp, sub-vp, ve";
    expected("/schedule/kind", json!("cosine"), cosine);
    let beta = "wfr.config.schedule: beta_max is \"big\"; expected a number";
    expected("/schedule/beta_max", json!("big"), beta);
    let clock = "wfr.config.time_embedding: input is \"t\"; expected one of time, log_sigma, \
                 log_sigma/4";
    expected("/time_embedding/input", json!("t"), clock);
    let list = "wfr.config.time_embedding: frequencies is []; expected a list of 1 to 1024 numbers";
    expected("/time_embedding/frequencies", json!([]), list);
    let object = "wfr.config.schedule is \"vp\"; expected an object of named values";
    expected("/schedule", json!("vp"), object);
    let error = with("/schedule/beta_max", json!(1e9));
    assert!(error.contains("an integral of beta of"), "{error}");

    let mut unknown = good.clone();
    unknown["dropout"] = json!(0.1);
    assert_eq!(
        refusal(&unknown, &tensors),
        "bad.safetensors: wfr.config: 'dropout' is not known; the keys are dim, hidden, activation, \
         architecture, prediction, schedule, time_embedding, input_scale"
    );
    let mut v = config("sequential", "silu", "v", "sub-vp");
    let found = refusal(&v, &tensors);
    assert!(
        found.ends_with("predicts v, which needs the schedule vp; convert it to predict noise")
    );
    v = config("sequential", "silu", "denoiser", "ve");
    v["input_scale"] = json!("unit");
    let found = refusal(&v, &tensors);
    assert!(found.ends_with("a denoiser scales its input itself; leave input_scale out"));
}

#[test]
fn tensors_are_refused_by_name() {
    let (flat, deep) =
        (config("sequential", "silu", "noise", "vp"), config("residual", "silu", "noise", "vp"));
    let tensors = |config: &Value| network_tensors(config, 2, 5);
    let without = |config: &Value, name: &str| {
        let mut tensors = tensors(config);
        tensors.retain(|(tensor, ..)| tensor != name);
        refusal(config, &tensors)
    };
    let missing = "is missing; save the whole network";
    for (config, name) in [(&flat, "net.2.bias"), (&deep, "input.weight"), (&deep, "output.bias")] {
        assert_eq!(without(config, name), format!("bad.safetensors: tensor {name} {missing}"));
    }
    let mut more = tensors(&deep);
    more.push(("norm.weight".into(), vec![1], vec![1.0]));
    assert_eq!(
        refusal(&deep, &more),
        "bad.safetensors: tensor norm.weight is none of a residual network, whose tensors are \
         input.*, blocks.i.first.*, blocks.i.time.weight, blocks.i.second.*, output.*; leave it out"
    );
    let mut narrow = flat.clone();
    narrow["time_embedding"]["frequencies"] = json!([1.0]);
    assert_eq!(
        refusal(&narrow, &tensors(&flat)),
        "bad.safetensors: tensor net.0.weight has the shape [7, 7], expected [7, 5] = [hidden, dim \
         + 2 frequencies]; correct wfr.config or the tensor"
    );
    let mut broken = tensors(&flat);
    broken[2].2[9] = f32::NAN;
    assert_eq!(
        refusal(&flat, &broken),
        "bad.safetensors: tensor net.2.weight is NaN at [1, 2], and weights must be finite in \
         single precision; train again"
    );
}
