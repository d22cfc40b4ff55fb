//! What of the particles is drawn, and how.

use crate::axis::Axis;
use crate::failure::Failure;

/// How particles are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Their density, on a log scale of colours.
    #[default]
    Density,
    /// One by one.
    Points,
}

/// What of the particles is drawn, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What the two axes show.
    pub axes: [Axis; 2],
    /// Density or points.
    pub style: Style,
    /// Whether weights count; otherwise all particles do alike.
    pub weighted: bool,
    /// Whether points take a colour of their time-zero ancestor.
    pub families: bool,
    /// The side of a cell of the density in pixels.
    pub cell: f32,
    /// The share of the brightest cell's mass below which the density is dark.
    pub floor: f32,
    /// The radius of a point in pixels.
    pub radius: f32,
    /// How opaque a point of the mean weight is, 0 to 1; heavier ones are more so.
    pub opacity: f32,
    /// The most points that are drawn, evenly chosen.
    pub most_points: u32,
}

/// Pixels of a cell's area times the number of particles, in a new look: where a quarter of a
/// window of 800 × 600 is the bulk, some twenty of them share a cell.
const IN_CELLS: f32 = 2.5e6;

/// How many points of a new look are opaque together: more lie over one another.
const OVERLAPPING: f32 = 1.5e4;

impl Look {
    /// How a run of so many dimensions and particles is shown first.
    pub fn new(dim: u32, particles: u32) -> Look {
        Look {
            axes: Axis::first_two(dim),
            style: Style::default(),
            weighted: true,
            families: false,
            cell: (IN_CELLS / particles.max(1) as f32).sqrt().clamp(1.5, 12.0),
            floor: 0.01,
            radius: 1.5,
            opacity: (OVERLAPPING / particles.max(1) as f32).clamp(0.05, 0.8),
            most_points: 200_000,
        }
    }

    /// Whether its axes are those of a run of so many dimensions.
    pub(crate) fn check(&self, dim: u32) -> Result<(), Failure> {
        for axis in self.axes {
            if matches!(axis, Axis::Coordinate(index) if index >= dim) {
                let message = format!("the axis {axis} is none of the {dim} coordinates");
                return Err(Failure::Usage(format!("{message}, of which the first is x0")));
            }
        }
        Ok(())
    }

    /// Of so many particles every how many-th is drawn as a point.
    pub fn stride(&self, particles: u32) -> u32 {
        particles.div_ceil(self.most_points.max(1)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_beyond_the_coordinates_is_refused() {
        let look = Look { axes: [Axis::LogWeight, Axis::Coordinate(2)], ..Look::new(3, 1000) };
        assert!(look.check(3).is_ok());
        let error = look.check(2).unwrap_err();
        let message = "the axis x2 is none of the 2 coordinates, of which the first is x0";
        assert_eq!((error.to_string(), error.exit_code()), (message.into(), 2));
    }

    #[test]
    fn at_most_so_many_points_are_drawn() {
        let look = Look { most_points: 1000, ..Look::new(2, 1000) };
        for particles in [1_u32, 999, 1000, 1001, 123_456_789] {
            assert!(particles.div_ceil(look.stride(particles)) <= 1000);
        }
        assert_eq!(look.stride(1000), 1);
        assert_eq!(Look { most_points: 0, ..look }.stride(10), 10);
    }
}
