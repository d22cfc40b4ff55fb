//! Ctrl-C: the first stops a run between two submissions and keeps what it has, the second ends the
//! program at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a program that was interrupted: 128 and the number of SIGINT.
pub(super) const EXIT_CODE: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From here on a run looks at [`asked`]. A command calls it once, and only when it can use part of a
/// run; any other ends at once.
pub(super) fn heed() {
    let listening = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            process::exit(EXIT_CODE.into());
        }
    });
    match listening {
        Ok(()) => log::debug!("Ctrl-C stops the run and keeps what it has"),
        Err(error) => log::debug!("Ctrl-C ends the program at once: {error}"),
    }
}

/// Whether the user asked to stop.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
