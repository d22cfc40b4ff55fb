//! Gaussian components that travel, grow and vanish: what `shaders/flow/tracks.wgsl` reads.
//!
//! A Gaussian with a scale per axis is the point (mean, scales) of a flat space: the distance of
//! Wasserstein between two of them is the Euclidean one, and the geodesic the straight line.

use super::coupling::coupling;
use crate::error::{Error, Result};
use crate::target::Component;

/// How the components of the initial law become those of the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pairing {
    /// By the cheapest transport plan, each part along a straight line with its mass constant.
    Displacement,
    /// The k-th becomes the k-th along a straight line, its mass linear in β.
    Hybrid,
    /// The k-th becomes the k-th by a geodesic of the cone of this length scale.
    Cone { length: f64 },
}

/// One component of a path: from one Gaussian to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Track {
    /// a, b, c of the mass a (1−β)² + 2b β(1−β) + c β².
    pub mass: [f64; 3],
    /// The way taken at β.
    pub way: Way,
    pub from: Component,
    pub to: Component,
}

/// Which fraction of the straight line lies behind at β.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// β.
    Even,
    /// The angle at (r₀(1−β) + r₁ cos θ β, r₁ sin θ β), over θ: a Dirac's place on the cone.
    Cone { theta: f64, begin: f64, end: f64 },
}

impl Track {
    /// Mass that changes at a constant rate.
    fn linear(from: &Component, to: &Component, masses: [f64; 2]) -> Track {
        let [begin, end] = masses;
        let mass = [begin, 0.5 * (begin + end), end];
        Track { mass, way: Way::Even, from: from.clone(), to: to.clone() }
    }

    /// Mass that appears or vanishes in place.
    fn still(at: &Component, begin: f64, end: f64) -> Track {
        Track { mass: [begin, 0.0, end], way: Way::Even, from: at.clone(), to: at.clone() }
    }

    /// The numbers of the shader, in its order.
    fn pack(&self, out: &mut Vec<f32>) {
        let single = |x: f64| x as f32;
        out.extend(self.mass.map(single));
        out.extend(match self.way {
            Way::Even => [0.0; 4],
            Way::Cone { theta, begin, end } => {
                [end * theta.sin(), begin, end * theta.cos(), 1.0 / theta].map(single)
            }
        });
        for (from, to) in [(&self.from.mean, &self.to.mean), (&self.from.scale, &self.to.scale)] {
            out.extend(from.iter().map(|x| *x as f32));
            out.extend(to.iter().zip(from).map(|(to, from)| (to - from) as f32));
        }
    }
}

/// The squared distance of Wasserstein between two Gaussians with a scale per axis.
fn squared_distance(from: &Component, to: &Component) -> f64 {
    let gap = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
    gap(&from.mean, &to.mean) + gap(&from.scale, &to.scale)
}

/// The geodesic of the cone between two Gaussians of masses m₀ and m₁, as one track or two.
///
/// With θ = distance / 2δ: if θ < π/2 one track travels; else nothing does, and m₀ vanishes as
/// (1−β)² while m₁ appears as β². Its action ∫ m |x′|² + δ² m′²/m is constant in time.
/// L. Chizat, G. Peyré, B. Schmitzer, F.-X. Vialard, Foundations of Computational Mathematics 18
/// (2018) 1.
pub(crate) fn cone(from: &Component, to: &Component, length: f64) -> Vec<Track> {
    let theta = squared_distance(from, to).sqrt() / (2.0 * length);
    let (begin, end) = (from.weight.sqrt(), to.weight.sqrt());
    if theta >= std::f64::consts::FRAC_PI_2 || begin == 0.0 || end == 0.0 {
        let both = [Track::still(from, from.weight, 0.0), Track::still(to, 0.0, to.weight)];
        return both.into_iter().filter(|track| track.mass != [0.0; 3]).collect();
    }
    let mass = [from.weight, begin * end * theta.cos(), to.weight];
    let way = if theta > 0.0 { Way::Cone { theta, begin, end } } else { Way::Even };
    vec![Track { mass, way, from: from.clone(), to: to.clone() }]
}

impl Pairing {
    /// The tracks between two normalised mixtures.
    ///
    /// # Errors
    /// When components are to be paired and their numbers differ.
    pub(crate) fn tracks(self, from: &[Component], to: &[Component]) -> Result<Vec<Track>> {
        match self {
            Pairing::Displacement => {
                let masses = |all: &[Component]| all.iter().map(|c| c.weight).collect::<Vec<_>>();
                let cost = |i: usize, j: usize| squared_distance(&from[i], &to[j]);
                let parts = coupling(&masses(from), &masses(to), cost);
                let track = |(i, j, mass)| Track::linear(&from[i], &to[j], [mass, mass]);
                Ok(parts.into_iter().map(track).collect())
            }
            Pairing::Hybrid if from.len() != to.len() => {
                let reason = format!(
                    "pairs the components of both laws in their order, but the initial law has {} \
                     and the target {}; split or add some, or take the cone path, which lets them \
                     vanish and appear",
                    from.len(),
                    to.len()
                );
                Err(Error::config("hybrid path", reason))
            }
            Pairing::Hybrid => {
                let track =
                    |(a, b): (&Component, &Component)| Track::linear(a, b, [a.weight, b.weight]);
                Ok(from.iter().zip(to).map(track).collect())
            }
            Pairing::Cone { length } => {
                let pairs = from.iter().zip(to).flat_map(|(a, b)| cone(a, b, length));
                let paired = from.len().min(to.len());
                let gone = from[paired..].iter().map(|a| Track::still(a, a.weight, 0.0));
                let new = to[paired..].iter().map(|b| Track::still(b, 0.0, b.weight));
                Ok(pairs.chain(gone).chain(new).collect())
            }
        }
    }
}

