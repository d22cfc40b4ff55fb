//! What the engine relies on: tests of bits, the accuracy that WGSL promises, loops that run to their
//! end, dispatches that the device sizes, limits.

use super::answers::largest;
use super::finding::Finding;
use crate::buffers::{filled, storage};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::snippet::Snippet;
use crate::kernel::{Access, BoundKernel};
use crate::layout::Settings;
use crate::numbers::Numbers;
use crate::readback;
use crate::reference::cases::{noise, words_with_extremes};
use crate::shaders::Prelude;
use crate::wgsl::{Linked, Source};

const COUNT: u32 = 20_000;

/// Not-a-numbers and infinities are told by their bits and made of them, and denormals are kept or
/// zero.
pub(super) fn bits(gpu: &Gpu) -> Result<Vec<Finding>> {
    let mut inputs = words_with_extremes(50, COUNT as usize);
    let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN, f32::MAX, -f32::MAX];
    inputs.iter_mut().zip(special).for_each(|(input, x)| *input = x.to_bits());
    let body = "
        let x = bitcast<f32>(inputs[i]);
        outputs[4u * i] = select(0u, 1u, float_is_non_finite(x))
            + select(0u, 2u, float_is_minus_infinity(x));
        outputs[4u * i + 1u] = bitcast<u32>(float_nan());
        outputs[4u * i + 2u] = bitcast<u32>(float_minus_infinity());
        let denormal = bitcast<f32>(inputs[i] & 0x807fffffu);
        outputs[4u * i + 3u] = bitcast<u32>(denormal * 1.5);";
    let files = &["float", "hidden/nothing"];
    let inputs = &inputs;
    let told = Snippet { files, body, count: COUNT, words: 4, inputs, ..Snippet::default() };
    let told = told.run(gpu, Prelude::default())?;
    let column = |j: usize| told.iter().skip(j).step_by(4).copied();
    let kind = |word: &u32| {
        let x = f32::from_bits(*word);
        u32::from(!x.is_finite()) + 2 * u32::from(x == f32::NEG_INFINITY)
    };
    let kinds = inputs.iter().map(kind).collect();
    let neither = column(3).zip(inputs).filter(|(ours, word)| {
        let exact = f32::from_bits(*word & 0x807f_ffff) * 1.5;
        *ours != exact.to_bits() && *ours & 0x7fff_ffff != 0
    });
    let numbers = column(1).filter(|word| !f32::from_bits(*word).is_nan()).count();
    let infinities = column(2).filter(|word| f32::from_bits(*word) != f32::NEG_INFINITY).count();
    Ok(vec![
        Finding::words("non-finite numbers are told by their bits", column(0).collect(), kinds),
        Finding::error("not-a-numbers made of bits that are none", numbers as f64, 0.0),
        Finding::error("infinities made of bits that are none", infinities as f64, 0.0),
        Finding::error("denormals neither kept nor zero", neither.count() as f64, 0.0),
    ])
}

/// Spacing of floats at a number's size.
fn ulp(x: f64) -> f64 {
    2.0_f64.powf(x.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor() - 23.0)
}

