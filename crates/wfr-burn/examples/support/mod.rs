//! What the examples share: a small score network, its file and its training.
#![allow(dead_code, reason = "each example uses its own part")]

pub mod file;
pub mod mixture;
pub mod network;
pub mod training;

/// Any error, with its sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
