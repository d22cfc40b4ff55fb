//! `override`s on the host, whose defaults may be made of others.

use super::*;

#[test]
fn what_is_made_of_an_override_follows_it() {
    let text = "override depth: f32 = 2.0;
        override half: f32 = 0.5 * depth;
        override both: f32 = half + depth;
        fn f(x: f32) -> f32 { return both * x + half; }";
    let mut evaluator = Evaluator::new(&module(text), "f").unwrap();
    let value = |evaluator: &Evaluator| evaluator.evaluate(&[2.0], &[]).unwrap().value;
    assert_eq!(value(&evaluator), 7.0);
    evaluator.set("depth", 4.0);
    assert_eq!(value(&evaluator), 14.0);
    // One that is set stays.
    evaluator.set("half", 1.0);
    evaluator.set("depth", 3.0);
    assert_eq!(value(&evaluator), 9.0);
}
