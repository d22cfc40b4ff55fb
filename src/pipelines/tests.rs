use crate::kernel::Kernel;
use crate::layout::Settings;
use crate::numbers::Numbers;
use crate::testing::gpu;
use crate::wgsl::counted::counts;
use crate::wgsl::{Linked, Source};
use crate::{Adaptive, Config, Data, Error, Flow, Initial, Problem, Sampler, Schedule, Target};

/// From a text of a user's without a score to a run: neither we nor wgpu parse anything again.
#[test]
fn no_text_is_parsed_twice() {
    let Some(gpu) = gpu() else { return };
    let text = "override width: f32 = 1.0;
        @group(1) @binding(0) var<storage, read> y: array<f32>;
        fn parsed_here(x: f32) -> f32 { return x * x / (width * width); }
        fn log_density(x: Point) -> f32 {
            var sum = -parsed_here(x[0]) - parsed_here(x[1]);
            for (var i = 0u; i < arrayLength(&y); i++) { sum -= parsed_here(x[0] - y[i]); }
            return sum;
        }";
    let data = Data::new(600, 1, vec![0.5; 600]).unwrap();
    let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
    let target = target.set("width", 2.0).unwrap().with_data("y", &data).unwrap();
    let start = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    let fixed = Schedule::uniform(1.0, 8).unwrap();
    let adaptive = Schedule::adaptive(Adaptive::default()).unwrap();
    for schedule in [fixed, adaptive] {
        let config = Config { particles: 1000, schedule, ..Config::default() };
        Sampler::new(&gpu, &problem, config).unwrap();
    }
    let counts = counts();
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let is_alone = |text: &&String| !text.contains("fn target_score(");
    let alone = counts.keys().filter(is_alone).count();
    // With the adaptor on the host, with the flow there, in the steps, and in the choice of a β.
    assert_eq!((alone, counts.len() - alone), (1, 4));
}

/// wgpu has no text to draw its errors on.
#[test]
fn what_a_device_refuses_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let text = "@compute @workgroup_size(1) fn main() { let number: f32 = \n sum(); }
        fn sum() -> f32 {\n\n var x = 1.0; }";
    let linked = Linked::new([Source::new("mine.wgsl", text)]);
    let numbers = Numbers::alone(&gpu, &Settings::default()).unwrap();
    let error: Error = Kernel::new(&gpu, &numbers, &linked, "main", Vec::new(), &[]).unwrap_err();
    let expected = "the device reported: Validation Error\n\nCaused by:\n  \
                    In Device::create_shader_module, label = 'wfr.main'\n    \n\
                    Shader validation error: Function [0] 'sum' is invalid";
    assert_eq!(error.to_string(), expected);
}
