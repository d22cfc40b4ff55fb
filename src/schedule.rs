//! When the steps begin and end.

use crate::error::{Error, Result};
use crate::layout::{Instant, SCHEDULE_WINDOW};

/// The times t_0 < … < t_K of the steps and the path parameter β at each.
///
/// β runs along the path of densities of the flow, from 0 (initial law) to 1 (target). The times
/// are computed in double precision and uploaded once, so that t never accumulates rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    points: Vec<(f64, f64)>,
}

impl Default for Schedule {
    /// 400 equal steps to time 4.
    fn default() -> Schedule {
        Schedule::grid(400, |s| (4.0 * s, s))
    }
}

impl Schedule {
    /// The largest number of steps.
    pub const MAX_STEPS: u32 = 4_000_000;

    /// `steps` equal steps from 0 to `time`, β = t / time.
    ///
    /// # Errors
    /// When `time` is not positive and finite, or `steps` is 0 or above [`Schedule::MAX_STEPS`].
    pub fn uniform(time: f64, steps: u32) -> Result<Schedule> {
        check(time, steps)?;
        Ok(Schedule::grid(steps, |s| (time * s, s)))
    }

    /// Steps that grow by one factor from `first` to whatever reaches `time`, β = t / time.
    ///
    /// # Errors
    /// As [`Schedule::uniform`], and when `first` is not between 0 and `time`.
    pub fn geometric(first: f64, time: f64, steps: u32) -> Result<Schedule> {
        check(time, steps)?;
        if !(first > 0.0 && first < time) {
            let reason = format!("first step = {first} is not between 0 and time = {time}");
            return Err(Error::config("schedule", reason));
        }
        // t = a (r^s - 1) with t(1/steps) = first and t(1) = time: bisect on log r.
        let at = |rate: f64, s: f64| {
            if rate.abs() < 1e-9 { s } else { (rate * s).exp_m1() / rate.exp_m1() }
        };
        let (mut low, mut high) = (-700.0, 700.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if at(middle, 1.0 / f64::from(steps)) * time > first {
                low = middle;
            } else {
                high = middle;
            }
        }
        let rate = 0.5 * (low + high);
        Ok(Schedule::grid(steps, |s| (time * at(rate, s), at(rate, s))))
    }

    /// Your own times and path parameters, one pair (t, β) per point: K + 1 points make K steps.
    ///
    /// # Errors
    /// When there are fewer than two points, the times do not increase, or β leaves [0, 1] or
    /// decreases.
    pub fn from_points(points: &[(f64, f64)]) -> Result<Schedule> {
        if points.len() < 2 || points.len() > Schedule::MAX_STEPS as usize + 1 {
            let reason =
                format!("has {} points; give 2 to {}", points.len(), Schedule::MAX_STEPS + 1);
            return Err(Error::config("schedule", reason));
        }
        for (k, &(t, beta)) in points.iter().enumerate() {
            if !t.is_finite() || !(0.0..=1.0).contains(&beta) {
                let reason = format!("point {k} = ({t}, {beta}) needs a finite t and 0 ≤ β ≤ 1");
                return Err(Error::config("schedule", reason));
            }
            if k > 0 && (t <= points[k - 1].0 || beta < points[k - 1].1) {
                let reason = format!(
                    "point {k} = ({t}, {beta}) must have a later t and no smaller β than the one \
                     before it"
                );
                return Err(Error::config("schedule", reason));
            }
        }
        Ok(Schedule { points: points.to_vec() })
    }

    /// The number of steps K.
    pub fn steps(&self) -> u32 {
        self.points.len() as u32 - 1
    }

    /// The time after `step` steps.
    pub fn time(&self, step: u32) -> f64 {
        self.points[(step as usize).min(self.points.len() - 1)].0
    }

    /// The shortest and the longest step.
    pub fn step_lengths(&self) -> (f64, f64) {
        let lengths = self.points.windows(2).map(|pair| pair[1].0 - pair[0].0);
        lengths.fold((f64::INFINITY, 0.0), |(a, b), h| (f64::min(a, h), f64::max(b, h)))
    }

    /// The same path parameters after steps that are `factor(k)` > 0 times as long.
    pub(crate) fn stretched(&self, factor: impl Fn(u32) -> f64) -> Schedule {
        let mut time = self.points[0].0;
        let mut points = vec![self.points[0]];
        for (k, pair) in self.points.windows(2).enumerate() {
            time += factor(k as u32) * (pair[1].0 - pair[0].0);
            points.push((time, pair[1].1));
        }
        Schedule { points }
    }

    /// The length of every step, if they are all the same to the device.
    pub(crate) fn equal_steps(&self) -> Option<f32> {
        let mut lengths = self.points.windows(2).map(|w| (w[1].0 - w[0].0) as f32);
        let first = lengths.next()?;
        lengths.all(|length| length == first).then_some(first)
    }

    fn grid(steps: u32, at: impl Fn(f64) -> (f64, f64)) -> Schedule {
        let points = (0..=steps).map(|k| at(f64::from(k) / f64::from(steps))).collect();
        Schedule { points }
    }

    /// The device's rows: one per step, then rows with dt = 0 until the last window is full.
    pub(crate) fn rows(&self) -> Vec<Instant> {
        let last = self.points[self.points.len() - 1];
        let row = |now: (f64, f64), next: (f64, f64)| {
            let dt = next.0 - now.0;
            Instant {
                time: now.0 as f32,
                dt: dt as f32,
                beta: now.1 as f32,
                beta_rate: if dt > 0.0 { ((next.1 - now.1) / dt) as f32 } else { 0.0 },
            }
        };
        let mut rows: Vec<_> = self.points.windows(2).map(|w| row(w[0], w[1])).collect();
        rows.resize(rows.len() + SCHEDULE_WINDOW as usize, row(last, last));
        rows
    }
}

fn check(time: f64, steps: u32) -> Result<()> {
    if !(time > 0.0 && time.is_finite()) {
        return Err(Error::config("time", format!("= {time} is not positive and finite")));
    }
    if steps == 0 || steps > Schedule::MAX_STEPS {
        let reason = format!("= {steps} is not between 1 and {}", Schedule::MAX_STEPS);
        return Err(Error::config("steps", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_ends_exactly() {
        let rows = Schedule::uniform(4.0, 800).unwrap().rows();
        assert_eq!(rows.len(), 800 + SCHEDULE_WINDOW as usize);
        assert_eq!(rows[800], Instant { time: 4.0, dt: 0.0, beta: 1.0, beta_rate: 0.0 });
        assert_eq!(rows[0], Instant { time: 0.0, dt: 0.005, beta: 0.0, beta_rate: 0.25 });
    }

    #[test]
    fn geometric_has_the_first_step_asked_for() {
        let schedule = Schedule::geometric(0.001, 2.0, 100).unwrap();
        assert!((schedule.time(1) - 0.001).abs() < 1e-9);
        assert_eq!(schedule.time(100), 2.0);
        let ratio = |k| {
            (schedule.time(k + 2) - schedule.time(k + 1))
                / (schedule.time(k + 1) - schedule.time(k))
        };
        assert!((ratio(0) - ratio(97)).abs() < 1e-6);
    }

    #[test]
    fn points_out_of_order_are_refused() {
        let error = Schedule::from_points(&[(0.0, 0.0), (1.0, 0.5), (1.0, 1.0)]).unwrap_err();
        assert!(error.to_string().contains("point 2"), "{error}");
        assert!(Schedule::uniform(f64::NAN, 3).is_err());
        assert!(Schedule::uniform(1.0, 0).is_err());
    }
}
