// Score model: an error that is put on a score on purpose, to study what it does,
//   s_j <- scale s_j + wave sin(2 x_j) + noise xi_j,
// with standard normal xi. It is drawn from the point and the level of noise: like a network,
// the same point has the same score, and any other has another. Log densities and divergences stay
// those of the model.

// The noise of model `model` at node `node`, as a random number for every point.
fn score_error(
    x: ptr<function, Point>, node: u32, model: u32, error: vec3<f32>, term: ptr<function, Term>,
) {
    var place = model;
    for (var j = 0u; j < DIM; j++) {
        place = (place ^ bitcast<u32>((*x)[j])) * 0x9E3779B1u;
        place = place ^ (place >> 15u);
    }
    for (var block = 0u; block * 4u < DIM; block++) {
        let words = threefry_at(vec3<u32>(place, 0u, 0u), node, block, STREAM_SCORE_ERROR);
        let normals = vec4<f32>(normal_pair(words.x, words.y), normal_pair(words.z, words.w));
        for (var i = 0u; i < 4u; i++) {
            let j = block * 4u + i;
            if (j < DIM) {
                (*term).score[j] = error.x * (*term).score[j] + error.y * sin(2.0 * (*x)[j])
                    + error.z * normals[i];
            }
        }
    }
}
