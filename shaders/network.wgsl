// Network: the score of a multilayer perceptron at every particle, and on request the divergence
// of the score by derivatives along directions, at the level of noise where the clock stands.
//
// A team of TEAM lanes has GROUPS particles. A lane owns the neurons lane, lane + TEAM, … of every
// layer; what one lane owns the whole team needs for the next layer, so that it is handed round,
// TEAM neurons at a time. A column is a particle's value or its derivative along one direction:
// COLUMNS of them share each weight that is loaded. Numbers of a team are indexed by
// (neuron / TEAM) · COLUMNS + column, always by constants, so that they stay in registers; the
// functions whose text is written out for that come from `src/kernel/network/text.rs`.
// Sums are over inputs in order: no result depends on how teams share workgroups.
// Source: forward-mode derivatives; M. F. Hutchinson, Commun. Stat. Simul. Comput. 18, 1989.
// Reads state_in, control, weights, levels; writes outputs.

// Where a lane sits: its place in its team, and the team's place in the workgroup.
struct Seat {
    lane: u32,
    team: u32,
}

// From points to the last hidden layer's activations. The first layer is one of the loop, so that
// the text of products, which is long, is there once.
fn network_hidden_layers(seat: Seat, biases: u32, z: ptr<function, Columns>) {
    var kept = *z;
    for (var l = 0u; l <= HIDDEN_LAYERS; l++) {
        var inputs = POINT_BLOCKS;
        var first = 0u;
        if (l > 0u) {
            network_activate(z);
            inputs = HIDDEN_BLOCKS;
            first = INPUT_WEIGHTS + (l - 1u) * LAYER_WEIGHTS;
        }
        network_to_hidden(seat, inputs, first, z);
        network_bias(seat, biases + l * LAYER_BIASES, z);
        if (RESIDUAL && (l & 1u) == 0u) {
            if (l > 0u) {
                network_add(z, &kept);
            }
            kept = *z;
        }
    }
    network_activate(z);
}

@compute @workgroup_size(NETWORK_WORKGROUP)
fn network(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let seat = Seat(local % TEAM, local / TEAM);
    let first =
        control.first_slot + (index_of_workgroup(id) * TEAMS + seat.team) * GROUPS;
    let level = min(control.step_begin, settings.steps) * LEVEL_NUMBERS;
    let scales = vec3<f32>(levels[level], levels[level + 1u], levels[level + 2u]);
    let biases = level + 4u;

    var divergence: array<f32, GROUPS>;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        var start: Columns;
        network_load(seat, first, &start);
        network_direct(seat, first, control.step_begin, chunk, &start);
        var z = start;
        network_scale(scales.x, &z);
        network_hidden_layers(seat, biases, &z);
        network_to_point(seat, HIDDEN_BLOCKS, OUTPUT_WEIGHTS, &z);
        network_output_bias(seat, biases + (HIDDEN_LAYERS + 1u) * LAYER_BIASES, &z);
        network_finish(seat, first, scales, chunk == 0u, &start, &z, &divergence);
    }
    network_store_divergence(seat, first, &divergence);
}
