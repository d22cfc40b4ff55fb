//! Runs a WGSL function on the host in double precision: what the same text means without the
//! rounding of a GPU, and where it leaves the range of single precision.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use wgpu::naga::{
    self, BinaryOperator as Bin, MathFunction as Fun, RelationalFunction, UnaryOperator,
};

use super::Refusal;
use super::ir::{
    Argument, Block, Function, FunctionId, Loop, Op, Place, Program, Root, Scalar, Selector,
    Statement, Step, Type, Value,
};

/// The most loop iterations of one evaluation on the host.
const MOST_ITERATIONS: u64 = 20_000_000;

/// Evaluates a function `f(x, …) -> f32` of a module in double precision.
#[derive(Debug)]
pub struct Evaluator {
    program: Program,
    id: FunctionId,
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

#[derive(Debug, Clone, PartialEq)]
enum Datum {
    Float(f64),
    Int(i32),
    Uint(u32),
    Bool(bool),
    All(Vec<Datum>),
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
        let (globals, buffers) = (HashMap::new(), BTreeMap::new());
        let most_iterations = MOST_ITERATIONS;
        let overrides = module.overrides.iter().filter_map(|(_, found)| {
            let naga::TypeInner::Scalar(scalar) = module.types[found.ty].inner else {
                return None;
            };
            Some((found.name.clone()?, scalar.kind))
        });
        let overrides = overrides.collect();
        let mut evaluator = Evaluator { program, id, globals, buffers, overrides, most_iterations };
        // A constant may be made of others.
        for _ in 0..=evaluator.program.globals.len() {
            let mut found = Vec::new();
            for (name, function) in &evaluator.program.globals {
                if let Some(function) = function
                    && !evaluator.globals.contains_key(name)
                {
                    let mut run = Run { evaluator: &evaluator, found: blank() };
                    if let Ok(Some(value)) = run.call(function, Vec::new()) {
                        found.push((name.clone(), value));
                    }
                }
            }
            if found.is_empty() {
                break;
            }
            evaluator.globals.extend(found);
        }
        Ok(evaluator)
    }

    /// Sets an `override`, whatever its type; unknown names are ignored.
    pub fn set(&mut self, name: &str, value: f64) {
        let Some(kind) = self.overrides.get(name) else { return };
        let datum = match kind {
            naga::ScalarKind::Uint => Datum::Uint(value as u32),
            naga::ScalarKind::Sint => Datum::Int(value as i32),
            naga::ScalarKind::Bool => Datum::Bool(value != 0.0),
            _ => Datum::Float(value),
        };
        self.globals.insert(name.to_string(), datum);
    }

    /// Gives the contents of the buffer `name`, an array of numbers or of vectors.
    pub fn set_buffer(&mut self, name: &str, contents: Vec<f32>) {
        self.buffers.insert(name.to_string(), contents);
    }

    /// Ends evaluations with more loop iterations in an error; 20 million unless this is called.
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

fn zero(ty: &Type) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(0.0),
        Type::Scalar(Scalar::I32) => Datum::Int(0),
        Type::Scalar(Scalar::U32) => Datum::Uint(0),
        Type::Scalar(Scalar::Bool) => Datum::Bool(false),
        _ => Datum::All((0..ty.parts()).map(|part| zero(&ty.part(part))).collect()),
    }
}

fn filled(ty: &Type, numbers: &mut impl Iterator<Item = f64>) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(numbers.next().unwrap_or(0.0)),
        Type::Scalar(_) => zero(ty),
        _ => Datum::All((0..ty.parts()).map(|part| filled(&ty.part(part), numbers)).collect()),
    }
}

