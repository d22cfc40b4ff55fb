//! Total variation on the cells of a grid in the plane.

use super::Points;
use crate::error::{Error, Result};

/// Equal cells on a box in the plane, and all that is outside as one cell more.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    low: [f64; 2],
    high: [f64; 2],
    cells: usize,
}

/// Middles per axis in a cell at which a density is evaluated.
const MIDDLES: usize = 4;

impl Grid {
    /// `cells` × `cells` cells on the box from `low` to `high`.
    ///
    /// # Errors
    /// When there is no cell or the box is empty or not finite.
    pub fn new(low: [f64; 2], high: [f64; 2], cells: usize) -> Result<Grid> {
        let wrong = |reason: String| Err(Error::config("grid", reason));
        if !(1..=1 << 15).contains(&cells) {
            return wrong(format!("has {cells} cells per axis; expected 1 to {}", 1 << 15));
        }
        for axis in 0..2 {
            let (low, high) = (low[axis], high[axis]);
            if !(high > low && (high - low).is_finite()) {
                return wrong(format!("from {low} to {high} along axis {axis} is empty"));
            }
        }
        Ok(Grid { low, high, cells })
    }

    /// `cells` × `cells` cells on the smallest box that holds all points, as NumPy's `histogram2d`.
    ///
    /// # Errors
    /// When the points are not in the plane, or all on a line along an axis.
    pub fn around(points: &Points, cells: usize) -> Result<Grid> {
        check_plane(points)?;
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for (x, _) in points.iter() {
            for axis in 0..2 {
                low[axis] = low[axis].min(x[axis]);
                high[axis] = high[axis].max(x[axis]);
            }
        }
        Grid::new(low, high, cells)
    }

    fn side(&self, axis: usize) -> f64 {
        (self.high[axis] - self.low[axis]) / self.cells as f64
    }

    /// The number of the cell; the last one is outside the box. The box holds its borders.
    fn cell(&self, x: &[f64]) -> usize {
        let mut number = 0;
        for (axis, x) in x.iter().enumerate() {
            if !(self.low[axis]..=self.high[axis]).contains(x) {
                return self.cells * self.cells;
            }
            let place = ((x - self.low[axis]) / self.side(axis)) as usize;
            number = number * self.cells + place.min(self.cells - 1);
        }
        number
    }

    /// The weight in every cell and outside.
    fn shares(&self, points: &Points) -> Vec<f64> {
        let mut shares = vec![0.0; self.cells * self.cells + 1];
        points.iter().for_each(|(x, weight)| shares[self.cell(x)] += weight);
        shares
    }

    /// The mass of a density in every cell, by 4 × 4 middles, and what is missing to 1 outside.
    fn masses(&self, mut log_density: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
        let fine = MIDDLES * self.cells;
        let sides = [0, 1].map(|axis| (self.high[axis] - self.low[axis]) / fine as f64);
        let mut masses = vec![0.0; self.cells * self.cells];
        for i in 0..fine * fine {
            let place = [i / fine, i % fine];
            let x = [0, 1].map(|axis| self.low[axis] + (place[axis] as f64 + 0.5) * sides[axis]);
            let cell = place[0] / MIDDLES * self.cells + place[1] / MIDDLES;
            masses[cell] += log_density(&x).exp() * sides[0] * sides[1];
        }
        let inside: f64 = masses.iter().sum();
        masses.push((1.0 - inside).max(0.0));
        masses
    }
}

/// The total variation distance ½ Σ |P(cell) − Q(cell)| of two weighted samples on a grid.
///
/// At most that of the laws, for perfect samples; but the noise of samples adds to it, about
/// ½ Σ √(2 (P + Q)(cell) / πN) where they agree and cells hold many points, and up to 1 where they
/// hold few. Without the cell outside, as `histogram2d` leaves it, up to the outside mass is missing.
///
/// # Errors
/// When a sample is not in the plane.
pub fn total_variation(a: &Points, b: &Points, grid: &Grid) -> Result<f64> {
    check_plane(a)?;
    check_plane(b)?;
    Ok(half_l1(&grid.shares(a), &grid.shares(b)))
}

/// The total variation distance of a weighted sample and a normalised density on a grid.
///
/// The mass of a cell is computed by 4 × 4 middles: the cells should be no wider than the details of
/// the density. The mass outside the box is what is missing to 1.
///
/// # Errors
/// When the sample is not in the plane, or the density's integral over the box is not a number of
/// at most 1.001.
pub fn total_variation_to_density(
    a: &Points,
    log_density: impl FnMut(&[f64]) -> f64,
    grid: &Grid,
) -> Result<f64> {
    check_plane(a)?;
    let masses = grid.masses(log_density);
    let inside: f64 = masses[..masses.len() - 1].iter().sum();
    if inside.is_nan() || inside > 1.001 {
        let reason = format!(
            "integrates to {inside} over the grid; expected at most 1: normalise it, or take more \
             cells"
        );
        return Err(Error::config("the density", reason));
    }
    Ok(half_l1(&grid.shares(a), &masses))
}

