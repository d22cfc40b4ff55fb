//! `shaders/offspring.wgsl`: its divisions against 128-bit integers.

use super::{run_snippet, wide};
use crate::reference::cases::words_with_extremes;
use crate::reference::offspring::{offspring_at, offspring_factor};
use crate::shaders::Prelude;
use crate::testing;

const COUNT: u32 = 60_000;

fn words(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// Runs `body` over rows of words.
fn run(gpu: &crate::gpu::Gpu, body: &str, outputs: u32, rows: &[[u32; 5]]) -> Vec<u32> {
    let files = ["types", "wide", "wide_high", "offspring"];
    let inputs = rows.concat();
    run_snippet(gpu, Prelude::default(), &files, body, rows.len() as u32, outputs, &inputs)
}

/// Words of every length, parts that are nothing, all, or beside a whole quotient.
#[test]
fn quotients_are_exact() {
    let Some(gpu) = testing::gpu() else { return };
    let noise = words_with_extremes(50, 7 * COUNT as usize);
    let row = |(i, noise): (usize, &[u32])| {
        let word = |k: usize| wide(&noise[k..]);
        let m = (noise[0] >> (1 + i % 31)).max(1);
        let b = (word(1) >> (1 + i % 63)).max(1);
        let most = u128::from(m) << 32;
        let a = match i % 5 {
            0 => b,
            1 => b - b.min(1 + word(3) % 3),
            2 => {
                let whole = u128::from(word(3)) % (most + 1);
                ((whole * u128::from(b)).div_ceil(most) as u64).saturating_sub(word(5) % 2)
            }
            3 => (word(3) % 4).min(b),
            _ => word(3) % (b + 1),
        };
        let ([a0, a1], [b0, b1]) = (words(a), words(b));
        [m, a0, a1, b0, b1]
    };
    let rows: Vec<_> = noise.chunks(7).enumerate().map(row).collect();
    let body = "
        let in = 5u * i;
        let a = vec2<u32>(inputs[in + 1u], inputs[in + 2u]);
        let b = vec2<u32>(inputs[in + 3u], inputs[in + 4u]);
        let quotient = offspring_quotient(inputs[in], a, b);
        outputs[2u * i] = quotient.x;
        outputs[2u * i + 1u] = quotient.y;";
    for (ours, row) in run(&gpu, body, 2, &rows).chunks(2).zip(&rows) {
        let (m, a, b) = (row[0], wide(&row[1..]), wide(&row[3..]));
        assert_eq!(wide(ours), offspring_at(a, b, m), "{m} 2^32 {a} / {b}");
    }
}

/// Totals and widths of every length, widths that are nothing, all, or beside a power of two.
#[test]
fn factors_are_exact() {
    let Some(gpu) = testing::gpu() else { return };
    let noise = words_with_extremes(60, 4 * COUNT as usize);
    let row = |(i, noise): (usize, &[u32])| {
        let total = (wide(noise) >> (24 + i % 40)).max(1);
        let most = total.saturating_mul(1 << 32).min(1 << 60);
        let width = match i % 4 {
            0 => most - (wide(&noise[2..]) % 3).min(most),
            1 => total.saturating_mul(1 << (i % 33)),
            2 => total.saturating_mul(1 << (i % 33)).saturating_sub(1),
            _ => wide(&noise[2..]) >> (i % 64),
        };
        let ([a0, a1], [b0, b1]) = (words(width.min(most)), words(total));
        [0, a0, a1, b0, b1]
    };
    let rows: Vec<_> = noise.chunks(4).enumerate().map(row).collect();
    let body = "
        let in = 5u * i;
        let width = vec2<u32>(inputs[in + 1u], inputs[in + 2u]);
        let total = vec2<u32>(inputs[in + 3u], inputs[in + 4u]);
        let factor = offspring_factor(width, total);
        outputs[2u * i] = factor.x;
        outputs[2u * i + 1u] = factor.y;";
    for (ours, row) in run(&gpu, body, 2, &rows).chunks(2).zip(&rows) {
        let (width, total) = (wide(&row[1..]), wide(&row[3..]));
        assert_eq!((ours[0], ours[1]), offspring_factor(width, total), "{width} / {total}");
    }
}
