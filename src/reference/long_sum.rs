//! Twin of `shaders/long_sum.wgsl`: sums of very many terms in 32.32 fixed point, modulo 2⁶⁴.

/// A sum, and the terms that are beyond it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LongSum {
    /// The sum in units of 2⁻³².
    pub fixed: u64,
    /// The sum of terms that are too large, infinite or not numbers.
    pub beyond: f32,
}

/// Adds a term, rounded toward zero.
pub fn long_sum_add(sum: &mut LongSum, term: f32) {
    // Not a number is beyond too.
    if f64::from(term.abs()) < 2_147_483_648.0 {
        let fixed = (f64::from(term) * 4_294_967_296.0).trunc() as i64;
        sum.fixed = sum.fixed.wrapping_add_signed(fixed);
    } else {
        sum.beyond += term;
    }
}

/// The sum minus the reference.
pub fn long_sum_value(sum: &LongSum, reference: u64) -> f32 {
    let left = sum.fixed.wrapping_sub(reference);
    let (high, low) = ((left >> 32) as u32 as i32, left as u32);
    high as f32 + low as f32 * 2.0_f32.powi(-32) + sum.beyond
}
