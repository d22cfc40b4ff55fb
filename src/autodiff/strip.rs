//! Takes off a function's result what is added to it whatever the position: of c + f(x) it leaves
//! f(x). A constant that is large beside f(x) would cost it its digits in single precision.
//!
//! Terms are followed through sums, factors that do not move, sums over loops, variables, branches
//! of which all but one are −∞, and functions that are called once. What was taken off is not
//! known here: it is the difference of the two functions anywhere.

use std::collections::{HashMap, HashSet};

use wgpu::naga::{BinaryOperator as Bin, UnaryOperator};

use super::depends::{Depends, Site, replaced, sites, uses};
use super::ir::{
    Argument, Block, F32, Function, FunctionId, Node, Op, Program, Root, Statement, Value, walk,
};
use super::prune::prune;
use super::sums::{self, Sum};
use crate::shaders::MINUS_INFINITY;

/// A result below this is as good as −∞.
const NOTHING: f32 = -1e25;

/// Takes constants off the result of a function of which the first parameter is the position;
/// whether there were any.
pub(super) fn strip(program: &mut Program, id: FunctionId) -> bool {
    let count = program[id].parameters.len();
    let mask: Vec<bool> = (0..count).map(|parameter| parameter == 0).collect();
    within(program, id, &mask)
}

fn within(program: &mut Program, id: FunctionId, mask: &[bool]) -> bool {
    let source = program[id].clone();
    let depends = Depends::of(program, id, mask);
    let mut strip = Strip {
        program,
        function: source.clone(),
        sites: sites(&source, &depends),
        uses: uses(&source),
        depends,
        seen: HashSet::new(),
        lets: Vec::new(),
        edits: HashMap::new(),
        begins_anew: false,
        calls: Vec::new(),
    };
    strip.returns();
    let Strip { function, mut edits, calls, begins_anew, .. } = strip;
    let mut changed = begins_anew || !edits.is_empty();
    if changed {
        let body = replaced(&source.body, &mut 0, &mut edits);
        program.functions[id.0] = Function { body, ..function };
        prune(program, id);
    }
    for (callee, mask) in calls {
        changed |= within(program, callee, &mask);
    }
    changed
}

/// What is left of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Left {
    All,
    Nothing,
    Part(Value),
}

struct Strip<'p> {
    program: &'p Program,
    /// With the values that are new.
    function: Function,
    sites: Vec<Site<'p>>,
    uses: HashMap<Value, u32>,
    depends: Depends,
    /// Variables that are dealt with.
    seen: HashSet<u32>,
    /// New values that the statement at hand needs.
    lets: Block,
    edits: HashMap<usize, Block>,
    /// Whether a variable begins without its constant.
    begins_anew: bool,
    /// Functions to go on with, and their parameters that move.
    calls: Vec<(FunctionId, Vec<bool>)>,
}

