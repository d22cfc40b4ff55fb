// The largest smoothed mass at the middle of a cell, for the scale of the colours.
//
// Masses are positive floats, whose bits order as they do: a maximum of integers. Reads what
// cells.wgsl reads; `brightest` starts at zero.

@group(0) @binding(6) var<storage, read_write> brightest: atomic<u32>;

var<workgroup> sh_brightest: atomic<u32>;

@compute @workgroup_size(256)
fn find_brightest(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var largest = 0.0;
    let count = view.cells.x * view.cells.y;
    let step = 256u * groups.x;
    for (var i = view_index(group, groups, lane); i < count; i += step) {
        let cell = vec2(i % view.cells.x, i / view.cells.x);
        largest = max(largest, cells_mass(vec2<f32>(cell) + 0.5));
    }
    atomicMax(&sh_brightest, bitcast<u32>(largest));
    workgroupBarrier();
    if lane == 0u {
        atomicMax(&brightest, atomicLoad(&sh_brightest));
    }
}
