//! Copies between wfr's buffers and burn's tensors, on the device.
//!
//! wfr keeps a row of N numbers per coordinate and burn a row of coordinates per particle. Copies
//! keep wfr's order; burn sees it as a transposed tensor and transposes back what it answers.
//!
//! burn collects its kernels and submits them later. What it has collected may still use memory
//! that a new tensor is given, so that it is flushed before a copy of ours is submitted; what
//! it does with that memory afterwards comes later in the same queue.

use burn::tensor::{DType, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::wgpu::{AutoCompiler, WgpuResource, WgpuServer};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use wfr::{Buffers, Error, ErrorKind, Result, wgpu};

use crate::model::{Evaluation, Model};
use crate::shared::Shared;

/// A copy between two buffers: (source, its offset), (destination, its offset), bytes.
type Copy<'a> = ((&'a wgpu::Buffer, u64), (&'a wgpu::Buffer, u64), u64);

/// The two sides, and how many particles they hold.
pub(crate) struct Exchange<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) particles: usize,
}

impl Exchange<'_> {
    /// The positions of now as a tensor (N, dim).
    pub(crate) fn positions(&self, particles: &Buffers<'_>, dim: usize) -> Result<Tensor<2>> {
        let (page, page_rows) = (&particles.pages[0], particles.page_rows as usize);
        if page_rows < dim {
            let reason = format!(
                "= {} in {dim} dimensions is more than one binding of the device, which holds \
                 {page_rows} coordinates of each; use fewer",
                self.particles
            );
            return Err(invalid("particles", reason));
        }
        let options = (self.shared.device(), DType::F32);
        let rows = Tensor::<2>::empty([dim, self.particles], options);
        let (memory, _held) = self.memory(self.primitive(rows.clone())?)?;
        self.copy([((page, 0), (&memory.buffer, memory.offset), self.bytes(dim))])?;
        Ok(rows.swap_dims(0, 1))
    }

    /// Writes what a model answered into its rows of wfr.
    pub(crate) fn write(
        &self,
        model: &Model<'_>,
        answer: Evaluation,
        output: &wgpu::Buffer,
    ) -> Result<()> {
        let outputs = model.outputs();
        let mut parts = vec![(self.rows(model, "score", answer.score, model.dim())?, model.dim())];
        for (what, said, values) in [
            ("divergence", outputs.divergence, answer.divergence),
            ("log density", outputs.log_density, answer.log_density),
        ] {
            match (said, values) {
                (false, _) => {}
                (true, Some(values)) => {
                    parts.push((self.rows(model, what, values.unsqueeze_dim(1), 1)?, 1));
                }
                (true, None) => {
                    let reason = format!("answers no {what}, which its outputs announce; give it");
                    return Err(invalid(format!("model {}", model.name()), reason));
                }
            }
        }
        let mut memories = Vec::new();
        for (tensor, rows) in parts {
            memories.push((self.memory(tensor)?, self.bytes(rows)));
        }
        let (mut copies, mut place) = (Vec::new(), 0);
        for ((memory, _held), bytes) in &memories {
            copies.push(((&memory.buffer, memory.offset), (output, place), *bytes));
            place += bytes;
        }
        self.copy(copies)
    }

    /// A tensor (N, columns) in wfr's order, (columns, N), in one piece.
    fn rows(
        &self,
        model: &Model<'_>,
        what: &str,
        tensor: Tensor<2>,
        columns: usize,
    ) -> Result<CubeTensor> {
        let refused = |reason: String| {
            Err(invalid(format!("model {}", model.name()), format!("answers a {what} {reason}")))
        };
        if tensor.dims() != [self.particles, columns] {
            let [n, c] = tensor.dims();
            return refused(format!("({n}, {c}), expected ({}, {columns})", self.particles));
        }
        if tensor.dtype() != DType::F32 {
            return refused(format!("of type {:?}; cast it to F32", tensor.dtype()));
        }
        if tensor.device() != *self.shared.device() || tensor.is_autodiff() {
            let reason = "that is not plainly on Shared::device(); move it, or drop its gradient \
                          by Tensor::inner";
            return refused(reason.into());
        }
        Ok(into_contiguous(self.primitive(tensor.swap_dims(0, 1))?))
    }

    /// burn's own form of a tensor.
    fn primitive(&self, tensor: Tensor<2>) -> Result<CubeTensor> {
        tensor.try_into_primitive::<CubeBackend>().map_err(|error| {
            device(format!("burn gives no buffer of a tensor: {error:?}; use a device of wgpu"))
        })
    }

    /// Where a tensor lies, and what keeps it there while it is held.
    fn memory(&self, tensor: CubeTensor) -> Result<(WgpuResource, impl Sized + use<>)> {
        let held = tensor
            .client
            .get_resource::<WgpuServer<AutoCompiler>>(tensor.handle)
            .map_err(|error| device(format!("burn gives no buffer of a tensor: {error}")))?;
        Ok((held.resource().clone(), held))
    }

    fn copy<'a>(&self, copies: impl IntoIterator<Item = Copy<'a>>) -> Result<()> {
        let gpu = self.shared.gpu();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for ((source, from), (destination, to), bytes) in copies {
            encoder.copy_buffer_to_buffer(source, from, destination, to, bytes);
        }
        self.shared.device().flush().map_err(|error| device(error.to_string()))?;
        gpu.queue.submit([encoder.finish()]);
        Ok(())
    }

    /// Bytes of so many rows.
    pub(crate) fn bytes(&self, rows: usize) -> u64 {
        4 * (rows * self.particles) as u64
    }
}

/// A setting that is out of its range.
pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Error {
    ErrorKind::InvalidConfig { field: field.into(), reason: reason.into() }.into()
}

fn device(message: String) -> Error {
    ErrorKind::Device { message }.into()
}
