// Weights of a composition by their rate at the left point: log-weight += psi dt in integrals over
// the step, a bias of order dt. With the reward, B the strength and F, G as in the rule,
//   dB r - B F x . grad r + B G ((1 - eta^2)/2 + lambda) S . grad r
//     + G (lambda - eta^2/2) (B lap r + B^2 |grad r|^2).

fn compose_begin_value(
    local: ptr<function, Local>, combined: ptr<function, Combined>, node: u32,
) -> f32 {
    if (CORRECTION == 0.0) {
        return 0.0;
    }
    var gain = (*combined).gain;
    if (HAS_REWARD) {
        let strength = compose_column(node, COLUMN_STRENGTH);
        let growth = compose_column(node + 1u, COLUMN_STRENGTH) - strength;
        let drift = compose_column(node, COLUMN_DRIFT);
        let diffusion = compose_column(node, COLUMN_DIFFUSION);
        let half = 0.5 * STOCHASTICITY * STOCHASTICITY;
        var along = 0.0;
        var squares = 0.0;
        var stretch = 0.0;
        for (var j = 0u; j < DIM; j++) {
            let slope = (*local).reward_score[j];
            along += (*combined).score[j] * slope;
            squares += slope * slope;
            stretch += (*local).x[j] * slope;
        }
        var x = (*local).x;
        let curvature = strength * compose_laplacian(&x) + strength * strength * squares;
        gain += growth * (*local).reward - strength * drift * stretch
            + strength * diffusion * (0.5 - half + GUIDANCE) * along
            + diffusion * (GUIDANCE - half) * curvature;
    }
    return CORRECTION * gain;
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    return (*pending).value;
}
