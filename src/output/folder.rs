//! The folder of a run's results.

use std::fs;
use std::path::{Path, PathBuf};

use super::Place;
use crate::cli::{Done, Failure};

/// A folder that takes a run's files.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A folder for results. One that holds something already is refused unless `overwrite`; nothing
    /// is made yet.
    pub(crate) fn check(path: &Path, overwrite: bool) -> Done<Folder> {
        let shown = path.display();
        let refuse = |reason: String| Err(Failure::Usage(format!("{shown} {reason}")));
        if path.is_file() {
            return refuse("is a file; results go into a folder: name another with --out".into());
        }
        if let Some(ending) = path.extension().filter(|e| *e == "npz" || *e == "safetensors") {
            let ending = ending.to_string_lossy();
            return refuse(format!(
                "looks like a file, and results go into a folder: write for instance --out {} \
                 --format {ending}",
                path.with_extension("").display(),
            ));
        }
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above.filter(|above| !above.is_dir()) {
            let above = above.display();
            return refuse(format!("cannot be made: there is no folder {above}; make it first"));
        }
        match fs::read_dir(path).map(Iterator::count) {
            Ok(held) if held > 0 && !overwrite => {
                refuse("holds files already; add --overwrite or name another folder".into())
            }
            _ => Ok(Folder { path: path.to_path_buf() }),
        }
    }

    /// Makes the folder where it is missing, and sees to it that it takes files.
    pub(crate) fn make(&self) -> Done {
        if !self.path.is_dir() {
            fs::create_dir(&self.path).map_err(|error| {
                let message = format!("{} cannot be made: {error}", self.path.display());
                Failure::of_place(&error, message)
            })?;
        }
        // Whether it takes files is seen at a place of one.
        Place::check(&self.path.join("summary.json"), "json", true).map(|_| ())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes what files of these names in a folder were written as when a program was killed meanwhile.
/// What cannot be removed stays, and does no harm.
pub(crate) fn sweep(folder: &Path, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let hidden = name.to_str().and_then(|name| name.strip_prefix('.')?.split_once('-'));
        let is_ours = |(process, name): (&str, &str)| {
            process.parse::<u32>().is_ok() && names.iter().any(|known| known == name)
        };
        if hidden.is_some_and(is_ours) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_and_nothing_in_it_is_replaced_unasked() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        let folder = Folder::check(&path, false).unwrap();
        assert!(!path.exists());
        folder.make().unwrap();
        assert!(Folder::check(&path, false).is_ok(), "it is empty");
        fs::write(path.join("summary.txt"), "one").unwrap();
        let error = Folder::check(&path, false).unwrap_err().to_string();
        assert!(error.ends_with("holds files already; add --overwrite or name another folder"));
        Folder::check(&path, true).unwrap().make().unwrap();
        assert_eq!(fs::read_to_string(path.join("summary.txt")).unwrap(), "one");
    }

    #[test]
    fn what_a_killed_program_left_is_swept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        for name in [".77-a.txt", ".77-b.txt", ".x-a.txt", "a.txt", ".77a.txt"] {
            fs::write(parent.path().join(name), "").unwrap();
        }
        sweep(parent.path(), ["a.txt".to_string()].into_iter());
        let left = fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name());
        let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [".77-b.txt", ".77a.txt", ".x-a.txt", "a.txt"]);
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        for (name, expected) in [
            ("file", "is a file; results go into a folder: name another with --out"),
            ("a.npz", "--format npz"),
            ("none/run", "/none; make it first"),
        ] {
            let error = Folder::check(&parent.path().join(name), false).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
