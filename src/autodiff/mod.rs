//! Automatic differentiation of WGSL: from a function to its gradient, its slope along a direction,
//! its Laplacian and its Hessian times a vector, exactly, as WGSL again.
//!
//! The input is a module that naga has checked and the name of a function of it, `f(x, …) -> f32`,
//! where `x` is an `f32`, a `vecN<f32>` or an `array<f32, N>`, or a pointer to one; further
//! parameters count as constants. The output is text to append to the text of the module: it calls
//! the module's functions and uses its types, constants and buffers by their names.
//!
//! ```
//! use wfr::autodiff;
//! use wfr::wgpu::naga;
//!
//! let text = "fn f(x: vec2<f32>) -> f32 { return exp(-dot(x, x)) * x.y; }";
//! let module = naga::front::wgsl::parse_str(text).unwrap();
//! let derived = autodiff::gradient(&module, "f").unwrap();
//! assert_eq!(derived.function, "f_gradient");
//! // fn f_gradient(x: ptr<function, vec2<f32>>, gradient: ptr<function, vec2<f32>>) -> f32
//! naga::front::wgsl::parse_str(&(text.to_string() + &derived.wgsl)).unwrap();
//! ```
//!
//! # What is differentiated
//!
//! | WGSL | forward mode | reverse mode |
//! | --- | --- | --- |
//! | `f32`, vectors, swizzles, matrices, arrays, structures; by value and in variables | yes | yes |
//! | `let`, `var`, assignments to parts, pointers to variables, `const`, `override` | yes | yes |
//! | `if`, `else`, `switch`, `select`, returns from branches | yes | yes |
//! | loops with one test at the head or one at the end, `continue` | yes | yes |
//! | loops whose iterations need what earlier ones computed | yes | if their number is in the text, up to 512 |
//! | `break` and `return` inside of loops | yes | no |
//! | calls of functions, pointers passed to be read | yes | yes |
//! | functions that write through pointers | yes | no |
//! | reads of buffers, uniforms, `var<private>`, `arrayLength` | constants | constants |
//! | integers, `bool`s, comparisons, indices | not differentiated | not differentiated |
//!
//! Built-in functions: `abs`, `acos`, `acosh`, `asin`, `asinh`, `atan`, `atan2`, `atanh`, `clamp`,
//! `cos`, `cosh`, `cross`, `degrees`, `determinant`, `distance`, `dot`, `exp`, `exp2`,
//! `faceForward`, `fma`, `inverseSqrt`, `ldexp`, `length`, `log`, `log2`, `max`, `min`, `mix`,
//! `normalize`, `pow`, `radians`, `reflect`, `refract`, `saturate`, `sign`, `sin`, `sinh`,
//! `smoothstep`, `sqrt`, `tan`, `tanh`, `transpose`, and the products of linear algebra.
//!
//! Refused, with the place in the text: `ceil`, `floor`, `fract`, `quantizeToF16`, `round`, `step`,
//! `trunc` and `%` of what depends on `x` and moves the result, and turning such a number into an
//! integer, because they jump and the slope would miss it; `modf` and `frexp`; textures, atomics,
//! barriers; writes outside of the function and to its own parameters; other widths than 32 bits.
//!
//! # At kinks
//!
//! | where | derivative |
//! | --- | --- |
//! | `max(a, b)`, `min(a, b)` with a = b | that of `a` |
//! | `clamp(x, low, high)` at an end | that of `x` |
//! | `abs(x)` at 0; `length`, `distance`, `normalize` where the length is 0; `sqrt(x)` at 0 | 0 |
//! | `sign(x)` | 0 everywhere |
//! | `pow(x, y)` along y where the power is 0 | 0 |
//! | `max(a, b)`, `min(a, b)` where one of them is no number | that of the other |
//! | `if`, `switch`, `select` | that of the branch taken |
//!
//! A branch that is not taken gives nothing, whatever it would have been: infinite, or no number.
//!
//! # Modes
//!
//! *Reverse mode* costs a few evaluations whatever the dimension. It takes straight code, branches
//! and loops with one test at the head, as long as no iteration needs what an earlier one computed;
//! if one does, the number of iterations must be in the text. *Forward mode* takes everything, at
//! about one evaluation more per dimension. The cheaper of the two is chosen, function by function:
//! a forward sweep takes the slopes of a function that it calls from reverse mode. [`Derived`] says
//! what was chosen and what it costs.
//!
//! Source: A. Griewank and A. Walther, *Evaluating Derivatives*, second edition (2008).

