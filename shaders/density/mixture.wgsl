// Density: the mixture that `mixture` summed. Particle i counts with its own component at its true
// weight, and the rest of the mass is spread over the other components K:
//   p(x_i) = W_i q_i(x_i) + (1 - W_i) sum_{l in K, l /= i} W_l q_l(x_i) / sum_{l in K, l /= i} W_l,
// the full mixture when K is everybody. Without the own term a particle outside the subset may see
// a density of nothing.

// Per particle (own exponent, sum of the others); then (weight of K, log of the peak of a
// component), the rotation, and the steps done.
@group(0) @binding(2) var<storage, read> mixture_sums: array<vec2<f32>>;

fn density_log(x: ptr<function, Point>, slot: u32) -> f32 {
    let sum = mixture_sums[slot];
    let all = mixture_sums[settings.particles];
    let rotation = subset_unpack(mixture_sums[settings.particles + 1u]);
    let weight = moments_weight(log_weights[slot]) * moments.total;
    let is_component = subset_component(slot, rotation) != 0xffffffffu;
    let others = all.x - select(0.0, weight, is_component);
    let left = 1.0 - weight / moments.total;
    // Relative to the reference of the sum; what is next to nothing is rounding.
    let reference = max(sum.x, MIXTURE_LEAST);
    var density = exp(sum.x - reference) / moments.total;
    if (left > 0.0 && others > 1e-6 * all.x) {
        density += left * sum.y / others;
    }
    return log(density) + reference + all.y;
}

fn density_log_ratio(x: ptr<function, Point>, slot: u32, aim: f32) -> f32 {
    let step = subset_unpack(mixture_sums[settings.particles + 2u]);
    return aim + cover_log(x, slot, step, aim) - density_log(x, slot);
}
