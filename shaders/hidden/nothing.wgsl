// In place of the word that float.wgsl hides its constants with, of kernels that test numbers as
// they load them, and on the host.

fn float_hidden_zero() -> u32 {
    return 0u;
}
