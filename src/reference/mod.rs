//! What the kernels compute, computed on the host: oracles for tests of the shaders and of code
//! that builds on them.
//!
//! Each module is the twin of the file of the same name under `shaders/`, with the same function
//! names. What is integer there is integer here and equal bit for bit: random words, weights, places
//! on the axis of offspring, ancestors. Where a shader emulates wide integers the oracle takes
//! `u64` and `u128`. What is `f32` there is `f64` here, to be compared within a bound.
//!
//! `cases` holds what both are compared on.
//!
//! Clear and slow: nothing here is meant for production runs.

pub mod adapt;
pub mod cases;
pub mod compose;
pub mod conditional;
pub mod decide;
pub mod draw;
pub mod entropy;
pub mod expand;
pub mod fixed;
pub mod formula;
pub mod grid;
pub mod histogram;
pub mod initial;
pub mod long_sum;
pub mod loss;
pub mod losses;
pub mod mixture;
pub mod moments;
pub mod network;
pub mod normal;
pub mod offspring;
pub mod payload;
pub mod population;
pub mod power;
pub mod quantile;
pub mod react;
pub mod reduce;
pub mod resampling;
pub mod residual;
pub mod scan;
pub mod settle;
pub mod step;
pub mod survivors;
pub mod tally;
pub mod target;
pub mod threefry;
pub mod tracks;
pub mod transform;
pub mod weight;
