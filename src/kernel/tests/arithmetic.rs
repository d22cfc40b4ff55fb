//! `shaders/{wide,wide_high,float,fixed,weight}.wgsl` against native wide integers and `f64`.

use super::run_snippet;
use crate::layout::WEIGHT_BITS;
use crate::reference::cases::words_with_extremes;
use crate::reference::{fixed, weight};
use crate::shaders::Prelude;
use crate::testing;

const COUNT: u32 = 20_000;

fn wide(words: &[u32]) -> u64 {
    u64::from(words[1]) << 32 | u64::from(words[0])
}

/// The constant that weight.wgsl takes from Rust.
fn prelude() -> Prelude {
    Prelude::default().u32("WEIGHT_BITS", WEIGHT_BITS)
}

/// The product that devices with 64-bit integers have by themselves.
#[test]
fn native_high_products_equal_the_emulated_ones() {
    let Some(gpu) = testing::gpu() else { return };
    if !gpu.has_wide_integers() {
        return;
    }
    let inputs = words_with_extremes(15, 2 * COUNT as usize);
    let body = "outputs[i] = wide_high(inputs[2u * i], inputs[2u * i + 1u]);";
    let high = |file| run_snippet(&gpu, Prelude::default(), &[file], body, COUNT, 1, &inputs);
    assert_eq!(high("wide_high_native"), high("wide_high"));
}

#[test]
fn wide_equals_native_integers() {
    let Some(gpu) = testing::gpu() else { return };
    let inputs = words_with_extremes(10, 4 * COUNT as usize);
    let body = "
        let a = vec2<u32>(inputs[4u * i], inputs[4u * i + 1u]);
        let b = vec2<u32>(inputs[4u * i + 2u], inputs[4u * i + 3u]);
        let out = 16u * i;
        let sum = wide_add(a, b);
        let difference = wide_sub(a, b);
        let product = wide_mul(a.x, b.x);
        let double = wide_double(a);
        outputs[out] = sum.x;
        outputs[out + 1u] = sum.y;
        outputs[out + 2u] = difference.x;
        outputs[out + 3u] = difference.y;
        outputs[out + 4u] = product.x;
        outputs[out + 5u] = product.y;
        outputs[out + 6u] = double.x;
        outputs[out + 7u] = double.y;
        outputs[out + 8u] = wide_high(a.x, b.y);
        outputs[out + 9u] = select(0u, 1u, wide_less(a, b));
        outputs[out + 10u] = bitcast<u32>(wide_float(a));
        let low = wide_low(a, b);
        outputs[out + 11u] = low.x;
        outputs[out + 12u] = low.y;
        let up = wide_up(a, i % 64u);
        outputs[out + 13u] = up.x;
        outputs[out + 14u] = up.y;
        outputs[out + 15u] = wide_zeros(a);";
    let ours =
        run_snippet(&gpu, Prelude::default(), &["wide", "wide_high"], body, COUNT, 16, &inputs);
    for (i, (x, input)) in ours.chunks(16).zip(inputs.chunks(4)).enumerate() {
        let (a, b) = (wide(input), wide(&input[2..]));
        let product = u64::from(input[0]) * u64::from(input[2]);
        let high = (u64::from(input[0]) * u64::from(input[3])) >> 32;
        assert_eq!(wide(x), a.wrapping_add(b), "{a} + {b}");
        assert_eq!(wide(&x[2..]), a.wrapping_sub(b), "{a} - {b}");
        assert_eq!(wide(&x[4..]), product, "{} * {}", input[0], input[2]);
        assert_eq!(wide(&x[6..]), a << 1, "2 * {a}");
        assert_eq!(u64::from(x[8]), high, "{} * {}", input[0], input[3]);
        assert_eq!(x[9] == 1, a < b, "{a} < {b}");
        assert_eq!(wide(&x[11..]), a.wrapping_mul(b), "{a} * {b}");
        assert_eq!(wide(&x[13..]), a << (i % 64), "{a} << {}", i % 64);
        assert_eq!(x[15], a.leading_zeros(), "{a}");
        // Two conversions, a product by a power of two and a sum, each within half an ulp or one.
        let float = f64::from(f32::from_bits(x[10]));
        assert!((float - a as f64).abs() <= a as f64 * 2.0_f64.powi(-22), "{float} is not {a}");
    }
}

#[test]
fn wide_mul_shift_equals_u128() {
    let Some(gpu) = testing::gpu() else { return };
    let mut inputs = words_with_extremes(20, 4 * COUNT as usize);
    // Every shift in turn, 0 and the multiples of 32 among them; high words that let it fit.
    for (i, input) in inputs.chunks_mut(4).enumerate() {
        input[3] = i as u32 % 96;
        if input[3] < 32 {
            input[1] &= (1 << input[3]) - 1;
        }
    }
    let body = "
        let a = vec2<u32>(inputs[4u * i], inputs[4u * i + 1u]);
        let x = wide_mul_shift(a, inputs[4u * i + 2u], inputs[4u * i + 3u]);
        outputs[2u * i] = x.x;
        outputs[2u * i + 1u] = x.y;";
    let ours =
        run_snippet(&gpu, Prelude::default(), &["wide", "wide_high"], body, COUNT, 2, &inputs);
    for (x, input) in ours.chunks(2).zip(inputs.chunks(4)) {
        let exact = (u128::from(wide(input)) * u128::from(input[2])) >> input[3];
        assert_eq!(u128::from(wide(x)), exact, "{input:?}");
    }
}

