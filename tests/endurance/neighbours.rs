//! Two processes on one adapter.

use std::fs;
use std::process::{Child, Command, Stdio};

use super::common;

fn start(folder: &std::path::Path, seed: u32) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wfr"))
        .args(["sample", "double-well", "--particles", "20000", "--steps", "4000", "--frames", "0"])
        .args(["--format", "safetensors", "--quiet", "--seed"])
        .arg(seed.to_string())
        .arg("--out")
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Both end well, and each leaves the bytes that it leaves alone.
#[test]
fn two_processes_on_one_adapter_do_not_disturb_each_other() {
    if common::adapter().is_none() {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let result = |name: &str| fs::read(parent.path().join(name).join("particles.safetensors"));
    let mut alone = start(&parent.path().join("alone"), 1);
    assert!(alone.wait().unwrap().success());
    let both = [start(&parent.path().join("one"), 1), start(&parent.path().join("two"), 2)];
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(result("one").unwrap(), result("alone").unwrap());
    assert_ne!(result("two").unwrap(), result("alone").unwrap());
}
