//! The standard errors that one run claims against the scatter of many.
//!
//! The runs are by the host's twin of the kernels: a sampler compiles its seed into its shaders, and
//! hundreds of samplers take minutes. The first run of each case is made on the device too, and has
//! to be the same.

use wfr::reference::initial::Normal;
use wfr::reference::resampling::Event;
use wfr::reference::step::{Flow as Equation, Stepper};
use wfr::{Component, Config, Diagnostics, Estimate, Flow, Initial, Integrator, Modes, Particles};
use wfr::{Problem, Resampler, Schedule, Target};

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

/// The end of a run.
struct End {
    particles: Particles,
    log_normalizer: f64,
    resamplings: u32,
}

/// With scales that the device holds, so that the host's weights are its own.
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
    fn config(&self, resampler: Resampler, seed: u64) -> Config {
        Config {
            particles: PARTICLES,
            seed,
            schedule: Schedule::uniform(1.0, self.steps).unwrap(),
            ess_every: ESS_EVERY,
            ess_threshold: 0.8,
            resampler,
            ..Config::default()
        }
    }

    /// A run of the annealed flow with exact weights on the host.
    fn run(&self, config: &Config) -> End {
        let dim = self.target.dim() as usize;
        let initial = Normal { mean: vec![self.mean; dim], sd: vec![self.sd; dim] };
        let stepper = Stepper {
            target: &self.target,
            initial: &initial,
            flow: Equation::Annealed,
            transport: 1.0,
            integrator: Integrator::KernelRatio,
            config,
            support: None,
        };
        let slots = 0..PARTICLES;
        let mut positions: Vec<_> =
            slots.clone().map(|slot| initial.sample(config.seed, slot)).collect();
        let mut log_weights = vec![0.0_f64; PARTICLES as usize];
        let mut origins: Vec<u32> = slots.clone().collect();
        let (mut log_normalizer, mut resamplings) = (0.0, 0);
        for (test, begin) in (0..self.steps).step_by(ESS_EVERY as usize).enumerate() {
            let peak = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights = log_weights.iter().map(|lw| (lw - peak).exp());
            let (sum, squares) = weights.fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
            if sum * sum / squares < f64::from(config.ess_threshold) * f64::from(PARTICLES) {
                let single: Vec<f32> = log_weights.iter().map(|lw| *lw as f32).collect();
                let event = Event::new(&single, config.resampler, config.seed, test as u32);
                let chosen = event.unwrap().ancestors;
                positions = chosen.iter().map(|a| positions[*a as usize].clone()).collect();
                origins = chosen.iter().map(|a| origins[*a as usize]).collect();
                log_normalizer += peak + (sum / f64::from(PARTICLES)).ln();
                log_weights.fill(0.0);
                resamplings += 1;
            }
            let end = (begin + ESS_EVERY).min(self.steps);
            for (slot, (x, lw)) in slots.clone().zip(positions.iter_mut().zip(&mut log_weights)) {
                let mut walker = stepper.walker(slot, std::mem::take(x));
                *lw += stepper.step(&mut walker, begin, end);
                *x = walker.x;
            }
        }
        let peak = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = log_weights.iter().map(|lw| (lw - peak).exp()).sum();
        log_normalizer += peak + (sum / f64::from(PARTICLES)).ln();
        let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
        let (positions, log_weights) = (single(&positions.concat()), single(&log_weights));
        let particles = Particles::new(dim, positions, log_weights, origins).unwrap();
        End { particles, log_normalizer, resamplings }
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

    /// The same seed on the device: the same resamplings, and estimates that differ by the few
    /// particles whose rounded weights chose another ancestor.
    fn is_the_device_s(&self, resampler: Resampler) -> bool {
        let config = self.config(resampler, 0);
        let dim = self.target.dim() as usize;
        let start = Initial::normal(&vec![self.mean as f32; dim], &vec![self.sd as f32; dim]);
        let problem = Problem::new(self.target.clone(), start.unwrap(), Flow::annealed()).unwrap();
        let Some(mut sampler) = common::sampler(&problem, &config) else { return false };
        let info = sampler.run().unwrap();
        let particles = common::particles(&sampler);
        let host = self.run(&config);
        assert_eq!(host.resamplings, info.resamplings);
        let of = |particles: &Particles, log_normalizer| {
            let d = Diagnostics::new(particles).resampled(resampler, info.resamplings);
            self.estimates(log_normalizer, &d)
        };
        let there = of(&particles, info.log_normalizer);
        for (here, there) in of(&host.particles, host.log_normalizer).iter().zip(there) {
            assert!((here.value - there.value).abs() < 0.1 * here.se, "{here:?} {there:?}");
            assert!((here.se / there.se - 1.0).abs() < 0.05, "{here:?} {there:?}");
        }
        true
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
fn scatter(case: &Case, resampler: Resampler) -> Vec<[Scatter; 3]> {
    let truths = case.truths();
    let mut all = vec![[Scatter::default(); 3]; truths.len()];
    for seed in 0..SEEDS {
        let end = case.run(&case.config(resampler, seed));
        let alone = without_genealogy(&end.particles);
        let told = Diagnostics::new(&end.particles).resampled(resampler, end.resamplings);
        let kinds = [told, Diagnostics::new(&end.particles), Diagnostics::new(&alone)];
        for (kind, d) in kinds.iter().enumerate() {
            let estimates = case.estimates(end.log_normalizer, d);
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
        for resampler in [Resampler::Systematic, Resampler::Multinomial] {
            if !case.is_the_device_s(resampler) {
                return;
            }
            let all = scatter(&case, resampler);
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