#[test]
fn fixed_point_holds_its_bounds() {
    let Some(gpu) = testing::gpu() else { return };
    let mut inputs = words_with_extremes(30, 3 * COUNT as usize);
    for (i, input) in inputs.chunks_mut(3).enumerate() {
        // Integers of every length, and floats of every size below 2^31.
        let integer = (wide(input) >> (i % 64)).max(1);
        (input[0], input[1]) = (integer as u32, (integer >> 32) as u32);
        let exponent = 80 + i as u32 % 78;
        input[2] = (input[2] & 0x807f_ffff) | exponent << 23;
    }
    let zeros = [0.0_f32, -0.0, 1.0, -1.0, 0.5, 2.0_f32.powi(-33), -2.0_f32.powi(-32)];
    for (input, x) in inputs.chunks_mut(3).zip(zeros) {
        input[2] = x.to_bits();
    }
    let body = "
        let log = fixed_log2(vec2<u32>(inputs[3u * i], inputs[3u * i + 1u]));
        let x = fixed_from_float(bitcast<f32>(inputs[3u * i + 2u]));
        outputs[4u * i] = log.x;
        outputs[4u * i + 1u] = log.y;
        outputs[4u * i + 2u] = x.x;
        outputs[4u * i + 3u] = x.y;";
    let files = ["wide", "wide_high", "fixed"];
    let ours = run_snippet(&gpu, Prelude::default(), &files, body, COUNT, 4, &inputs);
    for (x, input) in ours.chunks(4).zip(inputs.chunks(3)) {
        let log = wide(x) as f64 / 2.0_f64.powi(32);
        let exact = fixed::fixed_log2(wide(input));
        // The rounding of the mantissa to 32 bits, and 32 roundings of it, each halved by the next
        // square.
        assert!((log - exact).abs() < 2.0_f64.powi(-29), "log2 {}: {log} {exact}", wide(input));
        if wide(input).is_power_of_two() {
            assert_eq!(log, exact, "log2 {}", wide(input));
        }
        let float = f32::from_bits(input[2]);
        assert_eq!(wide(&x[2..]) as i64, fixed::fixed_from_float(float), "{float:e}");
    }
}

/// The integer weights are the oracle's, whose error against exp `reference::weight` tests.
#[test]
fn weights_equal_the_oracle() {
    let Some(gpu) = testing::gpu() else { return };
    let mut inputs = words_with_extremes(40, 2 * COUNT as usize);
    let special = [0.0, -20.0, 31.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-30, -f32::MAX];
    for (i, input) in inputs.chunks_mut(2).enumerate() {
        let unit = input.iter().map(|word| *word as f32 / u32::MAX as f32).collect::<Vec<_>>();
        // The peak, and a log-weight at or below it, sometimes very near.
        let peak = if i % 3 == 0 { 0.0 } else { 2000.0 * (unit[0] - 0.5) };
        let below = 30.9 * if i % 5 == 0 { unit[1].powi(9) } else { unit[1] };
        let log_weight = if i < special.len() { special[i] } else { peak - below };
        (input[0], input[1]) = (peak.to_bits(), log_weight.to_bits());
    }
    let body = "
        let peak = bitcast<f32>(inputs[2u * i]);
        let log_weight = bitcast<f32>(inputs[2u * i + 1u]);
        outputs[3u * i] = weight_of(log_weight, peak);
        let e = weight_exp(min(max(peak - log_weight, 0.0), 30.9));
        outputs[3u * i + 1u] = e.x;
        outputs[3u * i + 2u] = e.y;";
    let files = ["wide", "wide_high", "float", "hidden/nothing", "weight"];
    let ours = run_snippet(&gpu, prelude(), &files, body, COUNT, 3, &inputs);
    for (i, (x, input)) in ours.chunks(3).zip(inputs.chunks(2)).enumerate() {
        let (peak, log_weight) = (f32::from_bits(input[0]), f32::from_bits(input[1]));
        // A log-weight above its peak does not occur.
        if i != 2 && i != 4 {
            assert_eq!(x[0], weight::weight_of(log_weight, peak), "{log_weight} {peak}");
        }
        if i >= special.len() {
            let (mantissa, exponent) = weight::weight_exp((peak - log_weight).min(30.9));
            assert_eq!((x[1], x[2]), (mantissa, exponent), "{log_weight} {peak}");
        }
    }
}
