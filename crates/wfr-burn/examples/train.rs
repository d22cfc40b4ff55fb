//! Trains a small score network with burn and writes it for wfr:
//!
//! ```sh
//! cargo run --release --example train -- ../../models/left.txt left.safetensors [STEPS]
//! ```

mod support;

use std::path::Path;

use burn::tensor::Device;
use support::Result;
use support::mixture::Mixture;
use support::training::{self, Training};
use wfr::diffusion::ScoreModel;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mixture, output, steps) = match &arguments[..] {
        [mixture, output] => (mixture, output, 20_000),
        [mixture, output, steps] => (mixture, output, steps.parse()?),
        _ => return Err("usage: train MIXTURE.txt OUTPUT.safetensors [STEPS]".into()),
    };
    let exact = ScoreModel::gaussian_mixture_from_file(mixture, None)?;
    let mixture = Mixture::from_file(Path::new(mixture))?;
    let device = Device::flex();
    let training = Training { steps, batch: 512, rate: 2e-3, seed: 1 };
    let network = training.run(&mixture, &device, |step, loss| {
        println!("step {step}: loss {loss:.5}");
    });
    support::file::save(&network, Path::new(output))?;
    println!("relative error of the score at tau:");
    for (tau, error) in training::relative_errors(&network, &mixture, &exact, &device)? {
        println!("  {tau:>6}  {error:.4}");
    }
    Ok(())
}
