// Entropy: the weighted mean of r = log pi - log p over the population, and log of the mean of
// pi / p; the first taken from the second is the relative entropy of p to pi, and the second
// estimates the normalising constant of pi. Blocks first, then one workgroup, in a fixed order.
// Where r is minus infinity a particle counts in the second alone.
// Reads log_weights, ratios, control; writes entropy_blocks, reaction, reaction_trace.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> ratios: array<f32>;
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read_write> entropy_records: array<EntropyBlock>;
@group(0) @binding(4) var<storage, read_write> reaction: ReactionState;
@group(0) @binding(5) var<storage, read_write> reaction_trace: array<ReactionRow>;

const ENTROPY_LEAST = -3.4e38;

var<workgroup> sh_entropy: array<EntropyBlock, LANES>;

fn entropy_none() -> EntropyBlock {
    return EntropyBlock(ENTROPY_LEAST, 0.0, 0.0, 0.0, ENTROPY_LEAST, 0.0, 0u);
}

fn entropy_of_particle(log_weight: f32, r: f32) -> EntropyBlock {
    var one = entropy_none();
    if (float_is_non_finite(log_weight)) {
        return one;
    }
    one.peak = log_weight;
    one.weight = 1.0;
    if (float_is_non_finite(r)) {
        one.outside = 1u;
        return one;
    }
    one.inside = 1.0;
    one.mean = r;
    one.ratio_peak = log_weight + r;
    one.ratio = 1.0;
    return one;
}

fn entropy_merge(a: EntropyBlock, b: EntropyBlock) -> EntropyBlock {
    var merged: EntropyBlock;
    merged.peak = max(a.peak, b.peak);
    let unit = vec2<f32>(exp(a.peak - merged.peak), exp(b.peak - merged.peak));
    merged.weight = a.weight * unit.x + b.weight * unit.y;
    let inside = vec2<f32>(a.inside, b.inside) * unit;
    merged.inside = inside.x + inside.y;
    merged.mean = a.mean + (b.mean - a.mean) * inside.y / max(merged.inside, 1e-37);
    merged.ratio_peak = max(a.ratio_peak, b.ratio_peak);
    merged.ratio = a.ratio * exp(a.ratio_peak - merged.ratio_peak)
        + b.ratio * exp(b.ratio_peak - merged.ratio_peak);
    merged.outside = a.outside + b.outside;
    return merged;
}

// All lanes together; the result is that of lane 0.
fn entropy_of_workgroup(lane: u32, mine: EntropyBlock) -> EntropyBlock {
    var merged = mine;
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        sh_entropy[lane] = merged;
        workgroupBarrier();
        if (lane < width) {
            merged = entropy_merge(merged, sh_entropy[lane + width]);
        }
        workgroupBarrier();
    }
    return merged;
}

@compute @workgroup_size(LANES)
fn entropy_of_blocks(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = index_of_workgroup(id);
    var mine = entropy_none();
    for (var k = 0u; k < ITEMS; k++) {
        let slot = block * BLOCK + k * LANES + lane;
        if (slot < settings.particles) {
            mine = entropy_merge(mine, entropy_of_particle(log_weights[slot], ratios[slot]));
        }
    }
    let all = entropy_of_workgroup(lane, mine);
    if (lane == 0u && block < settings.blocks) {
        entropy_records[block] = all;
    }
}

@compute @workgroup_size(LANES)
fn entropy_of_all(@builtin(local_invocation_index) lane: u32) {
    var mine = entropy_none();
    for (var b = lane; b < (settings.blocks ^ float_hidden_zero()); b += LANES) {
        mine = entropy_merge(mine, entropy_records[b]);
    }
    let all = entropy_of_workgroup(lane, mine);
    if (lane == 0u) {
        var row: ReactionRow;
        row.step = control.step_end;
        row.log_normalizer = all.ratio_peak + log(all.ratio) - all.peak - log(all.weight);
        row.relative_entropy = row.log_normalizer - all.mean;
        row.outside = all.outside;
        reaction_trace[reaction.rows % settings.trace_rows] = row;
        reaction.rows += 1u;
        reaction.mean = all.mean;
        reaction.remaining = 1.0;
    }
}