/// The buffer of the shader.
pub(crate) fn pack(tracks: &[Track]) -> Vec<f32> {
    let mut packed = vec![tracks.len() as f32];
    tracks.iter().for_each(|track| track.pack(&mut packed));
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaussian(weight: f64, mean: f64, scale: f64) -> Component {
        Component { weight, mean: vec![mean], scale: vec![scale] }
    }

    /// The mass and the place of a track in one dimension.
    fn state(track: &Track, beta: f64) -> (f64, f64) {
        let [a, b, c] = track.mass;
        let mass = a * (1.0 - beta).powi(2) + 2.0 * b * beta * (1.0 - beta) + c * beta * beta;
        let way = match track.way {
            Way::Even => beta,
            Way::Cone { theta, begin, end } => {
                let (y, x) = (beta * end * theta.sin(), begin * (1.0 - beta));
                y.atan2(x + beta * end * theta.cos()) / theta
            }
        };
        let [from, to] = [&track.from, &track.to].map(|c| c.mean[0]);
        (mass, from + way * (to - from))
    }

    /// Its action is the squared distance 4δ²(m₀ + m₁ − 2√(m₀m₁) cos θ) at every time, and its ends
    /// are the two Gaussians.
    #[test]
    fn the_cone_geodesic_has_constant_speed() {
        for (m0, m1, gap, length) in
            [(0.7, 1.6, 1.3, 1.0), (1.0, 1.0, 2.0, 0.8), (0.2, 3.0, 0.1, 2.0)]
        {
            let (from, to) = (gaussian(m0, 0.5, 1.0), gaussian(m1, 0.5 + gap, 1.0));
            let tracks = cone(&from, &to, length);
            let [track] = &tracks[..] else { panic!("{} tracks", tracks.len()) };
            let theta = gap / (2.0 * length);
            let square = 4.0 * length * length * (m0 + m1 - 2.0 * (m0 * m1).sqrt() * theta.cos());
            for k in 1..20 {
                let (beta, step) = (f64::from(k) / 20.0, 1e-4);
                let (before, after) = (state(track, beta - step), state(track, beta + step));
                let (mass, _) = state(track, beta);
                let speed = (after.1 - before.1) / (2.0 * step);
                let growth = (after.0 - before.0) / (2.0 * step);
                let action = mass * speed * speed + length * length * growth * growth / mass;
                assert!((action - square).abs() < 1e-5 * square, "{beta}: {action} {square}");
            }
            let near = |a: (f64, f64), b: (f64, f64)| {
                assert!((a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-6, "{a:?} {b:?}");
            };
            near(state(track, 0.0), (m0, 0.5));
            near(state(track, 1.0), (m1, 0.5 + gap));
        }
    }

    #[test]
    fn what_is_too_far_teleports() {
        let (from, to) = (gaussian(0.5, 0.0, 1.0), gaussian(0.25, 3.2, 1.0));
        // θ is 1.6 and 1.4; a right angle is 1.57.
        let [near, far] = [3.2 / 2.8, 1.0].map(|length| cone(&from, &to, length));
        assert_eq!((near.len(), far.len()), (1, 2));
        assert_eq!((far[0].mass, far[1].mass), ([0.5, 0.0, 0.0], [0.0, 0.0, 0.25]));
        assert_eq!((state(&far[0], 0.7).1, state(&far[1], 0.7).1), (0.0, 3.2));
    }

    #[test]
    fn displacement_conserves_mass_and_the_hybrid_pairs() {
        let from = [gaussian(0.5, -2.0, 1.0), gaussian(0.5, 2.0, 1.0)];
        let to = [gaussian(0.75, 3.0, 1.0), gaussian(0.25, -3.0, 0.5)];
        let tracks = Pairing::Displacement.tracks(&from, &to).unwrap();
        let masses: Vec<_> = tracks.iter().map(|track| track.mass).collect();
        assert_eq!(masses, [[0.25; 3], [0.25; 3], [0.5; 3]]);
        let hybrid = Pairing::Hybrid.tracks(&from, &to).unwrap();
        assert_eq!(hybrid[0].mass, [0.5, 0.625, 0.75]);
        let error = Pairing::Hybrid.tracks(&from, &to[..1]).unwrap_err();
        assert!(error.to_string().contains("the initial law has 2 and the target 1"), "{error}");
        // The second one has no partner: it vanishes.
        let cone = Pairing::Cone { length: 9.0 }.tracks(&from, &to[..1]).unwrap();
        assert_eq!((cone.len(), cone[1].mass), (2, [0.5, 0.0, 0.0]));
    }
}
