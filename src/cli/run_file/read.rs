//! From the text of a run file to the words of a command line.

use std::ops::Range;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Id};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::ending;
use super::file::Named;
use super::key::{COMMANDS, Key, Shape, command, keys, loose, tables};
use super::output;
use super::source::Source;
use crate::cli::{Done, Failure};

/// The most values of one key.
const MOST_VALUES: usize = 1000;

/// A run file whose every value is one that its option takes.
pub(super) struct RunFile {
    pub(super) source: Source,
    /// The command's name.
    pub(super) name: &'static str,
    pub(super) entries: Vec<Entry>,
}

/// Where the files may lie that a run file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Wherever their writer has them.
    Anywhere,
    /// In the run file's own folder, as in a folder of results.
    Folder,
}

/// A key of the file with the words that it stands for.
pub(super) struct Entry {
    pub(super) id: Id,
    /// The key as `table.name`.
    pub(super) path: String,
    /// The value's place in the file.
    span: Range<usize>,
    words: Vec<Word>,
}

/// Whether files are replaced.
pub(super) const OVERWRITE: &str = "results.overwrite";

/// Why no run file says so.
const NOT_FOR_FILES: &str =
    "is not for run files, which replace nothing; add --overwrite on the command line";

/// A word of the command line, and where the file says it.
struct Word {
    text: String,
    span: Range<usize>,
    /// Why only the command line may say this: the file may be somebody else's.
    refusal: Option<String>,
}

type Table<'t> = DeTable<'t>;
type Value<'t> = Spanned<DeValue<'t>>;

impl RunFile {
    /// Reads the file; the files that it names are relative to its folder.
    pub(super) fn read(path: &Path, reach: Reach) -> Done<RunFile> {
        let source = Source::read(path)?;
        if ending::is_missing(&source.text) {
            return Err(source.lacks(format_args!(
                "the line `{}` and was cut off; restore it, or add the line if all settings are there",
                ending::LINE
            )));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let document = DeTable::parse(&source.text)
            .map_err(|error| source.wrong(error.span().unwrap_or(0..0), error.message()))?;
        let document = document.into_inner();
        let name = command_name(&document, &source)?;
        let command = command(name);
        let reader = Reader { source: &source, folder, reach, keys: keys(&command), name };
        let entries = reader.entries(&document)?;
        let loose = loose(command.clone()).no_binary_name(true);
        for (key, entry) in &entries {
            reader.check(key, entry, &loose)?;
        }
        reader.check_together(&entries, &command)?;
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(RunFile { source, name, entries })
    }
}

impl Entry {
    /// The words of the command line.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.text.as_str())
    }

    /// Refuses what only the command line may say.
    pub(super) fn check(&self, source: &Source) -> Done {
        let refused = |word: &Word| {
            let reason = word.refusal.as_ref()?;
            Some(source.wrong(word.span.clone(), format!("{} {reason}", self.path)))
        };
        self.words.iter().find_map(refused).map_or(Ok(()), Err)
    }
}

/// Whether two options of a command exclude each other.
pub(super) fn conflict(command: &Command, a: &Id, b: &Id) -> bool {
    let excludes = |one: &Id, other: &Id| {
        let arg = command.get_arguments().find(|arg| arg.get_id() == one);
        arg.is_some_and(|arg| {
            command.get_arg_conflicts_with(arg).iter().any(|arg| arg.get_id() == other)
        })
    };
    excludes(a, b) || excludes(b, a)
}

/// What `command = …` says.
fn command_name(document: &Table<'_>, source: &Source) -> Done<&'static str> {
    let Some(value) = document.get("command") else { return Ok(COMMANDS[0]) };
    let given = value.get_ref().as_str();
    COMMANDS.into_iter().find(|name| given == Some(*name)).ok_or_else(|| {
        let names = COMMANDS.map(|name| format!("\"{name}\"")).join(" or ");
        source.wrong(value.span(), format!("command is not known; write {names}"))
    })
}

struct Reader<'a> {
    source: &'a Source,
    folder: &'a Path,
    reach: Reach,
    keys: Vec<Key>,
    name: &'static str,
}

