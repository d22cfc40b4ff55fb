//! Without a desktop session Mesa's choice between the drivers of a window complains on standard error,
//! twice on every start, and nothing here opens a window. An environment variable turns it off, which has
//! to be there before the process begins.

#[cfg(target_os = "linux")]
use std::env;

/// Begins the program again, in the same process, with that variable where there is no session. Goes on
/// as it is where that cannot be done.
#[cfg(target_os = "linux")]
pub(super) fn leave_out() {
    use std::os::unix::process::CommandExt as _;

    const OFF: &str = "NODEVICE_SELECT";
    if env::var_os("XDG_RUNTIME_DIR").is_some() || env::var_os(OFF).is_some() {
        return;
    }
    let mut words = env::args_os();
    let (Some(name), Ok(program)) = (words.next(), env::current_exe()) else { return };
    // Comes back only with an error.
    let _ = std::process::Command::new(program).arg0(name).args(words).env(OFF, "1").exec();
}

#[cfg(not(target_os = "linux"))]
pub(super) fn leave_out() {}
