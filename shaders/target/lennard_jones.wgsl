// Lennard-Jones cluster, not normalised: DIM/3 atoms, atom a at (x[3a], x[3a+1], x[3a+2]), each
// held by a spring to the origin, at a temperature:
//   log density −V/temperature,
//   V(x) = Σ_{a<b} 4 eps ((sigma/r)^12 − (sigma/r)^6) + confinement/2 · Σ_a |x_a|².
// Below r = 0.7 sigma the pair's energy goes on as the line in r² that touches it there, so that
// energy and score are finite even where atoms coincide. The energy there is 255 eps and more: at
// temperatures up to 10 eps that region has no mass to speak of, and the cut changes nothing.
// Source: J. E. Jones, Proc. R. Soc. A 106 (1924) 463; as a test of samplers, clusters of 13 atoms:
// L. Klein, A. Krämer, F. Noé, arXiv:2306.15030.
// Dimensions: multiples of 3.

// Depth of a pair's well.
override eps: f32 = 1.0;
// Distance at which a pair's energy is 0.
override sigma: f32 = 1.0;
override temperature: f32 = 1.0;
// Stiffness of the spring of each atom.
override confinement: f32 = 1.0;

const LENNARD_JONES_ATOMS: u32 = DIM / 3u;
// The square of 0.7: where the core begins, in units of sigma².
const LENNARD_JONES_CORE: f32 = 0.49;

// The energy of a pair at the squared distance q, and its slope in q; units of eps and sigma².
fn lennard_jones_pair(q: f32) -> vec2<f32> {
    let inverse = 1.0 / max(q, LENNARD_JONES_CORE);
    let cube = inverse * inverse * inverse;
    let slope = 12.0 * inverse * cube * (1.0 - 2.0 * cube);
    return vec2<f32>(4.0 * cube * (cube - 1.0) + slope * min(q - LENNARD_JONES_CORE, 0.0), slope);
}

fn lennard_jones_atom(x: ptr<function, Point>, a: u32) -> vec3<f32> {
    return vec3<f32>((*x)[3u * a], (*x)[3u * a + 1u], (*x)[3u * a + 2u]);
}

fn log_density(x: ptr<function, Point>) -> f32 {
    var pairs = 0.0;
    var springs = 0.0;
    for (var a = 0u; a < LENNARD_JONES_ATOMS; a++) {
        let at = lennard_jones_atom(x, a);
        springs += dot(at, at);
        for (var b = 0u; b < a; b++) {
            let apart = (at - lennard_jones_atom(x, b)) / sigma;
            pairs += lennard_jones_pair(dot(apart, apart)).x;
        }
    }
    return -(eps * pairs + 0.5 * confinement * springs) / temperature;
}

fn score(x: ptr<function, Point>) -> Point {
    var slope: Point;
    _ = log_density_and_score(x, &slope);
    return slope;
}

fn log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
    var pairs = 0.0;
    var springs = 0.0;
    for (var i = 0u; i < DIM; i++) {
        (*out)[i] = -confinement / temperature * (*x)[i];
    }
    for (var a = 0u; a < LENNARD_JONES_ATOMS; a++) {
        let at = lennard_jones_atom(x, a);
        springs += dot(at, at);
        var pull = vec3<f32>(0.0);
        for (var b = 0u; b < a; b++) {
            let apart = (at - lennard_jones_atom(x, b)) / sigma;
            let pair = lennard_jones_pair(dot(apart, apart));
            pairs += pair.x;
            let force = -2.0 * eps * pair.y / (sigma * temperature) * apart;
            pull += force;
            for (var i = 0u; i < 3u; i++) {
                (*out)[3u * b + i] -= force[i];
            }
        }
        for (var i = 0u; i < 3u; i++) {
            (*out)[3u * a + i] += pull[i];
        }
    }
    return -(eps * pairs + 0.5 * confinement * springs) / temperature;
}
