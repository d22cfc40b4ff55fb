//! Layer 0: the log-weight rate ψ of every flow against the equation it must satisfy.
//!
//! A weighted SDE with drift v and noise σ carries the density ρ_t exactly when
//!
//!   ψ = ∂_t log ρ + div v + v·S − (σ²/2)(div S + |S|²),   S = ∇ log ρ,
//!
//! up to a function of time alone. The right side is evaluated here by central differences in
//! double precision; it knows nothing of how the flows simplify it.

mod common;
#[path = "identity/compositions.rs"]
mod compositions;
#[path = "identity/paths.rs"]
mod paths;

use wfr::reference::target::{log_density, score};
use wfr::{Config, Flow, Initial, Integrator, Problem, Sampler, Schedule, Target};

/// σ² of every flow.
const NOISE: f64 = 2.0;
const STEP: f64 = 1e-3;

/// A function of x and t.
type Field<'a, T> = Box<dyn Fn(&[f64], f64) -> T + 'a>;

/// A path of densities with a drift, on the host.
struct Path<'a> {
    /// log ρ_t(x).
    log_density: Field<'a, f64>,
    /// v(x, t).
    drift: Field<'a, Vec<f64>>,
}

/// The fourth-order central difference of f at 0.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    (8.0 * (f(STEP) - f(-STEP)) - (f(2.0 * STEP) - f(-2.0 * STEP))) / (12.0 * STEP)
}

fn curvature(f: impl Fn(f64) -> f64) -> f64 {
    let ends = f(2.0 * STEP) + f(-2.0 * STEP);
    (16.0 * (f(STEP) + f(-STEP)) - ends - 30.0 * f(0.0)) / (12.0 * STEP * STEP)
}

fn shifted(x: &[f64], j: usize, by: f64) -> Vec<f64> {
    let mut x = x.to_vec();
    x[j] += by;
    x
}

impl Path<'_> {
    /// The right side of the equation, and the largest of its terms: the scale of its rounding.
    fn psi(&self, x: &[f64], t: f64) -> (f64, f64) {
        let rho = &self.log_density;
        let drift = (self.drift)(x, t);
        let mut terms = vec![slope(|e| rho(x, t + e))];
        for (j, v) in drift.iter().enumerate() {
            let s = slope(|e| rho(&shifted(x, j, e), t));
            terms.push(slope(|e| (self.drift)(&shifted(x, j, e), t)[j]));
            terms.push(v * s);
            terms.push(-0.5 * NOISE * curvature(|e| rho(&shifted(x, j, e), t)));
            terms.push(-0.5 * NOISE * s * s);
        }
        let scale = terms.iter().fold(1.0_f64, |scale, term| scale.max(term.abs()));
        (terms.iter().sum(), scale)
    }
}

/// log p₀ and its score for N(mean, sd²) per coordinate.
#[derive(Clone)]
struct Normal {
    mean: Vec<f64>,
    sd: f64,
}

impl Normal {
    fn log_density(&self, x: &[f64]) -> f64 {
        let square: f64 = x.iter().zip(&self.mean).map(|(x, m)| ((x - m) / self.sd).powi(2)).sum();
        -0.5 * square - x.len() as f64 * (self.sd.ln() + 0.5 * std::f64::consts::TAU.ln())
    }

    fn score(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.mean).map(|(x, m)| (m - x) / (self.sd * self.sd)).collect()
    }
}

/// The flows of the library with what their shaders claim, written out on the host.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Coded {
    Langevin,
    Annealed,
}

/// β goes from 0.2 to 0.7 over the one step of each run here.
const BETA: [f64; 2] = [0.2, 0.7];
const DT: f64 = 0.25;

fn beta(t: f64) -> f64 {
    BETA[0] + (BETA[1] - BETA[0]) / DT * t
}

impl Coded {
    fn flow(self) -> Flow {
        match self {
            Coded::Langevin => Flow::langevin(),
            Coded::Annealed => Flow::annealed(),
        }
    }

    fn path<'a>(self, initial: &'a Normal, target: &'a Target) -> Path<'a> {
        let pi = |x: &[f64]| log_density(target, x).unwrap();
        match self {
            Coded::Langevin => Path {
                log_density: Box::new(move |x, _| pi(x)),
                drift: Box::new(|x, _| score(target, x).unwrap()),
            },
            Coded::Annealed => Path {
                log_density: Box::new(move |x, t| {
                    (1.0 - beta(t)) * initial.log_density(x) + beta(t) * pi(x)
                }),
                drift: Box::new(|x, t| {
                    let (from, to) = (initial.score(x), score(target, x).unwrap());
                    from.iter().zip(&to).map(|(a, b)| (1.0 - beta(t)) * a + beta(t) * b).collect()
                }),
            },
        }
    }

