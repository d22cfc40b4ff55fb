//! What a run needs of a device and whether it fits: arithmetic, before anything is allocated.

use std::fmt::Write as _;

use crate::driver::loop_cap;
use crate::error::{Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::kernel::loops::{self, Loops};
use crate::layout::MAX_PARTICLES;
use crate::memory;
use crate::words::bytes;

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
    /// Whether kept or refused moves are counted.
    pub(crate) counts: bool,
    /// The storage buffers that the kernel with the most of them binds.
    pub(crate) bindings: u32,
    /// Particles per lane of the kernel `adapt`, where there is one.
    pub(crate) cess_items: u32,
    pub(crate) needs: Vec<Need>,
}

/// What a particle carries beside its log-weight and the index of its ancestor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carries {
    /// Coordinates.
    pub dim: u32,
    /// Further numbers from step to step.
    pub more: u32,
    pub counts: Counts,
}

/// Whether kept or refused moves are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    No,
    /// Where the device has a binding left for it.
    IfRoom,
    Yes,
}

impl Carries {
    /// What particles carry that an integrator moves. Moves must be counted where the sampler decides
    /// by their number: a kept share, or weights that one refused move spoils.
    pub(crate) fn of(dim: u32, integrator: Integrator, spoils: bool) -> Carries {
        let must = integrator.counts_kept() || spoils;
        let counts = if must { Counts::Yes } else { Counts::IfRoom };
        Carries { dim, more: integrator.carried_rows(dim), counts }
    }

    /// Rows of the state.
    fn rows(self) -> u32 {
        self.dim + self.more + 1
    }
}

/// A buffer, or several of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    pub name: &'static str,
    pub bytes: u64,
    pub bound: Bound,
}

/// How kernels see a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// In one binding.
    Whole,
    /// A window of it at a time, or not at all.
    InParts,
}

impl Need {
    /// A buffer that is bound whole.
    pub(crate) fn whole(name: &'static str, bytes: u64) -> Need {
        Need { name, bytes, bound: Bound::Whole }
    }

    /// A buffer of which kernels see a window.
    pub(crate) fn in_parts(name: &'static str, bytes: u64) -> Need {
        Need { name, bytes, bound: Bound::InParts }
    }
}

/// Storage buffers of every step kernel beside the state and the data: log-weights, ancestors,
/// control.
const STEP_BINDINGS: u32 = 3;

/// A kernel that reads the state: the storage buffers beside its pages, and the way out where they
/// are too many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub bindings: u32,
    pub way_out: &'static str,
}

/// What a run of so many particles asks for, before it is known where.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub particles: u32,
    pub carries: Carries,
    /// All buffers but the state.
    pub needs: Vec<Need>,
    /// Storage buffers of data that the step kernel binds.
    pub data: u32,
    /// The other kernels that bind pages of the state.
    pub readings: Vec<Reading>,
    /// Loop iterations of an invocation, kernel by kernel.
    pub loops: Vec<Loops>,
    /// Particles per lane of the kernel `adapt`, where there is one.
    pub cess_items: u32,
}

/// What a device has room for.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub limits: wgpu::Limits,
    /// Bytes of memory, where that is known.
    pub memory: Option<u64>,
    /// Loop iterations after which the driver stops an invocation, if it does.
    pub loops: Option<u32>,
}

impl Room {
    /// Within these limits, whatever the device.
    pub(crate) fn within(limits: &wgpu::Limits) -> Room {
        Room { limits: limits.clone(), memory: None, loops: None }
    }

    /// What an adapter has room for. A software adapter's memory is the machine's, and its driver
    /// would hand out more than there is; wgpu does not tell what a GPU has.
    pub(crate) fn of(limits: &wgpu::Limits, info: &wgpu::AdapterInfo) -> Room {
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let memory = if software { memory::available() } else { None };
        Room { memory, loops: loop_cap(info), ..Room::within(limits) }
    }

    /// What a device has room for.
    pub(crate) fn of_device(gpu: &Gpu) -> Room {
        Room::of(&gpu.device.limits(), gpu.adapter_info())
    }

    /// The largest binding.
    fn binding(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }
}

/// What stands in the way.
#[derive(Debug)]
struct Shortage {
    /// Nothing where it is the memory.
    limit: Option<&'static str>,
    needed: u64,
    available: u64,
    /// What is needed and what there is, after "needs".
    what: String,
    /// What to do where no number of particles fits.
    way_out: &'static str,
}

impl Plan {
    /// Lays out a run, or says what stands in the way and the largest N that fits.
    ///
    /// `draft` is the run with so many particles; all that it asks for grows with them.
    pub(crate) fn largest(
        particles: u32,
        room: &Room,
        draft: impl Fn(u32) -> Draft,
    ) -> Result<Plan> {
        let whole = draft(particles);
        let dim = whole.carries.dim;
        whole.fit(room).map_err(|shortage| {
            let most = most(particles, |n| draft(n).fit(room).is_ok());
            shortage.error(particles, dim, most)
        })
    }

