// Integrator: Euler-Maruyama, the weight by the left point:
//   x' = x + h v(x, t) + sqrt(2 h) xi,   log-weight += h psi(x, t).
// Weak order 1: the log-normaliser has a bias of order h.

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) {
    (*pending).value = now.dt * flow_psi(local, now);
    (*pending).drift = move_tamed(flow_drift(local, now), now.dt);
    move_particle(x, pending, now.dt);
}

fn integrator_end(
    local: ptr<function, Local>, pending: ptr<function, Pending>, now: Instant, next: Instant,
) -> f32 {
    return (*pending).value;
}
