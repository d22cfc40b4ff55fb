// Bayesian logistic regression: y ~ Bernoulli(logistic(x0 + X x1..)), every coefficient ~ N(0, s^2).
// Prior and likelihood are normalised, so that log Z is the log evidence. DIM is X_columns + 1.

@group(1) @binding(0) var<storage, read> X: array<f32>;
@group(1) @binding(1) var<storage, read> y: array<f32>;

// Set by the data.
override X_rows: u32;

override prior_sd: f32 = 1.0;

fn log_density(x: ptr<function, Point>) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let z = (*x)[j] / prior_sd;
        // 0.9189385 is log(2 pi) / 2.
        sum -= 0.5 * z * z + log(prior_sd) + 0.9189385;
    }
    for (var n = 0u; n < X_rows; n++) {
        var eta = (*x)[0];
        for (var j = 1u; j < DIM; j++) {
            eta += X[n * (DIM - 1u) + j - 1u] * (*x)[j];
        }
        sum += transform_log_logistic(select(-eta, eta, y[n] > 0.5));
    }
    return sum;
}
