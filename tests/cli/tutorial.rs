//! The tutorial's commands, run one after the other on the files that it tells to save.

use std::process::Command;

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

/// The fenced blocks of the text: what they hold, and the last words before them.
fn blocks() -> Vec<(&'static str, String, String)> {
    let mut blocks = Vec::new();
    let mut before = String::new();
    let mut lines = TUTORIAL.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            // A paragraph names the file that follows it.
            if !line.is_empty() {
                before = format!("{before} {line}");
            }
            continue;
        };
        let inner: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push((language, std::mem::take(&mut before), inner.join("\n") + "\n"));
    }
    blocks
}

#[test]
fn every_command_of_the_tutorial_runs() {
    if !crate::program::has_adapter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut files, mut commands) = (0, 0);
    for (language, before, inner) in blocks() {
        match language {
            "wgsl" | "csv" => {
                let mut names = before.split('`').filter(|word| word.ends_with(language));
                let name = names.next_back().expect("the text names the file");
                std::fs::write(folder.path().join(name), inner).unwrap();
                files += 1;
            }
            "sh" => {
                // With few particles and steps: what counts is that they run.
                let script = inner.replace("wfr sample", "wfr sample -n 1000 ");
                for command in split(&script) {
                    let program = env!("CARGO_BIN_EXE_wfr");
                    let line = command.replacen("wfr", program, 1);
                    let output = Command::new("sh")
                        .args(["-c", &line])
                        .current_dir(folder.path())
                        .output()
                        .unwrap();
                    let error = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{command}\n{error}");
                    assert!(!output.stdout.is_empty(), "{command} prints nothing");
                    commands += 1;
                }
            }
            _ => {}
        }
    }
    assert!(files >= 4 && commands >= 10, "{files} files, {commands} commands");
    assert!(folder.path().join("launches.npz").exists());
    assert!(folder.path().join("moons.png").exists());
}

/// The commands of a block: each begins with the program's name at the start of a line.
fn split(script: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in script.lines() {
        if line.starts_with("wfr ") {
            commands.push(line.to_string());
        } else if let Some(last) = commands.last_mut() {
            last.push('\n');
            last.push_str(line);
        }
    }
    commands
}
