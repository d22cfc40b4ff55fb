//! When the steps begin and end, and how far along the path each is.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::adaptive::Adaptive;
use crate::bounded;
use crate::error::{Error, Result};
use crate::layout::{Instant, SCHEDULE_WINDOW};
use crate::rows;

/// The times t_0 < … < t_K of the steps and the path parameter β at each.
///
/// β runs along the path of densities of the flow, from 0 (initial law) to 1 (target). The times
/// are computed in double precision and uploaded once, so that t never accumulates rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    points: Vec<(f64, f64)>,
    /// Where β comes from, as `--schedule` takes it, and what the steps are where not equal.
    beta: String,
    grid: Option<String>,
    /// When the device chooses β; the points then hold the times alone.
    adaptive: Option<Adaptive>,
}

/// How the path parameter β rises with the fraction s of the time that has passed.
///
/// Where the path first leaves the initial law the weights of a wide law change fastest: a power
/// above 1 is slow there, a sigmoid slow at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Annealing {
    /// β = s.
    #[default]
    Linear,
    /// β = s^k with the exponent k > 0.
    Power(f64),
    /// β = (σ(k(s − ½)) − σ(−k/2)) / (σ(k/2) − σ(−k/2)) with σ(u) = 1/(1 + e^{−u}) and the
    /// steepness k > 0; it tends to β = s as k → 0.
    Sigmoid(f64),
}

impl Annealing {
    /// The largest exponent and the largest steepness: beyond, β jumps within a step.
    pub const MOST: f64 = 100.0;

    /// β at the fraction `s` of the time, 0 to 1; exactly 0 and 1 at the ends.
    pub fn beta(self, s: f64) -> f64 {
        match self {
            Annealing::Linear => s,
            Annealing::Power(k) => s.powf(k),
            // σ(u) = (1 + tanh(u/2))/2.
            Annealing::Sigmoid(k) => 0.5 + 0.5 * (0.5 * k * (s - 0.5)).tanh() / (0.25 * k).tanh(),
        }
    }

    fn check(self) -> Result<()> {
        let (name, k) = match self {
            Annealing::Linear => return Ok(()),
            Annealing::Power(k) => ("power", k),
            Annealing::Sigmoid(k) => ("sigmoid", k),
        };
        if k > 0.0 && k <= Annealing::MOST {
            return Ok(());
        }
        let reason = format!("{name}:{k} needs a number above 0 and at most {}", Annealing::MOST);
        Err(Error::config("schedule", reason))
    }
}

impl fmt::Display for Annealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Annealing::Linear => f.write_str("linear"),
            Annealing::Power(k) => write!(f, "power:{k}"),
            Annealing::Sigmoid(k) => write!(f, "sigmoid:{k}"),
        }
    }
}

impl FromStr for Annealing {
    type Err = Error;

