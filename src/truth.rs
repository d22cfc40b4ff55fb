//! What is known exactly of the built-in targets, to compare a sample with.

use std::f64::consts::{LN_2, PI, TAU};

use crate::target::{Component, Law, Target};

/// Exact properties of a target, in closed form or by quadrature in f64.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Truth {
    /// log Z, the logarithm of the integral of the unnormalised density.
    pub log_normalizer: f64,
    /// P(x₀ > 0).
    pub right_mass: f64,
    /// E xᵢ for every axis.
    pub mean: Vec<f64>,
    /// E xᵢ² for every axis.
    pub second_moment: Vec<f64>,
}

impl Target {
    /// The exact properties of a built-in target with its parameters; `None` for three and more
    /// Lennard-Jones atoms, and for text from outside.
    pub fn truth(&self) -> Option<Truth> {
        let dim = self.dim() as usize;
        Some(match self.law()? {
            Law::StandardNormal => Truth {
                log_normalizer: dim as f64 * LOG_ROOT_TAU,
                ..Truth::symmetric(vec![1.0; dim])
            },
            Law::DoubleWell { a, c, stiffness } => double_well(dim, a, c, stiffness),
            Law::GaussianMixture(components) => gaussian_mixture(dim, components),
            Law::ManyWell { depth, tilt } => many_well(dim, depth, tilt),
            Law::Funnel { spread } => funnel(dim, spread),
            Law::Banana { spread, bend } => banana(dim, spread, bend),
            Law::Ring { radius, width } => ring(dim, radius, width),
            Law::LennardJones { eps, sigma, temperature, confinement } => {
                let spring = confinement / temperature;
                match dim {
                    3 => Truth {
                        log_normalizer: 3.0 * (LOG_ROOT_TAU - 0.5 * spring.ln()),
                        ..Truth::symmetric(vec![1.0 / spring; 3])
                    },
                    6 => two_atoms(eps / temperature, sigma, spring),
                    _ => return None,
                }
            }
        })
    }

    /// log Z, where it is known: see [`Truth::log_normalizer`].
    pub fn log_normalizer(&self) -> Option<f64> {
        self.truth().map(|truth| truth.log_normalizer)
    }
}

impl Truth {
    /// A normalised law with x and −x₀ alike, and these second moments.
    fn symmetric(second_moment: Vec<f64>) -> Truth {
        let mean = vec![0.0; second_moment.len()];
        Truth { log_normalizer: 0.0, right_mass: 0.5, mean, second_moment }
    }
}

/// log √(2π)
const LOG_ROOT_TAU: f64 = 0.918_938_533_204_672_7;

fn double_well(dim: usize, a: f64, c: f64, stiffness: f64) -> Truth {
    let first = Law1::on_the_line(|x| -a * x * x * (0.25 * x * x - 0.5) - c * x);
    let mut mean = vec![0.0; dim];
    let mut second_moment = vec![1.0 / stiffness; dim];
    mean[0] = first.expect(|x| x);
    second_moment[0] = first.expect(|x| x * x);
    Truth {
        log_normalizer: first.log_normalizer
            + (dim - 1) as f64 * (LOG_ROOT_TAU - 0.5 * stiffness.ln()),
        right_mass: first.right_mass(),
        mean,
        second_moment,
    }
}

fn many_well(dim: usize, depth: f64, tilt: f64) -> Truth {
    let wells = dim / 2;
    let well = Law1::on_the_line(|x| -x * x * (x * x - depth) + tilt * x);
    let mut mean = vec![0.0; dim];
    let mut second_moment = vec![1.0; dim];
    mean[..wells].fill(well.expect(|x| x));
    second_moment[..wells].fill(well.expect(|x| x * x));
    Truth {
        log_normalizer: wells as f64 * well.log_normalizer + (dim - wells) as f64 * LOG_ROOT_TAU,
        right_mass: well.right_mass(),
        mean,
        second_moment,
    }
}

fn gaussian_mixture(dim: usize, components: &[Component]) -> Truth {
    let mut truth = Truth { right_mass: 0.0, ..Truth::symmetric(vec![0.0; dim]) };
    for Component { weight, mean, scale } in components {
        truth.right_mass += weight * normal_cdf(mean[0] / scale[0]);
        for i in 0..dim {
            let (mean, scale) = (mean[i], scale[i]);
            truth.mean[i] += weight * mean;
            truth.second_moment[i] += weight * (mean * mean + scale * scale);
        }
    }
    truth
}

