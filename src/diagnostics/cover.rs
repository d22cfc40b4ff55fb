//! Whether a uniform start covers the target.

use std::cell::Cell;

use crate::autodiff::Evaluator;
use crate::random::Random;

/// Particles that are set beside each face of the box.
const PARTICLES: usize = 8;
/// Faces that are looked at.
const FACES: usize = 64;
/// A log density so far below that of the particles is none: what lies beyond weighs some 1e-6.
const NEGLIGIBLE: f64 = -14.0;
/// How far beyond a face, in widths of the box.
const BESIDE: f64 = 1e-3;
/// Points that are drawn from boxes so many times as wide, for islands that no face borders on.
const SCATTERED: usize = 256;
const WIDER: [f64; 2] = [2.0, 4.0];
/// Operations that the host spends.
const BUDGET: u64 = 20_000_000;

/// A face of the box beyond which the target has mass: the coordinate, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Face {
    pub(super) coordinate: usize,
    pub(super) at: f32,
}

/// The face beyond which the log density is highest, straight across it or at a place drawn at random,
/// where that is not negligible beside the highest of the particles.
pub(super) fn open_face(
    host: &Evaluator,
    [low, high]: &[Vec<f32>; 2],
    (dim, positions): (usize, &[f32]),
    weights: &[f64],
) -> Option<Face> {
    let some: Vec<Vec<f64>> = super::precision::drawn(weights, PARTICLES)
        .into_iter()
        .map(|i| positions[i * dim..(i + 1) * dim].iter().map(|x| f64::from(*x)).collect())
        .collect();
    let spent = Cell::new(0);
    let value = |x: &[f64]| {
        if spent.get() > BUDGET {
            return f64::NAN;
        }
        host.evaluate(x, &[]).map_or(f64::NAN, |found| {
            spent.set(spent.get() + found.operations);
            found.value
        })
    };
    let peak = some.iter().map(|x| value(x)).filter(|v| v.is_finite()).reduce(f64::max)?;
    let mut highest: Option<(f64, Face)> = None;
    let mut look = |x: &[f64], face: Face| {
        let there = value(x) - peak;
        let is_higher = highest.as_ref().is_none_or(|(most, _)| there > *most);
        if there > NEGLIGIBLE && is_higher {
            highest = Some((there, face));
        }
    };
    // Of many coordinates some, evenly.
    for coordinate in (0..dim).step_by((2 * dim).div_ceil(FACES)) {
        let (from, to) = (f64::from(low[coordinate]), f64::from(high[coordinate]));
        let beside = BESIDE * (to - from);
        for (at, outside) in [(low[coordinate], from - beside), (high[coordinate], to + beside)] {
            for x in &some {
                let mut x = x.clone();
                x[coordinate] = outside;
                look(&x, Face { coordinate, at });
            }
        }
    }
    let mut random = Random::new(SCATTERED as u64);
    for k in 0..WIDER.len() * SCATTERED {
        let wider = WIDER[k % WIDER.len()];
        let x: Vec<f64> = (0..dim)
            .map(|j| {
                let (from, to) = (f64::from(low[j]), f64::from(high[j]));
                0.5 * (from + to) + wider * (to - from) * (random.uniform() - 0.5)
            })
            .collect();
        // The face that it is farthest beyond.
        let faces = (0..dim).flat_map(|coordinate| {
            let (from, to) = (f64::from(low[coordinate]), f64::from(high[coordinate]));
            let beyond = |at: f32, by: f64| (by / (to - from), Face { coordinate, at });
            [
                beyond(low[coordinate], from - x[coordinate]),
                beyond(high[coordinate], x[coordinate] - to),
            ]
        });
        match faces.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((by, face)) if by > 0.0 => look(&x, face),
            _ => {}
        }
    }
    highest.map(|(_, face)| face)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_open_where_the_target_goes_on() {
        let text = "fn log_density(x: Point) -> f32 {
            var bits = 0xff800000u;
            return select(bitcast<f32>(bits), -x.x - 0.5 * x.y * x.y, x.x > 0.0);
        }";
        let host = crate::Target::from_wgsl(2, "mine.wgsl", text).unwrap().evaluator().unwrap();
        let positions = [0.5_f32, 0.1, 1.0, -0.3, 0.2, 0.7];
        let face = |low: [f32; 2], high: [f32; 2]| {
            let bounds = [low.to_vec(), high.to_vec()];
            open_face(&host, &bounds, (2, &positions), &[0.3, 0.3, 0.4])
        };
        assert_eq!(face([0.0, -9.0], [2.0, 9.0]), Some(Face { coordinate: 0, at: 2.0 }));
        assert_eq!(face([0.0, -1.0], [40.0, 9.0]), Some(Face { coordinate: 1, at: -1.0 }));
        // Another island beyond a corner, of which no face knows.
        let islands = "fn log_density(x: Point) -> f32 {
            let a = x - vec2(0.5, 0.3);
            let b = x - vec2(20.0, 20.0);
            return max(-dot(a, a), -dot(b, b));
        }";
        let host = crate::Target::from_wgsl(2, "mine.wgsl", islands).unwrap().evaluator().unwrap();
        let bounds = [vec![-15.0; 2], vec![15.0; 2]];
        let found = open_face(&host, &bounds, (2, &positions), &[0.3, 0.3, 0.4]);
        assert!(found.is_some_and(|face| face.at == 15.0), "{found:?}");
        // The wall at 0 is the target's own.
        assert_eq!(face([0.0, -9.0], [40.0, 9.0]), None);
    }
}
