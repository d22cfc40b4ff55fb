// SiLU, x / (1 + exp(-x)): its value and its slope.
// Source: Elfwing, Uchibe & Doya, Neural Networks 107, 2018.

fn network_activation(x: f32) -> vec2<f32> {
    // Below it exp(-x) would leave the range of f32; the value there is 0 to single precision.
    let gate = 1.0 / (1.0 + exp(-max(x, -80.0)));
    return vec2<f32>(x * gate, gate * (1.0 + x * (1.0 - gate)));
}
