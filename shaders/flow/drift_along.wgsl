// The drift coordinate by coordinate, of flows that compute it whole.

struct DriftTerms {
    drift: Point,
}

fn flow_drift_terms(local: ptr<function, Local>, at: Instant, terms: ptr<function, DriftTerms>) {
    (*terms).drift = flow_drift(local, at);
}

fn flow_drift_along(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, j: u32,
) -> f32 {
    return (*terms).drift[j];
}
