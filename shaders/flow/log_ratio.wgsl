// log rho(x') - log rho(x) at one instant, from the densities.

fn flow_log_ratio(
    before: ptr<function, Local>, after: ptr<function, Local>, at: Instant,
) -> f32 {
    return flow_log_density(after, at) - flow_log_density(before, at);
}
