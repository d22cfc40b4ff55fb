//! The commands of README.md and of documents beside the book, run as they are written on the files that
//! the text tells to save, with few particles and steps: what counts here is that they run. Those of the
//! book's pages run at full length in scripts/book.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::program::has_adapter;

/// At least so many commands are in all documents together.
const COMMANDS: usize = 20;

/// Files that the texts name and do not show: mixtures, and the names of the README's own target.
const MIXTURES: [&str; 4] = ["left.txt", "right.txt", "a.txt", "b.txt"];
const UNNAMED: [&str; 2] = ["my_target.wgsl", "mine.wgsl"];

/// What is not run but only read, and why.
const NOT_RUN: [(&str, &str); 5] = [
    ("wfr compare", "half a minute of compiling shaders; tests/cli/results.rs"),
    ("wfr selftest", "half a minute; tests/cli/selftest.rs"),
    ("wfr bench", "a minute; tests/cli/results.rs runs it"),
    ("wfr experiment ablation", "half a minute of compiling shaders; tests/cli/compose.rs"),
    ("wfr experiment fkc", "a minute of compiling shaders; tests/cli/fkc.rs"),
];

/// No commands of the program: they install what is missing, build, and draw.
const SCRIPTS: &str = "scripts/";

/// Options that make a command quick; they replace those of the text.
const QUICK: [(&str, &[&str]); 6] = [
    ("wfr sample", &["-n 512", "--steps 100"]),
    ("wfr compose", &["-n 512", "--steps 40"]),
    ("wfr gap", &["-n 512", "--steps 32"]),
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
    let line = match line.strip_prefix("wfr ") {
        Some(rest) => format!("{} {rest}", env!("CARGO_BIN_EXE_wfr")),
        None => line,
    };
    let began = Instant::now();
    let output = Command::new("sh").args(["-c", &line]).current_dir(folder).output().unwrap();
    println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{line}\n{error}");
    if let Some((_, rest)) = words.split_once("--out ").filter(|_| !is_read) {
        let place = rest.split_whitespace().next().unwrap();
        assert!(folder.join(place).exists(), "{command} makes {place}");
    }
}

/// The files that texts name and do not show.
fn prepare(folder: &Path) {
    let models = folder.join("models");
    std::fs::create_dir(&models).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("models")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), models.join(entry.file_name())).unwrap();
    }
    for (name, like) in MIXTURES.iter().zip(["left.txt", "right.txt"].iter().cycle()) {
        std::fs::copy(models.join(like), folder.join(name)).unwrap();
    }
}

/// README.md and what of docs/ is no page of the book, by name.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary = std::fs::read_to_string(root.join("docs/SUMMARY.md")).unwrap();
    let is_page = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        summary.contains(&format!("({name})"))
    };
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|e| e == "md") && !is_page(path))
        .collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

/// Runs the commands of a document in a folder of its own; tells how many.
fn run_all(document: &Path) -> usize {
    let text = std::fs::read_to_string(document).unwrap();
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let mut count = 0;
    for Block { language, before, inner } in blocks(&text) {
        match language {
            "wgsl" | "csv" | "toml" | "txt" => {
                // The paragraph before a file names it.
                let mut names =
                    before.split('`').filter(|word| word.ends_with(&format!(".{language}")));
                let names = names.next_back().map_or(UNNAMED.to_vec(), |name| vec![name]);
                for name in names {
                    std::fs::write(folder.path().join(name), &inner).unwrap();
                }
            }
            "sh" => {
                for command in commands(&inner) {
                    if command.starts_with(SCRIPTS) {
                        let script = command.split_whitespace().next().unwrap();
                        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(script).exists());
                    } else {
                        run(folder.path(), &command);
                        count += 1;
                    }
                }
            }
            _ => {}
        }
    }
    count
}

#[test]
fn every_command_of_the_documents_runs() {
    if !has_adapter() {
        return;
    }
    let count: usize = documents().iter().map(|document| run_all(document)).sum();
    assert!(count >= COMMANDS, "{count} commands");
}

#[test]
fn options_of_the_text_give_way() {
    assert_eq!(
        quick("wfr sample ring --particles 1e6 --out a.npz   # here"),
        "wfr sample -n 512 --steps 100 ring --out a.npz   # here"
    );
    assert_eq!(
        quick("wfr compose --rule product --steps 800"),
        "wfr compose -n 512 --steps 40 --rule product "
    );
    assert_eq!(quick("wfr run a.toml"), "wfr run a.toml -n 512");
    assert_eq!(quick("wfr targets"), "wfr targets");
    assert_eq!(commands("# no\na \\\n    b\n\nc 'd\n  e'\n"), ["a \\\n    b", "c 'd\n  e'"]);
}
