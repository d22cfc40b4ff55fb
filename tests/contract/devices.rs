//! A device that goes away: an error from every call, never a panic and never without end.

use std::time::{Duration, Instant};

use wfr::{
    Axis, Config, ErrorKind, Flow, Gpu, Histograms, Resampler, Resampling, Sampler, Schedule,
};

use super::{common, double_well};

fn config() -> Config {
    let schedule = Schedule::uniform(4.0, 100_000).unwrap();
    Config { particles: 5000, schedule, ..Config::default() }
}

/// The error of a call, which must be that the device is lost.
fn lost<T>(what: &str, result: wfr::Result<T>) -> String {
    match result {
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::DeviceLost { .. }), "{what}: {error}");
            error.to_string()
        }
        Ok(_) => panic!("{what} succeeds on a lost device"),
    }
}

/// Every call that needs the device.
fn all_calls(sampler: &mut Sampler) {
    use pollster::block_on;
    let problem = double_well(Flow::annealed());
    let gpu = sampler.gpu().clone();
    lost("submit", sampler.submit(16));
    lost("advance", sampler.advance(16));
    lost("run", sampler.run());
    lost("finish", sampler.finish());
    lost("info", block_on(sampler.info()));
    lost("particles", block_on(sampler.particles()));
    lost("window", block_on(sampler.window(3..7)));
    lost("histogram", block_on(sampler.histogram(&[Axis::new(0, 10)])));
    lost("survivors", block_on(sampler.survivors()));
    lost("trace", block_on(sampler.trace()));
    lost("wait", gpu.wait());
    lost("new", Sampler::new(&gpu, &problem, config()));
    let log_weights = sampler.buffers().log_weights;
    lost("resampling", Resampling::new(&gpu, log_weights, 100, Resampler::Systematic, 1));
    let particles = wfr::Particles::new(1, vec![0.0], vec![0.0], vec![0]).unwrap();
    lost("histograms", Histograms::new(&gpu, &particles));
    // And again: it stays so.
    lost("info", block_on(sampler.info()));
}

/// A device that a host program made, with its own callbacks.
fn foreign() -> Option<Gpu> {
    let (device, queue) =
        pollster::block_on(common::adapter()?.request_device(&Default::default())).unwrap();
    Some(Gpu::from_parts(device, queue))
}

/// A sampler on a device of our own, and one on a host program's.
fn samplers() -> Vec<Sampler> {
    let problem = double_well(Flow::annealed());
    let gpus = [common::gpu(&problem, &config()), foreign()];
    let sampler = |gpu: Gpu| Sampler::new(&gpu, &problem, config()).unwrap();
    gpus.into_iter().flatten().map(sampler).collect()
}

#[test]
fn a_device_destroyed_between_two_submissions() {
    for mut sampler in samplers() {
        sampler.advance(16).unwrap();
        sampler.gpu().device.destroy();
        all_calls(&mut sampler);
    }
}

#[test]
fn a_device_destroyed_during_a_submission() {
    for mut sampler in samplers() {
        // A second of work or more.
        sampler.submit(3000).unwrap();
        sampler.gpu().device.destroy();
        all_calls(&mut sampler);
    }
}

/// While the run waits for it, and whatever the run does at that moment.
#[test]
fn a_device_destroyed_by_another_thread() {
    for millis in [3, 41, 97, 160] {
        for mut sampler in samplers() {
            let device = sampler.gpu().device.clone();
            let started = Instant::now();
            let other = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(millis));
                device.destroy();
            });
            // Far longer than the device lives.
            lost("run", sampler.run());
            other.join().unwrap();
            assert!(started.elapsed() < Duration::from_secs(120));
            lost("info", pollster::block_on(sampler.info()));
        }
    }
}

/// One that is busy, or hangs, for longer than the host is ready to wait.
#[test]
fn a_device_that_does_not_answer() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config()) else { return };
    let hasty = gpu.clone().with_patience(Duration::from_millis(1));
    let mut sampler = Sampler::new(&gpu, &problem, config()).unwrap();
    sampler.submit(50_000).unwrap();
    let started = Instant::now();
    let waited = hasty.wait();
    println!("waited {:?}: {waited:?}", started.elapsed());
    let error = lost("wait", waited);
    assert_eq!(error, "the device was lost: it has not answered for 0.001 s");
    gpu.wait().unwrap();
    assert_eq!(common::info(&sampler).step, 50_000);
}