    /// ψ as the shader has it.
    fn psi(self, initial: &Normal, target: &Target, x: &[f64]) -> f64 {
        match self {
            Coded::Langevin => 0.0,
            Coded::Annealed => {
                let rate = (BETA[1] - BETA[0]) / DT;
                rate * (log_density(target, x).unwrap() - initial.log_density(x))
            }
        }
    }
}

/// The largest residual of the equation over the points, relative to its largest term.
fn worst(path: &Path<'_>, points: &[Vec<f64>], coded: impl Fn(&[f64]) -> f64) -> f64 {
    let residual = |x: &Vec<f64>| {
        let (psi, scale) = path.psi(x, 0.0);
        (psi - coded(x)).abs() / scale
    };
    points.iter().map(residual).fold(0.0, f64::max)
}

/// One target of each kind. A sharp ring has its kink at the centre kept away.
fn targets() -> Vec<Target> {
    let well = Target::double_well(2).unwrap();
    vec![
        Target::standard_normal(3).unwrap(),
        well.set("a", 4.0).unwrap().set("c", 0.3).unwrap(),
        Target::named("gaussian-mixture", Some(2)).unwrap(),
        Target::many_well(4).unwrap(),
        Target::funnel(5).unwrap(),
        Target::banana(2).unwrap(),
        Target::ring(2).unwrap(),
        // No pair of the points is so near the core's edge that the differences reach across.
        Target::lennard_jones(6).unwrap().set("sigma", 0.6).unwrap(),
    ]
}

fn initial(dim: u32) -> (Normal, Initial) {
    let mean: Vec<f32> = (0..dim).map(|j| 0.25 * j as f32 - 0.5).collect();
    let law = Initial::normal(&mean, &vec![1.25; dim as usize]).unwrap();
    (Normal { mean: mean.iter().map(|m| f64::from(*m)).collect(), sd: 1.25 }, law)
}

/// Points spread over [−2, 2) by multiples of the golden ratio.
fn points(dim: usize) -> Vec<Vec<f64>> {
    let place = |k: usize| (k as f64 * 0.618_033_988_749_895).fract();
    (0..40).map(|i| (0..dim).map(|j| 4.0 * place(i * dim + j + 1) - 2.0).collect()).collect()
}

/// Largest residual allowed on the host.
const HOST_BOUND: f64 = 1e-6;
/// Largest residual allowed for what the GPU computes in single precision.
const GPU_BOUND: f64 = 3e-5;

#[test]
fn formulas_satisfy_the_equation_on_the_host() {
    for target in targets() {
        let (initial, _) = initial(target.dim());
        let points = points(target.dim() as usize);
        for coded in [Coded::Langevin, Coded::Annealed] {
            let path = coded.path(&initial, &target);
            let right = worst(&path, &points, |x| coded.psi(&initial, &target, x));
            println!("{} {coded:?}: residual {right:.1e}", target.name());
            assert!(right < HOST_BOUND, "{} {coded:?}: residual {right:e}", target.name());
            // The other sign breaks the equation by far more than any rounding.
            if coded == Coded::Annealed {
                let wrong = worst(&path, &points, |x| -coded.psi(&initial, &target, x));
                assert!(wrong > 0.1, "{}: −ψ passes with {wrong:e}", target.name());
            }
        }
    }
}

#[test]
fn a_wrong_drift_breaks_the_equation() {
    let target = Target::double_well(2).unwrap();
    let (initial, _) = initial(2);
    let right = Coded::Annealed.path(&initial, &target);
    let halved = Path {
        log_density: Box::new(|x, t| (right.log_density)(x, t)),
        drift: Box::new(|x, t| (right.drift)(x, t).iter().map(|v| 0.5 * v).collect()),
    };
    let psi = |x: &[f64]| Coded::Annealed.psi(&initial, &target, x);
    assert!(worst(&halved, &points(2), psi) > 0.1);
}

/// A flow without drift and weights: its run shows what the noise alone does.
const STILL: &str = "
struct Local { unused: f32 }
fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) { (*local).unused = 0.0; }
fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    var zero: Point;
    return zero;
}
fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 { return 0.0; }
";

/// One step of the GPU from known points.
struct Step {
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
    gains: Vec<f64>,
}

impl Step {
    /// Whether a particle moved: a move far down into a density is refused.
    fn moved(&self, i: usize) -> bool {
        self.after[i] != self.before[i]
    }

    /// That enough particles moved for what is compared of them to say something: this step is coarse,
    /// and from far out a quartic well throws most of them across.
    fn assert_enough_moved(&self) {
        let moved = (0..self.before.len()).filter(|i| self.moved(*i)).count();
        assert!(moved > 100, "{moved} of {} moved", self.before.len());
    }
}

