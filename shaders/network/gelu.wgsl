// GELU in its tanh form, x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2: its value and its slope.
// Source: Hendrycks & Gimpel, arXiv:1606.08415, section 2.

fn network_activation(x: f32) -> vec2<f32> {
    let square = x * x;
    let turned = network_tanh(0.7978845608 * x * (1.0 + 0.044715 * square));
    let inner = 0.7978845608 * (1.0 + 0.134145 * square);
    let half = 0.5 * (1.0 + turned);
    return vec2<f32>(x * half, half + 0.5 * x * (1.0 - turned * turned) * inner);
}
