//! Reverse mode: one sweep forward, one backward, and the slopes along all coordinates are there.
//!
//! A block is run forward, then backward statement by statement. Blocks inside of it (branches, the
//! iterations of a loop) are run again, on variables of their own that begin as the originals did,
//! right before they are run backward. So nothing is recorded but what a variable was where a
//! branch or a loop begins, and the number of iterations. Only what one iteration hands to the next
//! and is needed backward goes to an array, which needs a number of iterations that is known.
//! Source: A. Griewank and A. Walther, Evaluating Derivatives (2008), chapters 3 and 12.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use wgpu::naga::BinaryOperator as Bin;

use super::Refusal;
use super::activity::{Activities, Activity, Mask};
use super::build::Builder;
use super::ir::{
    Alias, Argument, Block, F32, Function, FunctionId, Local, Loop, Op, Place, Program, Root,
    Scalar, Statement, Step, Type, U32, Value, walk,
};
use super::prune::prune;
use super::shape::{self, Counted};

/// The most iterations whose hand-over is recorded.
const MOST_RECORDED: u32 = 512;

/// The adjoints of a program's functions, made as they are asked for.
#[derive(Default)]
pub(super) struct Reverse {
    done: HashMap<(FunctionId, Mask), Result<FunctionId, Refusal>>,
}