    /// The state alone, of what only evaluates.
    pub(crate) fn in_pages(particles: u32, rows: u32, page_rows: u32) -> Plan {
        Plan {
            particles,
            rows,
            pages: rows.div_ceil(page_rows),
            page_rows,
            counts: false,
            bindings: 0,
            cess_items: 0,
            needs: Vec::new(),
        }
    }

    /// The buffers of the run: what each holds, and its bytes.
    pub fn buffers(&self) -> Vec<(&'static str, u64)> {
        by_name(&self.needs)
    }

    /// Total bytes on the device.
    pub fn bytes(&self) -> u64 {
        total(&self.needs)
    }

    /// The limits a device must have for this run: the defaults, raised where needed.
    pub fn limits(&self) -> wgpu::Limits {
        let defaults = wgpu::Limits::default();
        let page = 4 * u64::from(self.particles) * u64::from(self.page_rows);
        let beside_state = || self.needs.iter().skip(1);
        let largest = beside_state().map(|need| need.bytes).max().unwrap_or(0).max(page);
        let whole = beside_state().filter(|need| need.bound == Bound::Whole);
        let binding = whole.map(|need| need.bytes).max().unwrap_or(0).max(page);
        wgpu::Limits {
            max_storage_buffer_binding_size: defaults.max_storage_buffer_binding_size.max(binding),
            max_buffer_size: defaults.max_buffer_size.max(largest),
            max_storage_buffers_per_shader_stage: defaults
                .max_storage_buffers_per_shader_stage
                .max(self.bindings),
            ..defaults
        }
    }

    /// Rows in one page.
    pub(crate) fn rows_of_page(&self, page: u32) -> u32 {
        self.page_rows.min(self.rows - page * self.page_rows)
    }

    /// The need per buffer, one line each.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{} of memory on the device", bytes(self.bytes()));
        for (name, size) in self.buffers() {
            let _ = write!(text, "\n  {name:<20} {:>10}", bytes(size));
        }
        text
    }
}

/// The largest number below `particles` that fits, 0 if there is none.
fn most(particles: u32, fits: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, particles);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    low
}

/// Bytes by what buffers hold, those that hold the same together.
fn by_name(needs: &[Need]) -> Vec<(&'static str, u64)> {
    let mut all: Vec<(&'static str, u64)> = Vec::new();
    for Need { name, bytes, .. } in needs.iter().filter(|need| need.bytes > 0) {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum = sum.saturating_add(*bytes),
            None => all.push((name, *bytes)),
        }
    }
    all
}

fn total(needs: &[Need]) -> u64 {
    needs.iter().fold(0, |sum, need| sum.saturating_add(need.bytes))
}

impl Draft {
    /// Where it fits, if it does.
    fn fit(mut self, room: &Room) -> Result<Plan, Shortage> {
        let Draft { particles, carries, cess_items, .. } = self;
        let (row, rows) = (4 * u64::from(particles), carries.rows());
        if particles > MAX_PARTICLES {
            return Err(Shortage {
                limit: Some("particles"),
                needed: particles.into(),
                available: MAX_PARTICLES.into(),
                what: format!("more than {MAX_PARTICLES} particles, the most the arithmetic holds"),
                way_out: "",
            });
        }
        let binding = room.binding();
        if row > binding {
            return Err(too_large_to_bind("", row, binding));
        }
        let page_rows = ((binding / row.max(1)) as u32).min(rows);
        let pages = rows.div_ceil(page_rows);
        let counts = match self.carries.counts {
            Counts::No => false,
            Counts::Yes => true,
            Counts::IfRoom => self.bindings(pages, true, room).is_ok(),
        };
        let bindings = self.bindings(pages, counts, room)?;
        self.needs.insert(0, Need::in_parts("state", 2 * row * u64::from(rows)));
        self.check_buffers(room)?;
        self.check_loops(room)?;
        self.check_memory(room)?;
        let needs = self.needs;
        Ok(Plan { particles, rows, pages, page_rows, counts, bindings, cess_items, needs })
    }

    /// The storage buffers of the kernel with the most of them.
    fn bindings(&self, pages: u32, counts: bool, room: &Room) -> Result<u32, Shortage> {
        let most = room.limits.max_storage_buffers_per_shader_stage;
        let step = Reading {
            bindings: pages + STEP_BINDINGS + u32::from(counts) + self.data,
            way_out: "lower the dimension, or use fewer arrays of data",
        };
        let mut largest = 0;
        for Reading { bindings, way_out } in [step].iter().chain(&self.readings) {
            let bindings = bindings + pages;
            if bindings > most {
                return Err(Shortage {
                    limit: Some("max_storage_buffers_per_shader_stage"),
                    needed: bindings.into(),
                    available: most.into(),
                    what: format!(
                        "{bindings} storage buffers in one kernel, this adapter allows {most}"
                    ),
                    way_out,
                });
            }
            largest = largest.max(bindings);
        }
        Ok(largest)
    }

