//! The generator of Langevin diffusion on a grid, and its spectral gap.

use crate::error::{Error, Result};

/// The generator L = ∇ log π · ∇ + Δ of dx = ∇ log π dt + √2 dW on a box with reflecting walls, in
/// one or two dimensions, as a jump process between the cells of a grid.
///
/// A cell i jumps to its neighbour j at the rate exp((log πⱼ − log πᵢ) / 2) / h², which keeps π in
/// detailed balance and differs from L by O(h²). Its spectral gap is the rate at which the slowest
/// observable forgets where it began: by exp(−gap · t), and χ² and KL to π twice as fast.
///
/// Source: the scheme is that of Lie, Fackeldey and Weber 2013 (square root approximation), the gap
/// that of a reversible Markov process (Bakry, Gentil and Ledoux 2014, chapter 4).
#[derive(Debug, Clone)]
pub struct Generator {
    low: Vec<f64>,
    step: Vec<f64>,
    cells: usize,
    /// log π in the middle of each cell, first coordinate fastest; −∞ outside the support.
    log_density: Vec<f64>,
}

/// The most cells of a grid: the factorisation takes cells · (cells per axis)² operations.
const MOST: usize = 1 << 16;

impl Generator {
    /// Evaluates an unnormalised log density in the middle of `cells` cells per axis of the box from
    /// `low` to `high`.
    ///
    /// # Errors
    /// When the box has no or more than two axes or an empty one, there are fewer than 3 cells per
    /// axis or more than 65536 in all, the log density is positive infinite or not a number
    /// somewhere, or it is −∞ everywhere.
    pub fn new(
        low: &[f64],
        high: &[f64],
        cells: usize,
        mut log_density: impl FnMut(&[f64]) -> f64,
    ) -> Result<Generator> {
        let dim = low.len();
        let wrong = |reason: String| Err(Error::config("grid", reason));
        if !(1..=2).contains(&dim) || high.len() != dim {
            return wrong(format!("has {dim} axes; the generator is for 1 or 2"));
        }
        if let Some(j) = (0..dim).find(|j| !(high[*j] - low[*j] > 0.0 && high[*j].is_finite())) {
            return wrong(format!("from {} to {} along axis {j} is empty", low[j], high[j]));
        }
        let all = if cells <= MOST { cells.pow(dim as u32) } else { usize::MAX };
        if cells < 3 || all > MOST {
            return wrong(format!("of {cells} cells per axis is not between 3 and {MOST} in all"));
        }
        let step: Vec<f64> = low.iter().zip(high).map(|(l, h)| (h - l) / cells as f64).collect();
        let mut generator =
            Generator { low: low.to_vec(), step, cells, log_density: Vec::with_capacity(all) };
        for i in 0..all {
            let x = generator.middle(i);
            let value = log_density(&x);
            if value.is_nan() || value == f64::INFINITY {
                return wrong(format!("meets a log density of {value} at {x:?}"));
            }
            generator.log_density.push(value);
        }
        let peak = generator.log_density.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if peak == f64::NEG_INFINITY {
            return wrong(format!("from {low:?} to {high:?} lies outside the density's support"));
        }
        generator.log_density.iter_mut().for_each(|value| *value -= peak);
        Ok(generator)
    }

    /// The middle of cell `i`.
    pub fn middle(&self, i: usize) -> Vec<f64> {
        let mut rest = i;
        let coordinates = self.low.iter().zip(&self.step).map(|(low, step)| {
            let place = rest % self.cells;
            rest /= self.cells;
            low + (place as f64 + 0.5) * step
        });
        coordinates.collect()
    }

    /// The cell that holds `x`, if the box does.
    pub fn cell(&self, x: &[f64]) -> Option<usize> {
        let mut index = 0;
        for (j, x) in x.iter().enumerate().take(self.low.len()).rev() {
            let place = (x - self.low[j]) / self.step[j];
            if !(place >= 0.0 && place < self.cells as f64) {
                return None;
            }
            index = index * self.cells + place as usize;
        }
        Some(index)
    }

    /// The probability of each cell under π.
    pub fn masses(&self) -> Vec<f64> {
        let masses: Vec<f64> = self.log_density.iter().map(|value| value.exp()).collect();
        let total: f64 = masses.iter().sum();
        masses.into_iter().map(|mass| mass / total).collect()
    }

