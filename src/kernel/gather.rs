//! The rows of particles after a resampling: `shaders/gather.wgsl`.

use std::mem::offset_of;

use super::{Access, BoundKernel, Pass};
use crate::buffers::State;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::Dispatches;
use crate::plan::Plan;
use crate::shaders::{self, Prelude, WeightShape, state_copies};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Gather {
    gather: BoundKernel,
    put_back: BoundKernel,
}

pub(crate) fn linked(shape: &WeightShape, plan: &Plan) -> Linked {
    let prelude = Prelude::default().weights(shape).u32("ROWS", plan.rows).text(&state_copies(
        1,
        plan.pages,
        plan.page_rows,
    ));
    let files = shaders::engine_files(&["types", "index", "gather"]);
    Linked::new([prelude.source()].into_iter().chain(files))
}

impl Gather {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        plan: &Plan,
        state: &State,
    ) -> Result<Gather> {
        let linked = linked(shape, plan);
        let numbers = &state.numbers.engine;
        let kernel = |entry, from: &[wgpu::Buffer], to: &[wgpu::Buffer]| {
            let mut own = vec![(Access::Read, &state.ancestors)];
            own.extend(from.iter().map(|page| (Access::Read, page)));
            own.extend(to.iter().map(|page| (Access::ReadWrite, page)));
            BoundKernel::new(gpu, numbers, (&linked, entry), &own)
        };
        Ok(Gather {
            gather: kernel("gather", &state.pages, &state.gathered)?,
            put_back: kernel("put_back", &state.gathered, &state.pages)?,
        })
    }

    /// Does nothing where the last ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, dispatches: &wgpu::Buffer) {
        for kernel in [&self.gather, &self.put_back] {
            kernel.encode_indirect(pass, dispatches, offset_of!(Dispatches, particles) as u64);
        }
    }
}
