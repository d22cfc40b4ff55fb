//! Twin of `shaders/residual.wgsl`: the copies that residual resampling places without chance.

/// The copies of all particles up to and including each: whole parts of their widths on the axis.
pub fn copies_through(places: &[u64]) -> Vec<u32> {
    let mut previous = 0;
    let mut sum = 0;
    let through = |place: &u64| {
        sum += ((place - previous) >> 32) as u32;
        previous = *place;
        sum
    };
    places.iter().map(through).collect()
}
