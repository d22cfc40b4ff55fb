//! Coordinates far from zero: dates, timestamps and serial numbers have the laws of what is near it.

use wfr::{
    Adaptive, Config, Data, Diagnostics, Estimate, Flow, Info, Initial, Integrator, Problem,
    Schedule, Target,
};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// A normalised density with the mean and the standard deviation of every coordinate.
struct Case {
    name: &'static str,
    target: Target,
    mean: Vec<f64>,
    sd: Vec<f64>,
    /// Of the start: this many standard deviations wide, and as many as these from the mean.
    width: f64,
    off: f64,
}

fn formula(dim: u32, text: &str) -> Target {
    Target::from_formula(dim, text).unwrap()
}

/// Independent normals, every one as wide as the first.
fn normals(dim: u32) -> Target {
    let text = "-sum(i, ((x[i] - t)/s)^2/2 + log(s*sqrt(2*pi)))";
    formula(dim, text)
}

fn cases() -> Vec<Case> {
    let julian = 2_460_000.5;
    let one = "-((x0 - 2460000.5)/0.4)^2/2 - log(0.4*sqrt(2*pi))";
    let mixed = "-((x0 - 1e6)/0.3)^2/2 - (x1/2)^2/2 - (x1*0.5 + (x0 - 1e6)*2 - (x2 - t))^2/2 \
                 - log(0.6) - 1.5*log(2*pi)";
    let times: Vec<f64> = (0..50).map(|n| 1.7e9 + 30.0 * (f64::from(n) - 24.5)).collect();
    let data = Data::from_f64(50, 1, &times).unwrap();
    // The mean of the data, known to 30 √50 / √50.
    let sum =
        "-sum(n in data.t, ((data.t[n] - x0)/s)^2/2) + 50*spread - log(s/sqrt(50)*sqrt(2*pi))";
    let variance = (0..50).map(|n| (30.0 * (f64::from(n) - 24.5)).powi(2)).sum::<f64>() / 50.0;
    let s = 30.0 * 50_f64.sqrt();
    let sum = formula(1, sum).with_data("t", &data).unwrap();
    let sum = sum.set("s", s).unwrap().set("spread", variance / s.powi(2) / 2.0).unwrap();
    let set = |target: Target, t: f64, s: f64| target.set("t", t).unwrap().set("s", s).unwrap();
    vec![
        Case {
            name: "a Julian date",
            target: formula(1, one),
            mean: vec![julian],
            sd: vec![0.4],
            width: 2.0,
            off: 0.0,
        },
        Case {
            name: "two Julian dates in parameters",
            target: set(normals(2), julian + 0.3, 0.4),
            mean: vec![julian + 0.3; 2],
            sd: vec![0.4; 2],
            width: 2.0,
            off: -0.7,
        },
        Case {
            name: "five timestamps",
            target: set(normals(5), 1.7e9, 30.0),
            mean: vec![1.7e9; 5],
            sd: vec![30.0; 5],
            width: 1.5,
            off: 0.4,
        },
        Case {
            name: "coordinates far and near, which depend on each other",
            target: formula(3, mixed).set("t", -3e5).unwrap(),
            mean: vec![1e6, 0.0, -3e5],
            sd: vec![0.3, 2.0, (1.0_f64 + 1.0 + 0.36).sqrt()],
            width: 1.5,
            off: 0.2,
        },
        Case {
            name: "a sum over far data",
            target: sum,
            mean: vec![1.7e9],
            sd: vec![30.0],
            width: 2.0,
            off: 0.5,
        },
    ]
}

impl Case {
    fn start(&self) -> Initial {
        let pairs = || self.mean.iter().zip(&self.sd);
        let mean: Vec<f64> = pairs().map(|(mean, sd)| mean + self.off * sd).collect();
        let sd: Vec<f64> = self.sd.iter().map(|sd| sd * self.width).collect();
        Initial::normal(&mean, &sd).unwrap()
    }

    fn problem(&self, flow: Flow) -> Problem {
        // A flow in WGSL takes a center of its own, because its text sees coordinates.
        let target = match flow.name() {
            "annealed" => self.target.clone(),
            _ => self.target.clone().with_center(&self.mean).unwrap(),
        };
        Problem::new(target, self.start(), flow).unwrap()
    }

