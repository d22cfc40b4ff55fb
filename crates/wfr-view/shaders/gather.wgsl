// The mass in each cell of the picture, in fixed point of 64 bits: two words a cell, low and high.
//
// Integer atomics, so that sums are exact and do not depend on the order. Reads what
// particle.wgsl reads; `cells` starts at zero.

@group(0) @binding(5) var<storage, read_write> cells: array<atomic<u32>>;

// A particle of the largest weight; a weight counts to a millionth of it.
const GATHER_ONE: f32 = 1048576.0;

@compute @workgroup_size(256)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = view_index(group, groups, lane);
    if i >= view.particles {
        return;
    }
    let spot = particle_spot(i);
    let place = particle_place(spot.at);
    // The picture's rows go from the top down.
    let share = vec2(0.5 + 0.5 * place.x, 0.5 - 0.5 * place.y);
    let inside = all(share >= vec2(0.0)) && all(share < vec2(1.0));
    let weight = select(1.0, spot.weight, view.weighted != 0u);
    let mass = u32(round(weight * GATHER_ONE));
    if !spot.seen || !inside || mass == 0u {
        return;
    }
    let at = min(vec2<u32>(share * vec2<f32>(view.cells)), view.cells - 1u);
    let cell = 2u * (at.y * view.cells.x + at.x);
    let before = atomicAdd(&cells[cell], mass);
    if before + mass < before {
        atomicAdd(&cells[cell + 1u], 1u);
    }
}
