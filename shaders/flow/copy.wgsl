// A copy of what a flow knows at a point, of flows that do not take it coordinate by coordinate.

fn flow_copy(to: ptr<function, Local>, known: ptr<function, Local>) {
    *to = *known;
}
