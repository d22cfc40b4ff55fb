//! How much a submission takes on, by what the ones before it took.
//!
//! The first is the smallest there is, a few particles of one step. What is measured says how many more
//! the next may have, at most four times as many. Steps of a block are cheaper together than one by one,
//! because the particles stay in registers: a block that does not fit the limit is cut into slices of the
//! particles as long as these keep a device busy, and into fewer steps only then. Blocks that fit are
//! submitted whole, and then several.

use std::collections::HashMap;
use std::time::Duration;

/// Of the limit, what a submission is meant to take: steps differ, and so do measurements.
const SHARE: f64 = 0.5;

/// How many times as much as the one before a submission may take on.
const GROWTH: u32 = 4;

/// Particles of the smallest slice: whole workgroups of steps.
pub(super) const LEAST: u32 = 256;

/// Particles that keep a device busy: with fewer at a time, more of them take no longer.
const WIDE: u32 = 1 << 16;

/// What goes through all particles, and may do so in slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Init,
    Step,
    /// Passes of parts of the loop, by their name.
    Part(&'static str),
}

/// The pace of a run.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    limit: Duration,
    particles: u32,
    /// The most steps that one dispatch takes, and the steps from one test of the ESS to the next.
    block: u32,
    every: u32,
    /// Particles of the next slice, by kind; of [`Kind::Step`] times its steps.
    slices: HashMap<Kind, u64>,
    /// Steps of the next submission; none as long as they are cut into slices.
    steps: Option<u32>,
    /// The submission that took longest, and the last.
    longest: Duration,
    last: Duration,
    warned: bool,
}

impl Pace {
    pub(super) fn new(limit: Duration, particles: u32, block: u32, every: u32) -> Pace {
        Pace {
            limit,
            particles,
            block,
            every,
            slices: HashMap::new(),
            steps: None,
            longest: Duration::ZERO,
            last: Duration::ZERO,
            warned: false,
        }
    }

    /// Steps of the next submission; none where they have to be cut.
    pub(super) fn steps(&self) -> Option<u32> {
        self.steps
    }

    /// Steps that are cut into slices together.
    pub(super) fn count(&self) -> u32 {
        let count = self.sliced_next(Kind::Step) / u64::from(self.particles.min(WIDE));
        count.clamp(1, self.block.into()) as u32
    }

    /// Particles of the next slice, times its steps.
    fn sliced_next(&self, kind: Kind) -> u64 {
        let first = LEAST.min(self.particles).into();
        self.slices.get(&kind).copied().unwrap_or(first)
    }

    /// Particles of the next slice, of so many steps.
    pub(super) fn slice(&self, kind: Kind, count: u32) -> u32 {
        let slice = self.sliced_next(kind) / u64::from(count);
        slice.clamp(LEAST.into(), u32::MAX.into()) as u32
    }

    /// The submissions so far: what the longest took, and the last.
    pub(super) fn took(&self) -> (Duration, Duration) {
        (self.longest, self.last)
    }

    /// A submission of so many steps of all particles.
    pub(super) fn stepped(&mut self, steps: u32, took: Duration) {
        self.note(took);
        let fits = self.fits(took) * f64::from(steps);
        if self.takes_whole(fits) {
            let reach = steps.saturating_mul(GROWTH).max(self.steps.unwrap_or(1));
            let grown = (fits as u32).min(reach);
            let blocks = grown - grown % self.every;
            self.steps = Some(if blocks > 0 { blocks } else { grown });
            return;
        }
        self.steps = None;
        self.slices.insert(Kind::Step, self.grown(self.particles, steps, took));
        // What else goes through the particles had its share of the time.
        let slice = (fits * f64::from(self.particles)) as u64;
        for (kind, kept) in &mut self.slices {
            if matches!(kind, Kind::Part(_)) {
                *kept = (*kept).min(slice).max(LEAST.into());
            }
        }
    }

