//! `--live`: a run in a terminal, with keys.

use std::process::{Command, Stdio};

use crate::program::{Folder, has_adapter};

/// Whether there is a Python to play the terminal; says so when a test is skipped for want of one.
fn has_python() -> bool {
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    let found = python.is_ok_and(|status| status.success());
    if !found {
        println!("skipped: there is no python3 to play the terminal");
    }
    found
}

/// What a run of the program on a terminal left behind.
struct Shown {
    code: i32,
    /// The screens at each key, and at the end.
    screens: String,
    /// Standard output.
    out: String,
}

/// The number after these words, the last time that they are there.
fn last_number(text: &str, words: &str) -> u32 {
    let after = &text[text.rfind(words).expect("shown") + words.len()..];
    after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Presses each key once its words are on the screen.
fn on_terminal(folder: &Folder, keys: &[(&str, &str)], arguments: &[&str]) -> Shown {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/terminal.py");
    let out = folder.path("out.txt");
    let mut command = Command::new("python3");
    command.arg(script).arg(&out);
    command.args(keys.iter().flat_map(|(key, words)| [*key, *words]));
    command.args(["--", env!("CARGO_BIN_EXE_wfr")]).args(arguments);
    command.current_dir(folder.path("")).env_remove("RUST_LOG").env("TERM", "xterm-256color");
    let output = command.output().unwrap();
    Shown {
        code: output.status.code().expect("the program ends by itself"),
        screens: String::from_utf8(output.stdout).unwrap(),
        out: std::fs::read_to_string(out).unwrap_or_default(),
    }
}

const SAMPLE: [&str; 6] = ["sample", "double-well", "--particles", "1000", "--live", "--steps"];

#[test]
fn keys_steer_a_run_and_what_is_done_is_reported() {
    if !has_adapter() || !has_python() {
        return;
    }
    let folder = Folder::new();
    let keys = [
        (" ", "running"),
        ("?", "space go on"),
        ("x", "go to the next test of the ESS and pause"),
        ("w", "space go on"),
        ("s", "nothing is saved: the run was started without --out"),
        ("q", "paused"),
    ];
    // So many that it cannot end before the first key.
    let shown = on_terminal(&folder, &keys, &[&SAMPLE[..], &["1000000", "--time", "40"]].concat());
    // What was stopped is told from what came to its end.
    assert_eq!(shown.code, 130, "{}", shown.screens);
    let end = "switches hl, keys left 0, settings restored True\n";
    assert!(shown.screens.ends_with(end), "{}", shown.screens);
    for words in ["double-well, on ", "x1 from ", "ESS   ", "log Z ", "ancestors left", "▀▀▀▀"]
    {
        assert!(shown.screens.contains(words), "{words}: {}", shown.screens);
    }
    // One test further than it was paused at.
    let paused = shown.screens.split("--- ").nth(2).expect("the second screen");
    let step = (last_number(paused, "\nstep ") / 16 + 1) * 16;
    let stopped = format!("warning: stopped by you after step {step} of 1000000");
    assert!(shown.screens.contains(&stopped), "{stopped}: {}", shown.screens);
    assert!(shown.out.contains(&format!("\nN = 1,000, {step} steps to time ")), "{}", shown.out);
    assert!(shown.out.contains("P(x0 > 0)"), "{}", shown.out);
}

/// The end stays on the screen until a key, and the report is that of any run.
#[test]
fn a_watched_run_ends_as_an_unwatched_one() {
    if !has_adapter() || !has_python() {
        return;
    }
    let folder = Folder::new();
    let json = ["64", "--json"];
    let shown = on_terminal(&folder, &[("q", "done")], &[&SAMPLE[..], &json].concat());
    assert_eq!(shown.code, 0, "{}", shown.screens);
    assert_eq!(last_number(&shown.screens, "\nstep "), 64);
    let unwatched = ["sample", "double-well", "--particles", "1000", "--steps", "64", "--json"];
    let unwatched = folder.wfr(&unwatched).succeeded().out;
    let record = |text: &str| -> serde_json::Value {
        let mut record: serde_json::Value = serde_json::from_str(text).unwrap();
        for cost in ["setup_s", "elapsed_s", "cpu_s", "particle_steps_per_s"] {
            record.as_object_mut().unwrap().remove(cost).expect(cost);
        }
        record
    };
    assert_eq!(record(&shown.out), record(&unwatched));
}

/// The error is on the terminal's own screen, which is as before.
#[test]
fn a_run_that_fails_gives_the_terminal_back() {
    if !has_adapter() || !has_python() {
        return;
    }
    let folder = Folder::new();
    let failing = ["sample", "--density", "-1e30*exp(1e3 + x0^2)", "--dim", "2", "--live"];
    let shown = on_terminal(&folder, &[], &failing);
    assert_eq!(shown.code, 1, "{}", shown.screens);
    let end = shown.screens.split("--- end\n").nth(1).expect("the last screen");
    assert!(end.contains("error: all weights are zero"), "{end}");
    assert!(end.ends_with("switches hl, keys left 0, settings restored True\n"), "{end}");
    assert_eq!(shown.out, "");
}

#[test]
fn without_a_terminal_there_is_no_live_view() {
    let folder = Folder::new();
    folder.write("a.txt", "1 0 0 1\n");
    let compose = ["compose", "--model", "a.txt", "--rule", "anneal", "--power", "2"];
    for command in [&["sample", "ring"][..], &compose] {
        folder.wfr(&[command, &["--live"]].concat()).failed(
            2,
            "error: --live draws on the terminal, and standard error is not one; leave it out, or \
             do not redirect standard error",
        );
    }
    assert_eq!(folder.names(), ["a.txt"]);
}
