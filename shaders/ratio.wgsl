// Ratio: r = log pi - log p of every particle, where p is the density of the population that
// `density_log_ratio` estimates, and both may be blurred. Minus infinity outside the support of pi;
// not a number for a lost particle.
// Reads state_in, log_weights, moments and the density's buffers; writes ratios.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> moments: Moments;
@group(0) @binding(3) var<storage, read_write> ratios: array<f32>;

@compute @workgroup_size(LANES)
fn ratio(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot >= settings.particles) {
        return;
    }
    var x = position_load(slot);
    var score: Point;
    let aim = target_log_density_and_score(&x, &score);
    var r = density_log_ratio(&x, slot, aim);
    if (float_is_minus_infinity(aim)) {
        r = aim;
    }
    ratios[slot] = select(r, float_nan(), position_is_lost(&x));
}
