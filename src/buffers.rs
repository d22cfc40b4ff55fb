//! The buffers of a run: what they hold, how large they are, whether they fit.

use crate::error::{ErrorKind, Result};
use crate::gpu::{Gpu, available_memory};
use crate::integrator::Integrator;
use crate::kernel::{Access, losses};
use crate::layout::{
    ACCEPT_COUNTERS, BLOCK, Block, CESS_GROUPS, CESS_LANES, Control, Dispatches, Instant,
    MAX_PARTICLES, SCHEDULE_WINDOW, Sums, TraceRow,
};
use crate::shaders::WeightShape;

/// How a run's memory is laid out, worked out before anything is allocated.
///
/// A particle's state is `dim` coordinates, what the integrator carries from step to step, and the
/// index of the time-zero ancestor, one row of N words each. Rows are kept in pages of whole rows,
/// because a binding has a largest size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) particles: u32,
    pub(crate) rows: u32,
    pub(crate) pages: u32,
    pub(crate) page_rows: u32,
    /// Whether accepted moves are counted.
    pub(crate) counts: bool,
    /// Total bytes on the device, by buffer.
    pub(crate) buffers: Vec<(&'static str, u64)>,
    /// The storage buffers that the kernel with the most of them binds.
    pub(crate) bindings: u32,
    /// Particles per lane of the kernel `adapt`, where there is one.
    pub(crate) cess_items: u32,
}

/// What a particle carries beside its log-weight and the index of its ancestor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carries {
    /// Coordinates.
    pub dim: u32,
    /// Further numbers from step to step.
    pub more: u32,
    /// Whether accepted moves are counted.
    pub counts: bool,
}

impl Carries {
    /// What particles carry that an integrator moves.
    pub(crate) fn of(dim: u32, integrator: Integrator) -> Carries {
        Carries { dim, more: integrator.carried_rows(dim), counts: integrator.counts() }
    }
}

/// Storage buffers of every step kernel beside the state: log-weights, ancestors, control.
const STEP_BINDINGS: u32 = 3;
/// Storage buffers of the kernel `adapt` beside the state: those, the stage and its sums.
const ADAPT_BINDINGS: u32 = 5;

