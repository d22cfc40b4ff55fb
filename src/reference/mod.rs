//! Host oracles of the kernels and targets: same file and function names as under `shaders/`.

pub mod target;
