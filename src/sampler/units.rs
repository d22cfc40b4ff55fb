//! What the device does in a block of steps, part by part: recorded together, or submitted one by one
//! where steps take long.

use std::collections::VecDeque;

use super::Sampler;
use super::pace::{Kind, LEAST};
use crate::clock::Instant;
use crate::error::Result;
use crate::kernel::adapt::PASSES;
use crate::kernel::{Pass, WarmUp};
use crate::layout::{Control, LOSSES_EVERY};
use crate::pending::Pending;
use crate::reactor::Part;

/// Fused steps between two ESS tests, or some of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    first: u32,
    count: u32,
    /// Whether an ESS test comes before them.
    tests: bool,
    /// Whether a block ends with them.
    ends: bool,
    /// Whether losses are counted though there is no test: a log-weight says for so many steps when
    /// it was lost.
    counts: bool,
}

/// One part of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Before(Part),
    Test,
    /// Counts losses, if the test saw some.
    Losses,
    /// Counts them whatever a test saw.
    CountLosses,
    Conditional,
    Measure,
    Choose,
    Tick,
    Network(usize),
    Step,
    After(Part),
}

impl Unit {
    /// What goes through the particles in slices, if it may.
    fn kind(self) -> Option<Kind> {
        match self {
            Unit::Before(Part::Sweep(_)) | Unit::After(Part::Sweep(_)) => Some(Kind::Sweep),
            Unit::Measure => Some(Kind::Measure),
            Unit::Network(_) => Some(Kind::Network),
            Unit::Step => Some(Kind::Step),
            _ => None,
        }
    }
}

impl Sampler {
    /// The steps that one dispatch fuses next, up to step `end`.
    pub(super) fn segment(&self, end: u32) -> Segment {
        let (first, every) = (self.encoded, self.config.test_every());
        let since_test = first % every;
        let count = (every - since_test).min(end - first).min(self.max_segment);
        let ends = (first + count).is_multiple_of(every) || first + count == self.steps();
        let counts = since_test >= LOSSES_EVERY && since_test % LOSSES_EVERY < self.max_segment;
        Segment { first, count, tests: since_test == 0, ends, counts }
    }

    /// Its parts in order.
    pub(super) fn units(&self, segment: &Segment) -> Vec<Unit> {
        let mut units = Vec::new();
        if segment.tests {
            let before = self.reactor.iter().flat_map(|reactor| reactor.before(segment.first));
            units.extend(before.map(Unit::Before));
            units.extend([Unit::Test, Unit::Losses]);
            units.extend(self.conditional.as_ref().map(|_| Unit::Conditional));
            if self.adapt.is_some() {
                units.extend([Unit::Measure, Unit::Choose].repeat(PASSES as usize));
            }
        } else {
            units.push(Unit::Tick);
            units.extend(segment.counts.then_some(Unit::CountLosses));
        }
        units.extend((0..self.networks.len()).map(Unit::Network));
        units.push(Unit::Step);
        if let Some(reactor) = self.reactor.as_ref().filter(|_| segment.ends) {
            units.extend(reactor.after(segment.first + segment.count).into_iter().map(Unit::After));
        }
        units
    }

    /// Records a part: of all particles, or of so many from `Control::first_slot` on.
    pub(super) fn encode_unit(
        &self,
        pass: &mut Pass<'_>,
        segment: &Segment,
        unit: Unit,
        slice: Option<u32>,
    ) {
        let parity = self.parity;
        match unit {
            Unit::Test => self.resampling.encode_test(pass, segment.count),
            Unit::Tick => self.resampling.encode_tick(pass, segment.count),
            Unit::Losses => {
                let dispatches = &self.resampling.scratch.dispatches;
                self.losses.encode(pass, parity, dispatches);
            }
            Unit::CountLosses => self.losses.encode_now(pass, parity),
            Unit::Conditional => self.conditional.iter().for_each(|c| c.encode(pass)),
            Unit::Measure => {
                self.adapt.iter().for_each(|adapt| adapt.encode_measure(pass, parity, slice));
            }
            Unit::Choose => self.adapt.iter().for_each(|adapt| adapt.encode_choose(pass)),
            Unit::Network(i) => self.networks[i].encode(pass, parity, slice),
            Unit::Step => self.step.encode(pass, parity, segment.first, slice),
            Unit::Before(part) => {
                self.reactor.iter().for_each(|r| r.encode(pass, parity, part, slice));
            }
            // The step wrote the other copy.
            Unit::After(part) => {
                self.reactor.iter().for_each(|r| r.encode(pass, 1 - parity, part, slice));
            }
        }
    }

    /// Has the driver compile whatever the run may record, and records nothing that counts.
    pub(super) fn warm_up(&self) -> Result<()> {
        let later = self.config.test_every().min(self.steps() - 1);
        self.gpu.submit_pass(|pass| {
            let pass = &mut WarmUp(pass);
            for first in [0, later] {
                let segment = Segment { first, count: 1, tests: true, ends: true, counts: true };
                for unit in self.units(&segment) {
                    self.encode_unit(pass, &segment, unit, None);
                }
            }
            self.resampling.encode_tick(pass, 1);
            self.resampling.encode_report(pass);
        })?;
        Ok(())
    }

    /// The segment is done.
    pub(super) fn pass_by(&mut self, segment: &Segment) {
        self.parity = 1 - self.parity;
        self.encoded += segment.count;
    }

