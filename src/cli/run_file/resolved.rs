//! A run as a run file with every setting, and copies of the files that it read.

use std::fmt::{Display, Write as _};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use toml::de::DeValue;
use wfr::Schedule;

use super::file::Named;
use super::key::{Key, Shape, command, keys};
use super::{FILE_NAME, Given, comment, ending};
use crate::bounded;
use crate::cli::{Done, Failure};

/// The folder of the copies, beside the run file.
pub(crate) const INPUTS: &str = "inputs";

/// The most bytes of a file that is copied: an array of NumPy of as many numbers as a target takes.
const MOST_COPIED: u64 = 9 << 30;

/// The copy of a schedule that no option says.
const SCHEDULE: &str = "schedule.txt";

/// What was given to a command, ready to be kept beside its results.
///
/// The files are read when it is made, so that the copies are what the run saw. Where results go is
/// left out: a run again goes elsewhere.
#[derive(Clone)]
pub(crate) struct Resolved {
    command: &'static str,
    settings: Vec<Setting>,
    inputs: Vec<Input>,
}

/// A key with its values, as they are written on a command line; none where it has none.
#[derive(Clone)]
struct Setting {
    key: Key,
    values: Vec<String>,
}

/// A file that the run reads.
#[derive(Clone)]
struct Input {
    /// Its name as it was given.
    given: String,
    /// Below the folder of the results.
    place: String,
    bytes: Vec<u8>,
}

impl Resolved {
    /// What was given to this command, `sample` or `compose`.
    pub(crate) fn new(name: &'static str, given: &Given) -> Done<Resolved> {
        let mut inputs = Vec::new();
        // Nor is how somebody looked on.
        let passing = ["overwrite", "live", "print_plan"];
        let is_kept = |key: &Key| !key.is_output() && !passing.contains(&key.name.as_str());
        let setting = |key: Key| {
            let raw = given.matches.get_raw(key.arg.get_id().as_str()).into_iter().flatten();
            let values = raw.map(|value| {
                let value = value.to_str().ok_or_else(|| {
                    let shown = value.to_string_lossy();
                    Failure::Usage(format!("{shown} is no Unicode text, which run files need"))
                })?;
                match Named::in_value(&key, value, Path::new("")) {
                    Some(named) => Ok(named.with(place(&mut inputs, named.file)?)),
                    None => Ok(value.to_string()),
                }
            });
            Ok(Setting { values: values.collect::<Done<_>>()?, key })
        };
        let keys = keys(&command(name)).into_iter().filter(is_kept);
        Ok(Resolved { command: name, settings: keys.map(setting).collect::<Done<_>>()?, inputs })
    }

    /// Says what the run found out itself of a key, `run.steps`, that nothing was given for.
    pub(crate) fn learn(&mut self, path: &str, value: impl Display) {
        let setting = self.setting(path);
        if setting.values.is_empty() {
            setting.values.push(value.to_string());
        }
    }

    /// Says what became of a key, whatever was given for it.
    pub(crate) fn settle(&mut self, path: &str, value: impl Display) {
        self.setting(path).values = vec![value.to_string()];
    }

    fn setting(&mut self, path: &str) -> &mut Setting {
        let found = self.settings.iter_mut().find(|setting| setting.key.path() == path);
        found.expect("bug in wfr: what a run finds out is a key of its run file")
    }

    /// The command that it was given to.
    pub(crate) fn command(&self) -> &'static str {
        self.command
    }

    /// Says this schedule in place of the one that was given, point by point in a file of its own.
    pub(crate) fn replace_schedule(&mut self, schedule: &Schedule) {
        let points = (0..=schedule.steps()).map(|k| (schedule.time(k), schedule.beta(k)));
        // Every number is written such that it is read to the last bit.
        let lines: String = points.map(|(time, beta)| format!("{time:?} {beta:?}\n")).collect();
        let bytes = format!("# time and path parameter of every step\n{lines}").into_bytes();
        for Setting { key, values } in &mut self.settings {
            match key.path().as_str() {
                "run.schedule" => {
                    let before = values.first().cloned().unwrap_or_default();
                    self.inputs.retain(|input| input.place != before);
                    let place = free_place(&self.inputs, SCHEDULE);
                    *values = vec![place.clone()];
                    self.inputs.push(Input { given: String::new(), place, bytes: bytes.clone() });
                }
                "run.steps" | "run.time" | "run.first_step" => values.clear(),
                _ => {}
            }
        }
    }

    /// The run file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "# A run by wfr {} with every setting. To run it again: wfr run {FILE_NAME}\n{}\n\
             command = \"{}\"\n",
            env!("CARGO_PKG_VERSION"),
            ending::ANNOUNCEMENT,
            self.command,
        );
        let mut table = "";
        for Setting { key, values } in &self.settings {
            if values.is_empty() {
                continue;
            }
            if key.table != table {
                table = &key.table;
                text += &format!("\n[{table}]\n");
            }
            let _ = writeln!(text, "{}{} = {}", comment::of(key), key.name, written(key, values));
        }
        text + "\n" + ending::LINE + "\n"
    }

    /// Writes the run file and the copies into a folder, each whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), String> {
        refuse_linked_inputs(folder)?;
        for input in &self.inputs {
            put(&folder.join(&input.place), &input.bytes)?;
        }
        put(&folder.join(FILE_NAME), self.text().as_bytes())
    }
}

