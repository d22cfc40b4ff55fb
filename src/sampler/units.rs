//! What the device does in a block of steps, unit by unit: recorded together, or submitted one by one
//! where steps take long.

use std::collections::VecDeque;

use super::Sampler;
use super::pace::{Kind, LEAST};
use crate::clock::Instant;
use crate::error::Result;
use crate::kernel::init::Init;
use crate::kernel::part::{Phase, Slices};
use crate::kernel::{Pass, WarmUp};
use crate::layout::{Control, LOSSES_EVERY};
use crate::pending::Pending;

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

/// What may be a submission of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Test,
    /// Counts losses, if the test saw some.
    Losses,
    /// Counts them whatever a test saw.
    CountLosses,
    Tick,
    /// After a resampling particles are what their parents were.
    Gather,
    Step,
    /// A pass of one of the parts of this run.
    Pass {
        part: usize,
        number: u32,
    },
}

/// How a dispatch over all particles is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    kind: Kind,
    /// Particles of a workgroup.
    workgroup: u32,
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

    /// Its units in order.
    pub(super) fn units(&self, segment: &Segment) -> Vec<Unit> {
        let mut units = Vec::new();
        if segment.tests {
            units.extend(self.passes(Phase::BeforeTest, segment.first));
            units.extend([Unit::Test, Unit::Losses]);
            units.extend(self.passes(Phase::AfterTest, segment.first));
        } else {
            units.push(Unit::Tick);
            units.extend(segment.counts.then_some(Unit::CountLosses));
        }
        units.extend(self.passes(Phase::BeforeSteps, segment.first));
        units.extend(segment.tests.then_some(Unit::Gather));
        units.push(Unit::Step);
        if segment.ends {
            units.extend(self.passes(Phase::AfterBlock, segment.first + segment.count));
        }
        units
    }

    /// What the parts do in a phase, which begins after `step` steps.
    fn passes(&self, phase: Phase, step: u32) -> Vec<Unit> {
        let mut units = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let numbers = part.passes(phase, step).into_iter();
            units.extend(numbers.map(|number| Unit::Pass { part: index, number }));
        }
        units
    }

    /// Records all units of a segment.
    pub(super) fn encode_units(&self, pass: &mut Pass<'_>, segment: &Segment) {
        for unit in self.units(segment) {
            self.encode_unit(pass, segment, unit, None);
        }
    }

    /// Records a unit: of all particles, or of so many from `Control::first_slot` on.
    pub(super) fn encode_unit(
        &self,
        pass: &mut Pass<'_>,
        segment: &Segment,
        unit: Unit,
        slice: Option<u32>,
    ) {
        match unit {
            Unit::Test => self.resampling.encode_test(pass, segment.count),
            Unit::Tick => self.resampling.encode_tick(pass, segment.count),
            Unit::Losses => {
                let dispatches = &self.resampling.scratch.dispatches;
                self.losses.encode(pass, dispatches);
            }
            Unit::CountLosses => self.losses.encode_now(pass),
            Unit::Gather => self.gather.encode(pass, &self.resampling.scratch.dispatches),
            Unit::Step => self.step.encode(pass, segment.first, slice),
            Unit::Pass { part, number } => {
                self.parts[part].encode(pass, number, slice);
            }
        }
    }

    /// How a unit may be cut, if it may.
    fn cut(&self, unit: Unit) -> Option<Cut> {
        match unit {
            Unit::Step => Some(self.cut_of_steps(Kind::Step)),
            Unit::Pass { part, number, .. } => {
                let Slices { name, workgroup } = self.parts[part].slices(number)?;
                Some(Cut { kind: Kind::Part(name), workgroup })
            }
            _ => None,
        }
    }

    /// How steps are cut, and the draw of the particles.
    fn cut_of_steps(&self, kind: Kind) -> Cut {
        Cut { kind, workgroup: self.config.workgroup_size }
    }

    /// Has the driver compile whatever the run may record, and records nothing that counts.
    pub(super) fn warm_up(&self) -> Result<()> {
        let later = self.config.test_every().min(self.steps() - 1);
        self.gpu.submit_pass(|pass| {
            let pass = &mut WarmUp(pass);
            for first in [0, later] {
                let segment = Segment { first, count: 1, tests: true, ends: true, counts: false };
                self.encode_units(pass, &segment);
            }
            self.resampling.encode_tick(pass, 1);
            self.resampling.encode_report(pass);
        })?;
        Ok(())
    }

    /// The segment is done.
    pub(super) fn pass_by(&mut self, segment: &Segment) {
        self.encoded += segment.count;
    }

    /// Steps of one block, at most `most`, each unit in submissions of its own, and of some particles at
    /// a time where it goes through all of them.
    pub(super) async fn steps_in_parts(&mut self, most: u32) -> Result<()> {
        let segment = self.segment(self.encoded + self.pace.count().min(most));
        let units = self.units(&segment).into();
        let started = Instant::now();
        InParts { sampler: self, segment, units, first: 0 }.run().await?;
        self.pace.stepped_in_parts(segment.count, started.elapsed());
        Ok(())
    }

    /// The draw of all particles in slices, each a submission.
    pub(super) async fn draw_in_slices(&mut self, init: &Init) -> Result<()> {
        let cut = self.cut_of_steps(Kind::Init);
        let mut first = 0;
        while first < self.plan.particles {
            let slice = self.slice(cut, 1, first);
            self.write_first_slot(first);
            let started = Instant::now();
            let submission = self.gpu.submit_pass(|pass| init.encode(pass, Some(slice)))?;
            let done = Pending::work(&self.gpu, Some(submission)).await?;
            self.pace.sliced(cut.kind, slice, 1, done.duration_since(started));
            first += slice;
        }
        self.write_first_slot(0);
        Ok(())
    }

    /// Particles of the slice from `first` on.
    fn slice(&self, Cut { kind, workgroup }: Cut, count: u32, first: u32) -> u32 {
        // So that no workgroup is in two slices.
        let unit = LEAST.next_multiple_of(workgroup);
        let most = MOST_WORKGROUPS.saturating_mul(workgroup) / unit * unit;
        let whole = (self.pace.slice(kind, count) / unit).max(1) * unit;
        whole.min(most).min(self.plan.particles - first)
    }

    fn write_first_slot(&self, first: u32) {
        let at = std::mem::offset_of!(Control, first_slot) as u64;
        self.gpu.queue.write_buffer(&self.state.control, at, &first.to_ne_bytes());
    }
}

