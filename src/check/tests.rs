//! Checks from Rust, without a device.

use super::{Check, Report, Severity, Topic};
use crate::{Flow, Initial, Problem, Target};

fn check(initial: Initial, text: &str) -> Report {
    let target = Target::from_wgsl(initial.dim(), "mine.wgsl", text).unwrap();
    let problem = Problem::new(target, initial, Flow::langevin()).unwrap();
    Check::default().run(&problem, None).unwrap()
}

fn normal() -> Initial {
    Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap()
}

/// The message of the only finding of its severity.
fn only(report: &Report, severity: Severity, topic: Topic) -> &str {
    let mut found = report.findings.iter().filter(|finding| finding.severity == severity);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{:?}", report.findings);
    let first = first.unwrap_or_else(|| panic!("{:?}", report.findings));
    assert_eq!(first.topic, topic);
    &first.message
}

/// The points are those that a run starts from.
#[test]
fn points_are_those_of_the_initial_law() {
    let positions: Vec<f32> = (0..20).map(|i| 0.25 * i as f32).collect();
    let initial = Initial::from_positions(2, positions).unwrap();
    let target = Target::from_wgsl(
        2,
        "mine.wgsl",
        "fn log_density(x: Point) -> f32 { return -abs(x.x - 2.0) - x.y * x.y; }",
    );
    let problem = Problem::new(target.unwrap(), initial, Flow::langevin()).unwrap();
    let report = Check::default().run(&problem, None).unwrap();
    assert_eq!(report.points, 10);
    // The point (2, 2.25) is on the kink, where the rule is a slope of 0 and differences agree.
    assert_eq!(report.score.against_differences.unwrap().apart, 0);
    assert!(report.score.against_derivative.is_none() && report.cost.is_none());
}

#[test]
fn a_kink_that_a_point_hits_is_a_warning() {
    let positions: Vec<f32> = (0..200).map(|i| 0.25 * i as f32).collect();
    let report = check(
        Initial::from_positions(2, positions).unwrap(),
        "fn log_density(x: Point) -> f32 { return -max(x.x, 2.0) - x.x * x.x - x.y * x.y; }
         fn score(x: Point) -> Point { return vec2(select(-2.0 * x.x, -2.0 * x.x - 1.0, x.x > 2.0),
                                                   -2.0 * x.y); }",
    );
    let found = report.score.against_derivative.as_ref().unwrap();
    assert_eq!((found.points, found.apart, &found.coordinates[..]), (100, 1, &[0][..]));
    assert_eq!(found.worst.as_ref().unwrap().x, [2.0, 2.25]);
    let message = only(&report, Severity::Warning, Topic::Score);
    assert!(message.starts_with("`score` differs along x[0] at 1 of 100 points"), "{message}");
}

#[test]
fn a_score_in_one_function_with_the_density_is_compared_too() {
    let text = |factor: &str| {
        format!(
            "fn log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {{
                 *out = {factor} * *x;
                 return -dot(*x, *x);
             }}"
        )
    };
    let right = check(normal(), &text("-2.0"));
    assert_eq!((right.count(Severity::Error), right.count(Severity::Warning)), (0, 0));
    assert_eq!(right.score.against_derivative.unwrap().apart, 0);
    let wrong = check(normal(), &text("-1.0"));
    let message = only(&wrong, Severity::Error, Topic::Score);
    assert!(message.contains("central differences say the same"), "{message}");
}

#[test]
fn data_and_parameters_reach_the_host() {
    let text = "override depth: f32;
                @group(1) @binding(0) var<storage, read> centers: array<f32>;
                fn log_density(x: Point) -> f32 {
                    let y = x - vec2(centers[0], centers[1]);
                    return -depth * dot(y, y);
                }";
    let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
    let target = target.with_storage(vec![3.0, 4.0]).unwrap().set("depth", 2.0).unwrap();
    let initial = Initial::from_positions(2, vec![0.0, 0.0]).unwrap();
    let problem = Problem::new(target, initial, Flow::langevin()).unwrap();
    let report = Check::default().run(&problem, None).unwrap();
    let worst = report.score.against_differences.unwrap().worst.unwrap();
    let expected = [12.0, 16.0][worst.coordinate.unwrap() as usize];
    assert_eq!(worst.found, expected);
    assert!((worst.expected - expected).abs() < 1e-6);
}

#[test]
fn all_points_outside_of_the_support_are_an_error() {
    let report = check(
        normal(),
        "fn log_density(x: Point) -> f32 {
             var bits = 0xff800000u;
             return select(-dot(x, x), bitcast<f32>(bits), x.x < 100.0);
         }",
    );
    let message = only(&report, Severity::Error, Topic::Support);
    assert!(message.contains("−∞ at all 200 points of normal(mean=0.0, sd=1.0)"), "{message}");
    assert_eq!((report.support.finite, report.support.minus_infinity), (0, 200));
}

#[test]
fn the_number_of_points_has_bounds() {
    let problem =
        Problem::new(Target::standard_normal(2).unwrap(), normal(), Flow::annealed()).unwrap();
    let error = |points| Check { points, ..Check::default() }.run(&problem, None).unwrap_err();
    assert_eq!(error(0).to_string(), "points = 0 is not between 1 and 100000");
    assert!(error(100_001).to_string().starts_with("points = 100001"));
}
