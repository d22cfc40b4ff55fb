// Exclusive prefix sum of one 64-bit integer per lane of a workgroup: some lanes scan sixteen
// values each, one lane scans their sums. Few barriers, no subgroup needed.

const PREFIX_GROUP = 16u;
const PREFIX_GROUPS = LANES / PREFIX_GROUP;

var<workgroup> sh_prefix: array<vec2<u32>, LANES>;
var<workgroup> sh_prefix_group: array<vec2<u32>, PREFIX_GROUPS + 1u>;

// Must be called by all lanes. The sum of all lanes is prefix_total() afterwards.
fn prefix_exclusive(lane: u32, value: vec2<u32>) -> vec2<u32> {
    sh_prefix[lane] = value;
    workgroupBarrier();
    if (lane < PREFIX_GROUPS) {
        var sum = vec2<u32>(0u);
        for (var k = lane * PREFIX_GROUP; k < (lane + 1u) * PREFIX_GROUP; k++) {
            let term = sh_prefix[k];
            sh_prefix[k] = sum;
            sum = wide_add(sum, term);
        }
        sh_prefix_group[lane] = sum;
    }
    workgroupBarrier();
    if (lane == 0u) {
        var sum = vec2<u32>(0u);
        for (var k = 0u; k < PREFIX_GROUPS; k++) {
            let term = sh_prefix_group[k];
            sh_prefix_group[k] = sum;
            sum = wide_add(sum, term);
        }
        sh_prefix_group[PREFIX_GROUPS] = sum;
    }
    workgroupBarrier();
    return wide_add(sh_prefix_group[lane / PREFIX_GROUP], sh_prefix[lane]);
}

fn prefix_total() -> vec2<u32> {
    return sh_prefix_group[PREFIX_GROUPS];
}
