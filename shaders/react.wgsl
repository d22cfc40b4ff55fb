// React: the Fisher-Rao part of the flow over a time g, solved exactly where p is known,
//   p <- p^a pi^(1-a) / constant,   a = exp(-lambda g),
// which the log-weights realise by (1 - a) (r - mean), r = log pi - log p. Reacting twice without
// moving takes r from one estimate: the first leaves log pi - log p = a r.
// `react_before` and `react_after` say how strong the next `react` is: g is the time of the block
// of steps to come, or of the one just done, or half of it.
// Reads control, schedule, ratios; reads and writes log_weights, reaction.

@group(0) @binding(0) var<storage, read_write> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> ratios: array<f32>;
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read> schedule: array<Instant>;
@group(0) @binding(4) var<storage, read_write> reaction: ReactionState;

fn react_strengthen(begin: u32, end: u32) {
    let time = settings.reaction_share * (schedule[end].time - schedule[begin].time);
    let a = exp(-settings.reaction_rate * time);
    // Jumps of probability 1 - exp(-lambda g |r|) need the time itself.
    let strength = select(1.0 - a, settings.reaction_rate * time, REACTION_JUMPS);
    reaction.strength = reaction.remaining * strength;
    reaction.remaining *= a;
}

@compute @workgroup_size(1)
fn react_before() {
    let begin = control.step_end;
    react_strengthen(begin, min(begin + settings.reaction_every, settings.steps));
}

@compute @workgroup_size(1)
fn react_after() {
    let end = control.step_end;
    react_strengthen((end - 1u) / settings.reaction_every * settings.reaction_every, end);
}

@compute @workgroup_size(LANES)
fn react(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot >= settings.particles || reaction.strength == 0.0) {
        return;
    }
    // Outside the support the ratio is minus infinity, and so is the weight: for good, like a loss.
    let log_weight = log_weights[slot];
    if (float_is_non_finite(log_weight)) {
        return;
    }
    let ratio = ratios[slot];
    let gain = react_gain(slot, reaction.strength, ratio - reaction.mean);
    let lost = float_is_lost(ratio) || float_is_lost(log_weight + gain);
    let loss = loss_of(LOSS_WEIGHT, control.step_end);
    log_weights[slot] = select(log_weight + gain, loss, lost);
}
