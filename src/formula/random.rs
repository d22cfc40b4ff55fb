//! Random formulas for tests, and how a tree is printed with as few parentheses as possible.

use super::affine::{Affine, Symbol};
use super::ast::{Comparison, Expr, Fold, FoldKind, Node};
use super::function::{FUNCTIONS, Function};

struct Random {
    state: u64,
    dim: u32,
}

/// A formula of coordinates of `dim`, the parameter `c`, numbers, functions and sums.
pub(crate) fn expr(seed: u64, dim: u32) -> Expr {
    Random { state: seed, dim }.expr(4, 0)
}

fn node(node: Node) -> Expr {
    Expr { node, span: 0..0 }
}

impl Random {
    /// Below `bound` (splitmix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) % bound
    }

    fn expr(&mut self, budget: u32, depth: usize) -> Expr {
        if budget == 0 || self.below(5) == 0 {
            return self.leaf(depth);
        }
        let budget = budget - 1;
        node(match self.below(9) {
            0 => Node::Negate(Box::new(self.expr(budget, depth))),
            1 | 2 => Node::Sum(self.chain(budget, depth)),
            3 | 4 => Node::Product(self.chain(budget, depth)),
            5 => {
                let base = self.expr(budget, depth);
                let exponent = match self.below(3) {
                    0 => self.expr(budget, depth),
                    _ => node(Node::Number([2.0, 3.0, 0.5][self.below(3) as usize])),
                };
                Node::Power(Box::new(base), Box::new(exponent))
            }
            6 | 7 => self.call(budget, depth),
            _ => self.fold(budget, depth),
        })
    }

    fn leaf(&mut self, depth: usize) -> Expr {
        const NUMBERS: [f64; 6] = [0.0, 1.0, 2.0, 0.5, 1e-3, 12.75];
        node(match self.below(6) {
            0 => Node::Number(NUMBERS[self.below(6) as usize]),
            1 => Node::Parameter(0),
            2 if depth > 0 => Node::Variable(self.below(depth as u64) as usize),
            3 | 4 if depth > 0 => Node::Coordinate(self.bound(depth)),
            _ => Node::Coordinate(Affine::number(self.below(self.dim.into()) as i64)),
        })
    }

    /// The variable of a sum around, or dim − 1 minus it: in range, as ranges are in 0..dim.
    fn bound(&mut self, depth: usize) -> Affine {
        let bound = Affine::symbol(Symbol::Bound(self.below(depth as u64) as usize));
        let last = Affine::number(i64::from(self.dim) - 1);
        if self.below(2) == 0 { bound } else { last.minus(&bound) }
    }

    fn chain(&mut self, budget: u32, depth: usize) -> Vec<(bool, Expr)> {
        let count = 2 + self.below(3);
        (0..count).map(|at| (at > 0 && self.below(2) == 0, self.expr(budget, depth))).collect()
    }

    fn call(&mut self, budget: u32, depth: usize) -> Node {
        if self.below(6) == 0 {
            let comparison = Comparison::ALL[self.below(6) as usize];
            let parts = [(); 4].map(|()| self.expr(budget, depth));
            return Node::Where(comparison, Box::new(parts));
        }
        let (_, function, least, most) = FUNCTIONS[self.below(FUNCTIONS.len() as u64) as usize];
        let count = least + self.below((most.min(least + 2) - least + 1) as u64) as usize;
        Node::Call(function, (0..count).map(|_| self.expr(budget, depth)).collect())
    }

    fn fold(&mut self, budget: u32, depth: usize) -> Node {
        const KINDS: [FoldKind; 5] =
            [FoldKind::Sum, FoldKind::Product, FoldKind::Min, FoldKind::Max, FoldKind::LogSumExp];
        let kind = KINDS[self.below(5) as usize];
        let (low, high) = match self.below(2) {
            0 => (0, i64::from(self.dim) - 1),
            _ => {
                let low = self.below(self.dim.into()) as i64;
                (low, low + self.below((i64::from(self.dim) - low) as u64) as i64)
            }
        };
        let index = Affine::symbol(Symbol::Bound(depth));
        // An index tells the parser that a name is bound.
        let first = (false, node(Node::Coordinate(index)));
        let body = node(Node::Sum(vec![first, (false, self.expr(budget, depth + 1))]));
        let count = Affine::number(high - low + 1);
        let (low, high) = (Affine::number(low), Affine::number(high));
        Node::Fold(Box::new(Fold { kind, depth, low, high, count, body }))
    }
}