/// Refuses a link where the copies go.
pub(crate) fn refuse_linked_inputs(folder: &Path) -> Result<(), String> {
    let inputs = folder.join(INPUTS);
    match inputs.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
        true => Err(format!("{} is a link, and copies go below it; remove it", inputs.display())),
        false => Ok(()),
    }
}

/// The copies in a folder of results that its run file names, by their names below the folder.
pub(crate) fn inputs_of(folder: &Path) -> Vec<String> {
    let text = bounded::text(&folder.join(FILE_NAME), bounded::TEXT).unwrap_or_default();
    let is_named = |name: &String| {
        let ends = |(at, _): (usize, &str)| {
            // A value ends there, or goes on with what a file is followed by.
            text[at + name.len()..].starts_with(['"', '\'', ':', ')', ' '])
        };
        text.match_indices(name.as_str()).any(ends)
    };
    let below = |place: &str| {
        let entries = fs::read_dir(folder.join(place)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.map(|name| format!("{place}/{name}")).collect::<Vec<_>>()
    };
    let first = below(INPUTS);
    let second: Vec<String> = first.iter().flat_map(|place| below(place)).collect();
    let files = first.into_iter().chain(second).filter(|name| folder.join(name).is_file());
    files.filter(is_named).collect()
}

/// Writes a file beside its place, in a folder that is made where there is none, and moves it there.
fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{}-{name}", std::process::id()));
    // A link of that name would be followed.
    let _ = fs::remove_file(&beside);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    let written = made.and_then(|()| write()).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // What matters is why; a file that was never made cannot be removed.
        let _ = fs::remove_file(&beside);
        format!("{} cannot be written: {error}", path.display())
    })
}

/// The place of a file's copy, which keeps the file's name: records speak of it.
fn place<'i>(inputs: &'i mut Vec<Input>, given: &str) -> Done<&'i str> {
    let at = match inputs.iter().position(|input| input.given == given) {
        Some(at) => at,
        None => {
            let bytes = bounded::bytes(Path::new(given), MOST_COPIED)
                .map_err(|reason| Failure::Usage(format!("{given} {reason}")))?;
            let name = Path::new(given).file_name().unwrap_or_default().to_string_lossy();
            let place = free_place(inputs, &name);
            inputs.push(Input { given: given.to_string(), place, bytes });
            inputs.len() - 1
        }
    };
    Ok(&inputs[at].place)
}

/// A place that none of the copies has.
fn free_place(inputs: &[Input], name: &str) -> String {
    let is_same = |input: &&Input| {
        let (_, other) = input.place.rsplit_once('/').unwrap_or_default();
        // Some file systems tell no capitals from small letters.
        other.to_lowercase() == name.to_lowercase()
    };
    // A file named as a number would stand where a folder goes.
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    match inputs.iter().filter(is_same).count() {
        0 if !is_number => format!("{INPUTS}/{name}"),
        same => format!("{INPUTS}/{}/{name}", same + 1),
    }
}

/// The values of a key in TOML.
fn written(key: &Key, values: &[String]) -> String {
    let literals = || values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
    match (key.shape(), values) {
        (Shape::Flag, [value]) => value.clone(),
        (Shape::One, [value]) => literal(value),
        (Shape::Pairs, _) if names_all(key) => {
            table(values.iter().filter_map(|value| value.split_once('=')))
        }
        _ => format!("[{}]", literals()),
    }
}

/// Whether every value of the option is NAME=VALUE.
fn names_all(key: &Key) -> bool {
    key.arg.get_value_names().unwrap_or_default().iter().all(|name| name.starts_with("NAME="))
}

/// An inline table; what is said last of a name counts.
fn table<'v>(pairs: impl Iterator<Item = (&'v str, &'v str)>) -> String {
    let mut last: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs {
        last.retain(|(known, _)| *known != name.trim());
        last.push((name.trim(), value.trim()));
    }
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let entry = |(name, value): &(&str, &str)| match name.chars().all(is_bare) && !name.is_empty() {
        true => format!("{name} = {}", literal(value)),
        false => format!("{} = {}", string(name), literal(value)),
    };
    format!("{{ {} }}", last.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// A value as a number where it is written as TOML writes numbers, else as a string.
fn literal(value: &str) -> String {
    if is_number(value) { value.to_string() } else { string(value) }
}

/// Whether it is a number of TOML that reads back as these very characters.
fn is_number(value: &str) -> bool {
    match DeValue::parse(value).map(toml::Spanned::into_inner) {
        Ok(DeValue::Integer(number)) => number.radix() == 10 && number.as_str() == value,
        Ok(DeValue::Float(number)) => number.as_str() == value,
        _ => false,
    }
}

fn string(value: &str) -> String {
    toml::Value::from(value).to_string()
}
