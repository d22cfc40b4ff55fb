// The combined density: log-linear, rho = prod q_i^a_i, or the power mean
// rho = (sum A_i q_i^p)^(1/p) with the parts w_i of its terms. With S = sum w_i s_i its score, the
// log-weight of a particle that follows -f + kappa g^2 S gains over a step, F = integral of f/x,
// G = integral of g^2,
//   log-linear:  (A - 1) DIM F + G/2 (|S|^2 - sum a_i |s_i|^2) + sum da_i log q_i,
//   power mean:  -G/2 (1 - p) Var_w(s) + 1/p sum w_i dlog A_i + dp/p^2 sum w_i log(w_i / A_i):
// no divergence. Scores enter by their distance to the first, so that nothing large cancels.
// Source: Skreta et al. 2025, propositions 3.1 to 3.3; the power mean by the same argument.

struct Combined {
    // Of rho without the reward.
    score: Point,
    log_density: f32,
    // What the log-weight gains.
    gain: f32,
}

fn compose_rule(
    local: ptr<function, Local>, logs: ptr<function, array<f32, MODELS>>, node: u32,
) -> Combined {
    var combined: Combined;
    let p = compose_column(node, COLUMN_POWER);
    // The parts of the models: a_i, or w_i.
    var part: array<f32, MODELS>;
    var total = 0.0;
    var explicit_gain = 0.0;
    if (LOG_LINEAR) {
        for (var i = 0u; i < MODELS; i++) {
            part[i] = compose_column(node, COLUMN_EACH + i);
            total += part[i];
            if (NEEDS_LOGS) {
                let growth = compose_column(node + 1u, COLUMN_EACH + i) - part[i];
                combined.log_density += part[i] * (*logs)[i];
                explicit_gain += growth * (*logs)[i];
            }
        }
        explicit_gain += (total - 1.0) * f32(DIM) * compose_column(node, COLUMN_DRIFT);
    } else {
        var peak = -1e38;
        for (var i = 0u; i < MODELS; i++) {
            part[i] = compose_column(node, COLUMN_EACH + i) + p * (*logs)[i];
            peak = max(peak, part[i]);
        }
        for (var i = 0u; i < MODELS; i++) {
            total += exp(part[i] - peak);
        }
        let log_sum = peak + log(total);
        let turn = compose_column(node + 1u, COLUMN_POWER) - p;
        for (var i = 0u; i < MODELS; i++) {
            let log_share = compose_column(node, COLUMN_EACH + i);
            let log_part = part[i] - log_sum;
            part[i] = exp(log_part);
            let growth = compose_column(node + 1u, COLUMN_EACH + i) - log_share;
            explicit_gain += part[i] / p * (growth + turn / p * (log_part - log_share));
        }
        combined.log_density = log_sum / p;
        total = 1.0;
    }

    // S = total s_0 + lean, and sum part |s - s_0|^2.
    var lean: Point;
    var spread = 0.0;
    for (var i = 1u; i < MODELS; i++) {
        for (var j = 0u; j < DIM; j++) {
            let apart = (*local).score[i][j] - (*local).score[0][j];
            lean[j] += part[i] * apart;
            spread += part[i] * apart * apart;
        }
    }
    var first_squares = 0.0;
    var first_lean = 0.0;
    var lean_squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let s = (*local).score[0][j];
        first_squares += s * s;
        first_lean += s * lean[j];
        lean_squares += lean[j] * lean[j];
        combined.score[j] = total * s + lean[j];
    }
    // |S|^2 - sum a_i |s_i|^2, which for a power mean is minus the variance of the scores.
    let excess = (total - 1.0) * (total * first_squares + 2.0 * first_lean) + lean_squares - spread;
    let half = 0.5 * compose_column(node, COLUMN_DIFFUSION);
    combined.gain = explicit_gain + half * select((1.0 - p) * excess, excess, LOG_LINEAR);
    if (FROZEN) {
        let stretch = select(-p * excess, 0.0, LOG_LINEAR);
        combined.gain += compose_frozen_gain(local, &combined, &part, stretch, node);
    }
    return combined;
}

// The score that moves the particle.
fn compose_drift(
    local: ptr<function, Local>, combined: ptr<function, Combined>, node: u32,
) -> Point {
    if (!FROZEN) {
        return (*combined).score;
    }
    var drift: Point;
    for (var i = 0u; i < MODELS; i++) {
        let share = compose_column(node, COLUMN_FROZEN + i);
        for (var j = 0u; j < DIM; j++) {
            drift[j] += share * (*local).score[i][j];
        }
    }
    return drift;
}

// What a drift by V = sum c_i s_i in place of S costs:
//   kappa G (div V - div S + (V - S) . (S + B grad r)),  div S = sum part_i div s_i + p Var_w(s).
fn compose_frozen_gain(
    local: ptr<function, Local>, combined: ptr<function, Combined>,
    part: ptr<function, array<f32, MODELS>>, stretch: f32, node: u32,
) -> f32 {
    var drift = compose_drift(local, combined, node);
    var excess = -stretch;
    for (var i = 0u; i < MODELS; i++) {
        let share = compose_column(node, COLUMN_FROZEN + i);
        excess += (share - (*part)[i]) * (*local).divergence[i];
    }
    let strength = compose_column(node, COLUMN_STRENGTH);
    for (var j = 0u; j < DIM; j++) {
        var along = (*combined).score[j];
        if (HAS_REWARD) {
            along += strength * (*local).reward_score[j];
        }
        excess += (drift[j] - (*combined).score[j]) * along;
    }
    return KAPPA * compose_column(node, COLUMN_DIFFUSION) * excess;
}