    /// A slice of so many particles, and of so many steps.
    pub(super) fn sliced(&mut self, kind: Kind, particles: u32, count: u32, took: Duration) {
        self.note(took);
        let is_rest = particles < self.particles && particles + LEAST <= self.slice(kind, count);
        if is_rest && took <= self.limit {
            // What is left of a step says little of a whole slice.
            return;
        }
        self.slices.insert(kind, self.grown(particles, count, took));
        if particles <= LEAST && count == 1 {
            self.warn(took, &format!("{particles} particles, the fewest that are moved at once,"));
        }
    }

    /// A part of a step that is never cut.
    pub(super) fn passed(&mut self, took: Duration) {
        self.note(took);
        self.warn(took, "what is done between two steps");
    }

    /// Whole steps in parts: if so many fit, the next are one submission.
    pub(super) fn stepped_in_parts(&mut self, count: u32, took: Duration) {
        if self.takes_whole(self.fits(took) * f64::from(count)) {
            self.steps = Some(count);
        }
    }

    /// Whether steps of all particles are submitted whole where so many fit: a block of them, or any
    /// where slices would leave a device idle.
    fn takes_whole(&self, fits: f64) -> bool {
        fits >= f64::from(self.block) || (fits >= 1.0 && self.particles <= WIDE)
    }

    /// Particles times steps of the next slice, after so many took so long.
    fn grown(&self, particles: u32, count: u32, took: Duration) -> u64 {
        let had = u64::from(particles) * u64::from(count);
        let fits = (self.fits(took) * had as f64) as u64;
        // One step of the fewest, or of all.
        fits.min(had * u64::from(GROWTH)).max(LEAST.min(self.particles).into())
    }

    /// How many times what took so long fits into what a submission is meant to take.
    fn fits(&self, took: Duration) -> f64 {
        SHARE * self.limit.as_secs_f64() / took.as_secs_f64().max(1e-9)
    }

    fn note(&mut self, took: Duration) {
        self.last = took;
        self.longest = self.longest.max(took);
    }

