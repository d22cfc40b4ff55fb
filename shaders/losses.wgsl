// Losses: counts the particles that were lost since it last ran, by the step that lost them and by
// cause, and keeps where the first of them was: of the first step that lost any, that in the lowest
// slot. Sums, a largest key and a smallest step of integers, so that neither the order of particles
// nor how often it runs changes a bit. It runs before a resampling overwrites the lost.
// Reads state_in, control; reads and writes log_weights, losses.

@group(0) @binding(0) var<storage, read_write> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> control: array<Control>;
// Totals by cause, of two words each; LOSSES_NEVER less the steps of the first loss, and the key of
// the first particle, once there is one; its position; then rows of the steps, by the steps done: a
// count by cause, and the largest key.
@group(0) @binding(2) var<storage, read_write> losses: array<atomic<u32>>;

const LOSSES_NEVER = 0xffffffffu;

fn losses_row(steps: u32) -> u32 {
    return LOSSES_HEADER + LOSSES_POSITION + steps * LOSSES_COLUMNS;
}

// The larger, the lower the slot; never 0.
fn losses_key(slot: u32, cause: u32) -> u32 {
    return ((island_end() - slot) << 2u) | cause;
}

@compute @workgroup_size(LANES)
fn losses_count(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = index_of_workgroup(id) * LANES + lane;
    if (place >= settings.particles) {
        return;
    }
    let slot = island_slots(id.z) + place;
    let log_weight = log_weights[slot];
    if (!loss_is_fresh(log_weight)) {
        return;
    }
    log_weights[slot] = float_nan();
    let cause = loss_cause(log_weight);
    let steps = min(loss_steps(log_weight, control[id.z].step_end), settings.steps);
    let row = losses_row(steps);
    atomicAdd(&losses[row + cause], 1u);
    atomicMax(&losses[row + 3u], losses_key(slot, cause));
    if (atomicAdd(&losses[2u * cause], 1u) == LOSSES_NEVER) {
        atomicAdd(&losses[2u * cause + 1u], 1u);
    }
    atomicMax(&losses[6], LOSSES_NEVER - steps);
}

// For one workgroup; it comes with as many as the count.
@compute @workgroup_size(LANES)
fn losses_first(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    if (index_of_workgroup(id) > 0u || id.z > 0u) {
        return;
    }
    let earliest = atomicLoad(&losses[6]);
    var key = 0u;
    if (earliest != 0u) {
        key = atomicLoad(&losses[losses_row(LOSSES_NEVER - earliest) + 3u]);
    }
    let is_known = key == atomicLoad(&losses[7]);
    workgroupBarrier();
    if (is_known) {
        return;
    }
    let slot = island_end() - (key >> 2u);
    for (var j = lane; j < LOSSES_POSITION; j += LANES) {
        atomicStore(&losses[LOSSES_HEADER + j], state_load(j, slot));
    }
    if (lane == 0u) {
        atomicStore(&losses[7], key);
    }
}
