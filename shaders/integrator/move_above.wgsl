// Whether a move of a flow whose steps are biased may be made: not out of its density, nor far down
// into it. Densities are those of the end of the step; the drift is that of its begin, both ways.
// A flow without a density is asked for numbers alone.

fn move_is_above(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> bool {
    let allowed = refuse_allows(x, local);
    if (!HAS_DENSITY) {
        return allowed;
    }
    let densities = flow_log_ratio(before, local, next);
    if (HAS_VELOCITY) {
        return allowed && !refuse_is_over_edge(x, local, here, before, densities, next);
    }
    let log_alpha = move_log_ratio(
        densities, x, local, here, before, noise, pending, now, now, now.dt,
    );
    return allowed && refuse_above(log_alpha);
}
