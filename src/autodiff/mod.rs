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
//! | `if`, `switch`, `select` | that of the branch taken |
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
mod evaluate;
mod forward;
mod ir;
mod linear;
mod lower;
mod print;
mod prune;
mod reverse;
mod rules;
mod shape;
#[cfg(test)]
pub(crate) mod tests;
mod unroll;

use std::fmt;
use std::ops::Range;

use wgpu::naga;

use activity::Activities;
use build::Builder;
pub use evaluate::{Evaluation, Evaluator};
use forward::{Forward, Seeds};
use ir::{
    Argument, F32, FunctionId, Op, Place, Program, Scalar, Statement, Step, Type, U32, Value,
};
use reverse::Reverse;

/// The most directions of one forward sweep over all coordinates.
const MOST_DIRECTIONS: u32 = 16;

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

/// A function to differentiate.
struct Problem {
    program: Program,
    activities: Activities,
    reverse: Reverse,
    id: FunctionId,
    /// Of the position.
    ty: Type,
    names: Vec<String>,
}

/// The parameters of a function that is written around the original.
struct Outer {
    b: Builder,
    x: Place,
    others: Vec<Argument>,
}

impl Problem {
    fn new(module: &naga::Module, function: &str) -> Result<Problem, Refusal> {
        let (mut program, id) = lower::lower(module, function)?;
        unroll::unroll(&mut program);
        let original = &program[id];
        let shape = "a function to differentiate takes an f32, a vector or an array of f32 first \
                     and returns an f32";
        let is_position = |ty: &Type| match ty {
            Type::Scalar(Scalar::F32) | Type::Vector(_, Scalar::F32) => true,
            Type::Array(element, Some(_), _) => element.is_float(),
            _ => false,
        };
        let first = original.parameters.first().filter(|first| is_position(&first.ty));
        let (Some(first), Some(F32)) = (first, &original.result) else {
            return Err(Refusal::new(format!("`{function}` has another shape: {shape}"), None));
        };
        let ty = first.ty.clone();
        for parameter in 0..original.parameters.len() {
            if program.writes(id, parameter as u32) {
                let name = &original.parameters[parameter].name;
                let message = format!(
                    "`{function}` writes to its parameter `{name}`; copy it to a variable first"
                );
                return Err(Refusal::new(message, None));
            }
        }
        let names = names(module);
        hidden(&names)?;
        let (activities, reverse) = (Activities::default(), Reverse::default());
        Ok(Problem { program, activities, reverse, id, ty, names })
    }

    fn dim(&self) -> u32 {
        if self.ty.is_float() { 1 } else { self.ty.parts() }
    }

