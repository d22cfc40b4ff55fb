// Settings of kernels with texts of the problem: copied once, because loads in the loop over steps
// cost more than registers, and drivers unroll only loops with short bodies.

@group(3) @binding(0) var<uniform> settings_given: Settings;

var<private> settings: Settings;

fn settings_load() {
    settings = settings_given;
}
