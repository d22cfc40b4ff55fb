//! Work of the processor, such as compiling, that would hold up an executor.

use crate::error::Result;

/// What a thread of its own takes along; in the browser, where there is none, anything.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) trait Movable: Send + 'static {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + 'static> Movable for T {}
#[cfg(target_arch = "wasm32")]
pub(crate) trait Movable {}
#[cfg(target_arch = "wasm32")]
impl<T> Movable for T {}

/// Does the work on a thread of its own and awaits it; in place where the caller blocks anyway, and in
/// the browser.
pub(crate) async fn aside<T: Movable>(work: impl FnOnce() -> Result<T> + Movable) -> Result<T> {
    #[cfg(not(target_arch = "wasm32"))]
    if !crate::blocking::is_blocking() {
        return native::aside(work).await;
    }
    work()
}

/// Lets other tasks of the executor have a turn.
pub(crate) async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Poll, Waker};
    use std::thread;

    use crate::error::{ErrorKind, Result};

    struct Slot<T> {
        outcome: Option<thread::Result<Result<T>>>,
        waker: Option<Waker>,
    }

    pub(super) async fn aside<T: Send + 'static>(
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let slot = Arc::new(Mutex::new(Slot { outcome: None, waker: None }));
        let theirs = Arc::clone(&slot);
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            let mut slot = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            slot.outcome = Some(outcome);
            let waker = slot.waker.take();
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        let thread = thread::Builder::new().name("wfr-compile".into());
        if let Err(error) = thread.spawn(run) {
            let message = format!("no thread to compile on: {error}");
            return Err(ErrorKind::Device { message }.into());
        }
        let outcome = poll_fn(|context| {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match slot.outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    slot.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        });
        outcome.await.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
