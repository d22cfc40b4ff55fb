//! The commands of README.md and of the tutorials, run as they are written on the files that the text
//! tells to save, with few particles and steps: what counts here is that they run.

use std::path::Path;
use std::process::Command;

use crate::program::has_adapter;

/// The texts, and how many commands each has at least.
const TEXTS: [(&str, &str, usize); 3] = [
    ("README.md", include_str!("../../README.md"), 20),
    ("docs/tutorial.md", include_str!("../../docs/tutorial.md"), 11),
    ("docs/composition.md", include_str!("../../docs/composition.md"), 11),
];

/// Files that the texts name and do not show: mixtures, and the names of the README's own target.
const MIXTURES: [&str; 4] = ["left.txt", "right.txt", "a.txt", "b.txt"];
const UNNAMED: [&str; 2] = ["my_target.wgsl", "mine.wgsl"];

/// What is not run but only read, and why.
const NOT_RUN: [(&str, &str); 6] = [
    ("wfr bench", "a minute; tests/cli/results.rs runs it"),
    ("wfr experiment ablation", "half a minute of compiling shaders; tests/cli/compose.rs"),
    ("wfr experiment fkc", "a minute of compiling shaders; tests/cli/fkc.rs"),
    ("wfr experiment overhead", "a minute of compiling shaders; tests/cli/compose.rs"),
    ("wfr experiment robustness", "half a minute of compiling shaders; tests/cli/compose.rs"),
    (
        "wfr experiment stress",
        "minutes of compiling shaders in 64 dimensions; tests/cli/compose.rs",
    ),
];

/// Scripts install what is missing and build: they are no commands of the program.
const SCRIPTS: &str = "scripts/";

/// Options that make a command quick; they replace those of the text.
const QUICK: [(&str, &[&str]); 8] = [
    ("wfr sample", &["-n 1000"]),
    ("wfr compose", &["-n 512", "--steps 40"]),
    ("wfr compare", &["-n 512", "--steps 32"]),
    ("wfr gap", &["-n 512", "--steps 32"]),
    ("wfr demo", &["-n 512", "--steps 20"]),
    ("wfr run", &["-n 512"]),
    ("wfr experiment transfer", &["-n 256", "--steps 20"]),
    ("wfr experiment geodesics", &["-n 512", "--steps 40", "--looks 4"]),
];

/// A fenced block: its language, the text since the last one, and what it holds.
struct Block<'t> {
    language: &'t str,
    before: String,
    inner: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut before = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = format!("{before} {line}");
            continue;
        };
        let inner: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let inner = inner.join("\n") + "\n";
        blocks.push(Block { language, before: std::mem::take(&mut before), inner });
    }
    blocks
}

/// The commands of a block: one begins wherever a line does, unless it is indented or goes on.
fn commands(script: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match commands.last_mut() {
            Some(last) if line.starts_with(' ') => *last = format!("{last}\n{line}"),
            _ => commands.push(line.to_string()),
        }
    }
    commands
}

/// The command with the options that make it quick in place of its own.
fn quick(command: &str) -> String {
    let Some((name, options)) = QUICK.iter().find(|(name, _)| command.starts_with(name)) else {
        return command.to_string();
    };
    let mut rest = command[name.len()..].to_string();
    for option in *options {
        let word = option.split(' ').next().unwrap();
        for word in [word, if word == "-n" { "--particles" } else { word }] {
            if let Some((start, after)) = rest.split_once(&format!(" {word} ")) {
                let (_, end) = after.split_once([' ', '\n']).unwrap_or_default();
                rest = format!("{start} {end}");
            }
        }
    }
    // At the end a comment may stand, and a run file comes first.
    match *name == "wfr run" {
        true => format!("{name}{} {}", rest.trim_end(), options.join(" ")),
        false => format!("{name} {}{rest}", options.join(" ")),
    }
}

fn run(folder: &Path, command: &str) {
    // Where the words alone are read, asking for help ends the reading.
    let is_read = NOT_RUN.iter().any(|(name, _)| command.starts_with(name));
    let words = command.split(" #").next().unwrap().to_string();
    let line = if is_read { format!("{words} --help") } else { quick(command) };
    let line = line.replacen("wfr", env!("CARGO_BIN_EXE_wfr"), 1);
    let output = Command::new("sh").args(["-c", &line]).current_dir(folder).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{line}\n{error}");
    assert!(!output.stdout.is_empty(), "{command} prints nothing");
    for option in ["--out ", "--plot "] {
        let Some((_, rest)) = words.split_once(option).filter(|_| !is_read) else { continue };
        let file = rest.split_whitespace().next().unwrap();
        assert!(folder.join(file).exists(), "{command} makes {file}");
    }
}

/// Saves what the text tells to save in the folders of later commands.
fn save(folder: &Path, files: &[(String, String)]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let models = folder.join("models");
    std::fs::create_dir_all(&models).unwrap();
    for entry in std::fs::read_dir(root.join("models")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), models.join(entry.file_name())).unwrap();
    }
    for (name, like) in MIXTURES.iter().zip(["left.txt", "right.txt"].iter().cycle()) {
        std::fs::copy(models.join(like), folder.join(name)).unwrap();
    }
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn every_command_of_the_documents_runs() {
    if !has_adapter() {
        return;
    }
    for (text, contents, least) in TEXTS {
        let mut files: Vec<(String, String)> = Vec::new();
        let mut count = 0;
        for Block { language, before, inner } in blocks(contents) {
            if language == "wgsl" || language == "csv" {
                // The paragraph before a file names it.
                let names =
                    before.split('`').filter(|word| word.ends_with(&format!(".{language}")));
                match names.last() {
                    Some(name) => files.push((name.to_string(), inner)),
                    None => files.extend(UNNAMED.map(|name| (name.to_string(), inner.clone()))),
                }
                continue;
            }
            if language != "sh" {
                continue;
            }
            // Blocks write files of the same names.
            let folder = tempfile::tempdir().unwrap();
            save(folder.path(), &files);
            for command in commands(&inner) {
                if command.starts_with(SCRIPTS) {
                    assert!(Path::new(command.split_whitespace().next().unwrap()).exists());
                    continue;
                }
                assert!(command.starts_with("wfr "), "{text}: {command}");
                run(folder.path(), &command);
                count += 1;
            }
        }
        assert!(count >= least, "{text}: {count} commands");
    }
}

#[test]
fn options_of_the_text_give_way() {
    assert_eq!(
        quick("wfr sample ring --particles 1e6 --out a.npz   # here"),
        "wfr sample -n 1000 ring --out a.npz   # here"
    );
    assert_eq!(
        quick("wfr compose --rule product --steps 800"),
        "wfr compose -n 512 --steps 40 --rule product "
    );
    assert_eq!(quick("wfr run a.toml"), "wfr run a.toml -n 512");
    assert_eq!(quick("wfr targets"), "wfr targets");
    assert_eq!(commands("# no\na \\\n    b\n\nc 'd\n  e'\n"), ["a \\\n    b", "c 'd\n  e'"]);
}
