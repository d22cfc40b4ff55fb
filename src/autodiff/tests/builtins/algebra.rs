//! Functions of vectors and matrices, products, selection, and the parts of vectors.

use super::{Argument, Case, EXACT, Shape, WEIGHTS};

use Shape::{Matrix, Scalar, Vector};

const DOMAIN: (f64, f64) = (-2.0, 2.0);
const AWAY_FROM_ZERO: (f64, f64) = (0.25, 2.0);
/// Sums of products of a few numbers, and a square root or a quotient.
const FEW_ULP: f64 = 1e-5;

type Numbers = Vec<f64>;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(by: f64, v: &[f64]) -> Numbers {
    v.iter().map(|x| by * x).collect()
}

fn plus(a: &[f64], b: &[f64]) -> Numbers {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Numbers {
    plus(a, &times(-1.0, b))
}

fn cross(a: &[f64], b: &[f64]) -> Numbers {
    vec![a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The first components of the weights.
fn w(lanes: usize) -> Numbers {
    WEIGHTS[..lanes].to_vec()
}

/// The weights as WGSL.
fn wt(lanes: usize) -> String {
    let parts: Vec<_> = WEIGHTS[..lanes].iter().map(|weight| format!("{weight:?}")).collect();
    format!("vec{lanes}({})", parts.join(", "))
}

/// A case of an expression whose arguments are all over the domain.
fn case(
    name: &str,
    shapes: &[Shape],
    text: String,
    slopes: impl Fn(&[Numbers]) -> Vec<Numbers> + 'static,
) -> Case {
    let argument =
        |(group, shape): (usize, &Shape)| Argument { shape: *shape, domain: DOMAIN, group };
    let arguments = shapes.iter().enumerate().map(argument).collect();
    let text = if text.contains("return") { text } else { format!("return {text};") };
    let slopes = Box::new(slopes);
    Case { name: name.into(), arguments, text, slopes, host: EXACT, device: FEW_ULP }
}

/// The same with the last argument away from zero.
fn last_away_from_zero(mut case: Case) -> Case {
    if let Some(last) = case.arguments.last_mut() {
        last.domain = AWAY_FROM_ZERO;
    }
    case
}

fn of_vectors(n: usize) -> Vec<Case> {
    let (v, s) = (Vector(n), Scalar);
    let dotted = |text: &str| format!("dot({}, {text})", wt(n));
    vec![
        case("dot", &[v, v], "dot({0}, {1})".into(), |x| vec![x[1].clone(), x[0].clone()]),
        case("length", &[v], "length({0})".into(), |x| {
            vec![times(dot(&x[0], &x[0]).powf(-0.5), &x[0])]
        }),
        case("distance", &[v, v], "distance({0}, {1})".into(), |x| {
            let along = minus(&x[0], &x[1]);
            let along = times(dot(&along, &along).powf(-0.5), &along);
            vec![along.clone(), times(-1.0, &along)]
        }),
        // (w − n (n·w)) / |u| with n = u / |u|.
        case("normalize", &[v], dotted("normalize({0})"), move |x| {
            let length = dot(&x[0], &x[0]).sqrt();
            let normal = times(1.0 / length, &x[0]);
            let across = minus(&w(n), &times(dot(&normal, &w(n)), &normal));
            vec![times(1.0 / length, &across)]
        }),
        case("faceForward", &[v, v, v], dotted("faceForward({0}, {1}, {2})"), move |x| {
            let sign = if dot(&x[1], &x[2]) < 0.0 { 1.0 } else { -1.0 };
            vec![times(sign, &w(n)), vec![0.0; n], vec![0.0; n]]
        }),
        // w·(i − 2 n (n·i)).
        case("reflect", &[v, v], dotted("reflect({0}, {1})"), move |x| {
            let (i, n, w) = (&x[0], &x[1], w(n));
            let both = plus(&times(dot(n, &w), i), &times(dot(n, i), &w));
            vec![minus(&w, &times(2.0 * dot(n, &w), n)), times(-2.0, &both)]
        }),
        // w·(η i − (η c + √k) n), c = n·i, k = 1 − η² (1 − c²); nothing where k < 0.
        case("refract", &[v, v, s], dotted("refract({0}, {1}, {2})"), move |x| {
            let (i, normal, eta, w) = (&x[0], &x[1], x[2][0], w(n));
            let c = dot(normal, i);
            let k = 1.0 - eta * eta * (1.0 - c * c);
            if k < 0.0 {
                return vec![vec![0.0; n], vec![0.0; n], vec![0.0]];
            }
            let (root, seen) = (k.sqrt(), dot(normal, &w));
            let with_c = eta + eta * eta * c / root;
            let with_eta = c - eta * (1.0 - c * c) / root;
            vec![
                minus(&times(eta, &w), &times(with_c * seen, normal)),
                minus(&times(-with_c * seen, i), &times(eta * c + root, &w)),
                vec![dot(i, &w) - seen * with_eta],
            ]
        }),
        // The blend is one number for all components.
        case("mix", &[v, v, s], dotted("mix({0}, {1}, {2})"), move |x| {
            let t = x[2][0];
            vec![times(1.0 - t, &w(n)), times(t, &w(n)), vec![dot(&w(n), &minus(&x[1], &x[0]))]]
        }),
        case("ldexp", &[v], dotted(&format!("ldexp({{0}}, vec{n}<i32>(3))")), move |_| {
            vec![times(8.0, &w(n))]
        }),
        // A scalar goes with every component.
        case("v + s", &[v, s], dotted("({0} + {1})"), move |_| vec![w(n), vec![w(n).iter().sum()]]),
        case("s - v", &[s, v], dotted("({0} - {1})"), move |_| {
            vec![vec![w(n).iter().sum()], times(-1.0, &w(n))]
        }),
        case("v * s", &[v, s], dotted("({0} * {1})"), move |x| {
            vec![times(x[1][0], &w(n)), vec![dot(&w(n), &x[0])]]
        }),
        case("s * v", &[s, v], dotted("({0} * {1})"), move |x| {
            vec![vec![dot(&w(n), &x[1])], times(x[0][0], &w(n))]
        }),
        last_away_from_zero(case("v / s", &[v, s], dotted("({0} / {1})"), move |x| {
            let s = x[1][0];
            vec![times(1.0 / s, &w(n)), vec![-dot(&w(n), &x[0]) / (s * s)]]
        })),
        last_away_from_zero(case("s / v", &[s, v], dotted("({0} / {1})"), move |x| {
            let each = |(w, v): (f64, &f64)| w / v;
            let slopes: Numbers = w(n).into_iter().zip(&x[1]).map(each).collect();
            let squares = slopes.iter().zip(&x[1]).map(|(slope, v)| -x[0][0] * slope / v);
            vec![vec![slopes.iter().sum()], squares.collect()]
        })),
        last_away_from_zero(case("v / v", &[v, v], dotted("(-{0} / {1})"), move |x| {
            let each = |j: usize| -WEIGHTS[j] / x[1][j];
            let by = |j: usize| -each(j) * x[0][j] / x[1][j];
            vec![(0..n).map(each).collect(), (0..n).map(by).collect()]
        })),
        case("v * v - v", &[v, v], dotted("({0} * {1} - {1})"), move |x| {
            let both = |j: usize| WEIGHTS[j] * (x[0][j] - 1.0);
            vec![(0..n).map(|j| WEIGHTS[j] * x[1][j]).collect(), (0..n).map(both).collect()]
        }),
        case(
            "select",
            &[v, v, v],
            dotted(&format!("select({{0}}, {{1}}, {{2}} > vec{n}(0.5))")),
            {
                move |x| {
                    let chosen = |wanted: bool| {
                        (0..n)
                            .map(|j| if (x[2][j] > 0.5) == wanted { WEIGHTS[j] } else { 0.0 })
                            .collect()
                    };
                    vec![chosen(false), chosen(true), vec![0.0; n]]
                }
            },
        ),
        case("select by one", &[v, v, s], dotted("select({0}, {1}, {2} < 0.5)"), move |x| {
            let (accept, zero) = (x[2][0] < 0.5, vec![0.0; n]);
            let (a, b) = if accept { (zero, w(n)) } else { (w(n), zero) };
            vec![a, b, vec![0.0]]
        }),
        // A component by an index from elsewhere, of a value and of a variable, read and written.
        case(
            "component",
            &[v, s],
            {
                let find =
                    format!("let v = {{0}}; let i = u32(select(0, {}, {{1}} > 0.0));", n - 1);
                format!("{find} var u = v; u[i] *= 2.0; return v[i] * u[{}] + u[i];", n - 1)
            },
            move |x| {
                let (v, last) = (&x[0], n - 1);
                let i = if x[1][0] > 0.0 { last } else { 0 };
                let mut slopes = vec![0.0; n];
                slopes[i] += 2.0;
                if i == last {
                    slopes[i] += 4.0 * v[i];
                } else {
                    slopes[i] += v[last];
                    slopes[last] += v[i];
                }
                vec![slopes, vec![0.0]]
            },
        ),
    ]
}

/// det M by its first column; `m` holds the columns one after another.
fn determinant(m: &[f64], size: usize) -> f64 {
    if size == 1 {
        return m[0];
    }
    (0..size).map(|row| m[row] * cofactor(m, size, 0, row)).sum()
}

fn cofactor(m: &[f64], size: usize, column: usize, row: usize) -> f64 {
    let kept = |k: &usize| k / size != column && k % size != row;
    let minor: Numbers = (0..size * size).filter(kept).map(|k| m[k]).collect();
    let sign = if (column + row).is_multiple_of(2) { 1.0 } else { -1.0 };
    sign * determinant(&minor, size - 1)
}

/// The matrix of u[row] v[column], by columns.
fn outer(u: &[f64], v: &[f64]) -> Numbers {
    v.iter().flat_map(|v| times(*v, u)).collect()
}

fn apply(m: &[f64], rows: usize, v: &[f64]) -> Numbers {
    let column = |(m, v): (&[f64], &f64)| times(*v, m);
    m.chunks(rows).zip(v).map(column).reduce(|a, b| plus(&a, &b)).unwrap_or_default()
}

fn applied_from_left(v: &[f64], m: &[f64]) -> Numbers {
    m.chunks(v.len()).map(|column| dot(v, column)).collect()
}

fn of_matrices(c: usize, r: usize) -> Vec<Case> {
    let (m, u, v, s) = (Matrix(c, r), Vector(c), Vector(r), Scalar);
    // The sum of all entries, each with a weight of its own.
    let all = |text: &str| format!("dot({}, ({text}) * {})", wt(r), wt(c));
    let weights = move || outer(&w(r), &w(c));
    let mut cases = vec![
        case("m * v", &[m, u], format!("dot({}, {{0}} * {{1}})", wt(r)), move |x| {
            vec![outer(&w(r), &x[1]), applied_from_left(&w(r), &x[0])]
        }),
        case("v * m", &[v, m], format!("dot({}, {{0}} * {{1}})", wt(c)), move |x| {
            vec![apply(&x[1], r, &w(c)), outer(&x[0], &w(c))]
        }),
        case(
            "transpose",
            &[m],
            format!("dot({}, transpose({{0}}) * {})", wt(c), wt(r)),
            move |_| vec![weights()],
        ),
        case("m * s", &[m, s], all("{0} * {1}"), move |x| {
            vec![times(x[1][0], &weights()), vec![dot(&weights(), &x[0])]]
        }),
        case("s * m", &[s, m], all("{0} * {1}"), move |x| {
            vec![vec![dot(&weights(), &x[1])], times(x[0][0], &weights())]
        }),
        case("m + m - m", &[m, m], all("{0} + {1} - 3.0 * {0}"), move |_| {
            vec![times(-2.0, &weights()), weights()]
        }),
        case(
            "columns",
            &[m],
            format!("let m = {{0}}; return dot(m[1], m[0]) * m[{}].y;", c - 1),
            move |x| {
                let (first, second) = (&x[0][..r], &x[0][r..2 * r]);
                let factor = x[0][(c - 1) * r + 1];
                let mut slopes = vec![0.0; c * r];
                for j in 0..r {
                    slopes[j] += factor * second[j];
                    slopes[r + j] += factor * first[j];
                }
                slopes[(c - 1) * r + 1] += dot(first, second);
                vec![slopes]
            },
        ),
    ];
    for k in 2..=4 {
        // m is k × r here: its k columns take the rows of the other.
        let (left, right) = (Matrix(k, r), Matrix(c, k));
        cases.push(case("m * m", &[left, right], all("{0} * {1}"), move |x| {
            let inner = apply(&x[1], k, &w(c));
            let outer_part = applied_from_left(&w(r), &x[0]);
            vec![outer(&w(r), &inner), outer(&outer_part, &w(c))]
        }));
    }
    cases
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = (2..=4).flat_map(of_vectors).collect();
    cases.extend((2..=4).flat_map(|c| (2..=4).flat_map(move |r| of_matrices(c, r))));
    for size in 2..=4 {
        let m = Matrix(size, size);
        cases.push(case("determinant", &[m], "determinant({0})".into(), move |x| {
            let cofactor = |k: usize| cofactor(&x[0], size, k / size, k % size);
            vec![(0..size * size).map(cofactor).collect()]
        }));
    }
    let v = Vector(3);
    cases.push(case("cross", &[v, v], format!("dot({}, cross({{0}}, {{1}}))", wt(3)), |x| {
        vec![cross(&x[1], &w(3)), cross(&w(3), &x[0])]
    }));
    cases.push(case("length", &[Scalar], "length({0})".into(), |x| vec![vec![x[0][0].signum()]]));
    cases.push(case("distance", &[Scalar, Scalar], "distance({0}, {1})".into(), |x| {
        let sign = (x[0][0] - x[1][0]).signum();
        vec![vec![sign], vec![-sign]]
    }));
    cases.push(case("ldexp", &[Scalar], "ldexp({0}, -2)".into(), |_| vec![vec![0.25]]));
    cases.push(case("% of constants", &[Scalar], "{0} * (7.5 % 2.0)".into(), |_| vec![vec![1.5]]));
    // Components twice, in another order, written one by one.
    let text = "let v = {0}; var u = v.wzyx; u.y = v.x * v.x; u.w += v.y; \
                return dot(v.xxy, u.zyw) + dot(u.xy, v.wz);";
    cases.push(case("swizzles", &[Vector(4)], text.into(), |x| {
        let [a, b, c, d] = x[0][..] else { unreachable!("a vector of four") };
        // u = (d, a², b, a + b): a b + a³ + b (a + b) + d² + a² c.
        vec![vec![b + 3.0 * a * a + b + 2.0 * a * c, a + a + 2.0 * b, a * a, 2.0 * d]]
    }));
    cases
}
