//! On an executor with one thread, which has something else to do meanwhile: nothing of the sampler's
//! async functions holds it up.

mod common;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use wfr::{Axis, Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

/// What a ticker saw while one part of the test went on.
struct Part {
    name: &'static str,
    took: Duration,
    /// The longest time between two ticks.
    gap: Duration,
}

/// Something that ticks every 5 ms while futures are awaited beside it.
#[derive(Clone, Default)]
struct Ticker {
    ticks: Rc<RefCell<Vec<Instant>>>,
}

impl Ticker {
    async fn tick(self) {
        let mut every = tokio::time::interval(Duration::from_millis(5));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.ticks.borrow_mut().push(Instant::now());
        }
    }

    async fn beside<T>(&self, name: &'static str, future: impl Future<Output = T>) -> (T, Part) {
        tokio::time::sleep(Duration::from_millis(12)).await;
        self.ticks.borrow_mut().clear();
        let began = Instant::now();
        let value = future.await;
        let ended = Instant::now();
        let mut all = vec![began];
        all.extend(self.ticks.borrow().iter().copied().filter(|tick| *tick > began));
        all.push(ended);
        let gap = all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        (value, Part { name, took: ended - began, gap })
    }
}

fn on_one_thread(test: impl AsyncFnOnce(Ticker)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let ticker = Ticker::default();
        let ticks = tokio::task::spawn_local(ticker.clone().tick());
        test(ticker).await;
        ticks.abort();
    });
}

/// A density whose evaluation takes long.
fn problem() -> Problem {
    let text = "fn log_density(x: Point) -> f32 {
        var sum = 0.0;
        for (var k = 1; k <= 400; k += 1) {
            sum += cos(f32(k) * x[0]) / f32(k * k);
        }
        return sum - 0.5 * dot(x, x);
    }";
    let target = Target::from_wgsl(2, "slow.wgsl", text).unwrap();
    let start = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
    Problem::new(target, start, Flow::annealed()).unwrap()
}

fn config(particles: u32, steps: u32) -> Config {
    Config {
        particles,
        schedule: Schedule::uniform(1.0, steps).unwrap(),
        // Submissions as long as the whole run.
        submission_limit: Duration::from_secs(100),
        ..Config::default()
    }
}

#[test]
fn a_ticker_beside_a_run_keeps_ticking() {
    let (problem, config) = (problem(), config(200_000, 32));
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    on_one_thread(async |ticker| {
        let made = Sampler::new_async(&gpu, &problem, config);
        let (sampler, new) = ticker.beside("new_async", made).await;
        let mut sampler = sampler.unwrap();
        let (advanced, advance) = ticker.beside("advance_async", sampler.advance_async(16)).await;
        advanced.unwrap();
        // A submission that a read-back has to wait for.
        sampler.submit(8).unwrap();
        let (info, waited) = ticker.beside("info", sampler.info()).await;
        assert_eq!(info.unwrap().step, sampler.steps_encoded());
        sampler.submit(4).unwrap();
        let (particles, down) = ticker.beside("particles", sampler.particles()).await;
        assert_eq!(particles.unwrap().len(), 200_000);
        sampler.submit(4).unwrap();
        let axes = [Axis::new(0, 100)];
        let (counted, histogram) = ticker.beside("histogram", sampler.histogram(&axes)).await;
        assert!((counted.unwrap().masses().iter().sum::<f64>() - 1.0).abs() < 0.01);
        let (end, run) = ticker.beside("run_async", sampler.run_async()).await;
        assert_eq!(end.unwrap().step, 32);
        let longest = sampler.longest_submission();
        println!("longest submission {longest:?}");
        for Part { name, took, gap } in [new, advance, waited, down, histogram, run] {
            println!("{name}: {took:?}, without a tick for {gap:?}");
            // What is short may be one gap.
            let most = (took / 4).max(Duration::from_millis(100));
            assert!(gap < most, "{name} took {took:?} and held the executor up for {gap:?}");
        }
        assert!(longest > Duration::from_millis(200), "nothing to wait for: {longest:?}");
    });
}

/// The bits are those of a run that blocks, and a future that is dropped leaves a run between two steps.
#[test]
fn a_dropped_future_leaves_a_run_that_goes_on() {
    let problem = problem();
    // So short that steps are cut into parts.
    let config = Config { submission_limit: Duration::from_millis(1), ..config(3000, 40) };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let mut whole = Sampler::new(&gpu, &problem, config.clone()).unwrap();
    let end = whole.run().unwrap();
    on_one_thread(async |_| {
        let mut sampler = Sampler::new_async(&gpu, &problem, config).await.unwrap();
        let mut dropped = 0;
        while !sampler.is_finished() {
            let wait = Duration::from_micros(500 + 700 * dropped);
            if tokio::time::timeout(wait, sampler.advance_async(7)).await.is_err() {
                dropped += 1;
                assert_eq!(sampler.info().await.unwrap().step, sampler.steps_encoded());
            }
        }
        println!("{dropped} futures were dropped");
        assert!(dropped > 0);
        assert_eq!(sampler.finish_async().await.unwrap(), end);
        assert!(sampler.particles().await.unwrap() == common::particles(&whole));
    });
}

/// Several runs of one device in one thread, and futures that may move to other threads.
#[test]
fn runs_go_on_side_by_side() {
    let (problem, config) = (problem(), config(2000, 24));
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let run = async |gpu: Gpu, problem: Problem, config: Config| {
        let mut sampler = is_send(Sampler::new_async(&gpu, &problem, config)).await.unwrap();
        let end = is_send(sampler.run_async()).await.unwrap();
        is_send(sampler.save_async(&std::env::temp_dir().join("none/x"), &Default::default()))
            .await
            .unwrap_err();
        assert_eq!(is_send(sampler.particles()).await.unwrap().len(), 2000);
        assert!(is_send(sampler.survivors()).await.unwrap() > 0);
        end
    };
    on_one_thread(async |_| {
        let all: Vec<_> = (0..3)
            .map(|seed| {
                let config = Config { seed, ..config.clone() };
                tokio::task::spawn_local(run(gpu.clone(), problem.clone(), config))
            })
            .collect();
        for (seed, run) in (0..).zip(all) {
            let mut alone =
                Sampler::new(&gpu, &problem, Config { seed, ..config.clone() }).unwrap();
            assert_eq!(run.await.unwrap(), alone.run().unwrap());
        }
    });
}

/// A device that stays silent for longer than it may, and one that is lost: errors of whoever awaits it.
#[test]
fn a_lost_device_ends_the_waiting() {
    let (problem, config) = (problem(), config(100_000, 32));
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    on_one_thread(async |ticker| {
        let mut sampler = Sampler::new_async(&gpu, &problem, config).await.unwrap();
        sampler.submit(16).unwrap();
        let hasty = gpu.clone().with_patience(Duration::from_millis(1));
        let error = hasty.wait_async().await.unwrap_err().to_string();
        assert_eq!(error, "the device was lost: it has not answered for 0.001 s");
        // Those who are patient have what they wait for.
        sampler.info().await.unwrap();

        sampler.submit(16).unwrap();
        let device = gpu.device.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            device.destroy();
        });
        let (info, lost) = ticker.beside("info", sampler.info()).await;
        let kind = info.unwrap_err();
        assert!(matches!(kind.kind(), wfr::ErrorKind::DeviceLost { .. }), "{kind}");
        println!("{}: {:?}, {:?}", lost.name, lost.took, lost.gap);
        assert!(sampler.advance_async(1).await.is_err());
    });
}
