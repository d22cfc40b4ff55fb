//! Where on the path the steps are changes the error, never the law.

use wfr::{Annealing, Config, Flow, Schedule};

use super::gaussian::bell;
use crate::common::{self, Law, assert_hold, assert_rejected};

/// Every schedule in 40 steps of unequal use, among them one from a file.
fn schedules() -> Vec<Schedule> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let points = (0..=40).map(|k| f64::from(k) / 40.0);
    let lines: Vec<_> = points.map(|s| format!("{} {}", 2.0 * s * s, s.sqrt())).collect();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let uniform = || Schedule::uniform(2.0, 40).unwrap();
    vec![
        uniform(),
        uniform().annealed(Annealing::Power(0.5)).unwrap(),
        uniform().annealed(Annealing::Power(2.0)).unwrap(),
        uniform().annealed(Annealing::Sigmoid(6.0)).unwrap(),
        Schedule::geometric(0.005, 2.0, 40).unwrap(),
        Schedule::from_file(file.path()).unwrap(),
    ]
}

/// log Z, mean and second moment of a Gaussian by exact weights under every schedule.
///
/// Flipped, log Z is off by 6 to 44.
#[test]
fn every_schedule_has_the_closed_form_log_z() {
    for schedule in schedules() {
        let name = schedule.description();
        let config = Config { particles: 1 << 15, schedule, ..Config::default() };
        let Some(gpu) = common::gpu(&bell(2, Flow::annealed()), &config) else { return };
        let laws = |flow: Flow| -> wfr::Result<Vec<Law>> {
            let measured = common::averaged(&gpu, &bell(2, flow), &config, 0..2, |info, d| {
                vec![common::log_z(info, d), d.means()[0], d.second_moments()[1]]
            })?;
            let log_z = (std::f64::consts::TAU * 0.25).ln();
            let truths = [("log Z", log_z), ("E x0", 1.0), ("E x1²", 1.25)];
            let law = |((what, truth), measured)| {
                Law::new(format!("{name}: {what}"), measured, truth, 0.0)
            };
            Ok(truths.into_iter().zip(measured).map(law).collect())
        };
        assert_hold(&laws(Flow::annealed()).unwrap());
        assert_rejected(laws(common::annealed_with_flipped_sign()));
    }
}
