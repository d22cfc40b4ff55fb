//! What an axis of the picture shows.

use std::fmt;

/// A number of each particle, drawn along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The coordinate of that index.
    Coordinate(u32),
    /// The log-weight relative to the largest.
    LogWeight,
}

impl Axis {
    /// The axes to begin with: the first two coordinates, or the only one and the log-weight.
    pub fn first_two(dim: u32) -> [Axis; 2] {
        let second = if dim > 1 { Axis::Coordinate(1) } else { Axis::LogWeight };
        [Axis::Coordinate(0), second]
    }

    /// All there are in that many dimensions.
    pub fn all(dim: u32) -> impl Iterator<Item = Axis> {
        (0..dim).map(Axis::Coordinate).chain([Axis::LogWeight])
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Axis::Coordinate(index) => write!(f, "x{index}"),
            Axis::LogWeight => f.write_str("log weight"),
        }
    }
}