fn one_step(
    target: &Target,
    initial: &Initial,
    flow: Flow,
    integrator: Integrator,
) -> Option<Step> {
    let problem = Problem::new(target.clone(), initial.clone(), flow).unwrap();
    let config = Config {
        particles: 512,
        schedule: Schedule::from_points(&[(0.0, BETA[0]), (DT, BETA[1])]).unwrap(),
        integrator: Some(integrator),
        taming: false,
        ess_threshold: 0.0,
        seed: 3,
        ..Config::default()
    };
    let mut sampler: Sampler = common::sampler(&problem, &config)?;
    let rows = |particles: &wfr::Particles| -> Vec<Vec<f64>> {
        let row = |i| particles.position(i).iter().map(|x: &f32| f64::from(*x)).collect();
        (0..particles.len()).map(row).collect()
    };
    let before = rows(&common::particles(&sampler));
    common::advance(&mut sampler, 1);
    let particles = common::particles(&sampler);
    let gains = particles.log_weights().iter().map(|lw| f64::from(*lw)).collect();
    Some(Step { before, after: rows(&particles), gains })
}

/// The drift and ψ that the shader uses, found from one Euler step: the same noise moves the
/// particles of a flow without drift, and the log-weight gains dt·ψ.
#[test]
fn shaders_satisfy_the_equation() {
    for target in targets() {
        let (law, initial) = initial(target.dim());
        let still = Flow::from_wgsl("still.wgsl", STILL, false);
        let euler = Integrator::Euler;
        let Some(noise) = one_step(&target, &initial, still, euler) else { return };
        for coded in [Coded::Langevin, Coded::Annealed] {
            let step = one_step(&target, &initial, coded.flow(), euler).unwrap();
            assert_eq!(step.before, noise.before);
            step.assert_enough_moved();
            let path = coded.path(&law, &target);
            let mut errors = [0.0_f64; 3];
            for (i, x) in step.before.iter().enumerate().filter(|(i, _)| step.moved(*i)) {
                let drift = (path.drift)(x, 0.0);
                for (j, v) in drift.iter().enumerate() {
                    let moved = (step.after[i][j] - noise.after[i][j]) / DT;
                    // The positions themselves are rounded.
                    let scale = 1.0 + v.abs() + noise.after[i][j].abs() / DT;
                    errors[0] = errors[0].max((moved - v).abs() / scale);
                }
                let (psi, scale) = path.psi(x, 0.0);
                let coded = step.gains[i] / DT;
                errors[1] = errors[1].max((coded - psi).abs() / scale);
                errors[2] = errors[2].max((-coded - psi).abs() / scale);
            }
            let [drift, psi, flipped] = errors;
            println!(
                "{} {coded:?}: drift {drift:.1e}, ψ {psi:.1e}, −ψ {flipped:.1e}",
                target.name()
            );
            assert!(drift < GPU_BOUND, "{} {coded:?}: drift {drift:e}", target.name());
            assert!(psi < GPU_BOUND, "{} {coded:?}: ψ {psi:e}", target.name());
            assert!(coded == Coded::Langevin || flipped > 0.1, "−ψ passes with {flipped:e}");
        }
    }
}

/// The kernel ratio's gain against its definition in double precision,
/// log ρ_{k+1}(x') + log B(x | x') − log ρ_k(x) − log F(x' | x), from the positions alone.
#[test]
fn kernel_ratio_gains_are_those_of_the_definition() {
    for target in targets() {
        let (law, initial) = initial(target.dim());
        let ratio = Integrator::KernelRatio;
        let Some(step) = one_step(&target, &initial, Flow::annealed(), ratio) else { return };
        let path = Coded::Annealed.path(&law, &target);
        let mut errors = [0.0_f64; 2];
        for ((x, y), gain) in step.before.iter().zip(&step.after).zip(&step.gains) {
            let log_kernel = |from: &[f64], to: &[f64]| -> f64 {
                let drift = (path.drift)(from, DT);
                let square =
                    |j: usize| (to[j] - from[j] - DT * drift[j]).powi(2) / (2.0 * NOISE * DT);
                -(0..from.len()).map(square).sum::<f64>()
            };
            let terms = [
                (path.log_density)(y, DT),
                log_kernel(y, x),
                -(path.log_density)(x, 0.0),
                -log_kernel(x, y),
            ];
            let scale = terms.iter().fold(1.0_f64, |scale, term| scale.max(term.abs()));
            let expected: f64 = terms.iter().sum();
            errors[0] = errors[0].max((gain - expected).abs() / scale);
            errors[1] = errors[1].max((-gain - expected).abs() / scale);
        }
        let [right, flipped] = errors;
        println!("{}: gain {right:.1e}, flipped {flipped:.1e}", target.name());
        assert!(right < GPU_BOUND, "{}: {right:e}", target.name());
        assert!(flipped > 0.1, "{}: a flipped sign passes with {flipped:e}", target.name());
    }
}
