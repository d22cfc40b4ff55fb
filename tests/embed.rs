//! The sampler and the resampling inside another wgpu program: its device, queue and encoder, and
//! its own kernels on the sampler's buffers.

mod common;

use wfr::{Config, Flow, Gpu, Initial, Problem, Resampler, Resampling, Sampler, Schedule, Target};

/// A device made by plain wgpu. It panics on an error outside of a scope, as hosts' devices do.
fn foreign(limits: wgpu::Limits) -> Option<(wgpu::Device, wgpu::Queue)> {
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
    Some(pollster::block_on(common::adapter()?.request_device(&descriptor)).unwrap())
}

fn problem() -> Problem {
    let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
    Problem::new(Target::double_well(2).unwrap(), start, Flow::annealed()).unwrap()
}

fn config() -> Config {
    Config {
        particles: 30_000,
        schedule: Schedule::uniform(4.0, 200).unwrap(),
        ..Config::default()
    }
}

const BINS: usize = 64;

/// The host's histogram kernel over the sampler's buffers, recorded behind the sampler's steps.
struct Histogram {
    pipeline: wgpu::ComputePipeline,
    bins: wgpu::Buffer,
}

impl Histogram {
    fn new(device: &wgpu::Device) -> Histogram {
        let module =
            device.create_shader_module(wgpu::include_wgsl!("../examples/embed_wgpu.wgsl"));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("histogram"),
            compilation_options: Default::default(),
            cache: None,
        });
        let bins = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 8 * BINS as u64,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Histogram { pipeline, bins }
    }

    fn encode(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder, sampler: &Sampler) {
        let buffers = sampler.buffers();
        let entries: Vec<_> = (0..)
            .zip([&buffers.pages[0], buffers.log_weights, &self.bins])
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        encoder.clear_buffer(&self.bins, 0, None);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(sampler.config().particles.div_ceil(64), 1, 1);
    }
}

/// The same on the host: pairs of a count and a weight per bin.
fn histogram(particles: &wfr::Particles) -> Vec<(u32, f64)> {
    let mut bins = vec![(0, 0.0); BINS];
    for i in 0..particles.len() {
        let place = (particles.position(i)[0] + 2.0) / 4.0 * BINS as f32;
        let bin = &mut bins[place.clamp(0.0, BINS as f32 - 1.0) as usize];
        bin.0 += 1;
        bin.1 += f64::from(particles.log_weights()[i]).exp().clamp(0.0, 16.0);
    }
    bins
}

/// Steps and the host's kernel in one encoder of the host's; the histogram is that of the particles
/// that [`Sampler::particles`] reads, after an odd and an even number of segments.
#[test]
fn a_host_program_reads_the_particles_where_they_are() {
    let Some(adapter) = common::adapter() else { return };
    let (problem, config) = (problem(), config());
    let needs = wfr::requirements(&problem, &config, &adapter.limits()).unwrap();
    let (device, queue) = foreign(needs.limits()).unwrap();
    let gpu = Gpu::from_parts(device.clone(), queue.clone());
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    let host = Histogram::new(&device);
    for steps in [16, 16, 5, 163] {
        let mut encoder = device.create_command_encoder(&Default::default());
        sampler.encode(&mut encoder, steps);
        host.encode(&device, &mut encoder, &sampler);
        queue.submit([encoder.finish()]);
        let bins: Vec<[u32; 2]> = common::read(&device, &queue, &host.bins);

        let expected = histogram(&common::particles(&sampler));
        let counts: Vec<u32> = bins.iter().map(|bin| bin[0]).collect();
        assert_eq!(counts, expected.iter().map(|bin| bin.0).collect::<Vec<_>>());
        for (bin, (count, weight)) in bins.iter().zip(expected) {
            // Half a unit of rounding each, and the precision of the driver's exp.
            let bound = 0.5 * f64::from(count) + 1e-5 * 4096.0 * weight;
            let off = f64::from(bin[1]) - 4096.0 * weight;
            assert!(off.abs() <= bound, "after {}: off by {off}", sampler.steps_encoded());
        }
    }
    assert_eq!(common::info(&sampler).step, 200);
}

