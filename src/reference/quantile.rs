//! Twin of `shaders/quantile.wgsl`: exact weighted quantiles, by sorting.

/// The least values with more than each fraction, in units of 2^−32, of the weight at or below
/// them; nothing where there is no weight.
pub fn quantile(row: &[f32], weights: &[u32], fractions: [u32; 2]) -> Option<[f32; 2]> {
    let mut places: Vec<(f32, u32)> =
        row.iter().copied().zip(weights.iter().copied()).filter(|(_, w)| *w > 0).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = places.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let find = |fraction: u32| {
        let wanted = ((u128::from(total) * u128::from(fraction)) >> 32) as u64;
        let mut sum = 0;
        let passed = places.iter().find(|(_, weight)| {
            sum += u64::from(*weight);
            sum > wanted
        });
        passed.map(|(x, _)| *x)
    };
    Some([find(fractions[0])?, find(fractions[1])?])
}
