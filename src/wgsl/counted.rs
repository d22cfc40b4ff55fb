//! How often texts were parsed, for the test that gives them a mark.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a text holds that is counted; tests parse too many others to keep.
const MARK: &str = "fn parsed_here(";

static COUNTS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Notes that a text is parsed.
pub(crate) fn count(text: &str) {
    if text.contains(MARK) {
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(text.to_string()).or_default() += 1;
    }
}

/// The texts with the mark, and how often each was parsed.
pub(crate) fn counts() -> BTreeMap<String, u32> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
