// The drift along a path of power means coordinate by coordinate.

struct DriftTerms {
    share: f32,
}

fn flow_drift_terms(local: ptr<function, Local>, at: Instant, terms: ptr<function, DriftTerms>) {
    (*terms).share = power_mean(local, at.beta).share;
}

fn flow_drift_along(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, j: u32,
) -> f32 {
    let share = (*terms).share;
    // A law without a density here may have no score either.
    let initial = initial_score_of(x, (*local).initial_score[j], j);
    return select((1.0 - share) * initial, 0.0, share == 1.0)
        + select(share * (*local).aim_score[j], 0.0, share == 0.0);
}
