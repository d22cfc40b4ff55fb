// A flower: petals on a ring, heavier towards the right.
//
// log_density is the logarithm of a density that need not be normalised. A Point is a vec2<f32> here,
// as the run file says dim = 2. There is no score: wfr derives the gradient of this function. What
// begins with `override` is a parameter, which [problem.set] of the run file sets.

override petals: f32 = 5.0;
override radius: f32 = 3.0;
override width: f32 = 0.3;
// How far the density falls between two petals, as a logarithm.
override depth: f32 = 4.0;
// By how much the right is heavier.
override tilt: f32 = 0.2;

fn log_density(x: Point) -> f32 {
    let r = length(x);
    let ring = (r - radius) / width;
    // No petals at the centre, where there is no angle.
    let bloom = smoothstep(0.0, radius, r);
    let valley = 0.5 * depth * bloom * (1.0 - cos(petals * atan2(x.y, x.x)));
    return -0.5 * ring * ring - valley + tilt * x.x;
}