    fn mask(&self) -> Vec<bool> {
        let count = self.program[self.id].parameters.len();
        (0..count).map(|i| i == 0).collect()
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.program[self.id].name)
    }

    fn outer(&self, suffix: &str, comment: &str) -> Outer {
        let original = &self.program[self.id];
        let mut b = Builder::new(self.name(suffix), comment.replace("{f}", &original.name));
        let x = b.parameter("x", self.ty.clone(), true);
        let x = b.pointee(x);
        let mut others = Vec::new();
        for (i, parameter) in original.parameters.iter().enumerate().skip(1) {
            // Names of their own, whatever the originals are called.
            let (ty, is_pointer) = (parameter.ty.clone(), parameter.is_pointer);
            let index = b.parameter(&format!("other{i}"), ty.clone(), is_pointer);
            others.push(if is_pointer {
                Argument::Pointer(b.pointee(index))
            } else {
                Argument::Value(b.value(Op::Parameter(index), ty))
            });
        }
        b.function.result = Some(F32);
        Outer { b, x, others }
    }

    /// The position and the other arguments, as the original takes them.
    fn arguments(&self, outer: &mut Outer, position: &[Place]) -> Vec<Argument> {
        let is_pointer = self.program[self.id].parameters[0].is_pointer;
        let mut arguments = Vec::new();
        for place in position {
            arguments.push(if is_pointer {
                Argument::Pointer(place.clone())
            } else {
                Argument::Value(outer.b.load(place.clone()))
            });
        }
        arguments.extend(outer.others.iter().cloned());
        arguments
    }

    fn finish(self, id: FunctionId, mode: Mode) -> Result<Derived, Refusal> {
        let program = &self.program;
        let evaluations = cost::cost(program, id) / cost::cost(program, self.id).max(1.0);
        for generated in program.functions.iter().filter(|f| !f.is_users) {
            let parameters = generated.parameters.iter().map(|p| format!("{}_", p.name));
            let mut own = parameters.chain([generated.name.clone()]);
            let is_local = |name: &&String| {
                let number = name.strip_prefix(['v', 'w']).and_then(|name| name.strip_suffix('_'));
                number.is_some_and(|number| number.parse::<u32>().is_ok())
            };
            let clash = own.find(|name| self.names.contains(name));
            if let Some(name) = clash.or_else(|| self.names.iter().find(is_local).cloned()) {
                let message = format!("`{name}` is a name of the derivative; choose another name");
                return Err(Refusal::new(message, None));
            }
        }
        let function = program[id].name.clone();
        Ok(Derived { wgsl: print::print(program, id), function, mode, evaluations })
    }

    fn gradient(mut self, wanted: Option<Mode>) -> Result<Derived, Refusal> {
        let (id, mode) = self.gradient_function(wanted)?;
        self.finish(id, mode)
    }

    /// The gradient in the cheapest of the modes allowed.
    fn gradient_function(&mut self, wanted: Option<Mode>) -> Result<(FunctionId, Mode), Refusal> {
        let fits_one_sweep = self.dim() <= MOST_DIRECTIONS;
        let modes = match wanted {
            Some(mode) => vec![mode],
            None if fits_one_sweep => vec![Mode::Reverse, Mode::Forward],
            None => vec![Mode::Reverse, Mode::Sweeps],
        };
        let mut best: Option<(FunctionId, Mode, f64)> = None;
        let mut refusal = Refusal::new("no mode takes this function", None);
        for mode in modes {
            let function = match mode {
                Mode::Reverse => self.by_reverse(),
                Mode::Forward => self.by_forward(),
                Mode::Sweeps => self.by_sweeps(),
            };
            match function {
                Ok(id) => {
                    let cost = cost::cost(&self.program, id);
                    if best.is_none_or(|(_, _, least)| cost < least) {
                        best = Some((id, mode, cost));
                    }
                }
                // What reverse mode alone refuses, forward mode takes: its word is the last.
                Err(error) => refusal = error,
            }
        }
        best.map(|(id, mode, _)| (id, mode)).ok_or(refusal)
    }

    fn by_reverse(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask();
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let adjoint = match known.result {
            true => self.reverse.derive(&mut self.program, &mut self.activities, self.id, &mask)?,
            // Nothing depends on the position.
            false => self.id,
        };
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        outer.b.set_zero(gradient.clone());
        let x = outer.x.clone();
        let mut arguments = self.arguments(&mut outer, &[x]);
        if known.result {
            arguments.push(Argument::Value(outer.b.float(1.0)));
            arguments.push(Argument::Pointer(gradient));
        }
        Ok(self.returning(outer.b, adjoint, arguments))
    }

    fn by_forward(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask();
        let dim = self.dim();
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let mut forward =
            Forward::new(&mut self.program, &mut self.activities, Some(&mut self.reverse));
        let sweep = forward.derive(self.id, &mask, Seeds::Coordinates(dim))?;
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        let x = outer.x.clone();
        let mut arguments = self.arguments(&mut outer, &[x]);
        let count = if known.result { dim } else { 0 };
        let slopes: Vec<_> = (0..count).map(|_| outer.b.local_place(F32)).collect();
        arguments.extend(slopes.iter().cloned().map(Argument::Pointer));
        let value = call(&mut outer.b, sweep, arguments);
        if slopes.is_empty() {
            outer.b.set_zero(gradient.clone());
        }
        for (k, slope) in slopes.into_iter().enumerate() {
            let slope = outer.b.load(slope);
            let to = self.coordinate(&gradient, Step::Part(k as u32));
            outer.b.store(to, slope);
        }
        outer.b.push(Statement::Return(Some(value)));
        Ok(outer.b.finish(&mut self.program))
    }

    fn by_sweeps(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask();
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let mut forward = Forward::new(&mut self.program, &mut self.activities, None);
        let sweep = forward.derive(self.id, &mask, Seeds::Given(1))?;
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        let id = self.along_each(outer, |problem, outer, along, index| {
            let x = outer.x.clone();
            let mut arguments = problem.arguments(outer, &[x, along.clone()]);
            let slope = outer.b.local_place(F32);
            if known.result {
                arguments.push(Argument::Pointer(slope.clone()));
            } else {
                outer.b.set_zero(slope.clone());
            }
            let value = call(&mut outer.b, sweep, arguments);
            let slope = outer.b.load(slope);
            let to = problem.coordinate(&gradient, Step::At(index));
            outer.b.store(to, slope);
            value
        });
        Ok(id)
    }

    fn coordinate(&self, of: &Place, step: Step) -> Place {
        if self.ty.is_float() { of.clone() } else { of.at(step) }
    }

    /// A loop over the unit vectors; `body` returns the value, which the function returns.
    fn along_each(
        &mut self,
        mut outer: Outer,
        body: impl FnOnce(&Problem, &mut Outer, &Place, Value) -> Value,
    ) -> FunctionId {
        let along = outer.b.local_place(self.ty.clone());
        let result = outer.b.local_place(F32);
        outer.b.set_zero(along.clone());
        let dim = self.dim();
        let counter = outer.b.local_place(U32);
        let start = outer.b.uint(0);
        outer.b.store(counter.clone(), start);
        outer.b.begin();
        let index = outer.b.load(counter.clone());
        let end = outer.b.uint(dim);
        let more = outer.b.compare(naga::BinaryOperator::Less, index, end);
        outer.b.push(Statement::If(more, Vec::new(), vec![Statement::Break]));
        let (zero, one) = (outer.b.float(0.0), outer.b.float(1.0));
        outer.b.store(self.coordinate(&along, Step::At(index)), one);
        let value = body(self, &mut outer, &along, index);
        outer.b.store(result.clone(), value);
        outer.b.store(self.coordinate(&along, Step::At(index)), zero);
        let inner = outer.b.end();
        outer.b.begin();
        let index = outer.b.load(counter.clone());
        let one = outer.b.uint(1);
        let next = outer.b.value(Op::Binary(naga::BinaryOperator::Add, index, one), U32);
        outer.b.store(counter, next);
        let continuing = outer.b.end();
        outer.b.push_loop(inner, continuing, None, Some(dim));
        let value = outer.b.load(result);
        outer.b.push(Statement::Return(Some(value)));
        outer.b.finish(&mut self.program)
    }

    fn directional(mut self) -> Result<Derived, Refusal> {
        let id = self.directional_function()?;
        self.finish(id, Mode::Forward)
    }

    fn directional_function(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask();
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let mut forward = Forward::new(&mut self.program, &mut self.activities, None);
        let sweep = forward.derive(self.id, &mask, Seeds::Given(1))?;
        let mut outer = self.outer("directional", "The value of `{f}` and its slope along v.");
        let v = outer.b.parameter("v", self.ty.clone(), true);
        let slope = outer.b.parameter("slope", F32, true);
        let (x, v, slope) = (outer.x.clone(), outer.b.pointee(v), outer.b.pointee(slope));
        let mut arguments = self.arguments(&mut outer, &[x, v]);
        if known.result {
            arguments.push(Argument::Pointer(slope));
        } else {
            outer.b.set_zero(slope);
        }
        Ok(self.returning(outer.b, sweep, arguments))
    }

    /// Sums vᵀ H v over the unit vectors: the forward mode of the forward mode.
    fn laplacian(mut self) -> Result<Derived, Refusal> {
        let once = self.directional_function()?;
        let others = self.others();
        let mut mask = vec![false; self.program[once].parameters.len()];
        mask[0] = true;
        let mut forward = Forward::new(&mut self.program, &mut self.activities, None);
        let twice = forward.derive(once, &mask, Seeds::Given(1))?;
        let known = self.activities.of(&self.program, once, &mask)?;
        let comment = "The value of `{f}`, its gradient and its Laplacian.";
        let mut outer = self.outer("laplacian", comment);
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let laplacian = outer.b.parameter("laplacian", F32, true);
        let (gradient, laplacian) = (outer.b.pointee(gradient), outer.b.pointee(laplacian));
        outer.b.set_zero(laplacian.clone());
        // x, its tangent, the others, v, the slope with its tangent, the tangent of the value.
        let has = [known.parameters[others + 2], known.result];
        let id = self.along_each(outer, |problem, outer, along, index| {
            let mut arguments =
                vec![Argument::Pointer(outer.x.clone()), Argument::Pointer(along.clone())];
            arguments.extend(outer.others.iter().cloned());
            let again = outer.b.local_place(problem.ty.clone());
            let direction = outer.b.load(along.clone());
            outer.b.store(again.clone(), direction);
            arguments.push(Argument::Pointer(again));
            let (slope, curvature) = (outer.b.local_place(F32), outer.b.local_place(F32));
            outer.b.set_zero(curvature.clone());
            arguments.push(Argument::Pointer(slope.clone()));
            if has[0] {
                arguments.push(Argument::Pointer(curvature.clone()));
            }
            if has[1] {
                let same = outer.b.local_place(F32);
                arguments.push(Argument::Pointer(same));
            }
            let value = call(&mut outer.b, twice, arguments);
            let slope = outer.b.load(slope);
            outer.b.store(problem.coordinate(&gradient, Step::At(index)), slope);
            let curvature = outer.b.load(curvature);
            outer.b.accumulate(laplacian.clone(), curvature);
            value
        });
        self.finish(id, Mode::Sweeps)
    }

    fn others(&self) -> usize {
        self.program[self.id].parameters.len() - 1
    }

    /// The forward mode of the gradient.
    fn hessian_vector(mut self) -> Result<Derived, Refusal> {
        let (once, mode) = self.gradient_function(None)?;
        let others = self.others();
        let mut mask = vec![false; self.program[once].parameters.len()];
        mask[0] = true;
        let mut forward = Forward::new(&mut self.program, &mut self.activities, None);
        let twice = forward.derive(once, &mask, Seeds::Given(1))?;
        let known = self.activities.of(&self.program, once, &mask)?;
        let comment = "The value of `{f}`, its gradient and its Hessian times v.";
        let mut outer = self.outer("hessian_vector", comment);
        let parameters =
            ["v", "gradient", "product"].map(|name| outer.b.parameter(name, self.ty.clone(), true));
        let [v, gradient, product] = parameters.map(|parameter| outer.b.pointee(parameter));
        let mut arguments = vec![Argument::Pointer(outer.x.clone()), Argument::Pointer(v)];
        arguments.extend(outer.others.iter().cloned());
        arguments.push(Argument::Pointer(gradient));
        if known.parameters[others + 1] {
            arguments.push(Argument::Pointer(product));
        } else {
            outer.b.set_zero(product);
        }
        if known.result {
            let slope = outer.b.local_place(F32);
            arguments.push(Argument::Pointer(slope));
        }
        let id = self.returning(outer.b, twice, arguments);
        self.finish(id, mode)
    }

    /// Ends a function with a call whose result it returns.
    fn returning(
        &mut self,
        mut b: Builder,
        function: FunctionId,
        arguments: Vec<Argument>,
    ) -> FunctionId {
        let value = call(&mut b, function, arguments);
        b.push(Statement::Return(Some(value)));
        b.finish(&mut self.program)
    }
}

