// Draws the density on a log scale of colours, which ends at the brightest place.
//
// Reads what cells.wgsl reads, and `brightest`.

@group(0) @binding(6) var<storage, read> brightest: u32;

struct Corner {
    @builtin(position) position: vec4<f32>,
    // (0, 0) at the picture's top left and (1, 1) at its bottom right.
    @location(0) share: vec2<f32>,
}

// One triangle that covers the picture.
@vertex
fn density_corner(@builtin(vertex_index) vertex: u32) -> Corner {
    let share = vec2(f32((vertex << 1u) & 2u), f32(vertex & 2u));
    return Corner(vec4(2.0 * share.x - 1.0, 1.0 - 2.0 * share.y, 0.0, 1.0), share);
}

@fragment
fn density_colour(corner: Corner) -> @location(0) vec4<f32> {
    let mass = cells_mass(corner.share * vec2<f32>(view.cells));
    let share = mass / max(bitcast<f32>(brightest), 1.0);
    let shade = log(1.0 + share / view.floor) / log(1.0 + 1.0 / view.floor);
    return vec4(density_palette(clamp(shade, 0.0, 1.0)), 1.0);
}

// Nine stops of matplotlib's "inferno" (S. van der Walt and N. Smith, CC0), the first one
// lifted to the window's ground.
fn density_palette(shade: f32) -> vec3<f32> {
    var stops = array<vec3<f32>, 9>(
        vec3(0.043, 0.047, 0.071),
        vec3(0.122, 0.047, 0.282),
        vec3(0.333, 0.059, 0.427),
        vec3(0.533, 0.133, 0.416),
        vec3(0.729, 0.212, 0.333),
        vec3(0.890, 0.349, 0.200),
        vec3(0.976, 0.557, 0.035),
        vec3(0.976, 0.796, 0.208),
        vec3(0.988, 1.000, 0.643),
    );
    let at = 8.0 * shade;
    let below = min(u32(at), 7u);
    return mix(stops[below], stops[below + 1u], at - f32(below));
}
