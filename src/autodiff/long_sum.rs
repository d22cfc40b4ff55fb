//! Makes sums over long loops, as far as they are added to a function's result, sums in fixed point:
//! `shaders/long_sum.wgsl`. Each is relative to a reference that the text names as two constants.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use wgpu::naga::{BinaryOperator as Bin, UnaryOperator};

use super::depends::{Depends, Site, replaced, sites, uses};
use super::ir::{
    Argument, Block, F32, Function, FunctionId, Node, Op, Parameter, Place, Program, Root,
    Statement, Struct, Type, U32, Value, walk,
};
use super::sums::{self, Sum};

/// A sum in fixed point.
#[derive(Debug, Clone)]
pub(super) struct LongSum {
    function: FunctionId,
    local: u32,
}

/// The two constants of the reference of the sum with this number.
pub(crate) fn reference(number: usize) -> [String; 2] {
    [format!("LONG_SUM_{number}_LOW"), format!("LONG_SUM_{number}_HIGH")]
}

/// Turns what sums it finds in a function whose first parameter is the position, and in those that
/// it calls.
pub(super) fn lengthen(program: &mut Program, id: FunctionId) -> Vec<LongSum> {
    let count = program[id].parameters.len();
    let mask: Vec<bool> = (0..count).map(|parameter| parameter == 0).collect();
    let mut found = Vec::new();
    let mut open = vec![(id, mask)];
    let mut seen = HashSet::new();
    while let Some((id, mask)) = open.pop() {
        if program[id].is_users || !seen.insert(id) {
            continue;
        }
        let source = program[id].clone();
        let depends = Depends::of(program, id, &mask);
        let mut search = Search {
            function: &source,
            sites: sites(&source, &depends),
            uses: uses(&source),
            depends,
            seen: HashSet::new(),
            sums: Vec::new(),
            calls: Vec::new(),
        };
        search.returns();
        let Search { sums, calls, .. } = search;
        open.extend(calls);
        if !sums.is_empty() {
            rewrite(program, id, &source, sums, &mut found);
        }
    }
    found
}

struct Search<'f> {
    function: &'f Function,
    sites: Vec<Site<'f>>,
    uses: HashMap<Value, u32>,
    depends: Depends,
    seen: HashSet<u32>,
    sums: Vec<(u32, Sum)>,
    calls: Vec<(FunctionId, Vec<bool>)>,
}

impl Search<'_> {
    fn returns(&mut self) {
        for at in 0..self.sites.len() {
            if let Statement::Return(Some(value)) = *self.sites[at].statement {
                self.value(value);
            }
        }
    }

    /// Follows what is added to the result, times what does not move.
    fn value(&mut self, value: Value) {
        if self.uses.get(&value).is_some_and(|count| *count > 1) {
            return;
        }
        match self.function.op(value) {
            Op::Unary(UnaryOperator::Negate, of) => self.value(*of),
            Op::Binary(Bin::Add | Bin::Subtract, left, right) => {
                self.value(*left);
                self.value(*right);
            }
            Op::Binary(Bin::Multiply, left, right) if !self.depends.value(*left) => {
                self.value(*right);
            }
            Op::Binary(Bin::Multiply | Bin::Divide, left, right) if !self.depends.value(*right) => {
                self.value(*left);
            }
            Op::Select { reject, accept, .. } => {
                self.value(*reject);
                self.value(*accept);
            }
            Op::Load(place) if place.path.is_empty() => {
                if let Root::Local(local) = place.root {
                    self.variable(local, value);
                }
            }
            Op::Result => {
                let call = self.sites.iter().find_map(|site| match site.statement {
                    Statement::Call { function, arguments, result, .. }
                        if *result == Some(value) =>
                    {
                        Some((*function, self.depends.mask(arguments)))
                    }
                    _ => None,
                });
                self.calls.extend(call);
            }
            _ => {}
        }
    }

    fn variable(&mut self, local: u32, read: Value) {
        if !self.seen.insert(local) {
            return;
        }
        let Some(sum) = sums::of(self.function, &self.sites, &self.uses, local) else { return };
        if sum.read != read {
            return;
        }
        let is_long = |update: &sums::Update| self.sites[update.at].is_repeated;
        if sum.updates.iter().any(is_long) {
            self.sums.push((local, sum));
            return;
        }
        for (_, value) in sum.sets {
            self.value(value);
        }
    }
}

/// The type of a sum, and the functions of the library.
struct Library {
    ty: Type,
    add: FunctionId,
    value: FunctionId,
}

impl Library {
    fn of(program: &mut Program) -> Library {
        let members = [("low", U32), ("high", U32), ("beyond", F32)];
        let members = members.map(|(name, ty)| (name.to_string(), ty)).to_vec();
        let ty = Type::Struct(Rc::new(Struct { name: "LongSum".into(), members }));
        let mut function = |name: &str, others: &[(&str, Type)], result| {
            if let Some(known) = program.functions.iter().position(|f| f.name == name) {
                return FunctionId(known);
            }
            let sum = Parameter { name: "sum".into(), ty: ty.clone(), is_pointer: true };
            let others = others.iter().map(|(name, ty)| Parameter {
                name: name.to_string(),
                ty: ty.clone(),
                is_pointer: false,
            });
            let parameters = [sum].into_iter().chain(others).collect();
            let written =
                Function { is_users: true, parameters, result, ..Function::new(name.into()) };
            program.push(written)
        };
        let add = function("long_sum_add", &[("term", F32)], None);
        let value = function("long_sum_value", &[("low", U32), ("high", U32)], Some(F32));
        Library { ty, add, value }
    }
}

