//! What can be seen of a population: parts of it, histograms, ancestors.

use std::collections::HashSet;

use wfr::{Axis, Flow, Histogram, Histograms, Initial, Particles, Problem, Sampler, Target};

use super::{bits, config, double_well, new, whole};
use crate::common::{self, advance, particles};

fn window(sampler: &Sampler, slots: std::ops::Range<u32>) -> Particles {
    pollster::block_on(sampler.window(slots)).unwrap()
}

fn histogram(sampler: &Sampler, axes: &[Axis]) -> Histogram {
    pollster::block_on(sampler.histogram(axes)).unwrap()
}

#[test]
fn windows_are_parts_of_the_whole() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    advance(&mut sampler, 53);
    let all = particles(&sampler);
    assert_eq!(window(&sampler, 0..5000), all);
    assert!(window(&sampler, 17..17).is_empty());
    let (mut positions, mut log_weights, mut ancestors) = (Vec::new(), Vec::new(), Vec::new());
    for slots in [0..1, 1..2048, 2048..4999, 4999..5000] {
        let part = window(&sampler, slots.clone());
        assert_eq!(part.len(), slots.len());
        positions.extend_from_slice(part.positions());
        log_weights.extend_from_slice(part.log_weights());
        ancestors.extend_from_slice(part.ancestors());
    }
    assert_eq!(Particles::new(2, positions, log_weights, ancestors).unwrap(), all);
    #[allow(clippy::reversed_empty_ranges, reason = "what is refused")]
    for (slots, words) in [(4000..5001, "4000..5001"), (7..3, "7..3")] {
        let error = pollster::block_on(sampler.window(slots)).unwrap_err().to_string();
        let expected = format!("window = {words} is not a range of slots; there are 5000");
        assert_eq!(error, expected);
    }
}

/// Whatever was looked at on the way, the end has the same bits.
#[test]
fn looking_changes_no_later_bit() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let expected = whole(&gpu, &problem, &config());
    let mut sampler = new(&gpu, &problem, &config());
    for steps in [0, 7, 1, 40, 20, 32] {
        advance(&mut sampler, steps);
        window(&sampler, 100..3000);
        let plane = [Axis::new(0, 20), Axis::new(1, 10).over(-1.0..1.0)];
        assert_eq!(histogram(&sampler, &plane), histogram(&sampler, &plane));
        pollster::block_on(sampler.survivors()).unwrap();
    }
    assert!(bits(&sampler) == expected);
}

#[test]
fn survivors_are_the_ancestors_that_are_left() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    let mut seen = Vec::new();
    for steps in [0, 50, 50] {
        advance(&mut sampler, steps);
        let survivors = pollster::block_on(sampler.survivors()).unwrap();
        let ancestors = particles(&sampler);
        let left: HashSet<u32> = ancestors.ancestors().iter().copied().collect();
        assert_eq!(survivors as usize, left.len());
        seen.push(survivors);
    }
    assert!(seen[0] == 5000 && seen[1] < 5000 && seen[2] < seen[1], "{seen:?}");
}

