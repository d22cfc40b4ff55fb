//! What an option means, as a comment of TOML.

use super::key::Key;

/// Columns of a line.
const WIDTH: usize = 100;

/// The first sentence of the option's help, as lines that begin with `# `.
pub(super) fn of(key: &Key) -> String {
    let help = key.help();
    let end = help.find(". ").unwrap_or(help.len());
    let mut lines = vec![String::from("#")];
    for word in help[..end].trim_end_matches('.').split(' ') {
        let line = lines.last_mut().filter(|line| {
            line.chars().count() + 1 + word.chars().count() <= WIDTH || *line == "#"
        });
        match line {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}