    /// Steps of one block, at most `most`, in submissions of its own for each part, and of some particles
    /// where a part goes through all of them.
    pub(super) async fn steps_in_parts(&mut self, most: u32) -> Result<()> {
        let segment = self.segment(self.encoded + self.pace.count().min(most));
        let units = self.units(&segment).into();
        let started = Instant::now();
        InParts { sampler: self, segment, units, first: 0 }.run().await?;
        self.pace.stepped_in_parts(segment.count, started.elapsed());
        Ok(())
    }

    /// A dispatch over all particles in slices, each a submission.
    pub(super) async fn in_slices(
        &mut self,
        kind: Kind,
        record: impl Fn(&mut Pass<'_>, u32),
    ) -> Result<()> {
        let mut first = 0;
        while first < self.plan.particles {
            let slice = self.slice(kind, 1, first);
            self.write_first_slot(first);
            let started = Instant::now();
            let submission = self.gpu.submit_pass(|pass| record(pass, slice))?;
            let done = Pending::work(&self.gpu, Some(submission)).await?;
            self.pace.sliced(kind, slice, 1, done.duration_since(started));
            first += slice;
        }
        self.write_first_slot(0);
        Ok(())
    }

    /// Particles of the slice from `first` on.
    fn slice(&self, kind: Kind, count: u32, first: u32) -> u32 {
        let unit = self.slice_unit(kind);
        let most = (MOST_WORKGROUPS * self.least_workgroup()) / unit * unit;
        let whole = (self.pace.slice(kind, count) / unit).max(1) * unit;
        whole.min(most).min(self.plan.particles - first)
    }

    fn write_first_slot(&self, first: u32) {
        let at = std::mem::offset_of!(Control, first_slot) as u64;
        self.gpu.queue.write_buffer(&self.state.control, at, &first.to_ne_bytes());
    }

    /// What slices are multiples of, so that no workgroup is in two of them.
    fn slice_unit(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Measure => self.adapt.as_ref().map_or(LEAST, |adapt| adapt.block()),
            Kind::Sweep => self.reactor.as_ref().map_or(LEAST, |reactor| reactor.sweep_block()),
            Kind::Init | Kind::Step | Kind::Network => LEAST,
        }
    }

    /// The fewest particles of a workgroup of any kernel that takes slices.
    fn least_workgroup(&self) -> u32 {
        let networks = self.networks.iter().map(|network| network.workgroup());
        networks.chain([self.config.workgroup_size]).min().unwrap_or(1)
    }
}

/// A segment whose parts are submitted one by one.
///
/// Where its future is dropped, what is left is submitted at once, so that it ends between two steps.
struct InParts<'s> {
    sampler: &'s mut Sampler,
    segment: Segment,
    /// Those that are not done.
    units: VecDeque<Unit>,
    /// Particles that the first of them has gone through.
    first: u32,
}

impl InParts<'_> {
    async fn run(&mut self) -> Result<()> {
        loop {
            let started = Instant::now();
            let Some(submitted) = self.submit()? else { return Ok(()) };
            let done = Pending::work(&self.sampler.gpu, Some(submitted.index)).await?;
            let took = done.duration_since(started);
            match submitted.slice {
                Some((kind, slice)) => {
                    let count = self.steps(kind);
                    self.sampler.pace.sliced(kind, slice, count, took);
                }
                None => self.sampler.pace.passed(took),
            }
        }
    }

    /// Submits the next part, or the next slice of it; nothing where all are.
    fn submit(&mut self) -> Result<Option<Submitted>> {
        let Some(unit) = self.units.front().copied() else { return Ok(None) };
        let (sampler, segment) = (&*self.sampler, &self.segment);
        let encode = |pass: &mut Pass<'_>, slice| {
            sampler.encode_unit(pass, segment, unit, slice);
        };
        let Some(kind) = unit.kind() else {
            let index = sampler.gpu.submit_pass(|pass| encode(pass, None))?;
            self.units.pop_front();
            return Ok(Some(Submitted { index, slice: None }));
        };
        let slice = sampler.slice(kind, self.steps(kind), self.first);
        sampler.write_first_slot(self.first);
        let index = sampler.gpu.submit_pass(|pass| encode(pass, Some(slice)))?;
        self.first += slice;
        if self.first >= sampler.plan.particles {
            sampler.write_first_slot(0);
            self.first = 0;
            self.units.pop_front();
        }
        Ok(Some(Submitted { index, slice: Some((kind, slice)) }))
    }

    /// Steps that a dispatch of this kind fuses.
    fn steps(&self, kind: Kind) -> u32 {
        if kind == Kind::Step { self.segment.count } else { 1 }
    }
}

impl Drop for InParts<'_> {
    fn drop(&mut self) {
        loop {
            match self.submit() {
                Ok(Some(_)) => {}
                Ok(None) => return self.sampler.pass_by(&self.segment),
                // The device is lost, and the next call says so.
                Err(_) => return,
            }
        }
    }
}

/// A part of a segment that is on its way.
struct Submitted {
    index: wgpu::SubmissionIndex,
    /// Particles of a slice.
    slice: Option<(Kind, u32)>,
}

/// The most workgroups of a dispatch in one dimension: a slice is never folded, which would take some
/// of the next.
const MOST_WORKGROUPS: u32 = 65_535;
