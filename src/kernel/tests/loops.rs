//! The table of loop iterations against the driver that stops them: every kernel is given as many
//! iterations more, in a loop that does nothing, as the table leaves it, and does the same.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::driver::SOFTWARE_LOOP_CAP;
use crate::gpu::Gpu;
use crate::kernel::loops::Loops;
use crate::testing;
use crate::wgsl::{Linked, Source};

thread_local! {
    /// Iterations that are put before a kernel's own, by entry point.
    static BURDEN: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// The text with a loop at the begin of an entry point, while [`burden`] says so.
pub(crate) fn burdened(linked: &Linked, entry: &str) -> Option<Linked> {
    let rounds = BURDEN.with_borrow(|burden| burden.get(entry).copied())?;
    let text = linked.text();
    let at = text.find(&format!("fn {entry}("))?;
    let body = at + text[at..].find('{')? + 1;
    let (before, after) = text.split_at(body);
    let more = format!(
        "\nvar burden = 1u;
        for (var round = 0u; round < {rounds}u; round++) {{
            burden = burden * 1664525u + (burden >> 16u) + 1013904223u;
        }}
        if (burden == 1u) {{ sh_burden = burden; }}\n"
    );
    let text = format!("var<workgroup> sh_burden: u32;\n{before}{more}{after}");
    Some(Linked::new([Source::own("burdened", text)]))
}

/// Gives kernels that are made within `work` what the table leaves them, and `beyond` more.
fn burden<T>(table: &[Loops], beyond: u32, work: impl FnOnce() -> T) -> T {
    let each = table.iter().map(|loops| {
        let left = u64::from(SOFTWARE_LOOP_CAP).saturating_sub(loops.iterations + 1);
        (loops.kernel.to_string(), left as u32 + beyond)
    });
    BURDEN.set(each.collect());
    let result = work();
    BURDEN.set(BTreeMap::new());
    result
}

/// The device, if its driver stops long loops.
fn stopping() -> Option<Gpu> {
    testing::gpu().filter(|gpu| gpu.loop_cap().is_some())
}

mod runs;
mod weights;
