//! What a text became when it was parsed, for whoever links the same text again.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use wgpu::naga::Module;

/// The module of one text; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Parsed(Arc<Checked>);

#[derive(Default)]
struct Checked {
    module: OnceLock<Module>,
    is_valid: AtomicBool,
}

impl Parsed {
    pub(super) fn module(&self) -> Option<&Module> {
        self.0.module.get()
    }

    pub(super) fn keep(&self, module: Module) -> &Module {
        self.0.module.get_or_init(|| module)
    }

    /// Whether the module has been found valid.
    pub(super) fn is_valid(&self) -> bool {
        self.0.is_valid.load(Ordering::Relaxed)
    }

    pub(super) fn set_valid(&self) {
        self.0.is_valid.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Parsed {
    /// A module says nothing that its text does not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parsed")
    }
}
