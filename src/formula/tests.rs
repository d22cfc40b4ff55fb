//! Formulas whose WGSL is known, Python's values, and random formulas printed and read again.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Formula, ast, function, random};
use crate::reference::formula::{self as oracle, Data};
use crate::target::Target;
use crate::wgsl::{Linked, Source};

/// The WGSL of a formula, after checking it.
pub(crate) fn checked(dim: u32, text: &str) -> crate::Result<String> {
    let target = Target::from_formula(dim, text)?;
    let source = Source::new("wgsl", target.wgsl());
    let linked = Linked::new(target.prelude().into_iter().chain([source]));
    linked.check().unwrap_or_else(|error| panic!("{text}: {error}\n{}", target.wgsl()));
    Ok(target.wgsl().to_string())
}

/// The body of `log_density`, a line each.
fn body(dim: u32, text: &str) -> Vec<String> {
    let wgsl = checked(dim, text).unwrap();
    let lines = wgsl.lines().skip_while(|line| !line.starts_with("fn log_density")).skip(1);
    lines.take_while(|line| *line != "}").map(|line| line.trim().to_string()).collect()
}

#[test]
fn the_wgsl_is_what_one_would_write() {
    assert_eq!(
        checked(2, "-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2").unwrap(),
        "// -(x0^4/4 - x0^2/2 + c*x0) - x1^2/2
override formula_c: f32;
fn log_density(x: ptr<function, Point>) -> f32 {
    let x0 = (*x)[0u];
    let v1 = x0 * x0;
    let x1 = (*x)[1u];
    return -(v1 * v1 * 0.25f - v1 * 0.5f + formula_c * x0) - x1 * x1 * 0.5f;
}
"
    );
    assert_eq!(
        body(10, "-sum(i, 0, dim-2, (x[i+1] - x[i]^2)^2)"),
        [
            "var v3 = 0.0f;",
            "for (var i = 0u; i < 9u; i++) {",
            "let v1 = (*x)[i];",
            "let v2 = (*x)[i + 1u] - v1 * v1;",
            "v3 += v2 * v2;",
            "}",
            "return -v3;"
        ]
    );
}

#[test]
fn what_a_loop_does_not_change_stands_before_it() {
    let lines = body(5, "sum(i, exp(c*x0)*x[i])");
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(at("exp(") < at("for ("), "{lines:#?}");
}

#[test]
fn a_branch_holds_what_only_it_needs() {
    let lines = body(2, "where(x0 > 0, log(x0) - (x1-1)^2, -9*x0^2) + (x1-1)^2");
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(at("if (") < at("log("), "{lines:#?}");
    // What is needed either way is computed once, before.
    assert_eq!(lines.iter().filter(|line| line.contains("- 1.0f")).count(), 1, "{lines:#?}");
    assert!(at("- 1.0f") < at("if ("), "{lines:#?}");
}

#[test]
fn an_exponential_in_a_logarithm_never_stands_alone() {
    for text in [
        "log(exp(x0) + exp(x1))",
        "log(0.3*exp(-x0^2) + exp(x1)/c - 1)",
        "log(sum(i, exp(x[i]))/dim)",
        "log(sum(i, sum(j, c*exp(x[i]*x[j]))) + exp(x0))",
        "logsumexp(x0, x1, 0)",
        "logsumexp(i, x[i])",
        "log((exp(x0) + 1)*(exp(x1) + exp(-x1)))",
    ] {
        let lines = body(3, text).join("\n");
        let exponents = lines.split("exp(").skip(1);
        for exponent in exponents {
            let exponent = &exponent[..exponent.find(')').unwrap()];
            // Relative to a maximum, or minus a maximum that is 0 or more.
            assert!(exponent.contains(" - v") || exponent.starts_with("-v"), "{text}: {exponent}");
        }
        assert!(lines.contains("max("), "{text}: {lines}");
    }
    assert_eq!(body(1, "log(exp(-x^2))"), body(1, "-x^2"));
    assert!(!body(1, "log(logistic(x))").join("").contains('/'));
    assert!(!body(1, "log(1 - logistic(x))").join("").contains('/'));
}