    /// Says once what cannot be cut and takes much longer than it should.
    fn warn(&mut self, took: Duration, what: &str) {
        if self.warned || took < 2 * self.limit {
            return;
        }
        self.warned = true;
        log::warn!(
            "{what} took {:.0} ms, and submission_limit is {:.0} ms: a screen on this device may stand \
             still for so long; shorten the target's loops, use fewer particles or landmarks, or raise \
             the limit",
            1e3 * took.as_secs_f64(),
            1e3 * self.limit.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    /// Steps of a block.
    const BLOCK: u32 = 16;

    /// What a device takes: some time whatever it does, and so long for all particles, to fetch them and
    /// for each step.
    #[derive(Clone, Copy)]
    struct Device {
        idle: Duration,
        fetch: Duration,
        step: Duration,
    }

    impl Device {
        /// One whose steps take so long, and little besides.
        fn of(step: Duration) -> Device {
            Device { idle: Duration::from_micros(50), fetch: Duration::ZERO, step }
        }

        fn takes(&self, share: f64, steps: u32) -> Duration {
            let blocks = steps.div_ceil(BLOCK);
            self.idle + (self.fetch * blocks + self.step * steps).mul_f64(share)
        }
    }

    fn pace(particles: u32) -> Pace {
        Pace::new(LIMIT, particles, BLOCK, BLOCK)
    }

    /// What submissions took, of a run of so many steps.
    fn run(pace: &mut Pace, device: Device, steps: u32) -> Vec<Duration> {
        let mut all = Vec::new();
        let mut done = 0;
        while done < steps {
            match pace.steps() {
                Some(count) => {
                    let took = device.takes(1.0, count);
                    pace.stepped(count, took);
                    all.push(took);
                    done += count;
                }
                None => {
                    let count = pace.count().min(BLOCK - done % BLOCK);
                    let (mut first, mut whole) = (0, Duration::ZERO);
                    while first < pace.particles {
                        let slice = pace.slice(Kind::Step, count).min(pace.particles - first);
                        let share = f64::from(slice) / f64::from(pace.particles);
                        let took = device.takes(share, count);
                        pace.sliced(Kind::Step, slice, count, took);
                        all.push(took);
                        whole += took;
                        first += slice;
                    }
                    pace.stepped_in_parts(count, whole);
                    done += count;
                }
            }
        }
        all
    }

    /// From the first submission on, whatever a step takes, of many particles and of few.
    #[test]
    fn no_submission_exceeds_the_limit() {
        for particles in [1 << 20, 1000] {
            for micros in [1, 100, 10_000, 60_000, 90_000, 1_000_000, 20_000_000] {
                let mut pace = pace(particles);
                let device = Device::of(Duration::from_micros(micros));
                // The smallest slice of few particles is much of a step.
                if particles == 1000 && micros > 90_000 {
                    continue;
                }
                let steps = 3000.min(300_000_000 / micros as u32);
                let all = run(&mut pace, device, steps);
                assert!(all.iter().all(|took| *took <= LIMIT), "{micros}: {:?}", all.iter().max());
                // And most are as long as they are meant to be, where there is enough to do.
                let long = all.iter().filter(|took| **took > LIMIT / 8).count();
                if micros >= 10_000 {
                    assert!(3 * long > all.len(), "{micros}: {long} of {}", all.len());
                }
            }
        }
    }

    /// Where fetching the particles takes as long as many steps of them, blocks stay whole, or nearly where
    /// slices would be too narrow: a run with a limit takes little longer than one without.
    #[test]
    fn the_limit_costs_little_where_steps_are_cheaper_together() {
        for (fetch, step) in [(2, 1), (25, 5), (250, 50)] {
            let [fetch, step] = [fetch, step].map(Duration::from_millis);
            let device = Device { idle: Duration::from_micros(200), fetch, step };
            let total: Duration = run(&mut pace(1 << 20), device, 1600).iter().sum();
            let least: Duration = device.takes(1.0, 1600);
            let more = total.as_secs_f64() / least.as_secs_f64();
            assert!(more < if step.as_millis() < 50 { 1.1 } else { 1.3 }, "{step:?}: {more}");
        }
    }

    /// A few particles take as long as one of them: a step is not cut into slices of it.
    #[test]
    fn few_particles_are_cut_into_steps() {
        let mut pace = pace(1000);
        let mut done = 0;
        while done < 100 {
            let count = pace.steps().unwrap_or(1);
            let took = Duration::from_millis(10) * count;
            match pace.steps() {
                Some(count) => pace.stepped(count, took),
                None => {
                    pace.sliced(Kind::Step, 256, 1, took);
                    pace.stepped_in_parts(1, 4 * took);
                }
            }
            done += count;
        }
        assert_eq!(pace.steps(), Some(5));
    }

    /// Fewer particles than the smallest slice are no reason for more steps.
    #[test]
    fn slow_steps_of_very_few_particles_come_one_by_one() {
        let mut pace = pace(10);
        for _ in 0..5 {
            assert_eq!((pace.steps(), pace.count()), (None, 1));
            let took = Duration::from_millis(60);
            pace.sliced(Kind::Step, 10, 1, took);
            pace.stepped_in_parts(1, took);
        }
    }

    /// When steps become slower, one submission may be too long, and the next is not.
    #[test]
    fn a_slower_step_shortens_the_next_submission_at_once() {
        let steps = |micros| Device::of(Duration::from_micros(micros));
        let mut slowing = pace(1 << 20);
        run(&mut slowing, steps(100), 2000);
        let slower = run(&mut slowing, steps(30_000), 50);
        assert!(slower[0] > LIMIT && slower[1..].iter().all(|took| *took <= LIMIT), "{slower:?}");
        // Twice as slow is within what is kept free.
        let mut pace = pace(1 << 20);
        run(&mut pace, steps(100), 2000);
        let slower = run(&mut pace, steps(190), 2000);
        assert!(slower.iter().all(|took| *took <= LIMIT), "{:?}", slower.iter().max());
        // Slower than any step may be: it is cut from then on.
        let slowest = run(&mut pace, steps(1_000_000), 3);
        assert!(slowest[1..].iter().all(|took| *took <= LIMIT), "{slowest:?}");
        assert_eq!(pace.took().0, slowest[0]);
    }
}
