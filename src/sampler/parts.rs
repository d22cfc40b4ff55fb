//! The parts that a run may have beside testing, resampling and stepping.

use crate::kernel::part::Kind;
use crate::kernel::{adapt, conditional, network};
use crate::reactor;

/// All kinds. Parts with passes in the same phase record them in this order.
pub(super) const KINDS: &[Kind] = &[adapt::KIND, conditional::KIND, network::KIND, reactor::KIND];
