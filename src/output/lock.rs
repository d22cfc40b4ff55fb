//! One run at a time in a folder of results.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::cli::{Done, Failure};

/// An empty file that stays: were it removed, two runs could each lock one of this name.
const NAME: &str = ".lock";

/// Keeps other runs out of a folder of results until it is dropped, or its process ends, in whatever
/// way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
    /// What the file system calls the folder, whatever its name.
    folder: Option<Identity>,
}

/// A folder's device and number, where the system tells them.
type Identity = (u64, u64);

impl Lock {
    /// Locks a folder that is there; refused while another run has it.
    pub(crate) fn take(folder: &Path) -> Done<Lock> {
        let shown = folder.display();
        let file = open(&folder.join(NAME)).map_err(|error| {
            let message = format!("{shown} cannot be locked for this run: {NAME}: {error}");
            Failure::of_place(&error, message)
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::Usage(format!(
                    "{shown} is being filled by another run; wait for its end, or end it"
                )));
            }
            // Some network file systems have no locks, and no run should fail for that.
            Err(TryLockError::Error(error)) => log::warn!(
                "{shown} cannot be locked, and nothing keeps another run from filling it too: {error}"
            ),
        }
        Ok(Lock { _file: file, folder: folder.metadata().ok().and_then(|about| identity(&about)) })
    }

    /// Whether the folder of this name is another one than that which was locked, or none: somebody
    /// has removed or renamed it.
    pub(crate) fn is_gone(&self, folder: &Path) -> bool {
        match folder.metadata() {
            Ok(about) => self.folder.is_some_and(|own| identity(&about) != Some(own)),
            // Other errors may pass.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

#[cfg(unix)]
fn identity(about: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((about.dev(), about.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

/// Opens the file, made where there is none. A link is refused, whether it leads somewhere or not: its
/// folder may be anybody's.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // This follows no link.
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("it is a link or no file; remove it"));
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_until_the_lock_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(message.contains("is being filled by another run"), "{message}");
        drop(lock);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_went_away_is_noticed() {
        let parent = tempfile::tempdir().unwrap();
        let [folder, other] = ["run", "other"].map(|name| parent.path().join(name));
        std::fs::create_dir(&folder).unwrap();
        let lock = Lock::take(&folder).unwrap();
        assert!(!lock.is_gone(&folder));
        std::fs::rename(&folder, &other).unwrap();
        assert!(lock.is_gone(&folder) && !lock.is_gone(&other));
        #[cfg(unix)]
        {
            std::fs::create_dir(&folder).unwrap();
            assert!(lock.is_gone(&folder), "another folder of its name");
        }
    }

    #[test]
    fn a_folder_that_takes_no_lock_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(NAME)).unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cannot be locked for this run: .lock: "), "{message}");
    }

    #[test]
    #[cfg(unix)]
    fn no_link_is_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (there, none) = (elsewhere.path().join("there"), elsewhere.path().join("none"));
        std::fs::write(&there, "keep").unwrap();
        for beyond in [&there, &none] {
            let lock = folder.path().join(NAME);
            std::os::unix::fs::symlink(beyond, &lock).unwrap();
            let message = Lock::take(folder.path()).unwrap_err().to_string();
            assert!(message.ends_with(".lock: it is a link or no file; remove it"), "{message}");
            std::fs::remove_file(lock).unwrap();
        }
        assert!(!none.exists());
    }
}
