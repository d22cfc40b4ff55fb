//! The other built-in targets: log Z and masses by the annealed flow with exact weights.

use wfr::{
    Component, Config, Diagnostics, Estimate, Flow, Info, Initial, Problem, Schedule, Target,
};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// A target, its start N(0, sd²), the steps, and what to compare.
struct Case {
    target: Target,
    sd: f32,
    /// Times are power-law: β = (t / T)^power moves slowly where the path begins.
    time: f64,
    steps: u32,
    power: i32,
    particles: u32,
    seeds: u64,
}

impl Case {
    fn check(
        &self,
        truths: &[(String, f64)],
        estimates: impl Fn(&Info, &Diagnostics<'_>) -> Vec<Estimate>,
    ) {
        let dim = self.target.dim() as usize;
        let points: Vec<(f64, f64)> = (0..=self.steps)
            .map(|k| f64::from(k) / f64::from(self.steps))
            .map(|s| (self.time * s, s.powi(self.power)))
            .collect();
        let config = Config {
            particles: self.particles,
            schedule: Schedule::from_points(&points).unwrap(),
            ..Config::default()
        };
        let problem = |flow: Flow| {
            let start = Initial::normal(&vec![0.0; dim], &vec![self.sd; dim]).unwrap();
            Problem::new(self.target.clone(), start, flow).unwrap()
        };
        let Some(gpu) = common::gpu(&problem(Flow::annealed()), &config) else { return };
        let laws = |flow: Flow, config: &Config, seeds: u64| -> wfr::Result<Vec<Law>> {
            let measured = common::averaged(&gpu, &problem(flow), config, 0..seeds, &estimates)?;
            assert_eq!(measured.len(), truths.len());
            let law = |((name, truth), measured): (&(String, f64), Estimate)| {
                Law::new(format!("{}: {name}", self.target.name()), measured, *truth, 0.0)
            };
            Ok(truths.iter().zip(measured).map(law).collect())
        };
        assert_hold(&laws(Flow::annealed(), &config, self.seeds).unwrap());
        let small = Config { particles: 4096, ..config.clone() };
        assert_rejected(laws(common::annealed_with_flipped_sign(), &small, 1));
    }

    /// log Z and P(x₀ > 0).
    fn check_truth(&self) {
        let truth = self.target.truth().unwrap();
        let truths =
            [("log Z".into(), truth.log_normalizer), ("P(x > 0)".into(), truth.right_mass)];
        self.check(&truths, |info, d| vec![common::log_z(info, d), d.mass(|x| x[0] > 0.0)]);
    }
}

/// Two and sixteen pairs of wells: 4 and 65536 modes.
///
/// Flipped, log Z is off by 30 and 521.
#[test]
fn many_wells_agree_with_quadrature() {
    let wells = |dim| Target::many_well(dim).unwrap();
    let case = Case {
        target: wells(4),
        sd: 1.5,
        time: 4.0,
        steps: 1000,
        power: 1,
        particles: 1 << 15,
        seeds: 2,
    };
    case.check_truth();
    let case = Case { target: wells(32), particles: 1 << 14, seeds: 1, ..case };
    case.check_truth();
}

/// Six modes eight standard deviations apart, with weights 1 to 6.
///
/// Flipped, one mode has everything and log Z is off by 131.
#[test]
fn mixture_modes_have_their_weights() {
    let angle = |k: usize| std::f64::consts::TAU * k as f64 / 6.0;
    let components: Vec<Component> = (0..6)
        .map(|k| Component {
            weight: (k + 1) as f64,
            mean: vec![4.0 * angle(k).cos(), 4.0 * angle(k).sin()],
            scale: vec![0.5],
        })
        .collect();
    let nearest = |x: &[f32]| {
        let square = |c: &Component| {
            (f64::from(x[0]) - c.mean[0]).powi(2) + (f64::from(x[1]) - c.mean[1]).powi(2)
        };
        (0..6).min_by(|a, b| square(&components[*a]).total_cmp(&square(&components[*b]))).unwrap()
    };
    let mut truths = vec![("log Z".to_string(), 0.0)];
    truths.extend((0..6).map(|k| (format!("mode {k}"), (k + 1) as f64 / 21.0)));
    let case = Case {
        target: Target::gaussian_mixture(&components).unwrap(),
        sd: 3.0,
        time: 4.0,
        steps: 200,
        power: 1,
        particles: 1 << 15,
        seeds: 2,
    };
    case.check(&truths, |info, d| {
        let mut estimates = vec![common::log_z(info, d)];
        estimates.extend((0..6).map(|k| d.mass(|x| nearest(x) == k)));
        estimates
    });
}

/// Flipped, log Z is off by 16 and 258.
#[test]
fn banana_and_ring_agree_with_their_truths() {
    let case = Case {
        target: Target::banana(2).unwrap(),
        sd: 2.0,
        time: 4.0,
        steps: 400,
        power: 1,
        particles: 1 << 16,
        seeds: 2,
    };
    case.check_truth();
    let case = Case { target: Target::ring(2).unwrap(), ..case };
    case.check_truth();
}
