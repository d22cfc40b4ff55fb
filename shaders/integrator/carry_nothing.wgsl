// What a step keeps from its begin, at x, for its end, at x': for integrators that carry nothing
// from one step to the next.

struct Pending {
    // What the log-weight gains at x.
    gain: f32,
    // What the drift of the move is made of, and whether it is no number.
    terms: DriftTerms,
    velocity: Point,
    is_lost: bool,
    // Refused moves; why the particle is lost.
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
