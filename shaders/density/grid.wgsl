// Density: the weighted population on a grid, in up to three dimensions, interpolated linearly, and
// the target beside it, blurred in the same way: a population that is distributed as the target has
// the same ratio to it everywhere, whatever the bandwidth and wherever the support ends.
// Source: cloud-in-cell assignment of particle-mesh methods, Hockney & Eastwood 1988.

@group(0) @binding(2) var<storage, read> grid_field: array<u32>;

// Where the field is below this, in units of 2^-31 of the mass, the density is not resolved.
const GRID_FLOOR = 0.00390625;
// Where the blurred target is below this part of its largest value, it is next to rounding.
const GRID_TARGET_FLOOR = 1e-30;

fn density_log_ratio(x: ptr<function, Point>, slot: u32, aim: f32) -> f32 {
    var mass = 0.0;
    var blurred = 0.0;
    for (var corner = 0u; corner < (1u << DIM); corner++) {
        let share = grid_share(x, corner);
        mass += share.share * bitcast<f32>(grid_field[share.cell]);
        blurred += share.share * bitcast<f32>(grid_field[GRID_TOTAL + share.cell]);
    }
    var volume = GRID_UNITS;
    var within = true;
    for (var j = 0u; j < DIM; j++) {
        let axis = grid_axis(j);
        volume *= axis.spacing;
        within = within && abs((*x)[j] - axis.low - axis.spacing * GRID_MIDDLE)
            <= axis.spacing * GRID_MIDDLE;
    }
    // Beyond the grid, and where nothing is left of the blurred target, it is taken as it is.
    let peak = float_unkey(grid_field[GRID_PEAK]);
    let floored = log(max(blurred, GRID_TARGET_FLOOR)) + peak;
    let target_log = select(aim, floored, within && blurred >= GRID_TARGET_FLOOR);
    return target_log - log(max(mass, GRID_FLOOR)) + log(volume);
}