#[test]
fn whole_and_half_powers_need_no_pow() {
    for text in ["x0^7", "x0^-3", "x0^0.5", "x0^-0.5", "x0^2.5", "x0^(3-1)", "x0^dim", "x0^0"] {
        assert!(!body(2, text).join("").contains("pow("), "{text}");
    }
    assert_eq!(body(2, "x0^0"), ["return 1.0f;"]);
    for text in ["x0^c", "c^x0", "x0^0.3", "2^x0", "sum(i, x0^i)", "x0^1025"] {
        assert!(body(2, text).join("").contains("pow("), "{text}");
    }
}

#[test]
fn numbers_are_folded_in_double_precision() {
    assert_eq!(body(1, "1/3 - 1/3 + 2^0.5*x"), ["return 0.0f + 1.4142135f * (*x)[0u];"]);
    assert_eq!(body(1, "prod(i, 1, 20, i)*x"), ["return 2.432902e18f * (*x)[0u];"]);
    let refused = |text: &str| Target::from_formula(1, text).unwrap_err().to_string();
    assert!(refused("x/(2-2) + 1/0").contains("formula:1:3: this divides by 0"));
    assert!(refused("x + 1/0").contains("formula:1:5: this makes the log density +inf somewhere"));
    assert!(refused("x*10^39").contains("too large for the f32"));
    assert!(refused("x*1e-39").contains("too near 0"));
    assert!(refused("hypot(1e30, x)").contains("too large for the f32"));
    assert!(refused("prod(i, 1, 9, 10^i) * x").contains("too large for the f32"));
}

