// Integrator: annealed importance sampling with a Metropolis-adjusted Langevin move. The weight is
// taken at the old point, and then a move that leaves rho_{k+1} invariant:
//   log-weight += log rho_{k+1}(x) - log rho_k(x);
//   x' = a Langevin step F(x' | x) for rho_{k+1}, kept with probability
//   min(1, rho_{k+1}(x') F(x | x') / (rho_{k+1}(x) F(x' | x))), otherwise x stays.
// Exact at every step size; a flow without a path has no weights and an exact invariant law.
// Source: Neal 2001; Roberts & Tweedie 1996; Besag 1994.

struct Pending {
    // What the log-weight gains.
    gain: f32,
    // What the drift of the move is made of, and whether it is no number.
    terms: DriftTerms,
    velocity: Point,
    is_lost: bool,
    log_uniform: f32,
    // Kept moves; why the particle is lost.
    moves: u32,
    loss: u32,
}

fn integrator_load(slot: u32, begin: u32, pending: ptr<function, Pending>) {
    (*pending).moves = 0u;
    (*pending).loss = LOSS_NONE;
}

fn integrator_store(slot: u32, pending: ptr<function, Pending>) {
    count_moves(slot, pending);
}

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    refuse_begin(x, local, here, before);
    if (HAS_PATH) {
        (*pending).gain = flow_growth(local, now, next);
    } else {
        (*pending).gain = refuse_gain(local, next);
    }
    let word = threefry(slot, step, 0u, STREAM_ACCEPT).x;
    (*pending).log_uniform = -0.5 * normal_square(normal_uniform(word));
    move_particle(x, local, noise, pending, next, next, now.dt);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    let densities = flow_log_ratio(before, local, next);
    let ratio = move_log_ratio(
        densities, x, local, here, before, noise, pending, next, next, now.dt,
    );
    let wins = !float_is_non_finite(ratio) && (*pending).log_uniform < ratio;
    if (wins && refuse_allows(x, local)) {
        (*pending).moves += 1u;
    } else {
        refuse_back(x, local, here, before, pending);
    }
    return (*pending).gain;
}