impl Strip<'_> {
    fn returns(&mut self) {
        let mut found = None;
        for at in 0..self.sites.len() {
            let Statement::Return(Some(value)) = *self.sites[at].statement else { continue };
            if self.is_nothing(value) {
                continue;
            }
            if found.replace((at, value)).is_some() {
                return;
            }
        }
        let Some((at, value)) = found else { return };
        let left = self.follow(at, value);
        self.apply(at, left, |value| Statement::Return(Some(value)));
    }

    /// Replaces the statement numbered `at` by the one that `written` makes of what is left.
    fn apply(&mut self, at: usize, left: Left, written: impl FnOnce(Value) -> Statement) {
        let mut block = std::mem::take(&mut self.lets);
        let value = match left {
            Left::All => return,
            Left::Nothing => self.node(Op::Float(0.0)),
            Left::Part(value) => value,
        };
        block.push(written(value));
        self.edits.insert(at, block);
    }

    fn node(&mut self, op: Op) -> Value {
        let is_constant = op.is_constant();
        self.function.nodes.push(Node { op, ty: F32, span: None });
        let value = Value(self.function.nodes.len() as u32 - 1);
        if !is_constant {
            self.lets.push(Statement::Let(value));
        }
        value
    }

    /// What is left of a value that the statement numbered `at` uses.
    fn follow(&mut self, at: usize, value: Value) -> Left {
        let is_sole = self.is_sole(value);
        self.value(at, value, is_sole)
    }

    fn is_sole(&self, value: Value) -> bool {
        self.uses.get(&value).is_none_or(|count| *count <= 1)
    }

    fn moves(&self, value: Value) -> bool {
        // New values are never asked about.
        self.depends.value(value)
    }

    /// `is_sole` is whether nothing else uses the value.
    fn value(&mut self, at: usize, value: Value, is_sole: bool) -> Left {
        if !self.function.ty(value).is_float() {
            return Left::All;
        }
        if !self.moves(value) {
            let op = self.function.op(value);
            let is_zero = matches!(op, Op::Zero) || *op == Op::Float(0.0);
            return if is_zero { Left::All } else { Left::Nothing };
        }
        let part = |strip: &mut Self, value: Value| {
            let is_sole = is_sole && strip.is_sole(value);
            strip.value(at, value, is_sole)
        };
        match self.function.op(value).clone() {
            Op::Unary(UnaryOperator::Negate, of) => match part(self, of) {
                Left::Part(of) => Left::Part(self.node(Op::Unary(UnaryOperator::Negate, of))),
                other => other,
            },
            Op::Binary(op @ (Bin::Add | Bin::Subtract), left, right) => {
                let (first, second) = (part(self, left), part(self, right));
                let (left, right) = match (first, second) {
                    (Left::All, Left::All) => return Left::All,
                    _ => (self.of(first, left), self.of(second, right)),
                };
                Left::Part(match (left, right) {
                    (Some(left), Some(right)) => self.node(Op::Binary(op, left, right)),
                    (Some(left), None) => left,
                    (None, Some(right)) if op == Bin::Add => right,
                    (None, Some(right)) => self.node(Op::Unary(UnaryOperator::Negate, right)),
                    (None, None) => return Left::Nothing,
                })
            }
            Op::Binary(Bin::Multiply, left, right) if !self.moves(left) => {
                match part(self, right) {
                    Left::Part(right) => {
                        Left::Part(self.node(Op::Binary(Bin::Multiply, left, right)))
                    }
                    other => other,
                }
            }
            Op::Binary(op @ (Bin::Multiply | Bin::Divide), left, right) if !self.moves(right) => {
                match part(self, left) {
                    Left::Part(left) => Left::Part(self.node(Op::Binary(op, left, right))),
                    other => other,
                }
            }
            Op::Select { reject, accept, condition } => {
                let mut choice = [reject, accept];
                let mut changed = false;
                let open: Vec<usize> = match self.moves(condition) {
                    false => vec![0, 1],
                    true if self.is_nothing(reject) => vec![1],
                    true if self.is_nothing(accept) => vec![0],
                    true => return Left::All,
                };
                for side in open {
                    let left = part(self, choice[side]);
                    changed |= left != Left::All;
                    choice[side] = match self.of(left, choice[side]) {
                        Some(value) => value,
                        None => self.node(Op::Float(0.0)),
                    };
                }
                let [reject, accept] = choice;
                match changed {
                    true => Left::Part(self.node(Op::Select { reject, accept, condition })),
                    false => Left::All,
                }
            }
            Op::Load(place) => {
                if let (Root::Local(local), true, true) =
                    (&place.root, place.path.is_empty(), is_sole)
                {
                    self.variable(at, *local, value);
                }
                Left::All
            }
            Op::Result if is_sole => {
                self.call(value);
                Left::All
            }
            _ => Left::All,
        }
    }

    fn of(&self, left: Left, all: Value) -> Option<Value> {
        match left {
            Left::All => Some(all),
            Left::Part(value) => Some(value),
            Left::Nothing => None,
        }
    }

    /// Goes on in what is stored to a variable that the statement numbered `at` reads.
    fn variable(&mut self, at: usize, local: u32, read: Value) {
        if !self.seen.insert(local) {
            return;
        }
        let Some(sum) = sums::of(&self.function, &self.sites, &self.uses, local) else { return };
        if sum.read != read {
            return;
        }
        let mut path = self.sites[at].path.clone();
        let runs = |strip: &Self, at: usize, path: &[(usize, usize)]| {
            path.starts_with(&strip.sites[at].path)
        };
        let (sure, other): (Vec<_>, Vec<_>) =
            sum.sets.iter().copied().partition(|(set, _)| runs(self, *set, &path));
        let sets = match other[..] {
            [] => {
                self.begin(local);
                sure
            }
            [first, second] if self.are_two_ways(first.0, second.0, &path) => {
                let main = match (self.is_nothing(first.1), self.is_nothing(second.1)) {
                    (false, true) => first,
                    (true, false) => second,
                    _ => return,
                };
                path = self.sites[main.0].path.clone();
                vec![main]
            }
            _ => return,
        };
        let place = |strip: &Self, at: usize| match strip.sites[at].statement {
            Statement::Store(place, _) => place.clone(),
            _ => unreachable!("bug in wfr: a sum is set by a store"),
        };
        for (set, value) in sets {
            let outer = std::mem::take(&mut self.lets);
            let left = self.follow(set, value);
            let place = place(self, set);
            self.apply(set, left, |value| Statement::Store(place, value));
            self.lets = outer;
        }
        let Sum { updates, .. } = sum;
        for update in updates {
            if !runs(self, update.at, &path) {
                continue;
            }
            let outer = std::mem::take(&mut self.lets);
            let mut changed = false;
            let mut value = update.before;
            for (subtracted, term) in update.terms {
                let left = self.follow(update.at, term);
                changed |= left != Left::All;
                if let Some(term) = self.of(left, term) {
                    let op = if subtracted { Bin::Subtract } else { Bin::Add };
                    value = self.node(Op::Binary(op, value, term));
                }
            }
            let place = place(self, update.at);
            let left = if changed { Left::Part(value) } else { Left::All };
            self.apply(update.at, left, |value| Statement::Store(place, value));
            self.lets = outer;
        }
    }

    /// Takes off what a variable begins with.
    fn begin(&mut self, local: u32) {
        let init = self.function.locals[local as usize].init;
        let is_zero = |value| matches!(self.function.op(value), Op::Zero | Op::Float(0.0));
        if init.is_some_and(|init| !is_zero(init) && !self.moves(init)) {
            self.function.locals[local as usize].init = None;
            self.begins_anew = true;
        }
    }

    /// Whether two statements are in the two branches of one choice, which runs if `path` does.
    fn are_two_ways(&self, first: usize, second: usize, path: &[(usize, usize)]) -> bool {
        let (first, second) = (&self.sites[first].path, &self.sites[second].path);
        match (first.split_last(), second.split_last()) {
            (Some((a, before)), Some((b, same))) => {
                let is_choice = matches!(self.sites[a.0].statement, Statement::If(..));
                is_choice && a.0 == b.0 && a.1 != b.1 && before == same && path.starts_with(before)
            }
            _ => false,
        }
    }

    /// Notes a function that is called nowhere else.
    fn call(&mut self, value: Value) {
        let calls = self.sites.iter().find_map(|site| match site.statement {
            Statement::Call { function, arguments, result, .. } if *result == Some(value) => {
                Some((*function, arguments))
            }
            _ => None,
        });
        let Some((callee, arguments)) = calls else { return };
        let mut count = 0;
        for function in &self.program.functions {
            walk(&function.body, &mut |statement| {
                count += u32::from(
                    matches!(statement, Statement::Call { function, .. } if *function == callee),
                );
            });
        }
        if count == 1 {
            self.calls.push((callee, self.depends.mask(arguments)));
        }
    }

    /// Whether a value is −∞, or so far below all densities that it might as well be.
    fn is_nothing(&self, value: Value) -> bool {
        is_nothing(self.program, &self.function, value)
    }
}

