//! Two ways to the same numbers, compared at many points.

/// How well two ways to the same numbers agree.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// Points compared.
    pub points: u32,
    /// Points where a number is apart by more than the tolerance.
    pub apart: u32,
    /// The coordinates that are apart somewhere, for slopes.
    pub coordinates: Vec<u32>,
    /// Where they differ most.
    pub worst: Option<Worst>,
    /// Whether the worst one is apart, and its relative difference.
    rank: (bool, f64),
}

/// Where two ways to the same number differ most.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Worst {
    /// The relative difference.
    pub error: f64,
    /// The point.
    pub x: Vec<f64>,
    /// The coordinate, for slopes.
    pub coordinate: Option<u32>,
    /// The number under test.
    pub found: f64,
    /// The number it is compared with.
    pub expected: f64,
}

/// One number in both ways.
pub(super) struct Pair {
    pub(super) coordinate: Option<u32>,
    pub(super) found: f64,
    pub(super) expected: f64,
    /// How far off `expected` may be itself.
    pub(super) slack: f64,
}

impl Agreement {
    /// Compares the numbers of one point, relative to themselves or to `floor`, if that is larger.
    pub(super) fn add(&mut self, x: &[f64], floor: f64, tolerance: f64, pairs: &[Pair]) {
        let mut is_apart = false;
        for pair in pairs {
            let scale = floor.max(pair.found.abs()).max(pair.expected.abs());
            let off = (pair.found - pair.expected).abs();
            let relative = |off: f64| if off > 0.0 { off / scale } else { 0.0 };
            let error = relative(off);
            let counts = relative(off - pair.slack) > tolerance;
            if counts {
                is_apart = true;
                if let Some(coordinate) = pair.coordinate
                    && let Err(place) = self.coordinates.binary_search(&coordinate)
                {
                    self.coordinates.insert(place, coordinate);
                }
            }
            let rank = (counts, error);
            if self.worst.is_none() || rank > self.rank {
                self.rank = rank;
                self.worst = Some(Worst {
                    error,
                    x: x.to_vec(),
                    coordinate: pair.coordinate,
                    found: pair.found,
                    expected: pair.expected,
                });
            }
        }
        self.points += 1;
        self.apart += u32::from(is_apart);
    }

    /// Whether so many points are apart that no kink explains them.
    pub(crate) fn is_broken(&self) -> bool {
        self.apart > 2.max(self.points / 20) || (self.apart == self.points && self.points > 0)
    }

    pub(super) fn largest(&self) -> f64 {
        self.worst.as_ref().map_or(0.0, |worst| worst.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(coordinate: u32, found: f64, expected: f64, slack: f64) -> Pair {
        Pair { coordinate: Some(coordinate), found, expected, slack }
    }

    #[test]
    fn the_worst_number_and_the_coordinates_apart_are_kept() {
        let mut agreement = Agreement::default();
        agreement.add(&[0.0, 1.0], 0.0, 1e-3, &[pair(0, 2.0, 2.0, 0.0), pair(1, 1.0, -1.0, 0.0)]);
        agreement.add(&[0.0, 2.0], 0.0, 1e-3, &[pair(0, 2.0, 2.0, 0.0), pair(1, 1.0, 1.5, 0.0)]);
        agreement.add(&[0.0, 3.0], 0.0, 1e-3, &[pair(0, 2.0, 12.0, 10.1), pair(1, 0.0, 0.0, 0.0)]);
        assert_eq!((agreement.points, agreement.apart), (3, 2));
        assert_eq!(agreement.coordinates, [1]);
        let worst = agreement.worst.clone().unwrap();
        assert_eq!((worst.error, worst.coordinate, worst.x[1]), (2.0, Some(1), 1.0));
        assert!(!agreement.is_broken());
        agreement.add(&[0.0, 4.0], 0.0, 1e-3, &[pair(0, 5.0, 1.0, 0.0)]);
        assert!(agreement.is_broken() && agreement.coordinates == [0, 1]);
    }

    #[test]
    fn small_numbers_are_measured_by_the_floor() {
        let mut agreement = Agreement::default();
        agreement.add(&[0.0], 1.0, 1e-3, &[pair(0, 1e-6, 2e-6, 0.0)]);
        assert_eq!(agreement.apart, 0);
        assert!((agreement.largest() - 1e-6).abs() < 1e-12);
    }
}
