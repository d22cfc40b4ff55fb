// The weights of a path of densities along which particles are moved by its score alone:
// psi = d_t log rho.
// Source: Jarzynski 1997.

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    let rate = flow_rate(local, at.beta);
    // Where there is no density there is none at rest either: 0 · inf is not a number.
    return select(at.beta_rate * rate, rate, float_is_minus_infinity(rate));
}