/// exp, log and the square root against double precision, in units of the errors that WGSL allows.
pub(super) fn accuracy(gpu: &Gpu) -> Result<Vec<Finding>> {
    let unit = |word: u32| word as f32 / u32::MAX as f32;
    // Exponents of every size whose exponential is no denormal, and positive numbers of every size.
    let inputs: Vec<u32> = noise(3, 2 * COUNT as usize)
        .chunks(2)
        .flat_map(|w| {
            let positive = f32::from_bits((w[1] & 0x007f_ffff) | (1 + w[1] % 254) << 23);
            [(175.0 * unit(w[0]) - 87.0).to_bits(), positive.to_bits()]
        })
        .collect();
    let body = "
        let positive = bitcast<f32>(inputs[2u * i + 1u]);
        outputs[3u * i] = bitcast<u32>(exp(bitcast<f32>(inputs[2u * i])));
        outputs[3u * i + 1u] = bitcast<u32>(log(positive));
        outputs[3u * i + 2u] = bitcast<u32>(sqrt(positive));";
    let inputs = &inputs;
    let ours = Snippet { body, count: COUNT, words: 3, inputs, ..Snippet::default() };
    let ours = ours.run(gpu, Prelude::default())?;
    let errors = |j: usize, error: &dyn Fn(f64, f64, f64) -> f64| {
        largest(ours.chunks(3).zip(inputs.chunks(2)).map(|(ours, x)| {
            let [x, positive] = [x[0], x[1]].map(|word| f64::from(f32::from_bits(word)));
            error(f64::from(f32::from_bits(ours[j])), x, positive)
        }))
    };
    let exp = |y: f64, x: f64, _: f64| {
        let exact = x.exp();
        (y - exact).abs() / ((3.0 + 2.0 * x.abs()) * ulp(exact))
    };
    let log = |y: f64, _: f64, x: f64| {
        let allowed = if (0.5..=2.0).contains(&x) { 2.0_f64.powi(-21) } else { 3.0 * ulp(x.ln()) };
        (y - x.ln()).abs() / allowed
    };
    // 1/inverseSqrt(x): 2 units for the root, 2.5 for the quotient.
    let root = |y: f64, _: f64, x: f64| (y - x.sqrt()).abs() / (4.5 * ulp(x.sqrt()));
    Ok(vec![
        Finding::error("exp: largest error in units of WGSL's bound", errors(0, &exp), 1.0),
        Finding::error("log: largest error in units of WGSL's bound", errors(1, &log), 1.0),
        Finding::error("sqrt: largest error in units of WGSL's bound", errors(2, &root), 1.0),
    ])
}

/// How far one invocation comes in a long loop. A driver that is not known to stop must not.
pub(super) fn loops(gpu: &Gpu) -> Result<Vec<Finding>> {
    const ASKED: u32 = 200_000;
    // What the loop computes needs every iteration, and its length is not known to a compiler.
    let body = "
        var x = inputs[1];
        var done = 0u;
        for (var k = 0u; k < inputs[0]; k++) {
            x = (x ^ (x >> 15u)) * 0x2c1b3c6du + k;
            done += select(1u, 2u, x == 0u && k == 0u);
        }
        outputs[2u * i] = done;
        outputs[2u * i + 1u] = x;";
    let looped = Snippet { body, count: 64, words: 2, inputs: &[ASKED, 1], ..Snippet::default() };
    let looped = looped.run(gpu, Prelude::default())?;
    let done = looped.iter().step_by(2).copied().min().unwrap_or(0);
    let step = |x: u32, k: u32| (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d).wrapping_add(k);
    let exact = (0..done).fold(1, step);
    let least = gpu.loop_cap().unwrap_or(ASKED);
    let name = format!("iterations done of a loop of {ASKED}");
    Ok(vec![
        Finding::range(&name, f64::from(done), f64::from(least), f64::from(ASKED)),
        Finding::words("what the loop computed by then", vec![looped[1]], vec![exact]),
    ])
}