    /// The spectral gap: the smallest eigenvalue of −L above zero.
    ///
    /// With √π as weights −L is symmetric and banded; inverse iteration with a Cholesky factor
    /// finds the gap, kept apart from the eigenvalue 0 by projecting its eigenvector √π out.
    pub fn spectral_gap(&self) -> f64 {
        let n = self.log_density.len();
        let band = if self.low.len() == 1 { 1 } else { self.cells };
        let diagonal: Vec<f64> = (0..n).map(|i| self.rate_out(i)).collect();
        let largest = diagonal.iter().copied().fold(0.0, f64::max);
        // Far below every gap that double precision tells from zero.
        let shift = 1e-13 * largest;
        let mut factor = Banded::new(n, band);
        for (i, diagonal) in diagonal.iter().enumerate() {
            // Cells outside the support have no neighbour: alone, they stand apart at the top.
            factor.set(i, i, if *diagonal > 0.0 { diagonal + shift } else { largest });
            for (j, step) in self.lower_neighbours(i) {
                factor.set(i, j, -1.0 / (step * step));
            }
        }
        factor.factorise();
        let root: Vec<f64> = self.masses().into_iter().map(f64::sqrt).collect();
        // A start that no symmetry makes orthogonal to the answer.
        let mut v: Vec<f64> = (0..n).map(|i| root[i] * (1.0 + (0.7 * i as f64).sin())).collect();
        let mut gap = f64::INFINITY;
        for _ in 0..2000 {
            project(&mut v, &root);
            let length = dot(&v, &v).sqrt();
            v.iter_mut().for_each(|v| *v /= length);
            let mut next = v.clone();
            factor.solve(&mut next);
            project(&mut next, &root);
            let before = gap;
            gap = 1.0 / dot(&v, &next) - shift;
            v = next;
            if (gap - before).abs() <= 1e-9 * gap.abs() {
                break;
            }
        }
        gap
    }

    /// The rate at which cell `i` is left.
    fn rate_out(&self, i: usize) -> f64 {
        let here = self.log_density[i];
        let rates = self.neighbours(i).map(|(j, step)| {
            let rise = 0.5 * (self.log_density[j] - here);
            rise.exp() / (step * step)
        });
        rates.sum()
    }

    /// The neighbours of cell `i` inside the support, with the distance to each.
    fn neighbours(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let inside = |i: usize| self.log_density[i] > f64::NEG_INFINITY;
        let axes = self.step.iter().enumerate().flat_map(move |(axis, step)| {
            let stride = self.cells.pow(axis as u32);
            let place = i / stride % self.cells;
            let below = (place > 0).then(|| (i - stride, *step));
            let above = (place + 1 < self.cells).then(|| (i + stride, *step));
            [below, above].into_iter().flatten()
        });
        axes.filter(move |(j, _)| inside(i) && inside(*j))
    }