/// The result on the host's device is that of a device of our own, bit for bit, even though theirs
/// may lack the features that ours asks for.
#[test]
fn a_foreign_device_gives_the_same_bits() {
    let (problem, config) = (problem(), config());
    let Some(mut own) = common::sampler(&problem, &config) else { return };
    let (device, queue) = foreign(wgpu::Limits::default()).unwrap();
    let mut theirs =
        Sampler::new(&Gpu::from_parts(device, queue), &problem, config.clone()).unwrap();
    assert_eq!(own.run().unwrap(), theirs.run().unwrap());
    assert!(common::particles(&own) == common::particles(&theirs));
}

/// A device requested with fewer limits than the engine needs: the error names what to request, and
/// that is enough.
#[test]
fn a_device_of_few_limits_is_told_what_to_request() {
    let few = wgpu::Limits { max_storage_buffers_per_shader_stage: 4, ..Default::default() };
    let Some((device, queue)) = foreign(few) else { return };
    let weights = host_weights(&device, &[0.0; 1000], 0);
    let gpu = Gpu::from_parts(device, queue);
    let (problem, config) = (problem(), config());
    let error = Sampler::new(&gpu, &problem, config.clone()).unwrap_err().to_string();
    assert!(error.contains("this device was requested with 4; request it with the limits of"));
    assert!(error.ends_with("wfr::requirements(&problem, &config, &adapter.limits())"), "{error}");

    let resampler = Resampler::Residual;
    let error = Resampling::new(&gpu, &weights, 1000, resampler, 7).unwrap_err().to_string();
    assert_eq!(
        error,
        "particles = 1000 needs 7 storage buffers in one kernel, this device was requested with 4; \
         request it with the limits of wfr::Resampling::requirements(particles, resampler, \
         &adapter.limits())"
    );
    let adapter = common::adapter().unwrap();
    let needed = Resampling::requirements(1000, resampler, &adapter.limits()).unwrap();
    let (device, queue) = foreign(needed.limits()).unwrap();
    let weights = host_weights(&device, &[0.0; 1000], 0);
    let gpu = Gpu::from_parts(device, queue);
    assert!(Resampling::new(&gpu, &weights, 1000, resampler, 7).is_ok());
    assert!(needed.bytes() > 5 * 4000 && needed.bytes() < 6 * 4000, "{needed:?}");

    let run = wfr::requirements(&problem, &config, &adapter.limits()).unwrap();
    let (device, queue) = foreign(run.limits()).unwrap();
    assert!(Sampler::new(&Gpu::from_parts(device, queue), &problem, config).is_ok());
}

/// What resampling needs is one function of the number of particles.
#[test]
fn resampling_names_the_largest_number_that_fits() {
    let limits = wgpu::Limits::default();
    let of = |particles, resampler| Resampling::requirements(particles, resampler, &limits);
    let error = of(1 << 26, Resampler::Systematic).unwrap_err().to_string();
    assert_eq!(
        error,
        "particles = 67108864 needs a 256 MiB binding for log_weights, this adapter allows 128 MiB; \
         use at most 33554432"
    );
    assert!(of(33_554_432, Resampler::Systematic).is_ok());
    assert!(of(33_554_433, Resampler::Systematic).is_err());
    let error = of(0, Resampler::Systematic).unwrap_err().to_string();
    assert_eq!(error, "particles = 0 is not between 1 and 134217728");
}

/// Log-weights of the host in a buffer of the host, longer than what is resampled.
fn host_weights(device: &wgpu::Device, log_weights: &[f32], spare: usize) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4 * (log_weights.len() + spare) as u64,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: true,
    });
    let padded: Vec<f32> =
        log_weights.iter().copied().chain(std::iter::repeat_n(50.0, spare)).collect();
    buffer.get_mapped_range_mut(..).unwrap().copy_from_slice(bytemuck::cast_slice(&padded));
    buffer.unmap();
    buffer
}

