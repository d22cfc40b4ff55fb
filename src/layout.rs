//! The structures shared with the kernels: the twins of `shaders/types.wgsl`.

use bytemuck::{Pod, Zeroable};

/// One row of the schedule: the step from `time` to `time + dt`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub(crate) struct Instant {
    pub time: f32,
    pub dt: f32,
    pub beta: f32,
    pub beta_rate: f32,
}

/// The numbers of a run: the twin of the structure in `shaders/settings.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct Settings {
    pub groups_of_blocks: [u32; 4],
    pub groups_of_particles: [u32; 4],
    pub place: [u32; 3],
    pub islands: u32,
    pub seed: [u32; 2],
    pub particles: u32,
    pub blocks: u32,
    pub headroom: u32,
    pub sum_unit: f32,
    pub ess_threshold: f32,
    pub trace_rows: u32,
    pub steps: u32,
    pub equal_steps: f32,
    pub transport: f32,
    pub friction: f32,
    pub stiffness: f32,
    pub stage_moves: u32,
    pub stage_cess: f32,
    pub stage_floor: f32,
    pub reaction_rate: f32,
    pub reaction_share: f32,
    pub reaction_every: u32,
    /// To a multiple of sixteen bytes.
    pub padding: u32,
}

/// What the device knows of the run.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct Control {
    pub nats: [u32; 2],
    pub log2: [u32; 2],
    pub step_begin: u32,
    pub step_end: u32,
    pub resampled: u32,
    pub shift: f32,
    pub tests: u32,
    pub resamplings: u32,
    pub trace_rows: u32,
    pub failed: u32,
    pub uniform: u32,
    pub copies: u32,
    pub non_finite: u32,
    pub max_non_finite: u32,
    pub stages: u32,
    pub beta: f32,
    pub stop: u32,
    /// The first particle of the next dispatch of a kernel that goes through them in slices.
    pub first_slot: u32,
    pub dead: [u32; 2],
    pub tested: u32,
    /// To a multiple of eight bytes.
    pub padding: u32,
}

/// The weights of [`BLOCK`] consecutive particles.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct Block {
    pub total: [u32; 2],
    pub before: [u32; 2],
    pub peak: f32,
    pub squares: u32,
    pub non_finite: u32,
    pub fresh: u32,
    pub copies: u32,
    pub dead: u32,
}

/// One ESS test as the device wrote it down.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct TraceRow {
    pub nats: [u32; 2],
    pub log2: [u32; 2],
    pub step: u32,
    pub ess: f32,
    pub max_weight: f32,
    pub non_finite: u32,
    pub resampled: u32,
    pub failed: u32,
    pub beta: f32,
    pub cess: f32,
    pub dead: u32,
    /// To a multiple of eight bytes.
    pub padding: u32,
}

/// A stage of an adaptive schedule while its end is being chosen.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub(crate) struct Stage {
    pub now: Instant,
    pub low: f32,
    pub high: f32,
    pub passes: u32,
    pub settled: u32,
    pub candidates: [[f32; 4]; CESS_GROUPS as usize],
}

/// Sums for the conditional ESS of four increments.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub(crate) struct Sums {
    pub peak: [f32; 4],
    pub sum: [f32; 4],
    pub squares: [f32; 4],
}

/// What the device knows of the reaction.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct ReactionState {
    pub mean: f32,
    pub strength: f32,
    pub remaining: f32,
    pub rows: u32,
}

/// One estimate of the population's density, as the device wrote it down.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct ReactionRow {
    pub step: u32,
    pub log_normalizer: f32,
    pub relative_entropy: f32,
    pub outside: u32,
}

/// One block's share of the means that `entropy` takes.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct EntropyBlock {
    pub peak: f32,
    pub weight: f32,
    pub inside: f32,
    pub mean: f32,
    pub ratio_peak: f32,
    pub ratio: f32,
    pub outside: u32,
}

/// Workgroup counts for the indirect dispatches.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
pub(crate) struct Dispatches {
    pub blocks: [u32; 4],
    pub particles: [u32; 4],
    pub losses: [u32; 4],
}