mod activity;
mod build;
mod cost;
mod depends;
mod derive;
mod evaluate;
mod exits;
mod finite;
mod forward;
mod ir;
mod linear;
mod long_sum;
mod lower;
mod print;
mod prune;
mod reverse;
mod rules;
mod shape;
mod strip;
mod sums;
#[cfg(test)]
pub(crate) mod tests;
mod unroll;
mod widen;

use std::fmt;
use std::ops::Range;

use wgpu::naga;

use derive::Problem;
pub use evaluate::{Evaluation, Evaluator};
pub(crate) use long_sum::reference;

/// Why a function cannot be differentiated, and where in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    message: String,
    span: Option<Range<usize>>,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, span: Option<Range<usize>>) -> Refusal {
        Refusal { message: message.into(), span }
    }

    /// The same at a place, unless it has one.
    fn or_at(self, span: Option<Range<usize>>) -> Refusal {
        Refusal { span: self.span.or(span), ..self }
    }

    /// One sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the module's text that it is about. [`crate::wgsl::Linked::refused`] turns them
    /// into a file, a line and a column.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// How slopes are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// One sweep forward and one backward, whatever the dimension.
    Reverse,
    /// One sweep with a tangent for every coordinate.
    Forward,
    /// One sweep for every coordinate.
    Sweeps,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Reverse => "reverse mode",
            Mode::Forward => "forward mode, all coordinates in one sweep",
            Mode::Sweeps => "forward mode, one sweep per coordinate",
        })
    }
}

/// A derivative as WGSL text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Derived {
    /// Text to append to that of the module.
    pub wgsl: String,
    /// The name of the function in it.
    pub function: String,
    /// How the slopes are computed.
    pub mode: Mode,
    /// About how many evaluations of the original a call costs, by counted operations.
    pub evaluations: f64,
}

/// A gradient whose value leaves out what is added to it whatever the position.
pub(crate) struct Anchored {
    pub(crate) derived: Derived,
    /// The names of functions that take what the gradient's function takes, and return one each of
    /// the sums in fixed point, in whole. The sums in the derivative are relative to the constants
    /// that [`reference`] names.
    pub(crate) probes: Vec<String>,
    /// These functions, for the host.
    pub(crate) probe_text: String,
}

/// As [`gradient_by`], without what does not move; with long sums in fixed point, if `sums`; and
/// with `factor` iterations of long loops in one. None where nothing of this changes the derivative.
pub(crate) fn anchored(
    module: &naga::Module,
    function: &str,
    mode: Mode,
    sums: bool,
    factor: u32,
) -> Result<Option<Anchored>, Refusal> {
    Problem::new(module, function)?.anchored(mode, sums, factor)
}

/// The value and the gradient: `fn f_gradient(x: ptr<function, T>, …, gradient: ptr<function, T>)
/// -> f32`, where `T` is the type of `f`'s first parameter.
///
/// # Errors
/// [`Refusal`] for what has no derivative.
pub fn gradient(module: &naga::Module, function: &str) -> Result<Derived, Refusal> {
    Problem::new(module, function)?.gradient(None)
}

/// As [`gradient`], in the mode given.
///
/// # Errors
/// [`Refusal`] also where the mode does not take the function.
pub fn gradient_by(module: &naga::Module, function: &str, mode: Mode) -> Result<Derived, Refusal> {
    Problem::new(module, function)?.gradient(Some(mode))
}

/// The value and the slope along a direction: `fn f_directional(x: ptr<function, T>, …, v:
/// ptr<function, T>, slope: ptr<function, f32>) -> f32`.
///
/// # Errors
/// [`Refusal`] for what has no derivative.
pub fn directional(module: &naga::Module, function: &str) -> Result<Derived, Refusal> {
    Problem::new(module, function)?.directional()
}

/// The value, the gradient and the Laplacian, the sum of the second derivatives along the
/// coordinates: `fn f_laplacian(x: ptr<function, T>, …, gradient: ptr<function, T>, laplacian:
/// ptr<function, f32>) -> f32`.
///
/// # Errors
/// [`Refusal`] for what has no derivative.
pub fn laplacian(module: &naga::Module, function: &str) -> Result<Derived, Refusal> {
    Problem::new(module, function)?.laplacian()
}

/// The value, the gradient and the Hessian times a vector: `fn f_hessian_vector(x: ptr<function, T>,
/// …, v: ptr<function, T>, gradient: ptr<function, T>, product: ptr<function, T>) -> f32`.
///
/// # Errors
/// [`Refusal`] for what has no derivative.
pub fn hessian_vector(module: &naga::Module, function: &str) -> Result<Derived, Refusal> {
    Problem::new(module, function)?.hessian_vector()
}
