// The high half of a 32-bit product, by halves of 16 bits: WGSL has no instruction for it.

fn wide_high(a: u32, b: u32) -> u32 {
    let al = a & 0xffffu;
    let ah = a >> 16u;
    let bl = b & 0xffffu;
    let bh = b >> 16u;
    let cross = ah * bl + ((al * bl) >> 16u);
    let middle = al * bh + (cross & 0xffffu);
    return ah * bh + (cross >> 16u) + (middle >> 16u);
}
