// Flow: along a path of Gaussian mixtures whose components travel, with scales per axis,
//   rho = Z^beta sum_k m_k(beta) N(x; mu_k(beta), diag sd_k(beta)^2),   r_k their parts of rho,
//   u = sum_k r_k (mu_k' + (x - mu_k) sd_k' / sd_k),   psi = sum_k r_k (log m_k)' + (log Z)',
// so that mass travels with u, and appears and vanishes with psi. Exact: rho satisfies
// d rho = -div(rho u) + rho psi.
// Masses are quadratic, a (1-beta)^2 + 2 b beta (1-beta) + c beta^2. Means and scales go straight,
// with the fraction beta of the way, or angle(beta s, (1-beta) r + beta q) / theta: Wasserstein
// and cone geodesics (Delon & Desolneux 2020; Chizat, Peyre, Schmitzer & Vialard 2018).
// Reads flow_data: the number of tracks, then for each of them
//   a, b, c, s, r, q, 1/theta or 0;  means at 0 and the way to those at 1;  likewise scales.
// Needs TRACKS_LOG_Z, the log-normaliser of the target.

@group(2) @binding(0) var<storage, read> flow_data: array<f32>;

const TRACKS_HEAD = 7u;
const TRACKS_STRIDE = TRACKS_HEAD + 4u * DIM;
// Stands for the log of 0; its distance to any log term is still finite.
const TRACKS_FLOOR: f32 = -1e38;
const TRACKS_LOG_ROOT_TAU: f32 = 0.9189385332046727;

struct Local {
    x: Point,
}

struct Tracks {
    log_density: f32,
    // sum_k r_k (log m_k)'
    rate: f32,
    score: Point,
    velocity: Point,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    for (var j = 0u; j < DIM; j++) {
        (*local).x[j] = (*x)[j];
    }
}

fn flow_copy(to: ptr<function, Local>, known: ptr<function, Local>) {
    for (var j = 0u; j < DIM; j++) {
        (*to).x[j] = (*known).x[j];
    }
}

// One pass that holds the largest log term so far and sums relative to it.
fn tracks_at(local: ptr<function, Local>, beta: f32, out: ptr<function, Tracks>) {
    let rest = 1.0 - beta;
    var peak = TRACKS_FLOOR;
    var total = 0.0;
    var rate = 0.0;
    // Plain variables: members of a structure that are indexed by a variable stay in memory.
    var x = (*local).x;
    var score: Point;
    var velocity: Point;
    let end = 1u + u32(flow_data[0]) * TRACKS_STRIDE;
    for (var at = 1u; at < end; at += TRACKS_STRIDE) {
        let a = flow_data[at];
        let b = flow_data[at + 1u];
        let c = flow_data[at + 2u];
        // Sums of what is not negative: exact where a mass vanishes.
        let mass = rest * (a * rest + 2.0 * b * beta) + c * beta * beta;
        let growth = 2.0 * ((b - a) * rest + (c - b) * beta);
        let per_angle = flow_data[at + 6u];
        var way = beta;
        var speed = 1.0;
        if (per_angle > 0.0 && mass > 0.0) {
            let s = flow_data[at + 3u];
            let r = flow_data[at + 4u];
            way = per_angle * series_angle(beta * s, rest * r + beta * flow_data[at + 5u]);
            way = select(way, 1.0, beta == 1.0);
            speed = per_angle * s * r / mass;
        }
        let means = at + TRACKS_HEAD;
        let scales = means + 2u * DIM;
        var log_normal = 0.0;
        // Kept for the second loop: loads cost more than registers.
        var z: Point;
        var inverse: Point;
        var u: Point;
        for (var j = 0u; j < DIM; j++) {
            let ahead = flow_data[means + DIM + j];
            let more = flow_data[scales + DIM + j];
            let sd = flow_data[scales + j] + way * more;
            inverse[j] = 1.0 / sd;
            z[j] = (x[j] - flow_data[means + j] - way * ahead) * inverse[j];
            u[j] = speed * (ahead + z[j] * more);
            log_normal -= 0.5 * z[j] * z[j] + log(sd);
        }
        log_normal = max(log_normal, TRACKS_FLOOR);
        let term = select(TRACKS_FLOOR, log_normal + log(mass), mass > 0.0);
        let above = max(term, peak);
        let kept = exp(peak - above);
        let share = exp(term - above);
        peak = above;
        total = total * kept + share;
        // Bounded, because a track without mass may be far above all that have some.
        rate = rate * kept + growth * exp(min(log_normal - above, 80.0));
        for (var j = 0u; j < DIM; j++) {
            score[j] = score[j] * kept - share * z[j] * inverse[j];
            velocity[j] = velocity[j] * kept + share * u[j];
        }
    }
    (*out).log_density = peak + log(total) - f32(DIM) * TRACKS_LOG_ROOT_TAU + beta * TRACKS_LOG_Z;
    (*out).rate = rate / total;
    for (var j = 0u; j < DIM; j++) {
        score[j] /= total;
        velocity[j] /= total;
    }
    (*out).score = score;
    (*out).velocity = velocity;
}

fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    var tracks: Tracks;
    tracks_at(local, at.beta, &tracks);
    return tracks.score;
}

fn flow_velocity(local: ptr<function, Local>, at: Instant) -> Point {
    var tracks: Tracks;
    tracks_at(local, at.beta, &tracks);
    for (var j = 0u; j < DIM; j++) {
        tracks.velocity[j] *= at.beta_rate;
    }
    return tracks.velocity;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    var tracks: Tracks;
    tracks_at(local, at.beta, &tracks);
    return at.beta_rate * (tracks.rate + TRACKS_LOG_Z);
}

fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    var tracks: Tracks;
    tracks_at(local, at.beta, &tracks);
    return tracks.log_density;
}
