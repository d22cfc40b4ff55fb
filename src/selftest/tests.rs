//! The self-test on the device of the tests, and each of its checks over spoiled evidence.

use super::finding::{Evidence, Finding, Law};
use super::{ITEMS, Item, answers, computed, resampling, run_observed};
use crate::reference::cases::{checksum, exact_log_weights};
use crate::reference::resampling::Event;
use crate::reference::threefry::{STREAM_STEP, threefry};
use crate::shaders::WeightShape;
use crate::testing;
use crate::wgsl::{Linked, Source};

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
        Evidence::Note(_) => Vec::new(),
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
            let is_note = matches!(finding.evidence, Evidence::Note(_));
            assert!(wrong.len() >= 2 || is_note, "{}", finding.name);
            for wrong in wrong {
                let check = item.check(&wrong);
                assert!(!check.passed, "{check:?}");
            }
        }
    }
}

/// The text with another value in place of what a function returns.
fn returning(text: &str, function: &str, value: &str) -> String {
    let (before, rest) = text.split_once(&format!("fn {function}(")).unwrap();
    let (head, rest) = rest.split_once("return ").unwrap();
    let (_, rest) = rest.split_once(';').unwrap();
    format!("{before}fn {function}({head}return {value};{rest}")
}

/// The names of the findings that do not hold.
fn failing(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().filter(|finding| !finding.holds()).map(|finding| finding.name).collect()
}

/// A compiler that takes computed numbers for finite: it answers the tests of them beforehand, or drops
/// the arm of a choice that is −∞ or no number.
#[test]
fn compilers_that_know_no_infinity_fail() {
    let Some(gpu) = testing::gpu() else { return };
    let float = crate::shaders::file("float").text;
    let body = computed::BODY;
    assert_eq!(failing(computed::told(&gpu, &float, body).unwrap()), [""; 0]);
    for function in ["float_is_non_finite", "float_is_minus_infinity", "float_is_lost"] {
        let folded = returning(&float, function, "false");
        let failed = failing(computed::told(&gpu, &folded, body).unwrap());
        let all = if function == "float_is_lost" { 5 } else { 6 };
        assert!(failed.len() >= all - 2, "{function}: {failed:?}");
        assert!(failed.iter().any(|name| name.contains("through arithmetic")), "{failed:?}");
    }
    for (arm, name) in [
        ("select(a, float_minus_infinity(), a < b)", "−∞ through a select"),
        ("select(a, float_nan(), a < b)", "computed not-a-numbers"),
    ] {
        let dropped = body.replace(arm, "a");
        assert_ne!(dropped, body);
        let failed = failing(computed::told(&gpu, &float, &dropped).unwrap());
        assert!(failed.iter().any(|failed| failed == name), "{failed:?}");
    }
}

/// A driver whose num_workgroups is zero in indirect dispatches, and a kernel that counts by it: the rows
/// after the first lie on it.
#[test]
fn rows_of_workgroups_that_lie_on_each_other_fail() {
    let Some(gpu) = testing::gpu() else { return };
    // In words that every compiler takes.
    let shape = WeightShape { native_wide: false, ..resampling::large_shape(&gpu) };
    let linked = crate::kernel::draw::linked(&shape);
    let (right, wrong) = ("id.y * WORKGROUPS_PER_ROW + id.x", "id.y * 0u + id.x");
    assert!(linked.text().contains(right));
    let text = linked.text().replace(right, wrong);
    let folded = Linked::new([Source::new("draw", text)]);
    assert_eq!(failing(resampling::large_by(&gpu, &folded).unwrap()).len(), 1);
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