impl Reader<'_> {
    fn wrong(&self, span: Range<usize>, message: String) -> Failure {
        self.source.wrong(span, message)
    }

    /// The keys of all tables, in the order of the file.
    fn entries(&self, document: &Table<'_>) -> Done<Vec<(&Key, Entry)>> {
        let mut entries = Vec::new();
        for (table, inside) in in_order(document) {
            if table.get_ref() == "command" {
                continue;
            }
            if !tables(&self.keys).contains(&table.get_ref().as_ref()) {
                return Err(self.unknown_table(table));
            }
            let DeValue::Table(inside) = inside.get_ref() else {
                let message = format!("{0} is a table; write [{0}] on a line", table.get_ref());
                return Err(self.wrong(inside.span(), message));
            };
            for (name, value) in in_order(inside) {
                let found = self
                    .keys
                    .iter()
                    .find(|key| key.table == *table.get_ref() && key.name == *name.get_ref());
                let key = found.ok_or_else(|| self.unknown_key(table.get_ref(), name))?;
                entries.push((key, self.entry(key, value)?));
            }
        }
        Ok(entries)
    }

    fn entry(&self, key: &Key, value: &Value<'_>) -> Done<Entry> {
        let count = match value.get_ref() {
            DeValue::Array(all) => all.len(),
            DeValue::Table(pairs) => pairs.len(),
            _ => 1,
        };
        // Each is read by clap from the beginning.
        if count > MOST_VALUES {
            let message = format!("{} has {count} values; give {MOST_VALUES} at most", key.path());
            return Err(self.wrong(value.span(), message));
        }
        let words = match (key.shape(), value.get_ref()) {
            (Shape::Flag, DeValue::Boolean(true)) => {
                let refusal = (key.path() == OVERWRITE).then(|| NOT_FOR_FILES.to_string());
                vec![Word { text: key.flag(), span: value.span(), refusal }]
            }
            (Shape::Flag, DeValue::Boolean(false)) => Vec::new(),
            (Shape::Flag, _) => {
                let message = format!("{} is a flag; write true or false", key.path());
                return Err(self.wrong(value.span(), message));
            }
            (Shape::Pairs, DeValue::Table(pairs)) => {
                let word = |(name, value): (&Spanned<DeString<'_>>, &Value<'_>)| {
                    self.word(key, &format!("{}={}", name.get_ref(), self.text(key, value)?), value)
                };
                in_order(pairs).into_iter().map(word).collect::<Done<_>>()?
            }
            (Shape::Many | Shape::Pairs, DeValue::Array(all)) => {
                let word = |one| self.word(key, &self.text(key, one)?, one);
                all.iter().map(word).collect::<Done<_>>()?
            }
            (Shape::One, DeValue::Array(all)) => {
                let texts: Done<Vec<_>> = all.iter().map(|one| self.text(key, one)).collect();
                vec![self.word(key, &texts?.join(","), value)?]
            }
            _ => vec![self.word(key, &self.text(key, value)?, value)?],
        };
        Ok(Entry { id: key.arg.get_id().clone(), path: key.path(), span: value.span(), words })
    }

    fn word(&self, key: &Key, text: &str, value: &Value<'_>) -> Done<Word> {
        let refusal = key.is_output().then(|| output::refused(self.folder, text)).flatten();
        let text = key.word(&self.located(key, text, value)?);
        Ok(Word { text, span: value.span(), refusal })
    }

    /// The value with the files and folders in it relative to the file's folder.
    fn located(&self, key: &Key, text: &str, value: &Value<'_>) -> Done<String> {
        if key.is_output() {
            return self.in_folder(text, value);
        }
        let Some(named) = Named::in_value(key, text, self.folder) else {
            return Ok(text.to_string());
        };
        if self.reach == Reach::Folder && !output::is_below(self.folder, named.file) {
            let message = format!(
                "{} leads out of the folder of results, which has copies of all that a run reads",
                key.path()
            );
            return Err(self.wrong(value.span(), message));
        }
        let file = self.folder.join(named.file);
        // A pipe may never end, and a device is not what somebody else's file may open.
        if file.exists() && !file.is_file() {
            let message = format!("{} is no file: {}", key.path(), file.display());
            return Err(self.wrong(value.span(), message));
        }
        // Errors show lines of WGSL, and must not show those of just any file.
        if file.canonicalize().is_ok_and(|real| real.extension() != file.extension()) {
            let message = format!("{} is a link to a file of another kind", key.path());
            return Err(self.wrong(value.span(), message));
        }
        Ok(named.with(&self.in_folder(named.file, value)?))
    }

    /// A path that is relative to the file's folder.
    fn in_folder(&self, path: &str, value: &Value<'_>) -> Done<String> {
        let path = self.folder.join(path);
        // A folder that is no Unicode came in on the command line, where it can be avoided.
        path.to_str().map(String::from).ok_or_else(|| {
            let message = format!("{} is no Unicode path, which run files need", path.display());
            self.wrong(value.span(), message)
        })
    }

    /// A string, or a number as it is written.
    fn text(&self, key: &Key, value: &Value<'_>) -> Done<String> {
        let kind = match value.get_ref() {
            DeValue::String(text) => return Ok(text.to_string()),
            DeValue::Float(number) => return Ok(number.as_str().to_string()),
            DeValue::Integer(number) if number.radix() == 10 => {
                return Ok(number.as_str().to_string());
            }
            DeValue::Integer(number) => {
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                return parsed
                    .map(|number| number.to_string())
                    .map_err(|error| self.wrong(value.span(), format!("{}: {error}", key.path())));
            }
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array in an array",
            DeValue::Table(_) => "a table",
        };
        let wants = if key.shape() == Shape::One { "a number or a string" } else { "values" };
        let message = format!("{} is {kind}; expected {wants}", key.path());
        Err(self.wrong(value.span(), message))
    }

    /// Lets the option's own parser read each word.
    fn check(&self, key: &Key, entry: &Entry, loose: &Command) -> Done {
        for word in &entry.words {
            if let Err(error) = loose.clone().try_get_matches_from([&word.text]) {
                return Err(self.wrong(word.span.clone(), refusal(&key.path(), &error)));
            }
        }
        Ok(())
    }

    /// Refuses keys that exclude each other.
    fn check_together(&self, entries: &[(&Key, Entry)], command: &Command) -> Done {
        for (at, (_, later)) in entries.iter().enumerate() {
            let earlier = entries[..at].iter().find(|(_, e)| conflict(command, &e.id, &later.id));
            if let Some((_, earlier)) = earlier {
                let message = format!("does not go with {}; leave one out", earlier.path);
                return Err(self.wrong(later.span.clone(), format!("{} {message}", later.path)));
            }
        }
        Ok(())
    }

    fn unknown_table(&self, table: &Spanned<DeString<'_>>) -> Failure {
        let known = tables(&self.keys);
        let name = table.get_ref();
        let key = self.keys.iter().find(|key| key.name == *name);
        let hint = match (key, nearest(name, known.iter().copied())) {
            (Some(key), _) => format!("write it below [{}]", key.table),
            (None, Some(near)) => format!("the nearest is [{near}]"),
            (None, None) => format!("there are [{}]", known.join("], [")),
        };
        self.wrong(table.span(), format!("{name} is no table of wfr {}; {hint}", self.name))
    }

    fn unknown_key(&self, table: &str, name: &Spanned<DeString<'_>>) -> Failure {
        let wanted = name.get_ref();
        let elsewhere = self.keys.iter().find(|key| key.name == *wanted);
        let called = self.keys.iter().find(|key| key.also().iter().any(|also| also == wanted));
        let here = || self.keys.iter().filter(|key| key.table == table);
        let all = self.keys.iter().map(|key| key.name.as_str());
        let near = nearest(wanted, here().map(|key| key.name.as_str())).or(nearest(wanted, all));
        let near = here().chain(&self.keys).find(|key| Some(key.name.as_str()) == near);
        let hint = match (elsewhere, called, near) {
            (Some(key), ..) => format!("{} is, below [{}]", key.path(), key.table),
            (None, Some(key), _) => format!("it is called {}", key.path()),
            (None, None, Some(near)) => format!("the nearest is {}", near.path()),
            (None, None, None) => {
                let names: Vec<_> = here().map(|key| key.name.as_str()).collect();
                format!("there are {}", names.join(", "))
            }
        };
        self.wrong(name.span(), format!("{wanted} is no key of [{table}]; {hint}"))
    }
}

/// The entries of a table in the order of the text.
fn in_order<'t, 'i>(table: &'t Table<'i>) -> Vec<(&'t Spanned<DeString<'i>>, &'t Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The name most like the one that was written, if any is much like it.
fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // As clap, for options.
    const LIKE: f64 = 0.7;
    let like = names.map(|name| (strsim::jaro(wanted, name), name));
    let best = like.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(like, _)| *like > LIKE).map(|(_, name)| name)
}

/// In one sentence, why clap refuses the value of a key.
fn refusal(path: &str, error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let reason = match (error.kind(), error.get(ContextKind::ValidValue)) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(known))) => {
            let near = nearest(value, known.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("the nearest is {near}, and "));
            format!("{near}there are {}", known.join(", "))
        }
        _ => match std::error::Error::source(error) {
            Some(reason) => reason.to_string(),
            None => "is not what the option takes".to_string(),
        },
    };
    format!("invalid value '{value}' for {path}: {reason}")
}
