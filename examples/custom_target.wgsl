// Two moons that face each other, log density up to a constant:
//   -((|x| - 2) / 0.4)^2 / 2 + log(exp(-((x0 - 2) / 0.6)^2 / 2) + exp(-((x0 + 2) / 0.6)^2 / 2))
// `Point` is vec2<f32> in two dimensions.

override width: f32 = 0.4;

fn log_density(x: Point) -> f32 {
    let ring = (length(x) - 2.0) / width;
    // log(e^a + e^b) without overflow.
    let a = -0.5 * pow((x.x - 2.0) / 0.6, 2.0);
    let b = -0.5 * pow((x.x + 2.0) / 0.6, 2.0);
    return -0.5 * ring * ring + max(a, b) + log(1.0 + exp(-abs(a - b)));
}

fn score(x: Point) -> Point {
    let r = max(length(x), 1e-6);
    let right = (2.0 - x.x) / 0.36;
    let left = (-2.0 - x.x) / 0.36;
    // The share of the right moon.
    let share = 1.0 / (1.0 + exp(-4.0 * x.x / 0.36));
    let ring = -(r - 2.0) / (width * width * r);
    return ring * x + vec2<f32>(mix(left, right, share), 0.0);
}
