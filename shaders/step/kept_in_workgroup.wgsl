// The point that a step keeps from its begin to its end, in memory of the workgroup: on cards,
// whose registers are short where the flow is evaluated in between. A lane reads its own words.

var<workgroup> kept_points: array<f32, DIM * WORKGROUP>;
var<private> kept_lane: u32;

fn kept_begin(lane: u32) {
    kept_lane = lane;
}

fn kept_store(kept: ptr<function, Point>, j: u32, value: f32) {
    kept_points[j * WORKGROUP + kept_lane] = value;
}

fn kept_load(kept: ptr<function, Point>, j: u32) -> f32 {
    return kept_points[j * WORKGROUP + kept_lane];
}
