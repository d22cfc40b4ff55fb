//! How many steps a frame makes.

use std::time::Duration;

/// Turns a speed in steps a second into whole steps a frame, and keeps frames short.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Steps a second that are wanted.
    pub speed: f64,
    /// Part of a step left over from the frames before.
    owed: f64,
    /// Seconds a step takes, as the last frames measured it.
    cost: Option<f64>,
}

/// Longest that the steps of one frame should take.
const BUDGET: Duration = Duration::from_millis(50);

/// What a new measurement of the cost counts.
const FRESH: f64 = 0.3;

impl Pace {
    /// A pace of so many steps a second.
    pub fn new(speed: f64) -> Pace {
        Pace { speed, owed: 0.0, cost: None }
    }

    /// The steps of a frame that comes so long after the one before.
    ///
    /// Where the device is too slow for the speed, what it cannot do in time is dropped rather than
    /// owed: a slow run shows slowly and never freezes the window.
    pub fn steps(&mut self, since: Duration) -> u32 {
        self.owed = (self.owed + self.speed * since.as_secs_f64()).min(self.most().into());
        let steps = self.owed.floor();
        self.owed -= steps;
        steps as u32
    }

    /// The most steps that fit a frame, at least one; one while nothing is known of their cost.
    pub fn most(&self) -> u32 {
        let fit = self.limit().map_or(1.0, |limit| BUDGET.as_secs_f64() * limit);
        fit.max(1.0) as u32
    }

    /// Learns that so many steps took so long.
    pub fn learn(&mut self, steps: u32, took: Duration) {
        if steps == 0 {
            return;
        }
        let now = took.as_secs_f64() / f64::from(steps);
        self.cost = Some(match self.cost {
            None => now,
            Some(cost) => cost + FRESH * (now - cost),
        });
    }

    /// Steps a second that the device can do, once it is known.
    pub fn limit(&self) -> Option<f64> {
        self.cost.map(|cost| 1.0 / cost.max(1e-9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(16);

    #[test]
    fn a_fast_device_keeps_the_speed_on_average() {
        let mut pace = Pace::new(100.0);
        pace.learn(1, Duration::from_micros(10));
        let steps: u32 = (0..625).map(|_| pace.steps(FRAME)).sum();
        assert!((999..=1000).contains(&steps), "{steps} steps in ten seconds");
    }

    #[test]
    fn a_slow_device_makes_what_fits_a_frame_and_owes_nothing() {
        let mut pace = Pace::new(1e6);
        pace.learn(4, Duration::from_millis(40));
        assert_eq!(pace.most(), 5);
        assert_eq!(pace.steps(Duration::from_secs(10)), 5);
        pace.speed = 10.0;
        assert_eq!(pace.steps(FRAME), 0);
    }

    #[test]
    fn a_step_longer_than_a_frame_is_still_made() {
        let mut pace = Pace::new(1e6);
        pace.learn(1, Duration::from_secs(2));
        assert_eq!(pace.steps(FRAME), 1);
    }

    #[test]
    fn the_cost_follows_what_is_measured() {
        let mut pace = Pace::new(1.0);
        assert_eq!((pace.limit(), pace.most()), (None, 1));
        pace.learn(0, Duration::from_secs(1));
        assert_eq!(pace.limit(), None);
        for _ in 0..40 {
            pace.learn(10, Duration::from_millis(20));
        }
        assert!((pace.limit().unwrap() - 500.0).abs() < 1e-6);
    }
}
