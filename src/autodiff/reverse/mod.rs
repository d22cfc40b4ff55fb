//! Reverse mode: one sweep forward, one backward, and the slopes along all coordinates are there.
//!
//! A block is run forward, then backward statement by statement. Blocks inside of it (branches, the
//! iterations of a loop) are run again, on variables of their own that begin as the originals did,
//! right before they are run backward. So nothing is recorded but what a variable was where a
//! branch or a loop begins, and the number of iterations. Only what one iteration hands to the next
//! and is needed backward goes to an array, which needs a number of iterations that is known.
//! Source: A. Griewank and A. Walther, Evaluating Derivatives (2008), chapters 3 and 12.

mod again;
mod back;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::Refusal;
use super::activity::{Activities, Activity, Mask};
use super::build::Builder;
use super::finite::{self, Finite};
use super::ir::{
    F32, Function, FunctionId, Local, Op, Place, Program, Root, Scalar, Statement, Type, Value,
    walk,
};
use super::prune::prune;
use super::{exits, shape};

/// The most iterations whose hand-over is recorded.
const MOST_RECORDED: u32 = 512;

/// The adjoints of a program's functions, made as they are asked for.
pub(super) struct Reverse {
    /// The function that is differentiated.
    root: FunctionId,
    /// Whether some of what is computed may have no part in the result.
    chooses: bool,
    done: HashMap<(FunctionId, Mask), Result<FunctionId, Refusal>>,
}

impl Reverse {
    pub(super) fn new(program: &Program, root: FunctionId) -> Reverse {
        Reverse { root, chooses: finite::chooses(program), done: HashMap::new() }
    }

    /// A function of the original's parameters, then the adjoint of its result, then pointers to
    /// the adjoints of the active parameters, to which it adds. It returns what the original does.
    pub(super) fn derive(
        &mut self,
        program: &mut Program,
        activities: &mut Activities,
        id: FunctionId,
        mask: &[bool],
    ) -> Result<FunctionId, Refusal> {
        let key = (id, mask.to_vec());
        if let Some(done) = self.done.get(&key) {
            return done.clone();
        }
        let derived = self.write(program, activities, id, mask);
        self.done.insert(key, derived.clone());
        derived
    }

    fn write(
        &mut self,
        program: &mut Program,
        activities: &mut Activities,
        id: FunctionId,
        mask: &[bool],
    ) -> Result<FunctionId, Refusal> {
        let mut source = program[id].clone();
        let activity = activities.of(program, id, mask)?;
        let writes = (0..source.parameters.len()).any(|i| program.writes(id, i as u32));
        if writes || !activity.result {
            let message = format!("`{}` writes through a pointer", source.name);
            return Err(Refusal::new(message, None));
        }
        source.body = exits::normalised(&source.body)?;
        let source = Rc::new(source);
        let finite = self.chooses.then(|| Finite::of(program, &source, id == self.root));
        let mut recorded = HashSet::new();
        loop {
            let name = super::derive::name(program, &format!("{}_reverse", source.name));
            let comment = format!(
                "Reverse mode: `{}`, and what its slopes add to the adjoints.",
                source.name
            );
            let mut writer = Writer {
                b: Builder::new(name, comment),
                program,
                activities,
                reverse: self,
                apart: shape::used_apart(&source),
                source: source.clone(),
                activity: activity.clone(),
                finite: finite.clone(),
                levels: vec![Level::default()],
                adjoint_locals: HashMap::new(),
                adjoint_values: HashMap::new(),
                bars: HashMap::new(),
                seed: None,
                result: None,
                recorded: &recorded,
                records: HashMap::new(),
                counted: HashMap::new(),
            };
            writer.function()?;
            let (b, counted) = (writer.b, writer.counted);
            let derived = b.finish(program);
            prune(program, derived);
            let missing = carried(&program[derived]);
            if missing.is_empty() {
                return Ok(derived);
            }
            program.functions.pop();
            for (number, local) in missing {
                let known = counted.get(&number).is_some_and(|n| *n <= MOST_RECORDED);
                let is_simple = !source.locals[local as usize].ty.is_composite();
                if !known || !is_simple || !recorded.insert((number, local)) {
                    let message = "a loop whose number of iterations is not constant hands on a \
                                   value that its slope depends on";
                    return Err(Refusal::new(message, None));
                }
            }
        }
    }
}

/// The hand-overs that are still needed.
fn carried(function: &Function) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    walk(&function.body, &mut |statement| {
        if let Statement::Let(value) = statement
            && let Op::Carried(number, local) = function.op(*value)
        {
            found.push((*number, *local));
        }
    });
    found
}

/// One run of a block: its values, and its own variables in place of the function's.
#[derive(Default)]
struct Level {
    values: HashMap<Value, Value>,
    locals: HashMap<u32, u32>,
    /// Whether the block runs for the second time, right before it is run backward.
    is_again: bool,
    saves: HashMap<usize, Saved>,
    pending: HashMap<Value, Vec<Value>>,
}

/// What is kept of a statement for the way back.
#[derive(Default, Clone)]
struct Saved {
    locals: HashMap<u32, Value>,
    trips: Option<Place>,
}

struct Writer<'a> {
    b: Builder,
    program: &'a mut Program,
    activities: &'a mut Activities,
    reverse: &'a mut Reverse,
    source: Rc<Function>,
    activity: Rc<Activity>,
    /// Where a factor may have to be guarded: what needs no guard.
    finite: Option<Finite>,
    /// Values that are used in another block than they are computed in.
    apart: HashSet<Value>,
    levels: Vec<Level>,
    adjoint_locals: HashMap<u32, u32>,
    adjoint_values: HashMap<Value, Place>,
    /// The parameters that point to the adjoints of parameters.
    bars: HashMap<u32, u32>,
    seed: Option<u32>,
    result: Option<Place>,
    recorded: &'a HashSet<(u32, u32)>,
    records: HashMap<(u32, u32), Place>,
    /// Loops whose number of iterations is known.
    counted: HashMap<u32, u32>,
}