    /// Reads `linear`, `power:K` or `sigmoid:K`.
    fn from_str(text: &str) -> Result<Annealing> {
        let unknown = || {
            let reason = format!("'{text}' is not known; write linear, power:2 or sigmoid:6");
            Error::config("schedule", reason)
        };
        let annealing = match text.split_once(':') {
            None if text == "linear" => Annealing::Linear,
            Some((name, k)) => {
                let k = k.trim().parse().map_err(|_| unknown())?;
                match name {
                    "power" => Annealing::Power(k),
                    "sigmoid" => Annealing::Sigmoid(k),
                    _ => return Err(unknown()),
                }
            }
            None => return Err(unknown()),
        };
        annealing.check()?;
        Ok(annealing)
    }
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
        let grid = format!("steps growing from {first}");
        let schedule = Schedule::grid(steps, |s| (time * at(rate, s), at(rate, s)));
        Ok(Schedule { grid: Some(grid), ..schedule })
    }

    /// The same times with β = β(s) of the fraction s = (t − t_0) / (t_K − t_0) of the time.
    ///
    /// ```
    /// use wfr::{Annealing, Schedule};
    ///
    /// # fn main() -> wfr::Result<()> {
    /// let schedule = Schedule::uniform(4.0, 800)?.annealed(Annealing::Power(2.0))?;
    /// assert_eq!(schedule.beta(200), 0.0625);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the exponent or the steepness is not above 0, or is above [`Annealing::MOST`].
    pub fn annealed(mut self, annealing: Annealing) -> Result<Schedule> {
        annealing.check()?;
        let (first, last) = (self.points[0].0, self.points[self.points.len() - 1].0);
        for (t, beta) in &mut self.points {
            *beta = annealing.beta((*t - first) / (last - first));
        }
        self.beta = annealing.to_string();
        self.adaptive = None;
        Ok(self)
    }

    /// Your own times and path parameters, one pair (t, β) per point: K + 1 points make K steps.
    ///
    /// # Errors
    /// When there are fewer than two points, the times do not increase, or β leaves [0, 1] or
    /// decreases.
    pub fn from_points(points: &[(f64, f64)]) -> Result<Schedule> {
        Schedule::of_points(points.to_vec())
    }

    fn of_points(points: Vec<(f64, f64)>) -> Result<Schedule> {
        if points.len() < 2 || points.len() > Schedule::MAX_STEPS as usize + 1 {
            let reason =
                format!("has {} points; give 2 to {}", points.len(), Schedule::MAX_STEPS + 1);
            return Err(Error::config("schedule", reason));
        }
        for (k, &point) in points.iter().enumerate() {
            check_point(point, k.checked_sub(1).map(|before| points[before]))
                .map_err(|reason| Error::config("schedule", format!("point {k} = {reason}")))?;
        }
        Ok(Schedule { points, beta: "points".into(), grid: None, adaptive: None })
    }

    /// Times and path parameters from a text file: a point `t beta` a line, as by
    /// [`Schedule::from_points`], with β from 0 to 1; `#` begins a comment.
    ///
    /// # Errors
    /// [`ErrorKind::File`](crate::ErrorKind::File) with the line, and those of
    /// [`Schedule::from_points`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Schedule> {
        let path = path.as_ref();
        let text = bounded::text(path, bounded::TABLE).map_err(|why| Error::file(path, why))?;
        let points = parse(&text).map_err(|reason| Error::file(path, reason))?;
        let schedule = Schedule::of_points(points).map_err(|error| Error::file(path, error))?;
        Ok(Schedule { beta: path.display().to_string(), ..schedule })
    }

    /// Stages whose path parameters the device chooses while it runs; see [`Adaptive`].
    ///
    /// The flow needs a path of densities. [`Schedule::steps`] is the most there can be, and
    /// [`Schedule::beta`] is 0 throughout: [`Sampler::schedule`](crate::Sampler::schedule) has
    /// those of a run.
    ///
    /// # Errors
    /// When a field is out of its bounds.
    pub fn adaptive(adaptive: Adaptive) -> Result<Schedule> {
        adaptive.check()?;
        let steps = adaptive.moves_per_stage * adaptive.max_stages;
        Ok(Schedule {
            points: (0..=steps).map(|k| (f64::from(k) * adaptive.dt, 0.0)).collect(),
            beta: format!("adaptive:{}", adaptive.cess),
            grid: None,
            adaptive: Some(adaptive),
        })
    }

    /// How the device chooses the path parameters, where it does.
    pub fn adaptivity(&self) -> Option<&Adaptive> {
        self.adaptive.as_ref()
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
        let grid = Some("tuned steps".into());
        Schedule { points, grid, ..self.clone() }
    }

    /// The path parameter β after `step` steps, 0 to 1.
    pub fn beta(&self, step: u32) -> f64 {
        self.points[(step as usize).min(self.points.len() - 1)].1
    }

    /// How β rises, in the words of the command line, and the time steps where they are not equal.
    pub fn description(&self) -> String {
        match &self.grid {
            Some(grid) => format!("{}, {grid}", self.beta),
            None => self.beta.clone(),
        }
    }

    /// The same and `steps` equal steps more, which take `time` and stay at the last β: a run that
    /// goes on where it ended.
    ///
    /// ```
    /// # fn main() -> wfr::Result<()> {
    /// let longer = wfr::Schedule::uniform(4.0, 800)?.extended(200, 1.0)?;
    /// assert_eq!((longer.steps(), longer.time(1000), longer.beta(900)), (1000, 5.0, 1.0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When `time` is not positive and finite, when there would be more than
    /// [`Schedule::MAX_STEPS`] or no further steps, and for an adaptive schedule, which has
    /// [`Adaptive::max_stages`] for that.
    pub fn extended(mut self, steps: u32, time: f64) -> Result<Schedule> {
        check(time, self.steps().saturating_add(steps))?;
        if steps == 0 {
            return Err(Error::config(
                "steps",
                "= 0 more leave the schedule as it is; give 1 or more",
            ));
        }
        if self.adaptive.is_some() {
            let reason = "= adaptive ends at β = 1 by itself; raise its max_stages";
            return Err(Error::config("schedule", reason));
        }
        let (end, beta) = self.points[self.points.len() - 1];
        let later = (1..=steps).map(|k| (end + time * f64::from(k) / f64::from(steps), beta));
        self.points.extend(later);
        Ok(self)
    }

    /// What [`Schedule::from_parts`] takes beside the points: where β comes from, and the time
    /// steps.
    pub(crate) fn names(&self) -> (&str, Option<&str>) {
        (&self.beta, self.grid.as_deref())
    }

    /// A schedule as it was; a reason where it is none.
    pub(crate) fn from_parts(
        points: Vec<(f64, f64)>,
        beta: String,
        grid: Option<String>,
        adaptive: Option<Adaptive>,
    ) -> Result<Schedule, String> {
        let steps = points.len().saturating_sub(1);
        if steps == 0 || steps > Schedule::MAX_STEPS as usize {
            return Err(format!("a schedule of {steps} steps"));
        }
        if adaptive.is_some_and(|a| (a.moves_per_stage * a.max_stages) as usize != steps) {
            return Err(format!("an adaptive schedule of {steps} steps"));
        }
        let legal = |(t, beta): &(f64, f64)| t.is_finite() && (0.0..=1.0).contains(beta);
        match points.iter().position(|point| !legal(point)) {
            Some(k) => Err(format!("a schedule with (t, β) = {:?} at row {k}", points[k])),
            None => Ok(Schedule { points, beta, grid, adaptive }),
        }
    }

    /// The length of every step, if they are all the same to the device.
    pub(crate) fn equal_steps(&self) -> Option<f32> {
        let mut lengths = self.points.windows(2).map(|w| (w[1].0 - w[0].0) as f32);
        let first = lengths.next()?;
        lengths.all(|length| length == first).then_some(first)
    }

    /// `steps` steps through the points (t, β) at equal fractions, under a name for the time steps.
    pub(crate) fn grid_of(
        steps: u32,
        name: &str,
        at: impl Fn(f64) -> (f64, f64),
    ) -> Result<Schedule> {
        check(at(1.0).0, steps)?;
        Ok(Schedule { grid: Some(format!("{name} levels")), ..Schedule::grid(steps, at) })
    }

    fn grid(steps: u32, at: impl Fn(f64) -> (f64, f64)) -> Schedule {
        let points = (0..=steps).map(|k| at(f64::from(k) / f64::from(steps))).collect();
        Schedule { points, beta: Annealing::Linear.to_string(), grid: None, adaptive: None }
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

/// Times of which single precision can hold the steps, and a power or two of them.
pub(crate) const SHORTEST: f64 = 1e-18;
pub(crate) const LONGEST: f64 = 1e18;

fn check(time: f64, steps: u32) -> Result<()> {
    if !(time > 0.0 && time.is_finite()) {
        return Err(Error::config("time", format!("= {time} is not positive and finite")));
    }
    if !(SHORTEST..=LONGEST).contains(&time) {
        let reason = format!("= {time:e} is not between {SHORTEST:e} and {LONGEST:e}");
        return Err(Error::config("time", reason));
    }
    if steps == 0 || steps > Schedule::MAX_STEPS {
        let reason = format!("= {steps} is not between 1 and {}", Schedule::MAX_STEPS);
        return Err(Error::config("steps", reason));
    }
    Ok(())
}

/// A point by itself and against the one before it.
fn check_point((t, beta): (f64, f64), before: Option<(f64, f64)>) -> Result<(), String> {
    if !t.is_finite() || !(0.0..=1.0).contains(&beta) {
        return Err(format!("({t}, {beta}) needs a finite t and 0 ≤ β ≤ 1"));
    }
    if t.abs() > LONGEST {
        return Err(format!("({t:e}, {beta}) needs a t of at most {LONGEST:e}"));
    }
    if before.is_some_and(|(earlier, less)| t <= earlier || beta < less) {
        return Err(format!(
            "({t}, {beta}) must have a later t and no smaller β than the one before it"
        ));
    }
    Ok(())
}

/// The points of a file; errors begin with the line.
fn parse(text: &str) -> Result<Vec<(f64, f64)>, String> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for row in rows::each(text, "`t beta`, a time and a path parameter") {
        let (line, numbers) = row?;
        let [t, beta] = numbers[..] else {
            let found = numbers.len();
            return Err(format!(
                "line {line}: has {found} columns; expected 2: a time and a path parameter β"
            ));
        };
        check_point((t, beta), points.last().copied())
            .map_err(|reason| format!("line {line}: {reason}"))?;
        if points.is_empty() && beta != 0.0 {
            return Err(format!("line {line}: β = {beta} is not 0, where the path begins"));
        }
        points.push((t, beta));
    }
    match points.last() {
        Some((_, beta)) if *beta != 1.0 => {
            Err(format!("the last line: β = {beta} is not 1, where the path ends at the target"))
        }
        _ => Ok(points),
    }
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
    fn a_longer_schedule_has_the_rows_of_the_shorter() {
        let short = Schedule::uniform(4.0, 800).unwrap();
        let long = short.clone().extended(200, 1.0).unwrap();
        assert_eq!((long.steps(), long.time(1000), long.beta(1000)), (1000, 5.0, 1.0));
        assert_eq!(long.rows()[..800], short.rows()[..800]);
        assert_eq!(long.equal_steps(), short.equal_steps());
        let refused = |steps, time| short.clone().extended(steps, time).unwrap_err().to_string();
        assert_eq!(refused(1, 0.0), "time = 0 is not positive and finite");
        assert_eq!(refused(0, 1.0), "steps = 0 more leave the schedule as it is; give 1 or more");
        assert_eq!(refused(4_000_000, 1.0), "steps = 4000800 is not between 1 and 4000000");
        let adaptive = Schedule::adaptive(Adaptive::default()).unwrap().extended(1, 1.0);
        assert_eq!(
            adaptive.unwrap_err().to_string(),
            "schedule = adaptive ends at β = 1 by itself; raise its max_stages"
        );
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

    #[test]
    fn beta_follows_its_formula_and_ends_exactly() {
        let sigma = |u: f64| 1.0 / (1.0 + (-u).exp());
        let sigmoid = move |k: f64, s: f64| {
            (sigma(k * (s - 0.5)) - sigma(-0.5 * k)) / (sigma(0.5 * k) - sigma(-0.5 * k))
        };
        let uniform = Schedule::uniform(4.0, 10).unwrap();
        type Beta = Box<dyn Fn(f64) -> f64>;
        let all: [(&str, Beta); 5] = [
            ("linear", Box::new(|s| s)),
            ("power:2", Box::new(|s| s * s)),
            ("power:0.5", Box::new(f64::sqrt)),
            ("sigmoid:6", Box::new(move |s| sigmoid(6.0, s))),
            ("sigmoid:100", Box::new(move |s| sigmoid(100.0, s))),
        ];
        for (text, expected) in all {
            let schedule = uniform.clone().annealed(text.parse().unwrap()).unwrap();
            assert_eq!((schedule.beta(0), schedule.beta(10)), (0.0, 1.0), "{text}");
            assert_eq!(schedule.description(), text);
            for k in 0..=10 {
                let s = f64::from(k) / 10.0;
                assert!((schedule.beta(k) - expected(s)).abs() < 1e-14, "{text} at {s}");
                assert_eq!(schedule.time(k), uniform.time(k));
                assert!(k == 0 || schedule.beta(k) >= schedule.beta(k - 1));
            }
        }
        // Whatever the times, s is the fraction of time.
        let geometric = Schedule::geometric(0.001, 2.0, 10).unwrap();
        let squared = geometric.clone().annealed(Annealing::Power(2.0)).unwrap();
        for k in 0..=10 {
            assert!((squared.beta(k) - (squared.time(k) / 2.0).powi(2)).abs() < 1e-14);
        }
        assert_eq!(squared.description(), "power:2, steps growing from 0.001");
    }

    #[test]
    fn what_is_no_annealing_is_refused_in_one_sentence() {
        for (text, expected) in [
            ("cubic", "schedule 'cubic' is not known; write linear, power:2 or sigmoid:6"),
            ("power", "schedule 'power' is not known; write linear, power:2 or sigmoid:6"),
            ("power:x", "schedule 'power:x' is not known; write linear, power:2 or sigmoid:6"),
            ("cubic:2", "schedule 'cubic:2' is not known; write linear, power:2 or sigmoid:6"),
            ("power:0", "schedule power:0 needs a number above 0 and at most 100"),
            ("power:NaN", "schedule power:NaN needs a number above 0 and at most 100"),
            ("sigmoid:-6", "schedule sigmoid:-6 needs a number above 0 and at most 100"),
            ("sigmoid:101", "schedule sigmoid:101 needs a number above 0 and at most 100"),
        ] {
            assert_eq!(text.parse::<Annealing>().unwrap_err().to_string(), expected);
        }
        assert!(Schedule::default().annealed(Annealing::Power(-1.0)).is_err());
    }

    #[test]
    fn files_are_read_and_their_errors_name_the_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            Schedule::from_file(file.path())
        };
        let schedule = read("# t beta\n0 0\n0.5, 0.1\n\n2 1 # the end\n").unwrap();
        assert_eq!((schedule.steps(), schedule.time(1), schedule.beta(1)), (2, 0.5, 0.1));
        let name = file.path().display().to_string();
        assert_eq!(schedule.description(), name);
        let order = "must have a later t and no smaller β than the one before it";
        for (text, expected) in [
            ("0 0\n1 x\n", "line 2: \"x\" is not a number; expected `t beta`, a time and a".into()),
            ("0\n", "line 1: has 1 columns; expected 2: a time and a path parameter β".to_string()),
            ("0 0\n\n0 1\n", format!("line 3: (0, 1) {order}")),
            ("0 0\n1 0.5\n2 0.4\n", format!("line 3: (2, 0.4) {order}")),
            ("0 0.5\n1 1\n", "line 1: β = 0.5 is not 0, where the path begins".into()),
            ("0 0\n1 0.9\n", "the last line: β = 0.9 is not 1, where the path ends".into()),
            ("0 0\n1 1.5\n", "line 2: (1, 1.5) needs a finite t and 0 ≤ β ≤ 1".into()),
            ("inf 0\n", "line 1: (inf, 0) needs a finite t".into()),
            ("", "schedule has 0 points; give 2 to 4000001".into()),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: {expected}")), "{error}");
        }
        let missing = Schedule::from_file("/no/such.txt").unwrap_err();
        assert!(missing.to_string().starts_with("/no/such.txt: cannot be read: "));
    }
}