fn funnel(dim: usize, spread: f64) -> Truth {
    let variance = spread * spread;
    let mut second_moment = vec![(0.5 * variance).exp(); dim];
    second_moment[0] = variance;
    Truth::symmetric(second_moment)
}

fn banana(dim: usize, spread: f64, bend: f64) -> Truth {
    let variance = spread * spread;
    let mut second_moment = vec![1.0; dim];
    second_moment[0] = variance;
    second_moment[1] = 1.0 + 2.0 * (bend * variance).powi(2);
    Truth::symmetric(second_moment)
}

/// Integrates over the radius r, with weight r^(dim−1) times the surface of the unit sphere.
fn ring(dim: usize, radius: f64, width: f64) -> Truth {
    let power = (dim - 1) as f64;
    // The integrand's peak; away from it the integrand falls faster than N(peak, width²).
    let peak = 0.5 * (radius + (radius * radius + 4.0 * power * width * width).sqrt());
    let reach = 12.0 * width;
    let law = Law1::between((peak - reach).max(0.0), peak + reach, |r| {
        power * r.ln() - 0.5 * ((r - radius) / width).powi(2)
    });
    let square = law.expect(|r| r * r);
    Truth {
        log_normalizer: law.log_normalizer + log_sphere(dim),
        ..Truth::symmetric(vec![square / dim as f64; dim])
    }
}

/// Two Lennard-Jones atoms: their middle is normal, and their distance r has the density
/// 4π r² exp(−u(r) − spring r²/4) with the pair's energy u in units of the temperature.
fn two_atoms(eps: f64, sigma: f64, spring: f64) -> Truth {
    let log_density = |r: f64| {
        let u = eps * lennard_jones_pair((r / sigma).powi(2)).0;
        2.0 * r.ln() - u - 0.25 * spring * r * r
    };
    let apart = Law1::between(0.0, 3.0 * sigma + 20.0 / spring.sqrt(), log_density);
    // x₁ = middle + d/2, with the middle's variance 1/(2 spring) along each axis.
    let square = 0.5 / spring + apart.expect(|r| r * r) / 12.0;
    let middle = 3.0 * (LOG_ROOT_TAU - 0.5 * (2.0 * spring).ln());
    Truth {
        log_normalizer: middle + (4.0 * PI).ln() + apart.log_normalizer,
        ..Truth::symmetric(vec![square; 6])
    }
}

/// The energy of a pair at the squared distance q, and its slope in q; units of eps and sigma².
pub(crate) fn lennard_jones_pair(q: f64) -> (f64, f64) {
    const CORE: f64 = 0.49;
    let cube = q.max(CORE).powi(-3);
    let slope = 12.0 * cube / q.max(CORE) * (1.0 - 2.0 * cube);
    (4.0 * cube * (cube - 1.0) + slope * (q - CORE).min(0.0), slope)
}

/// log of the unit sphere's surface 2 π^(dim/2) / Γ(dim/2).
fn log_sphere(dim: usize) -> f64 {
    // Γ(dim/2) from Γ(1) = 1 or Γ(1/2) = √π by Γ(z + 1) = z Γ(z).
    let (start, first) = if dim.is_multiple_of(2) { (2, 0.0) } else { (1, 0.5 * PI.ln()) };
    let log_gamma: f64 =
        first + (start..dim).step_by(2).map(|k| (0.5 * k as f64).ln()).sum::<f64>();
    LN_2 + 0.5 * dim as f64 * PI.ln() - log_gamma
}

/// A one-dimensional law by Gauss–Legendre quadrature.
struct Law1 {
    /// Where the density is evaluated, and the probability there.
    nodes: Vec<(f64, f64)>,
    log_normalizer: f64,
}

impl Law1 {
    /// On the whole line: widens the interval until the density has vanished at both ends.
    fn on_the_line(log_density: impl Fn(f64) -> f64) -> Law1 {
        let mut half = 1.0;
        loop {
            let peak = (-256..=256)
                .map(|i| log_density(half * f64::from(i) / 256.0))
                .fold(f64::NEG_INFINITY, f64::max);
            if log_density(half).max(log_density(-half)) < peak - 60.0 {
                return Law1::between(-half, half, log_density);
            }
            half *= 1.25;
        }
    }

