// The log density that particles start from, of flows that do not know it: nowhere zero.

fn flow_start(local: ptr<function, Local>) -> f32 {
    return 0.0;
}
