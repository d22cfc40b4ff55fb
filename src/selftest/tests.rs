//! The self-test on the device of the tests, and each of its checks over spoiled evidence.

use super::finding::{Evidence, Finding, Law};
use super::{ITEMS, Item, answers, resampling, run_observed};
use crate::reference::cases::{checksum, exact_log_weights};
use crate::reference::resampling::Event;
use crate::reference::threefry::{STREAM_STEP, threefry};
use crate::testing;

/// The oracles have the same words and ancestors as every adapter.
#[test]
fn checksums_are_those_of_the_oracles() {
    let words: Vec<u32> = (0..1 << 16).flat_map(|i| threefry(1, i, i, 0, STREAM_STEP)).collect();
    assert_eq!(format!("{:#x}", checksum(&words)), format!("{:#x}", answers::WORDS));
    let log_weights = exact_log_weights(3, 10_007);
    let ancestors = resampling::ANCESTORS.map(|(resampler, _)| {
        let event = Event::new(&log_weights, resampler, resampling::SEED, 0).unwrap();
        (resampler, format!("{:#x}", checksum(&event.ancestors)))
    });
    assert_eq!(ancestors, resampling::ANCESTORS.map(|(r, sum)| (r, format!("{sum:#x}"))));
}

#[test]
fn this_device_passes() {
    let Some(gpu) = testing::gpu() else { return };
    let mut seen = 0;
    let report = run_observed(&gpu, |_| seen += 1);
    let failures: Vec<_> = report.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(report.passed() && seen == report.checks.len() && seen > 50, "{seen} checks");
    println!("{seen} checks in {:.1} s", report.seconds);
}

/// What a broken device could have given in place of the finding, in several ways.
fn spoiled(finding: &Finding) -> Vec<Finding> {
    let with = |evidence| Finding { evidence, ..finding.clone() };
    match &finding.evidence {
        Evidence::Words { measured, expected } => {
            // One bit of any word, and a word too few.
            let places = [0, measured.len() / 2, measured.len() - 1];
            let flipped = places.map(|at| {
                let mut measured = measured.clone();
                measured[at] ^= 1;
                with(Evidence::Words { measured, expected: expected.clone() })
            });
            let short = measured[1..].to_vec();
            let short = with(Evidence::Words { measured: short, expected: expected.clone() });
            flipped.into_iter().chain([short]).collect()
        }
        Evidence::Range { least, most, .. } => {
            let range = |measured| with(Evidence::Range { measured, least: *least, most: *most });
            let beyond = [*most + 1e-3 + 1e-6 * most, *least - 1e-3 - 1e-6 * least, f64::NAN];
            let beyond = beyond.into_iter().filter(|value| *value != f64::INFINITY);
            beyond.map(range).collect()
        }
        Evidence::Law(law) => {
            let off = |by: f64| {
                let mut law: Law = law.clone();
                law.measured.value = law.truth + by * law.bound();
                with(Evidence::Law(law))
            };
            [1.01, -1.01, f64::NAN].map(off).to_vec()
        }
    }
}

/// Every check fails when one bit of what it looked at is wrong, or a number just beyond its bound:
/// through the judgement that reports go through.
#[test]
fn every_check_fails_on_spoiled_evidence() {
    let Some(gpu) = testing::gpu() else { return };
    for item in &ITEMS {
        for finding in (item.run)(&gpu).unwrap() {
            assert!(item.check(&finding).passed, "{}", finding.name);
            let wrong = spoiled(&finding);
            assert!(wrong.len() >= 2, "{}", finding.name);
            for wrong in wrong {
                let check = item.check(&wrong);
                assert!(!check.passed, "{check:?}");
            }
        }
    }
}

/// Bounds of laws tell a wrong law: none is wider than a tenth of what it bounds, or than 0.15.
#[test]
fn laws_are_bounded_tightly() {
    let Some(gpu) = testing::gpu() else { return };
    for finding in ITEMS.iter().flat_map(|item| (item.run)(&gpu).unwrap()) {
        if let Evidence::Law(law) = &finding.evidence {
            assert!(law.bound() < (0.1 * law.truth.abs()).max(0.15), "{law}");
        }
    }
}

#[test]
fn an_error_and_nothing_found_are_failures() {
    let Some(gpu) = testing::gpu() else { return };
    let item = |run| Item { name: "one", run, ..ITEMS[0] };
    let broken = item(|_| Err(crate::Error::config("particles", "= 0 are none"))).checks(&gpu);
    assert!(!broken[0].passed && broken[0].measured.contains("particles"), "{broken:?}");
    let empty = item(|_| Ok(Vec::new())).checks(&gpu);
    assert!(!empty[0].passed, "{empty:?}");
}
