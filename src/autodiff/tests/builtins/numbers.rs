//! Functions of one to three numbers, which take vectors component by component.

use std::f64::consts::{LN_2, PI};

use super::{Argument, CONSTANT, Case, EXACT, Shape, WEIGHTS};

/// A function, the domain of each argument, and the slopes along them.
type Row = (&'static str, &'static [(f64, f64)], fn(&[f64]) -> [f64; 3]);

/// WGSL promises of sin and cos an absolute error of 2⁻¹¹, and of what inherits from them.
const CIRCULAR: f64 = 5e-4;
/// A few operations of an error of a few ulp each.
const FEW_ULP: f64 = 1e-5;

const WIDE: (f64, f64) = (-2.0, 2.0);

/// The position of the third argument between the first two.
fn along(x: &[f64]) -> f64 {
    ((x[2] - x[0]) / (x[1] - x[0])).clamp(0.0, 1.0)
}

fn flag(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("abs", &[WIDE], |x| one(flag(x[0] > 0.0) - flag(x[0] < 0.0))),
    ("min", &[WIDE, WIDE], |x| [flag(x[0] < x[1]), flag(x[0] > x[1]), 0.0]),
    ("max", &[WIDE, WIDE], |x| [flag(x[0] > x[1]), flag(x[0] < x[1]), 0.0]),
    ("clamp", &[WIDE, (-1.0, -0.25), (0.25, 1.0)], |x| {
        let (below, above) = (flag(x[0] < x[1]), flag(x[0] > x[2]));
        [1.0 - below - above, below, above]
    }),
    ("saturate", &[(-1.0, 2.0)], |x| one(flag(x[0] > 0.0 && x[0] < 1.0))),
    ("cos", &[WIDE], |x| one(-x[0].sin())),
    ("cosh", &[WIDE], |x| one(0.5 * (x[0].exp() - (-x[0]).exp()))),
    ("sin", &[WIDE], |x| one(x[0].cos())),
    ("sinh", &[WIDE], |x| one(0.5 * (x[0].exp() + (-x[0]).exp()))),
    ("tan", &[(-1.2, 1.2)], |x| one(x[0].cos().powi(-2))),
    ("tanh", &[WIDE], |x| one(x[0].cosh().powi(-2))),
    ("acos", &[(-0.9, 0.9)], |x| one(-(1.0 - x[0] * x[0]).powf(-0.5))),
    ("asin", &[(-0.9, 0.9)], |x| one((1.0 - x[0] * x[0]).powf(-0.5))),
    ("atan", &[WIDE], |x| one((1.0 + x[0] * x[0]).recip())),
    ("atan2", &[(0.1, 2.0), WIDE], |x| {
        let square = x[0] * x[0] + x[1] * x[1];
        [x[1] / square, -x[0] / square, 0.0]
    }),
    ("asinh", &[WIDE], |x| one((1.0 + x[0] * x[0]).powf(-0.5))),
    ("acosh", &[(1.2, 4.0)], |x| one((x[0] * x[0] - 1.0).powf(-0.5))),
    ("atanh", &[(-0.9, 0.9)], |x| one(0.5 / (1.0 + x[0]) + 0.5 / (1.0 - x[0]))),
    ("radians", &[WIDE], |_| one(PI / 180.0)),
    ("degrees", &[WIDE], |_| one(180.0 / PI)),
    ("exp", &[WIDE], |x| one(x[0].exp())),
    ("exp2", &[WIDE], |x| one(LN_2 * (LN_2 * x[0]).exp())),
    ("log", &[(0.2, 5.0)], |x| one(x[0].recip())),
    ("log2", &[(0.2, 5.0)], |x| one((LN_2 * x[0]).recip())),
    ("pow", &[(0.2, 3.0), WIDE], |x| {
        let power = (x[1] * x[0].ln()).exp();
        [x[1] * power / x[0], power * x[0].ln(), 0.0]
    }),
    ("sign", &[WIDE], |_| one(0.0)),
    ("fma", &[WIDE, WIDE, WIDE], |x| [x[1], x[0], 1.0]),
    ("mix", &[WIDE, WIDE, WIDE], |x| [1.0 - x[2], x[2], x[1] - x[0]]),
    ("smoothstep", &[(-1.0, -0.25), (0.25, 1.0), (-1.5, 1.5)], |x| {
        let (t, width) = (along(x), x[1] - x[0]);
        let slope = 6.0 * t * (1.0 - t);
        [slope * (x[2] - x[1]) / (width * width), slope * (x[0] - x[2]) / (width * width), slope / width]
    }),
    ("sqrt", &[(0.1, 4.0)], |x| one(0.5 * x[0].powf(-0.5))),
    ("inverseSqrt", &[(0.1, 4.0)], |x| one(-0.5 * x[0].powf(-1.5))),
];

const fn one(slope: f64) -> [f64; 3] {
    [slope, 0.0, 0.0]
}

/// The overloads of one function in one expression: a scalar and the vectors of two, three and four.
const OVERLOADS: [Shape; 4] = [Shape::Scalar, Shape::Vector(2), Shape::Vector(3), Shape::Vector(4)];

fn weighted(shape: Shape, call: &str) -> String {
    match shape {
        Shape::Scalar => format!("{:?} * {call}", WEIGHTS[0]),
        _ => {
            let weights: Vec<_> =
                WEIGHTS[..shape.size()].iter().map(|w| format!("{w:?}")).collect();
            format!("dot(vec{}({}), {call})", shape.size(), weights.join(", "))
        }
    }
}

fn of_row(row: &'static Row) -> Case {
    let (name, domains, slopes) = *row;
    let (mut arguments, mut terms) = (Vec::new(), Vec::new());
    for shape in OVERLOADS {
        let mut names = Vec::new();
        for (group, domain) in domains.iter().enumerate() {
            names.push(format!("{{{}}}", arguments.len()));
            arguments.push(Argument { shape, domain: *domain, group });
        }
        terms.push(weighted(shape, &format!("{name}({})", names.join(", "))));
    }
    let count = domains.len();
    let slopes = move |x: &[Vec<f64>]| {
        let mut out: Vec<_> = x.iter().map(|part| vec![0.0; part.len()]).collect();
        for first in (0..x.len()).step_by(count) {
            for lane in 0..x[first].len() {
                let at: Vec<_> = (0..count).map(|i| x[first + i][lane]).collect();
                let slopes = slopes(&at);
                (0..count).for_each(|i| out[first + i][lane] = WEIGHTS[lane] * slopes[i]);
            }
        }
        out
    };
    let host = match name {
        "radians" | "degrees" | "exp2" | "log2" => CONSTANT,
        _ => EXACT,
    };
    let device = match name {
        "cos" | "sin" | "tan" => CIRCULAR,
        _ => FEW_ULP,
    };
    let text = format!("return {};", terms.join(" + "));
    Case { name: name.into(), arguments, text, slopes: Box::new(slopes), host, device }
}

pub(super) fn cases() -> Vec<Case> {
    ROWS.iter().map(of_row).collect()
}
