//! What the position moves, also by a jump or by the choice of a branch: more than what has a
//! derivative, see [`super::activity`]. All else has one value whatever the position.

use std::collections::HashMap;

use super::ir::{
    Argument, Block, Function, FunctionId, Op, Place, Program, Root, Statement, Value, walk,
};

/// What moves in one function.
pub(super) struct Depends {
    values: Vec<bool>,
    locals: Vec<bool>,
    parameters: Vec<bool>,
    changed: bool,
}

impl Depends {
    /// Of a function of which these parameters move.
    pub(super) fn of(program: &Program, id: FunctionId, parameters: &[bool]) -> Depends {
        let function = &program[id];
        let mut found = Depends {
            values: vec![false; function.nodes.len()],
            locals: vec![false; function.locals.len()],
            parameters: parameters.to_vec(),
            changed: true,
        };
        while std::mem::take(&mut found.changed) {
            found.nodes(function);
            found.block(&function.body, false);
        }
        found
    }

    pub(super) fn value(&self, value: Value) -> bool {
        self.values[value.0 as usize]
    }

    pub(super) fn place(&self, place: &Place) -> bool {
        let root = match &place.root {
            Root::Local(local) => self.locals[*local as usize],
            Root::Parameter(parameter) => self.parameters[*parameter as usize],
            Root::Global(_) => false,
        };
        root || place.indices().any(|index| self.value(index))
    }

    /// The arguments of a call that move.
    pub(super) fn mask(&self, arguments: &[Argument]) -> Vec<bool> {
        let moves = |argument: &Argument| match argument {
            Argument::Value(value) => self.value(*value),
            Argument::Pointer(place) => self.place(place),
        };
        arguments.iter().map(moves).collect()
    }

    /// Whether the position decides how a loop ends an iteration or itself.
    pub(super) fn exits(&self, block: &[Statement], under: bool) -> bool {
        block.iter().any(|statement| match statement {
            Statement::Break | Statement::Continue => under,
            Statement::If(condition, accept, reject) => {
                let under = under || self.value(*condition);
                self.exits(accept, under) || self.exits(reject, under)
            }
            Statement::Switch(selector, cases) => {
                let under = under || self.value(*selector);
                cases.iter().any(|(_, case)| self.exits(case, under))
            }
            _ => false,
        })
    }

    fn mark(&mut self, value: Value) {
        self.changed |= !std::mem::replace(&mut self.values[value.0 as usize], true);
    }

    fn set(&mut self, root: &Root) {
        let slot = match root {
            Root::Local(local) => &mut self.locals[*local as usize],
            Root::Parameter(parameter) => &mut self.parameters[*parameter as usize],
            Root::Global(_) => return,
        };
        self.changed |= !std::mem::replace(slot, true);
    }

    fn nodes(&mut self, function: &Function) {
        for (value, node) in function.nodes.iter().enumerate() {
            let moves = match &node.op {
                Op::Parameter(parameter) => self.parameters[*parameter as usize],
                Op::Load(place) => self.place(place),
                op => op.operands().iter().any(|operand| self.value(*operand)),
            };
            if moves {
                self.mark(Value(value as u32));
            }
        }
    }

    /// `under` is whether the position decides if the block runs.
    fn block(&mut self, block: &[Statement], under: bool) {
        for statement in block {
            match statement {
                Statement::Store(place, value) => {
                    let indices = place.indices().any(|index| self.value(index));
                    if under || indices || self.value(*value) {
                        self.set(&place.root);
                    }
                }
                Statement::Call { arguments, result, .. } => {
                    let moves = self.mask(arguments).contains(&true);
                    if let Some(result) = result.filter(|_| moves) {
                        self.mark(result);
                    }
                    for argument in arguments {
                        if let (Argument::Pointer(place), true) = (argument, under || moves) {
                            self.set(&place.root);
                        }
                    }
                }
                Statement::If(condition, accept, reject) => {
                    let under = under || self.value(*condition);
                    self.block(accept, under);
                    self.block(reject, under);
                }
                Statement::Switch(selector, cases) => {
                    let under = under || self.value(*selector);
                    cases.iter().for_each(|(_, case)| self.block(case, under));
                }
                Statement::Loop(of) => {
                    let at_end = of.break_if.is_some_and(|value| self.value(value));
                    let under = under || at_end || self.exits(&of.body, false);
                    self.block(&of.body, under);
                    self.block(&of.continuing, under);
                }
                _ => {}
            }
        }
    }
}

