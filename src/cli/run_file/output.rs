//! Where a run file may have results written, and whether a path stays in a folder: run files come
//! from others, with the folder that they lie in.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::cli::{Done, Failure};

/// Folders in folders that are looked through for links; a run makes two.
const DEEPEST: u32 = 4;

/// The most bytes of a name that every file system takes.
const LONGEST_NAME: usize = 255;

/// Names that are devices on Windows, whatever follows a dot after them.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Why a run file may not write there.
pub(super) fn refused(value: &str) -> Option<String> {
    let path = Path::new(value);
    let way_out = "give any place on the command line with --out";
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if value.is_empty() || !path.components().all(is_inside) {
        return Some(format!(
            "leads out of the current folder, which a run file may not; give a relative path \
             without .., or {way_out}"
        ));
    }
    // On Windows these separate names too, or name drives and streams.
    let names: Vec<&str> = value.split(['/', '\\', ':']).collect();
    if names.contains(&"..") || names.iter().any(|name| !is_portable(name)) {
        return Some(format!(
            "is no name of a folder on every system, which a run file needs; name it by letters, \
             digits and - or _, or {way_out}"
        ));
    }
    if !is_below(Path::new(""), value) || link(path, DEEPEST).is_some() {
        return Some(format!(
            "is or holds a link or a pipe, which may lead out of the current folder, and a run file may not; \
             remove it, or {way_out}"
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

/// Whether a name means a file of that name on every system.
fn is_portable(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1 && rest != "0")
    });
    name.len() <= LONGEST_NAME
        && !name.chars().any(char::is_control)
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
    fn outputs_stay_below_the_current_folder() {
        for inside in ["a/b", "./a", "a.b", "console", "com", "computer", "lpt10", "über"] {
            assert_eq!(refused(inside), None, "{inside}");
        }
        for outside in ["/a", "../a", "a/../../b", "", ".."] {
            assert!(refused(outside).unwrap().contains("leads out of"), "{outside}");
        }
        let long = "a".repeat(256);
        for name in ["a\\..\\b", "nul", "a/CON.txt", "com1", "LPT9.x", "a\0b", "a\nb", &long] {
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
