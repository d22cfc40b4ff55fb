// Density: the weighted population on a grid, in up to three dimensions, interpolated linearly.
// Source: cloud-in-cell assignment of particle-mesh methods, Hockney & Eastwood 1988.

@group(0) @binding(2) var<storage, read> grid_field: array<u32>;

// Where the field is below this, in units of 2^-31 of the mass, the density is not resolved.
const GRID_FLOOR = 0.00390625;

fn density_log(x: ptr<function, Point>, slot: u32) -> f32 {
    var mass = 0.0;
    for (var corner = 0u; corner < (1u << DIM); corner++) {
        let share = grid_share(x, corner);
        mass += share.share * bitcast<f32>(grid_field[share.cell]);
    }
    var volume = GRID_UNITS;
    for (var j = 0u; j < DIM; j++) {
        volume *= grid_axis(j).spacing;
    }
    return log(max(mass, GRID_FLOOR)) - log(volume);
}
