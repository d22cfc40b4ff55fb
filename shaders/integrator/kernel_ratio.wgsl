// Integrator: kernel ratio, exact weights at every step size. The move is a Langevin step F for
// rho_{k+1}, the weight compares it with the same step B taken backward:
//   log-weight += log rho_{k+1}(x') - log rho_k(x) + log B(x | x') - log F(x' | x).
// The (tamed) drifts are D = eps m S_{k+1} + u_k forward and D = eps m S_{k+1} - u_{k+1} backward,
// with the noise and the lengths of one and the same move: Euler's or the exponential one.
// Source: Neal 2001; Crooks 1998; in continuous time Vargas et al. 2024 (CMCD).

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    (*pending).value = flow_log_density(local, now);
    (*pending).here = (*pending).value;
    (*pending).drift = move_drift(local, next, now, 1.0, now.dt);
    move_particle(x, pending, now.dt);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    var back = move_drift(local, next, next, -1.0, now.dt);
    (*pending).there = flow_log_density(local, next);
    let densities = (*pending).there - (*pending).value;
    return move_log_ratio(densities, pending, &back, now.dt);
}
