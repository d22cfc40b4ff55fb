//! Layer 3: what runs must show, because theory says so. Closed forms, exact recursions and
//! quadrature, each within four standard errors of the run's own genealogy plus a stated allowance
//! for the known bias of the method.
//!
//! Every test also runs with the sign of the weights (or, where there are none, of the drift)
//! turned round, and asserts that its laws then do not hold. Seeds are fixed.

#[path = "../common/mod.rs"]
mod common;

mod adaptive;
mod centers;
mod composition;
mod coverage;
mod derived;
mod gaussian;
mod gradient_walls;
mod integrators;
mod networks;
mod normalizer;
mod offsets;
mod order;
mod paths;
mod quantiles;
mod resampling;
mod schedules;
mod score_error;
mod stress;
mod targets;
mod transforms;
mod walls;
mod wells;
mod wfr;
