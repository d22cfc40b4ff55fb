//! `wfr derive`: derivatives of a WGSL function, as WGSL.

use clap::{Args, ValueEnum};
use wfr::autodiff;

use super::console;
use super::failure::Done;
use super::options::TargetOptions;

const EXAMPLES: &str = "\
Examples:
  wfr derive mine.wgsl --dim 2
  wfr derive --density '-sum(i, x[i]^4)' --dim 3 --what laplacian
  wfr derive mine.wgsl --dim 2 --function potential --what directional > slope.wgsl

The text belongs behind that of the file: it calls the file's functions.";

/// Prints the derivative of a function as WGSL to append to its file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: TargetOptions,
    /// The function: of an f32, a vector or an array of f32, or a pointer to one, to an f32.
    #[arg(long, value_name = "NAME", default_value = "log_density")]
    function: String,
    /// What to derive, with the value.
    #[arg(long, value_name = "WHAT", default_value = "gradient")]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// All slopes.
    Gradient,
    /// The slope along a direction.
    Directional,
    /// The gradient and the sum of the second derivatives.
    Laplacian,
    /// The gradient and the Hessian times a vector.
    HessianVector,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let target = arguments.target.read()?;
    let derived = target.derive(
        &arguments.function,
        match arguments.what {
            What::Gradient => autodiff::gradient,
            What::Directional => autodiff::directional,
            What::Laplacian => autodiff::laplacian,
            What::HessianVector => autodiff::hessian_vector,
        },
    )?;
    console::print(&format!(
        "// {}: {}, about {:.1} evaluations of {}.\n\n{}",
        derived.function, derived.mode, derived.evaluations, arguments.function, derived.wgsl
    ))
}
