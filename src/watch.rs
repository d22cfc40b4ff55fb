//! The helper thread that polls a device as long as somebody waits for it.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock::Instant;
use crate::error::{ErrorKind, Result};
use crate::pending::Wait;

/// How long one poll may take: a loss is noticed after it.
const POLL: Duration = Duration::from_secs(1);

/// How long to leave a callback that another thread is about to make.
const MOMENT: Duration = Duration::from_micros(100);

impl Wait {
    /// Polls the device for this wait, a second at most.
    pub(crate) fn look(&self) {
        let left = self.gpu.patience().saturating_sub(self.began.elapsed());
        if let Err(error) = self.poll(left) {
            self.signal.settle(Err(error));
        }
    }

    fn poll(&self, left: Duration) -> Result<()> {
        let (submission_index, timeout) = (self.submission.clone(), Some(left.min(POLL)));
        let answered = self.gpu.poll(wgpu::PollType::Wait { submission_index, timeout })?;
        if answered && !self.maps {
            self.signal.settle(Ok(Instant::now()));
        }
        if self.signal.is_over() {
            return Ok(());
        }
        self.gpu.check()?;
        if left.is_zero() {
            let seconds = self.gpu.patience().as_secs_f64();
            let message = format!("it has not answered for {seconds} s");
            return Err(ErrorKind::DeviceLost { message }.into());
        }
        if answered {
            thread::sleep(MOMENT);
        }
        Ok(())
    }
}

/// What a device's helper thread is asked for. The thread starts with the first wait, sleeps while there
/// is none, and ends with the last clone of the device.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of submission.
    waits: VecDeque<Wait>,
    runs: bool,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Polls the device until this wait is over.
    pub(crate) fn add(&self, wait: Wait) {
        let mut state = self.shared.state();
        if !state.runs {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("wfr-device".into());
            state.runs = thread.spawn(move || serve(&shared)).is_ok();
        }
        if state.runs {
            state.waits.push_back(wait);
            self.shared.changed.notify_one();
            return;
        }
        drop(state);
        // A process that may have no more threads waits itself.
        while !wait.signal.is_over() {
            wait.look();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_one();
    }
}

fn serve(shared: &Shared) {
    loop {
        let mut state = shared.state();
        let (over, left) =
            mem::take(&mut state.waits).into_iter().partition(|w| w.signal.is_over());
        state.waits = left;
        let next = state.waits.front().cloned();
        if next.is_none() && over.is_empty() {
            if state.closed {
                state.runs = false;
                return;
            }
            let woken = shared.changed.wait(state);
            drop(woken.unwrap_or_else(PoisonError::into_inner));
            continue;
        }
        drop(state);
        // The last clone of a device may be among them, whose end takes the lock.
        drop::<VecDeque<Wait>>(over);
        if let Some(wait) = next {
            wait.look();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{gpu, testing};

    /// It starts when somebody waits who does not block, and ends with the device.
    #[test]
    fn the_thread_ends_with_the_last_clone_of_its_device() {
        if testing::gpu().is_none() {
            return;
        }
        let adapter = crate::block_on(gpu::adapter(None)).unwrap();
        let gpu = crate::block_on(gpu::Gpu::request(&adapter, wgpu::Limits::default())).unwrap();
        gpu.wait().unwrap();
        assert!(!gpu.watch.shared.state().runs, "a thread that blocks polls itself");
        for _ in 0..3 {
            pollster::block_on(gpu.clone().wait_async()).unwrap();
            assert!(gpu.watch.shared.state().runs);
        }
        let shared = Arc::downgrade(&gpu.watch.shared);
        drop(gpu);
        let dropped = Instant::now();
        while shared.strong_count() > 0 {
            assert!(dropped.elapsed() < Duration::from_secs(10), "the thread goes on");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