fn call(b: &mut Builder, function: FunctionId, arguments: Vec<Argument>) -> Value {
    let value = b.result(F32);
    b.push(Statement::Call { function, arguments, result: Some(value), span: None });
    value
}

/// A name that no function of the program has.
fn name(program: &Program, wanted: &str) -> String {
    let is_taken = |name: &str| program.functions.iter().any(|f| f.name == name);
    if !is_taken(wanted) {
        return wanted.to_string();
    }
    let mut numbered = (2..).map(|k| format!("{wanted}{k}"));
    numbered.find(|name| !is_taken(name)).unwrap_or_default()
}

/// The names that the module declares.
fn names(module: &naga::Module) -> Vec<String> {
    let functions = module.functions.iter().filter_map(|(_, f)| f.name.clone());
    let constants = module.constants.iter().filter_map(|(_, c)| c.name.clone());
    let overrides = module.overrides.iter().filter_map(|(_, o)| o.name.clone());
    let globals = module.global_variables.iter().filter_map(|(_, g)| g.name.clone());
    let types = module.types.iter().filter_map(|(_, ty)| ty.name.clone());
    functions.chain(constants).chain(overrides).chain(globals).chain(types).collect()
}

/// Refuses names that hide what the derivative is written with.
fn hidden(names: &[String]) -> Result<(), Refusal> {
    const TYPES: [&str; 7] = ["f32", "u32", "i32", "bool", "array", "select", "arrayLength"];
    let is_built_in =
        |name: &str| TYPES.contains(&name) || print::MATH.iter().any(|(_, known)| *known == name);
    match names.iter().find(|name| is_built_in(name)) {
        Some(name) => {
            let message = format!("`{name}` hides WGSL's own `{name}`; choose another name");
            Err(Refusal::new(message, None))
        }
        None => Ok(()),
    }
}
