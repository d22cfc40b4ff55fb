// Integrator: kernel ratio, exact weights at every step size. The move is a Langevin step F for
// rho_{k+1}, the weight compares it with the same step B taken backward:
//   log-weight += log rho_{k+1}(x') - log rho_k(x) + log B(x | x') - log F(x' | x).
// With x' = x + h D(x) + sqrt(2 h) xi and D the (tamed) drift at t_{k+1} at either end,
//   log B - log F = |xi|^2/2 - |xi + e|^2/2 = -xi . e - |e|^2/2,   e = sqrt(h/2) (D(x) + D(x')).
// Source: Neal 2001; Crooks 1998; in continuous time Vargas et al. 2024 (CMCD).

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) {
    (*pending).value = flow_log_density(local, now);
    (*pending).drift = move_tamed(flow_drift(local, next), now.dt);
    move_particle(x, pending, now.dt);
}

fn integrator_end(
    local: ptr<function, Local>, pending: ptr<function, Pending>, now: Instant, next: Instant,
) -> f32 {
    var back = move_tamed(flow_drift(local, next), now.dt);
    let scale = sqrt(0.5 * now.dt);
    var gain = flow_log_density(local, next) - (*pending).value;
    for (var j = 0u; j < DIM; j++) {
        let e = scale * ((*pending).drift[j] + back[j]);
        gain -= e * ((*pending).noise[j] + 0.5 * e);
    }
    return gain;
}
