// Of a flow that knows the same of a point at every time.

fn step_local(x: ptr<function, Point>, local: ptr<function, Local>, source: u32, step: u32) {
    flow_local(x, local);
}
