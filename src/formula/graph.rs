//! Values of a formula, each once: equal parts are one node.

use std::collections::HashMap;

use super::affine::{Affine, Symbol};
use super::ast::Comparison;

/// A node, by its place; what it is made of comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(usize);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// The bits of an f64.
    Literal(u64),
    Parameter(usize),
    /// The variable of the loop at this depth.
    Variable(usize),
    Coordinate(Affine),
    Data {
        array: usize,
        row: Affine,
        column: Option<Affine>,
    },
    Negate(Id),
    /// From left to right, each with whether it is subtracted.
    Sum(Vec<(bool, Id)>),
    /// From left to right, each with whether it divides.
    Product(Vec<(bool, Id)>),
    /// A function of WGSL.
    Call(&'static str, Vec<Id>),
    Where(Comparison, [Id; 4]),
    Loop {
        kind: Loop,
        depth: usize,
        low: Affine,
        high: Affine,
        body: Id,
    },
}

/// What a loop does with its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Loop {
    Sum,
    Product,
    Min,
    Max,
}

/// The loops that a value depends on, a bit for each depth.
pub(super) type Loops = u16;

/// How many arguments are taken one after the other.
const MOST_CHAINED: usize = 16;

#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<(Op, Loops)>,
    known: HashMap<Op, Id>,
}

fn loops_of(index: &Affine) -> Loops {
    index.terms.keys().fold(0, |loops, symbol| match symbol {
        Symbol::Bound(depth) => loops | 1 << depth,
        _ => loops,
    })
}

impl Op {
    /// What it is made of.
    pub(super) fn parts(&self) -> Vec<Id> {
        match self {
            Op::Negate(part) => vec![*part],
            Op::Sum(parts) | Op::Product(parts) => parts.iter().map(|(_, part)| *part).collect(),
            Op::Call(_, parts) => parts.clone(),
            Op::Where(_, parts) => parts.to_vec(),
            Op::Loop { body, .. } => vec![*body],
            _ => Vec::new(),
        }
    }

    /// Whether it is as short to write as a name for it.
    pub(super) fn is_trivial(&self) -> bool {
        matches!(self, Op::Literal(_) | Op::Parameter(_) | Op::Variable(_))
    }
}

impl Graph {
    pub(super) fn op(&self, id: Id) -> &Op {
        &self.nodes[id.0].0
    }

    /// The loops that must be around it.
    pub(super) fn loops(&self, id: Id) -> Loops {
        self.nodes[id.0].1
    }

    pub(super) fn add(&mut self, op: Op) -> Id {
        if let Some(id) = self.known.get(&op) {
            return *id;
        }
        let inner = op.parts().into_iter().fold(0, |loops, part| loops | self.loops(part));
        let loops = match &op {
            Op::Variable(depth) => 1 << depth,
            Op::Coordinate(index) => loops_of(index),
            Op::Data { row, column, .. } => loops_of(row) | column.as_ref().map_or(0, loops_of),
            Op::Loop { depth, low, high, .. } => {
                (inner & !(1 << depth)) | loops_of(low) | loops_of(high)
            }
            _ => inner,
        };
        let id = Id(self.nodes.len());
        self.known.insert(op.clone(), id);
        self.nodes.push((op, loops));
        id
    }

    pub(super) fn literal(&mut self, value: f64) -> Id {
        self.add(Op::Literal(value.to_bits()))
    }

    pub(super) fn as_literal(&self, id: Id) -> Option<f64> {
        match self.op(id) {
            Op::Literal(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    pub(super) fn call(&mut self, function: &'static str, arguments: &[Id]) -> Id {
        self.add(Op::Call(function, arguments.to_vec()))
    }

    pub(super) fn sum(&mut self, terms: &[(bool, Id)]) -> Id {
        match terms {
            [(false, only)] => *only,
            _ => self.add(Op::Sum(terms.to_vec())),
        }
    }

    pub(super) fn plus(&mut self, left: Id, right: Id) -> Id {
        self.sum(&[(false, left), (false, right)])
    }

    pub(super) fn minus(&mut self, left: Id, right: Id) -> Id {
        self.sum(&[(false, left), (true, right)])
    }

    pub(super) fn product(&mut self, factors: &[(bool, Id)]) -> Id {
        match factors {
            [(false, only)] => *only,
            _ => self.add(Op::Product(factors.to_vec())),
        }
    }

    pub(super) fn times(&mut self, left: Id, right: Id) -> Id {
        self.product(&[(false, left), (false, right)])
    }

    /// A function of two arguments, over all of them from the left; many are halved first, so that
    /// the calls do not nest as deep as there are arguments.
    pub(super) fn chained(&mut self, function: &'static str, arguments: &[Id]) -> Option<Id> {
        if arguments.len() > MOST_CHAINED {
            let (left, right) = arguments.split_at(arguments.len() / 2);
            let (left, right) = (self.chained(function, left)?, self.chained(function, right)?);
            return Some(self.call(function, &[left, right]));
        }
        let (first, rest) = arguments.split_first()?;
        Some(rest.iter().fold(*first, |chain, next| self.call(function, &[chain, *next])))
    }

    /// The numbers of all nodes that `root` is made of, each before what is made of it.
    pub(super) fn reachable(&self, roots: &[Id]) -> Vec<Id> {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = roots.to_vec();
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id.0], true) {
                open.extend(self.op(id).parts());
            }
        }
        (0..seen.len()).filter(|at| seen[*at]).map(Id).collect()
    }

    /// What is needed for `root` whichever way each choice goes, outside of the bodies of loops.
    pub(super) fn certain(&self, root: Id) -> Vec<bool> {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id.0], true) {
                continue;
            }
            match self.op(id) {
                Op::Where(_, [left, right, ..]) => open.extend([left, right]),
                Op::Loop { .. } => {}
                op => open.extend(op.parts()),
            }
        }
        seen
    }

    /// How often each node is a part of a node that `root` is made of.
    pub(super) fn uses(&self, root: Id) -> Vec<u32> {
        let mut uses = vec![0; self.nodes.len()];
        for id in self.reachable(&[root]) {
            for part in self.op(id).parts() {
                uses[part.0] += 1;
            }
        }
        uses
    }
}

impl Id {
    /// Its place in [`Graph::uses`] and [`Graph::certain`].
    pub(super) fn place(self) -> usize {
        self.0
    }
}