    fn lower_neighbours(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        self.neighbours(i).filter(move |(j, _)| *j < i)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes out of `v` what lies along the unit vector `root`.
fn project(v: &mut [f64], root: &[f64]) {
    let along = dot(v, root);
    v.iter_mut().zip(root).for_each(|(v, root)| *v -= along * root);
}

/// The lower half of a symmetric banded matrix, then its Cholesky factor.
struct Banded {
    band: usize,
    /// Row i holds the entries from column i − band to i.
    rows: Vec<f64>,
}

impl Banded {
    fn new(n: usize, band: usize) -> Banded {
        Banded { band, rows: vec![0.0; n * (band + 1)] }
    }

    fn len(&self) -> usize {
        self.rows.len() / (self.band + 1)
    }

    fn place(&self, i: usize, j: usize) -> usize {
        i * (self.band + 1) + j + self.band - i
    }

    fn set(&mut self, i: usize, j: usize, value: f64) {
        let place = self.place(i, j);
        self.rows[place] = value;
    }

    fn factorise(&mut self) {
        for i in 0..self.len() {
            let first = i.saturating_sub(self.band);
            for j in first..=i {
                let from = first.max(j.saturating_sub(self.band));
                let a = &self.rows[self.place(i, from)..self.place(i, j)];
                let b = &self.rows[self.place(j, from)..self.place(j, j)];
                let value = self.rows[self.place(i, j)] - dot(a, b);
                let entry = if i == j {
                    // Rounding may take a null vector's pivot below zero.
                    value.max(f64::MIN_POSITIVE).sqrt()
                } else {
                    value / self.rows[self.place(j, j)]
                };
                self.set(i, j, entry);
            }
        }
    }

    fn solve(&self, x: &mut [f64]) {
        for i in 0..self.len() {
            let first = i.saturating_sub(self.band);
            let row = &self.rows[self.place(i, first)..self.place(i, i)];
            x[i] = (x[i] - dot(row, &x[first..i])) / self.rows[self.place(i, i)];
        }
        for i in (0..self.len()).rev() {
            let first = i.saturating_sub(self.band);
            x[i] /= self.rows[self.place(i, i)];
            for j in first..i {
                x[j] -= self.rows[self.place(i, j)] * x[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(low: &[f64], high: &[f64], cells: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
        Generator::new(low, high, cells, f).unwrap().spectral_gap()
    }

    /// The Ornstein–Uhlenbeck process of N(0, s²) has the gap 1/s², that of independent ones the
    /// smallest, and reflected Brownian motion on a length ℓ has (π/ℓ)².
    #[test]
    fn known_gaps() {
        let normal = |s: f64| move |x: f64| -0.5 * x * x / (s * s);
        for s in [0.5, 1.0, 3.0] {
            let wide = 7.0 * s;
            let found = gap(&[-wide], &[wide], 700, |x| normal(s)(x[0]));
            assert!((found * s * s - 1.0).abs() < 1e-3, "{s}: {found}");
        }
        let found =
            gap(&[-4.0, -12.0], &[4.0, 12.0], 80, |x| normal(0.6)(x[0]) + normal(2.0)(x[1]));
        assert!((found - 0.25).abs() < 1e-3, "{found}");
        let found = gap(&[1.0], &[3.0], 400, |_| 0.0);
        let exact = (std::f64::consts::PI / 2.0).powi(2);
        // Cells' middles: the chain of n cells has 4 sin²(π/2n)/h², a little less.
        assert!((found / exact - 1.0).abs() < 1e-4, "{found}");
    }

    /// For a high barrier the gap is the sum of the two rates of crossing, which quadrature gives:
    /// Z₁Z₂/(Z₁+Z₂) · ∫ e^V over the barrier is one over it, up to the time inside a well.
    #[test]
    fn a_barrier_makes_the_gap_small() {
        let (a, c) = (40.0, 0.1);
        let v = |x: f64| a * (0.25 * x.powi(4) - 0.5 * x * x) + c * x;
        let found = gap(&[-2.2], &[2.2], 1500, |x| -v(x[0]));
        let sum = |from: f64, to: f64, f: &dyn Fn(f64) -> f64| -> f64 {
            let h = (to - from) / 20_000.0;
            (0..20_000).map(|k| f(from + (k as f64 + 0.5) * h)).sum::<f64>() * h
        };
        let left = sum(-2.2, 0.0, &|x| (-v(x)).exp());
        let right = sum(0.0, 2.2, &|x| (-v(x)).exp());
        let barrier = sum(-1.0, 1.0, &|x| v(x).exp());
        let kramers = (left + right) / (left * right * barrier);
        assert!((found / kramers - 1.0).abs() < 0.03, "{found} {kramers}");
        // Times a plane direction that relaxes at once the gap stays.
        let plane = gap(&[-2.2, -4.0], &[2.2, 4.0], 120, |x| -v(x[0]) - 2.0 * x[1] * x[1]);
        assert!((plane / found - 1.0).abs() < 0.02, "{plane} {found}");
    }

    #[test]
    fn cells_and_places_agree() {
        let grid = Generator::new(&[-1.0, 2.0], &[1.0, 3.0], 10, |x| -x[0]).unwrap();
        for i in [0, 7, 10, 55, 99] {
            assert_eq!(grid.cell(&grid.middle(i)), Some(i));
        }
        assert_eq!(grid.cell(&[1.5, 2.5]), None);
        assert_eq!(grid.cell(&[f64::NAN, 2.5]), None);
        assert!((grid.masses().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    /// Outside its support a density has no cells to visit: a wall.
    #[test]
    fn the_support_may_be_smaller_than_the_box() {
        let half = |x: &[f64]| if x[0] < 0.0 { f64::NEG_INFINITY } else { 0.0 };
        let found = gap(&[-1.0], &[1.0], 400, half);
        assert!((found / std::f64::consts::PI.powi(2) - 1.0).abs() < 1e-3, "{found}");
        let nowhere = Generator::new(&[0.0], &[1.0], 9, |_| f64::NEG_INFINITY).unwrap_err();
        assert!(nowhere.to_string().contains("outside"), "{nowhere}");
        assert!(Generator::new(&[0.0; 3], &[1.0; 3], 9, |_| 0.0).is_err());
        assert!(Generator::new(&[0.0], &[0.0], 9, |_| 0.0).is_err());
        assert!(Generator::new(&[0.0, 0.0], &[1.0, 1.0], 400, |_| 0.0).is_err());
    }
}