/// Lanes per workgroup of the weight kernels: fixed, because their sums follow the lanes.
pub(crate) const LANES: u32 = 128;
/// Consecutive particles per lane of the weight kernels: many, because barriers cost more than
/// registers. Their weights' sum must fit 32 bits.
pub(crate) const ITEMS: u32 = 16;
/// Particles per block.
pub(crate) const BLOCK: u32 = LANES * ITEMS;
/// The words of a tile of ancestors: an odd number for each lane.
pub(crate) const TILE: u32 = 25 * LANES;
/// Fractional bits of an integer weight relative to its block's peak.
pub(crate) const WEIGHT_BITS: u32 = 27;
/// Sums of squared weights are in units of 2 to the minus this.
pub(crate) const SQUARE_BITS: u32 = 20;
/// Lanes per workgroup of the kernel `adapt`: fixed, because its sums follow the lanes; a power of
/// four.
pub(crate) const CESS_LANES: u32 = 64;
/// The candidates of a stage's end, in fours.
pub(crate) const CESS_GROUPS: u32 = 4;
/// The most steps that one `step` dispatch fuses.
pub(crate) const MAX_SEGMENT: u32 = 64;
/// Dynamic offsets of uniforms are multiples of 256 bytes: rows of the schedule come 16 at a time.
pub(crate) const SCHEDULE_ALIGN: u32 = 256 / size_of::<Instant>() as u32;
/// Rows of the schedule that one `step` dispatch may look at.
pub(crate) const SCHEDULE_WINDOW: u32 = SCHEDULE_ALIGN + MAX_SEGMENT;
/// The largest population the 64-bit arithmetic carries.
pub(crate) const MAX_PARTICLES: u32 = 1 << 27;

/// Kept or refused moves are counted of at most the first so many particles …
pub(crate) const MOVES_PARTICLES: u32 = 1 << 20;
/// … in so many integers, which the longest schedule cannot make overflow.
pub(crate) const MOVES_COUNTERS: u32 = 1 << 10;
const _: () = assert!(
    (MOVES_PARTICLES / MOVES_COUNTERS) as u64 * crate::Schedule::MAX_STEPS as u64
        <= u32::MAX as u64
);

/// Below it, relative to the largest, a log-weight is -inf: neighbouring floats are an eighth apart.
pub(crate) const LEAST_LOG_WEIGHT: f32 = -1_048_576.0;

/// Words before the position of the first lost particle: `shaders/losses.wgsl`.
pub(crate) const LOSSES_HEADER: u32 = 8;
/// Words of a row of the table of losses.
pub(crate) const LOSSES_COLUMNS: u32 = 4;
/// Losses are counted at least every so many steps: their log-weights know the step modulo twice as
/// many.
pub(crate) const LOSSES_EVERY: u32 = 1 << 19;

/// Extra fractional bits of the population's total over a block's: the total stays below 2^62.
pub(crate) fn headroom(particles: u32) -> u32 {
    (35 - particles.next_power_of_two().trailing_zeros()).min(24)
}

/// A signed 32.32 fixed-point number as a float.
pub(crate) fn fixed_to_f64(words: [u32; 2]) -> f64 {
    let value = (u64::from(words[1]) << 32 | u64::from(words[0])) as i64;
    value as f64 / 4_294_967_296.0
}

/// The log-normaliser in nats from its two device sums.
pub(crate) fn log_normalizer(nats: [u32; 2], log2: [u32; 2]) -> f64 {
    fixed_to_f64(nats) + std::f64::consts::LN_2 * fixed_to_f64(log2)
}

/// `WORKGROUPS_PER_ROW` of `shaders/index.wgsl`.
pub(crate) const WORKGROUPS_PER_ROW: u32 = 2048;

