//! The standard errors that one run claims against the scatter of many, on the device.

use wfr::{Component, Config, Diagnostics, Estimate, Flow, Initial, Modes, Particles, Problem};
use wfr::{Resampler, Sampler, Schedule, Target};

use crate::common;

const SEEDS: u64 = 200;
const PARTICLES: u32 = 1024;
const ESS_EVERY: u32 = 4;

/// A problem from N(mean, sd²) and the steps of the runs.
struct Case {
    target: Target,
    mean: f64,
    sd: f64,
    steps: u32,
}

fn mixture(parts: &[(f64, f64, f32)]) -> Target {
    let component = |&(weight, at, scale): &(f64, f64, f32)| Component {
        weight,
        mean: vec![at, -at],
        scale: vec![scale.into()],
    };
    let components: Vec<_> = parts.iter().map(component).collect();
    Target::gaussian_mixture(&components).unwrap()
}

fn cases() -> [Case; 3] {
    let well = Target::double_well(1).unwrap().set("a", 8.0).unwrap();
    [
        Case { target: mixture(&[(1.0, 1.5, 0.3)]), mean: 0.0, sd: 1.0, steps: 20 },
        Case { target: well, mean: -1.0, sd: 1.0, steps: 24 },
        Case {
            target: mixture(&[(1.0, -2.0, 0.4), (2.0, 2.0, 0.5)]),
            mean: 0.0,
            sd: 2.5,
            steps: 20,
        },
    ]
}

impl Case {
    fn problem(&self) -> Problem {
        let dim = self.target.dim() as usize;
        let start = Initial::normal(&vec![self.mean; dim], &vec![self.sd; dim]).unwrap();
        Problem::new(self.target.clone(), start, Flow::annealed()).unwrap()
    }

    fn config(&self, resampler: Resampler) -> Config {
        Config {
            particles: PARTICLES,
            schedule: Schedule::uniform(1.0, self.steps).unwrap(),
            ess_every: ESS_EVERY,
            ess_threshold: 0.8,
            resampler,
            ..Config::default()
        }
    }

    /// log Z, E x₀ and the mass of the last mode where there are several.
    fn estimates(&self, log_normalizer: f64, d: &Diagnostics<'_>) -> Vec<Estimate> {
        let log_z = Estimate { value: log_normalizer, se: d.log_normalizer_se() };
        let mut all = vec![log_z, d.means()[0]];
        if let Some(modes) = Modes::of(&self.target) {
            all.extend(d.modes(&modes).last().map(|mode| mode.mass));
        }
        all
    }

    fn truths(&self) -> Vec<(&'static str, f64)> {
        let truth = self.target.truth().unwrap();
        let mut all = vec![("log Z", truth.log_normalizer), ("E x0", truth.mean[0])];
        if let Some(modes) = Modes::of(&self.target) {
            all.push(("mass", modes.exact_masses().unwrap()[1]));
        }
        all
    }
}

/// One estimate over all seeds.
#[derive(Clone, Copy, Default)]
struct Scatter {
    /// Runs whose truth lies within 1.96 standard errors.
    covered: u32,
    squared_errors: f64,
    squared_se: f64,
}

impl Scatter {
    fn add(&mut self, estimate: Estimate, truth: f64) {
        let off = estimate.value - truth;
        self.covered += u32::from(off.abs() <= 1.96 * estimate.se);
        self.squared_errors += off * off;
        self.squared_se += estimate.se * estimate.se;
    }

    fn coverage(self) -> f64 {
        f64::from(self.covered) / SEEDS as f64
    }

    /// The scatter that was over the one that was claimed.
    fn ratio(self) -> f64 {
        (self.squared_errors / self.squared_se).sqrt()
    }
}

/// The same weighted particles as if no two had a common ancestor.
fn without_genealogy(particles: &Particles) -> Particles {
    let own = (0..particles.len() as u32).collect();
    let (positions, log_weights) = (particles.positions(), particles.log_weights());
    Particles::new(particles.dim(), positions.to_vec(), log_weights.to_vec(), own).unwrap()
}

/// Every estimate's scatter: as it is meant, not told of the resamplings, without the genealogy.
fn scatter(case: &Case, problem: &Problem, sampler: &mut Sampler) -> Vec<[Scatter; 3]> {
    let truths = case.truths();
    let mut all = vec![[Scatter::default(); 3]; truths.len()];
    let resampler = sampler.config().resampler;
    for seed in 0..SEEDS {
        sampler.restart(problem, seed).unwrap();
        let info = sampler.run().unwrap();
        let particles = common::particles(sampler);
        let alone = without_genealogy(&particles);
        let told = Diagnostics::new(&particles).resampled(resampler, info.resamplings);
        let kinds = [told, Diagnostics::new(&particles), Diagnostics::new(&alone)];
        for (kind, d) in kinds.iter().enumerate() {
            let estimates = case.estimates(info.log_normalizer, d);
            for ((scatter, estimate), (_, truth)) in all.iter_mut().zip(estimates).zip(&truths) {
                scatter[kind].add(estimate, *truth);
            }
        }
    }
    all
}

/// Within four standard deviations of a share of 0.95 and of a ratio of 1 over 200 runs. Measured:
/// coverage 0.92 to 0.975; ratios 0.90 to 1.09, for log Z 0.90 to 0.96 under systematic resampling,
/// where the claim is a little large, and 0.94 to 0.98 under multinomial resampling.
///
/// Without the genealogy log Z is covered in 0.27 to 0.70 of the runs; without the count of
/// multinomial resamplings its error is claimed 1.2 to 1.5 times too large.
#[test]
fn standard_errors_cover_the_truth_as_often_as_they_claim() {
    let least = 0.95 - 4.0 * (0.95 * 0.05 / SEEDS as f64).sqrt();
    let width = 4.0 / (2.0 * SEEDS as f64).sqrt();
    for case in cases() {
        let problem = case.problem();
        for resampler in [Resampler::Systematic, Resampler::Multinomial] {
            let Some(mut sampler) = common::sampler(&problem, &case.config(resampler)) else {
                return;
            };
            let all = scatter(&case, &problem, &mut sampler);
            for ([told, untold, alone], (name, _)) in all.iter().zip(case.truths()) {
                let name = format!("{} {resampler}, {name}", case.target.name());
                for (kind, s) in [("", told), (", untold", untold), (", alone", alone)] {
                    let (covered, ratio) = (s.coverage(), s.ratio());
                    println!("{name}{kind}: covered {covered:.3}, ratio {ratio:.3}");
                }
                assert!(told.coverage() >= least, "{name}: covered {}", told.coverage());
                assert!((told.ratio() - 1.0).abs() < width, "{name}: ratio {}", told.ratio());
            }
            let [told, untold, alone] = all[0];
            assert!(alone.coverage() < least && alone.ratio() > 1.0 + width);
            if resampler == Resampler::Multinomial {
                assert!(untold.ratio() < 0.93 * told.ratio());
            }
        }
    }
}
