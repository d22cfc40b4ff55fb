//! One run at a time in a folder of results.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::cli::{Done, Failure};

/// An empty file that stays: were it removed, two runs could each lock one of this name.
const NAME: &str = ".lock";

/// Keeps other runs out of a folder of results until it is dropped, or its process ends, in whatever
/// way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks a folder that is there; refused while another run has it.
    pub(crate) fn take(folder: &Path) -> Done<Lock> {
        let shown = folder.display();
        let mut options = OpenOptions::new();
        // To read as well: a pipe of that name would wait for somebody who does.
        options.create(true).truncate(false).read(true).write(true);
        let opened = options.open(folder.join(NAME));
        let file = opened.map_err(|error| {
            Failure::Usage(format!("{shown} cannot be locked for this run: {NAME}: {error}"))
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
        Ok(Lock { _file: file })
    }
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
    fn a_folder_that_takes_no_lock_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(NAME)).unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cannot be locked for this run: .lock: "), "{message}");
    }
}
