// Flow: several diffusion models q_i run backward as one density rho, arXiv 2503.02819 and
// 2512.17878. Here is what is known at a point and a level of noise: each model's score, log
// density and divergence, and the reward r of a tilt rho e^(B r).
// Reads by compose_number a table: a row for each node of the schedule, the columns of
// `composition.rs`, then those of each mixture.
// Needs REWARD_FLOOR, what a wall of the reward counts as before the last node, and REWARD_WALL and
// REWARD_REACH, which say where it has walls.

// The node at which the dispatch begins: the table may be bound from there on.
var<private> compose_first: u32;

// What one model knows at a point. What it does not know is 0.
struct Term {
    score: Point,
    log_density: f32,
    divergence: f32,
}

struct Local {
    x: Point,
    score: array<Point, MODELS>,
    log_density: array<f32, MODELS>,
    divergence: array<f32, MODELS>,
    reward: f32,
    reward_score: Point,
}

fn compose_column(node: u32, column: u32) -> f32 {
    return compose_number(node * NODE_COLUMNS + column);
}

// A reward that is so low that its slope does not lead back within reach of where particles are, or
// that is minus infinity.
fn compose_is_wall(local: ptr<function, Local>) -> bool {
    if (float_is_minus_infinity((*local).reward)) {
        return true;
    }
    var squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        squares += (*local).reward_score[j] * (*local).reward_score[j];
    }
    let led = (*local).reward + REWARD_REACH * sqrt(squares);
    return !float_is_non_finite(led) && led < REWARD_WALL;
}

// At a wall. Noise takes particles over its edge and back, so that only the last density may have
// one: before, weights by ratios take any number in its place and stay exact. Rates do not see an
// edge, and there is no number for one that has no end.
fn compose_wall(local: ptr<function, Local>, node: u32) {
    if (!FLOORS_REWARD) {
        if (float_is_minus_infinity((*local).reward)) {
            (*local).reward = float_nan();
            (*local).reward_score = Point();
        }
    } else if (node < settings.steps) {
        (*local).reward = REWARD_FLOOR;
        (*local).reward_score = Point();
    } else if (float_is_minus_infinity((*local).reward)) {
        (*local).reward_score = Point();
    }
}

fn step_local(x: ptr<function, Point>, local: ptr<function, Local>, source: u32, node: u32) {
    (*local).x = *x;
    compose_models(x, node * NODE_COLUMNS, source, local);
    if (HAS_REWARD) {
        var slope: Point;
        let reward = target_log_density_and_score(x, &slope);
        (*local).reward = reward;
        (*local).reward_score = slope;
        if (compose_is_wall(local)) {
            compose_wall(local, node);
        }
    }
}

fn compose_is_tracked(i: u32) -> bool {
    return ((TRACKED >> i) & 1u) != 0u;
}

// log q of every model at the largest noise: evaluated where it can be, N(0, sigma^2) elsewhere.
fn compose_first_logs(local: ptr<function, Local>) -> array<f32, MODELS> {
    var squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let z = (*local).x[j] / NOISIEST;
        squares += z * z;
    }
    let noise = NOISIEST_LOG_PEAK - 0.5 * squares;
    var logs: array<f32, MODELS>;
    for (var i = 0u; i < MODELS; i++) {
        logs[i] = select(noise, (*local).log_density[i], ((EVALUATED >> i) & 1u) != 0u);
    }
    return logs;
}
