// What a step keeps from its begin, at x, for its end, at x': for integrators that carry nothing
// from one step to the next.

struct Pending {
    value: f32,
    // The log density, or psi, where the step begins and where it ends, as far as the weight needs
    // them: they tell why a particle is lost.
    here: f32,
    there: f32,
    drift: Point,
    noise: Point,
}

fn integrator_load(source: u32, slot: u32, begin: u32, pending: ptr<function, Pending>) {}

fn integrator_store(slot: u32, pending: ptr<function, Pending>) {}
