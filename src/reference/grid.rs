//! Twin of `shaders/grid.wgsl` and `shaders/density/grid.wgsl`: the density of a weighted
//! population on a grid, its deposits not rounded.

use super::moments::{Moments, moments, moments_weights};

/// A blurred field over the nodes of a box.
#[derive(Debug, Clone)]
pub struct Grid {
    cells: usize,
    low: Vec<f64>,
    spacing: Vec<f64>,
    field: Vec<f64>,
}

impl Grid {
    /// Of particles in rows, one row per coordinate.
    pub fn new(rows: &[Vec<f32>], log_weights: &[f32], cells: usize, bandwidths: &[f64]) -> Grid {
        let box_of = |(row, bandwidth): (&Vec<f32>, &f64)| {
            let Moments { mean, variance, low, high } = moments(row, log_weights);
            let (reach, margin) = (8.0 * variance.sqrt(), 4.0 * bandwidth);
            let low = low.max(mean - reach) - margin;
            let high = high.min(mean + reach) + margin;
            (low, (high - low) / (cells - 1) as f64)
        };
        let (low, spacing) = rows.iter().zip(bandwidths).map(box_of).unzip();
        let field = vec![0.0; cells.pow(rows.len() as u32)];
        let mut grid = Grid { cells, low, spacing, field };
        for (i, weight) in moments_weights(log_weights).into_iter().enumerate() {
            if weight > 0.0 {
                let x: Vec<f64> = rows.iter().map(|row| f64::from(row[i])).collect();
                for (cell, share) in grid.shares(&x) {
                    grid.field[cell] += weight * share;
                }
            }
        }
        for (axis, bandwidth) in bandwidths.iter().enumerate() {
            grid.blur(axis, *bandwidth);
        }
        grid
    }

    /// log p.
    pub fn density_log(&self, x: &[f64]) -> f64 {
        let mass: f64 =
            self.shares(x).into_iter().map(|(cell, share)| share * self.field[cell]).sum();
        mass.ln() - self.spacing.iter().map(|spacing| spacing.ln()).sum::<f64>()
    }

    fn shares(&self, x: &[f64]) -> Vec<(usize, f64)> {
        let mut shares = vec![(0, 1.0)];
        for (j, x) in x.iter().enumerate() {
            let last = (self.cells - 1) as f64;
            let place = ((x - self.low[j]) / self.spacing[j]).clamp(0.0, last);
            let node = place.floor().min(last - 1.0);
            let stride = self.cells.pow(j as u32);
            let both = |(cell, share): (usize, f64)| {
                let below = cell + node as usize * stride;
                let next = place - node;
                [(below, share * (1.0 - next)), (below + stride, share * next)]
            };
            shares = shares.into_iter().flat_map(both).collect();
        }
        shares
    }

    fn blur(&mut self, axis: usize, bandwidth: f64) {
        let spacing = self.spacing[axis];
        let width = (bandwidth.powi(2) - spacing.powi(2) / 3.0).max(0.0).sqrt() / spacing;
        let radius = ((4.0 * width).ceil() as usize).min(self.cells - 1);
        let stride = self.cells.pow(axis as u32);
        let kernel = |k: usize| (-0.5 * (k as f64 / width.max(1e-3)).powi(2)).exp();
        let norm = 1.0 + 2.0 * (1..=radius).map(kernel).sum::<f64>();
        let blurred = |cell: usize| {
            let node = cell / stride % self.cells;
            let mut sum = self.field[cell];
            for k in 1..=radius {
                if node >= k {
                    sum += kernel(k) * self.field[cell - k * stride];
                }
                if node + k < self.cells {
                    sum += kernel(k) * self.field[cell + k * stride];
                }
            }
            sum / norm
        };
        self.field = (0..self.field.len()).map(blurred).collect();
    }
}
