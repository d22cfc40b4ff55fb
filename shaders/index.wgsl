// The index of a workgroup in a folded dispatch. One dimension holds at most 65535 workgroups, so
// that more of them come in rows of WORKGROUPS_PER_ROW; the last row may hold some too many, which
// return. The length of a row is a constant, because num_workgroups is 0 in the indirect dispatches
// of some drivers.

const WORKGROUPS_PER_ROW = 2048u;

fn index_of_workgroup(id: vec3<u32>) -> u32 {
    return id.y * WORKGROUPS_PER_ROW + id.x;
}
