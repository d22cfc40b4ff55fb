// Position: where particle `slot` is in the state that a kernel reads.
// Reads state_in.

fn position_load(slot: u32) -> Point {
    var x: Point;
    for (var j = 0u; j < DIM; j++) {
        x[j] = bitcast<f32>(state_load(j, slot));
    }
    return x;
}

// Whether a coordinate is infinite or not a number.
fn position_is_lost(x: ptr<function, Point>) -> bool {
    var lost = false;
    for (var j = 0u; j < DIM; j++) {
        lost = lost || float_is_non_finite((*x)[j]);
    }
    return lost;
}