/// Folds a number of workgroups into two dimensions of at most 65535: one row where it is long enough,
/// else rows of [`WORKGROUPS_PER_ROW`], the last of which may hold some too many.
pub(crate) fn fold(groups: u32) -> [u32; 3] {
    const MOST: u32 = 65535;
    if groups <= MOST {
        return [groups, 1, 1];
    }
    [WORKGROUPS_PER_ROW, groups.div_ceil(WORKGROUPS_PER_ROW), 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every index below the number of groups comes once, at the place where `index_of_workgroup` looks.
    #[test]
    fn fold_covers_every_group_within_the_limit() {
        for groups in [0, 1, 2, 2048, 2049, 65535, 65536, 65537, 262_144, 1 << 26, 65535 * 2048] {
            let [x, y, z] = fold(groups);
            assert!(x <= 65535 && y <= 65535 && z == 1);
            let has_one_row = y == 1;
            assert!(has_one_row || x == WORKGROUPS_PER_ROW, "{groups}: indices leave gaps");
            let covered = u64::from(x) * u64::from(y);
            assert!(covered >= u64::from(groups));
            assert!(covered < u64::from(groups) + u64::from(if has_one_row { 1 } else { x }));
        }
    }

    #[test]
    fn rows_of_workgroups_are_as_long_as_index_wgsl_says() {
        let text = crate::shaders::file("index").text;
        assert!(text.contains(&format!("const WORKGROUPS_PER_ROW = {WORKGROUPS_PER_ROW}u;")));
    }

    #[test]
    fn fixed_point_is_signed() {
        assert_eq!(fixed_to_f64([0x8000_0000, 1]), 1.5);
        assert_eq!(fixed_to_f64([0x8000_0000, 0xffff_ffff]), -0.5);
    }

    #[test]
    fn structures_match_types_wgsl() {
        use std::mem::{offset_of, size_of};
        let files = crate::shaders::files(&["settings", "settings/bound"]);
        let text = files.iter().map(|file| file.text.as_str()).chain([crate::shaders::TYPES]);
        let text = text.collect::<String>();
        let module = wgpu::naga::front::wgsl::parse_str(&text).unwrap();
        let wgsl = |name: &str| -> (Vec<(String, u32)>, u32) {
            module
                .types
                .iter()
                .find_map(|(_, ty)| match &ty.inner {
                    wgpu::naga::TypeInner::Struct { members, span }
                        if ty.name.as_deref() == Some(name) =>
                    {
                        let fields =
                            members.iter().map(|m| (m.name.clone().unwrap(), m.offset)).collect();
                        Some((fields, *span))
                    }
                    _ => None,
                })
                .unwrap_or_else(|| panic!("types.wgsl has no struct {name}"))
        };
        macro_rules! same {
            ($ty:ident: $($field:ident),+) => {{
                let rust = vec![$((stringify!($field).to_string(), offset_of!($ty, $field) as u32)),+];
                assert_eq!(wgsl(stringify!($ty)), (rust, size_of::<$ty>() as u32));
            }};
        }
        same!(Settings: groups_of_blocks, groups_of_particles, place, islands, seed, particles, blocks,
            headroom, sum_unit, ess_threshold, trace_rows, steps, equal_steps, transport, friction,
            stiffness, stage_moves, stage_cess, stage_floor, reaction_rate, reaction_share,
            reaction_every, padding);
        same!(Instant: time, dt, beta, beta_rate);
        same!(Control: nats, log2, step_begin, step_end, resampled, shift, tests, resamplings,
            trace_rows, failed, uniform, copies, non_finite, max_non_finite, stages, beta, stop,
            first_slot, dead, tested, padding);
        same!(Block: total, before, peak, squares, non_finite, fresh, copies, dead);
        same!(TraceRow: nats, log2, step, ess, max_weight, non_finite, resampled, failed, beta,
            cess, dead, padding);
        same!(Stage: now, low, high, passes, settled, candidates);
        same!(Sums: peak, sum, squares);
        same!(Dispatches: blocks, particles, losses);
        same!(ReactionState: mean, strength, remaining, rows);
        same!(ReactionRow: step, log_normalizer, relative_entropy, outside);
        same!(EntropyBlock: peak, weight, inside, mean, ratio_peak, ratio, outside);
    }
}
