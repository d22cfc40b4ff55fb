//! The score that is derived of each built-in target, against the one that its text has: on the host
//! in double precision, and on the device.

use std::fmt::Write as _;

use super::run_functions;
use crate::adaptor::{Adaptor, Score};
use crate::shaders::Prelude;
use crate::target::{Component, Target, catalogue};
use crate::testing::{self, normals};

#[path = "../../../tests/common/without.rs"]
mod without;
use without::without;

/// The same target from its text without the score.
fn underived(target: &Target) -> Target {
    let text = without(target.wgsl(), &["log_density_and_score", "score"]);
    let mut bare = Target::from_wgsl(target.dim(), "bare.wgsl", text).unwrap();
    for (name, value) in target.constants() {
        bare = bare.set(name, *value).unwrap();
    }
    for data in target.storage() {
        bare = bare.with_storage(data.clone()).unwrap();
    }
    assert!(matches!(Adaptor::of(&bare).unwrap().score, Score::Derived { .. }));
    assert_eq!(Adaptor::of(target).unwrap().score, Score::Written);
    bare
}

/// Every target in small, middle and large dimensions, some with other parameters, and mixtures of
/// many components and of scales per axis.
fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    for dim in [1, 2, 3, 4, 5, 8, 20] {
        let all = catalogue().iter();
        targets.extend(all.filter_map(|entry| Target::named(entry.name, Some(dim)).ok()));
    }
    let well = Target::double_well(3).unwrap();
    targets
        .push(well.set("a", 4.0).unwrap().set("c", -0.5).unwrap().set("stiffness", 2.5).unwrap());
    targets.push(Target::many_well(6).unwrap().set("tilt", -1.5).unwrap());
    targets.push(Target::banana(3).unwrap().set("bend", 0.1).unwrap());
    targets.push(Target::ring(3).unwrap().set("radius", 0.5).unwrap());
    for (dim, count) in [(2, 40), (7, 5)] {
        let numbers = normals(dim as u32, count * dim);
        let component = |k: usize| Component {
            weight: 1.0 + k as f64,
            mean: numbers[k * dim..(k + 1) * dim]
                .iter()
                .map(|z| f64::from(2.0 * *z as f32))
                .collect(),
            scale: (0..dim).map(|j| 0.5 + 0.25 * ((j + k) % 3) as f64).collect(),
        };
        let components: Vec<_> = (0..count).map(component).collect();
        targets.push(Target::gaussian_mixture(&components).unwrap());
    }
    assert!(targets.len() > 45, "{}", targets.len());
    targets
}

/// Points from a wide normal law, as the device has them.
fn points(dim: usize, count: usize) -> Vec<Vec<f64>> {
    let numbers = normals(11, dim * count);
    let single = |z: &f64| f64::from((1.5 * z) as f32);
    numbers.chunks(dim).map(|row| row.iter().map(single).collect()).collect()
}

#[test]
fn derived_scores_are_the_written_ones() {
    for target in targets() {
        let bare = underived(&target);
        let (written, derived) = (target.evaluator().unwrap(), bare.evaluator().unwrap());
        for x in points(target.dim() as usize, 20) {
            let (a, b) = (written.evaluate(&x, &[]).unwrap(), derived.evaluate(&x, &[]).unwrap());
            let (name, dim) = (target.name(), target.dim());
            assert!((a.value - b.value).abs() <= 1e-12 * (1.0 + a.value.abs()), "{name}, {dim}");
            let scale = a.outputs[0].iter().fold(1.0, |most: f64, g| most.max(g.abs()));
            for (a, b) in a.outputs[0].iter().zip(&b.outputs[0]) {
                assert!((a - b).abs() <= 1e-10 * scale, "{name}, {dim}, at {x:?}: {b} is not {a}");
            }
        }
    }
}

/// At the centre of a ring, where the derivative has a kink, both scores are 0.
#[test]
fn the_centre_of_a_ring_pulls_nowhere() {
    let ring = Target::ring(2).unwrap();
    for target in [underived(&ring), ring] {
        let found = target.evaluator().unwrap().evaluate(&[0.0, 0.0], &[]).unwrap();
        assert_eq!(found.outputs[0], [0.0, 0.0]);
    }
}

