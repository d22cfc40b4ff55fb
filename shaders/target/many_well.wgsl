// Many wells: a double well along each of the first DIM/2 axes, so 2^(DIM/2) modes, and a standard
// normal law along the others, not normalised:
//   log density −V,  V(x) = Σ_{i<DIM/2} (xᵢ⁴ − depth xᵢ² − tilt xᵢ) + Σ_{i≥DIM/2} xᵢ²/2.
// Source: the double well of F. Noé et al., Science 365 (2019) eaaw1147, repeated as in
// L. I. Midgley et al., arXiv:2208.01893 (who interleave the axes).
// Dimensions: even.

// The barrier of each double well is depth²/4.
override depth: f32 = 6.0;
// Positive values favour the right wells.
override tilt: f32 = 0.5;

fn log_density(x: ptr<function, Point>) -> f32 {
    var potential = 0.0;
    for (var i = 0u; i < DIM; i++) {
        let along = (*x)[i];
        let square = along * along;
        potential += select(0.5 * square, square * (square - depth) - tilt * along, i < DIM / 2u);
    }
    return -potential;
}

fn score(x: ptr<function, Point>) -> Point {
    var slope: Point;
    for (var i = 0u; i < DIM; i++) {
        let along = (*x)[i];
        let well = 2.0 * along * (depth - 2.0 * along * along) + tilt;
        slope[i] = select(-along, well, i < DIM / 2u);
    }
    return slope;
}