/// A statement, and the ways of branches and loops around it that the position decides on.
pub(super) struct Site<'f> {
    pub(super) statement: &'f Statement,
    pub(super) path: Vec<(usize, usize)>,
    /// Whether a loop of many iterations is around it.
    pub(super) is_repeated: bool,
}

/// Loops that are known to be shorter are short, among them those over coordinates.
pub(super) const LONG_LOOP: u32 = 2048;

/// All statements in the order of [`walk`], which numbers them.
pub(super) fn sites<'f>(function: &'f Function, depends: &Depends) -> Vec<Site<'f>> {
    let mut all = Vec::new();
    gather(&function.body, depends, &[], false, &mut all);
    all
}

fn gather<'f>(
    block: &'f [Statement],
    depends: &Depends,
    path: &[(usize, usize)],
    is_repeated: bool,
    all: &mut Vec<Site<'f>>,
) {
    for statement in block {
        let number = all.len();
        all.push(Site { statement, path: path.to_vec(), is_repeated });
        let within = |moves: bool, way: usize| match moves {
            true => [path, &[(number, way)]].concat(),
            false => path.to_vec(),
        };
        match statement {
            Statement::If(condition, accept, reject) => {
                let moves = depends.value(*condition);
                gather(accept, depends, &within(moves, 0), is_repeated, all);
                gather(reject, depends, &within(moves, 1), is_repeated, all);
            }
            Statement::Switch(selector, cases) => {
                for (way, (_, case)) in cases.iter().enumerate() {
                    let moves = depends.value(*selector);
                    gather(case, depends, &within(moves, way), is_repeated, all);
                }
            }
            Statement::Loop(of) => {
                let at_end = of.break_if.is_some_and(|value| depends.value(value));
                let path = within(at_end || depends.exits(&of.body, false), 0);
                let long = is_repeated || of.expected.is_none_or(|count| count >= LONG_LOOP);
                gather(&of.body, depends, &path, long, all);
                gather(&of.continuing, depends, &path, long, all);
            }
            _ => {}
        }
    }
}

/// How often each value is used.
pub(super) fn uses(function: &Function) -> HashMap<Value, u32> {
    let mut uses: HashMap<Value, u32> = HashMap::new();
    let mut used = |value: Value| *uses.entry(value).or_default() += 1;
    walk(&function.body, &mut |statement| match statement {
        Statement::Let(value) => function.op(*value).operands().into_iter().for_each(&mut used),
        Statement::Store(place, value) => {
            place.indices().for_each(&mut used);
            used(*value);
        }
        Statement::Call { arguments, .. } => {
            for argument in arguments {
                match argument {
                    Argument::Value(value) => used(*value),
                    Argument::Pointer(place) => place.indices().for_each(&mut used),
                }
            }
        }
        Statement::If(value, ..) | Statement::Switch(value, _) => used(*value),
        Statement::Loop(of) => of.break_if.iter().for_each(|value| used(*value)),
        Statement::Return(Some(value)) => used(*value),
        _ => {}
    });
    uses
}

/// The block with some statements, by their numbers, replaced by others.
pub(super) fn replaced(
    block: &[Statement],
    number: &mut usize,
    with: &mut HashMap<usize, Block>,
) -> Block {
    let mut out = Block::new();
    for statement in block {
        let own = *number;
        *number += 1;
        let mut statement = statement.clone();
        match &mut statement {
            Statement::If(_, accept, reject) => {
                *accept = replaced(accept, number, with);
                *reject = replaced(reject, number, with);
            }
            Statement::Switch(_, cases) => {
                for (_, case) in cases {
                    *case = replaced(case, number, with);
                }
            }
            Statement::Loop(of) => {
                of.body = replaced(&of.body, number, with);
                of.continuing = replaced(&of.continuing, number, with);
            }
            _ => {}
        }
        match with.remove(&own) {
            Some(others) => out.extend(others),
            None => out.push(statement),
        }
    }
    out
}
