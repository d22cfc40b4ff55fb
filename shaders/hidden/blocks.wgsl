// The word that float.wgsl hides its constants with, of kernels that read `blocks`: there are fewer
// than 2^31.

fn float_hidden_zero() -> u32 {
    return arrayLength(&blocks) >> 31u;
}
