//! Functions that WGSL lacks, in forms that neither overflow nor cancel.

use super::function::Function;
use super::graph::{Id, Op};
use super::lower::Lowering;

/// exp(80) and its square root are far from f32's largest number.
const MOST_EXP: f64 = 80.0;

impl Lowering {
    /// A function of values, one argument or more.
    pub(super) fn function(&mut self, function: Function, all: &[Id]) -> Id {
        let graph = &mut self.graph;
        let x = all[0];
        match function {
            Function::Exp => graph.call("exp", all),
            Function::Log => graph.call("log", all),
            Function::Log2 => graph.call("log2", all),
            Function::Log10 => {
                let (log, unit) =
                    (graph.call("log", all), graph.literal(std::f64::consts::LOG10_E));
                graph.times(log, unit)
            }
            Function::Log1p => self.log_1p(x),
            Function::Expm1 => self.exp_m1(x),
            Function::Sqrt => graph.call("sqrt", all),
            Function::Abs => graph.call("abs", all),
            Function::Sign => graph.call("sign", all),
            Function::Sin => graph.call("sin", all),
            Function::Cos => graph.call("cos", all),
            Function::Tan => graph.call("tan", all),
            Function::Asin => graph.call("asin", all),
            Function::Acos => graph.call("acos", all),
            Function::Atan => graph.call("atan", all),
            Function::Atan2 => graph.call("atan2", all),
            Function::Sinh => graph.call("sinh", all),
            Function::Cosh => graph.call("cosh", all),
            Function::Tanh => graph.call("tanh", all),
            Function::Min => graph.chained("min", all).unwrap_or(x),
            Function::Max => graph.chained("max", all).unwrap_or(x),
            Function::Hypot => {
                let squares: Vec<_> = all.iter().map(|x| (false, graph.times(*x, *x))).collect();
                let square = graph.sum(&squares);
                graph.call("sqrt", &[square])
            }
            Function::Logistic => {
                let (negative, most) = (graph.add(Op::Negate(x)), graph.literal(MOST_EXP));
                let capped = graph.call("min", &[negative, most]);
                let (one, odds) = (graph.literal(1.0), graph.call("exp", &[capped]));
                let total = graph.plus(one, odds);
                graph.product(&[(false, one), (true, total)])
            }
            Function::Softplus => self.softplus(x),
            Function::LogSigmoid => self.log_sigmoid(x),
            Function::LogSumExp => {
                let peak = graph.chained("max", all).unwrap_or(x);
                let terms: Vec<_> = all
                    .iter()
                    .map(|x| {
                        let above = graph.minus(*x, peak);
                        (false, graph.call("exp", &[above]))
                    })
                    .collect();
                let total = graph.sum(&terms);
                let log = graph.call("log", &[total]);
                graph.plus(peak, log)
            }
        }
    }

    /// log(1 + exp(x)) is (x + |x|)/2 + log(1 + exp(−|x|)): the first is exact, and the slope is
    /// right at 0 too.
    pub(super) fn softplus(&mut self, x: Id) -> Id {
        let (half, tail) = self.half_and_tail(x, false);
        self.graph.plus(half, tail)
    }

    /// log(1/(1 + exp(−x))) is −softplus(−x).
    pub(super) fn log_sigmoid(&mut self, x: Id) -> Id {
        let (half, tail) = self.half_and_tail(x, true);
        self.graph.minus(half, tail)
    }

    /// (x ± |x|)/2 and log(1 + exp(−|x|)).
    fn half_and_tail(&mut self, x: Id, minus: bool) -> (Id, Id) {
        let graph = &mut self.graph;
        let (half, one) = (graph.literal(0.5), graph.literal(1.0));
        let size = graph.call("abs", &[x]);
        let sum = graph.sum(&[(false, x), (minus, size)]);
        let part = graph.times(half, sum);
        let negative = graph.add(Op::Negate(size));
        let odds = graph.call("exp", &[negative]);
        let total = graph.plus(one, odds);
        (part, graph.call("log", &[total]))
    }

    /// The series near 0, where 1 + x would round x away.
    fn log_1p(&mut self, x: Id) -> Id {
        let coefficients = [1.0, -1.0 / 2.0, 1.0 / 3.0, -1.0 / 4.0, 1.0 / 5.0, -1.0 / 6.0];
        let series = self.series(x, &coefficients);
        let one = self.graph.literal(1.0);
        let above = self.graph.plus(one, x);
        let log = self.graph.call("log", &[above]);
        self.near_zero(x, series, log)
    }

    /// The series near 0, where exp(x) − 1 would cancel.
    fn exp_m1(&mut self, x: Id) -> Id {
        let series = self.series(x, &[1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0]);
        let one = self.graph.literal(1.0);
        let exp = self.graph.call("exp", &[x]);
        let less = self.graph.minus(exp, one);
        self.near_zero(x, series, less)
    }

    /// Horner's scheme for Σₖ cₖ xᵏ⁺¹.
    fn series(&mut self, x: Id, coefficients: &[f64]) -> Id {
        let mut sum = self.graph.literal(0.0);
        for (left, coefficient) in coefficients.iter().rev().enumerate() {
            let coefficient = self.graph.literal(*coefficient);
            let inner = if left == 0 { coefficient } else { self.graph.plus(coefficient, sum) };
            sum = self.graph.times(x, inner);
        }
        sum
    }

    fn near_zero(&mut self, x: Id, near: Id, far: Id) -> Id {
        let (size, bound) = (self.graph.call("abs", &[x]), self.graph.literal(0.1));
        self.choose(size, bound, near, far)
    }
}
