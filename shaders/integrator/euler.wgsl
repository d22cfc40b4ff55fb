// Integrator: Euler-Maruyama, the weight by the left point:
//   x' = x + h v(x, t) + sqrt(2 eps h) xi,   log-weight += h psi(x, t).
// A move that ends outside the density is refused, and the weight is the same.
// Weak order 1, at a wall too: the log-normaliser has a bias of order h.

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    refuse_begin(x, local, here, before);
    (*pending).gain = now.dt * flow_psi(local, now);
    if (HAS_DENSITY && !HAS_PATH) {
        (*pending).gain += refuse_gain(local, now);
    }
    move_particle(x, local, noise, pending, now, now, now.dt);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    if (!move_is_above(x, local, here, before, noise, pending, now, next)) {
        refuse(x, local, here, before, pending);
    }
    return (*pending).gain;
}
