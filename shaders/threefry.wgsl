// Threefry4x32 with 20 rounds: a counter-based random number generator of integer adds, rotations
// and xors alone, so that every adapter gives the same bits.
// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

// The streams of one run; the counter is (slot, time, block, stream), the key is the seed.
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

fn threefry_rotate(x: u32, bits: u32) -> u32 {
    return (x << bits) | (x >> (32u - bits));
}

// Two rounds on (a, b) and (c, d), then on (a, d) and (c, b).
fn threefry_rounds(v: vec4<u32>, r: vec4<u32>) -> vec4<u32> {
    var x = v;
    x.x += x.y;
    x.y = threefry_rotate(x.y, r.x) ^ x.x;
    x.z += x.w;
    x.w = threefry_rotate(x.w, r.y) ^ x.z;
    x.x += x.w;
    x.w = threefry_rotate(x.w, r.z) ^ x.x;
    x.z += x.y;
    x.y = threefry_rotate(x.y, r.w) ^ x.z;
    return x;
}

// Four even rounds and the key injection of round 4·injection.
fn threefry_four(v: vec4<u32>, even: bool, key: vec4<u32>, injection: u32) -> vec4<u32> {
    var x = v;
    if (even) {
        x = threefry_rounds(x, vec4<u32>(10u, 26u, 11u, 21u));
        x = threefry_rounds(x, vec4<u32>(13u, 27u, 23u, 5u));
    } else {
        x = threefry_rounds(x, vec4<u32>(6u, 20u, 17u, 11u));
        x = threefry_rounds(x, vec4<u32>(25u, 10u, 18u, 20u));
    }
    return x + key + vec4<u32>(0u, 0u, 0u, injection);
}

// The key as an argument, so that known answers can be checked.
fn threefry_keyed(counter: vec4<u32>, k: array<u32, 5>) -> vec4<u32> {
    var x = counter + vec4<u32>(k[0], k[1], k[2], k[3]);
    x = threefry_four(x, true, vec4<u32>(k[1], k[2], k[3], k[4]), 1u);
    x = threefry_four(x, false, vec4<u32>(k[2], k[3], k[4], k[0]), 2u);
    x = threefry_four(x, true, vec4<u32>(k[3], k[4], k[0], k[1]), 3u);
    x = threefry_four(x, false, vec4<u32>(k[4], k[0], k[1], k[2]), 4u);
    return threefry_four(x, true, vec4<u32>(k[0], k[1], k[2], k[3]), 5u);
}

fn threefry(slot: u32, time: u32, block: u32, stream: u32) -> vec4<u32> {
    let seed = random_key();
    let key = array<u32, 5>(seed.x, seed.y, 0u, 0u, 0x1BD11BDAu ^ seed.x ^ seed.y);
    return threefry_keyed(vec4<u32>(slot, time, block, stream), key);
}
