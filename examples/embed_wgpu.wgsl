// The host program's own kernel: a weighted histogram of the first coordinate, straight from the
// sampler's buffers. Weights are added as integers, so that the order does not matter.

const BINS = 64u;
const LOW = -2.0;
const HIGH = 2.0;
// Units of weight: log-weights of the engine stay near or below zero.
const UNIT = 4096.0;

struct Bin {
    particles: atomic<u32>,
    weight: atomic<u32>,
}

@group(0) @binding(0) var<storage, read> state: array<u32>; // row 0: the first coordinates
@group(0) @binding(1) var<storage, read> log_weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> bins: array<Bin, BINS>;

@compute @workgroup_size(64)
fn histogram(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i >= arrayLength(&log_weights)) {
        return;
    }
    let x = bitcast<f32>(state[i]);
    let place = clamp((x - LOW) / (HIGH - LOW) * f32(BINS), 0.0, f32(BINS) - 1.0);
    let weight = u32(round(UNIT * clamp(exp(log_weights[i]), 0.0, 16.0)));
    atomicAdd(&bins[u32(place)].particles, 1u);
    atomicAdd(&bins[u32(place)].weight, weight);
}
