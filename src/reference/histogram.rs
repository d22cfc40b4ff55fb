//! Twin of `shaders/histogram.wgsl`: the weight in each bin and outside.

/// One axis: where its bins begin, how many there are to a unit of the coordinate, and in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// The lowest value inside.
    pub low: f32,
    /// Bins per unit.
    pub per_unit: f32,
    /// The number of bins.
    pub bins: u32,
}

/// Integer weights in bins.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// What lies outside on some axis.
    pub outside: u64,
    /// What lies below and above on each axis.
    pub sides: Vec<[u64; 2]>,
    /// Row by row from the lowest second coordinate.
    pub bins: Vec<u64>,
}

/// Of particles with these coordinates, a row for each axis, and these integer weights.
pub fn histogram(rows: &[&[f32]], weights: &[u32], axes: &[Axis]) -> Histogram {
    let count = axes.iter().map(|axis| axis.bins as usize).product();
    let mut histogram =
        Histogram { outside: 0, sides: vec![[0; 2]; axes.len()], bins: vec![0; count] };
    for (i, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
        let weight = u64::from(*weight);
        let (mut inside, mut at, mut stride) = (true, 0, 1);
        for ((row, axis), sides) in rows.iter().zip(axes).zip(&mut histogram.sides) {
            let place = (row[i] - axis.low) * axis.per_unit;
            if place < 0.0 {
                sides[0] += weight;
                inside = false;
            } else if place >= axis.bins as f32 {
                sides[1] += weight;
                inside = false;
            } else {
                at += stride * place as usize;
                stride *= axis.bins as usize;
            }
        }
        if inside {
            histogram.bins[at] += weight;
        } else {
            histogram.outside += weight;
        }
    }
    histogram
}
