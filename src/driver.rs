//! What drivers do that no specification says, by the driver's name: known here and nowhere else.

/// Mesa's driver for the processor, also called lavapipe.
const LLVMPIPE: &str = "llvmpipe";

/// Loop iterations, all loops together, after which Mesa's llvmpipe silently stops an invocation.
pub(crate) const SOFTWARE_LOOP_CAP: u32 = 65_535;

/// After how many loop iterations an adapter's driver stops an invocation, if it does. SwiftShader does
/// not; of others the self-test tells.
pub(crate) fn loop_cap(info: &wgpu::AdapterInfo) -> Option<u32> {
    info.name.starts_with(LLVMPIPE).then_some(SOFTWARE_LOOP_CAP)
}
