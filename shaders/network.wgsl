// Network: the score of a multilayer perceptron at every particle, and on request the divergence
// of the score by derivatives along directions, at the level of noise where the clock stands.
//
// A team of TEAM lanes has GROUPS particles; lane i of it owns the neurons i, i + TEAM, … of each
// layer. A column is a particle's value or its derivative along one direction: all columns share
// each weight that is loaded. A lane's numbers are vectors of columns, indexed by neuron / TEAM,
// always by constants, so that they stay in registers; the functions whose text is written out for
// that come from `src/kernel/network/text.rs`. What differs between devices is `network_evaluate`:
// `network/teams` or, with all neurons of a particle in one lane, `network/lanes`.
// Sums are over inputs in order: no result depends on how teams share workgroups.
// Source: forward-mode derivatives; M. F. Hutchinson, Commun. Stat. Simul. Comput. 18, 1989.
// Reads state_in, control, weights, levels; writes outputs.

// Where a lane sits: its place in its team, the team's place in the workgroup, and its place among
// the lanes that load weights together.
struct Seat {
    lane: u32,
    team: u32,
    reader: u32,
}

@compute @workgroup_size(NETWORK_WORKGROUP)
fn network(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let seat = Seat(local % TEAM, local / TEAM, local % READERS);
    let first =
        control.first_slot + (index_of_workgroup(id) * TEAMS + seat.team) * GROUPS;
    let level = min(control.step_begin, settings.steps) * LEVEL_NUMBERS;
    let scales = vec3<f32>(levels[level], levels[level + 1u], levels[level + 2u]);

    var divergence: array<f32, GROUPS>;
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        var start: Points;
        network_load(seat, first, control.step_begin, chunk, &start);
        var point = start;
        network_scale(scales.x, &point);
        network_evaluate(seat, level + 4u, &point);
        network_finish(seat, first, scales, chunk == 0u, &start, &point, &divergence);
    }
    network_store_divergence(seat, first, &divergence);
}
