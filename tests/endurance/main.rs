//! Long and large: what a run, a process and a device bear without losing a digit or a byte.
//!
//! What runs here takes seconds; the long forms are ignored unless asked for, and
//! `scripts/endurance` asks for them.

#[path = "../common/mod.rs"]
mod common;
mod large;
mod lifetimes;
mod memory;
mod neighbours;
mod soak;