/// Dispatches sized by the device in the same pass: of no group, of some, and of none again; and one
/// of more groups than a dimension holds.
pub(super) fn dispatches(gpu: &Gpu) -> Result<Vec<Finding>> {
    let text = "
        @group(0) @binding(0) var<storage, read_write> sizes: array<u32>;
        @group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
        @compute @workgroup_size(1)
        fn size() {
            let turn = atomicAdd(&counts[0], 1u);
            sizes[0] = select(0u, 7u, turn == 1u);
            sizes[1] = 1u;
            sizes[2] = 1u;
        }";
    let count = "
        @group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;
        @compute @workgroup_size(64)
        fn count(@builtin(workgroup_id) id: vec3<u32>) {
            if (index_of_workgroup(id) < 70000u) { atomicAdd(&counts[1], 1u); }
            if (index_of_workgroup(id) == 69999u) { atomicAdd(&counts[2], 1u); }
        }";
    let linked =
        |text: &str| Linked::new([crate::shaders::file("index"), Source::new("dispatch", text)]);
    let numbers = Numbers::alone(gpu, &Settings::default())?;
    let (sizes, counts) = gpu.scoped(|| {
        let sizes = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("wfr.sizes"),
            size: 12,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        });
        (sizes, storage(&gpu.device, "wfr.counts", 12))
    })?;
    let kernel = |text: &str, entry, buffers: &[&wgpu::Buffer]| {
        let own: Vec<_> = buffers.iter().map(|buffer| (Access::ReadWrite, *buffer)).collect();
        BoundKernel::new(gpu, &numbers, (&linked(text), entry), &own)
    };
    let (size, count) =
        (kernel(text, "size", &[&sizes, &counts])?, kernel(count, "count", &[&counts])?);
    gpu.submit_pass(|pass| {
        for _ in 0..3 {
            size.encode(pass, 1);
            count.encode_indirect(pass, &sizes, 0);
        }
        count.encode(pass, 70_000);
    })?;
    let counted = crate::block_on(readback::read(gpu, &counts, 0, counts.size()))?;
    // Groups of the last row beyond the 70000 return.
    let expected = vec![3, (7 + 70_000) * 64, 64];
    Ok(vec![Finding::words("groups of dispatches sized on the device", counted, expected)])
}

/// What `num_workgroups` is in a dispatch that the device sizes: zero on some.
pub(super) fn counts_of_workgroups(gpu: &Gpu) -> Result<Vec<Finding>> {
    let text = "
        @group(0) @binding(0) var<storage, read_write> counts: array<u32>;
        @compute @workgroup_size(1)
        fn count(@builtin(num_workgroups) n: vec3<u32>) {
            counts[0] = n.x;
            counts[1] = n.y;
            counts[2] = n.z;
        }";
    let linked = Linked::new([Source::new("count", text)]);
    let numbers = Numbers::alone(gpu, &Settings::default())?;
    let (sizes, counts) = gpu.scoped(|| {
        let bytes: &[u8] = bytemuck::cast_slice(&[5_u32, 3, 1]);
        let sizes = filled(&gpu.device, "wfr.sizes", wgpu::BufferUsages::INDIRECT, bytes);
        (sizes, storage(&gpu.device, "wfr.counts", 12))
    })?;
    let own = [(Access::ReadWrite, &counts)];
    let count = BoundKernel::new(gpu, &numbers, (&linked, "count"), &own)?;
    gpu.submit_pass(|pass| count.encode_indirect(pass, &sizes, 0))?;
    let told: Vec<u32> = crate::block_on(readback::read(gpu, &counts, 0, counts.size()))?;
    let name = "num_workgroups of a dispatch of 5 × 3 × 1 that the device sizes";
    Ok(vec![Finding::note(name, format!("{} × {} × {}", told[0], told[1], told[2]))])
}

/// What every adapter must allow: WebGPU's promises that the kernels are made for.
pub(super) fn limits(gpu: &Gpu) -> Result<Vec<Finding>> {
    let (has, needs) = (gpu.device.limits(), wgpu::Limits::default());
    let rows: [(&str, u64, u64); 5] = [
        (
            "storage buffers per kernel",
            has.max_storage_buffers_per_shader_stage.into(),
            needs.max_storage_buffers_per_shader_stage.into(),
        ),
        (
            "bytes per storage binding",
            has.max_storage_buffer_binding_size,
            needs.max_storage_buffer_binding_size,
        ),
        (
            "invocations per workgroup",
            has.max_compute_invocations_per_workgroup.into(),
            needs.max_compute_invocations_per_workgroup.into(),
        ),
        (
            "bytes of workgroup memory",
            has.max_compute_workgroup_storage_size.into(),
            needs.max_compute_workgroup_storage_size.into(),
        ),
        (
            "workgroups per dimension",
            has.max_compute_workgroups_per_dimension.into(),
            needs.max_compute_workgroups_per_dimension.into(),
        ),
    ];
    let finding = |(name, has, needs): (&str, u64, u64)| {
        Finding::range(name, has as f64, needs as f64, f64::INFINITY)
    };
    Ok(rows.into_iter().map(finding).collect())
}
