// Integrator: Euler-Maruyama, the weight by the left point:
//   x' = x + h v(x, t) + sqrt(2 eps h) xi,   log-weight += h psi(x, t).
// Weak order 1: the log-normaliser has a bias of order h.

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    (*pending).value = now.dt * flow_psi(local, now);
    (*pending).here = (*pending).value;
    (*pending).drift = move_drift(local, now, now, 1.0, now.dt);
    move_particle(x, pending, now.dt);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    return (*pending).value;
}