struct Rewrite {
    function: Function,
    library: Library,
    edits: HashMap<usize, Block>,
}

fn rewrite(
    program: &mut Program,
    id: FunctionId,
    source: &Function,
    sums: Vec<(u32, Sum)>,
    found: &mut Vec<LongSum>,
) {
    let library = Library::of(program);
    let mut lets = HashMap::new();
    let mut stores = HashMap::new();
    let mut number = 0;
    walk(&source.body, &mut |statement| {
        match statement {
            Statement::Let(value) => drop(lets.insert(*value, number)),
            Statement::Store(place, _) => drop(stores.insert(number, place.clone())),
            _ => {}
        }
        number += 1;
    });
    let mut rewrite = Rewrite { function: source.clone(), library, edits: HashMap::new() };
    let mut first = Block::new();
    for (local, sum) in sums {
        let place = Place::local(local, rewrite.library.ty.clone());
        let variable = &mut rewrite.function.locals[local as usize];
        variable.ty = rewrite.library.ty.clone();
        if let Some(init) = variable.init.take() {
            rewrite.add(&place, false, init, &mut first);
        }
        for (at, value) in sum.sets {
            let zero = rewrite.node(Op::Zero, place.ty.clone());
            let mut block = vec![Statement::Store(place.clone(), zero)];
            rewrite.add(&place, false, value, &mut block);
            rewrite.edits.insert(at, block);
        }
        for update in sum.updates {
            let mut block = Block::new();
            for (subtracted, term) in update.terms {
                rewrite.add(&place, subtracted, term, &mut block);
            }
            rewrite.edits.insert(update.at, block);
            for value in update.between.into_iter().chain([update.before]) {
                if let Some(at) = lets.get(&value) {
                    rewrite.edits.insert(*at, Block::new());
                }
            }
        }
        let number = found.len();
        let call = rewrite.read(&place, reference(number).map(Op::Name), sum.read);
        if let Some(at) = lets.get(&sum.read) {
            rewrite.edits.insert(*at, vec![call]);
        }
        found.push(LongSum { function: id, local });
    }
    let Rewrite { function, mut edits, .. } = rewrite;
    first.extend(replaced(&source.body, &mut 0, &mut edits));
    program.functions[id.0] = Function { body: first, ..function };
}

impl Rewrite {
    fn node(&mut self, op: Op, ty: Type) -> Value {
        self.function.nodes.push(Node { op, ty, span: None });
        Value(self.function.nodes.len() as u32 - 1)
    }

    fn add(&mut self, place: &Place, subtracted: bool, term: Value, block: &mut Block) {
        if matches!(self.function.op(term), Op::Zero | Op::Float(0.0)) {
            return;
        }
        let mut term = term;
        if subtracted {
            term = self.node(Op::Unary(UnaryOperator::Negate, term), F32);
            block.push(Statement::Let(term));
        }
        let arguments = vec![Argument::Pointer(place.clone()), Argument::Value(term)];
        let function = self.library.add;
        block.push(Statement::Call { function, arguments, result: None, span: None });
    }

    /// The call that makes `result` the sum's value.
    fn read(&mut self, place: &Place, reference: [Op; 2], result: Value) -> Statement {
        self.function.nodes[result.0 as usize].op = Op::Result;
        let words = reference.map(|op| Argument::Value(self.node(op, U32)));
        let arguments = [Argument::Pointer(place.clone())].into_iter().chain(words).collect();
        let function = self.library.value;
        Statement::Call { function, arguments, result: Some(result), span: None }
    }
}

/// For each sum a function that runs like the one that has it and returns the sum alone, not
/// relative to its reference.
pub(super) fn probes(program: &mut Program, sums: &[LongSum]) -> Vec<FunctionId> {
    let mut probes = Vec::new();
    for (number, sum) in sums.iter().enumerate() {
        let function = program[sum.function].clone();
        let name = super::derive::name(program, &format!("{}_sum{number}", function.name));
        let library = Library::of(program);
        let body = function.body.clone();
        let function = Function { name, ..function };
        let place = Place::local(sum.local, library.ty.clone());
        let mut rewrite = Rewrite { function, library, edits: HashMap::new() };
        let mut at = 0;
        let mut returns = Vec::new();
        walk(&body, &mut |statement| {
            if matches!(statement, Statement::Return(_)) {
                returns.push(at);
            }
            at += 1;
        });
        for at in returns {
            let result = rewrite.node(Op::Result, F32);
            let call = rewrite.read(&place, [Op::Uint(0), Op::Uint(0)], result);
            rewrite.edits.insert(at, vec![call, Statement::Return(Some(result))]);
        }
        let body = replaced(&body, &mut 0, &mut rewrite.edits);
        probes.push(program.push(Function { body, ..rewrite.function }));
    }
    probes
}
