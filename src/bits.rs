//! The random bits that a seed gives.

/// The version of the random bits.
///
/// Two versions of wfr with the same number draw the same random words for the same seed, and, on one
/// device with one driver and one shape of kernels, the same particles to the bit: however a run is cut,
/// and whatever runs beside it. A new number means a breaking release.
///
/// | | generator | counter | key | normals |
/// | --- | --- | --- | --- | --- |
/// | 3 | as 2; the last bits of the effective sample size differ, which may turn a decision | | | |
/// | 2 | Threefry4x32-13 | slot, time, island, stream and block and high bits of the slot | seed | Box–Muller over a half-turn and a sign: 31 bits of radius, 24 of angle |
/// | 1 | Threefry4x32-20 | slot, time, block, stream | seed | Box–Muller over a turn: 31 bits of radius, 32 of angle |
///
/// Streams have 8 bits, blocks 16, slots 40, times and islands 32.
pub const BITS: u32 = 3;

/// Blocks of four words that one slot may take at one time from one stream.
pub(crate) const WORD_BLOCKS: u32 = 1 << 16;
