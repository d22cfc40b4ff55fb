//! Kernels against their oracles in `reference/`, on whatever adapter there is.

mod resampling;
