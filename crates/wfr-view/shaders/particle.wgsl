// One particle, from where the sampler keeps it: its place in the picture and its weight.
//
// Reads the pages of the two axes, the log-weights and their peak; writes nothing.

@group(0) @binding(1) var<storage, read> page_x: array<u32>;
@group(0) @binding(2) var<storage, read> page_y: array<u32>;
@group(0) @binding(3) var<storage, read> log_weights: array<u32>;
@group(0) @binding(4) var<storage, read> peak: u32;

struct Spot {
    // What the axes show, and whether all that is drawn is a number.
    at: vec2<f32>,
    seen: bool,
    // exp(log-weight − peak), 0 to 1, and log-weight − peak.
    weight: f32,
    log_weight: f32,
}

fn particle_spot(i: u32) -> Spot {
    let weight_bits = log_weights[i];
    let weighed = view_finite(weight_bits) && peak != 0u;
    let log_weight = select(-1e30, bitcast<f32>(weight_bits) - view_unkey(peak), weighed);
    let x = select(page_x[view.rows.x + i], bitcast<u32>(log_weight), view.log_weight.x != 0u);
    let y = select(page_y[view.rows.y + i], bitcast<u32>(log_weight), view.log_weight.y != 0u);
    let seen = weighed && view_finite(x) && view_finite(y);
    let at = vec2(bitcast<f32>(x), bitcast<f32>(y));
    return Spot(at, seen, select(0.0, exp(log_weight), weighed), log_weight);
}

// Where a point of the axes' plane is in the picture: −1 to 1 from left to right and from the
// bottom up. What is far outside stays so, and finite.
fn particle_place(at: vec2<f32>) -> vec2<f32> {
    return clamp((at - view.centre) * view.scale, vec2(-1e6), vec2(1e6));
}
