//! Derived text, parsed and checked again and run on the host in double precision, against central
//! differences of the original: what is wrong by a sign or a factor is off by far more than these.

use wgpu::naga;

use super::{Derived, Evaluator, Mode, Refusal, gradient, gradient_by};

pub(crate) mod builtins;
mod constructs;
mod lengths;
mod overrides;
mod random;
mod refused;
mod second;
mod untaken;

const MODES: [Mode; 3] = [Mode::Reverse, Mode::Forward, Mode::Sweeps];

/// A checked module.
fn module(text: &str) -> naga::Module {
    let module = naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(text)));
    let flags = naga::valid::ValidationFlags::all();
    naga::valid::Validator::new(flags, naga::valid::Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(text)));
    module
}

/// The central difference of fourth order, in double precision.
fn slope(f: &dyn Fn(&[f64]) -> f64, x: &[f64], j: usize) -> f64 {
    let step = 1e-4 * (1.0 + x[j].abs());
    let at = |by: f64| {
        let mut x = x.to_vec();
        x[j] += by * step;
        f(&x)
    };
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
}

/// Runs the function `f` of `text` and its derivative, both on the host.
struct Pair {
    original: Evaluator,
    derived: Evaluator,
    shown: String,
}

impl Pair {
    fn new(text: &str, derived: &Derived) -> Pair {
        let whole = format!("{text}\n{}", derived.wgsl);
        let both = module(&whole);
        Pair {
            original: Evaluator::new(&both, "f").unwrap(),
            derived: Evaluator::new(&both, &derived.function).unwrap(),
            shown: derived.wgsl.clone(),
        }
    }

    fn with_buffers(mut self, buffers: &[(&str, Vec<f32>)]) -> Pair {
        for (name, contents) in buffers {
            self.original.set_buffer(name, contents.clone());
            self.derived.set_buffer(name, contents.clone());
        }
        self
    }

    /// Asserts that value and gradient are right at a point; gives the gradient.
    fn check(&self, x: &[f64], bound: f64) -> Vec<f64> {
        let f = |x: &[f64]| self.original.evaluate(x, &[]).unwrap().value;
        let found = self.derived.evaluate(x, &[]).unwrap();
        let value = f(x);
        let shown = &self.shown;
        assert!((found.value - value).abs() <= 1e-12 * (1.0 + value.abs()), "{value}\n{shown}");
        let gradient = found.outputs.last().expect("a gradient").clone();
        for (j, found) in gradient.iter().enumerate() {
            let expected = slope(&f, x, j);
            let scale = 1.0 + expected.abs() + value.abs();
            assert!(
                (found - expected).abs() <= bound * scale,
                "at {x:?}, along {j}: {found} is not {expected}\n{shown}"
            );
        }
        gradient
    }
}

/// Checks the gradient of `f` at points, in each mode that takes it; gives the modes.
fn check_gradient(text: &str, points: &[Vec<f64>], buffers: &[(&str, Vec<f32>)]) -> Vec<Mode> {
    let parsed = module(text);
    let mut taken = Vec::new();
    for mode in MODES {
        let derived = match gradient_by(&parsed, "f", mode) {
            Ok(derived) => derived,
            Err(error) => {
                assert_eq!(mode, Mode::Reverse, "{error}\n{text}");
                continue;
            }
        };
        let pair = Pair::new(text, &derived).with_buffers(buffers);
        points.iter().for_each(|x| {
            pair.check(x, 1e-7);
        });
        taken.push(mode);
    }
    let chosen = gradient(&parsed, "f").unwrap();
    assert!(taken.contains(&chosen.mode));
    taken
}

/// Points spread over [−1.5, 1.5) by multiples of the golden ratio.
fn points(dim: usize, count: usize) -> Vec<Vec<f64>> {
    let place = |k: usize| (k as f64 * 0.618_033_988_749_895).fract();
    (0..count).map(|i| (0..dim).map(|j| 3.0 * place(i * dim + j + 1) - 1.5).collect()).collect()
}

fn refusal(text: &str) -> Refusal {
    gradient(&module(text), "f").expect_err("refused")
}
