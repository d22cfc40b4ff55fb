//! A run as it is kept: what files, pictures and reports are made from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wfr::{Info, Particles, TraceEvent};

use super::Record;

/// A run that has ended, from memory or from its folder.
///
/// Pictures and reports take nothing else, so that `wfr plot DIR` draws what the run would have drawn.
pub(crate) struct Kept {
    pub(crate) record: Record,
    /// The weighted particles, or as many of them as were kept.
    pub(crate) particles: Arc<Particles>,
    /// Particles of equal weight, resampled from all of them, row by row (M, dim) and
    /// counted from the particles' center.
    pub(crate) posterior: Vec<f32>,
    /// One per test of the ESS, and one for the end.
    pub(crate) stages: Vec<Stage>,
    /// The population at moments of the run, first to last; empty where none were looked at.
    pub(crate) frames: Vec<Frame>,
}

impl Kept {
    /// Whether log Z came out of the run: from weights along a path of densities or of a corrected
    /// composition, or from the transition mixture of a gradient flow.
    pub(crate) fn tells_log_z(&self) -> bool {
        self.record.log_normalizer.is_finite()
    }
}

/// The population before an ESS test, or at the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Stage {
    pub(crate) step: u32,
    pub(crate) time: f64,
    pub(crate) beta: f64,
    pub(crate) ess: f64,
    /// Not a number where it was not traced.
    pub(crate) cess: f64,
    /// Not a number where weights do not tell it.
    pub(crate) log_normalizer: f64,
    pub(crate) max_weight: f64,
    pub(crate) non_finite: u32,
    pub(crate) resampled: bool,
}

/// The population at a moment: its weighted density in the plane of the first two coordinates, or on
/// the line of the only one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) step: u32,
    pub(crate) time: f64,
    pub(crate) ess: f64,
    pub(crate) log_normalizer: f64,
    /// Time-zero ancestors with a descendant.
    pub(crate) ancestors: u32,
    /// The ends of the first axis.
    pub(crate) x: [f64; 2],
    /// The ends of the second axis; (0, 1) in one dimension.
    pub(crate) y: [f64; 2],
    pub(crate) columns: u32,
    /// 1 in one dimension.
    pub(crate) rows: u32,
    /// Row by row from the lowest y; its integral is what lies inside.
    pub(crate) density: Vec<f32>,
}

impl From<&TraceEvent> for Stage {
    fn from(event: &TraceEvent) -> Stage {
        Stage {
            step: event.step,
            time: event.time,
            beta: event.beta,
            ess: event.ess.into(),
            cess: event.cess.map_or(f64::NAN, f64::from),
            log_normalizer: event.log_normalizer,
            max_weight: event.max_weight.into(),
            non_finite: event.non_finite,
            resampled: event.resampled,
        }
    }
}

impl From<&Info> for Stage {
    fn from(end: &Info) -> Stage {
        Stage {
            step: end.step,
            time: end.time,
            beta: end.beta,
            ess: end.ess.into(),
            cess: f64::NAN,
            log_normalizer: end.log_normalizer,
            max_weight: end.max_weight.into(),
            non_finite: end.non_finite,
            resampled: false,
        }
    }
}

