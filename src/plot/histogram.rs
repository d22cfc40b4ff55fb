//! Weighted histograms.

use std::ops::Range;

use wfr::Particles;

/// A density on a line in equal bins.
pub(super) struct Line {
    pub(super) range: Range<f64>,
    pub(super) density: Vec<f64>,
}

/// A density on a rectangle in equal bins, row by row from the lowest y.
pub(super) struct Plane {
    pub(super) x: Range<f64>,
    pub(super) y: Range<f64>,
    pub(super) columns: usize,
    pub(super) density: Vec<f64>,
}

impl Line {
    /// The density of one coordinate under the weights.
    pub(super) fn of(
        particles: &Particles,
        weights: &[f64],
        coordinate: usize,
        range: Range<f64>,
        bins: usize,
    ) -> Line {
        let place = |i: usize| particles.coordinate(i, coordinate);
        Line::count(weights.iter().enumerate().map(|(i, weight)| (place(i), *weight)), range, bins)
    }

    /// The density of places with their shares of the whole.
    pub(super) fn count(
        all: impl Iterator<Item = (f64, f64)>,
        range: Range<f64>,
        bins: usize,
    ) -> Line {
        let mut density = vec![0.0; bins];
        let per = bins as f64 / (range.end - range.start);
        for (x, share) in all {
            if let Some(bin) = bin(x, &range, bins) {
                density[bin] += share * per;
            }
        }
        Line { range, density }
    }

    /// The largest density.
    pub(super) fn peak(&self) -> f64 {
        self.density.iter().copied().fold(0.0, f64::max)
    }

    /// A known density in the middle of each bin.
    pub(super) fn from_density(
        range: Range<f64>,
        bins: usize,
        density: impl Fn(f64) -> f64,
    ) -> Line {
        let density = (0..bins).map(|i| density(middle(&range, i, bins))).collect();
        Line { range, density }
    }

    /// The outline of the bins, from the left end of the axis to its right end.
    pub(super) fn outline(&self) -> Vec<(f64, f64)> {
        let mut outline = vec![(self.range.start, 0.0)];
        for (left, right, density) in self.bars() {
            outline.extend([(left, density), (right, density)]);
        }
        outline.push((self.range.end, 0.0));
        outline
    }

    /// The ends of each bin and the density in it.
    pub(super) fn bars(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let width = (self.range.end - self.range.start) / self.density.len() as f64;
        let start = self.range.start;
        self.density.iter().enumerate().map(move |(i, density)| {
            (start + width * i as f64, start + width * (i + 1) as f64, *density)
        })
    }
}

impl Plane {
    /// The density of the first two coordinates under the weights.
    pub(super) fn of(
        particles: &Particles,
        weights: &[f64],
        x: Range<f64>,
        y: Range<f64>,
        bins: (usize, usize),
    ) -> Plane {
        let place = |i: usize| (particles.coordinate(i, 0), particles.coordinate(i, 1));
        let all = weights.iter().enumerate().map(|(i, weight)| (place(i), *weight));
        Plane::count(all, x, y, bins)
    }

    /// The density of places with their shares of the whole.
    pub(super) fn count(
        all: impl Iterator<Item = ((f64, f64), f64)>,
        x: Range<f64>,
        y: Range<f64>,
        bins: (usize, usize),
    ) -> Plane {
        let (columns, rows) = bins;
        let mut density = vec![0.0; columns * rows];
        let per = (columns * rows) as f64 / ((x.end - x.start) * (y.end - y.start));
        for ((across, up), share) in all {
            if let Some((column, row)) = bin(across, &x, columns).zip(bin(up, &y, rows)) {
                density[row * columns + column] += share * per;
            }
        }
        Plane { x, y, columns, density }
    }

    /// A known density in the middle of each bin.
    pub(super) fn from_density(
        x: Range<f64>,
        y: Range<f64>,
        bins: (usize, usize),
        density: impl Fn(f64, f64) -> f64,
    ) -> Plane {
        let (columns, rows) = bins;
        let values = (0..columns * rows)
            .map(|i| density(middle(&x, i % columns, columns), middle(&y, i / columns, rows)));
        let density = values.collect();
        Plane { x, y, columns, density }
    }

    /// How many bins there are upward.
    pub(super) fn rows(&self) -> usize {
        self.density.len() / self.columns
    }

    /// The largest density.
    pub(super) fn peak(&self) -> f64 {
        self.density.iter().copied().fold(0.0, f64::max)
    }

    /// The density at a place given by fractions of the rectangle, linear between bins' middles.
    pub(super) fn at(&self, across: f64, up: f64) -> f64 {
        let rows = self.rows();
        let place = |fraction: f64, bins: usize| {
            let place = (fraction * bins as f64 - 0.5).clamp(0.0, (bins - 1) as f64);
            let low = place as usize;
            (low, (low + 1).min(bins - 1), place - low as f64)
        };
        let (left, right, x) = place(across, self.columns);
        let (below, above, y) = place(up, rows);
        let value = |column: usize, row: usize| self.density[row * self.columns + column];
        (1.0 - y) * ((1.0 - x) * value(left, below) + x * value(right, below))
            + y * ((1.0 - x) * value(left, above) + x * value(right, above))
    }
}

fn middle(range: &Range<f64>, bin: usize, bins: usize) -> f64 {
    range.start + (range.end - range.start) * (bin as f64 + 0.5) / bins as f64
}

fn bin(x: f64, range: &Range<f64>, bins: usize) -> Option<usize> {
    let fraction = (x - range.start) / (range.end - range.start);
    (0.0..1.0).contains(&fraction).then(|| ((fraction * bins as f64) as usize).min(bins - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_count_and_what_is_outside_or_lost_does_not() {
        let positions = vec![0.5, 0.5, 1.5, 0.5, 9.0, 0.5, f32::NAN, 0.5];
        let particles = Particles::new(2, positions, vec![0.0; 4], vec![0, 1, 2, 3]).unwrap();
        let weights = [0.5, 0.25, 0.25, 0.0];
        let line = Line::of(&particles, &weights, 0, 0.0..2.0, 2);
        assert_eq!(line.density, [0.5, 0.25]);
        let plane = Plane::of(&particles, &weights, 0.0..2.0, 0.0..1.0, (2, 1));
        assert_eq!(plane.density, [0.5, 0.25]);
        assert_eq!((plane.at(0.0, 0.5), plane.at(0.5, 0.5)), (0.5, 0.375));
    }
}
