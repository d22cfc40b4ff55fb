//! Every built-in function and operation against closed forms of its derivative, in double
//! precision: in each argument, as a scalar and as a vector, in every mode.

use super::*;

mod algebra;
mod kinks;
mod numbers;

/// The shape of an argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Scalar,
    Vector(usize),
    /// Columns and rows.
    Matrix(usize, usize),
}

impl Shape {
    pub(crate) fn size(self) -> usize {
        match self {
            Shape::Scalar => 1,
            Shape::Vector(lanes) => lanes,
            Shape::Matrix(columns, rows) => columns * rows,
        }
    }

    /// WGSL of the value that begins at the number `at` of the array that `from` points to.
    fn text(self, from: &str, at: usize) -> String {
        let parts: Vec<_> = (at..at + self.size()).map(|k| format!("(*{from})[{k}]")).collect();
        let parts = parts.join(", ");
        match self {
            Shape::Scalar => parts,
            Shape::Vector(lanes) => format!("vec{lanes}<f32>({parts})"),
            Shape::Matrix(columns, rows) => format!("mat{columns}x{rows}<f32>({parts})"),
        }
    }
}

/// One argument: its shape, where its numbers lie, and which of the others it goes together with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) shape: Shape,
    pub(crate) domain: (f64, f64),
    /// The arguments of one group are differentiated together or not at all.
    pub(crate) group: usize,
}

/// The slopes along every number of every argument, from the arguments.
type Slopes = Box<dyn Fn(&[Vec<f64>]) -> Vec<Vec<f64>>>;

/// An expression of type f32 and the closed form of its derivative.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    /// WGSL with `{0}`, `{1}`, … for the arguments.
    pub(crate) text: String,
    pub(crate) slopes: Slopes,
    /// The relative error allowed in double precision.
    pub(crate) host: f64,
    /// The error allowed in single precision, relative to the largest slope and at least 1.
    pub(crate) device: f64,
}

/// Rounding of a few operations in double precision.
const EXACT: f64 = 1e-12;
/// The text has constants, such as log 2, in single precision: half an ulp.
const CONSTANT: f64 = 6e-8;
/// The weights of the components of a vector, so that none stands for another; dyadic, the same in
/// both precisions.
pub(crate) const WEIGHTS: [f64; 4] = [0.75, -1.25, 0.5, 1.5];

/// Numbers in [0, 1), the same every time.
pub(crate) fn uniforms(seed: u32) -> impl Iterator<Item = f64> {
    let words = crate::testing::noise(seed, 1 << 14);
    words.into_iter().cycle().map(|word| f64::from(word) / f64::from(u32::MAX))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = numbers::cases();
    cases.extend(algebra::cases());
    cases
}

impl Case {
    pub(crate) fn groups(&self) -> usize {
        self.arguments.iter().map(|argument| argument.group + 1).max().unwrap_or(0)
    }

    pub(crate) fn inputs(&self, random: &mut impl Iterator<Item = f64>) -> Vec<Vec<f64>> {
        let number = |(low, high): (f64, f64), u: f64| low + (high - low) * u;
        self.arguments
            .iter()
            .map(|a| random.by_ref().take(a.shape.size()).map(|u| number(a.domain, u)).collect())
            .collect()
    }

    /// `fn NAME(x: …, p: …) -> f32` of the active groups in `x` and the others in `p`, which count
    /// as constants; without `p` where there are none.
    pub(crate) fn function(&self, name: &str, active: &[bool]) -> String {
        let mut text = self.text.clone();
        let mut sizes = [0, 0];
        for (i, argument) in self.arguments.iter().enumerate() {
            let which = usize::from(!active[argument.group]);
            let value = argument.shape.text(["x", "p"][which], sizes[which]);
            text = text.replace(&format!("{{{i}}}"), &value);
            sizes[which] += argument.shape.size();
        }
        let [x, p] = sizes;
        let p = match p {
            0 => String::new(),
            p => format!(", p: ptr<function, array<f32, {p}>>"),
        };
        format!("fn {name}(x: ptr<function, array<f32, {x}>>{p}) -> f32 {{\n    {text}\n}}\n")
    }

