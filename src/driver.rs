//! What drivers do that no specification says, by the driver's name: known here and nowhere else.

/// Loop iterations after which Mesa's llvmpipe silently stops an invocation: those of all its loops
/// together.
pub(crate) const SOFTWARE_LOOP_CAP: u32 = 65_535;

/// Whether long loops are cut short: llvmpipe's are, SwiftShader's are not, and of other drivers that
/// compute on the processor nothing is known, so that theirs are taken for cut.
pub(crate) fn stops_loops(adapter: &wgpu::AdapterInfo) -> bool {
    adapter.device_type == wgpu::DeviceType::Cpu && !adapter.name.contains("SwiftShader")
}
