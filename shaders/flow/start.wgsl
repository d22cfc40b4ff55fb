// The log density that particles start from, of flows that have it in their `Local`.

fn flow_start(local: ptr<function, Local>) -> f32 {
    return (*local).initial;
}
