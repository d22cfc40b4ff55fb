//! Facts of the build for `wfr version`. What is not known is left out; no program but the compiler
//! is asked.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WFR_COMMIT");
    fact("TARGET", env::var("TARGET").ok());
    fact("RUSTC", compiler());
    fact("COMMIT", env::var("WFR_COMMIT").ok().or_else(packaged_commit));
}

fn fact(name: &str, value: Option<String>) {
    if let Some(value) = value {
        println!("cargo::rustc-env=WFR_BUILD_{name}={}", value.trim());
    }
}

/// `rustc 1.89.0 (…)`.
fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// The commit that `cargo package` writes into a package.
fn packaged_commit() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    rest.split('"').nth(1).map(str::to_string)
}
