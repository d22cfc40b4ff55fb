//! What paths, velocities and laws of the start are refused for.

use wfr::{Component, Flow, Initial, Particles, Path, Problem, Target};

fn refused(target: Target, initial: Initial, flow: Flow) -> String {
    Problem::new(target, initial, flow).unwrap_err().to_string()
}

fn normal(flow: Flow) -> String {
    let start = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
    refused(Target::double_well(2).unwrap(), start, flow)
}

#[test]
fn numbers_of_paths() {
    assert_eq!(
        normal(Flow::path(Path::power(40.0))),
        "path has the exponent 40, which is not between −32 and 32"
    );
    assert_eq!(
        normal(Flow::path(Path::hybrid(1.0, f64::NAN))),
        "path has the exponent NaN, which is not between −32 and 32"
    );
    assert_eq!(
        normal(Flow::path(Path::arc(2.0))),
        "path has the angle 2, which is not above 0 and at most π/2, that of laws without overlap"
    );
    assert_eq!(
        normal(Flow::path(Path::Mixture).with_log_ratio(f64::INFINITY)),
        "log_ratio = inf is not a finite number"
    );
    assert_eq!(
        normal(Flow::cone(0.0)),
        "length of the cone path = 0 is not between 0.000001 and 1000000"
    );
}

#[test]
fn components_that_are_none() {
    assert_eq!(
        normal(Flow::displacement()),
        "displacement path needs a target of Gaussian components, gaussian-mixture or \
         standard-normal, and the target is double-well; use Flow::path"
    );
    let uniform = Initial::uniform(&[0.0; 2], &[1.0; 2]).unwrap();
    assert_eq!(
        refused(Target::standard_normal(2).unwrap(), uniform, Flow::hybrid()),
        "hybrid path needs an initial law of Gaussian components, normal or mixture, and it is \
         uniform(low=0.0, high=1.0)"
    );
    let one = Component { weight: 1.0, mean: vec![0.0; 2], scale: vec![1.0] };
    let two = Initial::gaussian_mixture(&[one.clone(), one]).unwrap();
    assert_eq!(
        refused(Target::standard_normal(2).unwrap(), two, Flow::hybrid()),
        "hybrid path pairs the components of both laws in their order, but the initial law has 2 \
         and the target 1; split or add some, or take the cone path, which lets them vanish and \
         appear"
    );
}

#[test]
fn velocities() {
    let velocity = |text: &str| normal(Flow::path(Path::FisherRao).with_velocity("u.wgsl", text));
    assert_eq!(
        velocity("fn velocity(x: Point) -> Point { return x; }"),
        "u.wgsl: a velocity must define `fn velocity(x: Point, beta: f32) -> Point`; found `fn \
         velocity(Point) -> Point`"
    );
    assert_eq!(
        velocity("fn speed(x: Point, beta: f32) -> Point { return x; }"),
        "u.wgsl: a velocity must define `fn velocity(x: Point, beta: f32) -> Point`; there is no \
         function `velocity` in it"
    );
    let error = velocity("fn velocity(x: Point, beta: f32) -> Point { return foo(x); }");
    assert!(error.starts_with("u.wgsl:1:52: no definition in scope"), "{error}");
    assert_eq!(
        normal(Flow::langevin().with_velocity("u.wgsl", "")),
        "velocity u.wgsl needs a path of power means, as Flow::path has, which the langevin flow \
         is not"
    );
}

#[test]
fn laws_that_are_targets() {
    let particles = |dim: usize, log_weight: f32| {
        Particles::new(dim, vec![0.5; 3 * dim], vec![log_weight; 3], vec![0, 1, 2]).unwrap()
    };
    let law = |text: &str| Target::from_wgsl(2, "law.wgsl", text).unwrap();
    let start = |law: Target| Initial::from_target(law, &particles(2, 0.0));
    let well = || Target::double_well(2).unwrap();
    assert_eq!(
        Initial::from_target(well(), &particles(1, 0.0)).unwrap_err().to_string(),
        "initial has particles in 1 dimensions but double-well has 2; give as many coordinates"
    );
    assert_eq!(
        Initial::from_target(well(), &particles(2, f32::NAN)).unwrap_err().to_string(),
        "initial has no particle of positive weight; give one at least"
    );
    let density = "fn log_density(x: Point) -> f32 { return -dot(x, x); }";
    let member = format!("const scale = 1.0;\nstruct Law {{ scale: f32 }}\n{density}");
    let error = refused(well(), start(law(&member)).unwrap(), Flow::annealed());
    assert!(
        error.starts_with(
            "law.wgsl:2:14: the member `scale` has the name of the global `scale`; where this \
             text is the law of the start one of them has to be renamed"
        ),
        "{error}"
    );
    let numbered = format!("@id(3) override k: f32 = 1.0;\n{density}");
    let numbered = law(&numbered).set("k", 2.0).unwrap();
    assert_eq!(
        refused(well(), start(numbered).unwrap(), Flow::annealed()),
        "initial law is law.wgsl, which declares a parameter by @id(3); leave the @id out"
    );
    let missing = law("fn f() {}");
    let error = refused(well(), start(missing).unwrap(), Flow::annealed());
    assert!(error.starts_with("law.wgsl: a target must define"), "{error}");
    // Its data are given, and bound after those of the target.
    let text = "@group(1) @binding(0) var<storage, read> y: array<f32>;
        fn log_density(x: Point) -> f32 { return -y[0] * dot(x, x); }";
    let with_data = law(text).with_storage(vec![1.0]).unwrap();
    let mixture = Target::named("gaussian-mixture", Some(2)).unwrap();
    Problem::new(mixture, start(with_data).unwrap(), Flow::annealed()).unwrap();
}
