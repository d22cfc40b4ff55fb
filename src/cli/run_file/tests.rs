//! Command lines that go into a run file and come back.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::*;
use crate::cli::{compose, sample};

/// The run file of a command line, resolved.
fn resolved(words: &[&str]) -> Resolved {
    of(Cli::try_parse_from([&["wfr"], words].concat()).unwrap().command)
}

fn of(command: Command) -> Resolved {
    match command {
        Command::Sample(arguments) => sample::resolved(&arguments).unwrap(),
        Command::Compose(arguments) => compose::resolved(&arguments).unwrap(),
        _ => panic!("a run"),
    }
}

/// Writes it into a folder, reads it again, and resolves what was read.
fn again(first: &Resolved, folder: &Path) -> Resolved {
    first.write(folder).unwrap();
    of(command_of(&folder.join(FILE_NAME)).unwrap())
}

#[test]
fn a_resolved_file_resolves_to_itself() {
    let from = tempfile::tempdir().unwrap();
    let path = |name: &str| from.path().join(name).to_str().unwrap().to_string();
    fs::create_dir(from.path().join("b")).unwrap();
    for (name, text) in [
        ("mine.wgsl", "fn log_density(x: Point) -> f32 { return -dot(x, x) * y[0]; }"),
        ("m.txt", "0.5 -1 0 1\n0.5 1 0 1\n"),
        ("b/M.txt", "1 0 0 1\n"),
        ("y.csv", "y\n1\n2\n"),
        ("beta.txt", "0 0\n1 1\n"),
        ("v.wgsl", "fn velocity(x: Point, beta: f32) -> Point { return x; }"),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let [wgsl, m, other, y] = ["mine.wgsl", "m.txt", "b/M.txt", "y.csv"].map(path);
    let [beta, velocity] = ["beta.txt", "v.wgsl"].map(path);
    let law = format!("mixture({m})");
    let data = format!("y={y}:y");
    let lines: [&[&str]; 5] = [
        &["sample", "double-well", "--set", "a=4e1", "--set", "a=.5", "-n", "2^17", "--tune"],
        &[
            "sample",
            &wgsl,
            "--dim",
            "2",
            "--data",
            &data,
            "--initial",
            &law,
            "--schedule",
            &beta,
            "--mode-centres",
            &other,
            "--velocity",
            &velocity,
            "--flow",
            "path",
            "--path",
            "power:-1",
            "--out",
            "elsewhere.npz",
        ],
        &["sample", "--density", "-x0^2 # \"'\\", "--dim", "1", "--bandwidth", "0.1,0.2"],
        &[
            "compose",
            "--model",
            &m,
            "--model",
            &other,
            "--model",
            &m,
            "--rule",
            "power",
            "--power",
            "-1",
            "--shares",
            "0.2,0.3,0.5",
        ],
        &[
            "compose",
            "--model",
            &m,
            "--rule",
            "anneal",
            "--power",
            "1:2",
            "--noise",
            "ve:0.01:80",
            "--reward",
            "a*x0",
            "--set",
            "a=2",
            "--seed",
            "18446744073709551615",
            "--uncorrected",
        ],
    ];
    for words in lines {
        let first = resolved(words);
        let folder = tempfile::tempdir().unwrap();
        let second = again(&first, folder.path());
        assert_eq!(first.text(), second.text());
        let elsewhere = tempfile::tempdir().unwrap();
        second.write(elsewhere.path()).unwrap();
        for input in files(&folder.path().join("inputs")) {
            let other = elsewhere.path().join(input.strip_prefix(folder.path()).unwrap());
            assert_eq!(fs::read(&input).unwrap(), fs::read(other).unwrap(), "{input:?}");
        }
        assert!(!first.text().contains("elsewhere"));
    }
}

/// All files below a folder; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_resolved_file_has_every_setting_and_copies_of_every_file() {
    let from = tempfile::tempdir().unwrap();
    let place = |name: &str| from.path().join(name).to_str().unwrap().to_string();
    fs::create_dir(place("b")).unwrap();
    fs::write(place("m.txt"), "0.5 -1 0 1\n0.5 1 0 1\n").unwrap();
    fs::write(place("b/m.txt"), "1 0 0 1\n").unwrap();
    let [a, b] = ["m.txt", "b/m.txt"].map(place);
    let models = ["--model", &a, "--model", &b, "--model", &a];
    let text = resolved(&[&["compose", "--rule", "product"][..], &models].concat()).text();
    for line in [
        "command = \"compose\"",
        "model = [\"inputs/m.txt\", \"inputs/2/m.txt\", \"inputs/m.txt\"]",
        "noise = \"vp:0.1:20\"",
        "levels = \"uniform\"",
        "last = 0",
        "steps = 400",
        "stochasticity = 1",
        "uncorrected = false",
        "seed = 0",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let text = resolved(&["sample", "ring", "--set", "width=1", "--set", "width=0.5"]).text();
    for line in [
        "target = \"ring\"",
        "set = { width = 0.5 }",
        "steps = 400",
        "time = 4",
        "initial = \"normal(mean=0, sd=2)\"",
        "particles = 1e5",
        "flow = \"annealed\"",
        "trace_cess = false",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn the_law_of_a_folder_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    resolved(&["sample", "double-well", "--set", "a=7"]).write(folder.path()).unwrap();
    let (law, modes) = problem_of(folder.path()).unwrap();
    let Law::Target(target) = law else { panic!("a target") };
    assert_eq!((target.name(), target.parameters()[0]), ("double-well", ("a", 7.0)));
    assert_eq!(modes.unwrap().names(), ["x0 < 0", "x0 > 0"]);

    let from = tempfile::tempdir().unwrap();
    let model = from.path().join("m.txt");
    fs::write(&model, "0.5 -1 0 1\n0.5 1 0 1\n").unwrap();
    let model = model.to_str().unwrap();
    let words = ["compose", "--model", model, "--rule", "anneal", "--power", "2", "--last", "0.01"];
    let folder = tempfile::tempdir().unwrap();
    resolved(&words).write(folder.path()).unwrap();
    fs::remove_file(model).unwrap();
    let (law, modes) = problem_of(folder.path()).unwrap();
    let Law::Composition { composition, last } = law else { panic!("a composition") };
    assert_eq!(composition.models()[0].components().unwrap().len(), 2);
    assert!((last - 0.01).abs() < 1e-12, "{last}");
    assert!(modes.is_some());
    assert!(problem_of(from.path()).is_err());
}

#[test]
fn options_beside_the_file_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    fs::write(
        &file,
        "[problem]\ntarget = \"ring\"\nset = { radius = 3 }\n[run]\nsteps = 5\nparticles = 1e3\n",
    )
    .unwrap();
    let line = |options: &[&str]| {
        let options: Vec<OsString> = options.iter().map(OsString::from).collect();
        of(command_line(&file, Reach::Anywhere, &options, Vec::new()).unwrap().command).text()
    };
    let text = line(&["double-well", "--steps", "7", "--set", "a=2", "-v"]);
    for expected in ["target = \"double-well\"", "steps = 7", "set = { a = 2 }", "particles = 1e3"]
    {
        assert!(text.lines().any(|own| own == expected), "{text}");
    }
    assert!(line(&[]).contains("set = { radius = 3 }"));
}

#[test]
fn options_beside_the_file_put_out_what_they_exclude() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.txt"), "1 0 0 1\n").unwrap();
    let file = folder.path().join("a.toml");
    fs::write(
        &file,
        "command = \"compose\"\nmodels.model = [\"m.txt\", \"m.txt\"]\n\
         rule = { rule = \"mixture\", share = 0.1 }\n",
    )
    .unwrap();
    let options = ["--shares", "0.5,0.5"].map(OsString::from);
    let text =
        of(command_line(&file, Reach::Anywhere, &options, Vec::new()).unwrap().command).text();
    assert!(text.contains("shares = [0.5, 0.5]"), "{text}");
    assert!(!text.contains("share = 0.1"), "{text}");
}

#[test]
fn the_schema_has_every_key_and_the_resolved_files_values() {
    let schema: serde_json::Value = serde_json::from_str(&schema::text().unwrap()).unwrap();
    for name in key::COMMANDS {
        let tables = &schema["$defs"][name]["properties"];
        for key in key::keys(&key::command(name)) {
            let own = &tables[&key.table]["properties"][&key.name];
            assert!(own["description"].as_str().is_some_and(|text| !text.is_empty()), "{own}");
        }
    }
    let of = |table: &str, key: &str| {
        schema["$defs"]["sample"]["properties"][table]["properties"][key].clone()
    };
    assert_eq!(of("run", "tune")["type"], "boolean");
    assert_eq!(of("run", "particles")["default"], 1e5);
    assert_eq!(of("run", "resampler")["enum"][0], "systematic");
    assert_eq!(of("problem", "components")["type"], "string");
    assert_eq!(of("results", "overwrite")["const"], false);
    assert_eq!(schema["$defs"]["compose"]["properties"]["rule"]["required"][0], "rule");
}
