// The reaction realised by birth and death: with probability 1 - exp(-strength |excess|) a particle
// in excess of its mean is doubled, and one that falls short is killed. The weights 2 and 0 stand
// for the copies; the resampling that follows makes them and keeps the number N.
// Source: Lu, Lu & Nolen 2019, "Accelerating Langevin sampling with birth-death".

const JUMP_DOUBLE = 0.69314718056;

fn react_gain(slot: u32, strength: f32, excess: f32) -> f32 {
    let word = threefry(slot, control.step_end, 0u, STREAM_JUMP).x;
    let chance = (f32(word >> 8u) + 0.5) * 5.9604644775390625e-8;
    let push = strength * excess;
    if (chance >= 1.0 - exp(-abs(push))) {
        return 0.0;
    }
    return select(float_minus_infinity(), JUMP_DOUBLE, push > 0.0);
}
