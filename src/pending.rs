//! What the device has yet to do, as a future that holds up no thread.
//!
//! wgpu calls back when work is done or a buffer is mapped, but natively only while somebody polls the
//! device. Under [`block_on`](crate::block_on) that is the blocked thread itself, elsewhere one helper
//! thread per device (`watch.rs`). In the browser callbacks come by themselves.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::clock::Instant;
use crate::error::{ErrorKind, Result};
use crate::gpu::Gpu;

/// What a callback of wgpu tells whoever waits for it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Result<Instant>>,
    waker: Option<Waker>,
    /// Whether nobody waits any more: it was told, or the future was dropped.
    over: bool,
}

impl Signal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the waiting; the first outcome counts.
    pub(crate) fn settle(&self, outcome: Result<Instant>) {
        let mut state = self.state();
        if state.over || state.outcome.is_some() {
            return;
        }
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether nobody needs to poll the device for it.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "nobody polls in the browser"))]
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state();
        state.over || state.outcome.is_some()
    }
}

/// A wait for the device, by whoever polls it.
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "nobody polls in the browser"))]
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    pub(crate) gpu: Gpu,
    pub(crate) signal: Arc<Signal>,
    /// The submission that it is for; without one, whatever was submitted last.
    pub(crate) submission: Option<wgpu::SubmissionIndex>,
    /// Whether a buffer is mapped after it, which wgpu calls back for.
    pub(crate) maps: bool,
    pub(crate) began: Instant,
}

/// The future of a submission, or of a buffer that is mapped after one. Its result is when that was.
#[derive(Debug)]
#[must_use = "nothing waits before it is awaited"]
pub(crate) struct Pending {
    wait: Wait,
    is_watched: bool,
}

impl Pending {
    fn new(gpu: &Gpu, submission: Option<wgpu::SubmissionIndex>, maps: bool) -> Pending {
        let (signal, began) = (Arc::default(), Instant::now());
        let wait = Wait { gpu: gpu.clone(), signal, submission, maps, began };
        Pending { wait, is_watched: false }
    }

    /// Done when the device has done what was submitted to it so far, of which this is the last.
    pub(crate) fn work(gpu: &Gpu, submission: Option<wgpu::SubmissionIndex>) -> Pending {
        let pending = Pending::new(gpu, submission, false);
        // Elsewhere whoever polls the device sees it, and asking for a call would submit what is written
        // to the queue.
        #[cfg(target_arch = "wasm32")]
        {
            let signal = Arc::clone(&pending.wait.signal);
            gpu.queue.on_submitted_work_done(move || signal.settle(Ok(Instant::now())));
        }
        pending
    }

    /// Done when a buffer, which this submission writes, can be read by the host.
    pub(crate) fn map(
        gpu: &Gpu,
        submission: wgpu::SubmissionIndex,
        buffer: &wgpu::Buffer,
    ) -> Pending {
        let pending = Pending::new(gpu, Some(submission), true);
        let signal = Arc::clone(&pending.wait.signal);
        buffer.map_async(wgpu::MapMode::Read, .., move |mapped| {
            let lost = |error: wgpu::BufferAsyncError| {
                ErrorKind::DeviceLost { message: error.to_string() }.into()
            };
            signal.settle(mapped.map(|()| Instant::now()).map_err(lost));
        });
        pending
    }
}

impl Future for Pending {
    type Output = Result<Instant>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Instant>> {
        let mut state = self.wait.signal.state();
        if let Some(outcome) = state.outcome.take() {
            state.over = true;
            drop(state);
            // What the driver said of a loss comes before what its callbacks make of it.
            return Poll::Ready(self.wait.gpu.check().and(outcome));
        }
        state.waker = Some(context.waker().clone());
        drop(state);
        self.is_watched = watched(&self.wait, self.is_watched);
        Poll::Pending
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.wait.signal.state().over = true;
    }
}

/// Sees to it that somebody polls the device; whether the helper thread does.
#[cfg(not(target_arch = "wasm32"))]
fn watched(wait: &Wait, already: bool) -> bool {
    if already || crate::blocking::watches(wait) {
        return already;
    }
    wait.gpu.watch.add(wait.clone());
    true
}

#[cfg(target_arch = "wasm32")]
fn watched(_: &Wait, already: bool) -> bool {
    already
}
