// Component i of the mixture of transition kernels of the last Langevin step,
//   x_i = m_i + sqrt(2 eps h) xi_i:  a Gaussian of variance 2 eps h about m_i.
// The noise is drawn again, because random numbers depend on counters alone.
// Source: Crucinio & Pathiraja 2025, SMC-WFR.

fn component_dt() -> f32 {
    return schedule[max(control.step_end, 1u) - 1u].dt;
}

fn component_bandwidth(j: u32) -> f32 {
    return sqrt(2.0 * settings.transport * component_dt());
}

fn component_noise(slot: u32) -> Point {
    let step = max(control.step_end, 1u) - 1u;
    let words = normal_words(slot, step, STREAM_STEP);
    var noise: Point;
    normal_draw(slot, step, STREAM_STEP, words, &noise);
    return noise;
}

fn component_move(slot: u32, x: ptr<function, Point>) {
    let scale = component_bandwidth(0u);
    var noise = component_noise(slot);
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] -= scale * noise[j];
    }
}

// The exponent of component i at particle i.
fn component_self(slot: u32) -> f32 {
    var noise = component_noise(slot);
    var square = 0.0;
    for (var j = 0u; j < DIM; j++) {
        square += noise[j] * noise[j];
    }
    return -0.5 * square;
}
