//! Wall and processor time.

use std::time::Instant;

/// The time of one stretch of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Processor seconds of all threads of the process, where the system tells.
    pub(crate) cpu: Option<f64>,
}

impl Spent {
    /// Nothing yet.
    pub(crate) const NOTHING: Spent = Spent { wall: 0.0, cpu: Some(0.0) };

    /// Both in sequence.
    pub(crate) fn plus(self, other: Spent) -> Spent {
        let cpu = self.cpu.zip(other.cpu).map(|(a, b)| a + b);
        Spent { wall: self.wall + other.wall, cpu }
    }
}

/// A running clock.
pub(crate) struct Clock {
    wall: Instant,
    cpu: Option<f64>,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        let cpu = processor_seconds();
        Clock { wall: Instant::now(), cpu }
    }

    pub(crate) fn spent(&self) -> Spent {
        let wall = self.wall.elapsed().as_secs_f64();
        let cpu = self.cpu.zip(processor_seconds()).map(|(before, now)| now - before);
        Spent { wall, cpu }
    }
}

/// Processor seconds of this process so far, user and system, to a hundredth: proc_pid_stat(5).
fn processor_seconds() -> Option<f64> {
    // Linux reports to programs in hundredths of a second, whatever the kernel's own tick.
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name may hold blanks and parentheses; the state, field 3, follows the last.
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn processor_time_advances_with_work() {
        let before = super::processor_seconds().unwrap();
        let mut sum = 0_u64;
        while super::processor_seconds().unwrap() < before + 0.05 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
    }
}