/// Runs that nobody ran, for tests of what is made from them.
#[cfg(test)]
pub(crate) mod made_up {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng};
    use serde_json::{Value, json};

    use super::*;

    /// Counts a run's particles on the adapter; nothing where there is none and none is required.
    pub(crate) fn counts(kept: &Kept) -> Option<wfr::Histograms> {
        let adapter = match wfr::block_on(wfr::adapter(None)) {
            Ok(adapter) => adapter,
            Err(error) => {
                let required = std::env::var_os("WFR_TEST_ADAPTER").is_some_and(|v| v == "require");
                assert!(!required, "{error}");
                println!("skipped: {error}");
                return None;
            }
        };
        let gpu = wfr::block_on(wfr::Gpu::request(&adapter, adapter.limits())).unwrap();
        Some(wfr::Histograms::new(&gpu, &kept.particles).unwrap())
    }

    /// A run on the double well of the catalogue: positions of its law, and weights that are
    /// lognormal whatever the position.
    pub(crate) fn double_well(dim: usize, count: usize) -> Kept {
        let mut random = StdRng::seed_from_u64(7);
        let target = wfr::Target::double_well(dim as u32).unwrap();
        let truth = target.truth().unwrap();
        let positions = positions(&mut random, dim, count);
        let log_weights: Vec<f32> = (0..count).map(|_| 0.8 * normal(&mut random) as f32).collect();
        // Few large families and many small ones.
        let ancestor = |random: &mut StdRng| {
            let uniform: f64 = random.random();
            (uniform.powi(4) * count as f64) as u32
        };
        let ancestors: Vec<u32> = (0..count).map(|_| ancestor(&mut random)).collect();
        let particles = Particles::new(dim, positions, log_weights, ancestors).unwrap();
        let steps = 80;
        let stages: Vec<Stage> = (0..=steps)
            .map(|step| {
                let time = f64::from(step) / 20.0;
                Stage {
                    step,
                    time,
                    beta: time / 4.0,
                    ess: count as f64 * (1.0 - 0.06 * f64::from(step % 9)),
                    cess: f64::NAN,
                    log_normalizer: truth.log_normalizer * (1.0 - (-2.0 * time).exp()),
                    max_weight: 0.01,
                    non_finite: 0,
                    resampled: step % 9 == 8,
                }
            })
            .collect();
        let modes = json!([
            mode("left", 1.0 - truth.right_mass + 0.002, 1.0 - truth.right_mass),
            mode("right", truth.right_mass - 0.002, truth.right_mass),
        ]);
        Kept {
            record: record(dim, count, &truth, modes),
            posterior: self::positions(&mut random, dim, count),
            frames: (0..=60).map(|k| frame(dim, count, k)).collect(),
            particles: particles.into(),
            stages,
        }
    }

    fn mode(name: &str, mass: f64, exact: f64) -> Value {
        json!({
            "name": name, "mass": mass, "mass_se": 0.004, "exact": exact, "ancestors": 900,
            "effective_ancestors": 400.0, "largest_particle": 0.001, "largest_ancestor": 0.01
        })
    }

    fn record(dim: usize, count: usize, truth: &wfr::Truth, modes: Value) -> Record {
        let moments = |offset: f64| vec![offset; dim];
        let settings = json!({
            "version": "0.1.0", "target": "double-well",
            "parameters": { "a": 20.0, "c": 0.1, "stiffness": 1.0 },
            "dim": dim, "initial": "normal(mean=0, sd=1)", "flow": "annealed",
            "log_ratio": null, "pilot": null, "transport": 1.0, "reaction": null,
            "composition": null, "integrator": "kernel-ratio", "particles": count,
            "steps": 80, "time": 4.0, "schedule": "uniform", "stages": null, "betas": null,
            "seed": 7, "ess_threshold": 0.5, "ess_every": 1, "resampler": "systematic",
            "taming": true, "preconditioner": null, "friction": 1.0, "stiffness": 1.0,
            "tuned": null, "adapter": "none", "driver": "none", "backend": "none",
            "software": true
        });
        let results = json!({
            "log_normalizer": truth.log_normalizer + 0.001,
            "log_normalizer_se": 0.002, "ess": 0.6 * count as f64, "resamplings": 8,
            "acceptance": null, "unique_ancestors": 900, "effective_ancestors": 400.0,
            "largest_ancestor": 0.01, "mean": moments(0.01), "mean_se": moments(0.01),
            "second_moment": moments(1.01), "second_moment_se": moments(0.02),
            "sd": moments(1.0), "sd_se": moments(0.01), "levels": [0.5],
            "quantiles": vec![vec![0.0]; dim], "quantiles_se": vec![vec![0.01]; dim],
            "right_mass": truth.right_mass, "right_mass_se": 0.004, "max_weight": 0.01,
            "non_finite": 0, "modes": modes, "warnings": [], "complete": true, "every": 1,
            "truth": {
                "log_normalizer": truth.log_normalizer, "right_mass": truth.right_mass,
                "mean": truth.mean, "second_moment": truth.second_moment
            }
        });
        let (Value::Object(mut record), Value::Object(results)) = (settings, results) else {
            unreachable!("both are objects")
        };
        record.extend(results);
        serde_json::from_value(Value::Object(record)).unwrap()
    }

    /// The first coordinate by rejection from the square, the others standard normal.
    fn positions(random: &mut StdRng, dim: usize, count: usize) -> Vec<f32> {
        let mut positions = Vec::with_capacity(dim * count);
        while positions.len() < dim * count {
            let x: f64 = random.random_range(-2.0..2.0);
            let log = -20.0 * x * x * (0.25 * x * x - 0.5) - 0.1 * x;
            // The peak is e⁵ times a little for the tilt.
            if random.random::<f64>() < (log - 5.11).exp() {
                positions.push(x as f32);
                positions.extend((1..dim).map(|_| normal(random) as f32));
            }
        }
        positions
    }

    /// By Box and Muller.
    fn normal(random: &mut StdRng) -> f64 {
        let (a, b): (f64, f64) = (random.random(), random.random());
        (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// From a broad normal law to two wells, in ranges that shrink.
    fn frame(dim: usize, count: usize, k: u32) -> Frame {
        const SIDE: u32 = 96;
        let beta = f64::from(k) / 60.0;
        let half = 4.0 - 1.2 * beta;
        let rows = if dim == 1 { 1 } else { SIDE };
        let middle = |i: u32, n: u32| half * (2.0 * (f64::from(i) + 0.5) / f64::from(n) - 1.0);
        let log = |x: f64, y: f64| {
            -0.5 * y * y
                - 0.5 * (1.0 - beta) * x * x
                - beta * (20.0 * x * x * (0.25 * x * x - 0.5) + 0.1 * x)
        };
        let places = (0..SIDE * rows).map(|i| (middle(i % SIDE, SIDE), middle(i / SIDE, rows)));
        let shares: Vec<f64> =
            places.map(|(x, y)| log(x, if dim == 1 { 0.0 } else { y }).exp()).collect();
        let cell = 2.0 * half / f64::from(SIDE)
            * if dim == 1 { 1.0 } else { 2.0 * half / f64::from(rows) };
        let total: f64 = shares.iter().sum::<f64>() * cell;
        Frame {
            step: k,
            time: f64::from(k) / 15.0,
            ess: count as f64 * (1.0 - 0.06 * f64::from(k % 9)),
            log_normalizer: 5.7 * beta,
            ancestors: (count as f64 * (-3.0 * beta).exp()) as u32,
            x: [-half, half],
            y: if dim == 1 { [0.0, 1.0] } else { [-half, half] },
            columns: SIDE,
            rows,
            density: shares.iter().map(|share| (share / total) as f32).collect(),
        }
    }
}
