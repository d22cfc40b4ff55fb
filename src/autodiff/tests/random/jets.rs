//! Programs run by themselves, not through naga: over numbers that carry their first and second
//! derivative along one direction.

use std::collections::HashMap;
use std::ops::{Add, Mul, Sub};

use super::programs::{BOUNDED, Cond, Expr, Part, Place, Program, Statement};

/// A number, its slope and its curvature along the direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jet(pub(super) f64, pub(super) f64, pub(super) f64);

impl Add for Jet {
    type Output = Jet;

    fn add(self, b: Jet) -> Jet {
        Jet(self.0 + b.0, self.1 + b.1, self.2 + b.2)
    }
}

impl Sub for Jet {
    type Output = Jet;

    fn sub(self, b: Jet) -> Jet {
        Jet(self.0 - b.0, self.1 - b.1, self.2 - b.2)
    }
}

impl Mul for Jet {
    type Output = Jet;

    fn mul(self, b: Jet) -> Jet {
        Jet(
            self.0 * b.0,
            self.1 * b.0 + self.0 * b.1,
            self.2 * b.0 + 2.0 * self.1 * b.1 + self.0 * b.2,
        )
    }
}

impl Jet {
    fn constant(number: f64) -> Jet {
        Jet(number, 0.0, 0.0)
    }

    /// A function with its first two derivatives here.
    fn through(self, f: f64, slope: f64, curvature: f64) -> Jet {
        Jet(f, slope * self.1, slope * self.2 + curvature * self.1 * self.1)
    }

    fn sin(self) -> Jet {
        self.through(self.0.sin(), self.0.cos(), -self.0.sin())
    }

    fn tanh(self) -> Jet {
        let t = self.0.tanh();
        self.through(t, 1.0 - t * t, -2.0 * t * (1.0 - t * t))
    }

    fn bounded(self, way: usize) -> Jet {
        let x = self.0;
        match BOUNDED[way].0 {
            "sin" => self.sin(),
            "cos" => self.through(x.cos(), -x.sin(), -x.cos()),
            "tanh" => self.tanh(),
            "atan" => {
                let inverse = 1.0 / (1.0 + x * x);
                self.through(x.atan(), inverse, -2.0 * x * inverse * inverse)
            }
            "log" => {
                let u = self.through(2.0 + x.cos(), -x.sin(), -x.cos());
                u.through(u.0.ln(), 1.0 / u.0, -1.0 / (u.0 * u.0))
            }
            "sqrt" => {
                let u = Jet::constant(1.5) + self.sin();
                let root = u.0.sqrt();
                u.through(root, 0.5 / root, -0.25 / (root * u.0))
            }
            "inverse" => {
                let u = Jet::constant(2.0) + self.sin();
                u.through(1.0 / u.0, -1.0 / (u.0 * u.0), 2.0 / (u.0 * u.0 * u.0))
            }
            "exp" => {
                let u = self.tanh();
                u.through(u.0.exp(), u.0.exp(), u.0.exp())
            }
            "abs" => {
                let u = self.sin();
                let sign = if u.0 == 0.0 { 0.0 } else { u.0.signum() };
                u.through(u.0.abs(), sign, 0.0)
            }
            other => unreachable!("{other}"),
        }
    }
}

type Numbers = Vec<Jet>;

/// What a run found besides its result.
#[derive(Debug, Default)]
pub(super) struct Largest {
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) curvature: f64,
    /// The least distance of two numbers that were compared.
    pub(super) nearest: f64,
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Numbers),
}

struct Run<'a> {
    program: &'a Program,
    largest: Largest,
}

#[derive(Default)]
struct Frame {
    variables: HashMap<usize, Numbers>,
    counters: HashMap<usize, usize>,
}

/// The value of the program with its derivatives at `x` along `v`.
pub(super) fn run(program: &Program, x: &[f64], v: &[f64]) -> (Jet, Largest) {
    let largest = Largest { nearest: f64::INFINITY, ..Largest::default() };
    let mut run = Run { program, largest };
    let position = x.iter().zip(v).map(|(x, v)| Jet(*x, *v, 0.0)).collect();
    let (result, _) = run.call(program.functions.len() - 1, vec![position]);
    (result[0], run.largest)
}