impl Plan {
    /// Lays out a run, or says which limit stands in the way and the largest N that fits.
    pub(crate) fn new(
        particles: u32,
        carries: Carries,
        shape: &WeightShape,
        data: &[u64],
        steps: u32,
        limits: &wgpu::Limits,
    ) -> Result<Plan> {
        let Carries { dim, more, .. } = carries;
        let rows = dim + more + 1;
        let plan =
            |particles: u32| Plan::layout(particles, rows, carries, shape, data, steps, limits);
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        if let Some(bytes) = data.iter().copied().find(|bytes| *bytes > binding) {
            return Err(limit(
                "max_storage_buffer_binding_size",
                bytes,
                binding,
                format!(
                    "the data need a binding of {}, this adapter allows {}; use less data",
                    crate::words::bytes(bytes),
                    crate::words::bytes(binding)
                ),
            ));
        }
        plan(particles).map_err(|problem| {
            // Every need grows with N: bisect for the largest that fits.
            let (mut low, mut high) = (0, particles);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if plan(middle).is_ok() { low = middle } else { high = middle }
            }
            let (name, needed, available, what) = problem;
            let way_out = if low == 0 {
                "no number of particles fits; lower the dimension".to_string()
            } else {
                format!("use at most {low}")
            };
            limit(
                name,
                needed,
                available,
                format!("particles = {particles} in {dim} dimensions needs {what}; {way_out}"),
            )
        })
    }

    #[allow(clippy::type_complexity, reason = "one private error: limit, needed, available, words")]
    fn layout(
        particles: u32,
        rows: u32,
        carries: Carries,
        shape: &WeightShape,
        data: &[u64],
        steps: u32,
        limits: &wgpu::Limits,
    ) -> Result<Plan, (&'static str, u64, u64, String)> {
        use crate::words::bytes;
        let Carries { dim, counts, .. } = carries;
        let n = u64::from(particles);
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let row = 4 * n;
        let too_large = |needed: u64| {
            let words =
                format!("a {} binding, this adapter allows {}", bytes(needed), bytes(binding));
            ("max_storage_buffer_binding_size", needed, binding, words)
        };
        if particles > MAX_PARTICLES {
            let words =
                format!("more than {MAX_PARTICLES} particles, the most the arithmetic holds");
            return Err(("particles", n, u64::from(MAX_PARTICLES), words));
        }
        if row > binding {
            return Err(too_large(row));
        }
        let page_rows = ((binding / row) as u32).min(rows);
        let pages = rows.div_ceil(page_rows);
        let bindings = 2 * pages + STEP_BINDINGS + u32::from(counts) + data.len() as u32;
        let most = limits.max_storage_buffers_per_shader_stage;
        if bindings > most {
            let words =
                format!("{bindings} storage buffers in one kernel, this adapter allows {most}");
            return Err((
                "max_storage_buffers_per_shader_stage",
                u64::from(bindings),
                u64::from(most),
                words,
            ));
        }
        let per_particle = |wanted: bool| if wanted { row } else { 4 };
        let buffers = vec![
            ("state", 2 * row * u64::from(rows)),
            ("log_weights", row),
            ("ancestors", row),
            ("offsets", per_particle(!shape.resampler.is_ordered())),
            ("fractions", per_particle(!shape.resampler.is_ordered())),
            ("copies", per_particle(shape.resampler == crate::Resampler::Residual)),
            ("blocks", u64::from(particles.div_ceil(BLOCK)) * size_of::<Block>() as u64),
            ("trace", u64::from(shape.trace_rows + 1) * size_of::<TraceRow>() as u64),
            ("schedule", u64::from(steps + SCHEDULE_WINDOW) * size_of::<Instant>() as u64),
            ("losses", losses::bytes(steps, dim)),
            ("data", data.iter().sum()),
            ("accepted", if counts { 4 * u64::from(ACCEPT_COUNTERS) } else { 0 }),
        ];
        // The state is bound by pages, the schedule by windows, data are checked before, and the
        // counts of accepted moves are few.
        let whole = |name: &str| !["state", "schedule", "data", "accepted"].contains(&name);
        if let Some((_, size)) = buffers.iter().find(|(name, size)| whole(name) && *size > binding)
        {
            return Err(too_large(*size));
        }
        Ok(Plan { particles, rows, pages, page_rows, counts, buffers, bindings, cess_items: 0 })
    }

    /// The same run with an adaptive schedule, whose kernel takes `items` particles per lane.
    pub(crate) fn adaptive(self, items: u32, data: u32, limits: &wgpu::Limits) -> Result<Plan> {
        let bindings = self.bindings.max(self.pages + ADAPT_BINDINGS + data);
        let most = limits.max_storage_buffers_per_shader_stage;
        if bindings > most {
            let words = format!(
                "an adaptive schedule with {data} arrays of data needs {bindings} storage buffers \
                 in one kernel, this adapter allows {most}; use a fixed schedule"
            );
            let limit_name = "max_storage_buffers_per_shader_stage";
            return Err(limit(limit_name, u64::from(bindings), u64::from(most), words));
        }
        let mut buffers = self.buffers;
        buffers.push(("partials", partial_bytes(self.particles, items)));
        Ok(Plan { buffers, bindings, cess_items: items, ..self })
    }

    /// The same run with further buffers.
    pub(crate) fn with_buffers(
        mut self,
        more: Vec<(&'static str, u64)>,
        limits: &wgpu::Limits,
    ) -> Result<Plan> {
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        if let Some((name, bytes)) = more.iter().find(|(_, bytes)| *bytes > binding) {
            let hint = format!(
                "{name} needs a binding of {}, this adapter allows {}; use fewer particles, cells \
                 or landmarks",
                crate::words::bytes(*bytes),
                crate::words::bytes(binding)
            );
            return Err(limit("max_storage_buffer_binding_size", *bytes, binding, hint));
        }
        self.buffers.extend(more);
        Ok(self)
    }

    /// Total bytes on the device.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The limits a device must have for this run: the defaults, raised where needed.
    pub fn limits(&self) -> wgpu::Limits {
        let defaults = wgpu::Limits::default();
        let page = 4 * u64::from(self.particles) * u64::from(self.page_rows);
        let largest =
            self.buffers[1..].iter().map(|(_, bytes)| *bytes).max().unwrap_or(0).max(page);
        wgpu::Limits {
            max_storage_buffer_binding_size: defaults.max_storage_buffer_binding_size.max(largest),
            max_buffer_size: defaults.max_buffer_size.max(largest),
            max_storage_buffers_per_shader_stage: defaults
                .max_storage_buffers_per_shader_stage
                .max(self.bindings),
            ..defaults
        }
    }

    /// On a software adapter the device's memory is the machine's: check it, because the driver
    /// would hand out more than there is.
    pub(crate) fn check_memory(&self, gpu: &Gpu) -> Result<()> {
        let Some(available) = available_memory().filter(|_| gpu.is_software()) else {
            return Ok(());
        };
        self.check_available(available)
    }

    fn check_available(&self, available: u64) -> Result<()> {
        use crate::words::bytes;
        let needed = self.bytes();
        if needed <= available {
            return Ok(());
        }
        let each = needed / u64::from(self.particles).max(1);
        let most = available / each.max(1);
        let list: Vec<_> = self
            .buffers
            .iter()
            .filter(|(_, size)| *size > needed / 100)
            .map(|(name, size)| format!("{name} {}", bytes(*size)))
            .collect();
        let hint = format!(
            "particles = {} needs {} of memory ({}), {} are available; use at most {most}",
            self.particles,
            bytes(needed),
            list.join(", "),
            bytes(available)
        );
        Err(ErrorKind::OutOfMemory { needed, available, hint }.into())
    }

    /// Rows in one page.
    pub(crate) fn rows_of_page(&self, page: u32) -> u32 {
        self.page_rows.min(self.rows - page * self.page_rows)
    }
}

