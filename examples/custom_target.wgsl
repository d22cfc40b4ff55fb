// Two moons that face each other, log density up to a constant:
//   -((|x| - 2) / width)^2 / 2 + log(exp(-((x0 - 2) / 0.6)^2 / 2) + exp(-((x0 + 2) / 0.6)^2 / 2))
// `Point` is vec2<f32> in two dimensions. The score is derived.

override width: f32 = 0.4;

fn moon(along: f32, centre: f32) -> f32 {
    let z = (along - centre) / 0.6;
    return -0.5 * z * z;
}

fn log_density(x: Point) -> f32 {
    let ring = (length(x) - 2.0) / width;
    let right = moon(x.x, 2.0);
    let left = moon(x.x, -2.0);
    // log(e^a + e^b) without overflow.
    return -0.5 * ring * ring + max(right, left) + log(1.0 + exp(-abs(right - left)));
}
