// Loss: the log-weight of a lost particle, a NaN whose lower bits say why and when it was lost,
// until `losses` has counted it and leaves the plain one. A processor's own NaNs are plain ones
// here: their payload is zero or all ones, with either sign.

// The move gave a coordinate that is not finite, from a finite place with a finite drift.
const LOSS_POSITION = 0u;
// The score, or the drift made of it, is not finite at a finite place.
const LOSS_SCORE = 1u;
// The log density or psi, or else what the log-weight gains, is NaN or +inf.
const LOSS_WEIGHT = 2u;
// Not lost.
const LOSS_NONE = 3u;

const LOSS_MARK = 0x7fc00000u;
const LOSS_STEPS = 0x000fffffu;

// `steps` are done with the one that lost it.
fn loss_of(cause: u32, steps: u32) -> f32 {
    let tag = ((cause >> 1u) << 31u) | ((1u + (cause & 1u)) << 20u);
    let bits = LOSS_MARK | tag | (steps & LOSS_STEPS);
    return float_from_bits(bits);
}

// Lost and not counted yet.
fn loss_is_fresh(log_weight: f32) -> bool {
    let bits = float_bits(log_weight);
    let tag = bits >> 20u;
    return (bits & LOSS_MARK) == LOSS_MARK && ((tag ^ (tag >> 1u)) & 1u) == 1u;
}

fn loss_cause(log_weight: f32) -> u32 {
    let bits = bitcast<u32>(log_weight);
    return ((bits >> 31u) << 1u) | ((bits >> 21u) & 1u);
}

// The steps done with the one that lost it, of `now` steps done or more, at most LOSS_STEPS later.
fn loss_steps(log_weight: f32, now: u32) -> u32 {
    return now - ((now - bitcast<u32>(log_weight)) & LOSS_STEPS);
}
