//! `--data`: from files of arrays to the arrays that a target declares.

use std::path::Path;

use wfr::{Data, DataFile, Target};

use super::failure::{Done, Failure};
use crate::shown::listed;

/// One `--data` as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    /// The target's array; without it the file's names decide.
    name: Option<String>,
    file: String,
    /// The array or column of the file.
    key: Option<String>,
}

const FORMS: &str = "write NAME=FILE, NAME=FILE:KEY, FILE.npz or FILE.csv";

/// Reads `[NAME=]FILE[:KEY]`.
pub(super) fn source(text: &str) -> Result<Source, String> {
    let (name, file, key) = parts(text);
    if file.is_empty() || key == Some("") {
        return Err(format!("names no file or array; {FORMS}"));
    }
    if !ends_in(file, &["npy", "npz", "csv"]) {
        return Err(format!("{file} does not end in .npy, .npz or .csv; {FORMS}"));
    }
    if name.is_none() && (key.is_some() || ends_in(file, &["npy"])) {
        let rest = text.trim();
        return Err(format!("does not say which array of the target it is; write NAME={rest}"));
    }
    let [name, key] = [name, key].map(|part| part.map(str::to_string));
    Ok(Source { name, file: file.to_string(), key })
}

/// The name, the file and the key of `[NAME=]FILE[:KEY]`, as parts of the text.
pub(super) fn parts(text: &str) -> (Option<&str>, &str, Option<&str>) {
    let is_name = |name: &str| {
        let mut characters = name.chars();
        let first = characters.next().is_some_and(|c| c == '_' || c.is_alphabetic());
        first && characters.all(|c| c == '_' || c.is_alphanumeric())
    };
    // A path may hold an equals sign too.
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) if is_name(name.trim()) => (Some(name.trim()), rest.trim()),
        _ => (None, text.trim()),
    };
    // Elsewhere a colon belongs to the path, or to the name of the column.
    let mut colons = rest.match_indices(':').map(|(at, _)| at);
    let keyed = colons.find(|at| ends_in(&rest[..*at], &["npz", "csv"]));
    let (file, key) = keyed.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
    (name, file, key)
}

fn ends_in(file: &str, endings: &[&str]) -> bool {
    let ending = Path::new(file).extension().unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Gives the target all data: first those of whole files, then those by name, which win.
pub(super) fn give(mut target: Target, sources: &[Source]) -> Done<Target> {
    let mut from: Vec<(String, &str)> = Vec::new();
    for source in sources.iter().filter(|source| source.name.is_none()) {
        let file = DataFile::open(&source.file)?;
        let declared = target.data_names()?;
        let wanted: Vec<_> = declared.iter().filter(|name| file.names().contains(name)).collect();
        if wanted.is_empty() {
            return Err(Failure::Usage(format!(
                "{} has {}, but {} declares {}; write --data NAME={}:KEY",
                source.file,
                listed(file.names()),
                target.name(),
                if declared.is_empty() { "no arrays".into() } else { listed(&declared) },
                source.file
            )));
        }
        for name in wanted {
            let named = sources.iter().any(|other| other.name.as_ref() == Some(name));
            if named {
                continue;
            }
            if let Some((_, other)) = from.iter().find(|(known, _)| known == name) {
                return Err(Failure::Usage(format!(
                    "`{name}` is in {other} and in {}; choose with --data {name}=FILE",
                    source.file
                )));
            }
            target = target.with_data(name, &file.get(name)?)?;
            from.push((name.clone(), &source.file));
        }
    }
    let mut given: Vec<&str> = Vec::new();
    for source in sources {
        let Some(name) = source.name.as_deref() else { continue };
        if given.contains(&name) {
            return Err(Failure::Usage(format!("--data {name} is given twice; leave one out")));
        }
        given.push(name);
        target = target.with_data(name, &read(name, source)?)?;
    }
    Ok(target)
}

/// The array that `--data NAME=FILE` means.
fn read(name: &str, source: &Source) -> Done<Data> {
    let file = DataFile::open(&source.file)?;
    let data = match source.key.as_deref() {
        Some(key) => file.get(key),
        None if ends_in(&source.file, &["npz"]) => file.get(name),
        None if file.names().iter().any(|known| known == name) => file.get(name),
        None => file.whole(),
    };
    Ok(data?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        let parsed = |text: &str| {
            let Source { name, file, key } = source(text).unwrap();
            (name.unwrap_or_default(), file, key.unwrap_or_default())
        };
        let of = |name: &str, file: &str, key: &str| (name.into(), file.into(), key.into());
        assert_eq!(parsed("y=a.npy"), of("y", "a.npy", ""));
        assert_eq!(parsed("y = a.npz"), of("y", "a.npz", ""));
        assert_eq!(parsed("y=a.npz:votes"), of("y", "a.npz", "votes"));
        assert_eq!(parsed("y=t.CSV:party: left"), of("y", "t.CSV", "party: left"));
        assert_eq!(parsed("t.csv"), of("", "t.csv", ""));
        assert_eq!(parsed("dir/a=b/t.csv"), of("", "dir/a=b/t.csv", ""));
        assert_eq!(parsed("y=C:\\a.npy"), of("y", "C:\\a.npy", ""));
        assert_eq!(parsed("y=C:\\a.npz:z"), of("y", "C:\\a.npz", "z"));
    }

    #[test]
    fn other_forms_are_refused() {
        for (text, expected) in [
            ("y=", "names no file or array; write NAME=FILE, "),
            ("y=a.npz:", "names no file or array; "),
            ("y=a.txt", "a.txt does not end in .npy, .npz or .csv; "),
            ("a.npy", "does not say which array of the target it is; write NAME=a.npy"),
            ("a.csv:y", "does not say which array of the target it is; write NAME=a.csv:y"),
        ] {
            let error = source(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
