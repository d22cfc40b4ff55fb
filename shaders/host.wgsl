// On the host, in place of settings.wgsl: the word that float.wgsl hides its constants with on a
// device.

fn float_hidden_zero() -> u32 {
    return 0u;
}