/// Bytes of the blocks' sums that the kernel `adapt` writes.
pub(crate) fn partial_bytes(particles: u32, items: u32) -> u64 {
    let blocks = particles.div_ceil(CESS_LANES * items);
    u64::from(blocks * CESS_GROUPS) * size_of::<Sums>() as u64
}

fn limit(name: &str, needed: u64, available: u64, hint: String) -> crate::Error {
    ErrorKind::LimitExceeded { limit: name.into(), needed, available, hint }.into()
}

/// The particles on the device: two copies of the state that every step reads and writes in turn.
#[derive(Debug)]
pub(crate) struct State {
    pub pages: [Vec<wgpu::Buffer>; 2],
    pub log_weights: wgpu::Buffer,
    pub ancestors: wgpu::Buffer,
    pub control: wgpu::Buffer,
    pub schedule: wgpu::Buffer,
    /// Group 1: the data of the target and of the initial law.
    pub data: Vec<wgpu::Buffer>,
    /// Group 2: the data of the flow, and how they are bound.
    pub flow_data: Option<(Access, wgpu::Buffer)>,
    /// Group 2, after them: what each model in a buffer writes, rows of N numbers.
    pub outputs: Vec<wgpu::Buffer>,
    /// The counts of accepted moves, where they are counted.
    pub accepted: Option<wgpu::Buffer>,
}

impl State {
    /// The buffers of group 0 in binding order, for the step that reads state `parity`.
    pub(crate) fn bindings(&self, parity: usize) -> Vec<&wgpu::Buffer> {
        let mut buffers: Vec<_> = self.pages[parity].iter().collect();
        buffers.extend(&self.pages[1 - parity]);
        buffers.extend([&self.log_weights, &self.ancestors, &self.control, &self.schedule]);
        buffers.extend(&self.accepted);
        buffers
    }

    /// The buffers of the groups after the engine's own: the data of both laws, then of the flow.
    pub(crate) fn data_groups(&self) -> Vec<Vec<(Access, &wgpu::Buffer)>> {
        let read = |buffer| (Access::Read, buffer);
        let laws: Vec<_> = self.data.iter().map(read).collect();
        match &self.flow_data {
            Some((access, flow)) => {
                let outputs = self.outputs.iter().map(read);
                vec![laws, [(*access, flow)].into_iter().chain(outputs).collect()]
            }
            None if laws.is_empty() => Vec::new(),
            None => vec![laws],
        }
    }
}

/// What the weight kernels keep between their passes.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub blocks: wgpu::Buffer,
    pub control: wgpu::Buffer,
    pub trace: wgpu::Buffer,
    pub dispatches: wgpu::Buffer,
    pub offsets: wgpu::Buffer,
    pub fractions: wgpu::Buffer,
    pub copies_through: wgpu::Buffer,
}