fn numbers(datum: &Datum) -> Vec<f64> {
    match datum {
        Datum::Float(value) => vec![*value],
        Datum::All(parts) => parts.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

impl<'e> Run<'e> {
    fn call(
        &mut self,
        function: &'e Function,
        passed: Vec<Passed>,
    ) -> Result<Option<Datum>, Refusal> {
        let values = vec![None; function.nodes.len()];
        let mut frame = Frame { function, values, locals: Vec::new(), passed };
        for local in &function.locals {
            let begin = match local.init {
                Some(init) => self.value(&mut frame, init)?,
                None => zero(&local.ty),
            };
            frame.locals.push(Rc::new(RefCell::new(begin)));
        }
        match self.block(&mut frame, &function.body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(None),
        }
    }

    fn block(&mut self, frame: &mut Frame<'e>, block: &'e Block) -> Result<Flow, Refusal> {
        for statement in block {
            match self.statement(frame, statement)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(
        &mut self,
        frame: &mut Frame<'e>,
        statement: &'e Statement,
    ) -> Result<Flow, Refusal> {
        match statement {
            Statement::Let(value) => {
                let datum = self.compute(frame, *value)?;
                frame.values[value.0 as usize] = Some(datum);
            }
            Statement::Store(place, value) => {
                let datum = self.value(frame, *value)?;
                let pointer = self.pointer(frame, place)?;
                let mut cell = pointer.cell.borrow_mut();
                *part_of(&mut cell, &pointer.path) = datum;
            }
            Statement::Call { function, arguments, result, .. } => {
                let mut passed = Vec::new();
                for argument in arguments {
                    passed.push(match argument {
                        Argument::Value(value) => Passed::Value(self.value(frame, *value)?),
                        Argument::Pointer(place) => Passed::Pointer(self.pointer(frame, place)?),
                    });
                }
                let returned = self.call(&self.evaluator.program[*function], passed)?;
                if let (Some(result), Some(returned)) = (result, returned) {
                    frame.values[result.0 as usize] = Some(returned);
                }
            }
            Statement::If(condition, accept, reject) => {
                let chosen = match self.value(frame, *condition)? {
                    Datum::Bool(true) => accept,
                    _ => reject,
                };
                return self.block(frame, chosen);
            }
            Statement::Switch(selector, cases) => {
                let selector = match self.value(frame, *selector)? {
                    Datum::Int(value) => Selector::Int(value),
                    Datum::Uint(value) => Selector::Uint(value),
                    _ => return Ok(Flow::Next),
                };
                let of = |label: Option<Selector>| {
                    cases.iter().find(|(labels, _)| labels.contains(&label))
                };
                let case = of(Some(selector)).or_else(|| of(None));
                let Some((_, block)) = case else { return Ok(Flow::Next) };
                return Ok(match self.block(frame, block)? {
                    Flow::Break => Flow::Next,
                    other => other,
                });
            }
            Statement::Loop(of) => {
                let before = self.found.iterations;
                let flow = self.run_loop(frame, of)?;
                let count = self.found.iterations - before;
                match self.found.loops.get_mut(&frame.function.name) {
                    Some(known) => *known += count,
                    None => {
                        self.found.loops.insert(frame.function.name.clone(), count);
                    }
                }
                return Ok(flow);
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Return(value) => {
                let value = value.map(|value| self.value(frame, value)).transpose()?;
                return Ok(Flow::Return(value));
            }
        }
        Ok(Flow::Next)
    }

    fn run_loop(&mut self, frame: &mut Frame<'e>, of: &'e Loop) -> Result<Flow, Refusal> {
        loop {
            self.found.iterations += 1;
            let most = self.evaluator.most_iterations;
            if self.found.iterations > most {
                let message = format!("more than {most} loop iterations");
                return Err(Refusal::new(message, None));
            }
            match self.block(frame, &of.body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            self.block(frame, &of.continuing)?;
            if let Some(break_if) = of.break_if
                && self.value(frame, break_if)? == Datum::Bool(true)
            {
                return Ok(Flow::Next);
            }
        }
    }

    fn value(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<Datum, Refusal> {
        match &frame.values[value.0 as usize] {
            Some(known) => Ok(known.clone()),
            None => self.compute(frame, value),
        }
    }

    fn index(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<usize, Refusal> {
        Ok(match self.value(frame, value)? {
            Datum::Uint(index) => index as usize,
            Datum::Int(index) => usize::try_from(index).unwrap_or(0),
            _ => 0,
        })
    }

    fn pointer(&mut self, frame: &mut Frame<'e>, place: &Place) -> Result<Pointer, Refusal> {
        let mut pointer = match &place.root {
            Root::Local(local) => {
                Pointer { cell: frame.locals[*local as usize].clone(), path: Vec::new() }
            }
            Root::Parameter(index) => match &frame.passed[*index as usize] {
                Passed::Pointer(pointer) => pointer.clone(),
                Passed::Value(_) => return Err(Refusal::new("a value is no pointer", None)),
            },
            Root::Global(name) => {
                return Err(Refusal::new(format!("`{name}` is outside of the function"), None));
            }
        };
        for step in &place.path {
            let index = match step {
                Step::Part(index) => *index as usize,
                Step::At(value) => self.index(frame, *value)?,
            };
            pointer.path.push(index);
        }
        Ok(pointer)
    }

    /// Reads a buffer: out of its bounds there is 0, as naga's checks have it.
    fn global(
        &mut self,
        frame: &mut Frame<'e>,
        name: &str,
        place: &Place,
    ) -> Result<Datum, Refusal> {
        let evaluator = self.evaluator;
        let (buffer, ty) = (evaluator.buffers.get(name), evaluator.program.variables.get(name));
        let (Some(buffer), Some(ty)) = (buffer, ty) else {
            let message = format!("the contents of `{name}` are not given");
            return Err(Refusal::new(message, None));
        };
        let (mut ty, mut start) = (ty.clone(), 0);
        for step in &place.path {
            let index = match step {
                Step::Part(index) => *index as usize,
                Step::At(value) => self.index(frame, *value)?,
            };
            let Type::Array(element, ..) = &ty else {
                if index >= ty.parts() as usize {
                    return Ok(zero(&place.ty));
                }
                start += (0..index as u32).map(|part| words(&ty.part(part))).sum::<usize>();
                ty = ty.part(index as u32);
                continue;
            };
            let element = (**element).clone();
            start += index * words(&element);
            ty = element;
        }
        let mut next = start..;
        let mut word = || next.next().and_then(|at| buffer.get(at)).copied().unwrap_or(0.0);
        Ok(read(&ty, &mut word))
    }

    fn compute(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<Datum, Refusal> {
        let function = frame.function;
        let node = function.node(value);
        self.found.operations += match &node.ty {
            Type::Scalar(_) => 1,
            ty => u64::from(ty.parts()),
        };
        let result = match &node.op {
            Op::Float(number) => return Ok(Datum::Float(f64::from(*number))),
            Op::Int(number) => return Ok(Datum::Int(*number)),
            Op::Uint(number) => return Ok(Datum::Uint(*number)),
            Op::Bool(flag) => return Ok(Datum::Bool(*flag)),
            Op::Name(name) => match self.evaluator.globals.get(name) {
                Some(datum) => return Ok(datum.clone()),
                None => {
                    let message = format!("`{name}` has no value; set it");
                    return Err(Refusal::new(message, node.span.clone()));
                }
            },
            Op::Zero => return Ok(zero(&node.ty)),
            Op::Parameter(index) => match &frame.passed[*index as usize] {
                Passed::Value(datum) => return Ok(datum.clone()),
                Passed::Pointer(_) => return Err(Refusal::new("a pointer is no value", None)),
            },
            Op::Load(place) => {
                if let Root::Global(name) = &place.root {
                    return self.global(frame, name, place);
                }
                let pointer = self.pointer(frame, place)?;
                let mut cell = pointer.cell.borrow_mut();
                return Ok(part_of(&mut cell, &pointer.path).clone());
            }
            Op::ArrayLength(place) => {
                let Root::Global(name) = &place.root else { return Ok(Datum::Uint(0)) };
                let length = self.evaluator.buffers.get(name).map_or(0, Vec::len);
                let element = words(&place.ty.part(0)).max(1);
                return Ok(Datum::Uint((length / element) as u32));
            }
            Op::Unary(op, a) => {
                let a = self.value(frame, *a)?;
                each(&[a], &|x| unary(*op, &x[0]))
            }
            Op::Binary(op, a, b) => {
                let (ty_a, ty_b) = (function.ty(*a), function.ty(*b));
                let (a, b) = (self.value(frame, *a)?, self.value(frame, *b)?);
                match (op, ty_a, ty_b) {
                    (Bin::Multiply, Type::Matrix(..), Type::Vector(..) | Type::Matrix(..))
                    | (Bin::Multiply, Type::Vector(..), Type::Matrix(..)) => {
                        product(&a, &b, ty_a, ty_b)
                    }
                    _ => each(&[a, b], &|x| binary(*op, &x[0], &x[1])),
                }
            }
            Op::Math(fun, arguments) => {
                let mut data = Vec::new();
                for argument in arguments {
                    data.push(self.value(frame, *argument)?);
                }
                if *fun == Fun::Pow && self.found.negative_base.is_none() {
                    let bases = data.first().map(numbers).unwrap_or_default();
                    let below = bases.into_iter().find(|base| *base < 0.0);
                    self.found.negative_base = below.map(|base| (node.span.clone(), base));
                }
                match math(*fun, &data) {
                    Some(datum) => {
                        let is_power = matches!(fun, Fun::Exp | Fun::Exp2);
                        if is_power && self.found.underflow.is_none() {
                            let vanished = numbers(&datum).contains(&0.0);
                            self.found.underflow = vanished.then(|| (node.span.clone(), 0.0));
                        }
                        datum
                    }
                    None => {
                        let name = super::print::math_name(*fun).unwrap_or("this function");
                        let message = format!("`{name}` cannot be evaluated on the host");
                        return Err(Refusal::new(message, node.span.clone()));
                    }
                }
            }
            Op::Relational(fun, a) => {
                let flags = match self.value(frame, *a)? {
                    Datum::All(parts) => parts,
                    one => vec![one],
                };
                match fun {
                    RelationalFunction::All => {
                        Datum::Bool(flags.iter().all(|flag| *flag == Datum::Bool(true)))
                    }
                    RelationalFunction::Any => Datum::Bool(flags.contains(&Datum::Bool(true))),
                    _ => each(&flags, &|x| match x[0] {
                        Datum::Float(x) if *fun == RelationalFunction::IsNan => {
                            Datum::Bool(x.is_nan())
                        }
                        Datum::Float(x) => Datum::Bool(x.is_infinite()),
                        _ => Datum::Bool(false),
                    }),
                }
            }
            Op::Select { reject, accept, condition } => {
                let data = [
                    self.value(frame, *reject)?,
                    self.value(frame, *accept)?,
                    self.value(frame, *condition)?,
                ];
                if let Datum::Bool(flag) = data[2] {
                    data[usize::from(flag)].clone()
                } else {
                    each(&data, &|x| {
                        if x[2] == Datum::Bool(true) { x[1].clone() } else { x[0].clone() }
                    })
                }
            }
            Op::Convert(a) => {
                let a = self.value(frame, *a)?;
                let to = match node.ty {
                    Type::Vector(_, scalar) | Type::Scalar(scalar) => scalar,
                    _ => Scalar::F32,
                };
                each(&[a], &|x| convert(&x[0], to))
            }
            Op::Bitcast(a) => {
                let a = self.value(frame, *a)?;
                let to = match node.ty {
                    Type::Vector(_, scalar) | Type::Scalar(scalar) => scalar,
                    _ => Scalar::F32,
                };
                each(&[a], &|x| bitcast(&x[0], to))
            }
            Op::Compose(parts) => {
                let mut data = Vec::new();
                for part in parts {
                    let is_flat = node.ty.lanes().is_some();
                    match self.value(frame, *part)? {
                        Datum::All(inner) if is_flat => data.extend(inner),
                        one => data.push(one),
                    }
                }
                Datum::All(data)
            }
            Op::Splat(a) => Datum::All(vec![self.value(frame, *a)?; node.ty.parts() as usize]),
            Op::Swizzle(a, pattern) => {
                let a = self.value(frame, *a)?;
                Datum::All(pattern.iter().map(|lane| at(&a, *lane as usize)).collect())
            }
            Op::Extract(a, index) => {
                let a = self.value(frame, *a)?;
                at(&a, *index as usize)
            }
            Op::ExtractAt(a, index) => {
                let index = self.index(frame, *index)?;
                let a = self.value(frame, *a)?;
                at(&a, index)
            }
            Op::Result | Op::Carried(..) => {
                return Err(Refusal::new("a value before its time", node.span.clone()));
            }
        };
        self.watch(&result, &node.span);
        Ok(result)
    }

    fn watch(&mut self, datum: &Datum, span: &Option<Range<usize>>) {
        match datum {
            Datum::Float(value) => {
                let (found, value) = (&mut self.found, *value);
                let note = |first: &mut Option<_>| {
                    if first.is_none() {
                        *first = Some((span.clone(), value));
                    }
                };
                if !value.is_finite() {
                    note(&mut found.non_finite);
                }
                if !value.is_finite() || value.abs() > f64::from(f32::MAX) {
                    note(&mut found.overflow);
                } else if value.abs() > found.largest {
                    found.largest = value.abs();
                    found.largest_at = span.clone();
                } else if value != 0.0 && value.abs() < f64::from(f32::MIN_POSITIVE) {
                    note(&mut found.underflow);
                }
            }
            Datum::All(parts) => parts.iter().for_each(|part| self.watch(part, span)),
            _ => {}
        }
    }
}

/// Words of a type in a buffer; a vector of three has the room of four.
fn words(ty: &Type) -> usize {
    match ty {
        Type::Scalar(_) => 1,
        Type::Vector(2, _) => 2,
        Type::Vector(..) => 4,
        _ => (0..ty.parts()).map(|part| words(&ty.part(part))).sum(),
    }
}

fn read(ty: &Type, word: &mut dyn FnMut() -> f32) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(f64::from(word())),
        Type::Scalar(Scalar::U32) => Datum::Uint(word().to_bits()),
        Type::Scalar(_) => Datum::Int(word().to_bits() as i32),
        _ => Datum::All((0..ty.parts()).map(|part| read(&ty.part(part), word)).collect()),
    }
}

/// A part in memory; an index out of bounds means the last one.
fn part_of<'d>(datum: &'d mut Datum, path: &[usize]) -> &'d mut Datum {
    let mut datum = datum;
    for index in path {
        if let Datum::All(parts) = datum {
            let last = parts.len().saturating_sub(1);
            datum = &mut parts[(*index).min(last)];
        } else {
            break;
        }
    }
    datum
}

fn at(datum: &Datum, index: usize) -> Datum {
    match datum {
        Datum::All(parts) => {
            parts.get(index).or(parts.last()).cloned().unwrap_or(Datum::Float(0.0))
        }
        one => one.clone(),
    }
}

/// Component by component; scalars go with every component.
fn each(data: &[Datum], f: &dyn Fn(&[Datum]) -> Datum) -> Datum {
    let lanes = data.iter().find_map(|datum| match datum {
        Datum::All(parts) => Some(parts.len()),
        _ => None,
    });
    match lanes {
        None => f(data),
        Some(lanes) => {
            let lane = |k: usize| data.iter().map(|datum| at(datum, k)).collect::<Vec<_>>();
            Datum::All((0..lanes).map(|k| each(&lane(k), f)).collect())
        }
    }
}

fn floats(datum: &Datum) -> Vec<f64> {
    numbers(datum)
}

fn vector(numbers: Vec<f64>) -> Datum {
    Datum::All(numbers.into_iter().map(Datum::Float).collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &Datum, b: &Datum, ty_a: &Type, ty_b: &Type) -> Datum {
    let columns = |datum: &Datum| match datum {
        Datum::All(parts) => parts.iter().map(floats).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let times = |matrix: &[Vec<f64>], v: &[f64]| -> Vec<f64> {
        let rows = matrix.first().map_or(0, Vec::len);
        let row = |r: usize| matrix.iter().zip(v).map(|(column, v)| column[r] * v).sum();
        (0..rows).map(row).collect()
    };
    match (ty_a, ty_b) {
        (Type::Matrix(..), Type::Vector(..)) => vector(times(&columns(a), &floats(b))),
        (Type::Vector(..), _) => {
            vector(columns(b).iter().map(|column| dot(&floats(a), column)).collect())
        }
        _ => {
            let left = columns(a);
            Datum::All(columns(b).iter().map(|column| vector(times(&left, column))).collect())
        }
    }
}

fn unary(op: UnaryOperator, x: &Datum) -> Datum {
    match (op, x) {
        (UnaryOperator::Negate, Datum::Float(x)) => Datum::Float(-x),
        (UnaryOperator::Negate, Datum::Int(x)) => Datum::Int(x.wrapping_neg()),
        (UnaryOperator::LogicalNot, Datum::Bool(x)) => Datum::Bool(!x),
        (UnaryOperator::BitwiseNot, Datum::Int(x)) => Datum::Int(!x),
        (UnaryOperator::BitwiseNot, Datum::Uint(x)) => Datum::Uint(!x),
        (_, other) => other.clone(),
    }
}

fn binary(op: Bin, a: &Datum, b: &Datum) -> Datum {
    match (a, b) {
        (Datum::Float(a), Datum::Float(b)) => match op {
            Bin::Add => Datum::Float(a + b),
            Bin::Subtract => Datum::Float(a - b),
            Bin::Multiply => Datum::Float(a * b),
            Bin::Divide => Datum::Float(a / b),
            Bin::Modulo => Datum::Float(a % b),
            _ => compared(op, a, b),
        },
        (Datum::Int(a), Datum::Int(b)) => match op {
            Bin::Add => Datum::Int(a.wrapping_add(*b)),
            Bin::Subtract => Datum::Int(a.wrapping_sub(*b)),
            Bin::Multiply => Datum::Int(a.wrapping_mul(*b)),
            Bin::Divide => Datum::Int(a.checked_div(*b).unwrap_or(*a)),
            Bin::Modulo => Datum::Int(a.checked_rem(*b).unwrap_or(0)),
            Bin::And => Datum::Int(a & b),
            Bin::ExclusiveOr => Datum::Int(a ^ b),
            Bin::InclusiveOr => Datum::Int(a | b),
            _ => compared(op, a, b),
        },
        (Datum::Uint(a), Datum::Uint(b)) => match op {
            Bin::Add => Datum::Uint(a.wrapping_add(*b)),
            Bin::Subtract => Datum::Uint(a.wrapping_sub(*b)),
            Bin::Multiply => Datum::Uint(a.wrapping_mul(*b)),
            Bin::Divide => Datum::Uint(a.checked_div(*b).unwrap_or(*a)),
            Bin::Modulo => Datum::Uint(a.checked_rem(*b).unwrap_or(0)),
            Bin::And => Datum::Uint(a & b),
            Bin::ExclusiveOr => Datum::Uint(a ^ b),
            Bin::InclusiveOr => Datum::Uint(a | b),
            Bin::ShiftLeft => Datum::Uint(a.wrapping_shl(*b)),
            Bin::ShiftRight => Datum::Uint(a.wrapping_shr(*b)),
            _ => compared(op, a, b),
        },
        (Datum::Int(a), Datum::Uint(b)) => match op {
            Bin::ShiftLeft => Datum::Int(a.wrapping_shl(*b)),
            _ => Datum::Int(a.wrapping_shr(*b)),
        },
        (Datum::Bool(a), Datum::Bool(b)) => Datum::Bool(match op {
            Bin::And | Bin::LogicalAnd => a & b,
            Bin::InclusiveOr | Bin::LogicalOr => a | b,
            Bin::NotEqual | Bin::ExclusiveOr => a != b,
            _ => a == b,
        }),
        _ => a.clone(),
    }
}

fn compared<T: PartialOrd>(op: Bin, a: &T, b: &T) -> Datum {
    Datum::Bool(match op {
        Bin::Equal => a == b,
        Bin::NotEqual => a != b,
        Bin::Less => a < b,
        Bin::LessEqual => a <= b,
        Bin::Greater => a > b,
        Bin::GreaterEqual => a >= b,
        _ => false,
    })
}

fn convert(x: &Datum, to: Scalar) -> Datum {
    let number = match x {
        Datum::Float(x) => *x,
        Datum::Int(x) => f64::from(*x),
        Datum::Uint(x) => f64::from(*x),
        Datum::Bool(x) => f64::from(u8::from(*x)),
        Datum::All(_) => 0.0,
    };
    match (x, to) {
        (_, Scalar::F32) => Datum::Float(number),
        (_, Scalar::Bool) => Datum::Bool(number != 0.0),
        // Between integers the bits stay.
        (Datum::Int(x), Scalar::U32) => Datum::Uint(*x as u32),
        (Datum::Uint(x), Scalar::I32) => Datum::Int(*x as i32),
        (_, Scalar::U32) => Datum::Uint(number as u32),
        (_, Scalar::I32) => Datum::Int(number as i32),
    }
}

fn bitcast(x: &Datum, to: Scalar) -> Datum {
    let bits = match x {
        Datum::Float(x) => (*x as f32).to_bits(),
        Datum::Int(x) => *x as u32,
        Datum::Uint(x) => *x,
        _ => 0,
    };
    match to {
        Scalar::F32 => Datum::Float(f64::from(f32::from_bits(bits))),
        Scalar::I32 => Datum::Int(bits as i32),
        _ => Datum::Uint(bits),
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { 0.0 } else { x.signum() }
}

fn math(fun: Fun, data: &[Datum]) -> Option<Datum> {
    let v = |i: usize| data.get(i).map(floats).unwrap_or_default();
    let number = |i: usize| v(i).first().copied().unwrap_or(0.0);
    let length = |v: &[f64]| dot(v, v).sqrt();
    let scaled = |v: &[f64], by: f64| v.iter().map(|x| x * by).collect::<Vec<_>>();
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    let difference = |a: &[f64], b: &[f64]| sum(a, &scaled(b, -1.0));
    Some(match fun {
        Fun::Dot if !matches!(at(&data[0], 0), Datum::Float(_)) => return None,
        Fun::Dot => Datum::Float(dot(&v(0), &v(1))),
        Fun::Length => Datum::Float(length(&v(0))),
        Fun::Distance => Datum::Float(length(&difference(&v(0), &v(1)))),
        Fun::Normalize => vector(scaled(&v(0), 1.0 / length(&v(0)))),
        Fun::Cross => {
            let (a, b) = (v(0), v(1));
            let part = |i: usize, j: usize| a[i] * b[j] - a[j] * b[i];
            vector(vec![part(1, 2), part(2, 0), part(0, 1)])
        }
        Fun::FaceForward => {
            let ahead = dot(&v(2), &v(1)) < 0.0;
            vector(scaled(&v(0), if ahead { 1.0 } else { -1.0 }))
        }
        Fun::Reflect => {
            let along = dot(&v(1), &v(0));
            vector(difference(&v(0), &scaled(&v(1), 2.0 * along)))
        }
        Fun::Refract => {
            let (i, n, eta) = (v(0), v(1), number(2));
            let c = dot(&n, &i);
            let k = 1.0 - eta * eta * (1.0 - c * c);
            if k < 0.0 {
                vector(vec![0.0; i.len()])
            } else {
                vector(difference(&scaled(&i, eta), &scaled(&n, eta * c + k.sqrt())))
            }
        }
        Fun::Transpose => {
            let Datum::All(columns) = &data[0] else { return None };
            let columns: Vec<_> = columns.iter().map(floats).collect();
            let rows = columns.first().map_or(0, Vec::len);
            let row = |r: usize| vector(columns.iter().map(|column| column[r]).collect());
            Datum::All((0..rows).map(row).collect())
        }
        Fun::Determinant => {
            let Datum::All(columns) = &data[0] else { return None };
            Datum::Float(determinant(columns.iter().map(floats).collect()))
        }
        Fun::Ldexp => each(data, &|x| match (&x[0], &x[1]) {
            (Datum::Float(x), Datum::Int(e)) => Datum::Float(x * f64::from(*e).exp2()),
            _ => Datum::Float(0.0),
        }),
        _ => {
            // Of integers only what indices are computed with.
            if !matches!(at(&at(&data[0], 0), 0), Datum::Float(_)) {
                return integers(fun, data);
            }
            let probe = vec![0.5; data.len()];
            scalar(fun, &probe)?;
            each(data, &|x| {
                let x: Vec<f64> =
                    x.iter().map(|x| floats(x).first().copied().unwrap_or(0.0)).collect();
                Datum::Float(scalar(fun, &x).unwrap_or(f64::NAN))
            })
        }
    })
}

fn integers(fun: Fun, data: &[Datum]) -> Option<Datum> {
    if !matches!(fun, Fun::Min | Fun::Max | Fun::Clamp | Fun::Abs) {
        return None;
    }
    Some(each(data, &|x| {
        let less = |a: &Datum, b: &Datum| binary(Bin::Less, a, b) == Datum::Bool(true);
        let min = |a: &Datum, b: &Datum| if less(b, a) { b.clone() } else { a.clone() };
        let max = |a: &Datum, b: &Datum| if less(a, b) { b.clone() } else { a.clone() };
        match fun {
            Fun::Min => min(&x[0], &x[1]),
            Fun::Max => max(&x[0], &x[1]),
            Fun::Clamp => min(&max(&x[0], &x[1]), &x[2]),
            _ => max(&x[0], &unary(UnaryOperator::Negate, &x[0])),
        }
    }))
}

fn determinant(mut m: Vec<Vec<f64>>) -> f64 {
    let mut product = 1.0;
    for k in 0..m.len() {
        let pivot = (k..m.len()).max_by(|a, b| m[*a][k].abs().total_cmp(&m[*b][k].abs()));
        let pivot = pivot.unwrap_or(k);
        if m[pivot][k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            m.swap(pivot, k);
            product = -product;
        }
        product *= m[k][k];
        for i in k + 1..m.len() {
            let factor = m[i][k] / m[k][k];
            let pivot = m[k].clone();
            for (entry, above) in m[i].iter_mut().zip(pivot).skip(k) {
                *entry -= factor * above;
            }
        }
    }
    product
}

fn scalar(fun: Fun, x: &[f64]) -> Option<f64> {
    let a = x[0];
    let b = x.get(1).copied().unwrap_or(0.0);
    let c = x.get(2).copied().unwrap_or(0.0);
    Some(match fun {
        Fun::Abs => a.abs(),
        Fun::Min => a.min(b),
        Fun::Max => a.max(b),
        Fun::Clamp => a.max(b).min(c),
        Fun::Saturate => a.clamp(0.0, 1.0),
        Fun::Cos => a.cos(),
        Fun::Cosh => a.cosh(),
        Fun::Sin => a.sin(),
        Fun::Sinh => a.sinh(),
        Fun::Tan => a.tan(),
        Fun::Tanh => a.tanh(),
        Fun::Acos => a.acos(),
        Fun::Asin => a.asin(),
        Fun::Atan => a.atan(),
        Fun::Atan2 => a.atan2(b),
        Fun::Asinh => a.asinh(),
        Fun::Acosh => a.acosh(),
        Fun::Atanh => a.atanh(),
        Fun::Radians => a.to_radians(),
        Fun::Degrees => a.to_degrees(),
        Fun::Ceil => a.ceil(),
        Fun::Floor => a.floor(),
        Fun::Round => a.round_ties_even(),
        Fun::Fract => a - a.floor(),
        Fun::Trunc => a.trunc(),
        Fun::Exp => a.exp(),
        Fun::Exp2 => a.exp2(),
        Fun::Log => a.ln(),
        Fun::Log2 => a.log2(),
        // WGSL's pow is exp2(b log2 a), undefined below zero.
        Fun::Pow if a < 0.0 => f64::NAN,
        Fun::Pow => a.powf(b),
        Fun::Sign => sign(a),
        Fun::Fma => a * b + c,
        Fun::Mix => a * (1.0 - c) + b * c,
        Fun::Step => f64::from(u8::from(a <= b)),
        Fun::SmoothStep => {
            let t = ((c - a) / (b - a)).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        }
        Fun::Sqrt => a.sqrt(),
        Fun::InverseSqrt => 1.0 / a.sqrt(),
        _ => return None,
    })
}
