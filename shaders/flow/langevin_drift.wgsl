// The drift of Langevin diffusion coordinate by coordinate: the score alone.

struct DriftTerms {
    unused: f32,
}

fn flow_drift_terms(local: ptr<function, Local>, at: Instant, terms: ptr<function, DriftTerms>) {}

fn flow_drift_along(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, j: u32,
) -> f32 {
    return (*local).score[j];
}
