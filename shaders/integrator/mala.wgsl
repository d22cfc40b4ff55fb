// Integrator: annealed importance sampling with a Metropolis-adjusted Langevin move. The weight is
// taken at the old point, and then a move that leaves rho_{k+1} invariant:
//   log-weight += log rho_{k+1}(x) - log rho_k(x);
//   x' = a Langevin step F(x' | x) for rho_{k+1}, kept with probability
//   min(1, rho_{k+1}(x') F(x | x') / (rho_{k+1}(x) F(x' | x))), otherwise x stays.
// Exact at every step size; a flow without a path has no weights and an exact invariant law.
// Source: Neal 2001; Roberts & Tweedie 1996; Besag 1994.
// Writes accepted: how many moves were kept, in ACCEPT_COUNTERS integers.

struct Pending {
    // What the log-weight gains, and the log density, drift and noise of the move.
    value: f32,
    // The log density, or psi, where the step begins and where it ends, as far as the weight needs
    // them: they tell why a particle is lost.
    here: f32,
    there: f32,
    log_density: f32,
    drift: Point,
    noise: Point,
    // Where it began.
    x: Point,
    local: Local,
    log_uniform: f32,
    accepted: u32,
}

fn integrator_load(source: u32, slot: u32, begin: u32, pending: ptr<function, Pending>) {
    (*pending).accepted = 0u;
}

// Sums of integers: the order in which particles come changes nothing.
fn integrator_store(slot: u32, pending: ptr<function, Pending>) {
    if (slot < ACCEPT_PARTICLES) {
        atomicAdd(&accepted[slot % ACCEPT_COUNTERS], (*pending).accepted);
    }
}

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    (*pending).x = *x;
    (*pending).local = *local;
    (*pending).log_density = flow_log_density(local, next);
    (*pending).here = (*pending).log_density;
    (*pending).value = 0.0;
    if (HAS_PATH) {
        let before = flow_log_density(local, now);
        (*pending).value = (*pending).log_density - before;
        (*pending).here = select((*pending).log_density, before, float_is_lost(before));
    }
    // (0, 1), never 0.
    let word = threefry(slot, step, 0u, STREAM_ACCEPT).x;
    let u = (f32(i32(word >> 1u)) + 0.5) * 4.656612873077393e-10;
    (*pending).log_uniform = 0.69314718056 * normal_log2(u);
    (*pending).drift = move_drift(local, next, next, 1.0, now.dt);
    move_particle(x, pending, now.dt);
    // No proposal is accepted from where there is no drift, or no density: such a particle would
    // stand still for good, with its weight.
    var stuck = float_is_lost((*pending).log_density);
    for (var j = 0u; j < DIM; j++) {
        stuck = stuck || float_is_non_finite((*pending).drift[j]);
    }
    if (stuck) {
        (*pending).value = float_nan();
    }
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    var back = move_drift(local, next, next, 1.0, now.dt);
    let log_density = flow_log_density(local, next);
    let densities = log_density - (*pending).log_density;
    let ratio = move_log_ratio(densities, pending, &back, now.dt);
    // A density that is no number is none, and out of the support every way leads back.
    let outside = float_is_minus_infinity((*pending).log_density);
    let keep = (*pending).log_uniform < ratio || outside;
    if (keep && !float_is_non_finite(log_density)) {
        (*pending).accepted += 1u;
    } else {
        *x = (*pending).x;
        *local = (*pending).local;
    }
    return (*pending).value;
}