impl Writer<'_> {
    fn function(&mut self) -> Result<(), Refusal> {
        let source = self.source.clone();
        for parameter in &source.parameters {
            self.b.parameter(&parameter.name, parameter.ty.clone(), parameter.is_pointer);
        }
        let ty = source.result.clone().unwrap_or(F32);
        self.b.function.result = Some(ty.clone());
        self.seed = Some(self.b.parameter("seed", ty.clone(), false));
        for (i, parameter) in source.parameters.iter().enumerate() {
            if self.activity.parameters[i] {
                let name = format!("{}_bar", parameter.name);
                let bar = self.b.parameter(&name, parameter.ty.clone(), true);
                self.bars.insert(i as u32, bar);
            }
        }
        for (i, local) in source.locals.iter().enumerate() {
            let init = local.init.map(|init| self.value(init));
            self.b.function.locals.push(Local { ty: local.ty.clone(), init });
            self.levels[0].locals.insert(i as u32, i as u32);
        }
        for (i, local) in source.locals.iter().enumerate() {
            if self.activity.locals[i] && local.ty.has_float() {
                let adjoint = self.b.local(local.ty.clone(), None);
                self.adjoint_locals.insert(i as u32, adjoint);
            }
        }
        let result = self.b.local_place(ty);
        self.result = Some(result.clone());
        self.sweep(&source.body, true)?;
        self.back(&source.body)?;
        let returned = self.b.load(result);
        self.b.push(Statement::Return(Some(returned)));
        Ok(())
    }

    fn value(&mut self, value: Value) -> Value {
        if let Some(known) = self.levels.iter().rev().find_map(|level| level.values.get(&value)) {
            return *known;
        }
        let node = self.source.node(value).clone();
        let op = node.op.map(|operand| self.value(operand));
        self.b.value(op, node.ty)
    }

    fn define(&mut self, value: Value, new: Value) {
        let level = self.levels.last_mut().expect("bug in wfr: no level");
        level.values.insert(value, new);
    }

    fn local(&self, local: u32) -> u32 {
        let found = self.levels.iter().rev().find_map(|level| level.locals.get(&local));
        *found.expect("bug in wfr: a local without a place")
    }

    fn place(&mut self, place: &Place) -> Place {
        let mapped = place.map(|value| self.value(value));
        match mapped.root {
            Root::Local(local) => {
                let local = self.local(local);
                mapped.with_root(Root::Local(local))
            }
            _ => mapped,
        }
    }

    fn whole(&self, local: u32) -> Place {
        Place::local(self.local(local), self.source.locals[local as usize].ty.clone())
    }

    /// Where the adjoint of a place is kept.
    fn adjoint_place(&mut self, place: &Place) -> Place {
        let mapped = place.map(|value| self.value(value));
        let root = match place.root {
            Root::Local(local) => Root::Local(self.adjoint_locals[&local]),
            Root::Parameter(index) => Root::Parameter(self.bars[&index]),
            Root::Global(_) => unreachable!("bug in wfr: a global has no adjoint"),
        };
        mapped.with_root(root)
    }

    /// Values whose adjoint is a variable: composite ones, and those used in several blocks.
    fn has_variable(&self, value: Value) -> bool {
        self.source.ty(value).is_composite() || self.apart.contains(&value)
    }

    fn adjoint_variable(&mut self, value: Value) -> Place {
        if let Op::Parameter(index) = self.source.op(value) {
            return self.b.pointee(self.bars[index]);
        }
        if let Some(place) = self.adjoint_values.get(&value) {
            return place.clone();
        }
        let place = self.b.local_place(self.source.ty(value).clone());
        self.adjoint_values.insert(value, place.clone());
        place
    }

    fn add(&mut self, value: Value, bar: Value) {
        if !self.activity.value(value) || self.b.is_zero(bar) {
            return;
        }
        if matches!(self.source.op(value), Op::Parameter(_)) || self.has_variable(value) {
            let place = self.adjoint_variable(value);
            self.b.accumulate(place, bar);
        } else {
            let level = self.levels.last_mut().expect("bug in wfr: no level");
            level.pending.entry(value).or_default().push(bar);
        }
    }

    fn add_place(&mut self, value: Value, from: &Place) {
        if !self.activity.value(value) {
            return;
        }
        if from.ty.is_composite() {
            let place = self.adjoint_variable(value);
            self.b.accumulate_place(&place, from);
        } else {
            let bar = self.b.load(from.clone());
            self.add(value, bar);
        }
    }

    /// The adjoint of a value that is no composite, for good.
    fn take(&mut self, value: Value) -> Option<Value> {
        if self.has_variable(value) {
            let place = self.adjoint_values.get(&value)?.clone();
            let bar = self.b.load(place.clone());
            self.b.set_zero(place);
            return Some(bar);
        }
        let level = self.levels.last_mut().expect("bug in wfr: no level");
        let parts = level.pending.remove(&value)?;
        parts.into_iter().reduce(|sum, part| self.b.add(sum, part))
    }
}

/// Whether a type is a whole number.
pub(super) fn is_whole(ty: &Type) -> bool {
    matches!(ty, Type::Scalar(Scalar::U32 | Scalar::I32))
}