    /// The numbers of the active groups, and of the others.
    fn split(&self, values: &[Vec<f64>], active: &[bool]) -> [Vec<f64>; 2] {
        [true, false].map(|wanted| {
            let of = self.arguments.iter().zip(values);
            of.filter(|(a, _)| active[a.group] == wanted).flat_map(|(_, v)| v.clone()).collect()
        })
    }

    fn check(&self, active: &[bool], mode: Mode, inputs: &[Vec<Vec<f64>>]) {
        let text = self.function("f", active);
        let context = format!("{}, {active:?}, {mode}\n{text}", self.name);
        let derived = gradient_by(&module(&text), "f", mode);
        let derived = derived.unwrap_or_else(|error| panic!("{error}: {context}"));
        let pair = Pair::new(&text, &derived);
        for input in inputs {
            let [x, p] = self.split(input, active);
            let constants: &[&[f64]] = if p.is_empty() { &[] } else { &[&p] };
            let value = pair.original.evaluate(&x, constants).unwrap().value;
            let found = pair.derived.evaluate(&x, constants).unwrap();
            assert_eq!(found.value, value, "{context}");
            let [expected, _] = self.split(&(self.slopes)(input), active);
            let found = found.outputs.last().expect("a gradient");
            assert_eq!(found.len(), expected.len());
            let scale = expected.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
            for (j, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!(
                    (found - expected).abs() <= self.host * scale,
                    "along {j} at {input:?}: {found} is not {expected}; {context}{}",
                    derived.wgsl
                );
            }
        }
    }
}

/// All arguments at once, and each alone: what a rule leaves out for a constant is right as well.
#[test]
fn every_derivative_is_its_closed_form() {
    let mut random = uniforms(1);
    for case in cases() {
        let inputs: Vec<_> = (0..4).map(|_| case.inputs(&mut random)).collect();
        let groups = case.groups();
        let mut masks = vec![vec![true; groups]];
        if groups > 1 {
            masks.extend((0..groups).map(|only| (0..groups).map(|g| g == only).collect()));
        }
        for (mask, mode) in masks.iter().flat_map(|mask| MODES.map(|mode| (mask, mode))) {
            case.check(mask, mode, &inputs);
        }
    }
}

/// What jumps, or has no derivative of use.
const REFUSED: [&str; 7] = ["ceil", "floor", "round", "fract", "trunc", "step", "quantizeToF16"];

/// Functions of integers and of bits.
const OF_INTEGERS: [&str; 26] = [
    "dot4I8Packed",
    "dot4U8Packed",
    "countTrailingZeros",
    "countLeadingZeros",
    "countOneBits",
    "reverseBits",
    "extractBits",
    "insertBits",
    "firstTrailingBit",
    "firstLeadingBit",
    "pack4x8snorm",
    "pack4x8unorm",
    "pack2x16snorm",
    "pack2x16unorm",
    "pack2x16float",
    "pack4xI8",
    "pack4xU8",
    "pack4xI8Clamp",
    "pack4xU8Clamp",
    "unpack4x8snorm",
    "unpack4x8unorm",
    "unpack2x16snorm",
    "unpack2x16unorm",
    "unpack2x16float",
    "unpack4xI8",
    "unpack4xU8",
];

#[test]
fn no_built_in_function_is_forgotten() {
    let cases = cases();
    for (_, name) in crate::autodiff::print::MATH {
        let places = [
            cases.iter().any(|case| case.name == *name),
            REFUSED.contains(name),
            OF_INTEGERS.contains(name),
        ];
        assert_eq!(places.iter().filter(|place| **place).count(), 1, "{name}: {places:?}");
    }
}

#[test]
fn what_jumps_is_refused() {
    for name in REFUSED {
        let call = if name == "step" { "step(x, 0.5)".into() } else { format!("{name}(x)") };
        let text = format!("fn f(x: f32) -> f32 {{ return {call} * x; }}");
        // The checker asks for a capability for `quantizeToF16`.
        let parsed = naga::front::wgsl::parse_str(&text).unwrap();
        let refusal = gradient(&parsed, "f").unwrap_err();
        assert!(refusal.message().starts_with(&format!("`{name}`")), "{refusal}");
        assert_eq!(&text[refusal.span().unwrap()], name);
    }
}
