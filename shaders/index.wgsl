// Dispatches are two-dimensional, because one dimension holds at most 65535 workgroups.

fn index_of_workgroup(id: vec3<u32>, count: vec3<u32>) -> u32 {
    return id.y * count.x + id.x;
}
