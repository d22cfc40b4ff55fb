//! How much a submission takes on, by what the ones before it took.
//!
//! The first is the smallest there is, a few particles of one step. What is measured says how many more
//! the next may have, at most four times as many; a step that fits the limit is submitted whole, and
//! then several. One that does not is cut into its parts, and those that go through all particles into
//! slices of them.

use std::time::Duration;

/// Of the limit, what a submission is meant to take: steps differ, and so do measurements.
const SHARE: f64 = 0.5;

/// How many times as much as the one before a submission may take on.
const GROWTH: u32 = 4;

/// Particles of the smallest slice: whole workgroups of every kernel that takes slices.
pub(super) const LEAST: u32 = 256;

/// What goes through all particles, and may do so in slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Init,
    Step,
    Network,
    Measure,
    Sweep,
}

/// The pace of a run.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    limit: Duration,
    particles: u32,
    /// Particles of the next slice, by kind.
    slices: [u32; 5],
    /// Steps of the next submission; none as long as steps are cut.
    steps: Option<u32>,
    /// The submission that took longest, and the last.
    longest: Duration,
    last: Duration,
    warned: bool,
}

impl Pace {
    pub(super) fn new(limit: Duration, particles: u32) -> Pace {
        Pace {
            limit,
            particles,
            slices: [LEAST; 5],
            steps: None,
            longest: Duration::ZERO,
            last: Duration::ZERO,
            warned: false,
        }
    }

    /// Steps of the next submission; none where a step has to be cut.
    pub(super) fn steps(&self) -> Option<u32> {
        self.steps
    }

    /// Particles of the next slice.
    pub(super) fn slice(&self, kind: Kind) -> u32 {
        self.slices[kind as usize]
    }

    /// The submissions so far: what the longest took, and the last.
    pub(super) fn took(&self) -> (Duration, Duration) {
        (self.longest, self.last)
    }

    /// A submission of so many steps, which tests come `every` so many.
    pub(super) fn stepped(&mut self, steps: u32, took: Duration, every: u32) {
        self.note(took);
        let fits = self.fits(took) * f64::from(steps);
        if fits >= 1.0 {
            let reach = steps.saturating_mul(GROWTH).max(self.steps.unwrap_or(1));
            let grown = (fits as u32).min(reach);
            // Whole blocks where they fit.
            self.steps = Some(if grown >= every { grown - grown % every } else { grown });
            return;
        }
        // Not even one fits: by its own share of the particles, all of which it had.
        self.steps = None;
        let slice = (fits * f64::from(self.particles)) as u32;
        for kept in &mut self.slices {
            *kept = (*kept).min(slice).max(LEAST);
        }
    }

    /// A slice of so many particles.
    pub(super) fn sliced(&mut self, kind: Kind, particles: u32, took: Duration) {
        self.note(took);
        if particles + LEAST <= self.slices[kind as usize] && took <= self.limit {
            // What is left of a step says little of a whole slice.
            return;
        }
        let fits = self.fits(took) * f64::from(particles);
        let grown = (fits as u32).min(particles.saturating_mul(GROWTH));
        self.slices[kind as usize] = grown.max(LEAST);
        if particles <= LEAST {
            self.warn(took, &format!("{particles} particles, the fewest that are moved at once,"));
        }
    }

    /// A part of a step that is never cut.
    pub(super) fn passed(&mut self, took: Duration) {
        self.note(took);
        self.warn(took, "what is done between two steps");
    }

    /// A whole step in parts: if it fits, the next is one submission.
    pub(super) fn stepped_in_parts(&mut self, took: Duration) {
        if self.fits(took) >= 1.0 {
            self.steps = Some(1);
        }
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

    /// A device on which a step of all particles takes so long, and some time whatever it does.
    fn run(pace: &mut Pace, step: Duration, idle: Duration, steps: u32) -> Vec<Duration> {
        let mut all = Vec::new();
        let mut done = 0;
        while done < steps {
            match pace.steps() {
                Some(count) => {
                    let took = idle + step * count;
                    pace.stepped(count, took, 16);
                    all.push(took);
                    done += count;
                }
                None => {
                    let (mut first, mut whole) = (0, Duration::ZERO);
                    while first < pace.particles {
                        let slice = pace.slice(Kind::Step).min(pace.particles - first);
                        let took =
                            idle + step.mul_f64(f64::from(slice) / f64::from(pace.particles));
                        pace.sliced(Kind::Step, slice, took);
                        all.push(took);
                        whole += took;
                        first += slice;
                    }
                    pace.stepped_in_parts(whole);
                    done += 1;
                }
            }
        }
        all
    }

    /// From the first submission on, whatever a step takes.
    #[test]
    fn no_submission_exceeds_the_limit() {
        for micros in [1, 100, 10_000, 60_000, 90_000, 1_000_000, 20_000_000] {
            let mut pace = Pace::new(LIMIT, 1 << 20);
            let step = Duration::from_micros(micros);
            let all = run(
                &mut pace,
                step,
                Duration::from_micros(50),
                3000.min(300_000_000 / micros as u32),
            );
            assert!(all.iter().all(|took| *took <= LIMIT), "{micros}: {:?}", all.iter().max());
            // And most are as long as they are meant to be, where there is enough to do.
            let long = all.iter().filter(|took| **took > LIMIT / 8).count();
            if micros >= 10_000 {
                assert!(3 * long > all.len(), "{micros}: {long} of {}", all.len());
            }
        }
    }

    /// When steps become slower, one submission may be too long, and the next is not.
    #[test]
    fn a_slower_step_shortens_the_next_submission_at_once() {
        let mut pace = Pace::new(LIMIT, 1 << 20);
        let idle = Duration::from_micros(50);
        run(&mut pace, Duration::from_micros(100), idle, 2000);
        let slower = run(&mut pace, Duration::from_millis(30), idle, 50);
        assert!(slower[0] > LIMIT && slower[1..].iter().all(|took| *took <= LIMIT), "{slower:?}");
        // Twice as slow is within what is kept free.
        let mut pace = Pace::new(LIMIT, 1 << 20);
        run(&mut pace, Duration::from_micros(100), idle, 2000);
        let slower = run(&mut pace, Duration::from_micros(190), idle, 2000);
        assert!(slower.iter().all(|took| *took <= LIMIT), "{:?}", slower.iter().max());
        // Slower than any step may be: it is cut from then on.
        let slowest = run(&mut pace, Duration::from_secs(1), idle, 3);
        assert!(slowest[1..].iter().all(|took| *took <= LIMIT), "{slowest:?}");
        assert_eq!(pace.took().0, slowest[0]);
    }
}