    /// Steps along every coordinate as long as its standard deviation asks for.
    fn config(&self, config: &Config) -> Config {
        let mobility = self.sd.iter().map(|sd| (sd * sd) as f32).collect();
        Config { preconditioner: Some(mobility), ..config.clone() }
    }

    fn truths(&self) -> Vec<(String, f64)> {
        let mut all = vec![("log Z".to_string(), 0.0)];
        for (j, (mean, sd)) in self.mean.iter().zip(&self.sd).enumerate() {
            let quartile = if j == 0 { 0.674_489_75 } else { 0.0 };
            all.push((format!("E x{j}"), *mean));
            all.push((format!("sd x{j}"), *sd));
            all.push((format!("quantile of x{j}"), mean + quartile * sd));
        }
        all
    }
}

fn estimates(info: &Info, d: &Diagnostics<'_>) -> Vec<Estimate> {
    assert_eq!(d.resolution(), None);
    let mut all = vec![common::log_z(info, d)];
    for (j, (mean, sd)) in d.means().into_iter().zip(d.standard_deviations()).enumerate() {
        all.extend([mean, sd, d.quantiles(j, &[if j == 0 { 0.75 } else { 0.5 }])[0]]);
    }
    all
}

#[test]
fn far_coordinates_have_the_laws_of_near_ones() {
    let adaptive = Adaptive { dt: 0.05, cess: 0.9, ..Adaptive::default() };
    let mala = Config {
        particles: 1 << 13,
        integrator: Some(Integrator::Mala),
        schedule: Schedule::adaptive(adaptive).unwrap(),
        ..Config::default()
    };
    let ratio = Config {
        particles: 1 << 13,
        schedule: Schedule::uniform(2.0, 100).unwrap(),
        ..Config::default()
    };
    for case in cases() {
        for config in [&ratio, &mala] {
            let config = case.config(config);
            let problem = case.problem(Flow::annealed());
            assert!(problem.center().is_some(), "{}", case.name);
            let Some(gpu) = common::gpu(&problem, &config) else { return };
            let laws = |flow: Flow, config: &Config| -> wfr::Result<Vec<Law>> {
                let measured =
                    common::averaged(&gpu, &case.problem(flow), config, 0..1, estimates)?;
                let law = |((name, truth), measured): ((String, f64), Estimate)| {
                    Law::new(format!("{}: {name}", case.name), measured, truth, 0.0)
                };
                Ok(case.truths().into_iter().zip(measured).map(law).collect())
            };
            assert_hold(&laws(Flow::annealed(), &config).unwrap());
            if config.integrator.is_none() {
                let small = Config { particles: 4096, ..config.clone() };
                assert_rejected(laws(common::annealed_with_flipped_sign(), &small));
            }
        }
    }
}

/// The offset in the text of a target, of a start and of given positions: the same particles.
#[test]
fn a_wgsl_target_with_a_center_is_the_formula() {
    let (center, case) = (2_460_000.5, &cases()[0]);
    let text = "fn log_density(x: Point) -> f32 { return -x[0] * x[0] / 0.32; }";
    let own = Target::from_wgsl(1, "date.wgsl", text).unwrap();
    let config = Config {
        particles: 4096,
        schedule: Schedule::uniform(0.3, 60).unwrap(),
        ..Config::default()
    };
    let flow = Flow::annealed;
    let bare = Problem::new(own.clone(), case.start(), flow()).unwrap_err().to_string();
    let words = "is too fine: numbers are not trustworthy: x0 has mean 2460000.5 and standard \
                 deviation 8.000e-1, where one step of single precision is 2.500e-1: 3.20 steps";
    assert!(bare.contains(words) && bare.contains("--center 'x0=2460000.5'"), "{bare}");

    let own = own.with_center(&[center]).unwrap();
    let written = formula(1, "-(x0 - 2460000.5)^2/0.32");
    let problems = [own, written].map(|target| Problem::new(target, case.start(), flow()).unwrap());
    let Some(gpu) = common::gpu(&problems[0], &config) else { return };
    let means = problems.each_ref().map(|problem| {
        assert_eq!(problem.center(), Some(&[center][..]));
        let mut sampler = wfr::Sampler::new(&gpu, problem, config.clone()).unwrap();
        sampler.run().unwrap();
        assert_eq!(sampler.center(), Some(&[center][..]));
        let particles = common::particles(&sampler);
        assert_eq!(particles.center(), Some(&[center][..]));
        assert!((particles.coordinate(0, 0) - center).abs() < 4.0);
        let histogram = pollster::block_on(sampler.histogram(&[wfr::Axis::new(0, 50)])).unwrap();
        let range = &histogram.axes[0].range;
        assert!(range.start > center - 9.0 && range.end < center + 9.0, "{range:?}");
        let over = wfr::Axis::new(0, 2).over(center - 9.0..center + 9.0);
        let masses = pollster::block_on(sampler.histogram(&[over])).unwrap().masses();
        assert!((masses[0] - 0.5).abs() < 0.1 && (masses[1] - 0.5).abs() < 0.1, "{masses:?}");
        Diagnostics::new(&particles).means()[0]
    });
    let law = |k: usize| Law::new(format!("E x of {k}"), means[k], center, 0.0);
    assert_hold(&[law(0), law(1)]);
    assert!((means[0].value - means[1].value).abs() < 1e-4, "{means:?}");
}

