// The largest value of all lanes before this one, or 0: an exclusive prefix maximum like
// prefix.wgsl's sum. Where values are marks in order, it is the last of them.

const LAST_GROUP = 16u;
const LAST_GROUPS = LANES / LAST_GROUP;

var<workgroup> sh_last: array<u32, LANES>;
var<workgroup> sh_last_group: array<u32, LAST_GROUPS>;

// Must be called by all lanes.
fn last_before(lane: u32, value: u32) -> u32 {
    sh_last[lane] = value;
    workgroupBarrier();
    if (lane < LAST_GROUPS) {
        var best = 0u;
        for (var k = lane * LAST_GROUP; k < (lane + 1u) * LAST_GROUP; k++) {
            let term = sh_last[k];
            sh_last[k] = best;
            best = max(best, term);
        }
        sh_last_group[lane] = best;
    }
    workgroupBarrier();
    if (lane == 0u) {
        var best = 0u;
        for (var k = 0u; k < LAST_GROUPS; k++) {
            let term = sh_last_group[k];
            sh_last_group[k] = best;
            best = max(best, term);
        }
    }
    workgroupBarrier();
    return max(sh_last_group[lane / LAST_GROUP], sh_last[lane]);
}
