//! What a run needs of a device and whether it fits: arithmetic, before anything is allocated.

use std::fmt::Write as _;

use crate::error::{Error, ErrorKind, Result};
use crate::integrator::Integrator;
use crate::kernel::loops::{self, Loops};
use crate::layout::MAX_PARTICLES;
use crate::words::bytes;

mod room;
pub(crate) use room::{Allowed, Room};

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
    pub(crate) fn rows(self) -> u32 {
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

/// Storage buffers of `scan`, the weight kernel with the most of them.
pub(crate) const WEIGHT_BINDINGS: u32 = 7;

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
    /// Loop iterations of an invocation, kernel by kernel, where a driver stops long loops.
    pub loops: Option<Vec<Loops>>,
}

/// The call that says which limits a run needs.
const OF_RUN: &str = "wfr::requirements(&problem, &config, &adapter.limits())";

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
    /// Whether it is the request for the device that allows too little.
    by_request: bool,
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
            shortage.error(particles, &format!(" in {dim} dimensions"), OF_RUN, most)
        })
    }

    /// Lays out what has no state and whose kernels bind `bindings` storage buffers at most.
    ///
    /// `needs` are the buffers for so many particles, and grow with them.
    pub(crate) fn without_state(
        particles: u32,
        bindings: u32,
        room: &Room,
        requirements: &str,
        needs: impl Fn(u32) -> Vec<Need>,
    ) -> Result<Plan> {
        let fit = |needs: &[Need]| {
            check_bindings(bindings, "use another adapter", room)?;
            check_buffers(needs, room)?;
            check_memory(needs, room)
        };
        let own = needs(particles);
        fit(&own).map_err(|shortage| {
            let most = most(particles, |n| fit(&needs(n)).is_ok());
            shortage.error(particles, "", requirements, most)
        })?;
        let needs = [Need::in_parts("state", 0)].into_iter().chain(own).collect();
        Ok(Plan { bindings, needs, ..Plan::in_pages(particles, 0, 1) })
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
        let page_rows = self.page_rows.min(self.rows);
        let page = 4 * u64::from(self.particles) * u64::from(page_rows);
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
    /// Adds loops where they count.
    pub(crate) fn count_loops(&mut self, loops: impl FnOnce() -> Vec<Loops>) {
        if let Some(all) = &mut self.loops {
            all.extend(loops());
        }
    }

    /// Where it fits, if it does.
    fn fit(mut self, room: &Room) -> Result<Plan, Shortage> {
        let Draft { particles, carries, .. } = self;
        let (row, rows) = (4 * u64::from(particles), carries.rows());
        if particles > MAX_PARTICLES {
            return Err(Shortage {
                limit: Some("particles"),
                needed: particles.into(),
                available: MAX_PARTICLES.into(),
                what: format!("more than {MAX_PARTICLES} particles, the most the arithmetic holds"),
                way_out: "",
                by_request: false,
            });
        }
        let binding = room.binding();
        if row > binding {
            return Err(too_large_to_bind("", row, room));
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
        check_memory(&self.needs, room)?;
        let needs = self.needs;
        Ok(Plan { particles, rows, pages, page_rows, counts, bindings, needs })
    }

    /// The storage buffers of the kernel with the most of them.
    fn bindings(&self, pages: u32, counts: bool, room: &Room) -> Result<u32, Shortage> {
        let step = Reading {
            bindings: STEP_BINDINGS + u32::from(counts) + self.data,
            way_out: "lower the dimension, or use fewer arrays of data",
        };
        let gather = Reading { bindings: 1 + pages, way_out: "lower the dimension" };
        check_bindings(WEIGHT_BINDINGS, "use another adapter", room)?;
        let mut largest = WEIGHT_BINDINGS;
        for Reading { bindings, way_out } in [step, gather].iter().chain(&self.readings) {
            let bindings = bindings + pages;
            check_bindings(bindings, way_out, room)?;
            largest = largest.max(bindings);
        }
        Ok(largest)
    }

    fn check_buffers(&self, room: &Room) -> Result<(), Shortage> {
        // The state is a buffer for each page.
        check_buffers(&self.needs[1..], room)
    }

    fn check_loops(&self, room: &Room) -> Result<(), Shortage> {
        let Some(cap) = room.loops else { return Ok(()) };
        match self.loops.iter().flatten().find(|loops| loops.iterations > u64::from(cap)) {
            None => Ok(()),
            Some(loops) => Err(Shortage {
                limit: Some(loops::LIMIT),
                needed: loops.iterations,
                available: cap.into(),
                what: loops.words(cap),
                way_out: loops.way_out,
                by_request: false,
            }),
        }
    }
}

fn check_bindings(bindings: u32, way_out: &'static str, room: &Room) -> Result<(), Shortage> {
    let Allowed { most, words, by_request } = room.allowed_bindings();
    if u64::from(bindings) <= most {
        return Ok(());
    }
    Err(Shortage {
        limit: Some("max_storage_buffers_per_shader_stage"),
        needed: bindings.into(),
        available: most,
        what: format!("{bindings} storage buffers in one kernel, {words}"),
        way_out,
        by_request,
    })
}

fn check_buffers(needs: &[Need], room: &Room) -> Result<(), Shortage> {
    let Allowed { most, words, by_request } = room.allowed(|limits| limits.max_buffer_size, bytes);
    for Need { name, bytes: needed, bound } in needs {
        if *bound == Bound::Whole && *needed > room.binding() {
            return Err(too_large_to_bind(name, *needed, room));
        }
        if *needed > most {
            return Err(Shortage {
                limit: Some("max_buffer_size"),
                needed: *needed,
                available: most,
                what: format!("a buffer of {} for {name}, {words}", bytes(*needed)),
                way_out: way_out(name),
                by_request,
            });
        }
    }
    Ok(())
}

fn check_memory(needs: &[Need], room: &Room) -> Result<(), Shortage> {
    let needed = total(needs);
    match room.memory {
        Some(available) if needed > available => {
            let what = format!(
                "{} of memory ({}), {} are available",
                bytes(needed),
                shares(needs),
                bytes(available)
            );
            let way_out = "free some memory";
            Err(Shortage { limit: None, needed, available, what, way_out, by_request: false })
        }
        _ => Ok(()),
    }
}

/// A buffer that a binding does not hold; no name for a row of the state.
fn too_large_to_bind(name: &'static str, needed: u64, room: &Room) -> Shortage {
    let of = if name.is_empty() { String::new() } else { format!(" for {name}") };
    let Allowed { most, words, by_request } = room.allowed_binding();
    Shortage {
        limit: Some("max_storage_buffer_binding_size"),
        needed,
        available: most,
        what: format!("a {} binding{of}, {words}", bytes(needed)),
        way_out: way_out(name),
        by_request,
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
    /// In words, with the largest number of particles that fits. `of` says what they are of, after
    /// their number, and `requirements` is the call whose limits a device should be requested with.
    fn error(self, particles: u32, of: &str, requirements: &str, most: u32) -> Error {
        let Shortage { limit, needed, available, what, way_out, by_request } = self;
        let way_out = match (by_request, most) {
            (false, 0) => format!("no number of particles fits; {way_out}"),
            (false, _) => format!("use at most {most}"),
            (true, 0) => format!("request it with the limits of {requirements}"),
            (true, _) => {
                format!("request it with the limits of {requirements}, or use at most {most}")
            }
        };
        let hint = format!("particles = {particles}{of} needs {what}; {way_out}");
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
