//! Twin of `shaders/threefry.wgsl`: Threefry4x32 with 13 rounds, as its authors write it.
//!
//! Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// Draws from the initial law.
pub const STREAM_INITIAL: u32 = 0;
/// The noise of the steps.
pub const STREAM_STEP: u32 = 1;
/// The one uniform of systematic resampling.
pub const STREAM_RESAMPLE: u32 = 2;
/// The uniforms of the other resamplers.
pub const STREAM_STRATUM: u32 = 3;
/// Momenta at time zero.
pub const STREAM_MOMENTUM: u32 = 4;
/// The uniforms that accept or reject a move.
pub const STREAM_ACCEPT: u32 = 5;
/// Where the subset of components of a mixture begins.
pub const STREAM_SUBSET: u32 = 8;
/// The chances of birth and death.
pub const STREAM_JUMP: u32 = 9;
/// The directions of Hutchinson's divergence.
pub const STREAM_PROBE: u32 = 10;
/// The error put on a score on purpose.
pub const STREAM_SCORE_ERROR: u32 = 11;
/// Where the target's point lies in a cell of the grid.
pub const STREAM_GRID: u32 = 12;
/// The points that find how much of a kernel is inside of the support.
pub const STREAM_COVER: u32 = 13;

const ROUNDS: usize = 13;
const PARITY: u32 = 0x1BD1_1BDA;
const ROTATIONS: [[u32; 2]; 8] =
    [[10, 26], [11, 21], [13, 27], [23, 5], [6, 20], [17, 11], [25, 10], [18, 20]];

/// Random123's `kat_vectors` for threefry4x32 with 13 rounds: counter, key, answer.
pub const KNOWN: [[[u32; 4]; 3]; 3] = [
    [[0; 4], [0; 4], [0x531c_7e4f, 0x3949_1ee5, 0x2c85_5a92, 0x3d6a_bf9a]],
    [[u32::MAX; 4], [u32::MAX; 4], [0xc418_9358, 0x1c9c_c83a, 0xd588_1c67, 0x6a0a_89e0]],
    [
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89],
        [0x4aa7_1d8f, 0x7347_38c2, 0x431f_c6a8, 0xae6d_ebf1],
    ],
];

/// Threefry4x32-13 of a counter under a key.
pub fn threefry_keyed(counter: [u32; 4], key: [u32; 4]) -> [u32; 4] {
    threefry_rounds(counter, key, ROUNDS)
}

/// Threefry4x32 with so many rounds.
pub(crate) fn threefry_rounds(counter: [u32; 4], key: [u32; 4], rounds: usize) -> [u32; 4] {
    let parity = key.iter().fold(PARITY, |parity, word| parity ^ word);
    let key = [key[0], key[1], key[2], key[3], parity];
    let mut x = counter;
    inject(&mut x, &key, 0);
    for round in 0..rounds {
        let [first, second] = ROTATIONS[round % 8];
        // Words 1 and 3 change places every round.
        let (a, b) = if round % 2 == 0 { (1, 3) } else { (3, 1) };
        x[0] = x[0].wrapping_add(x[a]);
        x[a] = x[a].rotate_left(first) ^ x[0];
        x[2] = x[2].wrapping_add(x[b]);
        x[b] = x[b].rotate_left(second) ^ x[2];
        if round % 4 == 3 {
            inject(&mut x, &key, round / 4 + 1);
        }
    }
    x
}

fn inject(x: &mut [u32; 4], key: &[u32; 5], number: usize) {
    for (i, word) in x.iter_mut().enumerate() {
        *word = word.wrapping_add(key[(number + i) % 5]);
    }
    x[3] = x[3].wrapping_add(number as u32);
}

/// Where a slot lies among all there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalSlot {
    /// Its number in its island, below 2⁴⁰.
    pub slot: u64,
    /// The island.
    pub island: u32,
}

/// Where a slot of a population that is alone lies.
pub fn random_place(slot: u32) -> GlobalSlot {
    GlobalSlot { slot: slot.into(), island: 0 }
}

/// The key of a seed.
pub fn random_key(seed: u64) -> [u32; 4] {
    [seed as u32, (seed >> 32) as u32, 0, 0]
}

/// The counter of a place, a time, a block below 2¹⁶ and a stream below 2⁸.
pub fn random_counter(place: GlobalSlot, time: u32, block: u32, stream: u32) -> [u32; 4] {
    let high = (place.slot >> 32) as u32;
    [place.slot as u32, time, place.island, stream | block << 8 | high << 24]
}

/// The words of a place in a run with this seed.
pub fn threefry_at(seed: u64, place: GlobalSlot, time: u32, block: u32, stream: u32) -> [u32; 4] {
    threefry_keyed(random_counter(place, time, block, stream), random_key(seed))
}

/// The words of a slot in a run with this seed.
pub fn threefry(seed: u64, slot: u32, time: u32, block: u32, stream: u32) -> [u32; 4] {
    threefry_at(seed, random_place(slot), time, block, stream)
}
