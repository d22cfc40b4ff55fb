// Weights of a composition by the ratio of kernels, exact at every step size where log densities
// are evaluated:
//   log-weight += log rho_{k+1}(x') - log rho_k(x) + log B(x | x') - log F(x' | x),
// F the step that was made and B that of the time-reversed process,
//   x | x' ~ N(back x' + back_pull (eta^2 S' - kappa V' - lambda B grad r), back_noise^2),
// with S' the score of rho_{k+1} and V' what moves a particle there. At eta = 1 without reward B is
// the noising itself.
// Source: Neal 2001; Crooks 1998; Skreta et al. 2025 for the reverse process.

fn compose_tilted(local: ptr<function, Local>, log_density: f32, node: u32) -> f32 {
    if (!HAS_REWARD) {
        return log_density;
    }
    return log_density + compose_column(node, COLUMN_STRENGTH) * (*local).reward;
}

fn compose_begin_value(
    local: ptr<function, Local>, combined: ptr<function, Combined>, node: u32,
) -> f32 {
    return compose_tilted(local, (*combined).log_density, node);
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    let step = (*pending).step;
    let node = step + 1u;
    var logs = compose_logs(local, pending);
    var combined = compose_rule(local, &logs, node);
    var drift = compose_drift(local, &combined, node);
    let strength = compose_column(node, COLUMN_STRENGTH);
    let back = compose_column(step, COLUMN_BACK_SHRINK);
    let back_pull = compose_column(step, COLUMN_BACK_PULL);
    let back_noise = compose_column(step, COLUMN_BACK_NOISE);
    let eta = STOCHASTICITY * STOCHASTICITY;
    (*pending).there = compose_tilted(local, combined.log_density, node);
    var ratio = (*pending).there - (*pending).value
        + compose_column(step, COLUMN_LOG_NOISE_RATIO);
    for (var j = 0u; j < DIM; j++) {
        // At eta = 1 models in buffers have no score at x', and need none.
        var toward = 0.0;
        if (eta != 1.0 || FROZEN) {
            toward = eta * combined.score[j] - KAPPA * drift[j];
        }
        if (HAS_REWARD) {
            toward += (eta - GUIDANCE) * strength * (*local).reward_score[j];
        }
        let z = ((*here)[j] - back * (*x)[j] - back_pull * toward) / back_noise;
        let xi = (*noise)[j];
        ratio += 0.5 * (xi * xi - z * z);
    }
    return CORRECTION * ratio;
}
