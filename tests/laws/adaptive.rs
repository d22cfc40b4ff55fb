//! Adaptive schedules.

use wfr::{Adaptive, Config, Flow, Schedule};

use crate::common;
use crate::gaussian::bell;

#[test]
fn probe() {
    let config = Config {
        particles: 1 << 14,
        schedule: Schedule::adaptive(Adaptive { max_stages: 200, ..Adaptive::default() }).unwrap(),
        ..Config::default()
    };
    let problem = bell(5, Flow::annealed());
    let Some(mut sampler) = common::sampler(&problem, &config) else { return };
    let started = std::time::Instant::now();
    let info = sampler.run().unwrap();
    println!("{info:?} {:?}", started.elapsed());
    for event in pollster::block_on(sampler.trace()).unwrap() {
        println!("{event:?}");
    }
    println!("{:?}", pollster::block_on(sampler.schedule()).unwrap().steps());
}
