// Expand: the ancestors of systematic and stratified resampling from the marks that `scan` left
// where each particle's offspring begin: a running maximum over a block, in place. A word without
// the mark is an ancestor of an earlier resampling and counts for nothing.
// Reads and writes ancestors.

@group(0) @binding(0) var<storage, read_write> ancestors: array<u32>;

const EXPAND_GROUP = 16u;
const EXPAND_GROUPS = LANES / EXPAND_GROUP;

var<workgroup> sh_last: array<u32, LANES>;
var<workgroup> sh_last_group: array<u32, EXPAND_GROUPS>;

// The last mark of all lanes before this one, or 0: an exclusive prefix maximum like prefix.wgsl's
// sum.
fn expand_before(lane: u32, last: u32) -> u32 {
    sh_last[lane] = last;
    workgroupBarrier();
    if (lane < EXPAND_GROUPS) {
        var best = 0u;
        for (var k = lane * EXPAND_GROUP; k < (lane + 1u) * EXPAND_GROUP; k++) {
            let term = sh_last[k];
            sh_last[k] = best;
            best = max(best, term);
        }
        sh_last_group[lane] = best;
    }
    workgroupBarrier();
    if (lane == 0u) {
        var best = 0u;
        for (var k = 0u; k < EXPAND_GROUPS; k++) {
            let term = sh_last_group[k];
            sh_last_group[k] = best;
            best = max(best, term);
        }
    }
    workgroupBarrier();
    return max(sh_last_group[lane / EXPAND_GROUP], sh_last[lane]);
}

@compute @workgroup_size(LANES)
fn expand(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let particles = settings.particles;
    let first = index_of_workgroup(id) * BLOCK + lane * ITEMS;
    var marks: array<u32, ITEMS>;
    var last = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < particles) {
            let word = ancestors[first + k];
            last = select(last, word, word >= MARK);
        }
        marks[k] = last;
    }
    let before = expand_before(lane, last);
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < particles) {
            ancestors[first + k] = max(marks[k], before) & ~MARK;
        }
    }
}
