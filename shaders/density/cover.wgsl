// Cover: how much of a kernel about x lies where the target has a density,
//   c(x) = P(x + b z inside the support),   z ~ N(0, 1).
// Outside is also where it falls by more than COVER_FALL nats below its value at x, `aim`.
// A kernel density estimate loses the rest through the wall, and p_hat / c does not.
// Points are drawn until one is inside; with T that were not, log c is the mean of
//   -(1 + 1/2 + ... + 1/T),
// because P(T >= k) = (1 - c)^k, and -log c is the sum of (1 - c)^k / k. Without a wall the first
// point is the last. Of two such sums the second takes the opposite points: at a flat wall one of
// two opposite points is inside.

const COVER_FALL = 50.0;

fn cover_log(x: ptr<function, Point>, slot: u32, step: u32, aim: f32) -> f32 {
    // Of a particle that is outside nothing is known to be lower.
    let least = select(aim - COVER_FALL, -3.4e38, float_is_non_finite(aim));
    var searching = vec2<bool>(true, true);
    var missed = 0.0;
    for (var trial = 0u; trial < COVER_TRIALS; trial++) {
        let time = step * COVER_TRIALS + trial;
        var noise: Point;
        normal_draw(slot, time, STREAM_COVER, normal_words(slot, time, STREAM_COVER), &noise);
        for (var side = 0u; side < 2u; side++) {
            let sign = select(1.0, -1.0, side == 1u);
            var point: Point;
            for (var j = 0u; j < DIM; j++) {
                point[j] = (*x)[j] + sign * density_bandwidth(j) * noise[j];
            }
            var score: Point;
            let there = target_log_density_and_score(&point, &score);
            let inside = !float_is_non_finite(there) && there >= least;
            let waits = select(searching.x, searching.y, side == 1u);
            missed += select(0.0, 1.0 / f32(trial + 1u), waits && !inside);
            searching = vec2<bool>(
                searching.x && (side == 1u || !inside), searching.y && (side == 0u || !inside),
            );
        }
        if (!any(searching)) {
            break;
        }
    }
    return -0.5 * missed;
}
