// Sums of very many terms: 32.32 fixed point in two words, modulo 2^64, so that no term is rounded
// against the sum and the order of the terms does not matter. A reference, the sum at some fixed
// position, is taken off before the sum becomes a float: what is left is small where particles are.
// Source: integer accumulation as in U. Kulisch, W. Miranker, Computer Arithmetic in Theory and
// Practice (1981), with as many digits as log densities need.

struct LongSum {
    low: u32,
    high: u32,
    // Terms that are too large for the words, infinite or not numbers.
    beyond: f32,
}

fn long_sum_add(sum: ptr<function, LongSum>, term: f32) {
    let size = abs(term);
    if (!(size < 2147483648.0)) {
        (*sum).beyond += term;
        return;
    }
    // Both parts are exact; the floor of a negative term would not be.
    var high = u32(size);
    var low = u32((size - f32(high)) * 4294967296.0);
    if (term < 0.0) {
        high = ~high + select(0u, 1u, low == 0u);
        low = ~low + 1u;
    }
    let total = (*sum).low + low;
    (*sum).high += high + select(0u, 1u, total < low);
    (*sum).low = total;
}

// The sum minus the reference.
fn long_sum_value(sum: ptr<function, LongSum>, low: u32, high: u32) -> f32 {
    let borrow = select(0u, 1u, (*sum).low < low);
    let left = (*sum).high - high - borrow;
    return f32(i32(left)) + f32((*sum).low - low) * 2.3283064365386963e-10 + (*sum).beyond;
}
