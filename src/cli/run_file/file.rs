//! Files in the values of options: where in a value one is named, and what else may stand there.

use std::path::Path;

use clap::builder::ValueHint;

use super::key::Key;
use crate::cli::data;
use crate::cli::law::{OfFile, of_file};

/// A value that names a file: what stands before the name, the name, and what stands after it.
pub(super) struct Named<'a> {
    before: &'a str,
    pub(super) file: &'a str,
    after: &'a str,
}

impl<'a> Named<'a> {
    /// The file that a value of this option names for the command to read, if it names one; relative
    /// names are looked for in `folder`.
    pub(super) fn in_value(key: &Key, value: &'a str, folder: &Path) -> Option<Named<'a>> {
        let whole = Named { before: "", file: value, after: "" };
        let is_path = key.arg.get_value_hint() == ValueHint::AnyPath;
        match key.name.as_str() {
            "target" | "reward" => is_wgsl(value).then_some(whole),
            "schedule" => is_schedule_file(value, folder).then_some(whole),
            "initial" => {
                let (OfFile::Mixture(file) | OfFile::Normal(file)) = of_file(value)?;
                Some(Named::split(value, file))
            }
            "data" => {
                let (_, file, _) = data::parts(value);
                Some(Named::split(value, file))
            }
            _ => (is_path && !key.is_output()).then_some(whole),
        }
    }

    /// The same value with another file.
    pub(super) fn with(&self, file: &str) -> String {
        [self.before, file, self.after].concat()
    }

    /// `file` must be a part of `value`.
    fn split(value: &'a str, file: &'a str) -> Named<'a> {
        let start = file.as_ptr().addr() - value.as_ptr().addr();
        Named { before: &value[..start], file, after: &value[start + file.len()..] }
    }
}

fn is_wgsl(value: &str) -> bool {
    Path::new(value).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wgsl"))
}

/// As the option decides: it is there, or it is written as a file.
fn is_schedule_file(value: &str, folder: &Path) -> bool {
    let looks = Path::new(value).extension().is_some() && !value.contains(':');
    folder.join(value).is_file() || looks || value.contains('/')
}

#[cfg(test)]
mod tests {
    use super::super::key::{COMMANDS, command, keys};
    use super::*;

    fn key(path: &str) -> Key {
        let all = COMMANDS.iter().flat_map(|name| keys(&command(name)));
        all.into_iter().find(|key| key.path() == path).unwrap()
    }

    fn moved(path: &str, value: &str) -> Option<String> {
        let named = Named::in_value(&key(path), value, Path::new("/nowhere"))?;
        Some(named.with("<>"))
    }

    #[test]
    fn files_are_found_in_every_form() {
        for (path, value, expected) in [
            ("problem.target", "a/mine.wgsl", Some("<>")),
            ("problem.target", "ring", None),
            ("problem.data", "y = t.csv:party", Some("y = <>:party")),
            ("problem.data", "a/t.csv", Some("<>")),
            ("problem.initial", "mixture( from.txt )", Some("mixture( <> )")),
            ("problem.initial", "normal(file = a/start.csv)", Some("normal(file = <>)")),
            ("problem.initial", "normal(mean=0)", None),
            ("problem.components", "modes", Some("<>")),
            ("problem.mode_centres", "c.txt", Some("<>")),
            ("run.schedule", "beta.txt", Some("<>")),
            ("run.schedule", "power:2.5", None),
            ("run.schedule", "linear", None),
            ("path.velocity", "v.wgsl", Some("<>")),
            ("models.model", "left.txt", Some("<>")),
            ("reward.reward", "r.wgsl", Some("<>")),
            ("reward.reward", "-x0^2", None),
        ] {
            assert_eq!(moved(path, value).as_deref(), expected, "{path} = {value}");
        }
    }

    #[test]
    fn every_option_that_reads_a_file_is_known() {
        for key in COMMANDS.iter().flat_map(|name| keys(&command(name))) {
            let names = key.arg.get_value_names().unwrap_or_default();
            let reads = names.iter().any(|name| name.contains("FILE")) && !key.is_output();
            // Every form in which one of the options names a file.
            let forms = ["mixture(f.txt)", "f.txt", "f.csv", "f.wgsl"];
            let finds = forms.iter().any(|form| moved(&key.path(), form).is_some());
            let named = ["problem.target", "problem.initial"].contains(&&*key.path());
            assert_eq!(finds, reads || named, "{}", key.path());
        }
    }
}
