//! Twin of `shaders/grid.wgsl`, `shaders/grid_target.wgsl` and `shaders/density/grid.wgsl`: the
//! density of a weighted population on a grid, its deposits not rounded, and the target beside it.

use super::moments::{Moments, moments, moments_weights};
use super::threefry::{STREAM_GRID, threefry};

/// Blurred fields over the nodes of a box.
#[derive(Debug, Clone)]
pub struct Grid {
    cells: usize,
    low: Vec<f64>,
    spacing: Vec<f64>,
    field: Vec<f64>,
    /// π relative to the largest value at a point, and that value's logarithm.
    target: Vec<f64>,
    peak: f64,
}

impl Grid {
    /// Of particles in rows, one row per coordinate, and of the target's log density at points drawn
    /// after `step` steps.
    pub fn new(
        rows: &[Vec<f32>],
        log_weights: &[f32],
        cells: usize,
        bandwidths: &[f64],
        (seed, step): (u64, u32),
        log_density: impl Fn(&[f64]) -> f64,
    ) -> Grid {
        let box_of = |(row, bandwidth): (&Vec<f32>, &f64)| {
            let Moments { mean, variance, low, high } = moments(row, log_weights);
            let (reach, margin) = (8.0 * variance.sqrt(), 4.0 * bandwidth);
            let low = low.max(mean - reach) - margin;
            let high = high.min(mean + reach) + margin;
            (low, (high - low) / (cells - 1) as f64)
        };
        let (low, spacing) = rows.iter().zip(bandwidths).map(box_of).unzip();
        let field = vec![0.0; cells.pow(rows.len() as u32)];
        let (target, peak) = (field.clone(), f64::NEG_INFINITY);
        let mut grid = Grid { cells, low, spacing, field, target, peak };
        let points: Vec<_> = (0..grid.field.len())
            .filter_map(|cell| grid.point(cell, seed, step))
            .map(|x| (log_density(&x), x))
            .filter(|(log_density, _)| log_density.is_finite())
            .collect();
        grid.peak = points.iter().map(|(log_density, _)| *log_density).fold(grid.peak, f64::max);
        for (log_density, x) in points {
            for (cell, share) in grid.shares(&x) {
                grid.target[cell] += (log_density - grid.peak).exp() * share;
            }
        }
        for (i, weight) in moments_weights(log_weights).into_iter().enumerate() {
            if weight > 0.0 {
                let x: Vec<f64> = rows.iter().map(|row| f64::from(row[i])).collect();
                for (cell, share) in grid.shares(&x) {
                    grid.field[cell] += weight * share;
                }
            }
        }
        for (axis, bandwidth) in bandwidths.iter().enumerate() {
            grid.field = grid.blur(&grid.field, axis, *bandwidth);
            grid.target = grid.blur(&grid.target, axis, *bandwidth);
        }
        grid
    }

    /// log π − log p, both blurred, where log π is `aim`.
    pub fn density_log_ratio(&self, x: &[f64], aim: f64) -> f64 {
        let of = |field: &[f64]| -> f64 {
            self.shares(x).into_iter().map(|(cell, share)| share * field[cell]).sum()
        };
        let volume = self.spacing.iter().map(|spacing| spacing.ln()).sum::<f64>();
        let density = of(&self.field).ln() - volume;
        let blurred = of(&self.target);
        let reach = |(low, spacing): (&f64, &f64)| *low..=low + spacing * (self.cells - 1) as f64;
        let mut axes = self.low.iter().zip(&self.spacing).map(reach).zip(x);
        let within = axes.all(|(axis, x)| axis.contains(x));
        if within && blurred >= 1e-30 { blurred.ln() + self.peak - density } else { aim - density }
    }

    /// The target's point in the cell above a node, where there is a cell.
    fn point(&self, cell: usize, seed: u64, step: u32) -> Option<Vec<f64>> {
        let word = threefry(seed, cell as u32, step, 0, STREAM_GRID)[0];
        let along = |(j, (low, spacing)): (usize, (&f64, &f64))| {
            let node = cell / self.cells.pow(j as u32) % self.cells;
            let within = (f64::from((word >> (10 * j)) & 1023) + 0.5) / 1024.0;
            (node + 1 < self.cells).then_some(low + spacing * (node as f64 + within))
        };
        self.low.iter().zip(&self.spacing).enumerate().map(along).collect()
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

    fn blur(&self, field: &[f64], axis: usize, bandwidth: f64) -> Vec<f64> {
        let spacing = self.spacing[axis];
        let width = (bandwidth.powi(2) - spacing.powi(2) / 3.0).max(0.0).sqrt() / spacing;
        let radius = ((4.0 * width).ceil() as usize).min(self.cells - 1);
        let stride = self.cells.pow(axis as u32);
        let kernel = |k: usize| (-0.5 * (k as f64 / width.max(1e-3)).powi(2)).exp();
        let norm = 1.0 + 2.0 * (1..=radius).map(kernel).sum::<f64>();
        let blurred = |cell: usize| {
            let node = cell / stride % self.cells;
            let mut sum = field[cell];
            for k in 1..=radius {
                if node >= k {
                    sum += kernel(k) * field[cell - k * stride];
                }
                if node + k < self.cells {
                    sum += kernel(k) * field[cell + k * stride];
                }
            }
            sum / norm
        };
        (0..field.len()).map(blurred).collect()
    }
}