/// Resampling alone, on a foreign buffer: offspring add up, stay within one of N·W where the
/// scheme promises it and near it elsewhere, and dead particles have none.
#[test]
fn a_host_program_resamples_its_own_weights() {
    let Some((device, queue)) = foreign(wgpu::Limits::default()) else { return };
    let gpu = Gpu::from_parts(device.clone(), queue.clone());
    let n = 5000;
    let log_weights: Vec<f32> = (0..n)
        .map(|i| match i % 10 {
            3 => f32::NEG_INFINITY,
            7 => f32::NAN,
            _ => 100.0 + 3.0 * (0.37 * i as f32).sin(),
        })
        .collect();
    let finite = |i: usize| log_weights[i].is_finite();
    let weight = |i: usize| if finite(i) { f64::from(log_weights[i] - 100.0).exp() } else { 0.0 };
    let total: f64 = (0..n).map(weight).sum();
    let buffer = host_weights(&device, &log_weights, 300);
    for resampler in Resampler::ALL {
        let resampling = Resampling::new(&gpu, &buffer, n as u32, resampler, 5).unwrap();
        let draw = |resampling: &Resampling| -> Vec<u32> {
            let mut encoder = device.create_command_encoder(&Default::default());
            resampling.encode(&mut encoder);
            queue.submit([encoder.finish()]);
            common::read(&device, &queue, resampling.ancestors())
        };
        let first = draw(&resampling);
        assert_eq!(first.len(), n);
        let second = draw(&resampling);
        assert_ne!(first, second, "every recording draws anew");
        let again = Resampling::new(&gpu, &buffer, n as u32, resampler, 5).unwrap();
        assert_eq!((draw(&again), draw(&again)), (first.clone(), second));
        let other = Resampling::new(&gpu, &buffer, n as u32, resampler, 6).unwrap();
        assert_ne!(draw(&other), first, "another seed draws others");

        let mut offspring = vec![0_u32; n];
        first.iter().for_each(|a| offspring[*a as usize] += 1);
        for (i, count) in offspring.iter().enumerate() {
            let expected = n as f64 * weight(i) / total;
            let off = f64::from(*count) - expected;
            assert!(*count == 0 || finite(i), "{resampler}: a dead particle has offspring");
            let bound = match resampler {
                Resampler::Systematic => 1.0 + 1e-3,
                Resampler::Stratified => 2.0 + 1e-3,
                _ => 6.0 * expected.sqrt() + 1.0,
            };
            assert!(off.abs() <= bound, "{resampler}: {count} offspring for {expected}");
            if resampler == Resampler::Residual {
                assert!(f64::from(*count) >= (expected - 1e-3).floor(), "{count} {expected}");
            }
        }
    }
    let too_many = Resampling::new(&gpu, &buffer, 5301, Resampler::Systematic, 5).unwrap_err();
    assert_eq!(
        too_many.to_string(),
        "particles = 5301 is not between 1 and 5300, what the buffer holds"
    );
}

