// The weights of a path of densities along which particles are moved by its score alone:
// psi = d_t log rho.
// Source: Jarzynski 1997.

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    return at.beta_rate * flow_rate(local, at.beta);
}
