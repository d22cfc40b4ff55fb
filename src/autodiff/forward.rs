//! Forward mode: every active value gets its changes along one or more directions beside it.

use std::collections::HashMap;
use std::rc::Rc;

use super::Refusal;
use super::activity::{Activities, Activity, Mask};
use super::build::Builder;
use super::ir::{
    Argument, Block, Function, FunctionId, Local, Op, Place, Program, Root, Statement, Step, Type,
    Value,
};
use super::linear::Linear;
use super::reverse::Reverse;
use super::rules;

/// What the directions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Seeds {
    /// The tangents are parameters: so many after each active parameter, and so many pointers at
    /// the end for those of the result.
    Given(u32),
    /// The coordinates of the first parameter, all of them: the gradient in one sweep.
    Coordinates(u32),
}

impl Seeds {
    fn count(self) -> usize {
        match self {
            Seeds::Given(count) | Seeds::Coordinates(count) => count as usize,
        }
    }
}

/// The forward derivatives of a program's functions, made as they are asked for.
pub(super) struct Forward<'p> {
    pub(super) program: &'p mut Program,
    pub(super) activities: &'p mut Activities,
    /// Gradients of called functions may come from reverse mode.
    pub(super) reverse: Option<&'p mut Reverse>,
    done: HashMap<(FunctionId, Mask, Seeds), FunctionId>,
}

/// One function on its way.
struct Writer {
    b: Builder,
    source: Rc<Function>,
    activity: Rc<Activity>,
    seeds: Seeds,
    values: HashMap<Value, Value>,
    tangents: HashMap<Value, Vec<Value>>,
    /// Where the tangents of a local or of a parameter are kept.
    local_tangents: HashMap<u32, Vec<u32>>,
    parameter_tangents: HashMap<u32, Vec<u32>>,
    /// New numbers of the parameters.
    parameters: Vec<u32>,
    outs: Vec<u32>,
}