    fn between(from: f64, to: f64, log_density: impl Fn(f64) -> f64) -> Law1 {
        // Even, so that a panel ends where a symmetric interval is cut at 0.
        const PANELS: u32 = 4096;
        let panel = (to - from) / f64::from(PANELS);
        let mut nodes = Vec::with_capacity(5 * PANELS as usize);
        for i in 0..PANELS {
            let middle = from + panel * (f64::from(i) + 0.5);
            for (place, weight) in GAUSS_LEGENDRE_5 {
                let x = middle + 0.5 * panel * place;
                nodes.push((x, log_density(x) + (0.5 * panel * weight).ln()));
            }
        }
        let peak = nodes.iter().map(|node| node.1).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = nodes.iter().map(|node| (node.1 - peak).exp()).sum();
        let log_normalizer = peak + total.ln();
        for node in &mut nodes {
            node.1 = (node.1 - log_normalizer).exp();
        }
        Law1 { nodes, log_normalizer }
    }

    fn expect(&self, value: impl Fn(f64) -> f64) -> f64 {
        self.nodes.iter().map(|(x, probability)| probability * value(*x)).sum()
    }

    fn right_mass(&self) -> f64 {
        self.expect(|x| if x > 0.0 { 1.0 } else { 0.0 })
    }
}

/// P(N(0, 1) < z), within 1e-15.
fn normal_cdf(z: f64) -> f64 {
    const PANELS: u32 = 32;
    // Beyond 9 standard deviations lies less than the rounding of 1.
    let panel = z.clamp(-9.0, 9.0) / f64::from(PANELS);
    let mut right_of_0 = 0.0;
    for i in 0..PANELS {
        for (place, weight) in GAUSS_LEGENDRE_5 {
            let x = panel * (f64::from(i) + 0.5 + 0.5 * place);
            right_of_0 += 0.5 * panel * weight * (-0.5 * x * x).exp();
        }
    }
    0.5 + right_of_0 / TAU.sqrt()
}

