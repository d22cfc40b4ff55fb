// Flow: along the power mean of the initial law q0 and the target q1 with exponent p,
//   rho = (A0 q0^p + A1 (q1 e^-r)^p)^(1/p) e^(r beta),   w1 = A1 q1^p / (A0 q0^p + A1 q1^p),
//   S = w0 s0 + w1 s1.
// p = 1 is the mixture, 1/2 the Fisher-Rao geodesic, p -> 0 the geometric path, -1 the harmonic
// one. A0 = 1 - beta and A1 = beta; on the Fisher-Rao arc of angle W they are
// sin((1 - beta) W) / sin W and sin(beta W) / sin W. r is an estimate of log(Z1 / Z0): its error is
// another clock along the same curve.
// Source: Amari, Information Geometry and Its Applications (2016), alpha = 1 - 2p; for the weights
// that follow from it Jarzynski 1997.
// Needs POWER_BEGIN, POWER_RATE (p is linear in beta), LOG_RATIO, and for the arc ARC_ANGLE,
// ARC_TAN_HALF and ARC_COS_HALF; without it ARC_ANGLE = 0.

struct Local {
    x: Point,
    initial: f32,
    aim: f32,
    initial_score: Point,
    aim_score: Point,
}

struct PowerMean {
    // log rho and its derivative in beta.
    log_density: f32,
    rate: f32,
    // w1.
    share: f32,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    var score: Point;
    (*local).initial = initial_log_density_and_score(x, &score);
    for (var j = 0u; j < DIM; j++) {
        (*local).x[j] = (*x)[j];
        (*local).initial_score[j] = score[j];
    }
    (*local).aim = target_log_density_and_score(x, &score);
    for (var j = 0u; j < DIM; j++) {
        (*local).aim_score[j] = score[j];
    }
}

fn flow_copy(to: ptr<function, Local>, known: ptr<function, Local>) {
    (*to).initial = (*known).initial;
    (*to).aim = (*known).aim;
    for (var j = 0u; j < DIM; j++) {
        (*to).x[j] = (*known).x[j];
        (*to).initial_score[j] = (*known).initial_score[j];
        (*to).aim_score[j] = (*known).aim_score[j];
    }
}

// A0 / (A0 + A1), A1 / (A0 + A1), the derivative of the latter, and log(A0 + A1). Kept off zero,
// so that nothing is divided by it at the ends of the path.
fn power_weights(beta: f32) -> vec4<f32> {
    if (ARC_ANGLE == 0.0) {
        return vec4<f32>(max(1.0 - beta, 1e-30), max(beta, 1e-30), 1.0, 0.0);
    }
    let slope = series_tan((beta - 0.5) * ARC_ANGLE);
    let secant = 1.0 + slope * slope;
    let half = 0.5 * slope / ARC_TAN_HALF;
    let rate = 0.5 * ARC_ANGLE * secant / ARC_TAN_HALF;
    let sum = -0.5 * log(secant * ARC_COS_HALF * ARC_COS_HALF);
    return vec4<f32>(max(0.5 - half, 1e-30), max(0.5 + half, 1e-30), rate, sum);
}

// y w1 - log(A0 + A1 e^y) over y^2 for small y: its series in the cumulants of a coin of chance b.
fn power_bend(b: f32, y: f32) -> f32 {
    let v = b * (1.0 - b);
    let skew = v * (1.0 - 2.0 * b);
    let fifth = skew * (1.0 - 12.0 * v);
    let sixth = v * (1.0 - 30.0 * v + 120.0 * v * v);
    let tail = y * (v * (1.0 - 6.0 * v) / 8.0 + y * (fifth / 30.0 + y * sixth / 144.0));
    return 0.5 * v + y * (skew / 3.0 + tail);
}

fn power_mean(local: ptr<function, Local>, beta: f32) -> PowerMean {
    let p = POWER_BEGIN + POWER_RATE * beta;
    let a = power_weights(beta);
    let lost = float_is_minus_infinity((*local).initial);
    let missed = float_is_minus_infinity((*local).aim);
    let aim = (*local).aim - LOG_RATIO;
    // How far the target is above the initial law, and this times p.
    var d = aim - (*local).initial;
    if (lost || missed) {
        d = 0.0;
    }
    var y = p * d;
    var mean: PowerMean;
    // The derivatives of log rho by A1 and by p.
    var by_weight: f32;
    var by_power = 0.0;
    if ((p <= 0.0 && (lost || missed)) || (lost && missed) || (lost && beta == 0.0)) {
        mean = PowerMean(float_minus_infinity(), float_minus_infinity(), select(0.0, 1.0, lost));
        by_weight = mean.rate;
    } else if (abs(y) <= 1.0 && !lost && !missed) {
        // Without a division by p: at p = 0 this is the geometric path.
        let e = series_expm1_ratio(y);
        let z = a.y * y * e;
        let gain = a.y * e * series_log1p_ratio(z);
        mean.log_density = (*local).initial + d * gain;
        mean.share = a.y * (1.0 + y * e) / (1.0 + z);
        by_weight = d * e / (1.0 + z);
        if (POWER_RATE != 0.0) {
            let direct = (mean.share - gain) / y;
            by_power = d * d * select(direct, power_bend(a.y, y), abs(y) < 0.25);
        }
    } else {
        // Relative to the larger term: e is the smaller one over it, up to the weights.
        let ahead = lost || (!missed && y > 0.0);
        let e = select(exp(-abs(y)), 0.0, lost || missed);
        let total = select(a.x + a.y * e, a.y + a.x * e, ahead);
        mean.log_density = select((*local).initial, aim, ahead) + log(total) / p;
        mean.share = select(a.y * e, a.y, ahead) / total;
        by_weight = select(e - 1.0, 1.0 - e, ahead) / (p * total);
        if (POWER_RATE != 0.0) {
            let left = select(mean.share, mean.share - 1.0, ahead);
            by_power = (left * d - log(total) / p) / p;
        }
    }
    mean.rate = by_weight * a.z + by_power * POWER_RATE + LOG_RATIO;
    if (ARC_ANGLE > 0.0) {
        mean.log_density += 2.0 * a.w;
        // The derivative of log(A0 + A1), whose tangent is in the weights.
        mean.rate -= 2.0 * ARC_ANGLE * ARC_TAN_HALF * (a.y - a.x);
    }
    mean.log_density += LOG_RATIO * beta;
    // The ends are the two laws, to the bit.
    if (beta == 0.0) {
        mean.log_density = (*local).initial;
        mean.share = 0.0;
    }
    if (beta == 1.0) {
        mean.log_density = (*local).aim;
        mean.share = 1.0;
    }
    return mean;
}

fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    return power_mean(local, at.beta).log_density;
}

// The derivative of log rho in beta.
fn flow_rate(local: ptr<function, Local>, beta: f32) -> f32 {
    return power_mean(local, beta).rate;
}