/// Where infinity is written, it is −∞ in the WGSL; and no part of a formula can become ∞ − ∞ or
/// 0·∞ in silence.
#[test]
fn infinity_is_a_number_of_formulas() {
    for text in [
        "where(x > 0, -x, -inf)",
        "where(x > 0, -x, log(0))",
        "where(x > 0, -x, -1/0)",
        "-where(x > 0, x, inf)",
        "-x^2/2 + where(x < -1, -inf, where(x > 1, -inf, 0))",
        "where(x > 0, -x, -inf)*2 - 3",
        "log(exp(where(x > 0, -x, -inf)) + exp(-x^2))",
        "min(-x^2, where(x > 0, 0, -inf))",
        "sum(i, where(x[i] > 0, -x[i], -inf))",
    ] {
        let lines = body(1, text).join(" ");
        assert!(lines.contains("float_minus_infinity()"), "{text}: {lines}");
    }
    assert_eq!(body(1, "-x^2 - exp(-inf)"), ["let x0 = (*x)[0u];", "return -(x0 * x0) - 0.0f;"]);
    let refused = |text: &str| Target::from_formula(1, text).unwrap_err().to_string();
    for (text, words) in [
        ("x - inf + inf", "no number"),
        ("where(x > 0, x, inf) + where(x < 1, x, -inf)", "inf - inf is no number"),
        ("-x*inf", "0*inf is no number"),
        ("-x*where(x > 0, 1, inf)", "0*inf is no number"),
        ("-x^2 - softplus(where(x > 0, x, -inf))", "inf - inf is no number"),
        ("-x^2 - sin(where(x > 0, x, inf))", "a function has no number at infinity"),
        ("0*inf - x", "this is NaN, not a number"),
        ("inf - inf - x", "this is NaN, not a number"),
        ("where(x > 0, inf, -x)", "+inf somewhere"),
        ("-x^2 - inf", "-inf everywhere"),
        ("inf(x)", "`inf` is not a function; a product is `inf*(…)`"),
        ("x*1e39", "write inf or -inf for infinity"),
    ] {
        let error = refused(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// No pipeline constant is infinite: the WGSL has an infinite parameter as a number.
#[test]
fn a_parameter_may_be_infinite() {
    let open = Target::from_formula(1, "where(x > 0, -c*x, wall)").unwrap();
    let set = |wall| open.clone().set("c", 2.0).unwrap().set("wall", wall).unwrap();
    let closed = set(f64::NEG_INFINITY);
    closed.check_formula().unwrap();
    assert!(closed.wgsl().contains("float_minus_infinity()"), "{}", closed.wgsl());
    assert!(!closed.wgsl().contains("override formula_wall"), "{}", closed.wgsl());
    assert_eq!(closed.parameters(), [("c", 2.0), ("wall", f64::NEG_INFINITY)]);
    // And back again.
    let finite = closed.set("wall", -50.0).unwrap();
    assert_eq!(finite.wgsl(), set(-50.0).wgsl());
    let error = open.clone().set("wall", f64::INFINITY).unwrap_err().to_string();
    assert!(error.contains("+inf somewhere"), "{error}");
    let error = open.clone().set("c", f64::INFINITY).unwrap_err().to_string();
    assert!(error.contains("0*inf is no number"), "{error}");
    let error = open.set("inf", f64::INFINITY).unwrap_err().to_string();
    assert!(error.contains("is infinity in every formula"), "{error}");
}

#[test]
fn indices_are_checked_over_their_whole_range() {
    for (dim, text) in [
        (3, "sum(i, x[dim-1-i])"),
        (3, "sum(i, sum(j, i+1, dim-1, x[j-1]*x[j-i-1]))"),
        (4, "sum(i, 0, dim/2-1, x[2*i]*x[2*i+1])"),
        // An empty range reads nothing.
        (1, "sum(i, 0, dim-2, x[i+1]) - x0^2"),
        (2, "sum(i, 3, 1, logsumexp(j, 1, 0, x[i+j+7]))"),
        (3, "sum(i, sum(j, 0, i-1, x[j]))"),
        (3, "max(i, x[i]) + min(i, 1, 2, x[i]) + max(c, x0) + logsumexp(i, 0, 1, x[i+1])"),
        (3, "sum(n in data.y, sum(m, n, n+1, m*data.y[n]))"),
    ] {
        checked(dim, text).unwrap();
    }
    for (dim, text) in [
        (3, "sum(i, x[i+1])"),
        (3, "sum(i, 1, dim, x[i])"),
        (3, "sum(i, x[i-1])"),
        (3, "sum(i, sum(j, i, dim-1, x[j-i+1]))"),
        (3, "x[3]"),
        (3, "x[-1]"),
        (3, "x[1e300]"),
        (3, "x[dim/2]"),
        (3, "x[c]"),
        (3, "x[x0]"),
        (3, "sum(i, sum(j, x[i*j]))"),
        (3, "sum(i, -1, 1, i*x0)"),
        (3, "sum(n in data.y, x[n])"),
        (3, "max(i, 1, 0, x[i])"),
        (3, "sum(i, logsumexp(j, 0, i-1, x[j]))"),
        (3, "sum(n in data.y, data.y[n-1])"),
    ] {
        let error = Target::from_formula(dim, text).unwrap_err();
        assert!(error.location().is_some(), "{text}: {error}");
    }
}

#[test]
fn every_function_validates_in_every_dimension() {
    for dim in [1, 2, 3, 5, 16] {
        for (name, _, least, most) in function::FUNCTIONS {
            for count in [least, most.min(least + 3)] {
                let arguments: Vec<_> = (0..count).map(|k| format!("c*x0 + {k}.5")).collect();
                let call = format!("{name}({})", arguments.join(", "));
                checked(dim, &call).unwrap();
                checked(dim, &format!("sum(i, x[i]*{call} - log({call}))")).unwrap();
            }
        }
        for name in ["sum", "prod", "max", "min", "logsumexp"] {
            checked(dim, &format!("{name}(i, x[i]*c)")).unwrap();
            checked(dim, &format!("{name}(n in data.y, data.y[n]*sum(j, data.X[n, j]*x[j]))"))
                .unwrap();
        }
        for comparison in ast::Comparison::ALL {
            let sign = comparison.sign();
            checked(dim, &format!("where(x0 {sign} c, log(x0), where(1 {sign} 2, c, 3))")).unwrap();
        }
    }
}

/// Keywords of WGSL, names of the engine, and of the emitter.
#[test]
fn parameters_may_have_any_name() {
    for name in ["loop", "fn", "Point", "step", "v1", "i", "log_density", "_", "max_", "data_y"] {
        let target = Target::from_formula(2, &format!("-{name}*x0^2 + sum(k, x[k])")).unwrap();
        checked(2, &format!("-{name}*x0^2 + sum(k, x[k])")).unwrap();
        let target = target.set(name, 2.0).unwrap();
        assert_eq!(target.parameters(), [(name, 2.0)]);
        assert!(target.check_formula().is_ok());
    }
}

#[test]
fn parameters_are_set_by_their_own_names() {
    let target = Target::from_formula(2, "-(x0/s)^2 - log(s) - c*x1^2").unwrap();
    assert_eq!(
        target.clone().set("d", 1.0).unwrap_err().to_string(),
        "formula.d is not a parameter; known: s, c"
    );
    let error = target.clone().set("c", f64::NAN).unwrap_err().to_string();
    assert_eq!(error, "formula.c is NaN; expected an f32, inf or -inf");
    let half = target.set("s", 2.0).unwrap();
    assert_eq!(
        half.check_formula().unwrap_err().to_string(),
        "formula.c has no value; set it, on the command line with --param c=…"
    );
    let whole = half.set("c", 0.5).unwrap();
    assert!(whole.check_formula().is_ok());
    assert_eq!(whole.constants(), [("formula_s".to_string(), 2.0), ("formula_c".to_string(), 0.5)]);
    let error = whole.set("s", -1.0).unwrap().check_formula().unwrap_err();
    assert_eq!(error.location().unwrap().column, 13);
    assert!(error.to_string().contains("this is NaN with the values of the parameters"), "{error}");
}

/// What users guess is answered by what they need.
#[test]
fn laws_and_unknowns_by_other_names_are_explained() {
    for law in ["normal(x)", "gaussian(x, 0, 1)", "-x^2/2 + poisson(x)"] {
        let error = Target::from_formula(1, law).unwrap_err().to_string();
        assert!(error.contains("a law is written as its log density, for instance"), "{error}");
    }
    let unknown = Target::from_formula(1, "-mu^2/2").unwrap().check_formula().unwrap_err();
    let words = "formula.mu has no value; the unknowns of a formula are x0, x1, …, and a parameter \
                 is set, on the command line with --param mu=…";
    assert_eq!(unknown.to_string(), words);
}

/// The shapes that `Target::with_data` sets.
#[test]
fn data_are_checked_once_their_shapes_are_known() {
    let text = "sum(n in data.y, data.y[n]*data.X[n, dim-1])";
    let with = |shapes: [(&str, f64); 4]| {
        let target = Target::from_formula(2, text).unwrap();
        shapes.iter().fold(target, |target, (name, value)| target.set(name, *value).unwrap())
    };
    let shapes = |rows, columns| {
        [
            ("data_y_rows", 3.0),
            ("data_y_columns", 1.0),
            ("data_X_rows", rows),
            ("data_X_columns", columns),
        ]
    };
    assert!(with(shapes(3.0, 2.0)).check_formula().is_ok());
    assert!(with(shapes(4.0, 3.0)).check_formula().is_ok());
    let error = |rows, columns| with(shapes(rows, columns)).check_formula().unwrap_err();
    let text = error(2.0, 2.0).to_string();
    assert!(
        text.contains("goes up to 2, and the last row of data.X is 1, counted from 0"),
        "{text}"
    );
    let text = error(3.0, 1.0).to_string();
    assert!(text.contains("goes up to 1, and the last column of data.X is 0"), "{text}");
    let missing = Target::from_formula(1, "x*data.y[0]").unwrap().check_formula().unwrap_err();
    assert!(missing.to_string().contains("data.y is not given"), "{missing}");
}

#[test]
fn no_formula_is_too_deep_or_too_long_for_the_stack() {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}x0{}", open.repeat(count), close.repeat(count))
    };
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("+", ""),
        ("exp(", ")"),
        ("2^", ""),
        ("sum(i, ", ")"),
        ("where(x0 < 1, 2, ", ")"),
        ("max(i, ", ")"),
        ("x[", "]"),
    ] {
        for count in [6_000, 100_000] {
            let error = Target::from_formula(1, &nested(open, close, count)).unwrap_err();
            assert!(error.to_string().lines().all(|line| line.len() < 300), "{open}: {error}");
        }
    }
    checked(1, &nested("(", ")", 98)).unwrap();
    checked(1, &nested("exp(", ")", 98)).unwrap();
    checked(1, &nested("where(x0 < 1, log(x0 + 2), ", ")", 98)).unwrap();
    // Long is not deep.
    checked(1, &vec!["x0"; 10_000].join("+")).unwrap();
    checked(2, &vec!["x0*x1"; 5_000].join("/")).unwrap();
    checked(2, &vec!["exp(x0)*x1^3"; 2_000].join("-")).unwrap();
}

