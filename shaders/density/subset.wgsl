// Which particles are components of the mixture: every stride-th from a random one on, so
// that all have the same chance and copies of one ancestor, which lie side by side, are spread.

// 60 below the heaviest component: the least reference of a sum.
const MIXTURE_LEAST = -60.0;

// From one component to the next.
fn subset_stride() -> u32 {
    return settings.particles / MIXTURE_COMPONENTS;
}

// The particle of component l.
fn subset_slot(l: u32, rotation: u32) -> u32 {
    return (rotation + l * subset_stride()) % settings.particles;
}

// The component of a particle, or one that does not exist.
fn subset_component(slot: u32, rotation: u32) -> u32 {
    let after = (slot + settings.particles - rotation) % settings.particles;
    let l = after / subset_stride();
    return select(0xffffffffu, l, after % subset_stride() == 0u && l < MIXTURE_COMPONENTS);
}

// An index in two floats, exactly.
fn subset_pack(index: u32) -> vec2<f32> {
    return vec2<f32>(f32(index >> 16u), f32(index & 0xffffu));
}

fn subset_unpack(packed: vec2<f32>) -> u32 {
    return (u32(packed.x) << 16u) | u32(packed.y);
}
