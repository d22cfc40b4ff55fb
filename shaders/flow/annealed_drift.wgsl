// The drift along the geometric path coordinate by coordinate.

struct DriftTerms {
    beta: f32,
}

fn flow_drift_terms(local: ptr<function, Local>, at: Instant, terms: ptr<function, DriftTerms>) {
    (*terms).beta = at.beta;
}

fn flow_drift_along(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, j: u32,
) -> f32 {
    let beta = (*terms).beta;
    let initial = initial_score_of(x, (*local).initial_score[j], j);
    return (1.0 - beta) * initial + beta * (*local).aim_score[j];
}