/// Values of Python's own arithmetic; see scripts/formula-corpus.
#[test]
fn python_agrees() {
    let corpus = include_str!("../../tests/golden/formulas.txt");
    let mut count = 0;
    for line in corpus.lines().filter(|line| !line.starts_with('#')) {
        let [value, point, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}")
        };
        let exact: f64 = value.parse().unwrap();
        let point: Vec<f64> = point.split(' ').map(|x| x.parse().unwrap()).collect();
        let formula = Formula::parse(3, text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let parameter = |name: &String| if name == "a" { point[3] } else { point[4] };
        let parameters: Vec<f64> = formula.parameters.iter().map(parameter).collect();
        let ours = oracle::value(&formula, &point[..3], &parameters, Data::default()).value;
        let close = (ours - exact).abs() <= 1e-12 * exact.abs();
        assert!(close, "{text} is {exact} in Python and {ours} here");
        count += 1;
    }
    assert!(count >= 1900, "the corpus has {count} lines");
}

/// Parts that only become constant as WGSL is written are refused in the formula's own words.
#[test]
fn what_is_out_of_range_everywhere_is_told() {
    let error = |text: &str| Target::from_formula(1, text).unwrap_err().to_string();
    assert!(error("x0 + acos(x0^0)^-0.1").contains("this makes the log density +inf somewhere"));
    let text = error("x0 + log(-exp(x0))^0.5");
    assert!(text.starts_with("formula:1:1: this has a part that is out of range"), "{text}");
}