/// Places and weights on [−1, 1]; exact for polynomials of degree 9 (Abramowitz & Stegun 25.4.30).
const GAUSS_LEGENDRE_5: [(f64, f64); 5] = [
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} is not {expected} ± {tolerance}");
    }

    #[test]
    fn double_wells_agree_with_independent_quadrature() {
        // P(x₀ > 0), E x₀² and log Z in two dimensions, by numpy.
        for (a, c, right, square, log_z) in [
            (1.0, 0.0, 0.5, 1.0418, 2.2812),
            (4.0, 0.0, 0.5, 0.8327, 2.5989),
            (20.0, 0.0, 0.5, 0.9368, 5.7375),
            (20.0, 0.1, 0.4527, 0.9374, 5.7422),
            (40.0, 0.03, 0.4853, 0.9725, 10.3617),
        ] {
            let target = Target::double_well(2).unwrap().set("a", a).unwrap().set("c", c).unwrap();
            let truth = target.truth().unwrap();
            near(truth.right_mass, right, 6e-5);
            near(truth.second_moment[0], square, 6e-5);
            near(truth.log_normalizer, log_z, 6e-5);
            near(truth.second_moment[1], 1.0, 0.0);
        }
    }

    #[test]
    fn double_wells_at_the_ends_of_the_parameters() {
        let truth = |a, c, stiffness| {
            let target = Target::double_well(3).unwrap().set("a", a).unwrap().set("c", c).unwrap();
            target.set("stiffness", stiffness).unwrap().truth().unwrap()
        };
        // Narrow wells: each is N(±1, 1/(2a)) to first order.
        let narrow = truth(1e4, 0.0, 4.0);
        near(
            narrow.log_normalizer,
            2500.0 + LN_2 + 3.0 * LOG_ROOT_TAU - 0.5 * (2e4 * 16.0_f64).ln(),
            1e-3,
        );
        near(narrow.second_moment[2], 0.25, 1e-15);
        // A tilt that leaves one far well near x³ = −c/a: E V' = 0 there.
        let tilted = truth(1e-3, 1e3, 1.0);
        near(tilted.mean[0], -100.0, 0.2);
        near(tilted.right_mass, 0.0, 1e-15);
    }

    #[test]
    fn many_wells_agree_with_independent_quadrature() {
        for (dim, log_z) in [(8, 41.1739), (32, 164.6957)] {
            let truth = Target::many_well(dim).unwrap().truth().unwrap();
            near(truth.log_normalizer, log_z, 6e-4);
            near(truth.right_mass, 0.8443, 6e-5);
        }
    }

    #[test]
    fn the_ring_has_a_closed_form_in_even_dimensions_and_at_radius_0() {
        // In the plane: 2π (w² exp(−R²/2w²) + R w √(2π) Φ(R/w)).
        for (radius, width) in [(2.0, 0.4), (1.0, 3.0), (100.0, 0.01)] {
            let target = Target::ring(2).unwrap().set("radius", radius).unwrap();
            let truth = target.set("width", width).unwrap().truth().unwrap();
            let z: f64 = radius / width;
            let square = width * width;
            let inner = square * (-0.5 * z * z).exp() + radius * width * TAU.sqrt() * normal_cdf(z);
            near(truth.log_normalizer, (TAU * inner).ln(), 1e-12);
        }
        for dim in [2, 3, 10, 1024] {
            let target = Target::ring(dim).unwrap().set("radius", 0.0).unwrap();
            let truth = target.set("width", 1.0).unwrap().truth().unwrap();
            near(truth.log_normalizer, f64::from(dim) * LOG_ROOT_TAU, 1e-8);
            near(truth.second_moment[0], 1.0, 1e-10);
        }
    }

    #[test]
    fn a_mixture_adds_its_components() {
        let components = [(3.0, -3.0, 0.5), (7.0, 1.0, 0.25)].map(|(weight, mean, scale)| {
            Component { weight, mean: vec![mean, -mean], scale: vec![scale] }
        });
        let truth = Target::gaussian_mixture(&components).unwrap().truth().unwrap();
        near(truth.log_normalizer, 0.0, 0.0);
        near(truth.mean[0], -0.2, 1e-15);
        near(truth.mean[1], 0.2, 1e-15);
        near(truth.second_moment[1], 0.3 * 9.25 + 0.7 * 1.0625, 1e-15);
        near(truth.right_mass, 0.3 * 9.865_876_450_377e-10 + 0.7 * 0.999_968_328_758_166_9, 1e-14);
    }

    #[test]
    fn the_normal_cdf_agrees_with_tables() {
        for (z, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-2.0, 0.022_750_131_948_179_2),
            (40.0, 1.0),
            (-40.0, 0.0),
        ] {
            near(normal_cdf(z), expected, 1e-15);
        }
    }

    /// Without attraction the atoms are independent; with it, the virial theorem: the mean of
    /// x·∇V / temperature is the dimension.
    #[test]
    fn two_atoms_obey_the_virial_theorem() {
        let (sigma, spring) = (0.8, 1.7);
        let free = two_atoms(0.0, sigma, spring);
        near(free.log_normalizer, 6.0 * (LOG_ROOT_TAU - 0.5 * spring.ln()), 1e-10);
        near(free.second_moment[0], 1.0 / spring, 1e-10);
        let eps = 2.5;
        let apart = Law1::between(0.0, 20.0, |r| {
            2.0 * r.ln() - eps * lennard_jones_pair((r / sigma).powi(2)).0 - 0.25 * spring * r * r
        });
        // r u′(r) = 2 q du/dq.
        let virial = apart.expect(|r| {
            let q = (r / sigma).powi(2);
            2.0 * eps * q * lennard_jones_pair(q).1
        });
        let truth = two_atoms(eps, sigma, spring);
        near(virial + spring * 6.0 * truth.second_moment[0], 6.0, 1e-6);
    }

    #[test]
    fn moments_of_the_funnel_and_the_banana() {
        let funnel = Target::funnel(3).unwrap().truth().unwrap();
        near(funnel.second_moment[2], 4.5_f64.exp(), 1e-12);
        let banana = Target::banana(3).unwrap().truth().unwrap();
        assert_eq!(banana.second_moment, [4.0, 9.0, 1.0]);
        assert_eq!(Target::from_wgsl(1, "x.wgsl", "").unwrap().truth(), None);
    }
}
