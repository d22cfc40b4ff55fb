//! Ctrl-C and SIGTERM: the first stops a run between two submissions and keeps what it has, a later one
//! ends the program at once. While a run is set up there is nothing to keep, and the first ends it.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

/// The exit code of a program that was interrupted: 128 and the number of SIGINT.
pub(super) const EXIT_CODE: u8 = 130;

/// Two within this time are one: `timeout` and batch systems send them so, to the program and to its
/// group.
const ONE: Duration = Duration::from_secs(2);

static ASKED: AtomicBool = AtomicBool::new(false);
static SETS_UP: AtomicBool = AtomicBool::new(false);

/// From here on a run looks at [`asked`]. It calls this when it begins; before, and in commands that can
/// use no part of a run, a signal ends the program at once.
pub(super) fn heed() {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| match ctrlc::set_handler(hear) {
        Ok(()) => log::debug!("Ctrl-C stops the run and keeps what it has"),
        Err(error) => log::debug!("Ctrl-C ends the program at once: {error}"),
    });
}

fn hear() {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let is_late = FIRST.get().is_some_and(|first| first.elapsed() > ONE);
    FIRST.get_or_init(Instant::now);
    ASKED.store(true, Ordering::SeqCst);
    if is_late || SETS_UP.load(Ordering::SeqCst) {
        process::exit(EXIT_CODE.into());
    }
}

/// Where a file may not grow further, its write is an error like any other, and does not end the program.
pub(super) fn outlive_limits() {
    #[cfg(unix)]
    {
        let reached = std::sync::Arc::new(AtomicBool::new(false));
        if let Err(error) = signal_hook::flag::register(libc::SIGXFSZ, reached) {
            log::debug!("a file that may not grow further ends the program: {error}");
        }
    }
}

/// As a signal does, by a key.
pub(super) fn ask() {
    ASKED.store(true, Ordering::SeqCst);
}

/// Whether the user asked to stop.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// While a run that was heeding signals is set up again, on another device say.
pub(super) struct SettingUp;

impl SettingUp {
    pub(super) fn begin() -> SettingUp {
        SETS_UP.store(true, Ordering::SeqCst);
        SettingUp
    }
}

impl Drop for SettingUp {
    fn drop(&mut self) {
        SETS_UP.store(false, Ordering::SeqCst);
    }
}
