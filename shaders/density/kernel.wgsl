// Component i of the mixture of a kernel density estimate: a Gaussian about particle i itself.
// Source: Rosenblatt 1956; Parzen 1962; for this flow Lu, Lu & Nolen 2019.

fn component_bandwidth(j: u32) -> f32 {
    return density_bandwidth(j);
}

fn component_move(slot: u32, x: ptr<function, Point>) {}

// The exponent of component i at particle i.
fn component_self(slot: u32) -> f32 {
    return 0.0;
}
