// The box of the grid: the range of the population, at most GRID_REACH standard deviations to
// either side of its mean, and four bandwidths more. The first node is at the low end of an axis,
// the last at the high end.

// Farther out a particle counts at the border.
const GRID_REACH = 8.0;

// The middle of an axis, in nodes.
const GRID_MIDDLE = 0.5 * f32(GRID_CELLS - 1u);
// Of a field: behind its two planes, the key of the largest log density among the target's points.
const GRID_PEAK = 2u * GRID_TOTAL;
// Below every log density: that of a point outside of the support, and finite.
const GRID_NOTHING = -3.4e38;

struct GridAxis {
    low: f32,
    spacing: f32,
}

fn grid_axis(j: u32) -> GridAxis {
    let reach = GRID_REACH * sqrt(moments.variance[j]);
    let margin = 4.0 * density_bandwidth(j);
    let low = max(moments.low[j], moments.mean[j] - reach) - margin;
    let high = min(moments.high[j], moments.mean[j] + reach) + margin;
    return GridAxis(low, (high - low) / f32(GRID_CELLS - 1u));
}

// A point between two nodes of an axis: the node below it and the fraction of the way to the next.
fn grid_place(x: f32, j: u32) -> vec2<f32> {
    let axis = grid_axis(j);
    let place = clamp((x - axis.low) / axis.spacing, 0.0, f32(GRID_CELLS - 1u));
    let node = min(floor(place), f32(GRID_CELLS - 2u));
    return vec2<f32>(node, place - node);
}

// Which corner of its cell a point shares out to: bit j of `corner` is the next node along axis j.
struct GridShare {
    cell: u32,
    share: f32,
}

fn grid_share(x: ptr<function, Point>, corner: u32) -> GridShare {
    var share = GridShare(0u, 1.0);
    var stride = 1u;
    for (var j = 0u; j < DIM; j++) {
        let place = grid_place((*x)[j], j);
        let next = (corner >> j) & 1u;
        share.cell += (u32(place.x) + next) * stride;
        share.share *= select(1.0 - place.y, place.y, next == 1u);
        stride *= GRID_CELLS;
    }
    return share;
}

// Where the target's point lies between two nodes of axis j, 0 to 1: ten bits of its cell's word.
fn grid_within(word: u32, j: u32) -> f32 {
    return (f32((word >> (10u * j)) & 1023u) + 0.5) * 0.0009765625;
}