/// A segment whose units are submitted one by one.
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

    /// Submits the next unit, or the next slice of it; nothing where all are.
    fn submit(&mut self) -> Result<Option<Submitted>> {
        let Some(unit) = self.units.front().copied() else { return Ok(None) };
        let (sampler, segment) = (&*self.sampler, &self.segment);
        let encode = |pass: &mut Pass<'_>, slice| {
            sampler.encode_unit(pass, segment, unit, slice);
        };
        let Some(cut) = sampler.cut(unit) else {
            let index = sampler.gpu.submit_pass(|pass| encode(pass, None))?;
            self.units.pop_front();
            return Ok(Some(Submitted { index, slice: None }));
        };
        let slice = sampler.slice(cut, self.steps(cut.kind), self.first);
        sampler.write_first_slot(self.first);
        let index = sampler.gpu.submit_pass(|pass| encode(pass, Some(slice)))?;
        self.first += slice;
        if self.first >= sampler.plan.particles {
            sampler.write_first_slot(0);
            self.first = 0;
            self.units.pop_front();
        }
        Ok(Some(Submitted { index, slice: Some((cut.kind, slice)) }))
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

/// A unit that is on its way, or a slice of one.
struct Submitted {
    index: wgpu::SubmissionIndex,
    /// Particles of a slice.
    slice: Option<(Kind, u32)>,
}

/// The most workgroups of a dispatch in one dimension: a slice is never folded, which would take some
/// of the next.
const MOST_WORKGROUPS: u32 = 65_535;