/// The bins of a run are those of its particles in host memory, and the shares are those of their
/// weights in double precision: each weight is rounded by 2^-28 of the largest, and by less than 1e-5
/// of itself in the difference of two log-weights and its exponential.
#[test]
fn histograms_hold_the_weights_of_the_particles() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let mut sampler = new(&gpu, &problem, &config());
    advance(&mut sampler, 12);
    let particles = particles(&sampler);
    let weights = particles.weights();
    assert!(weights.iter().any(|w| *w != weights[0]), "the weights differ");
    let uploaded = Histograms::new(&gpu, &particles).unwrap();
    let found = [Axis::new(1, 31), Axis::new(0, 17)];
    let narrow = [Axis::new(0, 64).over(-1.25..0.5)];
    for axes in [&found[..], &narrow] {
        let ours = histogram(&sampler, axes);
        assert_eq!(ours, pollster::block_on(uploaded.histogram(axes)).unwrap());
        assert_eq!(ours.lost, 0);
        let mut masses = vec![0.0; ours.masses().len()];
        let (mut outside, mut sides) = (0.0, vec![[0.0; 2]; axes.len()]);
        for (i, weight) in weights.iter().enumerate() {
            let (mut inside, mut at, mut stride) = (true, 0, 1);
            for (axis, sides) in ours.axes.iter().zip(&mut sides) {
                let x = f64::from(particles.position(i)[axis.coordinate as usize]);
                let width = axis.range.end - axis.range.start;
                let place = (x - axis.range.start) / width * f64::from(axis.bins);
                sides[0] += if place < 0.0 { *weight } else { 0.0 };
                sides[1] += if place >= f64::from(axis.bins) { *weight } else { 0.0 };
                inside &= (0.0..f64::from(axis.bins)).contains(&place);
                at += stride * place as usize;
                stride *= axis.bins as usize;
            }
            if inside { masses[at] += weight } else { outside += weight }
        }
        let near = |a: f64, b: f64| (a - b).abs() < 1e-5 * b + 5000.0 * 2.0_f64.powi(-28);
        assert!(near(ours.outside, outside), "{} {outside}", ours.outside);
        for (axis, sides) in ours.axes.iter().zip(sides) {
            assert!(near(axis.below, sides[0]) && near(axis.above, sides[1]), "{axis:?}");
        }
        // A place on the edge of a bin may be rounded into the next one.
        let wrong = ours.masses().iter().zip(&masses).filter(|(a, b)| !near(**a, **b)).count();
        assert!(wrong <= 2, "{wrong} of {} bins", masses.len());
        let inside: f64 = ours.masses().iter().sum();
        assert!((inside + ours.outside - 1.0).abs() < 1e-12);
        let area: f64 = ours
            .axes
            .iter()
            .map(|axis| (axis.range.end - axis.range.start) / f64::from(axis.bins))
            .product();
        let integral: f64 = ours.density().iter().map(|density| density * area).sum();
        assert!((integral - inside).abs() < 1e-12);
    }
    // A range that is found leaves out at most two thousandths of each coordinate.
    let wide = histogram(&sampler, &found);
    assert!(wide.outside < 0.004 && wide.axes.iter().all(|axis| axis.below <= 0.001));
    assert!(histogram(&sampler, &narrow).outside > 0.1);
}

/// The initial law: a normal of mean -1, sd 1, whose quantiles at a thousandth are -4.09 and 2.09.
#[test]
fn a_found_range_fits_the_law() {
    let problem = double_well(Flow::annealed());
    let config = wfr::Config { particles: 200_000, ..config() };
    let Some(sampler) = common::sampler(&problem, &config) else { return };
    let line = histogram(&sampler, &[Axis::new(0, 50)]);
    let range = &line.axes[0].range;
    // Quantiles at 3.09 deviations have a standard error of 0.021; the margin adds 15 %.
    let reach = 3.0902 * 1.3;
    assert!((range.start + 1.0 + reach).abs() < 0.13, "{range:?}");
    assert!((range.end + 1.0 - reach).abs() < 0.13, "{range:?}");
    for (i, density) in line.density().iter().enumerate() {
        let x = range.start + (range.end - range.start) * (i as f64 + 0.5) / 50.0;
        let exact = (-0.5 * (x + 1.0).powi(2)).exp() / std::f64::consts::TAU.sqrt();
        // Five standard errors of a bin's count, and the curvature of the law within it.
        let bound = 5.0 * (exact / (200_000.0 * 0.16)).sqrt() + 2e-3;
        assert!((density - exact).abs() < bound, "{x}: {density} is not {exact}");
    }
}

#[test]
fn axes_that_do_not_fit_are_refused() {
    let start = Initial::normal(&[0.0; 3], &[1.0; 3]).unwrap();
    let target = Target::standard_normal(3).unwrap();
    let problem = Problem::new(target, start, Flow::langevin()).unwrap();
    let Some(sampler) = common::sampler(&problem, &config()) else { return };
    let refused = |axes: &[Axis], words: &str| {
        let error = pollster::block_on(sampler.histogram(axes)).unwrap_err();
        assert_eq!(error.to_string(), words);
    };
    let axis = || Axis::new(0, 10);
    refused(&[], "axes = 0 is not one or two, what a histogram has");
    refused(&[axis(), axis(), axis()], "axes = 3 is not one or two, what a histogram has");
    refused(&[Axis::new(3, 10)], "coordinate = 3 is not below 3, the dimension");
    refused(&[Axis::new(0, 0)], "bins = 0 are not 1 to 4194304 in all");
    refused(
        &[Axis::new(0, 5000), Axis::new(1, 5000)],
        "bins = 5000 × 5000 are not 1 to 4194304 in all",
    );
    for (range, shown) in
        [(1.0..1.0, "1.0..1.0"), (0.0..f64::NAN, "0.0..NaN"), (2.0..1e39, "2.0..1e39")]
    {
        let words = format!(
            "range = {shown} of coordinate 0 is not from one finite number to a greater one in single \
             precision"
        );
        refused(&[axis().over(range)], &words);
    }
}