impl Run<'_> {
    /// The result, and what the first argument has become.
    fn call(&mut self, id: usize, arguments: Vec<Numbers>) -> (Numbers, Numbers) {
        let function = &self.program.functions[id];
        let mut frame = Frame::default();
        for ((name, _), argument) in function.parameters.iter().zip(arguments) {
            frame.variables.insert(*name, argument);
        }
        let Flow::Return(result) = self.block(&mut frame, &function.body) else {
            panic!("a function without a result");
        };
        (result, frame.variables[&function.parameters[0].0].clone())
    }

    fn block(&mut self, frame: &mut Frame, block: &[Statement]) -> Flow {
        for statement in block {
            match self.statement(frame, statement) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, frame: &mut Frame, statement: &Statement) -> Flow {
        match statement {
            Statement::Declare(name, _, begin) => {
                let begin = self.expr(frame, begin);
                frame.variables.insert(*name, begin);
            }
            Statement::Store(place, way, value) => {
                let value = self.expr(frame, value);
                let range = range(frame, place);
                let stored = frame.variables.get_mut(&place.variable).expect("declared before");
                for (to, from) in stored[range].iter_mut().zip(value) {
                    *to = match *way {
                        "+=" => *to + from,
                        "*=" => *to * from,
                        _ => from,
                    };
                }
            }
            Statement::If(condition, accept, reject)
            | Statement::Switch(condition, accept, reject) => {
                let chosen = if self.cond(frame, condition) { accept } else { reject };
                return self.block(frame, chosen);
            }
            Statement::For(counter, count, _, is_down, body) => {
                for k in 0..*count {
                    let k = if *is_down { count - k } else { k };
                    frame.counters.insert(*counter, k);
                    match self.block(frame, body) {
                        Flow::Break => break,
                        Flow::Return(value) => return Flow::Return(value),
                        Flow::Next | Flow::Continue => {}
                    }
                }
            }
            Statement::Break(condition) => {
                return if self.cond(frame, condition) { Flow::Break } else { Flow::Next };
            }
            Statement::Continue(condition) => {
                return if self.cond(frame, condition) { Flow::Continue } else { Flow::Next };
            }
            Statement::Return(value) => return Flow::Return(self.expr(frame, value)),
        }
        Flow::Next
    }

    /// Noted: near a border, rounding may choose the other branch.
    fn less(&mut self, a: f64, b: f64) -> bool {
        if a != b {
            self.largest.nearest = self.largest.nearest.min((a - b).abs());
        }
        a < b
    }

    fn cond(&mut self, frame: &mut Frame, Cond(left, right, is_less): &Cond) -> bool {
        let (left, right) = (self.expr(frame, left)[0].0, self.expr(frame, right)[0].0);
        self.less(left, right) == *is_less
    }

    fn expr(&mut self, frame: &mut Frame, expr: &Expr) -> Numbers {
        let result = self.compute(frame, expr);
        for Jet(value, slope, curvature) in &result {
            self.largest.value = self.largest.value.max(value.abs());
            self.largest.slope = self.largest.slope.max(slope.abs());
            self.largest.curvature = self.largest.curvature.max(curvature.abs());
        }
        result
    }

    fn compute(&mut self, frame: &mut Frame, expr: &Expr) -> Numbers {
        match expr {
            Expr::Constant(number) => vec![Jet::constant(*number)],
            Expr::Read(place) => frame.variables[&place.variable][range(frame, place)].to_vec(),
            Expr::Counter(counter) => vec![Jet::constant(frame.counters[counter] as f64)],
            Expr::Negate(a) => {
                let zero = Jet::constant(0.0);
                self.expr(frame, a).into_iter().map(|a| zero - a).collect()
            }
            Expr::Bounded(way, a) => {
                self.expr(frame, a).into_iter().map(|a| a.bounded(*way)).collect()
            }
            Expr::Binary(way, a, b) => {
                let (a, b) = (self.expr(frame, a), self.expr(frame, b));
                each(&a, &b, |a, b| match way {
                    '+' => a + b,
                    '-' => a - b,
                    _ => a * b,
                })
            }
            Expr::Extreme(name, a, b) => {
                let (a, b) = (self.expr(frame, a), self.expr(frame, b));
                let choose = |(a, b): (&Jet, &Jet)| {
                    let (less, more) = if *name == "min" { (b, a) } else { (a, b) };
                    // The first one wins a tie.
                    if self.less(less.0, more.0) { *b } else { *a }
                };
                a.iter().zip(&b).map(choose).collect()
            }
            Expr::Mix(a, b, t) => {
                let (a, b, t) = (self.expr(frame, a), self.expr(frame, b), self.expr(frame, t));
                let rest = Jet::constant(1.0) - t[0];
                each(&a, &b, |a, b| a * rest + b * t[0])
            }
            Expr::Dot(a, b) => {
                let (a, b) = (self.expr(frame, a), self.expr(frame, b));
                vec![sum(each(&a, &b, |a, b| a * b))]
            }
            Expr::Product(a, b) => {
                let (a, b) = (self.expr(frame, a), self.expr(frame, b));
                product(&a, &b)
            }
            Expr::Determinant(m) => {
                let m = self.expr(frame, m);
                vec![m[0] * m[3] - m[1] * m[2]]
            }
            Expr::Transpose(m) => {
                let m = self.expr(frame, m);
                vec![m[0], m[2], m[1], m[3]]
            }
            Expr::Compose(_, parts) => {
                parts.iter().flat_map(|part| self.expr(frame, part)).collect()
            }
            Expr::Swizzle(v, lanes) => {
                let v = self.expr(frame, v);
                lanes.iter().map(|lane| v[*lane]).collect()
            }
            Expr::Select(condition, a, b) => {
                let (a, b) = (self.expr(frame, a), self.expr(frame, b));
                if self.cond(frame, condition) { a } else { b }
            }
            Expr::Call(id, values, pointer) => {
                let first = pointer.map(|variable| frame.variables[&variable].clone());
                let mut arguments: Vec<_> = first.into_iter().collect();
                for value in values {
                    arguments.push(self.expr(frame, value));
                }
                let (result, written) = self.call(*id, arguments);
                if let Some(variable) = pointer {
                    frame.variables.insert(*variable, written);
                }
                result
            }
        }
    }
}

