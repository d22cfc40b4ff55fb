//! Densities without a score whose derivative does not exist.

use super::{golden, located, start};
use wfr::{Flow, Problem, Score, Target};

/// A target of the text with one array of data, for what is bound to it.
fn target(text: &str) -> Target {
    Target::from_wgsl(2, "mine.wgsl", text).unwrap().with_storage(vec![1.0]).unwrap()
}

fn error(text: &str) -> wfr::Error {
    Problem::new(target(text), start(), Flow::annealed()).unwrap_err()
}

/// A body in lines 2 and further.
fn body(body: &str) -> String {
    format!("fn log_density(x: Point) -> f32 {{\n{body}\n}}\n")
}

#[test]
fn what_has_no_derivative() {
    let cases = [
        ("underived_floor", "mine.wgsl:2:12", body("    return floor(x.x) - dot(x, x);")),
        (
            "underived_remainder",
            "mine.wgsl:3:17",
            body("    let y = 2.0 * x;\n    return -dot(y % vec2(1.0), x);"),
        ),
        (
            "underived_integer",
            "mine.wgsl:2:13",
            body("    let k = i32(x.x);\n    return -dot(x, x) * f32(k + 1);"),
        ),
        (
            "underived_called",
            "mine.wgsl:2:26",
            format!(
                "fn folded(y: f32) -> f32 {{\n    return abs(y - 2.0 * round(0.5 * y));\n}}\n{}",
                body("    return -folded(x.x) - x.y * x.y;",)
            ),
        ),
        (
            "underived_write",
            "mine.wgsl:3:5",
            format!(
                "var<private> calls: f32;\n{}",
                body("    calls += 1.0;\n    return -dot(x, x);")
            ),
        ),
        (
            "underived_modf",
            "mine.wgsl:2:17",
            body("    let parts = modf(x.x);\n    return -parts.fract;"),
        ),
        (
            "underived_own_name",
            "mine.wgsl:1:1",
            format!("var<private> v3_: f32;\n{}", body("    return -v3_ * dot(x, x);")),
        ),
    ];
    for (name, place, text) in cases {
        let message = located(&error(&text), place);
        assert!(message.contains("write `score` by hand"), "{message}");
        golden(name, &message);
    }
    // With a score by hand the engine's texts would mean it too.
    let hides =
        format!("fn max(a: f32) -> f32 {{ return a; }}\n{}", body("    return -max(dot(x, x));"));
    golden("underived_hidden_name", &located(&error(&hides), "mine.wgsl:1:4"));
}

/// Refused before derivatives matter, as it would be with a score: a target has arrays to read and
/// nothing else, and is of one particle alone.
#[test]
fn what_no_target_may_do() {
    let barrier = body("    workgroupBarrier();\n    return -dot(x, x);");
    golden("barrier", &located(&error(&barrier), "mine.wgsl:2:5"));
    let text = format!(
        "@group(1) @binding(0) var image: texture_2d<f32>;\n{}",
        body("    return -textureLoad(image, vec2(0, 0), 0).x * dot(x, x);")
    );
    golden("texture", &located(&error(&text), "mine.wgsl:1:23"));
}

/// A parameter that the density changes is a variable of its own in no other sense than this.
#[test]
fn a_position_that_is_written_to() {
    let text = "fn log_density(x: ptr<function, Point>) -> f32 {\n    *x *= 0.5;\n    return -dot(*x, *x);\n}\n";
    golden("underived_position", &located(&error(text), "mine.wgsl:1:1"));
}

/// What is written by hand is taken as it is, whatever the density does; where both forms are there,
/// nothing is derived.
#[test]
fn a_written_score_always_wins() {
    let jumps = body("    return floor(x.x) - dot(x, x);");
    let score = "fn score(x: Point) -> Point { return -2.0 * x; }\n";
    let fused =
        "fn log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
    *out = -2.0 * *x;
    return floor((*x).x) - dot(*x, *x);
}\n";
    let problem = |text: String| Problem::new(target(&text), start(), Flow::annealed()).unwrap();
    for text in [format!("{jumps}{score}"), fused.to_string(), format!("{jumps}{fused}")] {
        assert_eq!(problem(text).score(), Score::Written);
    }
    // The same density without its jump, and without a score.
    let smooth = jumps.replace("floor(x.x)", "x.x");
    assert!(matches!(problem(smooth).score(), Score::Derived { .. }));
}
