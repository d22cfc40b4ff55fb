//! What the fuzz targets share.

use std::panic;

/// Lets panics of the WGSL front end pass: wfr makes errors of them. libFuzzer stops at all others,
/// and at these too where nobody caught them.
pub fn let_naga_panic() {
    let stop = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.location().is_some_and(|at| at.file().contains("/naga-")) {
            eprintln!("the WGSL front end: {info}");
        } else {
            stop(info);
        }
    }));
}