/// An event says what it found, resamples only where it should, and zero weights end nothing.
#[test]
fn a_host_program_resamples_below_a_threshold() {
    let Some((device, queue)) = foreign(wgpu::Limits::default()) else { return };
    let gpu = Gpu::from_parts(device.clone(), queue.clone());
    let n = 3000_u32;
    let even: Vec<f32> = (0..n).map(|i| 5.0 + 0.1 * (i as f32).sin()).collect();
    let uneven: Vec<f32> = (0..n).map(|i| -20.0 + 4.0 * (i as f32).sin()).collect();
    let zero = vec![f32::NEG_INFINITY; n as usize];
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 4 * u64::from(n),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let resampling = Resampling::below(&gpu, &buffer, n, Resampler::Systematic, 1, 0.5).unwrap();
    for (weights, resamples) in
        [(&even, false), (&uneven, true), (&zero, false), (&uneven, true), (&even, false)]
    {
        queue.write_buffer(&buffer, 0, bytemuck::cast_slice(weights));
        let mut encoder = device.create_command_encoder(&Default::default());
        resampling.encode(&mut encoder);
        queue.submit([encoder.finish()]);
        let found = pollster::block_on(resampling.last()).unwrap();
        assert_eq!(found.resampled, resamples);
        let sums = weights.iter().fold([0.0; 2], |[sum, squares], log_weight| {
            let weight = f64::from(*log_weight).exp();
            [sum + weight, squares + weight * weight]
        });
        let mean = (sums[0] / f64::from(n)).ln();
        if mean.is_finite() {
            assert!((found.log_mean_weight - mean).abs() < 1e-5, "{found:?} {mean}");
            let ess = sums[0] * sums[0] / sums[1];
            assert!((f64::from(found.ess) / ess - 1.0).abs() < 1e-4, "{found:?} {ess}");
        } else {
            assert_eq!(found.log_mean_weight, f64::NEG_INFINITY);
        }
        let parents: Vec<u32> = common::read(&device, &queue, resampling.ancestors());
        let own = parents.iter().zip(0..).all(|(parent, i)| *parent == i);
        assert_eq!(own, !resamples);
    }
    let error = Resampling::below(&gpu, &buffer, n, Resampler::Systematic, 1, 1.5).unwrap_err();
    assert_eq!(error.to_string(), "ess_threshold = 1.5 is not between 0 and 1");
    let limits = Resampling::limits(n, Resampler::Systematic, &device.limits()).unwrap();
    assert_eq!(limits.max_storage_buffer_binding_size, 128 << 20);
}

/// A dropped encoder is no end: the sampler goes back to what the device has done, to the same bits.
#[test]
fn a_dropped_encoder_is_rewound() {
    let (problem, config) = (problem(), config());
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let new = || Sampler::new(&gpu, &problem, config.clone()).unwrap();
    let mut whole = new();
    let end = whole.run().unwrap();
    let encoder = || gpu.device.create_command_encoder(&Default::default());
    let rewind = |sampler: &mut Sampler| pollster::block_on(sampler.rewind());

    // Cuts that leave either copy of the state current, by encoders and by passes.
    for (done, in_pass) in [(16, false), (5, false), (21, true), (0, true), (48, false)] {
        let mut sampler = new();
        assert_eq!(rewind(&mut sampler).unwrap(), 0);
        let record = |sampler: &mut Sampler, steps: u32| {
            let mut encoder = encoder();
            match in_pass {
                true => {
                    sampler.encode_into(&mut encoder.begin_compute_pass(&Default::default()), steps)
                }
                false => sampler.encode(&mut encoder, steps),
            }
            encoder.finish()
        };
        for _ in 0..2 {
            let kept = record(&mut sampler, done);
            drop(record(&mut sampler, 7));
            drop(record(&mut sampler, 30));
            gpu.queue.submit([kept]);
            let error = common::checked(&sampler).unwrap_err().to_string();
            assert!(error.contains("Sampler::rewind") || in_pass, "{error}");
            let before = sampler.steps_encoded() - 37;
            assert_eq!(rewind(&mut sampler).unwrap(), before);
            assert_eq!(common::info(&sampler).step, before);
        }
        assert_eq!(sampler.run().unwrap(), end);
        assert!(common::particles(&sampler) == common::particles(&whole));
    }

    // What came after a dropped one cannot be taken back.
    let mut sampler = new();
    sampler.encode(&mut encoder(), 16);
    sampler.submit(16).unwrap();
    let error = rewind(&mut sampler).unwrap_err();
    assert!(matches!(error.kind(), wfr::ErrorKind::Recording { .. }), "{error}");
    // Nor a later one.
    let mut sampler = new();
    sampler.encode(&mut encoder(), 16);
    let mut later = encoder();
    sampler.encode(&mut later, 16);
    gpu.queue.submit([later.finish()]);
    assert!(rewind(&mut sampler).is_err());
}
