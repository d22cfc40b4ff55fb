// Mixture: the sum of M Gaussian components at every particle, O(N M). `mixture_gather` collects
// the components, a systematic subset of the particles with a random start; `mixture_total` sums
// their weights; then `mixture_sweep`, in a file of its own, adds some of the components at a time.
// Reads state_in, log_weights, moments, control, schedule; writes components, mixture_sums.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> moments: Moments;
@group(0) @binding(2) var<storage, read_write> mixture_sums: array<vec2<f32>>;
// DIM + 1 numbers per component: its centre in bandwidths, and its log-weight.
@group(0) @binding(3) var<storage, read_write> components: array<f32>;
@group(0) @binding(4) var<storage, read> control: Control;
@group(0) @binding(5) var<storage, read> schedule: array<Instant>;
@group(0) @binding(6) var<uniform> sweep: Sweep;

// The components [first, first + count) of a dispatch.
struct Sweep {
    first: u32,
    count: u32,
}

// Far below every log-weight, and finite.
const MIXTURE_NOTHING = -1e30;
const MIXTURE_ROW = DIM + 1u;

var<workgroup> sh_sum: array<f32, LANES>;

fn mixture_scale(x: ptr<function, Point>) {
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] /= component_bandwidth(j);
    }
}

fn mixture_rotation() -> u32 {
    if (MIXTURE_COMPONENTS == settings.particles) {
        return 0u;
    }
    return threefry(0u, control.step_end, 0u, STREAM_SUBSET).x % settings.particles;
}

fn mixture_log_weight(slot: u32) -> f32 {
    let below = log_weights[slot] - moments.peak;
    return select(below, MIXTURE_NOTHING, float_is_non_finite(below));
}

@compute @workgroup_size(LANES)
fn mixture_gather(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let l = index_of_workgroup(id) * LANES + lane;
    if (l >= MIXTURE_COMPONENTS) {
        return;
    }
    let slot = subset_slot(l, mixture_rotation());
    var centre = position_load(slot);
    component_move(slot, &centre);
    mixture_scale(&centre);
    var log_weight = mixture_log_weight(slot);
    for (var j = 0u; j < DIM; j++) {
        if (float_is_non_finite(centre[j])) {
            log_weight = MIXTURE_NOTHING;
            centre[j] = 0.0;
        }
        components[l * MIXTURE_ROW + j] = centre[j];
    }
    components[l * MIXTURE_ROW + DIM] = log_weight;
}

// In a fixed order of its own, for one workgroup.
@compute @workgroup_size(LANES)
fn mixture_total(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var l = lane; l < MIXTURE_COMPONENTS; l += LANES) {
        sum += exp(components[l * MIXTURE_ROW + DIM]);
    }
    sh_sum[lane] = sum;
    workgroupBarrier();
    if (lane == 0u) {
        sum = 0.0;
        for (var k = 0u; k < LANES; k++) {
            sum += sh_sum[k];
        }
        var log_norm = -0.9189385332 * f32(DIM);
        for (var j = 0u; j < DIM; j++) {
            log_norm -= log(component_bandwidth(j));
        }
        mixture_sums[settings.particles] = vec2<f32>(sum, log_norm);
        mixture_sums[settings.particles + 1u] = subset_pack(mixture_rotation());
        mixture_sums[settings.particles + 2u] = subset_pack(control.step_end);
    }
}