/// Particles of one run start the next, counted from the same center or from another one.
#[test]
fn particles_keep_their_place_from_run_to_run() {
    let case = &cases()[0];
    let config = Config {
        particles: 4096,
        schedule: Schedule::uniform(0.3, 40).unwrap(),
        ..Config::default()
    };
    let problem = case.problem(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut sampler = wfr::Sampler::new(&gpu, &problem, config.clone()).unwrap();
    sampler.run().unwrap();
    let particles = common::particles(&sampler);
    let second = formula(1, "-((x0 - 2460000.9)/0.3)^2/2 - log(0.3*sqrt(2*pi))");
    for target in [second.clone(), second.with_center(&[2_460_003.0]).unwrap()] {
        let start = Initial::from_target(case.target.clone(), &particles).unwrap();
        let problem = Problem::new(target, start, Flow::annealed()).unwrap();
        // Another seed: the noise of the first run is in the places of its particles.
        let measured = common::averaged(&gpu, &problem, &config, 1..2, |info, d| {
            vec![common::log_z(info, d), d.means()[0], d.standard_deviations()[0]]
        });
        let truths = [("log Z", 0.0), ("E x0", 2_460_000.9), ("sd x0", 0.3)];
        // The start is a sample: its own errors add to those of the run.
        let law = |((name, truth), measured): ((&str, f64), Estimate)| {
            Law::new(name.to_string(), measured, truth, 0.02)
        };
        let laws: Vec<_> = truths.into_iter().zip(measured.unwrap()).map(law).collect();
        assert_hold(&laws);
    }
    // Positions in double precision keep their digits.
    let positions: Vec<f64> = (0..4096).map(|i| 2_460_000.0 + f64::from(i) / 4096.0).collect();
    let start = Initial::from_positions(1, positions).unwrap();
    let problem = Problem::new(case.target.clone(), start, Flow::langevin()).unwrap();
    let sampler = wfr::Sampler::new(&gpu, &problem, config).unwrap();
    let mean = Diagnostics::new(&common::particles(&sampler)).means()[0].value;
    assert!((mean - 2_460_000.5 + 0.5 / 4096.0).abs() < 1e-6, "{mean}");
}

/// A start near zero, or as wide as it is far, counts from zero as ever; and a center is refused where
/// it means nothing.
#[test]
fn ordinary_runs_have_no_center() {
    let start = |mean: f64, sd: f64| Initial::normal(&[mean], &[sd]).unwrap();
    let target = || formula(1, "-x0^2/2");
    for (mean, sd) in [(0.0, 1.0), (3.0, 0.01), (-1000.0, 1.0), (1e6, 1e3)] {
        let problem = Problem::new(target(), start(mean, sd), Flow::annealed()).unwrap();
        assert_eq!(problem.center(), None);
        assert_eq!(problem.target().wgsl(), target().wgsl());
    }
    let normal = Target::standard_normal(1).unwrap();
    let error = normal.with_center(&[1.0]).unwrap_err().to_string();
    assert_eq!(
        error,
        "center is given for standard-normal, which is built in; its parameters say where it lies"
    );
    let error = target().with_center(&[1.0, 2.0]).unwrap_err().to_string();
    assert_eq!(
        error,
        "center has 2 numbers, but the target formula has 1 coordinates; give one for each"
    );
    let error = target().with_center(&[f64::NAN]).unwrap_err().to_string();
    assert_eq!(error, "center of x0 is NaN; expected a finite number");
}
