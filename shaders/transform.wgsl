// Parameters under constraints, as smooth functions of a coordinate z that may be any number: the
// value, and the logarithm of its derivative, which the log density has to add. With theta > 0,
//
//   let theta = transform_positive((*x)[0]);
//   sum += my_log_density_of(theta) + transform_positive_log_jacobian((*x)[0]);
//
// A simplex, K parts that sum to one, takes K - 1 coordinates, by breaking a stick:
//
//   var stick = transform_simplex_begin();
//   for (var k = 0u; k < K - 1u; k++) {
//       stick = transform_simplex_step((*x)[k], stick.log_rest, K - 1u - k);
//       sum += (alpha[k] - 1.0) * stick.log_value + stick.log_jacobian;
//   }
//   sum += (alpha[K - 1u] - 1.0) * stick.log_rest;    // the last part is what is left
//
// where every coordinate is zero all parts are equal. Formulas: Stan Reference Manual, "Constraint
// Transforms". Plain arithmetic throughout, so that it can be differentiated; kinks are hidden in
// select(), whose arms have equal slopes where they meet.

// log(1 + exp(z)) without overflow.
fn transform_softplus(z: f32) -> f32 {
    let positive = z > 0.0;
    return select(0.0, z, positive) + log(1.0 + exp(select(z, -z, positive)));
}

// 1 / (1 + exp(-z)), in (0, 1). One minus it is that of -z.
fn transform_logistic(z: f32) -> f32 {
    let positive = z > 0.0;
    let e = exp(select(z, -z, positive));
    return select(e, 1.0, positive) / (1.0 + e);
}

// The logarithm of transform_logistic(z); log(1 - transform_logistic(z)) is that of -z.
fn transform_log_logistic(z: f32) -> f32 {
    return -transform_softplus(-z);
}

// Above 0, by the exponential.
fn transform_positive(z: f32) -> f32 {
    return exp(z);
}

fn transform_positive_log_jacobian(z: f32) -> f32 {
    return z;
}

// Between 0 and 1, by the logistic function.
fn transform_unit(z: f32) -> f32 {
    return transform_logistic(z);
}

fn transform_unit_log_jacobian(z: f32) -> f32 {
    return -transform_softplus(z) - transform_softplus(-z);
}

// Between low and high, by the logistic function.
fn transform_interval(z: f32, low: f32, high: f32) -> f32 {
    return low + (high - low) * transform_logistic(z);
}

fn transform_interval_log_jacobian(z: f32, low: f32, high: f32) -> f32 {
    return log(high - low) + transform_unit_log_jacobian(z);
}

// Above the one before, for numbers in increasing order; the first of them is free.
fn transform_ordered(z: f32, previous: f32) -> f32 {
    return previous + exp(z);
}

fn transform_ordered_log_jacobian(z: f32) -> f32 {
    return z;
}

// One part broken from the stick.
struct TransformStick {
    value: f32,
    log_value: f32,
    // The logarithm of what is left.
    log_rest: f32,
    log_jacobian: f32,
}

// The whole stick.
fn transform_simplex_begin() -> TransformStick {
    return TransformStick(0.0, 0.0, 0.0, 0.0);
}

// Breaks a part from a stick of length exp(log_rest); `remaining` parts come after it.
fn transform_simplex_step(z: f32, log_rest: f32, remaining: u32) -> TransformStick {
    let shifted = z - log(f32(remaining));
    let log_value = log_rest + transform_log_logistic(shifted);
    let log_left = transform_log_logistic(-shifted);
    return TransformStick(exp(log_value), log_value, log_rest + log_left, log_value + log_left);
}
