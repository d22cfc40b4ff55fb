// Score model: Hutchinson's estimate of the divergence of a mixture's score in place of the exact
// one, the mean of v . J v over random directions v,
//   v . J v = sum_k r_k ((g_k . v)^2 - sum_j v_j^2 / v_kj) - (score . v)^2,
// for the study of its noise. Copies of one particle share directions until the next ESS test.
// Source: Hutchinson 1989.
// Reads the table as mixture.wgsl does, and what that has found.

fn mixture_probed(
    x: ptr<function, Point>, at: u32, count: u32, apart: u32, source: u32, time: u32,
    term: ptr<function, Term>,
) {
    let stride = 2u + DIM + (DIM - 1u) * apart;
    let end = at + count * stride;
    var sum = 0.0;
    for (var probe = 0u; probe < DIRECTIONS; probe++) {
        var v: Point;
        var along_score = 0.0;
        for (var j = 0u; j < DIM; j++) {
            v[j] = network_direction(source, time * FRESH, probe, j);
            along_score += v[j] * (*term).score[j];
        }
        var curvature = 0.0;
        for (var k = at; k < end; k += stride) {
            let share = exp(model_log_term(x, k, apart) - (*term).log_density);
            var along = 0.0;
            var stretch = 0.0;
            for (var j = 0u; j < DIM; j++) {
                let inverse = compose_number(k + 1u + DIM + j * apart);
                along += (compose_number(k + 1u + j) - (*x)[j]) * inverse * v[j];
                stretch += v[j] * v[j] * inverse;
            }
            curvature += share * (along * along - stretch);
        }
        sum += curvature - along_score * along_score;
    }
    (*term).divergence = sum / f32(DIRECTIONS);
}