impl Scratch {
    pub(crate) fn new(device: &wgpu::Device, shape: &WeightShape) -> Scratch {
        let row = 4 * u64::from(shape.particles);
        let only_if = |wanted: bool| if wanted { row } else { 4 };
        let storage = |name: &str, size: u64| storage(device, name, size);
        Scratch {
            blocks: storage(
                "wfr.blocks",
                u64::from(shape.particles.div_ceil(BLOCK)) * size_of::<Block>() as u64,
            ),
            control: storage("wfr.control", size_of::<Control>() as u64),
            trace: storage(
                "wfr.trace",
                u64::from(shape.trace_rows + 1) * size_of::<TraceRow>() as u64,
            ),
            dispatches: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("wfr.dispatches"),
                size: size_of::<Dispatches>() as u64,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::INDIRECT
                    | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            offsets: storage("wfr.offsets", only_if(!shape.resampler.is_ordered())),
            fractions: storage("wfr.fractions", only_if(!shape.resampler.is_ordered())),
            copies_through: storage(
                "wfr.copies",
                only_if(shape.resampler == crate::Resampler::Residual),
            ),
        }
    }
}

/// A storage buffer that can be copied from and to; the device zeroes it.
pub(crate) fn storage(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A buffer filled at its creation, without the queue.
pub(crate) fn filled(
    device: &wgpu::Device,
    label: &str,
    usage: wgpu::BufferUsages,
    contents: &[u8],
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (contents.len() as u64).max(4).next_multiple_of(4),
        usage,
        mapped_at_creation: true,
    });
    if let Ok(mut view) = buffer.get_mapped_range_mut(..contents.len() as u64) {
        view.copy_from_slice(contents);
    }
    buffer.unmap();
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(particles: u32) -> WeightShape {
        WeightShape {
            particles,
            resampler: crate::Resampler::Systematic,
            ess_threshold: 0.5,
            trace_rows: 16,
            seed: 0,
            native_wide: false,
        }
    }

    fn software_limits() -> wgpu::Limits {
        wgpu::Limits {
            max_storage_buffer_binding_size: 128 << 20,
            max_buffer_size: (1 << 31) - 1,
            max_storage_buffers_per_shader_stage: 32,
            ..wgpu::Limits::default()
        }
    }

    #[test]
    fn large_runs_fit_small_bindings() {
        for (particles, dim, pages) in [(1 << 24, 2, 2), (1 << 20, 64, 3), (1000, 2, 1)] {
            let plan = Plan::new(
                particles,
                Carries::of(dim, Integrator::Euler),
                &shape(particles),
                &[],
                10,
                &software_limits(),
            );
            let plan = plan.unwrap();
            assert_eq!(plan.pages, pages);
            assert!(plan.limits().max_storage_buffer_binding_size <= 128 << 20);
            let rows: u32 = (0..plan.pages).map(|page| plan.rows_of_page(page)).sum();
            assert_eq!(rows, dim + 1);
        }
    }

    #[test]
    fn too_large_names_the_largest_that_fits() {
        let n = 1 << 26;
        let error =
            Plan::new(n, Carries::of(8, Integrator::Euler), &shape(n), &[], 10, &software_limits())
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            "particles = 67108864 in 8 dimensions needs a 256 MiB binding, this adapter allows \
             128 MiB; use at most 33554432"
        );
        let most = 33_554_432;
        assert!(
            Plan::new(
                most,
                Carries::of(8, Integrator::Euler),
                &shape(most),
                &[],
                10,
                &software_limits()
            )
            .is_ok()
        );
        assert!(
            Plan::new(
                most + 1,
                Carries::of(8, Integrator::Euler),
                &shape(most),
                &[],
                10,
                &software_limits()
            )
            .is_err()
        );
    }

    #[test]
    fn memory_is_checked_by_arithmetic() {
        let plan = Plan::new(
            1 << 20,
            Carries::of(2, Integrator::Euler),
            &shape(1 << 20),
            &[],
            10,
            &software_limits(),
        )
        .unwrap();
        assert!(plan.check_available(plan.bytes()).is_ok());
        let error = plan.check_available(10 << 20).unwrap_err().to_string();
        assert!(error.contains("needs 32 MiB of memory (state 24 MiB"), "{error}");
        assert!(error.contains("10 MiB are available; use at most"), "{error}");
    }
}
