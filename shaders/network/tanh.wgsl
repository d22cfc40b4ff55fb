// tanh: its value and its slope.

fn network_activation(x: f32) -> vec2<f32> {
    let value = network_tanh(x);
    return vec2<f32>(value, 1.0 - value * value);
}