/// How tightly what is printed binds: sums 0, products 1, signs 2, powers 3, atoms 4.
pub(crate) fn print(expr: &Expr, dim: u32) -> String {
    Printer { dim }.print(expr, 0)
}

struct Printer {
    dim: u32,
}

const VARIABLES: [&str; 8] = ["i", "j", "k", "l", "m", "n", "o", "p"];

impl Printer {
    fn print(&self, expr: &Expr, least: u8) -> String {
        let (text, binding) = match &expr.node {
            Node::Number(value) => (format!("{value}"), 4),
            Node::Variable(depth) => (VARIABLES[*depth].to_string(), 4),
            Node::Coordinate(index) => (format!("x[{}]", self.index(index)), 4),
            Node::Parameter(_) => ("c".to_string(), 4),
            Node::Data { .. } => unreachable!("random formulas have no data"),
            Node::Negate(part) => (format!("-{}", self.print(part, 2)), 2),
            Node::Sum(terms) => (self.chain(terms, ["+", "-"], 1), 0),
            Node::Product(factors) => (self.chain(factors, ["*", "/"], 2), 1),
            Node::Power(base, exponent) => {
                (format!("{}^{}", self.print(base, 4), self.print(exponent, 2)), 3)
            }
            Node::Call(function, arguments) => (self.call(*function, arguments), 4),
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let [left, right, so, not] = [left, right, so, not].map(|part| self.print(part, 0));
                (format!("where({left} {} {right}, {so}, {not})", comparison.sign()), 4)
            }
            Node::Fold(fold) => (self.fold(fold), 4),
        };
        if binding < least { format!("({text})") } else { text }
    }

    fn chain(&self, parts: &[(bool, Expr)], signs: [&str; 2], least: u8) -> String {
        parts.iter().enumerate().fold(String::new(), |text, (at, (inverse, part))| {
            let sign = if at == 0 { "" } else { signs[usize::from(*inverse)] };
            text + sign + &self.print(part, least)
        })
    }

    fn call(&self, function: Function, arguments: &[Expr]) -> String {
        let name = FUNCTIONS.iter().find(|(_, known, ..)| *known == function).unwrap().0;
        let arguments: Vec<_> = arguments.iter().map(|part| self.print(part, 0)).collect();
        format!("{name}({})", arguments.join(", "))
    }

    fn fold(&self, fold: &Fold) -> String {
        let name = match fold.kind {
            FoldKind::Sum => "sum",
            FoldKind::Product => "prod",
            FoldKind::Min => "min",
            FoldKind::Max => "max",
            FoldKind::LogSumExp => "logsumexp",
        };
        let (low, high) = (fold.low.constant, fold.high.constant);
        let whole = low == 0 && high == i64::from(self.dim) - 1;
        let range = if whole { String::new() } else { format!("{low}, {high}, ") };
        format!("{name}({}, {range}{})", VARIABLES[fold.depth], self.print(&fold.body, 0))
    }

    fn index(&self, index: &Affine) -> String {
        let name = |symbol: &Symbol| match symbol {
            Symbol::Bound(depth) => VARIABLES[*depth],
            _ => unreachable!("random formulas have no data"),
        };
        match index.terms.iter().next() {
            None => index.constant.to_string(),
            Some((symbol, 1)) => name(symbol).to_string(),
            Some((symbol, _)) => format!("dim-1-{}", name(symbol)),
        }
    }
}
