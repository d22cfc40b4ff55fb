//! Runs a WGSL function on the host in double precision: what the same text means without the
//! rounding of a GPU, and where it leaves the range of single precision.

mod arithmetic;
mod datum;
mod run;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use wgpu::naga;

use super::Refusal;
use super::ir::{Function, FunctionId, Program};
use datum::{Datum, filled, numbers, zero};

/// The most loop iterations of one evaluation on the host.
const MOST_ITERATIONS: u64 = 20_000_000;

/// Evaluates a function `f(x, …) -> f32` of a module in double precision.
#[derive(Debug)]
pub struct Evaluator {
    program: Program,
    id: FunctionId,
    /// The overrides that were set, and all constants by them.
    given: HashMap<String, Datum>,
    globals: HashMap<String, Datum>,
    buffers: BTreeMap<String, Vec<f32>>,
    /// The types of the overrides, also of those without a default.
    overrides: HashMap<String, naga::ScalarKind>,
    most_iterations: u64,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The value of the function.
    pub value: f64,
    /// What was written through each pointer parameter after the first, in their order.
    pub outputs: Vec<Vec<f64>>,
    /// Loop iterations, those of called functions included.
    pub iterations: u64,
    /// The largest magnitude of a finite intermediate number.
    pub largest: f64,
    /// Loop iterations by the name of the function that has the loop.
    pub loops: BTreeMap<String, u64>,
    /// Operations computed, those on vectors and arrays counted by component.
    pub operations: u64,
    /// Where [`Evaluation::largest`] appeared.
    pub largest_at: Option<Range<usize>>,
    /// Where a number first left the finite range of f32: the bytes of the text and the number.
    pub overflow: Option<(Option<Range<usize>>, f64)>,
    /// Where a number first became so small that f32 holds it as 0 or nearly so, and the number: 0
    /// where an exponential is 0 in double precision too.
    pub underflow: Option<(Option<Range<usize>>, f64)>,
    /// Where a number was first infinite or not a number, in double precision too.
    pub non_finite: Option<(Option<Range<usize>>, f64)>,
    /// Where the base of a power was first below zero, which WGSL leaves undefined, and the base.
    pub negative_base: Option<(Option<Range<usize>>, f64)>,
}

/// A variable that pointers may lead to.
type Cell = Rc<RefCell<Datum>>;

/// A pointer: a variable and the way to a part of it.
#[derive(Clone)]
struct Pointer {
    cell: Cell,
    path: Vec<usize>,
}

enum Passed {
    Value(Datum),
    Pointer(Pointer),
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Option<Datum>),
}

struct Run<'e> {
    evaluator: &'e Evaluator,
    found: Evaluation,
}

struct Frame<'e> {
    function: &'e Function,
    values: Vec<Option<Datum>>,
    locals: Vec<Cell>,
    passed: Vec<Passed>,
}

impl Evaluator {
    /// Takes the function `name` of a checked module.
    ///
    /// # Errors
    /// [`Refusal`] for what [`crate::autodiff`] does not take either, except for derivatives that
    /// do not exist.
    pub fn new(module: &naga::Module, name: &str) -> Result<Evaluator, Refusal> {
        let (program, id) = super::lower::lower(module, name)?;
        let (given, globals, buffers) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        let most_iterations = MOST_ITERATIONS;
        let overrides = module.overrides.iter().filter_map(|(_, found)| {
            let naga::TypeInner::Scalar(scalar) = module.types[found.ty].inner else {
                return None;
            };
            Some((found.name.clone()?, scalar.kind))
        });
        let overrides = overrides.collect();
        let mut evaluator =
            Evaluator { program, id, given, globals, buffers, overrides, most_iterations };
        evaluator.compute_globals();
        Ok(evaluator)
    }

    /// The constants by the overrides that are set: one may be made of others.
    fn compute_globals(&mut self) {
        self.globals = self.given.clone();
        for _ in 0..=self.program.globals.len() {
            let mut found = Vec::new();
            for (name, function) in &self.program.globals {
                if let Some(function) = function
                    && !self.globals.contains_key(name)
                {
                    let mut run = Run { evaluator: self, found: blank() };
                    if let Ok(Some(value)) = run.call(function, Vec::new()) {
                        found.push((name.clone(), value));
                    }
                }
            }
            if found.is_empty() {
                break;
            }
            self.globals.extend(found);
        }
    }

    /// Sets an `override`, whatever its type, and with it those whose defaults are made of it; unknown
    /// names are ignored.
    pub fn set(&mut self, name: &str, value: f64) {
        let Some(kind) = self.overrides.get(name) else { return };
        let datum = match kind {
            naga::ScalarKind::Uint => Datum::Uint(value as u32),
            naga::ScalarKind::Sint => Datum::Int(value as i32),
            naga::ScalarKind::Bool => Datum::Bool(value != 0.0),
            _ => Datum::Float(value),
        };
        self.given.insert(name.to_string(), datum);
        self.compute_globals();
    }

    /// Gives the contents of the buffer `name`, an array of numbers or of vectors.
    pub fn set_buffer(&mut self, name: &str, contents: Vec<f32>) {
        self.buffers.insert(name.to_string(), contents);
    }

    /// Ends evaluations with more loop iterations, or a hundred times as many operations, in an
    /// error; 20 million unless this is called.
    pub fn limit_iterations(&mut self, most: u64) {
        self.most_iterations = most;
    }

    /// Evaluates at `x`. Further parameters by value are zero; pointers lead to zeros, except for
    /// those whose contents `inputs` gives, in the order of the pointers after the first parameter.
    ///
    /// # Errors
    /// [`Refusal`] where the text reads a buffer that was not given, or loops without end.
    pub fn evaluate(&self, x: &[f64], inputs: &[&[f64]]) -> Result<Evaluation, Refusal> {
        let function = &self.program[self.id];
        let mut run = Run { evaluator: self, found: blank() };
        let mut passed = Vec::new();
        let mut outputs = Vec::new();
        let mut inputs = inputs.iter();
        for (i, parameter) in function.parameters.iter().enumerate() {
            let given = match (i, parameter.is_pointer) {
                (0, _) => Some(x),
                (_, true) => inputs.next().copied(),
                _ => None,
            };
            let datum = match given {
                Some(numbers) => filled(&parameter.ty, &mut numbers.iter().copied()),
                None => zero(&parameter.ty),
            };
            if parameter.is_pointer {
                let cell = Rc::new(RefCell::new(datum));
                if i > 0 {
                    outputs.push(cell.clone());
                }
                passed.push(Passed::Pointer(Pointer { cell, path: Vec::new() }));
            } else {
                passed.push(Passed::Value(datum));
            }
        }
        let returned = run.call(function, passed)?;
        let mut found = run.found;
        found.value = match returned {
            Some(Datum::Float(value)) => value,
            _ => return Err(Refusal::new("the function returns no f32", None)),
        };
        found.outputs = outputs.iter().map(|cell| numbers(&cell.borrow())).collect();
        Ok(found)
    }
}

fn blank() -> Evaluation {
    Evaluation {
        value: 0.0,
        outputs: Vec::new(),
        iterations: 0,
        largest: 0.0,
        loops: BTreeMap::new(),
        operations: 0,
        largest_at: None,
        overflow: None,
        underflow: None,
        non_finite: None,
        negative_base: None,
    }
}
