//! A target reads its own data and writes its own variables, whatever its indices are: memory beside
//! them stays as it was, and nothing of it is seen.

use crate::Target;
use crate::buffers::storage;
use crate::kernel::{Access, Group, Kernel};
use crate::layout::Settings;
use crate::numbers::Numbers;
use crate::shaders::Prelude;
use crate::testing::{self, read, write};
use crate::wgsl::{Linked, Source};

/// What lies beside the target's memory.
const PATTERN: u32 = 0x4b1d_c0de;
const LANES: u32 = 64;
/// Words before and after the data in their buffer.
const MARGIN: usize = 64;
const DATA: [f32; 4] = [1.0, 2.0, 3.0, 4.0];

/// Every way to an index that is out of bounds, by a number 0 to 11 that the compiler does not know.
const TEXT: &str = "
    @group(1) @binding(0) var<storage, read> y: array<f32>;
    struct Pair { low: array<f32, 4>, high: array<f32, 4> }
    var<private> kept: array<f32, 4>;
    fn index(x: f32) -> i32 {
        let zero = x - x;
        switch i32(x) {
            case 0: { return -1; }
            case 1: { return -1000; }
            case 2: { return bitcast<i32>(0x80000000u + u32(zero)); }
            case 3: { return 4 + i32(zero); }
            case 4: { return 100000 + i32(zero); }
            case 5: { return 2147483647 - i32(zero); }
            case 6: { return i32(log(zero - 1.0)); }
            case 7: { return i32(zero / zero); }
            case 8: { return i32(1.0 / zero); }
            case 9: { return bitcast<i32>(log(zero - 1.0)); }
            case 10: { return -64 + i32(zero); }
            default: { return 1 << 30u; }
        }
    }
    fn log_density(x: Point) -> f32 {
        let i = index(x[0]);
        var own: array<f32, 4>;
        var pair: Pair;
        own[i] = 7.0;
        pair.low[i] = 7.0;
        kept[i] = 7.0;
        let p = &own[u32(i)];
        *p = 7.0;
        return y[i] + 8.0 * (own[i] + pair.high[u32(i)] + kept[i]) + y[u32(i)] + y[arrayLength(&y)];
    }
    fn score(x: Point) -> Point { return x; }";

#[test]
fn no_index_leads_out_of_a_targets_memory() {
    let Some(gpu) = testing::gpu() else { return };
    let target = Target::from_wgsl(1, "hostile.wgsl", TEXT).unwrap();
    // The engine's way for a user's text, and after it what stands for the engine's kernel.
    let kernel = format!(
        "@group(0) @binding(0) var<storage, read_write> neighbour: array<u32>;
         @group(0) @binding(1) var<storage, read_write> out: array<f32>;
         var<private> guard: array<u32, 16>;
         @compute @workgroup_size({LANES})
         fn test(@builtin(local_invocation_index) lane: u32) {{
             for (var k = 0u; k < 16u; k++) {{ guard[k] = {PATTERN}u; }}
             out[lane] = log_density(Point(f32(lane % 12u)));
             var intact = 0u;
             for (var k = 0u; k < 16u; k++) {{ intact += u32(guard[k] == {PATTERN}u); }}
             neighbour[lane] = select(0u, neighbour[lane], intact == 16u);
         }}"
    );
    let prelude = Prelude::default().dimension(1).source();
    let linked = Linked::new([prelude, target.source(), Source::new("test", kernel)]);
    linked.check().unwrap_or_else(|error| panic!("{error}"));
    let groups = vec![vec![Access::ReadWrite; 2], vec![Access::Read]];
    let numbers = Numbers::alone(&gpu, &Settings::default()).unwrap();
    let kernel = Kernel::new(&gpu, &numbers, &linked, "test", groups, &[]).unwrap();

    // The data lie amid the pattern, which is a number that no sum of theirs is.
    let mut words = vec![PATTERN; 2 * MARGIN + DATA.len()];
    for (word, value) in words[MARGIN..].iter_mut().zip(DATA) {
        *word = value.to_bits();
    }
    let around = storage(&gpu.device, "data amid others", 4 * words.len() as u64);
    write(&gpu, &around, &words);
    let neighbour = storage(&gpu.device, "neighbour", 4 * u64::from(LANES));
    write(&gpu, &neighbour, &[PATTERN; LANES as usize]);
    let out = storage(&gpu.device, "out", 4 * u64::from(LANES));
    let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &kernel.compiled.layouts[1],
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &around,
                offset: 4 * MARGIN as u64,
                size: std::num::NonZeroU64::new(4 * DATA.len() as u64),
            }),
        }],
    });
    let data = Group { bind_group, buffers: Vec::new() };
    let own = [(Access::ReadWrite, &neighbour), (Access::ReadWrite, &out)];
    let kernel = kernel.bind(&gpu, &own, &[data]).unwrap();
    testing::pass(&gpu, |pass| kernel.encode(pass, 1));

    let read_back: Vec<u32> = read(&gpu, &around);
    assert_eq!(read_back, words, "the data and what lies beside them");
    assert_eq!(read::<u32>(&gpu, &neighbour), [PATTERN; LANES as usize]);
    for (lane, value) in read::<f32>(&gpu, &out).into_iter().enumerate() {
        // Three reads of the data, each one of its numbers or 0, and 8 times what was written.
        let inside = (0.0..=12.0 + 8.0 * 21.0).contains(&value) && value.fract() == 0.0;
        assert!(inside, "index {} read {value}", lane % 12);
    }
}
