//! What can be seen of the population of now: the particles, some of them, or how many lie where.

use std::ops::Range;
use std::sync::OnceLock;

use super::{Sampler, weight_shape};
use crate::aside::{Movable, aside};
use crate::error::{Error, Result};
use crate::histogram::{Axis, Counter, Histogram};
use crate::kernel::survivors::Survivors;
use crate::kernel::tally::{Cloud, CloudShape};
use crate::particles::Particles;
use crate::readback;

impl Sampler {
    /// The particles of now, copied to host memory.
    ///
    /// # Errors
    /// [`ErrorKind::Recording`](crate::ErrorKind::Recording) where an encoder of [`Sampler::encode`] was
    /// not submitted as it was recorded; [`ErrorKind::DeviceLost`](crate::ErrorKind) and
    /// [`ErrorKind::Device`](crate::ErrorKind).
    pub async fn particles(&self) -> Result<Particles> {
        self.window(0..self.plan.particles).await
    }

    /// The particles of now in a range of slots, copied to host memory: a large population a part at
    /// a time. Their ancestors are indices into the whole population.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind) when the range is not within 0 to N; as
    /// [`Sampler::particles`].
    pub async fn window(&self, slots: Range<u32>) -> Result<Particles> {
        let positions = self.positions(slots.clone()).await?;
        let log_weights = self.log_weights(slots.clone()).await?;
        let ancestors = self.ancestors(slots).await?;
        let particles = Particles::new(self.dim as usize, positions, log_weights, ancestors)?;
        Ok(particles.about(self.center.clone()))
    }

    /// The positions in a range of slots, row by row (range, dim), counted from
    /// [`Sampler::center`]: a column of [`Sampler::window`].
    ///
    /// # Errors
    /// As [`Sampler::window`].
    pub async fn positions(&self, slots: Range<u32>) -> Result<Vec<f32>> {
        self.check(&slots).await?;
        let dim = self.dim as usize;
        let mut positions = vec![0.0; slots.len() * dim];
        for j in 0..dim {
            let coordinate: Vec<f32> = self.row_window(j as u32, &slots).await?;
            for (position, value) in positions.chunks_exact_mut(dim).zip(coordinate) {
                position[j] = value;
            }
        }
        Ok(positions)
    }

    /// The log-weights in a range of slots, up to a common constant: a column of
    /// [`Sampler::window`].
    ///
    /// # Errors
    /// As [`Sampler::window`].
    pub async fn log_weights(&self, slots: Range<u32>) -> Result<Vec<f32>> {
        self.check(&slots).await?;
        let (offset, bytes) = bytes(&slots);
        readback::read(&self.gpu, &self.state.log_weights, offset, bytes).await
    }

    /// The time-zero ancestors in a range of slots, indices into the whole population: a column of
    /// [`Sampler::window`].
    ///
    /// # Errors
    /// As [`Sampler::window`].
    pub async fn ancestors(&self, slots: Range<u32>) -> Result<Vec<u32>> {
        self.check(&slots).await?;
        self.row_window(self.plan.rows - 1, &slots).await
    }

    async fn check(&self, slots: &Range<u32>) -> Result<()> {
        if slots.start <= slots.end && slots.end <= self.plan.particles {
            return self.check_recorded().await;
        }
        let reason = format!(
            "= {}..{} is not a range of slots; there are {}",
            slots.start, slots.end, self.plan.particles
        );
        Err(Error::config("window", reason))
    }

    /// One row of the state of now.
    pub(super) async fn row<T: bytemuck::Pod>(&self, row: u32) -> Result<Vec<T>> {
        self.row_window(row, &(0..self.plan.particles)).await
    }

    async fn row_window<T: bytemuck::Pod>(&self, row: u32, slots: &Range<u32>) -> Result<Vec<T>> {
        let page = &self.state.pages[(row / self.plan.page_rows) as usize];
        let before = 4 * u64::from(row % self.plan.page_rows) * u64::from(self.plan.particles);
        let (offset, bytes) = bytes(slots);
        readback::read(&self.gpu, page, before + offset, bytes).await
    }

    /// The weighted histogram of one or two coordinates of now, counted on the device: what crosses
    /// to the host are the bins.
    ///
    /// ```no_run
    /// # async fn f(sampler: &wfr::Sampler) -> wfr::Result<()> {
    /// use wfr::Axis;
    /// let plane = sampler.histogram(&[Axis::new(0, 200), Axis::new(1, 100).over(-3.0..3.0)]).await?;
    /// let density = plane.density(); // 100 rows of 200
    /// # Ok(()) }
    /// ```
    ///
    /// The first call compiles the kernels. No later bit of the run depends on it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind) when an axis does not fit, see [`Axis`]; as
    /// [`Sampler::particles`].
    pub async fn histogram(&self, axes: &[Axis]) -> Result<Histogram> {
        self.check_recorded().await?;
        let (gpu, shape) = (self.gpu.clone(), self.cloud_shape());
        let counter = made(&self.counter, move || Counter::new(&gpu, shape)).await?;
        counter.histogram(self.cloud(), self.dim, &self.center, axes).await
    }

    /// The number of time-zero ancestors with a descendant of finite log-weight, 1 to N (0 where
    /// there is no such particle).
    ///
    /// The first call compiles the kernels. No later bit of the run depends on it.
    ///
    /// # Errors
    /// As [`Sampler::particles`].
    pub async fn survivors(&self) -> Result<u32> {
        self.check_recorded().await?;
        let (gpu, shape, row) = (self.gpu.clone(), self.cloud_shape(), self.plan.rows - 1);
        let numbers = self.state.numbers.engine.clone();
        let make = move || Survivors::new(&gpu, &numbers, &shape, row);
        let survivors = made(&self.survivors, make).await?;
        let buffer = survivors.buffer(&self.gpu)?;
        let bound = survivors.bind(&self.gpu, self.cloud(), &buffer)?;
        self.gpu.takes_more().await?;
        self.gpu.submit_pass(|pass| survivors.encode(pass, &bound))?;
        Ok(readback::read(&self.gpu, &buffer, 0, 4).await?[0])
    }

    fn cloud_shape(&self) -> CloudShape {
        CloudShape {
            weights: weight_shape(&self.config).on(&self.gpu),
            pages: self.plan.pages,
            page_rows: self.plan.page_rows,
        }
    }

    fn cloud(&self) -> Cloud<'_> {
        Cloud { log_weights: &self.state.log_weights, pages: &self.state.pages }
    }
}

/// Where the words of some slots begin in a row, and how many bytes they are.
fn bytes(slots: &Range<u32>) -> (u64, u64) {
    (4 * u64::from(slots.start), 4 * slots.len() as u64)
}

/// What is in the cell, or what `make` compiles for it.
async fn made<T: Movable>(
    cell: &OnceLock<T>,
    make: impl FnOnce() -> Result<T> + Movable,
) -> Result<&T> {
    if let Some(kept) = cell.get() {
        return Ok(kept);
    }
    let new = aside(make).await?;
    Ok(cell.get_or_init(|| new))
}