    fn check_buffers(&self, room: &Room) -> Result<(), Shortage> {
        // The state is a buffer for each page.
        for Need { name, bytes: needed, bound } in &self.needs[1..] {
            if *bound == Bound::Whole && *needed > room.binding() {
                return Err(too_large_to_bind(name, *needed, room.binding()));
            }
            let available = room.limits.max_buffer_size;
            if *needed > available {
                let (size, most) = (bytes(*needed), bytes(available));
                return Err(Shortage {
                    limit: Some("max_buffer_size"),
                    needed: *needed,
                    available,
                    what: format!("a buffer of {size} for {name}, this adapter allows {most}"),
                    way_out: way_out(name),
                });
            }
        }
        Ok(())
    }

    fn check_loops(&self, room: &Room) -> Result<(), Shortage> {
        let Some(cap) = room.loops else { return Ok(()) };
        match self.loops.iter().find(|loops| loops.iterations > u64::from(cap)) {
            None => Ok(()),
            Some(loops) => Err(Shortage {
                limit: Some(loops::LIMIT),
                needed: loops.iterations,
                available: cap.into(),
                what: loops.words(cap),
                way_out: loops.way_out,
            }),
        }
    }

    fn check_memory(&self, room: &Room) -> Result<(), Shortage> {
        let needed = total(&self.needs);
        match room.memory {
            Some(available) if needed > available => {
                let what = format!(
                    "{} of memory ({}), {} are available",
                    bytes(needed),
                    shares(&self.needs),
                    bytes(available)
                );
                let way_out = "free some memory";
                Err(Shortage { limit: None, needed, available, what, way_out })
            }
            _ => Ok(()),
        }
    }
}

/// A buffer that a binding does not hold; no name for a row of the state.
fn too_large_to_bind(name: &'static str, needed: u64, available: u64) -> Shortage {
    let of = if name.is_empty() { String::new() } else { format!(" for {name}") };
    let (size, most) = (bytes(needed), bytes(available));
    Shortage {
        limit: Some("max_storage_buffer_binding_size"),
        needed,
        available,
        what: format!("a {size} binding{of}, this adapter allows {most}"),
        way_out: way_out(name),
    }
}

/// What makes a buffer smaller that does not depend on the particles.
fn way_out(name: &str) -> &'static str {
    match name {
        "data" => "use less data",
        "schedule" | "losses" | "flow data" => "use fewer steps",
        "trace" | "reaction trace" => "use fewer trace_rows",
        "grid" => "use fewer cells",
        _ => "lower the dimension",
    }
}

/// What each buffer takes, the largest first; the small ones together.
fn shares(needs: &[Need]) -> String {
    let all = total(needs);
    let named = by_name(needs).into_iter();
    let (mut large, small): (Vec<_>, Vec<_>) = named.partition(|(_, size)| *size > all / 100);
    large.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let rest = small.into_iter().map(|(_, size)| size).sum();
    let mut words: Vec<_> =
        large.into_iter().map(|(name, size)| format!("{name} {}", bytes(size))).collect();
    if rest > 0 {
        words.push(format!("others {}", bytes(rest)));
    }
    words.join(", ")
}

impl Shortage {
    /// In words, with the largest number of particles that fits.
    fn error(self, particles: u32, dim: u32, most: u32) -> Error {
        let Shortage { limit, needed, available, what, way_out } = self;
        let way_out = match most {
            0 => format!("no number of particles fits; {way_out}"),
            _ => format!("use at most {most}"),
        };
        let hint = format!("particles = {particles} in {dim} dimensions needs {what}; {way_out}");
        match limit {
            Some(limit) => {
                ErrorKind::LimitExceeded { limit: limit.into(), needed, available, hint }.into()
            }
            None => {
                ErrorKind::OutOfMemory { needed: Some(needed), available: Some(available), hint }
                    .into()
            }
        }
    }
}

/// What a device that did not have the memory after all is said to have: what it held then, or half
/// of what was asked for.
pub(crate) fn refused(
    error: Error,
    plan: &Plan,
    room: &Room,
    draft: impl Fn(u32) -> Draft,
) -> Error {
    let ErrorKind::OutOfMemory { needed: None, available, hint } = error.kind() else {
        return error;
    };
    let needed = plan.bytes();
    let held = available.filter(|held| (1..needed).contains(held));
    let room = Room { memory: Some(held.unwrap_or(needed / 2)), ..room.clone() };
    let most = most(plan.particles, |n| draft(n).fit(&room).is_ok());
    let hint = format!(
        "particles = {} needs {} of memory ({}): {hint}; {most} particles may fit",
        plan.particles,
        bytes(needed),
        shares(&plan.needs),
    );
    ErrorKind::OutOfMemory { needed: Some(needed), available: *available, hint }.into()
}

#[cfg(test)]
mod tests;