/// The numbers of a variable that a place means.
fn range(frame: &Frame, place: &Place) -> std::ops::Range<usize> {
    let size = place.ty.size();
    match place.part {
        Part::Whole => 0..size,
        Part::At(k) => k..k + 1,
        Part::Along(counter, by) => {
            let k = (frame.counters[&counter] + by) % size;
            k..k + 1
        }
    }
}

/// Number by number; one number goes with all.
fn each(a: &[Jet], b: &[Jet], f: impl Fn(Jet, Jet) -> Jet) -> Numbers {
    let at = |v: &[Jet], k: usize| if v.len() == 1 { v[0] } else { v[k] };
    (0..a.len().max(b.len())).map(|k| f(at(a, k), at(b, k))).collect()
}

fn sum(all: Numbers) -> Jet {
    all.into_iter().reduce(Jet::add).expect("a number or more")
}

/// Matrices by columns: entry (row, column) is number 2 column + row.
fn product(a: &[Jet], b: &[Jet]) -> Numbers {
    match (a.len(), b.len()) {
        (4, 4) => [product(a, &b[..2]), product(a, &b[2..])].concat(),
        (4, _) => vec![a[0] * b[0] + a[2] * b[1], a[1] * b[0] + a[3] * b[1]],
        _ => vec![a[0] * b[0] + a[1] * b[1], a[0] * b[2] + a[1] * b[3]],
    }
}
