//! What programs on a command line owe: completions, manual pages, facts, colours, Ctrl-C.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Folder, has_adapter};

#[test]
fn shells_complete_every_command() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = folder.wfr(&["completions", shell]).succeeded();
        for word in ["sample", "compose", "trace-cess", "init", "resume", "selftest"] {
            assert!(done.out.contains(word), "{shell}: {word}");
        }
    }
    folder.wfr(&["completions", "tcsh"]).failed_with(2, &["invalid value 'tcsh'", "bash"]);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    let page = folder.wfr(&["man"]).succeeded().out;
    assert!(page.contains(".TH wfr 1"), "{page}");
    folder.wfr(&["man", "--out", "pages"]).succeeded();
    let pages = std::fs::read_dir(folder.path("pages")).unwrap();
    let names: Vec<_> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    for name in [
        "wfr.1",
        "wfr-sample.1",
        "wfr-run.1",
        "wfr-resume.1",
        "wfr-selftest.1",
        "wfr-experiment-transfer.1",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let sample = std::fs::read_to_string(folder.path("pages/wfr-sample.1")).unwrap();
    assert!(sample.contains("ess\\-threshold"), "{sample}");
}

#[test]
fn facts_of_the_build_need_no_adapter() {
    let folder = Folder::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(folder.wfr(&["-V"]).succeeded().out, format!("wfr {version}\n"));
    let facts = folder.wfr_without_adapter(&["--version"]).succeeded().out;
    let fact = |name: &str| {
        let line = facts.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].trim().to_string()
    };
    assert_eq!(fact("wfr"), version);
    assert!(fact("compiler").starts_with("rustc 1."), "{facts}");
    assert!(fact("target").contains(std::env::consts::ARCH), "{facts}");
    assert!(fact("features").starts_with("cli, data"), "{facts}");
    assert!(!fact("back ends").is_empty(), "{facts}");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = Folder::new();
    let red = "\u{1b}[1m\u{1b}[31merror:";
    let wrong = |options: &[&str]| folder.wfr(&[&["sample", "rong"], options].concat());
    assert!(!wrong(&[]).err.contains('\u{1b}'));
    assert!(wrong(&["--color", "always"]).err.contains(red));
    // clap's own errors too, also of options after a run file.
    assert!(wrong(&["--color=always", "--nothing"]).err.contains("\u{1b}["));
    folder.write("a.toml", "[run]\n");
    let run = |options: &[&str]| folder.wfr(&[options, &["run", "a.toml", "--nothing"]].concat());
    assert!(run(&["--color", "always"]).err.contains("\u{1b}["));
    assert!(!run(&[]).err.contains("\u{1b}["));
}

#[test]
fn verbose_tells_the_memory_of_every_buffer() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let done = folder.wfr(&["sample", "ring", "-n", "2^17", "--steps", "16", "-v"]);
    for line in [
        "of memory on the device",
        "  state                     3 MiB",
        "  log_weights             512 KiB",
    ] {
        assert!(done.err.contains(line), "{}", done.err);
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_stops_a_run_and_keeps_what_it_has() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    // Minutes of work, unless it is stopped.
    let run = ["sample", "ring", "-n", "1e5", "--steps", "1e6", "--json", "-v", "--out", "part"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_wfr"))
        .args(run)
        .current_dir(folder.path(""))
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_listening = lines.any(|line| line.unwrap().contains("Ctrl-C stops the run"));
    assert!(is_listening);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");

    let record: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(record["complete"], false);
    let steps = record["steps"].as_u64().unwrap();
    assert!(steps > 0 && steps < 1_000_000, "{steps}");
    assert!(record["ess"].as_f64().unwrap() > 0.0, "{out}");
    let warning = format!("warning: stopped by you after step {steps} of 1000000");
    assert!(said.iter().any(|line| line.starts_with(&warning)), "{said:?}");
    // What it had is a folder like any other.
    let summary = std::fs::read_to_string(folder.path("part/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["complete"], &summary["steps"]), (&false.into(), &steps.into()));
    assert!(folder.path("part/particles.npz").exists());

    let whole = folder.wfr(&["sample", "ring", "-n", "1e3", "--steps", "16", "--json"]).succeeded();
    let record: Value = serde_json::from_str(&whole.out).unwrap();
    assert_eq!(record["complete"], true);
    let adaptive = ["sample", "ring", "-n", "1e3", "--schedule", "adaptive", "--json"];
    let record: Value = serde_json::from_str(&folder.wfr(&adaptive).succeeded().out).unwrap();
    assert_eq!(record["complete"], true);
}

/// In a bare container the driver's choice between windows would complain, twice.
#[test]
fn nothing_is_said_of_a_window_system() {
    if !has_adapter() {
        return;
    }
    let done = Folder::new().wfr(&["adapters", "-q"]).succeeded();
    assert_eq!(done.err, "");
}
