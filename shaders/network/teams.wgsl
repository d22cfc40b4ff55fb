// The layers of a network whose neurons are shared out among the lanes of a team: graphics cards.
//
// The inputs of a layer lie in workgroup memory, all columns of a neuron side by side and those of
// the workgroup's teams next to each other, so that no two of them are in one bank. A lane has the
// sums of its neurons in registers, and nothing else that grows with the width.

// From points to the network's answer.
fn network_evaluate(seat: Seat, biases: u32, point: ptr<function, Points>) {
    var z: Columns;
    var kept: Columns;
    network_share_point(seat, point);
    // Compilers must not know where loops of products end: unrolled, loads take all registers.
    let hidden_zero = float_hidden_zero();
    // The first layer is one of the loop, so that the long text of products is there once.
    var fours = POINT_FOURS + hidden_zero;
    var first = 0u;
    for (var l = 0u; l <= HIDDEN_LAYERS; l++) {
        network_to_hidden(seat, fours, first, &z);
        first += select(LAYER_WEIGHTS, INPUT_WEIGHTS, l == 0u);
        fours = HIDDEN_FOURS + hidden_zero;
        network_bias(seat, biases + l * LAYER_BIASES, &z);
        if (RESIDUAL && (l & 1u) == 0u) {
            if (l > 0u) {
                network_add(&z, &kept);
            }
            kept = z;
        }
        network_activate(&z);
        network_share_hidden(seat, &z);
    }
    network_to_point(seat, fours, first, point);
    network_output_bias(seat, biases + (HIDDEN_LAYERS + 1u) * LAYER_BIASES, point);
}
