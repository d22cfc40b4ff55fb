//! Two pretrained score networks, each of a mixture of its own, composed half and half along the
//! Fisher–Rao arc: burn evaluates them on the device where wfr samples.
//!
//! ```sh
//! cargo run --release --example two_models -- [PARTICLES [LEFT.safetensors RIGHT.safetensors]]
//! ```
//!
//! Files are those of `models/` unless given, and of its mixtures, whose composition is known.

mod support;

use std::path::{Path, PathBuf};

use support::Result;
use support::file;
use support::training::LOWEST;
use wfr::diffusion::{Composition, Noise, Rule, ScoreModel, Spacing, Tracking};
use wfr::{Config, Diagnostics, Sampler};
use wfr_burn::{Model, Shared};

const STEPS: u32 = 200;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (particles, files) = match &arguments[..] {
        [] => (4000, None),
        [particles] => (particles.parse()?, None),
        [particles, left, right] => (particles.parse()?, Some([left, right].map(PathBuf::from))),
        _ => {
            return Err("usage: two_models [PARTICLES [LEFT.safetensors RIGHT.safetensors]]".into());
        }
    };
    let files = files.unwrap_or(["left", "right"].map(|name| model(name, "safetensors")));
    let adapter = pollster::block_on(wfr::adapter(None))?;
    let shared = pollster::block_on(Shared::open(&adapter))?;
    println!("wfr and burn on {}", shared.gpu().adapter_info().name);
    let left = file::load(&files[0], shared.device())?;
    let right = file::load(&files[1], shared.device())?;
    if left.shape != right.shape {
        return Err("the two networks were trained for different noise or sizes".into());
    }
    let models = [
        Model::new("left", 2, |x, level| left.score(x, level)),
        Model::new("right", 2, |x, level| right.score(x, level)),
    ];

    let noise = left.shape.noise();
    let scores = models.iter().map(Model::score_model).collect::<wfr::Result<Vec<_>>>()?;
    let composition =
        Composition::new(noise, scores, Rule::fisher_rao(0.5)).with_tracking(Tracking::KernelRatio);
    let schedule = noise.schedule(Spacing::Uniform, LOWEST, STEPS)?;
    let config = Config { particles, schedule, ..Config::default() };
    let mut sampler = Sampler::new(shared.gpu(), &composition.problem()?, config)?;
    let info = shared.run(&mut sampler, &models)?;

    let sample = pollster::block_on(sampler.particles())?;
    let diagnostics = Diagnostics::new(&sample);
    println!("{particles} particles, {STEPS} steps, {} resamplings", info.resamplings);
    println!("{:10} {:>18} {:>9}", "", "networks", "truth");
    let found = [diagnostics.means(), diagnostics.second_moments()].concat();
    let names = ["E x", "E y", "E x²", "E y²"];
    for ((name, found), truth) in names.iter().zip(found).zip(truth(noise)?) {
        println!("{name:10} {:9.4} ± {:.4} {truth:9.4}", found.value, found.se);
    }
    Ok(())
}

/// A file of `models/`.
fn model(name: &str, extension: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    models.join(name).with_extension(extension)
}

/// The moments of the composition of the exact models where the run ends, by the midpoint rule.
fn truth(noise: Noise) -> Result<[f64; 4]> {
    const REACH: f64 = 7.0;
    const CELLS: u32 = 280;
    let exact = ["left", "right"]
        .map(|name| ScoreModel::gaussian_mixture_from_file(model(name, "txt"), None));
    let exact = exact.into_iter().collect::<wfr::Result<Vec<_>>>()?;
    let composition = Composition::new(noise, exact, Rule::fisher_rao(0.5));
    let place = |i: u32| REACH * (f64::from(2 * i + 1) / f64::from(CELLS) - 1.0);
    let mut sums = [0.0; 5];
    for (i, j) in (0..CELLS * CELLS).map(|cell| (cell / CELLS, cell % CELLS)) {
        let (x, y) = (place(i), place(j));
        let log = composition.log_density(&[x, y], LOWEST, 1.0).ok_or("no closed form")?;
        for (sum, value) in sums.iter_mut().zip([1.0, x, y, x * x, y * y]) {
            *sum += log.exp() * value;
        }
    }
    let [all, moments @ ..] = sums;
    Ok(moments.map(|sum| sum / all))
}
