// Counts moves, those that an integrator keeps or those that it refuses: sums of integers, so that
// the order in which particles come changes nothing. Beside a velocity every particle counts,
// because one refused move spoils the weights.
// Writes move_counts.

fn count_moves(slot: u32, pending: ptr<function, Pending>) {
    if ((*pending).moves > 0u && (HAS_VELOCITY || slot < MOVES_PARTICLES)) {
        atomicAdd(&move_counts[slot % MOVES_COUNTERS], (*pending).moves);
    }
}
