// A few particles for the host, evenly spaced, by which it chooses what to show.
//
// Reads what particle.wgsl reads; writes x, y, the log-weight and whether all are numbers.

@group(0) @binding(5) var<storage, read_write> glances: array<vec4<f32>>;

@compute @workgroup_size(256)
fn glance(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = arrayLength(&glances);
    if id.x >= count {
        return;
    }
    // floor(id · particles / count), without overflow.
    let i = id.x * (view.particles / count) + id.x * (view.particles % count) / count;
    let spot = particle_spot(i);
    glances[id.x] = vec4(spot.at, spot.log_weight, select(0.0, 1.0, spot.seen));
}
