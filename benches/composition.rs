//! What a step of a composition of closed-form models costs, as a Markdown table.
//!
//! Run with `cargo bench --bench composition [-- --peer PYTHON]`. Wall and CPU nanoseconds per
//! particle and step, medians of rounds in which all cases take turns; the weights and resampling
//! are included, compiling is not. With `--peer` the same work is done by
//! `benches/peers/composition.py` in that Python, in the same turns.

use std::process::{Command, Stdio};
use std::time::Instant;

use wfr::diffusion::{Composition, Noise, Rule, ScoreModel, Spacing};
use wfr::{Component, Config, Gpu, Integrator, Problem, Sampler};

const ROUNDS: usize = 3;

struct Case {
    name: &'static str,
    dim: usize,
    components: usize,
    models: usize,
    particles: u32,
    steps: u32,
}

const CASES: [Case; 4] = [
    Case { name: "anneal", dim: 2, components: 40, models: 1, particles: 10_000, steps: 200 },
    Case { name: "anneal", dim: 2, components: 40, models: 1, particles: 100_000, steps: 32 },
    Case { name: "fisher-rao", dim: 2, components: 2, models: 2, particles: 1_000_000, steps: 16 },
    Case { name: "fisher-rao", dim: 16, components: 4, models: 2, particles: 65_536, steps: 32 },
];

impl Case {
    fn problem(&self) -> wfr::Result<Problem> {
        let model = |m: usize| {
            let component = |k: usize| Component {
                weight: 1.0,
                mean: (0..self.dim).map(|j| 8.0 * ((7 * k + 3 * j + 5 * m) as f64).sin()).collect(),
                scale: vec![0.5],
            };
            ScoreModel::gaussian_mixture(&(0..self.components).map(component).collect::<Vec<_>>())
        };
        let models = (0..self.models).map(model).collect::<wfr::Result<Vec<_>>>()?;
        let rule = if self.models == 1 { Rule::annealed(2.0) } else { Rule::fisher_rao(0.5) };
        Composition::new(noise(), models, rule).problem()
    }

    fn config(&self, ess_every: u32) -> wfr::Result<Config> {
        Ok(Config {
            particles: self.particles,
            schedule: noise().schedule(Spacing::Uniform, 1e-3, self.steps)?,
            integrator: Some(Integrator::Euler),
            ess_every,
            ..Config::default()
        })
    }
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let peer = arguments.iter().position(|a| a == "--peer").and_then(|i| arguments.get(i + 1));
    println!("| rule | d | components | N | program | wall ns | CPU ns |");
    println!("| --- | ---: | ---: | ---: | --- | ---: | ---: |");
    for case in &CASES {
        let problem = case.problem()?;
        let adapter = pollster::block_on(wfr::adapter(None))?;
        let plan = wfr::requirements(&problem, &case.config(1)?, &adapter.limits())?;
        let gpu = pollster::block_on(Gpu::request(&adapter, plan.limits()))?;
        let mut rows: Vec<(String, Vec<[f64; 2]>)> = Vec::new();
        for round in 0..ROUNDS {
            let mut add = |at: usize, name: String, cost: [f64; 2]| {
                if rows.len() <= at {
                    rows.push((name, Vec::new()));
                }
                rows[at].1.push(cost);
            };
            for (at, every) in [16, 1].into_iter().enumerate() {
                let config = Config { seed: round as u64, ..case.config(every)? };
                let mut sampler = Sampler::new(&gpu, &problem, config)?;
                let start = (Instant::now(), cpu_seconds());
                sampler.run()?;
                let spent = [start.0.elapsed().as_secs_f64(), cpu_seconds() - start.1];
                let per = f64::from(case.particles) * f64::from(case.steps) / 1e9;
                add(at, format!("wfr, ESS every {every}"), spent.map(|s| s / per));
            }
            if let Some(python) = peer {
                let (name, cost) = ask(python, case)?;
                add(2, name, cost);
            }
        }
        for (name, mut costs) in rows {
            let mut median = |i: usize| {
                costs.sort_by(|a, b| a[i].total_cmp(&b[i]));
                costs[costs.len() / 2][i]
            };
            let Case { name: rule, dim, components, particles, .. } = case;
            let (wall, cpu) = (median(0), median(1));
            println!(
                "| {rule} | {dim} | {components} | {particles} | {name} | {wall:.1} | {cpu:.1} |"
            );
        }
    }
    Ok(())
}

/// The peer's name and its wall and CPU nanoseconds.
fn ask(python: &str, case: &Case) -> Result<(String, [f64; 2]), String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/composition.py");
    let numbers = [case.dim, case.components, case.models, case.particles as usize];
    let output = Command::new(python)
        .arg(script)
        .args(numbers.map(|n| n.to_string()))
        .arg(case.steps.to_string())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{python} does not start: {error}; give a Python with torch"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut parts = text.trim().split(';');
    let name = parts.next().unwrap_or("peer").to_string();
    let mut number = || parts.next().and_then(|p| p.parse().ok()).unwrap_or(f64::NAN);
    Ok((name, [number(), number()]))
}

/// CPU time of all threads of this process.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
