// The density of flows that do not know it. Never called: HAS_DENSITY is false.

fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    return 0.0;
}