impl Reverse {
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
        source.body = shape::normalised(&source.body)?;
        let source = Rc::new(source);
        let mut recorded = HashSet::new();
        loop {
            let name = super::name(program, &format!("{}_reverse", source.name));
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

/// What a local begins with when a block is run again, from what was saved of it.
type Begins<'f, W> = dyn FnMut(&mut W, u32, Option<Value>) -> Option<Value> + 'f;

struct Writer<'a> {
    b: Builder,
    program: &'a mut Program,
    activities: &'a mut Activities,
    reverse: &'a mut Reverse,
    source: Rc<Function>,
    activity: Rc<Activity>,
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

    // ---- values and places of the run at hand ------------------------------------------------

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

    // ---- adjoints of values --------------------------------------------------------------------

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

    // ---- forward -------------------------------------------------------------------------------

    /// Runs a block. With `kept`, notes for each statement what the way back will ask for.
    fn sweep(&mut self, block: &[Statement], kept: bool) -> Result<(), Refusal> {
        for (i, statement) in block.iter().enumerate() {
            if kept {
                let saved = self.save(&block[..i], statement, &block[i + 1..])?;
                let level = self.levels.last_mut().expect("bug in wfr: no level");
                level.saves.insert(i, saved);
            }
            self.run(i, statement, kept)?;
        }
        Ok(())
    }

    /// What the variables are that the statement reads and that change from here on.
    fn save(
        &mut self,
        before: &[Statement],
        statement: &Statement,
        rest: &[Statement],
    ) -> Result<Saved, Refusal> {
        let mut saved = Saved::default();
        match statement {
            Statement::If(..) | Statement::Switch(..) | Statement::Loop(_) => {}
            Statement::Call { .. } => {}
            _ => return Ok(saved),
        }
        let inner = std::slice::from_ref(statement);
        for local in shape::touched(&self.source, inner) {
            let stored = shape::stores(self.program, inner, local)
                || shape::stores(self.program, rest, local);
            if stored && shape::reads_first(&self.source, inner, local) {
                let place = self.whole(local);
                saved.locals.insert(local, self.b.load(place));
            }
        }
        if let Statement::Loop(of) = statement {
            let trips = self.b.local_place(U32);
            self.b.set_zero(trips.clone());
            saved.trips = Some(trips);
            let counted = shape::counted(self.program, &self.source, of)?;
            if let Some(count) = shape::trips(self.program, &self.source, &counted, before) {
                self.counted.insert(of.id, count);
                for local in 0..self.source.locals.len() as u32 {
                    if self.recorded.contains(&(of.id, local)) {
                        let ty = self.source.locals[local as usize].ty.clone();
                        let ty = Type::Array(Rc::new(ty), Some(count), Alias::default());
                        let record = self.b.local_place(ty);
                        self.records.insert((of.id, local), record);
                    }
                }
            }
        }
        Ok(saved)
    }

    fn nested(&mut self, block: &[Statement]) -> Result<Block, Refusal> {
        self.b.begin();
        self.levels.push(Level::default());
        self.sweep(block, false)?;
        self.levels.pop();
        Ok(self.b.end())
    }

    fn run(&mut self, i: usize, statement: &Statement, kept: bool) -> Result<(), Refusal> {
        match statement {
            Statement::Let(value) => {
                let node = self.source.node(*value).clone();
                self.b.span = node.span.clone();
                let op = match &node.op {
                    Op::Load(place) => Op::Load(self.place(place)),
                    op => op.map(|operand| self.value(operand)),
                };
                let new = self.b.value(op, node.ty);
                self.define(*value, new);
            }
            Statement::Store(place, value) => {
                let (place, value) = (self.place(place), self.value(*value));
                self.b.store(place, value);
            }
            Statement::Call { function, arguments, result, span } => {
                let passed = arguments.iter().map(|argument| match argument {
                    Argument::Value(value) => Argument::Value(self.value(*value)),
                    Argument::Pointer(place) => Argument::Pointer(self.place(place)),
                });
                let arguments = passed.collect();
                let returned = result.map(|result| {
                    let ty = self.source.ty(result).clone();
                    self.b.result(ty)
                });
                let (function, span) = (*function, span.clone());
                self.b.push(Statement::Call { function, arguments, result: returned, span });
                if let (Some(result), Some(returned)) = (result, returned) {
                    self.define(*result, returned);
                }
            }
            Statement::If(condition, accept, reject) => {
                let condition = self.value(*condition);
                let (accept, reject) = (self.nested(accept)?, self.nested(reject)?);
                self.b.push(Statement::If(condition, accept, reject));
            }
            Statement::Switch(selector, cases) => {
                let selector = self.value(*selector);
                let mut written = Vec::new();
                for (labels, block) in cases {
                    written.push((labels.clone(), self.nested(block)?));
                }
                self.b.push(Statement::Switch(selector, written));
            }
            Statement::Loop(of) => self.run_loop(i, of, kept)?,
            Statement::Break => self.b.push(Statement::Break),
            Statement::Continue => self.b.push(Statement::Continue),
            Statement::Return(value) => {
                if let (Some(value), Some(result)) = (value, self.result.clone())
                    && !self.levels.iter().any(|level| level.is_again)
                {
                    let value = self.value(*value);
                    self.b.store(result, value);
                }
            }
        }
        Ok(())
    }

    fn run_loop(&mut self, i: usize, of: &Loop, kept: bool) -> Result<(), Refusal> {
        self.b.begin();
        self.levels.push(Level::default());
        let header = shape::header(&of.body).map_or(0, |at| at + 1);
        self.sweep(&of.body[..header], false)?;
        if kept {
            let level = &self.levels[self.levels.len() - 2];
            let trips = level.saves[&i].trips.clone().expect("bug in wfr: an uncounted loop");
            let count = self.b.load(trips.clone());
            for local in 0..self.source.locals.len() as u32 {
                if let Some(record) = self.records.get(&(of.id, local)).cloned() {
                    let place = self.whole(local);
                    let value = self.b.load(place);
                    self.b.store(record.at(Step::At(count)), value);
                }
            }
            let one = self.b.uint(1);
            let next = self.b.value(Op::Binary(Bin::Add, count, one), U32);
            self.b.store(trips, next);
        }
        self.sweep(&of.body[header..], false)?;
        let body = self.b.end();
        self.b.begin();
        self.sweep(&of.continuing, false)?;
        let break_if = of.break_if.map(|value| self.value(value));
        let continuing = self.b.end();
        self.levels.pop();
        self.b.push_loop(body, continuing, break_if, of.expected);
        Ok(())
    }

    // ---- backward ------------------------------------------------------------------------------

    fn back(&mut self, block: &[Statement]) -> Result<(), Refusal> {
        for (i, statement) in block.iter().enumerate().rev() {
            match statement {
                Statement::Let(value) => self.back_value(*value)?,
                Statement::Store(place, value) => {
                    if !self.activity.place(place) {
                        continue;
                    }
                    let adjoint = self.adjoint_place(place);
                    self.add_place(*value, &adjoint);
                    self.b.set_zero(adjoint);
                }
                Statement::Return(Some(value)) => {
                    let seed = self.seed.expect("bug in wfr: no seed");
                    let ty = self.b.function.parameters[seed as usize].ty.clone();
                    let seed = self.b.value(Op::Parameter(seed), ty);
                    self.add(*value, seed);
                }
                Statement::Call { function, arguments, result, span } => {
                    self.back_call(i, *function, arguments, *result, span)?;
                }
                Statement::If(condition, accept, reject) => {
                    let condition = self.value(*condition);
                    let rest = &block[i + 1..];
                    let accept = self.back_branch(i, accept, statement, rest)?;
                    let reject = self.back_branch(i, reject, statement, rest)?;
                    self.b.push(Statement::If(condition, accept, reject));
                }
                Statement::Switch(selector, cases) => {
                    let selector = self.value(*selector);
                    let mut written = Vec::new();
                    for (labels, case) in cases {
                        let rest = &block[i + 1..];
                        written.push((labels.clone(), self.back_branch(i, case, statement, rest)?));
                    }
                    self.b.push(Statement::Switch(selector, written));
                }
                Statement::Loop(of) => self.back_loop(i, of, &block[i + 1..])?,
                Statement::Return(None) | Statement::Break | Statement::Continue => {}
            }
        }
        Ok(())
    }

    fn back_value(&mut self, value: Value) -> Result<(), Refusal> {
        if !self.activity.value(value) {
            return Ok(());
        }
        let node = self.source.node(value).clone();
        self.b.span = node.span.clone();
        if node.ty.is_composite() {
            let Some(bar) = self.adjoint_values.get(&value).cloned() else { return Ok(()) };
            match &node.op {
                Op::Load(place) => {
                    let to = self.adjoint_place(place);
                    self.b.accumulate_place(&to, &bar);
                }
                Op::Compose(parts) => {
                    for (part, operand) in parts.iter().enumerate() {
                        self.add_place(*operand, &bar.at(Step::Part(part as u32)));
                    }
                }
                Op::Extract(of, part) => {
                    let to = self.adjoint_variable(*of).at(Step::Part(*part));
                    self.b.accumulate_place(&to, &bar);
                }
                _ => return Err(Refusal::new("a composite value of this kind", node.span)),
            }
            self.b.set_zero(bar);
            return Ok(());
        }
        let Some(bar) = self.take(value) else { return Ok(()) };
        match &node.op {
            Op::Load(place) => {
                let to = self.adjoint_place(place);
                self.b.accumulate(to, bar);
            }
            Op::Extract(of, part) if self.source.ty(*of).is_composite() => {
                let to = self.adjoint_variable(*of).at(Step::Part(*part));
                self.b.accumulate(to, bar);
            }
            op => {
                let operands = op.operands();
                let mapped: Vec<_> = operands.iter().map(|operand| self.value(*operand)).collect();
                let activity = self.activity.clone();
                let wanted = |i: usize| operands.get(i).is_some_and(|o| activity.value(*o));
                let result = self.value(value);
                let maps =
                    super::rules::partials(&mut self.b, op, &mapped, result, &wanted, &node.span)?;
                for (i, map) in maps {
                    let ty = self.source.ty(operands[i]).clone();
                    let part = map.transpose(&mut self.b, bar, &ty);
                    self.add(operands[i], part);
                }
            }
        }
        Ok(())
    }

    fn back_call(
        &mut self,
        i: usize,
        callee: FunctionId,
        arguments: &[Argument],
        result: Option<Value>,
        span: &super::ir::Span,
    ) -> Result<(), Refusal> {
        for (i, argument) in arguments.iter().enumerate() {
            if let Argument::Pointer(place) = argument
                && self.activity.place(place)
                && self.program.writes(callee, i as u32)
            {
                let name = &self.program[callee].name;
                let message = format!("`{name}` writes through a pointer");
                return Err(Refusal::new(message, span.clone()));
            }
        }
        let Some(result) = result.filter(|result| self.activity.value(*result)) else {
            return Ok(());
        };
        let mask = self.activity.mask(arguments);
        let seed = if self.source.ty(result).is_composite() {
            let Some(bar) = self.adjoint_values.get(&result).cloned() else { return Ok(()) };
            let seed = self.b.load(bar.clone());
            self.b.set_zero(bar);
            seed
        } else {
            let Some(seed) = self.take(result) else { return Ok(()) };
            seed
        };
        let adjoint = self.reverse.derive(self.program, self.activities, callee, &mask)?;
        let saved = self.levels.last().and_then(|level| level.saves.get(&i).cloned());
        let saved = saved.unwrap_or_default();
        let mut passed = Vec::new();
        for argument in arguments {
            passed.push(match argument {
                Argument::Value(value) => Argument::Value(self.value(*value)),
                Argument::Pointer(place) => match place.root {
                    // The variable has changed since: a copy of what it was.
                    Root::Local(local) if saved.locals.contains_key(&local) => {
                        let ty = self.source.locals[local as usize].ty.clone();
                        let copy = self.b.local(ty.clone(), None);
                        self.b.store(Place::local(copy, ty), saved.locals[&local]);
                        let place = self.place(place);
                        Argument::Pointer(place.with_root(Root::Local(copy)))
                    }
                    _ => Argument::Pointer(self.place(place)),
                },
            });
        }
        passed.push(Argument::Value(seed));
        let mut after = Vec::new();
        let mut roots: Vec<Root> = Vec::new();
        for (argument, active) in arguments.iter().zip(&mask) {
            if !active {
                continue;
            }
            match argument {
                Argument::Value(value) => {
                    let bar = self.b.local_place(self.source.ty(*value).clone());
                    self.b.set_zero(bar.clone());
                    passed.push(Argument::Pointer(bar.clone()));
                    after.push((argument, bar));
                }
                Argument::Pointer(place) => {
                    let adjoint = self.adjoint_place(place);
                    // Two pointers to one variable must not be written through.
                    if roots.contains(&place.root) {
                        let bar = self.b.local_place(place.ty.clone());
                        self.b.set_zero(bar.clone());
                        passed.push(Argument::Pointer(bar.clone()));
                        after.push((argument, bar));
                    } else {
                        roots.push(place.root.clone());
                        passed.push(Argument::Pointer(adjoint));
                    }
                }
            }
        }
        let call = Statement::Call {
            function: adjoint,
            arguments: passed,
            result: None,
            span: span.clone(),
        };
        self.b.push(call);
        for (argument, bar) in after {
            match argument {
                Argument::Value(value) => self.add_place(*value, &bar),
                Argument::Pointer(place) => {
                    let to = self.adjoint_place(place);
                    self.b.accumulate_place(&to, &bar);
                }
            }
        }
        Ok(())
    }

    /// Begins the run of a block inside of the statement `i`, on variables of its own.
    fn begin_again(
        &mut self,
        i: usize,
        block: &[Statement],
        statement: &[Statement],
        rest: &[Statement],
        begins: &mut Begins<'_, Self>,
    ) {
        let saved = self.levels.last().and_then(|level| level.saves.get(&i).cloned());
        let saved = saved.unwrap_or_default();
        let mut locals = HashMap::new();
        for local in shape::touched(&self.source, block) {
            let is_stable = !shape::stores(self.program, statement, local)
                && !shape::stores(self.program, rest, local);
            if is_stable {
                continue;
            }
            let ty = self.source.locals[local as usize].ty.clone();
            let own = self.b.local(ty.clone(), None);
            if shape::reads_first(&self.source, block, local) {
                let begin = begins(self, local, saved.locals.get(&local).copied());
                if let Some(begin) = begin {
                    self.b.store(Place::local(own, ty), begin);
                }
            }
            locals.insert(local, own);
        }
        self.levels.push(Level { locals, is_again: true, ..Level::default() });
    }

    fn back_branch(
        &mut self,
        i: usize,
        block: &[Statement],
        statement: &Statement,
        rest: &[Statement],
    ) -> Result<Block, Refusal> {
        self.b.begin();
        let statement = std::slice::from_ref(statement);
        self.begin_again(i, block, statement, rest, &mut |_, _, saved| saved);
        self.sweep(block, true)?;
        self.back(block)?;
        self.levels.pop();
        Ok(self.b.end())
    }

    fn back_loop(&mut self, i: usize, of: &Loop, rest: &[Statement]) -> Result<(), Refusal> {
        let Counted { inner, counter, .. } = shape::counted(self.program, &self.source, of)?;
        let level = self.levels.last().expect("bug in wfr: no level");
        let trips = level.saves[&i].trips.clone().expect("bug in wfr: an uncounted loop");
        self.b.begin();
        let left = self.b.load(trips.clone());
        let zero = self.b.uint(0);
        let more = self.b.compare(Bin::Greater, left, zero);
        self.b.push(Statement::If(more, Vec::new(), vec![Statement::Break]));
        let one = self.b.uint(1);
        let k = self.b.value(Op::Binary(Bin::Subtract, left, one), U32);
        self.b.store(trips, k);
        let whole = Statement::Loop(Box::new(of.clone()));
        let number = of.id;
        let statement = std::slice::from_ref(&whole);
        self.begin_again(i, &inner, statement, rest, &mut |writer, local, saved| {
            if !shape::stores(writer.program, statement, local) {
                return saved;
            }
            if let Some((counter, step)) = counter
                && counter == local
            {
                return Some(writer.counter_at(saved?, step, k, local));
            }
            if let Some(record) = writer.records.get(&(number, local)).cloned() {
                return Some(writer.b.load(record.at(Step::At(k))));
            }
            let ty = writer.source.locals[local as usize].ty.clone();
            Some(writer.b.value(Op::Carried(number, local), ty))
        });
        self.sweep(&inner, true)?;
        self.back(&inner)?;
        self.levels.pop();
        let body = self.b.end();
        self.b.push_loop(body, Vec::new(), None, of.expected);
        Ok(())
    }

    /// start + k step, in the counter's type.
    fn counter_at(&mut self, start: Value, step: (Bin, Value), k: Value, local: u32) -> Value {
        let ty = self.source.locals[local as usize].ty.clone();
        let k = if ty == U32 { k } else { self.b.value(Op::Convert(k), ty.clone()) };
        let (op, by) = (step.0, self.value(step.1));
        let is_one = matches!(self.b.op(by), Op::Uint(1) | Op::Int(1));
        let way =
            if is_one { k } else { self.b.value(Op::Binary(Bin::Multiply, k, by), ty.clone()) };
        let is_zero = matches!(self.b.op(start), Op::Uint(0) | Op::Int(0));
        if is_zero && op == Bin::Add { way } else { self.b.value(Op::Binary(op, start, way), ty) }
    }
}

/// Whether a type is a whole number.
pub(super) fn is_whole(ty: &Type) -> bool {
    matches!(ty, Type::Scalar(Scalar::U32 | Scalar::I32))
}
