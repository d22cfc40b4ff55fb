// The place of a particle on the axis of offspring: the 32.32 fixed-point sum of the expected
// offspring of all particles up to and including it. The axis ends at N exactly.

fn offspring_place(block: Block, prefix: vec2<u32>) -> vec2<u32> {
    if (all(prefix == block.total)) {
        return block.end;
    }
    return wide_add(block.base, wide_mul_shift(prefix, block.factor, block.shift));
}
