// The word that float.wgsl hides its constants with, of kernels that read `control`: no run has
// 2^31 steps.

fn float_hidden_zero() -> u32 {
    return control.step_end >> 31u;
}
