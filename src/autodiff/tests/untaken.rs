//! A branch that is not taken gives nothing to the derivative, though it be infinite or no number.

use super::*;
use crate::autodiff::{hessian_vector, laplacian};

/// Functions with the modes that take them, of two coordinates; wherever a branch is no number, another
/// is taken.
#[rustfmt::skip]
const FUNCTIONS: &[(bool, &str)] = &[
    (true, "fn f(x: vec2<f32>) -> f32 { return select(sqrt(x.x), x.x * x.y, x.x < 0.1); }"),
    (true, "fn f(x: vec2<f32>) -> f32 { return select(x.x * x.y, log(x.x), x.x >= 0.1) - x.y * x.y; }"),
    // One in the other, and chains.
    (true, "fn f(x: vec2<f32>) -> f32 {
        let inner = select(1.0 / (x.y - x.y), pow(x.y, 1.5), x.y > 0.1);
        return select(x.x * x.y, sin(sqrt(inner)) * inner, x.y > 0.1) + x.x;
    }"),
    // Component by component.
    (true, "fn f(x: vec2<f32>) -> f32 {
        return dot(select(sqrt(x) * x, x * x, x < vec2(0.1)), vec2(1.0, 2.0));
    }"),
    (true, "fn f(x: vec2<f32>) -> f32 {
        let v = select(vec2(length(sqrt(x))), x, vec2(x.x < 0.0 || x.y < 0.0));
        return dot(v, v.yx) + v.x;
    }"),
    // Products of linear algebra with what is no number.
    (true, "fn f(x: vec2<f32>) -> f32 {
        let bad = mat2x2<f32>(sqrt(x.x), 1.0, x.y, log(x.x));
        let v = bad * x + x * bad;
        let w = bad * transpose(bad) * x;
        let c = cross(vec3(sqrt(x), 1.0), vec3(1.0, log(x.x), x.y));
        let sum = dot(v, w) + c.x * c.z + determinant(bad) + distance(sqrt(x), v) + mix(x.x, v.x, w.y);
        return select(sum, x.x * x.y, x.x < 0.05 || x.y < 0.05);
    }"),
    (true, "fn f(x: vec2<f32>) -> f32 {
        let n = normalize(vec2(log(x.x), x.y));
        return select(dot(reflect(x, n), n) + atan2(n.x, x.y), x.x, x.x <= 0.05) + x.y;
    }"),
    // What overflows.
    (true, "fn f(x: vec2<f32>) -> f32 { return select(exp(1e4 * x.x), x.x * x.x, x.x > -0.1) + x.y; }"),
    // A function that is called in vain, and what is computed ahead of a branch.
    (true, "fn g(y: f32, z: f32) -> f32 { return log(y) * z; }
        fn f(x: vec2<f32>) -> f32 {
            let called = g(x.x, x.y);
            var y = 1.0 / sqrt(x.y);
            if (x.y < 0.1) { y = x.x; }
            return select(called, x.y, x.x < 0.1) + y * x.x;
        }"),
    (true, "fn g(p: ptr<function, vec2<f32>>) -> f32 { if ((*p).x < 0.1) { return (*p).y; } return log((*p).x); }
        fn f(x: vec2<f32>) -> f32 { var y = sqrt(x); y = select(y, x, x < vec2(0.1)); return g(&y) * y.y; }"),
    (true, "fn f(x: vec2<f32>) -> f32 {
        let root = sqrt(x.x);
        let inverse = 1.0 / root;
        var y = x.y;
        switch (i32(x.x > 0.1)) { case 1: { y *= inverse; } default: { y *= x.x; } }
        return y;
    }"),
    // The smaller and the larger of a number and none.
    (true, "fn f(x: vec2<f32>) -> f32 {
        return max(x.x, log(x.x - 9.0)) + max(log(x.y - 9.0), x.y * x.y) - min(sqrt(x.x - 9.0), x.x * x.y);
    }"),
    (true, "fn f(x: vec2<f32>) -> f32 { return clamp(1.0 / (x.x - x.x), -1.0, 2.0) * x.y; }"),
    // Sums, and loops that do nothing.
    (true, "fn f(x: vec2<f32>) -> f32 {
        var sum = 0.0;
        for (var i = 0u; i < 2u; i++) { sum += select(log(x[i]), x[i] * x[i], x[i] < 0.1); }
        return sum * sum;
    }"),
    (true, "override turns: u32 = 0u;
        fn f(x: vec2<f32>) -> f32 {
            let bad = sqrt(x.x - 9.0);
            var sum = x.y;
            for (var i = 0u; i < turns; i++) { sum += bad; }
            return sum * x.x;
        }"),
    // Loops that end before it is reached.
    (false, "fn f(x: vec2<f32>) -> f32 {
        var y = x.x * x.y;
        for (var i = 0u; i < 3u; i++) { if (y < 0.1) { break; } y = log(y) + 1.0; }
        let root = sqrt(x.y);
        if (x.y < 0.1) { return y; }
        return root * y;
    }"),
    (false, "fn g(y: f32, out: ptr<function, f32>) { *out = log(y); }
        fn f(x: vec2<f32>) -> f32 {
            var bad: f32;
            g(x.x, &bad);
            return select(bad * x.y, x.y, x.x < 0.1);
        }"),
];

fn inside(x: &[f64], pair: &Pair) -> bool {
    // Where one branch goes over to the other, differences say nothing.
    let f = |x: &[f64]| pair.original.evaluate(x, &[]).unwrap().value;
    let close = |j: usize, by: f64| {
        let mut x = x.to_vec();
        x[j] += by;
        f(&x)
    };
    (0..x.len()).all(|j| (close(j, 2e-3) - close(j, -2e-3)).abs() < 0.2)
}

#[test]
fn untaken_branches_give_nothing() {
    for (reversed, text) in FUNCTIONS {
        let parsed = module(text);
        let mut checked = 0;
        for mode in MODES {
            let derived = match gradient_by(&parsed, "f", mode) {
                Ok(derived) => derived,
                Err(_) if mode == Mode::Reverse && !reversed => continue,
                Err(error) => panic!("{error}\n{text}"),
            };
            let pair = Pair::new(text, &derived);
            for x in points(2, 24).iter().filter(|x| inside(x, &pair)) {
                pair.check(x, 1e-6);
                checked += 1;
            }
        }
        assert!(checked > 20, "{checked} points\n{text}");
    }
}

/// What a random function is made of.
enum Expr {
    X(usize),
    Number(f64),
    Sin(Box<Expr>),
    Add(Box<Expr>, Box<Expr>),
    Multiply(Box<Expr>, Box<Expr>),
    /// Beyond `border` one of [`PARTIAL`], else something harmless, in one of [`FORMS`] ways.
    Choice {
        form: usize,
        partial: usize,
        border: f64,
        of: Box<Expr>,
    },
}

/// Functions of a number that are none, or infinite, a little below zero. Constants are the same in single
/// precision.
type Partial = (&'static str, fn(f64) -> f64);
const PARTIAL: [Partial; 6] = [
    ("sqrt(u + 0.015625)", |u| (u + 0.015625).sqrt()),
    ("log(u + 0.015625)", |u| (u + 0.015625).ln()),
    ("pow(u + 0.015625, 1.75)", |u| (u + 0.015625).powf(1.75)),
    ("1.0 / sqrt(u + 0.0625)", |u| 1.0 / (u + 0.0625).sqrt()),
    ("exp(-65536.0 * u) + u", |u| (-65536.0 * u).exp() + u),
    ("acosh(u + 1.015625)", |u| (u + 1.015625).acosh()),
];
const FORMS: usize = 6;

/// Draws from a generator of its own.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }

    fn expr(&mut self, depth: u32) -> Expr {
        let kind = if depth == 0 { self.below(2) } else { 1 + self.below(8) };
        match kind {
            0 => Expr::Number(0.25 * self.below(9) as f64 - 1.0),
            1 => Expr::X(self.below(2)),
            2 => Expr::Sin(self.boxed(depth)),
            3 => Expr::Add(self.boxed(depth), self.boxed(depth)),
            4 => Expr::Multiply(self.boxed(depth), self.boxed(depth)),
            _ => Expr::Choice {
                form: self.below(FORMS),
                partial: self.below(PARTIAL.len()),
                border: 0.125 * self.below(9) as f64 - 0.5,
                of: self.boxed(depth),
            },
        }
    }

    fn boxed(&mut self, depth: u32) -> Box<Expr> {
        Box::new(self.expr(depth - 1))
    }
}

impl Expr {
    /// Statements, and the name of the result.
    fn write(&self, body: &mut String, names: &mut usize) -> String {
        let text = match self {
            Expr::X(j) => format!("x[{j}]"),
            // Not a constant of the text, which a compiler would refuse where it is none of a function.
            Expr::Number(number) => format!("{number:?} + 0.125 * x[0]"),
            Expr::Sin(of) => format!("sin({})", of.write(body, names)),
            Expr::Add(a, b) => format!("{} + {}", a.write(body, names), b.write(body, names)),
            Expr::Multiply(a, b) => {
                format!("0.5 * {} * {}", a.write(body, names), b.write(body, names))
            }
            Expr::Choice { form, partial, border, of } => {
                let u = format!("({} - ({border:?}))", of.write(body, names));
                let partial = PARTIAL[*partial].0.replace('u', &u);
                let harmless = format!("0.5 * {u} * {u}");
                *names += 1;
                let n = *names;
                match form {
                    0 => format!("select({partial}, {harmless}, {u} < 0.0)"),
                    1 => {
                        *body += &format!(
                            "let t{n} = {partial}; var w{n} = t{n}; if ({u} < 0.0) {{ w{n} = {harmless}; }}\n"
                        );
                        format!("w{n}")
                    }
                    2 => format!(
                        "select(vec2({partial}, x[0]), vec2({harmless}, x[1]), vec2({u} < 0.0, false)).x"
                    ),
                    3 => {
                        *body += &format!(
                            "let t{n} = vec3({partial}, {u}, 1.0); var w{n} = 0.0;
                             switch (i32({u} < 0.0)) {{ case 1: {{ w{n} = {harmless}; }} \
                             default: {{ w{n} = dot(t{n}, vec3(1.0, 0.0, 0.0)) * t{n}.z; }} }}\n"
                        );
                        format!("w{n}")
                    }
                    4 => format!("choose({u}, {partial}, {harmless})"),
                    _ => {
                        *body += &format!(
                            "var w{n} = array<f32, 2>({partial}, {harmless}); \
                             if ({u} < 0.0) {{ w{n}[0] = w{n}[1]; }}\n"
                        );
                        format!("w{n}[0]")
                    }
                }
            }
        };
        *names += 1;
        *body += &format!("let v{names} = {text};\n");
        format!("v{names}")
    }

    /// The value, and how close it comes to a border.
    fn value(&self, x: &[f64], nearest: &mut f64) -> f64 {
        match self {
            Expr::X(j) => x[*j],
            Expr::Number(number) => number + 0.125 * x[0],
            Expr::Sin(of) => of.value(x, nearest).sin(),
            Expr::Add(a, b) => a.value(x, nearest) + b.value(x, nearest),
            Expr::Multiply(a, b) => 0.5 * a.value(x, nearest) * b.value(x, nearest),
            Expr::Choice { partial, border, of, .. } => {
                let u = of.value(x, nearest) - border;
                *nearest = nearest.min(u.abs());
                if u < 0.0 { 0.5 * u * u } else { PARTIAL[*partial].1(u) }
            }
        }
    }
}

/// First and second derivatives of random functions against differences of their own evaluation.
#[test]
fn untaken_branches_of_random_functions_give_nothing() {
    let mut draw = Draw(11);
    let (mut seen, mut crossed) = (0, 0);
    for _ in 0..150 {
        let expr = draw.expr(4);
        let (mut body, mut names) = (String::new(), 0);
        let result = expr.write(&mut body, &mut names);
        let text = format!(
            "fn choose(u: f32, a: f32, b: f32) -> f32 {{ return select(a, b, u < 0.0); }}
             fn f(x: vec2<f32>) -> f32 {{\n{body}return {result};\n}}"
        );
        let parsed = module(&text);
        let f = |x: &[f64]| expr.value(x, &mut { f64::INFINITY });
        for x in points(2, 6) {
            let mut nearest = f64::INFINITY;
            let value = expr.value(&x, &mut nearest);
            // Steep functions are beyond what differences can say.
            let (slopes, steep) = (0..2)
                .map(|j| (slope(&f, &x, j), slope(&|y| slope(&f, y, j), &x, j)))
                .fold((Vec::new(), false), |(mut slopes, steep), (first, second)| {
                    slopes.push(first);
                    (slopes, steep || first.abs() > 30.0 || second.abs() > 300.0)
                });
            if nearest < 0.02 || steep || !value.is_finite() {
                continue;
            }
            seen += 1;
            crossed += u32::from(body.contains("< 0.0"));
            let close = |what: &str, found: f64, expected: f64, bound: f64, shown: &str| {
                assert!(
                    (found - expected).abs() <= bound * (1.0 + expected.abs()),
                    "{what} at {x:?}: {found} is not {expected}\n{text}\n{shown}"
                );
            };
            for mode in MODES {
                let derived = gradient_by(&parsed, "f", mode).unwrap();
                let found = Pair::new(&text, &derived).derived.evaluate(&x, &[]).unwrap();
                close("value", found.value, value, 1e-9, &derived.wgsl);
                for (found, slope) in found.outputs[0].iter().zip(&slopes) {
                    close(&format!("{mode}, slope"), *found, *slope, 1e-4, &derived.wgsl);
                }
            }
            let second = laplacian(&parsed, "f").unwrap();
            let found = Pair::new(&text, &second).derived.evaluate(&x, &[]).unwrap();
            let trace: f64 = (0..2).map(|j| slope(&|y| slope(&f, y, j), &x, j)).sum();
            close("Laplacian", found.outputs[1][0], trace, 1e-2, &second.wgsl);
            let product = hessian_vector(&parsed, "f").unwrap();
            let found = Pair::new(&text, &product).derived.evaluate(&x, &[&[1.0, 1.0]]).unwrap();
            let sum: f64 = found.outputs[2].iter().sum();
            let expected: f64 = (0..2)
                .map(|i| (0..2).map(|j| slope(&|y| slope(&f, y, j), &x, i)).sum::<f64>())
                .sum();
            close("Hessian", sum, expected, 1e-2, &product.wgsl);
        }
    }
    assert!(seen > 300 && crossed > 200, "{seen}, {crossed}");
}

/// An adjoint that is zero by chance hides nothing from the second derivative.
#[test]
fn a_slope_of_zero_keeps_its_curvature() {
    let text = "fn f(x: f32) -> f32 {
        let s = exp(x) - 1.0;
        return select(log(x), s * s, x > -1.0);
    }";
    let product = hessian_vector(&module(text), "f").unwrap();
    let found = Pair::new(text, &product).derived.evaluate(&[0.0], &[&[1.0]]).unwrap();
    assert_eq!((found.outputs[1][0], found.outputs[2][0]), (0.0, 2.0), "{}", product.wgsl);
}
