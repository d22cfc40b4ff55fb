//! The folder of a run's results.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Place;
use crate::cli::{Done, Failure};

/// A folder that takes a run's files; each appears in it whole or not at all.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    overwrite: bool,
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
            _ => Ok(Folder { path: path.to_path_buf(), overwrite }),
        }
    }

    /// Makes the folder where it is missing, and sees to it that it takes files.
    pub(crate) fn make(&self) -> Done {
        if !self.path.is_dir() {
            fs::create_dir(&self.path).map_err(|error| {
                Failure::Usage(format!("{} cannot be made: {error}", self.path.display()))
            })?;
        }
        self.place("summary.json").map(|_| ())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether files in it are replaced.
    pub(crate) fn replaces(&self) -> bool {
        self.overwrite
    }

    /// The place of a file in it.
    pub(crate) fn place(&self, name: &str) -> Done<Place> {
        let extension = name.rsplit('.').next().unwrap_or_default();
        Place::check(&self.path.join(name), extension, self.overwrite)
    }

    /// Removes what files of these names were written as when a program was killed meanwhile. What
    /// cannot be removed stays, and does no harm.
    pub(crate) fn sweep(&self, names: impl Iterator<Item = String>) {
        let names: Vec<String> = names.collect();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
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

    /// Files that will appear in it together.
    pub(crate) fn stage(&self) -> Staged<'_> {
        Staged { folder: self, places: Vec::new() }
    }

    /// Removes files of these names, where they are there.
    pub(crate) fn clear(&self, names: impl Iterator<Item = String>) -> Done {
        for path in names.map(|name| self.path.join(name)).filter(|path| path.is_file()) {
            fs::remove_file(&path).map_err(|error| {
                Failure::Output(format!("{} cannot be removed: {error}", path.display()))
            })?;
        }
        Ok(())
    }
}

/// Files that are all written before the first of them replaces anything: where one cannot be, on a
/// full disk for instance, everything stays as it was.
pub(crate) struct Staged<'f> {
    folder: &'f Folder,
    places: Vec<Place>,
}

impl Staged<'_> {
    /// Lets `write` make a file of this name, not yet where it belongs.
    pub(crate) fn put(
        &mut self,
        name: &str,
        write: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Done {
        let place = self.folder.place(name)?;
        place.write_beside(write)?;
        self.places.push(place);
        Ok(())
    }

    /// Puts a text.
    pub(crate) fn put_text(&mut self, name: &str, text: &str) -> Done {
        self.put(name, |path| write_synced(path, text.as_bytes()).map_err(|e| e.to_string()))
    }

    /// Moves all files to their places.
    pub(crate) fn take(self) -> Done {
        self.places.iter().try_for_each(Place::take)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        self.places.iter().for_each(Place::leave);
    }
}

/// Writes a file whose bytes are on the disk afterwards.
fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
        let write = |folder: &Folder, text: &str| {
            let mut staged = folder.stage();
            staged.put_text("summary.txt", text)?;
            staged.take()
        };
        write(&folder, "one").unwrap();
        let error = write(&folder, "two").unwrap_err().to_string();
        assert!(error.contains("summary.txt exists; add --overwrite"), "{error}");
        let error = Folder::check(&path, false).unwrap_err().to_string();
        assert!(error.ends_with("holds files already; add --overwrite or name another folder"));
        write(&Folder::check(&path, true).unwrap(), "two").unwrap();
        assert_eq!(fs::read_to_string(path.join("summary.txt")).unwrap(), "two");
    }

    #[test]
    fn what_a_killed_program_left_is_swept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::check(parent.path(), true).unwrap();
        for name in [".77-a.txt", ".77-b.txt", ".x-a.txt", "a.txt", ".77a.txt"] {
            fs::write(parent.path().join(name), "").unwrap();
        }
        folder.sweep(["a.txt".to_string()].into_iter());
        let left = fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name());
        let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [".77-b.txt", ".77a.txt", ".x-a.txt", "a.txt"]);
    }

    #[test]
    fn where_one_file_fails_none_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::check(parent.path(), true).unwrap();
        fs::write(parent.path().join("a.txt"), "old").unwrap();
        let mut staged = folder.stage();
        staged.put_text("a.txt", "new").unwrap();
        let failed = staged.put("b.txt", |path| {
            fs::write(path, "half").unwrap();
            Err("no space".into())
        });
        assert!(failed.unwrap_err().to_string().ends_with("b.txt cannot be written: no space"));
        drop(staged);
        assert_eq!(fs::read_to_string(parent.path().join("a.txt")).unwrap(), "old");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
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
