// The view: which two numbers of a particle are drawn, and where.
//
// Goes before every other file here. Floats are kept as words where order or finiteness matters:
// comparisons with what is not a number may be folded away.

struct View {
    // The middle of the picture and 2 / its extent, in the units of the axes.
    centre: vec2<f32>,
    scale: vec2<f32>,
    // The first word of each axis's row in its page.
    rows: vec2<u32>,
    // Whether an axis is the log-weight in place of a coordinate.
    log_weight: vec2<u32>,
    particles: u32,
    // Every so many particles one is drawn as a point.
    stride: u32,
    // Whether weights count.
    weighted: u32,
    // Whether points take the colour of their time-zero ancestor.
    families: u32,
    // Columns and rows of the density's cells.
    cells: vec2<u32>,
    // The first word of the ancestors' row in its page.
    ancestors: u32,
    // The share of the brightest cell's mass below which the density is dark.
    floor: f32,
    // The radius of a point in pixels, and how opaque one of the mean weight is.
    radius: f32,
    opacity: f32,
    // The picture's size in pixels.
    size: vec2<f32>,
    // The largest weight in units of the mean weight.
    peak_by_mean: f32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> view: View;

const EXPONENT: u32 = 0x7f800000u;
const SIGN: u32 = 0x80000000u;

// Whether these are the bits of a finite number.
fn view_finite(bits: u32) -> bool {
    return (bits & EXPONENT) != EXPONENT;
}

// A word that orders as the float does; zero is below all.
fn view_key(bits: u32) -> u32 {
    return select(bits | SIGN, ~bits, (bits & SIGN) != 0u);
}

fn view_unkey(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key ^ SIGN, (key & SIGN) != 0u));
}

// The index of an invocation, dispatched in workgroups (x, y) of 256.
fn view_index(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * 256u + lane;
}
