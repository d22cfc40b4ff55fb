// The numbers of a run, as data: another seed, threshold or number of particles compiles nothing.
// Every kernel binds them: a file of settings/ says how. `src/numbers.rs` fills them in, and a test
// compares every offset.

struct Settings {
    groups_of_blocks: vec4<u32>, // workgroup counts, folded
    groups_of_particles: vec4<u32>,
    // Of the first slot: low word and high bits of its number in its island, and the island.
    place: vec3<u32>,
    islands: u32, // independent populations, of as many particles each
    seed: vec2<u32>,
    particles: u32,
    blocks: u32,
    // Extra fractional bits of the population's total over a block's, and the unit of that total.
    headroom: u32,
    sum_unit: f32,
    ess_threshold: f32,
    trace_rows: u32,
    steps: u32,
    equal_steps: f32, // the length of all steps, or 0 where they differ
    transport: f32,
    friction: f32,
    stiffness: f32,
    // An adaptive schedule: the steps of a stage, the conditional ESS it aims at, and the least
    // part of the way that it goes.
    stage_moves: u32,
    stage_cess: f32,
    stage_floor: f32,
    reaction_rate: f32,
    reaction_share: f32, // of a block's time for which one reaction stands
    reaction_every: u32,
    padding: u32, // to a multiple of sixteen bytes
}

// A number that alone decides a branch or how often a loop turns goes through float_hidden_zero():
// lavapipe compiles the values of such numbers in, anew for every dispatch.

// The key of the random numbers.
fn random_key() -> vec4<u32> {
    return vec4<u32>(settings.seed, 0u, 0u);
}
