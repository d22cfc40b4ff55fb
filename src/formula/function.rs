//! The functions of a formula: names, numbers of arguments, values.

/// A function of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Exp,
    Log,
    Log2,
    Log10,
    Log1p,
    Expm1,
    Sqrt,
    Abs,
    Sign,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Atan2,
    Sinh,
    Cosh,
    Tanh,
    Min,
    Max,
    Hypot,
    Logistic,
    LogSigmoid,
    Softplus,
    LogSumExp,
}

const MANY: usize = usize::MAX;

/// Names with the least and the largest number of arguments; of two names the first is printed.
#[rustfmt::skip]
pub(crate) const FUNCTIONS: [(&str, Function, usize, usize); 29] = [
    ("exp", Function::Exp, 1, 1),
    ("log", Function::Log, 1, 1),
    ("ln", Function::Log, 1, 1),
    ("log2", Function::Log2, 1, 1),
    ("log10", Function::Log10, 1, 1),
    ("log1p", Function::Log1p, 1, 1),
    ("expm1", Function::Expm1, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("abs", Function::Abs, 1, 1),
    ("sign", Function::Sign, 1, 1),
    ("sin", Function::Sin, 1, 1),
    ("cos", Function::Cos, 1, 1),
    ("tan", Function::Tan, 1, 1),
    ("asin", Function::Asin, 1, 1),
    ("acos", Function::Acos, 1, 1),
    ("atan", Function::Atan, 1, 1),
    ("atan2", Function::Atan2, 2, 2),
    ("sinh", Function::Sinh, 1, 1),
    ("cosh", Function::Cosh, 1, 1),
    ("tanh", Function::Tanh, 1, 1),
    ("min", Function::Min, 2, MANY),
    ("max", Function::Max, 2, MANY),
    ("hypot", Function::Hypot, 1, MANY),
    ("norm", Function::Hypot, 1, MANY),
    ("logistic", Function::Logistic, 1, 1),
    ("sigmoid", Function::Logistic, 1, 1),
    ("log_sigmoid", Function::LogSigmoid, 1, 1),
    ("softplus", Function::Softplus, 1, 1),
    ("logsumexp", Function::LogSumExp, 2, MANY),
];

/// Names with a grammar of their own.
pub(crate) const FORMS: [&str; 4] = ["sum", "prod", "where", "pow"];

/// All names that may stand before a parenthesis.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, ..)| *name).chain(FORMS)
}

impl Function {
    /// The value, as the host's libm has it.
    pub(crate) fn value(self, arguments: &[f64]) -> f64 {
        let x = arguments[0];
        let largest = || arguments.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self {
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Log2 => x.log2(),
            Function::Log10 => x.log10(),
            Function::Log1p => x.ln_1p(),
            Function::Expm1 => x.exp_m1(),
            Function::Sqrt => x.sqrt(),
            Function::Abs => x.abs(),
            // Zero at zero, unlike `signum`.
            Function::Sign => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Asin => x.asin(),
            Function::Acos => x.acos(),
            Function::Atan => x.atan(),
            Function::Atan2 => x.atan2(arguments[1]),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Tanh => x.tanh(),
            Function::Min => arguments.iter().copied().fold(f64::INFINITY, f64::min),
            Function::Max => largest(),
            Function::Hypot => arguments.iter().map(|x| x * x).sum::<f64>().sqrt(),
            Function::Logistic => 1.0 / (1.0 + (-x).exp()),
            Function::LogSigmoid => x.min(0.0) - (-x.abs()).exp().ln_1p(),
            Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Function::LogSumExp => {
                let peak = largest();
                peak + arguments.iter().map(|x| (x - peak).exp()).sum::<f64>().ln()
            }
        }
    }
}
