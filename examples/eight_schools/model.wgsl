// Eight schools (Rubin 1981): y_j ~ N(theta_j, sigma_j^2), theta_j = mu + tau eta_j, eta_j ~ N(0, 1),
// mu ~ N(0, 5^2), tau ~ half-Cauchy(5). Coordinates: mu, log tau, eta_1 .. eta_8. Not centred: given
// little data, eta hardly depends on tau, where theta would be pinched together as tau goes to 0.
// Everything is normalised, so that log Z is the log evidence.

@group(1) @binding(0) var<storage, read> y: array<f32>;
@group(1) @binding(1) var<storage, read> sigma: array<f32>;

const SCALE = 5.0;
// log(2 pi) / 2
const LOG_ROOT: f32 = 0.9189385;

fn log_normal(z: f32) -> f32 {
    return -0.5 * z * z - LOG_ROOT;
}

fn log_density(x: ptr<function, Point>) -> f32 {
    let mu = (*x)[0];
    let tau = transform_positive((*x)[1]);
    var sum = log_normal(mu / SCALE) - log(SCALE);
    // 0.6366198 is 2 / pi.
    let ratio = tau / SCALE;
    sum += log(0.6366198 / SCALE) - log(1.0 + ratio * ratio);
    sum += transform_positive_log_jacobian((*x)[1]);
    for (var j = 0u; j < DIM - 2u; j++) {
        let eta = (*x)[j + 2u];
        sum += log_normal(eta);
        sum += log_normal((y[j] - mu - tau * eta) / sigma[j]) - log(sigma[j]);
    }
    return sum;
}