fn half_l1(p: &[f64], q: &[f64]) -> f64 {
    0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()
}

fn check_plane(points: &Points) -> Result<()> {
    if points.dim() != 2 {
        let reason = format!("is in {} dimensions; a grid has 2", points.dim());
        return Err(Error::config("the sample", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Mixture;
    use crate::target::Component;

    fn points(coordinates: &[f64]) -> Points {
        Points::new(2, coordinates.to_vec()).unwrap()
    }

    fn bell(mean: f64) -> Mixture {
        Mixture::new(&[Component { weight: 1.0, mean: vec![mean, 0.0], scale: vec![1.0] }]).unwrap()
    }

    #[test]
    fn cells_and_the_outside_by_hand() {
        let grid = Grid::new([0.0, 0.0], [2.0, 1.0], 2).unwrap();
        let a = points(&[0.5, 0.2, 0.9, 0.4, 2.0, 1.0, 7.0, 0.5]);
        let b = points(&[0.1, 0.1, 1.5, 0.9, -1.0, 0.0, 0.5, f64::MAX]);
        assert_eq!(grid.shares(&a), [0.5, 0.0, 0.0, 0.25, 0.25]);
        assert_eq!(grid.shares(&b), [0.25, 0.0, 0.0, 0.25, 0.5]);
        assert_eq!(total_variation(&a, &b, &grid).unwrap(), 0.25);
        let weighted =
            Points::weighted(2, vec![0.5, 0.2, 2.0, 1.0, 7.0, 0.5], vec![2.0, 1.0, 1.0]).unwrap();
        assert_eq!(total_variation(&a, &weighted, &grid).unwrap(), 0.0);
    }

    #[test]
    fn the_box_around_points_holds_them_all() {
        let a = bell(0.0).sample(500, 1);
        let grid = Grid::around(&a, 7).unwrap();
        assert_eq!(grid.shares(&a)[49], 0.0);
        let error = Grid::around(&points(&[1.0, 0.0, 1.0, 2.0]), 3).unwrap_err().to_string();
        assert_eq!(error, "grid from 1 to 1 along axis 0 is empty");
    }

    #[test]
    fn of_a_density_it_is_the_closed_form() {
        // TV of two bells m apart is 2 Φ(m/2) − 1: 0.382925 at m = 1. Cells whose border at m/2 is a
        // border of the grid lose nothing: the sign of the difference is one in each cell. The rule
        // of middles h = 1/8 apart is wrong by h²/24 times the jump of the slope of |p − q| at the
        // border, 2 · 0.352: at most 2.3e-4 for the half of the integral.
        let grid = Grid::new([-7.5, -8.0], [8.5, 8.0], 32).unwrap();
        let (p, q) = (bell(0.0), bell(1.0));
        let masses = [&p, &q].map(|law| grid.masses(|x| law.log_density(x)));
        let exact = half_l1(&masses[0], &masses[1]);
        assert!((exact - 0.382_924_9).abs() < 2.4e-4, "{exact}");

        // A sample of the other law: the noise of a cell with mass p is √(p/n), so that the sum of
        // absolute differences is at most Σ √(p/n) higher, and its deviation below √(1/n).
        let n = 20_000;
        let noise: f64 = 0.5 * masses[0].iter().map(|p| (p / n as f64).sqrt()).sum::<f64>();
        let error = 1.0 / (n as f64).sqrt();
        let a = p.sample(n, 3);
        let to_other = total_variation_to_density(&a, |x| q.log_density(x), &grid).unwrap();
        assert!(to_other > exact - 4.0 * error && to_other < exact + noise + 4.0 * error);
        let to_own = total_variation_to_density(&a, |x| p.log_density(x), &grid).unwrap();
        assert!(to_own < noise + 4.0 * error && to_own > 0.5 * noise, "{to_own} {noise}");
    }

    #[test]
    fn errors_name_the_value() {
        let grid = Grid::new([-8.0; 2], [8.0; 2], 32).unwrap();
        let a = points(&[0.0, 0.0]);
        let twice = |x: &[f64]| 2_f64.ln() + bell(0.0).log_density(x);
        let error = total_variation_to_density(&a, twice, &grid).unwrap_err().to_string();
        let end = "over the grid; expected at most 1: normalise it, or take more cells";
        assert!(error.starts_with("the density integrates to ") && error.ends_with(end), "{error}");
        let line = Points::new(1, vec![0.0]).unwrap();
        let error = total_variation(&a, &line, &grid).unwrap_err().to_string();
        assert_eq!(error, "the sample is in 1 dimensions; a grid has 2");
        let error = Grid::new([0.0; 2], [1.0; 2], 0).unwrap_err().to_string();
        assert_eq!(error, "grid has 0 cells per axis; expected 1 to 32768");
    }
}
