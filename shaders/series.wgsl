// Quotients that are smooth at 0 and that exp and log would lose there, by their series: WGSL's
// own log is promised to an absolute error only near 1. Angles and tangents by polynomials: drivers
// need give sine and cosine to 2^-11 only, and some give no more than 5e-5.

// (exp(y) - 1) / y for |y| <= 1, to 1e-7.
fn series_expm1_ratio(y: f32) -> f32 {
    var sum = 1.0 + y / 10.0;
    sum = 1.0 + sum * y / 9.0;
    sum = 1.0 + sum * y / 8.0;
    sum = 1.0 + sum * y / 7.0;
    sum = 1.0 + sum * y / 6.0;
    sum = 1.0 + sum * y / 5.0;
    sum = 1.0 + sum * y / 4.0;
    sum = 1.0 + sum * y / 3.0;
    return 1.0 + sum * y / 2.0;
}

// log(1 + z) / z for -0.64 < z < 1.72, to 2e-7: 2 artanh(s) / z with s = z / (2 + z).
fn series_log1p_ratio(z: f32) -> f32 {
    let s = z / (2.0 + z);
    let t = s * s;
    var sum = 1.0 / 17.0 + t / 19.0;
    sum = 1.0 / 15.0 + sum * t;
    sum = 1.0 / 13.0 + sum * t;
    sum = 1.0 / 11.0 + sum * t;
    sum = 1.0 / 9.0 + sum * t;
    sum = 1.0 / 7.0 + sum * t;
    sum = 1.0 / 5.0 + sum * t;
    sum = 1.0 / 3.0 + sum * t;
    return 2.0 * (1.0 + sum * t) / (2.0 + z);
}

// tan(x) for |x| <= pi / 4, to 1e-7 of it: the polynomial whose largest relative error is least.
fn series_tan(x: f32) -> f32 {
    let t = x * x;
    var sum = 0.0031195095 + 0.0093856435 * t;
    sum = 0.0244303942 + sum * t;
    sum = 0.0534112081 + sum * t;
    sum = 0.1333879977 + sum * t;
    sum = 0.3333315551 + sum * t;
    return x * (1.0 + sum * t);
}

// The angle of (x, y) from the x axis for x, y >= 0 that are not both 0, to 3e-8.
// Abramowitz & Stegun 4.4.49.
fn series_angle(y: f32, x: f32) -> f32 {
    let z = min(x, y) / max(x, y);
    let t = z * z;
    var sum = -0.0161657367 + 0.0028662257 * t;
    sum = 0.0429096138 + sum * t;
    sum = -0.0752896400 + sum * t;
    sum = 0.1065626393 + sum * t;
    sum = -0.1420889944 + sum * t;
    sum = 0.1999355085 + sum * t;
    sum = -0.3333314528 + sum * t;
    let angle = z * (1.0 + sum * t);
    return select(angle, 1.5707963268 - angle, y > x);
}