/// One pipeline per target: the written and the derived score beside each other, and the written one
/// in double precision.
///
/// Both may be off by the rounding of a few dozen operations, relative to the value and the slopes,
/// and by what the same change of the position does to them.
#[test]
fn derived_scores_on_the_device() {
    let Some(gpu) = testing::gpu() else { return };
    const COUNT: u32 = 256;
    let components = [(1.0, -1.5), (2.0, 0.25), (3.0, 1.0)].map(|(weight, at)| Component {
        weight,
        mean: vec![at, -at, 0.5 * at],
        scale: vec![0.5, 1.0, 0.75],
    });
    let mut targets: Vec<_> =
        catalogue().iter().filter_map(|e| Target::named(e.name, None).ok()).collect();
    targets.push(Target::gaussian_mixture(&components).unwrap());
    targets.push(Target::many_well(16).unwrap());
    for target in targets {
        let dim = target.dim() as usize;
        let derived = Adaptor::of(&underived(&target)).unwrap().source.text;
        let derived = derived.replace("target_", "derived_");
        let mut written = target.wgsl().to_string();
        // The helper binds no buffers of the target's: its data as a constant of the text.
        if let Some(data) = target.storage().first() {
            let declaration = "@group(1) @binding(0) var<storage, read> mixture: array<f32>;";
            assert!(written.contains(declaration));
            let numbers: Vec<_> = data.iter().map(|x| format!("{x:?}")).collect();
            let constant = format!(
                "var<private> mixture: array<f32, {}> = array({});",
                data.len(),
                numbers.join(", ")
            );
            written = written.replace(declaration, &constant);
        }
        let adaptor = Adaptor::of(&target).unwrap().source.text;
        let functions = format!("{written}\n{adaptor}\n{derived}");
        let mut body = format!(
            "var x: Point; var a: Point; var b: Point;
             for (var j = 0u; j < DIM; j++) {{ x[j] = bitcast<f32>(inputs[i * DIM + j]); }}
             outputs[i * {0}u] = bitcast<u32>(target_log_density_and_score(&x, &a));
             outputs[i * {0}u + 1u] = bitcast<u32>(derived_log_density_and_score(&x, &b));\n",
            2 * dim + 2
        );
        let _ = writeln!(
            body,
            "for (var j = 0u; j < DIM; j++) {{
                 outputs[i * {0}u + 2u + j] = bitcast<u32>(a[j]);
                 outputs[i * {0}u + 2u + DIM + j] = bitcast<u32>(b[j]);
             }}",
            2 * dim + 2
        );
        let points = points(dim, COUNT as usize);
        let inputs: Vec<u32> = points.iter().flatten().map(|x| (*x as f32).to_bits()).collect();
        let prelude = Prelude::default().dimension(target.dim());
        let words = 2 * dim as u32 + 2;
        let found = run_functions(&gpu, prelude, &[], &functions, &body, COUNT, words, &inputs);
        let evaluator = target.evaluator().unwrap();
        let mut worst = [0.0_f64; 2];
        for (x, row) in points.iter().zip(found.chunks(words as usize)) {
            let row: Vec<f64> = row.iter().map(|w| f64::from(f32::from_bits(*w))).collect();
            let numbers = |by: f64| {
                let moved: Vec<f64> = x.iter().map(|x| x * by).collect();
                let found = evaluator.evaluate(&moved, &[]).unwrap();
                [vec![found.value], found.outputs[0].clone()].concat()
            };
            let expected = numbers(1.0);
            let moved = [numbers(1.0 + 1e-6), numbers(1.0 - 1e-6)];
            let scale = expected.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
            for (j, expected) in expected.iter().enumerate() {
                let change = moved.iter().map(|m| (m[j] - expected).abs()).fold(0.0, f64::max);
                let places = if j == 0 { [0, 1] } else { [1 + j, 1 + dim + j] };
                for (worst, place) in worst.iter_mut().zip(places) {
                    *worst = worst.max(((row[place] - expected).abs() - change) / scale);
                }
            }
        }
        println!("{} in {dim}: written {:.1e}, derived {:.1e}", target.name(), worst[0], worst[1]);
        assert!(worst[1] <= 5e-6, "{}: {worst:?}", target.name());
    }
}
