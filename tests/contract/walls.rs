//! Walls: what is counted, what is the same to the bit, and what is refused with an error.

use super::*;
use wfr::ErrorKind;

fn formula(text: &str) -> Target {
    Target::from_formula(1, text).unwrap()
}

fn settings(integrator: Integrator) -> Config {
    Config {
        particles: 3000,
        schedule: Schedule::uniform(0.5, 24).unwrap(),
        integrator: Some(integrator),
        ess_every: 5,
        ..config()
    }
}

/// From a uniform law to itself: no weight changes by a bit, and nobody leaves.
#[test]
fn the_uniform_law_is_kept_to_the_bit() {
    let start = Initial::uniform(&[0.0], &[1.0]).unwrap();
    let target = formula("log(where(x > 0, 1, 0)) + log(where(x < 1, 1, 0))");
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    for integrator in Integrator::ALL {
        let config = settings(integrator);
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let mut sampler = new(&gpu, &problem, &config);
        let info = sampler.run().unwrap();
        let particles = particles(&sampler);
        // Some particles are drawn at 0 itself, which the target leaves out.
        let zero = particles.log_weights().iter().filter(|lw| **lw == f32::NEG_INFINITY).count();
        assert!(zero <= 1 && info.dead == zero as u64, "{integrator}: {zero} without weight");
        let even = particles.log_weights().iter().all(|lw| *lw == 0.0 || *lw == f32::NEG_INFINITY);
        assert!(even, "{integrator}");
        assert!(particles.positions().iter().all(|x| (0.0..=1.0).contains(x)), "{integrator}");
        let share = info.refused.or(info.acceptance.map(|kept| 1.0 - kept)).unwrap();
        assert!(share > 0.005 && share < 0.9, "{integrator}: {share} refused");
        assert_eq!(info.refused.is_none(), integrator == Integrator::Mala);
    }
}

/// Those outside at the start, half of them, are counted once, whatever the resamplings after.
#[test]
fn particles_without_weight_are_counted_over_resamplings() {
    let start = Initial::normal(&[0.0], &[1.0]).unwrap();
    let target = formula("log(where(x > 0, 1, 0)) - 8*x");
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    for integrator in [Integrator::KernelRatio, Integrator::Mala] {
        let Some(gpu) = common::gpu(&problem, &settings(integrator)) else { return };
        let mut counts = Vec::new();
        for ess_threshold in [0.0, 1.0] {
            let config = Config { ess_threshold, ..settings(integrator) };
            let mut sampler = new(&gpu, &problem, &config);
            let outside = particles(&sampler).positions().iter().filter(|x| **x <= 0.0).count();
            let info = sampler.run().unwrap();
            assert!(ess_threshold == 0.0 || info.resamplings > 2, "{integrator}");
            assert_eq!(info.dead, outside as u64, "{integrator}, {ess_threshold}");
            counts.push((info.non_finite, info.lost.total()));
        }
        assert_eq!(counts, [(0, 0); 2]);
    }
}

#[test]
fn refusals_do_not_depend_on_submissions_or_workgroups() {
    let start = Initial::normal(&[0.0], &[2.0]).unwrap();
    let target = formula("log(where(x > 0, 1, 0)) - x");
    for flow in [Flow::annealed(), Flow::langevin()] {
        let problem = Problem::new(target.clone(), start.clone(), flow.clone()).unwrap();
        for integrator in Integrator::ALL {
            if integrator == Integrator::KernelRatio && !flow.has_path() {
                continue;
            }
            let Some(gpu) = common::gpu(&problem, &settings(integrator)) else { return };
            let run = |pieces: u32, workgroup_size: u32| {
                let config = Config { workgroup_size, ..settings(integrator) };
                let mut sampler = new(&gpu, &problem, &config);
                (0..pieces).for_each(|_| advance(&mut sampler, 24_u32.div_ceil(pieces)));
                let info = info(&sampler);
                (bits(&sampler), info.refused, info.acceptance, info.dead)
            };
            let expected = run(1, 64);
            for (pieces, size) in [(24, 64), (7, 256), (1, 32)] {
                let name = format!("{} {integrator} {pieces} {size}", flow.name());
                assert!(run(pieces, size) == expected, "{name}");
            }
        }
    }
}

/// Beside a velocity nothing exact is known at a wall, and the run says so.
#[test]
fn a_velocity_at_a_wall_is_an_error() {
    let start = Initial::normal(&[0.5], &[1.0]).unwrap();
    let velocity = "fn velocity(x: Point, beta: f32) -> Point { return Point(-1.0); }
        fn velocity_divergence(x: Point, beta: f32) -> f32 { return 0.0; }";
    let flow = Flow::annealed().with_velocity("u.wgsl", velocity);
    for integrator in
        [Integrator::KernelRatio, Integrator::Exponential, Integrator::Euler, Integrator::Strang]
    {
        let run = |text: &str| {
            let problem = Problem::new(formula(text), start.clone(), flow.clone()).unwrap();
            let config = settings(integrator);
            let gpu = common::gpu(&problem, &config)?;
            Some(new(&gpu, &problem, &config).run())
        };
        let Some(result) = run("log(where(x > 0, 1, 0)) - x") else { return };
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("at walls beside a velocity, as no integrator has"), "{text}");
        run("-x^2/2").unwrap().unwrap();
    }
    // What the errors advise is possible: the kernel ratio with the velocity, Metropolis without.
    let config = settings(Integrator::Mala);
    let wall = formula("log(where(x > 0, 1, 0)) - x");
    let problem = Problem::new(wall.clone(), start.clone(), flow).unwrap();
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let text = Sampler::new(&gpu, &problem, config.clone()).unwrap_err().to_string();
    assert!(text.ends_with("flow; use kernel-ratio, or leave the velocity out"), "{text}");
    let problem = Problem::new(wall, start, Flow::annealed()).unwrap();
    new(&gpu, &problem, &config).run().unwrap();
}