/// Random formulas as trees, printed with as few parentheses as the grammar allows.
fn tree(seed: u64, dim: u32) -> (ast::Expr, String) {
    let expr = random::expr(seed, dim);
    let text = random::print(&expr, dim);
    (expr, text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_reads_as_itself(seed: u64, dim in 1_u32..6) {
        let (expr, text) = tree(seed, dim);
        let formula = Formula::parse(dim, &text);
        let formula = formula.map_err(|fault| TestCaseError::fail(format!("{text}: {fault:?}")))?;
        prop_assert_eq!(&formula.expr, &expr, "{}", text);
    }

    #[test]
    fn the_wgsl_of_a_random_formula_validates(seed: u64, dim in prop::sample::select(vec![1, 2, 3, 5, 16])) {
        let (_, text) = tree(seed, dim);
        if let Err(error) = checked(dim, &text) {
            // Numbers that no f32 can hold may arise.
            let text = error.to_string();
            let known = [
                "this is ",
                "a negative number",
                "out of range",
                "divides by 0",
                "makes the log density",
                "no number",
                "infinite numbers",
            ];
            prop_assert!(known.iter().any(|words| text.contains(words)), "{}", text);
        }
    }

    #[test]
    fn no_text_panics(text in "[x0-9i+*/^(), .\\[\\]<>=a-z-]{0,40}", dim in 1_u32..4) {
        if let Err(error) = checked(dim, &text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

/// Enough of the random formulas are formulas of f32 numbers for the test above to mean something.
#[test]
fn most_random_formulas_become_wgsl() {
    let good = (0..300).filter(|seed| checked(3, &tree(*seed, 3).1).is_ok()).count();
    assert!(good > 200, "{good} of 300");
}
