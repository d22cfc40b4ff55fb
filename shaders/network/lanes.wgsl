// The layers of a network all of whose neurons belong to one lane, for software drivers: their
// loads cost much for each lane, and their arithmetic little. READERS lanes load four weights each,
// which are handed round by subgroup operations and multiply the columns of all lanes; they may be
// a subgroup or the first lanes of one. Uniforms cost a sixth of storage there: where several have
// to hold the weights, `first` is 0 in each.

// From points to the network's answer.
fn network_evaluate(seat: Seat, biases: u32, point: ptr<function, Points>) {
    var z: Columns;
    var kept: Columns;
    network_from_point(seat, 0u, biases, true, point, &z, &kept);
    network_hidden_layers(seat, biases, &z, &kept);
    let last = biases + (HIDDEN_LAYERS + 1u) * LAYER_BIASES;
    network_to_point(seat, OUTPUT_WEIGHTS, last, &z, point);
}
