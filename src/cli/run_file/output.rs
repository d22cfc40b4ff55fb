//! Where a run file may have results written, and whether a path stays in a folder: run files come
//! from others, with the folder that they lie in, and write below it alone.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::cli::{Done, Failure};

/// Folders in folders that are looked through for links; a run makes two.
const DEEPEST: u32 = 4;

/// The most bytes of a name that every file system takes.
const LONGEST_NAME: usize = 255;

/// Names that are devices on Windows, whatever follows a dot after them.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Why a run file in this folder may not write there.
pub(super) fn refused(folder: &Path, value: &str) -> Option<String> {
    let path = Path::new(value);
    let way_out = "give any place on the command line with --out";
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let goes_down = path.components().any(|part| matches!(part, Component::Normal(_)));
    if !goes_down || !path.components().all(is_inside) {
        return Some(format!(
            "is no place below the run file's own folder, and a run file writes nowhere else; give a \
             relative path without .., or {way_out}"
        ));
    }
    if !path.components().filter(|part| *part != Component::CurDir).all(is_portable) {
        return Some(format!(
            "is no name of a folder on every system, which a run file needs; name it by letters, \
             digits and - or _, or {way_out}"
        ));
    }
    if !is_below(folder, value) || link(&folder.join(path), DEEPEST).is_some() {
        return Some(format!(
            "is or holds a link or a pipe, which may lead out of the run file's folder, and a run file may \
             not; remove it, or {way_out}"
        ));
    }
    None
}

/// Whether a path that is relative to a folder stays below it, links included.
pub(super) fn is_below(folder: &Path, file: &str) -> bool {
    let path = Path::new(file);
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let names = path.ancestors().filter(|name| !name.as_os_str().is_empty());
    path.components().all(is_inside) && !names.into_iter().any(|name| is_link(&folder.join(name)))
}

/// Whether a name means a folder of that name, and no hidden one, on every system.
///
/// Some systems drop a dot or a blank at the end, take `\\` and `:` as separators, or hide characters that
/// a reader does not see either, such as joiners, marks that compose and marks of direction.
fn is_portable(part: Component<'_>) -> bool {
    let Some(name) = part.as_os_str().to_str() else { return false };
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1 && rest != "0")
    });
    let is_plain =
        |c: char| c.is_alphanumeric() || c.is_ascii_graphic() && !"\"$*/:;<>?\\`|".contains(c);
    name.len() <= LONGEST_NAME
        && name.chars().all(|c| is_plain(c) || c == ' ')
        && name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && !name.ends_with(['.', ' '])
        && !DEVICES.contains(&stem.as_str())
        && !numbered
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_symlink())
}

/// Refuses a folder of results with a link or a pipe in it: what reads and writes it stays in it.
pub(in crate::cli) fn refuse_links(folder: &Path) -> Done {
    match link(folder, DEEPEST) {
        None => Ok(()),
        Some(link) => Err(Failure::Usage(format!(
            "{} is a link, a pipe or deeper than a run makes folders, and may lead out of the folder of \
             results; put there what it stands for",
            link.display()
        ))),
    }
}

/// A link in a folder, a pipe or device, which may keep its reader waiting, or a folder too deep in it
/// to be looked through.
fn link(folder: &Path, depth: u32) -> Option<PathBuf> {
    let paths = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let found = |path: PathBuf| {
        // What has gone meanwhile, as files that are being written do, leads nowhere.
        let kind = path.symlink_metadata().ok()?.file_type();
        match kind.is_dir() {
            true if depth > 0 => link(&path, depth - 1),
            _ => (!kind.is_file()).then_some(path),
        }
    };
    paths.into_iter().find_map(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_stay_below_the_folder() {
        let refused = |value: &str| refused(Path::new("nowhere"), value);
        for inside in ["a/b", "./a", "a.b", "console", "com", "lpt10", "über", "a (2)", "_a", "a/"]
        {
            assert_eq!(refused(inside), None, "{inside}");
        }
        for outside in ["/a", "../a", "a/../../b", "", "..", ".", "./"] {
            assert!(refused(outside).unwrap().contains("is no place below"), "{outside}");
        }
        let long = "a".repeat(256);
        for name in [
            "a\\..\\b",
            "C:a",
            "nul",
            "a/CON.txt",
            "com1",
            "LPT9.x",
            "a\0b",
            "a\nb",
            &long,
            ".git",
            "a/.next",
            "-a",
            "a.",
            "a /b",
            "u\u{308}ber",
            "\u{200c}.git",
            ".g\u{200c}it",
            "a\u{202e}txt.exe",
            "a\u{feff}",
            "a\u{ff0f}b",
        ] {
            assert!(refused(name).unwrap().contains("is no name of a folder"), "{name}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_and_pipes_are_refused_wherever_they_are() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("out/inputs/2")).unwrap();
        assert_eq!(link(&path("out"), DEEPEST), None);
        symlink("/", path("link")).unwrap();
        assert!(is_link(&path("link")) && !is_link(&path("out")));
        for place in ["out/metrics.jsonl", "out/inputs/2/a.wgsl", "out/step-4"] {
            symlink("/", path(place)).unwrap();
            assert_eq!(link(&path("out"), DEEPEST), Some(path(place)));
            assert!(refuse_links(&path("out")).is_err(), "{place}");
            fs::remove_file(path(place)).unwrap();
        }
        let _socket = std::os::unix::net::UnixListener::bind(path("out/.lock")).unwrap();
        assert_eq!(link(&path("out"), DEEPEST), Some(path("out/.lock")));
    }
}