fn is_nothing(program: &Program, function: &Function, value: Value) -> bool {
    match function.op(value) {
        Op::Float(number) => *number < NOTHING,
        Op::Unary(UnaryOperator::Negate, of) => {
            matches!(function.op(*of), Op::Float(number) if -*number < NOTHING)
        }
        Op::Bitcast(of) => is_minus_infinity(function, *of),
        Op::Name(name) => {
            let global = program.globals.get(name).and_then(Option::as_ref);
            global.is_some_and(|global| returns_nothing(program, global))
        }
        Op::Result => {
            let mut callee = None;
            walk(&function.body, &mut |statement| {
                if let Statement::Call { function, arguments, result, .. } = statement
                    && *result == Some(value)
                    && arguments.is_empty()
                {
                    callee = Some(*function);
                }
            });
            callee.is_some_and(|id| {
                let callee = &program[id];
                callee.name == MINUS_INFINITY || returns_nothing(program, callee)
            })
        }
        _ => false,
    }
}

fn returns_nothing(program: &Program, function: &Function) -> bool {
    match function.body.last() {
        Some(Statement::Return(Some(value))) => is_nothing(program, function, *value),
        _ => false,
    }
}

/// Whether an integer has the bits of −∞, in a variable perhaps.
fn is_minus_infinity(function: &Function, bits: Value) -> bool {
    const BITS: u32 = 0xff80_0000;
    match function.op(bits) {
        Op::Uint(bits) => *bits == BITS,
        Op::Load(place) => {
            let Root::Local(local) = place.root else { return false };
            let mut stored: Vec<Value> = function.locals[local as usize].init.into_iter().collect();
            walk(&function.body, &mut |statement| match statement {
                Statement::Store(to, value) if to.root == place.root => stored.push(*value),
                Statement::Call { arguments, .. } => {
                    let changes = arguments.iter().any(|argument| {
                        matches!(argument, Argument::Pointer(to) if to.root == place.root)
                    });
                    stored.extend(changes.then_some(bits));
                }
                _ => {}
            });
            matches!(stored[..], [only] if *function.op(only) == Op::Uint(BITS))
        }
        _ => false,
    }
}
