// Settings of kernels that sum over particles: whether lanes meet at a barrier may depend on them.

@group(3) @binding(0) var<uniform> settings: Settings;
