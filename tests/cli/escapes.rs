//! What comes from a file steers no terminal and no browser, and no error is longer than a screen.

use crate::program::{Done, Folder, has_adapter};

/// A title of the terminal, a bell, and a mark that turns what follows around.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{202e}txt";

/// The same as a text in TOML spells it.
const SPELT: &str = "\\u001b]0;owned\\u0007\u{202e}txt";

/// Asserts that nothing of it is left, and that all is short.
#[track_caller]
fn is_harmless(what: &str, done: &Done, code: i32) {
    assert_eq!(done.code, code, "{what}: {}", done.err);
    for stream in [&done.out, &done.err] {
        let steers = |letter: char| {
            (letter.is_control() && letter != '\n' && letter != '\t')
                || ('\u{202a}'..='\u{202e}').contains(&letter)
        };
        assert!(!stream.contains(steers), "{what}: {stream:?}");
        assert!(stream.len() < 12_000, "{what}: {} bytes", stream.len());
    }
    assert!(!done.err.contains("panicked"), "{what}: {}", done.err);
}

#[test]
fn files_steer_no_terminal() {
    let folder = Folder::new();
    let files = [
        ("key.toml", format!("[run]\n\"{SPELT}\" = 1\n")),
        ("table.toml", format!("[\"{SPELT}\"]\na = 1\n")),
        ("value.toml", format!("[run]\nflow = \"{SPELT}\"\n")),
        ("number.toml", format!("[run]\nsteps = \"{SPELT}\"\n")),
        ("syntax.toml", format!("[run]\nsteps = = {HOSTILE}\n")),
        ("formula.toml", format!("[problem]\ndensity = \"x0 + {SPELT}\"\ndim = 1\n")),
        ("comment.wgsl", format!("fn log_density(x: Point) -> f32 {{ return y; }} // {HOSTILE}\n")),
        ("name.wgsl", format!("fn log_density(x: Point) -> f32 {{ return {HOSTILE}; }}\n")),
        ("header.csv", format!("a,{HOSTILE},{HOSTILE}\n1,2,3\n")),
        ("cell.csv", format!("b,a\n1,{HOSTILE}\n")),
        ("mixture.txt", format!("0.5 {HOSTILE} 1\n")),
        ("schedule.txt", format!("0\n{HOSTILE}\n1\n")),
    ];
    for (name, text) in &files {
        folder.write(name, text);
    }
    let small = ["-n", "64", "--steps", "8", "--dim", "1"];
    let data = ["sample", "--density", "-x0^2*sum(i, data.a[i])", "--dim", "1", "--data"];
    for (name, _) in &files {
        let schedule = format!("file:{name}");
        let (line, code) = match name.rsplit_once('.').unwrap() {
            (_, "toml") => (vec!["run", name], if name.starts_with("formula") { 4 } else { 2 }),
            (_, "wgsl") => ([&["sample", name], &small[..]].concat(), 4),
            (_, "csv") => ([&data[..], &[name]].concat(), 2),
            ("mixture", _) => (vec!["sample", "gaussian-mixture", "--components", name], 2),
            _ => (vec!["sample", "ring", "--schedule", schedule.as_str()], 2),
        };
        is_harmless(name, &folder.wfr(&line), code);
    }
    // The command line itself may come from a script.
    is_harmless("a word", &folder.wfr(&["sample", HOSTILE]), 2);
    is_harmless("an option", &folder.wfr(&["sample", "ring", "--flow", HOSTILE]), 2);
    is_harmless("a file", &folder.wfr(&["run", &format!("{HOSTILE}.toml")]), 2);
}

#[test]
fn errors_are_no_longer_than_a_screen() {
    let folder = Folder::new();
    let filler = "a".repeat(3_000_000);
    folder.write("long.wgsl", &format!("fn log_density(x: Point) -> f32 {{ return {filler}; }}\n"));
    folder.write("long.toml", &format!("[run]\n{filler} = 1\n"));
    folder.write("value.toml", &format!("[run]\nflow = \"{filler}\"\n"));
    let names: Vec<String> = (0..300_000).map(|k| format!("c{k}")).collect();
    let row = "1,".repeat(names.len() - 1) + "1";
    folder.write("wide.csv", &format!("{}\n{row}\n", names.join(",")));
    folder.write("cell.csv", &format!("a\n{filler}\n"));
    let data = ["sample", "--density", "-x0^2*none", "--dim", "1", "--data"];
    is_harmless("a long line of WGSL", &folder.wfr(&["check", "long.wgsl", "--dim", "1"]), 4);
    is_harmless("a long key", &folder.wfr(&["run", "long.toml"]), 2);
    is_harmless("a long value", &folder.wfr(&["run", "value.toml"]), 2);
    is_harmless("many columns", &folder.wfr(&[&data[..], &["wide.csv"]].concat()), 2);
    is_harmless("a long cell", &folder.wfr(&[&data[..], &["cell.csv"]].concat()), 2);
}

#[test]
fn names_steer_no_page() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let name = format!("<b>{HOSTILE}.wgsl");
    folder.write(&name, "fn log_density(x: Point) -> f32 { return -0.5 * x[0] * x[0]; }\n");
    let line = ["--dim", "1", "-n", "256", "--steps", "16", "--out", "run", "--plot"];
    let done = folder.wfr(&[&["sample", &name], &line[..]].concat());
    is_harmless("a name", &done, 0);
    let json = folder.wfr(&["sample", &name, "--dim", "1", "-n", "64", "--steps", "8", "--json"]);
    is_harmless("a name in JSON", &json, 0);
    let record: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(record["target"], name);
    for file in ["report.html", "density.svg", "summary.txt"] {
        let text = std::fs::read_to_string(folder.path("run").join(file)).unwrap();
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{202e}']) && !text.contains("<b>\u{fffd}"),
            "{file}"
        );
    }
}
