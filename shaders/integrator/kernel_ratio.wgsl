// Integrator: kernel ratio, exact weights at every step size. The move is a Langevin step F for
// rho_{k+1}, the weight compares it with the same step B taken backward. The drift is the same both
// ways, D = eps m S_{k+1} or what taming makes of it, and so are noise and lengths: Euler's or
// those of the exponential move. With a(x) = log rho_{k+1}(x) - log rho_k(x):
//   log-weight += a(x) + log alpha   if the move is kept,   log-weight += a(x)   if it is refused.
// Where rho_{k+1}(x) = 0 the weight is zero, wherever the move would end.
// Exact if the support of rho does not grow along the path.
// Beside a velocity u the two drifts differ, eps m S_{k+1} + u_k and eps m S_{k+1} - u_{k+1}, and
// with them the chances to stay: a refused move has no exact weight, and makes a run an error.
//   log-weight += log rho_{k+1}(x') - log rho_k(x) + log B(x | x') - log F(x' | x).
// Source: Neal 2001; Crooks 1998; in continuous time Vargas et al. 2024 (CMCD); the refusal as in
// Metropolis et al. 1953, by a bound that both directions share.

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    refuse_begin(x, local, here, before);
    (*pending).gain = 0.0;
    if (!HAS_VELOCITY) {
        (*pending).gain = flow_growth(local, now, next);
    }
    move_particle(x, local, noise, pending, next, now, now.dt);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    var ratio: f32;
    var kept: bool;
    if (HAS_VELOCITY) {
        let densities = flow_log_density(local, next) - flow_log_density(before, now);
        ratio = move_log_ratio(
            densities, x, local, here, before, noise, pending, next, next, now.dt,
        );
        let fall = flow_log_ratio(before, local, next);
        let edge = refuse_is_over_edge(x, local, here, before, fall, next);
        kept = !float_is_non_finite(ratio) && !edge;
    } else {
        let densities = flow_log_ratio(before, local, next);
        ratio = move_log_ratio(
            densities, x, local, here, before, noise, pending, next, next, now.dt,
        );
        kept = refuse_within(ratio);
    }
    if (kept && refuse_allows(x, local)) {
        return (*pending).gain + ratio;
    }
    refuse(x, local, here, before, pending);
    return (*pending).gain;
}
