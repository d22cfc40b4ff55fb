//! Where a result goes: checked before the run, and filled at one stroke after it.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::cli::{Done, Failure};

/// The place of a result file.
///
/// A file appears there whole or not at all: it is written beside it first and then renamed.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    overwrite: bool,
}

impl Place {
    /// A place for a file named `*.extension`, checked now: its folder exists and can be written,
    /// and no file is there yet unless `overwrite`.
    pub(crate) fn check(path: &Path, extension: &str, overwrite: bool) -> Done<Place> {
        let shown = path.display();
        if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) {
            return Err(Failure::Usage(format!(
                "{shown} does not end in .{extension}, the only format; name it so"
            )));
        }
        let place = Place { path: path.to_path_buf(), overwrite };
        place.check_free().map_err(Failure::Usage)?;
        let folder = place.folder();
        if !folder.is_dir() {
            return Err(Failure::Usage(format!(
                "{shown} cannot be written: there is no folder {}; make it first",
                folder.display()
            )));
        }
        let probe = place.beside();
        OpenOptions::new().write(true).create_new(true).open(&probe).map_err(|error| {
            let place = folder.display();
            let message =
                format!("{shown} cannot be written: the folder {place} takes no file: {error}");
            Failure::of_place(&error, message)
        })?;
        // What was just made can be removed; if not, the file is empty and hidden.
        let _ = fs::remove_file(&probe);
        Ok(place)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets `write` make a file beside the place, and moves it there.
    pub(crate) fn fill(&self, write: impl FnOnce(&Path) -> Result<(), String>) -> Done {
        self.write_beside(write)?;
        self.take()
    }

    /// Lets `write` make a file beside the place, where nobody looks.
    fn write_beside(&self, write: impl FnOnce(&Path) -> Result<(), String>) -> Done {
        // A link of that name would be followed; mostly there is nothing.
        self.leave();
        write(&self.beside()).and_then(|()| self.check_free()).map_err(|why| self.unwritten(&why))
    }

    /// Moves what lies beside the place there.
    fn take(&self) -> Done {
        fs::rename(self.beside(), &self.path).map_err(|error| self.unwritten(&error.to_string()))
    }

    /// Removes what lies beside the place.
    fn leave(&self) {
        // A file that was never made, or is where it belongs, cannot be removed.
        let _ = fs::remove_file(self.beside());
    }

    fn unwritten(&self, reason: &str) -> Failure {
        self.leave();
        Failure::Output(format!("{} cannot be written: {reason}", self.path.display()))
    }

    fn check_free(&self) -> Result<(), String> {
        let shown = self.path.display();
        if self.path.is_dir() {
            return Err(format!("{shown} is a folder; name a file"));
        }
        if !self.overwrite && self.path.symlink_metadata().is_ok() {
            return Err(format!("{shown} exists; add --overwrite or name another file"));
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// A hidden name in the same folder with the same extension, of this process alone.
    fn beside(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.folder().join(format!(".{}-{name}", std::process::id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let place = Place::check(&path, "npz", false).unwrap();
        let failed = place.fill(|beside| {
            fs::write(beside, "half").unwrap();
            Err("no space".into())
        });
        assert!(failed.unwrap_err().to_string().ends_with("a.npz cannot be written: no space"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        place.fill(|beside| fs::write(beside, "whole").map_err(|e| e.to_string())).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.npz"), "").unwrap();
        fs::create_dir(folder.path().join("b.npz")).unwrap();
        for (name, overwrite, expected) in [
            ("a.npz", false, "exists; add --overwrite or name another file"),
            ("b.npz", true, "is a folder; name a file"),
            ("c.csv", false, "does not end in .npz, the only format; name it so"),
            ("none/a.npz", false, "make it first"),
            ("a.npz/x.npz", false, "make it first"),
        ] {
            let error = Place::check(&folder.path().join(name), "npz", overwrite).unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
        }
        assert!(Place::check(&folder.path().join("a.npz"), "npz", true).is_ok());
    }
}
