// Draws particles as round points, an instance of six corners each.
//
// Weights are opacity, in units of the mean weight: one heavy particle darkens no others. Reads
// what particle.wgsl reads, and the time-zero ancestors for colours.

@group(0) @binding(5) var<storage, read> ancestors: array<u32>;

struct Corner {
    @builtin(position) position: vec4<f32>,
    // From the point's middle, in pixels.
    @location(0) offset: vec2<f32>,
    @location(1) @interpolate(flat) colour: vec4<f32>,
}

@vertex
fn points_corner(
    @builtin(vertex_index) vertex: u32,
    @builtin(instance_index) instance: u32,
) -> Corner {
    let i = instance * view.stride;
    let spot = particle_spot(i);
    let by_mean = select(1.0, spot.weight * view.peak_by_mean, view.weighted != 0u);
    let opacity = min(view.opacity * by_mean, 1.0);
    if !spot.seen || opacity <= 0.0 {
        // A triangle without an area.
        return Corner(vec4(-2.0, -2.0, 0.0, 1.0), vec2(0.0), vec4(0.0));
    }
    // Two triangles: corners 0 1 2 and 2 1 3 of a square.
    let corner = select(vertex, 6u - vertex, vertex > 2u) & 3u;
    let side = vec2(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
    // Half a pixel more, over which the edge fades.
    let reach = view.radius + 0.5;
    let place = particle_place(spot.at) + side * reach * 2.0 / view.size;
    var colour = vec3(1.0, 0.66, 0.29);
    if view.families != 0u {
        colour = points_family(ancestors[view.ancestors + i]);
    }
    return Corner(vec4(place, 0.0, 1.0), side * reach, vec4(colour, opacity));
}

@fragment
fn points_colour(corner: Corner) -> @location(0) vec4<f32> {
    let inside = clamp(view.radius + 0.5 - length(corner.offset), 0.0, 1.0);
    // Premultiplied, as the blending expects.
    let opacity = corner.colour.a * inside;
    return vec4(corner.colour.rgb * opacity, opacity);
}

// A bright colour for each ancestor: its hue is the golden ratio's multiples, far apart for
// neighbours.
fn points_family(ancestor: u32) -> vec3<f32> {
    let hue = f32(ancestor * 2654435769u) / 4294967296.0;
    let wave = cos(6.2831853 * (hue - vec3(0.0, 0.3333333, 0.6666667)));
    return 0.62 + 0.38 * wave;
}
