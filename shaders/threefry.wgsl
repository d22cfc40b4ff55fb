// Random words: Threefry4x32 with 13 rounds, a counter-based generator of integer adds, rotations
// and xors alone, so that every adapter gives the same bits.
// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Its authors know of no flaw with twelve rounds or more. On counters of small integers, as ours
// are, a flipped bit still shows in the words after eight rounds and no longer after nine.
// `wfr::BITS` numbers what this file and `normal` make of a seed.

// The streams of one run, below 2^8.
const STREAM_INITIAL = 0u;
const STREAM_STEP = 1u;
const STREAM_RESAMPLE = 2u;
const STREAM_STRATUM = 3u;
const STREAM_MOMENTUM = 4u;
const STREAM_ACCEPT = 5u;
const STREAM_SUBSET = 8u;
const STREAM_JUMP = 9u;
const STREAM_PROBE = 10u;
const STREAM_SCORE_ERROR = 11u;
const STREAM_GRID = 12u;
const STREAM_COVER = 13u;

// Where a slot of this population lies among all there are: the low word and the high bits of its
// number in its island, and the island.
fn random_place(slot: u32) -> vec3<u32> {
    return vec3<u32>(slot, 0u, 0u);
}

// Slots below 2^40, blocks below 2^16. A block too large gives the words of a slot of 2^32 or more.
fn random_counter(place: vec3<u32>, time: u32, block: u32, stream: u32) -> vec4<u32> {
    return vec4<u32>(place.x, time, place.z, stream | (block << 8u) | (place.y << 24u));
}

fn threefry_rotate(x: u32, bits: u32) -> u32 {
    return (x << bits) | (x >> (32u - bits));
}

// Rounds of even number work on (a, b) and (c, d).
fn threefry_even(v: vec4<u32>, first: u32, second: u32) -> vec4<u32> {
    var x = v;
    x.x += x.y;
    x.y = threefry_rotate(x.y, first) ^ x.x;
    x.z += x.w;
    x.w = threefry_rotate(x.w, second) ^ x.z;
    return x;
}

// Rounds of odd number work on (a, d) and (c, b).
fn threefry_odd(v: vec4<u32>, first: u32, second: u32) -> vec4<u32> {
    var x = v;
    x.x += x.w;
    x.w = threefry_rotate(x.w, first) ^ x.x;
    x.z += x.y;
    x.y = threefry_rotate(x.y, second) ^ x.z;
    return x;
}

// The key as an argument, so that known answers can be checked; added again every four rounds.
fn threefry_keyed(counter: vec4<u32>, key: vec4<u32>) -> vec4<u32> {
    let parity = 0x1BD11BDAu ^ key.x ^ key.y ^ key.z ^ key.w;
    var x = counter + key;
    x = threefry_even(x, 10u, 26u);
    x = threefry_odd(x, 11u, 21u);
    x = threefry_even(x, 13u, 27u);
    x = threefry_odd(x, 23u, 5u);
    x += vec4<u32>(key.y, key.z, key.w, parity + 1u);
    x = threefry_even(x, 6u, 20u);
    x = threefry_odd(x, 17u, 11u);
    x = threefry_even(x, 25u, 10u);
    x = threefry_odd(x, 18u, 20u);
    x += vec4<u32>(key.z, key.w, parity, key.x + 2u);
    x = threefry_even(x, 10u, 26u);
    x = threefry_odd(x, 11u, 21u);
    x = threefry_even(x, 13u, 27u);
    x = threefry_odd(x, 23u, 5u);
    x += vec4<u32>(key.w, parity, key.x, key.y + 3u);
    return threefry_even(x, 6u, 20u);
}

// The words of a place, whichever population asks.
fn threefry_at(place: vec3<u32>, time: u32, block: u32, stream: u32) -> vec4<u32> {
    return threefry_keyed(random_counter(place, time, block, stream), random_key());
}

// The words of a slot of this population.
fn threefry(slot: u32, time: u32, block: u32, stream: u32) -> vec4<u32> {
    return threefry_at(random_place(slot), time, block, stream);
}