impl<'p> Forward<'p> {
    pub(super) fn new(
        program: &'p mut Program,
        activities: &'p mut Activities,
        reverse: Option<&'p mut Reverse>,
    ) -> Forward<'p> {
        Forward { program, activities, reverse, done: HashMap::new() }
    }

    /// The function with its tangents. It returns what the original returns.
    pub(super) fn derive(
        &mut self,
        id: FunctionId,
        mask: &[bool],
        seeds: Seeds,
    ) -> Result<FunctionId, Refusal> {
        let activity = self.activities.of(self.program, id, mask)?;
        let key = (id, activity.parameters.clone(), seeds);
        if let Some(done) = self.done.get(&key) {
            return Ok(*done);
        }
        let source = Rc::new(self.program[id].clone());
        let what = match seeds {
            Seeds::Given(1) => "forward".to_string(),
            Seeds::Given(n) => format!("forward{n}"),
            Seeds::Coordinates(_) => "sweep".to_string(),
        };
        let name = super::derive::name(self.program, &format!("{}_{what}", source.name));
        let comment = format!("Forward mode: `{}` and its tangents.", source.name);
        let mut writer = Writer {
            b: Builder::new(name, comment),
            source: source.clone(),
            activity: activity.clone(),
            seeds,
            values: HashMap::new(),
            tangents: HashMap::new(),
            local_tangents: HashMap::new(),
            parameter_tangents: HashMap::new(),
            parameters: Vec::new(),
            outs: Vec::new(),
        };
        writer.signature();
        writer.locals();
        self.block(&mut writer, &source.body)?;
        let done = writer.b.finish(self.program);
        self.done.insert(key, done);
        Ok(done)
    }

    fn block(&mut self, w: &mut Writer, block: &Block) -> Result<(), Refusal> {
        for statement in block {
            self.statement(w, statement)?;
        }
        Ok(())
    }

    fn inner(&mut self, w: &mut Writer, block: &Block) -> Result<Block, Refusal> {
        w.b.begin();
        self.block(w, block)?;
        Ok(w.b.end())
    }

    fn statement(&mut self, w: &mut Writer, statement: &Statement) -> Result<(), Refusal> {
        match statement {
            Statement::Let(value) => w.compute(*value)?,
            Statement::Store(place, value) => {
                let stored = w.value(*value);
                if w.activity.place(place) {
                    for k in 0..w.seeds.count() {
                        let to = w.tangent_place(place, k);
                        let tangent = w.tangent(*value, k);
                        w.b.store(to, tangent);
                    }
                }
                let to = w.place(place);
                w.b.store(to, stored);
            }
            Statement::If(condition, accept, reject) => {
                let condition = w.value(*condition);
                let (accept, reject) = (self.inner(w, accept)?, self.inner(w, reject)?);
                w.b.push(Statement::If(condition, accept, reject));
            }
            Statement::Switch(selector, cases) => {
                let selector = w.value(*selector);
                let mut written = Vec::new();
                for (labels, block) in cases {
                    written.push((labels.clone(), self.inner(w, block)?));
                }
                w.b.push(Statement::Switch(selector, written));
            }
            Statement::Loop(of) => {
                let body = self.inner(w, &of.body)?;
                let continuing = self.inner(w, &of.continuing)?;
                let break_if = of.break_if.map(|value| w.value(value));
                w.b.push_loop(body, continuing, break_if, of.expected);
            }
            Statement::Break => w.b.push(Statement::Break),
            Statement::Continue => w.b.push(Statement::Continue),
            Statement::Return(value) => {
                let returned = value.map(|value| w.value(value));
                if let Some(value) = value
                    && w.activity.result
                {
                    for k in 0..w.seeds.count() {
                        let tangent = w.tangent(*value, k);
                        let out = w.b.pointee(w.outs[k]);
                        w.b.store(out, tangent);
                    }
                }
                w.b.push(Statement::Return(returned));
            }
            Statement::Call { function, arguments, result, span } => {
                w.b.span = span.clone();
                self.call(w, *function, arguments, *result, span)?;
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        w: &mut Writer,
        callee: FunctionId,
        arguments: &[Argument],
        result: Option<Value>,
        span: &super::ir::Span,
    ) -> Result<(), Refusal> {
        let mask = w.activity.mask(arguments);
        let returned = result.map(|result| {
            let ty = w.source.ty(result).clone();
            let value = w.b.result(ty);
            w.values.insert(result, value);
            value
        });
        let push = |w: &mut Writer, function, arguments| {
            let span = span.clone();
            w.b.push(Statement::Call { function, arguments, result: returned, span });
        };
        let is_active = mask.contains(&true)
            && (result.is_some_and(|r| w.activity.value(r))
                || arguments.iter().any(|a| matches!(a, Argument::Pointer(p) if w.writes(p))));
        if !is_active {
            let passed = arguments.iter().map(|a| w.argument(a)).collect();
            push(w, callee, passed);
            return Ok(());
        }
        let known = self.activities.of(self.program, callee, &mask)?;
        // A function of the position alone: all its slopes at once.
        if let Seeds::Coordinates(_) = w.seeds
            && let Some(result) = result
            && w.takes_the_position(arguments, &known.parameters)
        {
            if self.gradient_of_call(w, callee, arguments, &mask, result)? {
                return Ok(());
            }
            let derived = self.derive(callee, &mask, w.seeds)?;
            let mut passed: Vec<_> = arguments.iter().map(|a| w.argument(a)).collect();
            let outs = w.call_outs(self.program[callee].result.clone(), &mut passed);
            push(w, derived, passed);
            w.load_outs(result, outs);
            return Ok(());
        }
        let seeds = Seeds::Given(w.seeds.count() as u32);
        let derived = self.derive(callee, &mask, seeds)?;
        let mut passed = Vec::new();
        for (argument, active) in arguments.iter().zip(&known.parameters) {
            passed.push(w.argument(argument));
            if !active {
                continue;
            }
            for k in 0..w.seeds.count() {
                passed.push(match argument {
                    Argument::Value(value) => Argument::Value(w.tangent(*value, k)),
                    Argument::Pointer(place) => w.tangent_pointer(place, k),
                });
            }
        }
        let returned_ty = self.program[callee].result.clone().filter(|_| known.result);
        let outs = w.call_outs(returned_ty, &mut passed);
        push(w, derived, passed);
        if let Some(result) = result {
            w.load_outs(result, outs);
        }
        Ok(())
    }

    /// Takes the gradient of a called function from reverse mode, where that exists and is cheaper.
    fn gradient_of_call(
        &mut self,
        w: &mut Writer,
        callee: FunctionId,
        arguments: &[Argument],
        mask: &[bool],
        result: Value,
    ) -> Result<bool, Refusal> {
        let Some(reverse) = self.reverse.as_mut() else { return Ok(false) };
        if !w.source.ty(result).is_float() {
            return Ok(false);
        }
        let Ok(adjoint) = reverse.derive(self.program, self.activities, callee, mask) else {
            return Ok(false);
        };
        let ty = w.source.parameters[0].ty.clone();
        let bar = w.b.local_place(ty.clone());
        w.b.set_zero(bar.clone());
        let mut passed: Vec<_> = arguments.iter().map(|a| w.argument(a)).collect();
        passed.push(Argument::Value(w.b.float(1.0)));
        passed.push(Argument::Pointer(bar.clone()));
        let returned = Some(w.values[&result]);
        let span = w.b.span.clone();
        w.b.push(Statement::Call { function: adjoint, arguments: passed, result: returned, span });
        let slopes = (0..w.seeds.count() as u32).map(|k| {
            let part = if ty.is_float() { bar.clone() } else { bar.at(Step::Part(k)) };
            w.b.load(part)
        });
        let slopes = slopes.collect();
        w.tangents.insert(result, slopes);
        Ok(true)
    }
}

impl Writer {
    fn signature(&mut self) {
        let count = self.seeds.count();
        let source = self.source.clone();
        for (i, parameter) in source.parameters.iter().enumerate() {
            let (ty, is_pointer) = (parameter.ty.clone(), parameter.is_pointer);
            self.parameters.push(self.b.parameter(&parameter.name, ty.clone(), is_pointer));
            if let Seeds::Given(_) = self.seeds
                && self.activity.parameters[i]
            {
                let suffix = |k: usize| if count == 1 { String::new() } else { k.to_string() };
                let name = |k: usize| format!("{}_dot{}", parameter.name, suffix(k));
                let tangents =
                    (0..count).map(|k| self.b.parameter(&name(k), ty.clone(), is_pointer));
                let tangents = tangents.collect();
                self.parameter_tangents.insert(i as u32, tangents);
            }
        }
        self.b.function.result = source.result.clone();
        if let Some(ty) = source.result.clone().filter(|_| self.activity.result) {
            let name = |k: usize| if count == 1 { "dot".into() } else { format!("dot{k}") };
            self.outs = (0..count).map(|k| self.b.parameter(&name(k), ty.clone(), true)).collect();
        }
    }

    fn locals(&mut self) {
        let source = self.source.clone();
        for local in &source.locals {
            let init = local.init.map(|init| self.value(init));
            self.b.function.locals.push(Local { ty: local.ty.clone(), init });
        }
        for (i, local) in source.locals.iter().enumerate() {
            if self.activity.locals[i] && local.ty.has_float() {
                let count = self.seeds.count();
                let tangents = (0..count).map(|_| self.b.local(local.ty.clone(), None)).collect();
                self.local_tangents.insert(i as u32, tangents);
            }
        }
    }

    /// The value in the new function; constants are made as they are met.
    fn value(&mut self, value: Value) -> Value {
        if let Some(known) = self.values.get(&value) {
            return *known;
        }
        let node = self.source.node(value).clone();
        let op = match node.op {
            Op::Parameter(index) => Op::Parameter(self.parameters[index as usize]),
            Op::Load(place) => Op::Load(self.place(&place)),
            op => op.map(|operand| self.value(operand)),
        };
        let new = self.b.value(op, node.ty);
        self.values.insert(value, new);
        new
    }

    fn place(&mut self, place: &Place) -> Place {
        let mut mapped = place.map(|value| self.value(value));
        if let Root::Parameter(index) = mapped.root {
            mapped.root = Root::Parameter(self.parameters[index as usize]);
        }
        mapped
    }

    fn argument(&mut self, argument: &Argument) -> Argument {
        match argument {
            Argument::Value(value) => Argument::Value(self.value(*value)),
            Argument::Pointer(place) => Argument::Pointer(self.place(place)),
        }
    }

    fn writes(&self, place: &Place) -> bool {
        self.activity.place(place)
    }

    /// Whether the only active argument of a call is the position itself.
    fn takes_the_position(&self, arguments: &[Argument], mask: &[bool]) -> bool {
        let first = |argument: &Argument| match argument {
            Argument::Value(value) => match self.source.op(*value) {
                Op::Parameter(0) => true,
                Op::Load(place) => place.root == Root::Parameter(0) && place.path.is_empty(),
                _ => false,
            },
            Argument::Pointer(place) => place.root == Root::Parameter(0) && place.path.is_empty(),
        };
        // Its place is the first, as here, so that the callee knows what its directions are.
        mask.iter().filter(|active| **active).count() == 1 && mask[0] && first(&arguments[0])
    }

    /// The directions of the first parameter, or where its tangents are.
    fn tangent_place(&mut self, place: &Place, k: usize) -> Place {
        let root = match &place.root {
            Root::Local(local) => Root::Local(self.local_tangents[local][k]),
            Root::Parameter(index) => Root::Parameter(self.parameter_tangents[index][k]),
            Root::Global(_) => unreachable!("bug in wfr: a global has no tangent"),
        };
        self.place(place).with_root(root)
    }

    fn is_seed(&self, root: &Root) -> bool {
        matches!(self.seeds, Seeds::Coordinates(_)) && *root == Root::Parameter(0)
    }

    /// A pointer to a tangent; that of a direction is made for the call.
    fn tangent_pointer(&mut self, place: &Place, k: usize) -> Argument {
        if !self.is_seed(&place.root) {
            return Argument::Pointer(self.tangent_place(place, k));
        }
        let seed = self.seed(place, k);
        let made = self.b.local_place(place.ty.clone());
        self.b.store(made.clone(), seed);
        Argument::Pointer(made)
    }

    /// Direction k of the position, or of a part of it.
    fn seed(&mut self, place: &Place, k: usize) -> Value {
        let ty = self.source.parameters[0].ty.clone();
        let ones = match place.path.first().copied() {
            None if ty.is_float() => return self.b.float(1.0),
            None => {
                let parts: Vec<Value> = (0..ty.parts())
                    .map(|part| self.b.float(if part as usize == k { 1.0 } else { 0.0 }))
                    .collect();
                return self.b.compose(parts, ty);
            }
            Some(Step::Part(part)) => return self.b.float((part as usize == k).into()),
            Some(Step::At(index)) => self.value(index),
        };
        let is_unsigned = *self.b.function.ty(ones) == super::ir::U32;
        let number = if is_unsigned { Op::Uint(k as u32) } else { Op::Int(k as i32) };
        let number = self.b.value(number, self.b.ty(ones));
        let here = self.b.compare(wgpu::naga::BinaryOperator::Equal, ones, number);
        let (zero, one) = (self.b.float(0.0), self.b.float(1.0));
        self.b.select(zero, one, here)
    }

    fn tangent(&mut self, value: Value, k: usize) -> Value {
        if let Some(known) = self.tangents.get(&value) {
            return known[k];
        }
        let ty = self.source.ty(value).clone();
        match *self.source.op(value) {
            Op::Parameter(index) if self.activity.value(value) => {
                if self.is_seed(&Root::Parameter(index)) {
                    let place = Place::parameter(index, ty);
                    return self.seed(&place, k);
                }
                let tangent = self.parameter_tangents[&index][k];
                self.b.value(Op::Parameter(tangent), ty)
            }
            _ => self.b.zero(ty),
        }
    }

    fn compute(&mut self, value: Value) -> Result<(), Refusal> {
        let node = self.source.node(value).clone();
        self.b.span = node.span.clone();
        let result = self.value(value);
        if !self.activity.value(value) {
            return Ok(());
        }
        let count = self.seeds.count();
        let tangents = match &node.op {
            Op::Load(place) if self.is_seed(&place.root) => {
                (0..count).map(|k| self.seed(place, k)).collect()
            }
            Op::Load(place) => {
                let mut loaded = Vec::new();
                for k in 0..count {
                    let place = self.tangent_place(place, k);
                    loaded.push(self.b.load(place));
                }
                loaded
            }
            Op::Compose(parts) => {
                let mut composed = Vec::new();
                for k in 0..count {
                    let parts = parts.iter().map(|part| self.tangent(*part, k)).collect();
                    composed.push(self.b.compose(parts, node.ty.clone()));
                }
                composed
            }
            op => {
                let operands = op.operands();
                let mapped: Vec<_> = operands.iter().map(|operand| self.value(*operand)).collect();
                let activity = self.activity.clone();
                let wanted = |i: usize| operands.get(i).is_some_and(|o| activity.value(*o));
                let maps = rules::partials(&mut self.b, op, &mapped, result, &wanted, &node.span)?;
                (0..count).map(|k| self.combined(&maps, &operands, k, &node.ty)).collect()
            }
        };
        self.tangents.insert(value, tangents);
        Ok(())
    }

    fn combined(
        &mut self,
        maps: &[(usize, Linear)],
        operands: &[Value],
        k: usize,
        ty: &Type,
    ) -> Value {
        let mut sum = self.b.zero(ty.clone());
        for (i, map) in maps {
            let tangent = self.tangent(operands[*i], k);
            let part = map.apply(&mut self.b, tangent, ty);
            sum = self.b.add(sum, part);
        }
        sum
    }

    /// Variables for the tangents of what a call returns, passed by pointer.
    fn call_outs(&mut self, ty: Option<Type>, passed: &mut Vec<Argument>) -> Vec<Place> {
        let Some(ty) = ty else { return Vec::new() };
        let outs: Vec<_> =
            (0..self.seeds.count()).map(|_| self.b.local_place(ty.clone())).collect();
        passed.extend(outs.iter().cloned().map(Argument::Pointer));
        outs
    }

    fn load_outs(&mut self, result: Value, outs: Vec<Place>) {
        if !outs.is_empty() {
            let tangents = outs.into_iter().map(|place| self.b.load(place)).collect();
            self.tangents.insert(result, tangents);
        }
    }
}
