// The divergence of a velocity that was given without one. Never called: integrators that need it
// are refused.

fn control_divergence(x: ptr<function, Point>, beta: f32) -> f32 {
    return 0.0;
}
