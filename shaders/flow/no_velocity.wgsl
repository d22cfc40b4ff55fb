// The velocity of flows that have none. Never called: HAS_VELOCITY is false.

fn flow_velocity(local: ptr<function, Local>, at: Instant) -> Point {
    return Point();
}
