// The point that a step keeps from its begin to its end, in registers.

fn kept_begin(lane: u32) {}

fn kept_store(kept: ptr<function, Point>, j: u32, value: f32) {
    (*kept)[j] = value;
}

fn kept_load(kept: ptr<function, Point>, j: u32) -> f32 {
    return (*kept)[j];
}
