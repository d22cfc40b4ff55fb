//! Twin of `shaders/adapt.wgsl` and `shaders/adapt_choose.wgsl`: the next path parameter in `f64`,
//! by halvings in place of candidates.

/// Conditional effective sample size of increments, as a fraction: (ΣWu)² / (ΣW · ΣWu²) with
/// u = exp(increment). A particle whose increment is not finite adds nothing to the sums of u.
pub fn cess(weights: &[f64], increments: &[f64]) -> f64 {
    let counted = || {
        let pairs = weights.iter().zip(increments);
        pairs.filter(|(weight, increment)| **weight > 0.0 && increment.is_finite())
    };
    let peak = counted().map(|(_, increment)| *increment).fold(f64::NEG_INFINITY, f64::max);
    let sum = |power: f64| counted().map(|(w, i)| w * (power * (i - peak)).exp()).sum::<f64>();
    let total: f64 = weights.iter().sum();
    if sum(1.0) > 0.0 { sum(1.0).powi(2) / (total * sum(2.0)) } else { 0.0 }
}

/// The next path parameter after `beta` ≥ 0: the largest up to 1 whose conditional effective sample
/// size is `target`, and that size; at least `floor` of the way to 1.
///
/// `increments` gives log ρ at a path parameter less log ρ at `beta`, per particle. The size is
/// taken to fall with the parameter.
pub fn choose(
    weights: &[f64],
    increments: impl Fn(f64) -> Vec<f64>,
    beta: f64,
    target: f64,
    floor: f64,
) -> (f64, f64) {
    let at = |parameter: f64| cess(weights, &increments(parameter));
    if at(1.0) >= target {
        return (1.0, at(1.0));
    }
    let (mut low, mut high) = (floor * (1.0 - beta), 1.0 - beta);
    // Halvings of the logarithm, because the increment may have any order of magnitude.
    for _ in 0..50 {
        let middle = (low * high).sqrt();
        if at(beta + middle) >= target { low = middle } else { high = middle }
    }
    (beta + low, at(beta + low))
}
