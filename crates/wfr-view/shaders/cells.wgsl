// The density in the picture: the cells' masses, smoothed.
//
// The quadratic B-spline of the 3 x 3 cells around a place: continuous in slope, and it sums to the
// same mass. Reads `cells`; writes nothing.

@group(0) @binding(5) var<storage, read> cells: array<vec2<u32>>;

// At a place in units of cells, from the picture's top left.
fn cells_mass(at: vec2<f32>) -> f32 {
    let middle = floor(at);
    // Within the middle cell, −1/2 to 1/2.
    let t = at - middle - 0.5;
    var mass = 0.0;
    for (var row = -1; row <= 1; row++) {
        for (var column = -1; column <= 1; column++) {
            let weight = cells_spline(column, t.x) * cells_spline(row, t.y);
            mass += weight * cells_one(vec2<i32>(middle) + vec2(column, row));
        }
    }
    return mass;
}

fn cells_spline(offset: i32, t: f32) -> f32 {
    let side = 0.5 + t * f32(offset);
    return select(0.5 * side * side, 0.75 - t * t, offset == 0);
}

// The mass of a cell; beyond the picture's edge that of the nearest.
fn cells_one(at: vec2<i32>) -> f32 {
    let last = vec2<i32>(view.cells) - 1;
    let cell = clamp(at, vec2(0), last);
    let mass = cells[u32(cell.y) * view.cells.x + u32(cell.x)];
    return f32(mass.y) * 4294967296.0 + f32(mass.x);
}
