//! The self-test on the adapter of the tests.

use serde_json::Value;

use crate::program::{Folder, has_adapter};

#[test]
fn the_adapter_of_the_tests_passes() {
    if !has_adapter() {
        return;
    }
    let done = Folder::new().wfr(&["selftest"]).succeeded();
    for words in [
        "known answers\n  ok      Threefry: Random123's known answers",
        "resampling\n  ok",
        "laws\n  ok      annealed Gaussian: log Z",
        "determinism\n  ok",
        "numerics\n  ok",
        ": all as they should be\n",
    ] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    assert!(!done.out.contains("FAILED") && !done.out.contains("What to report"), "{}", done.out);
}

#[test]
fn every_adapter_is_tested_and_told_as_one_object() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let done = folder.wfr(&["selftest", "--all", "--json"]).succeeded();
    let record: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(record["passed"], true);
    let listed = folder.wfr(&["adapters"]).succeeded().out;
    let adapters = record["adapters"].as_array().unwrap();
    assert!(!adapters.is_empty());
    for adapter in adapters {
        assert!(listed.contains(adapter["adapter"]["name"].as_str().unwrap()), "{listed}");
        let checks = adapter["checks"].as_array().unwrap();
        assert!(checks.len() > 50, "{} checks", checks.len());
        assert!(checks.iter().all(|check| check["passed"] == true));
    }
    assert!(record["build"].as_array().is_some_and(|facts| facts.len() > 5), "{}", done.out);
}

#[test]
fn an_adapter_that_is_not_there_is_refused() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.wfr(&["selftest", "--adapter", "nothing"]).failed_with(3, &["'nothing'"]);
    folder.wfr(&["selftest", "--adapter", "0", "--all"]).failed_with(2, &["--all"]);
    assert_eq!(folder.wfr_without_adapter(&["selftest", "--all"]).code, 3);
}
