//! Results that replace others in a folder, all of them or none.
//!
//! They are gathered in a hidden folder in it. Once all of them are on the disk, a list of them is written
//! there, and from then on they count: they are moved to their places at once, or, should the program
//! be killed meanwhile, by the next one that opens the folder. Before that moment the folder is as it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Lock;
use crate::bounded;
use crate::cli::{Done, Failure, is_ours};

/// The hidden folder.
const NAME: &str = ".next";

/// The list. Where there is one, everything that it names is on the disk.
const LIST: &str = "complete.json";

/// Files by their names below the folder of results, with `/` between folders.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    /// To move to their places; what is not there any more has been moved.
    take: Vec<String>,
    /// To remove: files of the results before.
    remove: Vec<String>,
}

/// What is to be in a folder of results next.
#[derive(Debug)]
pub(crate) struct Next {
    folder: PathBuf,
}

impl Next {
    /// Of a folder that this program has locked.
    pub(crate) fn of(folder: &Path) -> Next {
        Next { folder: folder.to_path_buf() }
    }

    /// The hidden folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Makes it anew, without files.
    pub(crate) fn begin(&self) -> Done {
        self.discard()?;
        let path = self.path();
        fs::create_dir(&path).map_err(|error| failed(&path, "cannot be made", &error))
    }

    /// Removes it with all that is in it.
    pub(crate) fn discard(&self) -> Done {
        let path = self.path();
        let removed = match path.symlink_metadata() {
            Ok(about) if about.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| failed(&path, "cannot be removed", &error))
    }

    /// Lets `write` make a file of this name in it; errors name the file by its place to be.
    pub(crate) fn put(&self, name: &str, write: impl FnOnce(&Path) -> Result<(), String>) -> Done {
        write(&self.path().join(name)).map_err(|reason| {
            let shown = self.folder.join(name);
            Failure::Output(format!("{} cannot be written: {reason}", shown.display()))
        })
    }

    /// Puts a text.
    pub(crate) fn put_text(&self, name: &str, text: &str) -> Done {
        self.put(name, |path| fs::write(path, text).map_err(|error| error.to_string()))
    }

    /// Removes files of these names from it, where they are there.
    pub(crate) fn clear(&self, names: impl Iterator<Item = String>) -> Done {
        let paths = names.map(|name| self.path().join(name));
        paths.into_iter().try_for_each(|path| remove(&path))
    }

    /// Moves all files in it to their places, and removes those of the results before.
    pub(crate) fn take(&self, before: impl Iterator<Item = String>) -> Done {
        let next = self.path();
        let unread = |error: io::Error| failed(&next, "cannot be read", &error);
        let mut take = files_below(&next).map_err(unread)?;
        take.retain(|name| is_ours(name));
        for name in &take {
            free(&self.folder, name)?;
        }
        let is_stale = |name: &String| {
            !take.contains(name) && self.folder.join(name).symlink_metadata().is_ok()
        };
        let remove = before.filter(is_stale).collect();
        let synced = take.iter().try_for_each(|name| sync(&next.join(name)));
        synced.map_err(|error| failed(&next, "cannot be brought to the disk", &error))?;
        let text = serde_json::to_string_pretty(&List { take, remove });
        let text = text.map_err(|error| Failure::Output(error.to_string()))?;
        let list = next.join(LIST);
        let beside = next.join(format!(".{LIST}"));
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &list)?;
            sync_folder(&next)
        };
        write().map_err(|error| failed(&list, "cannot be written", &error))?;
        settle(&self.folder)
    }
}

/// Finishes in a folder of results what a program that was killed had begun to move.
pub(crate) fn recover(folder: &Path) -> Done {
    if !is_complete(folder) {
        return Ok(());
    }
    let _lock = Lock::take(folder)?;
    settle(folder)
}

/// The same in a folder that this program has locked.
pub(crate) fn settle(folder: &Path) -> Done {
    if !is_complete(folder) {
        return Ok(());
    }
    let next = folder.join(NAME);
    let list = next.join(LIST);
    let wrong = |reason: String| {
        let (list, next) = (list.display(), next.display());
        Failure::Usage(format!("{list}: {reason}; remove {next}"))
    };
    let text = bounded::text(&list, bounded::TABLE).map_err(wrong)?;
    let read: List = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("is not as wfr writes it: {error}")))?;
    // The folder may be anybody's, with files in it that are not a run's.
    let is_fine = |name: &&String| is_inside(name) && is_ours(name);
    if let Some(name) = read.take.iter().chain(&read.remove).find(|name| !is_fine(name)) {
        return Err(wrong(format!("names {name:?}, which no run leaves")));
    }
    for name in &read.take {
        free(folder, name)?;
        let (from, to) = (next.join(name), folder.join(name));
        if from.symlink_metadata().is_ok() {
            let made = to.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::rename(&from, &to))
                .map_err(|error| failed(&to, "cannot be put in its place", &error))?;
        }
    }
    for name in &read.remove {
        free(folder, name)?;
        remove(&folder.join(name))?;
    }
    // The list goes first, and not before all this is on the disk.
    let _ = sync_folder(folder);
    remove(&list)?;
    Next::of(folder).discard()
}

/// Whether there is a list.
fn is_complete(folder: &Path) -> bool {
    let next = folder.join(NAME);
    let is_folder = next.symlink_metadata().is_ok_and(|about| about.is_dir());
    is_folder && next.join(LIST).symlink_metadata().is_ok_and(|about| about.is_file())
}

fn is_inside(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Refuses a place that is a folder, or below a link, which would lead elsewhere.
fn free(folder: &Path, name: &str) -> Done {
    let path = folder.join(name);
    let below = Path::new(name).ancestors().skip(1).filter(|name| !name.as_os_str().is_empty());
    for above in below.map(|name| folder.join(name)) {
        if above.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
            let above = above.display();
            return Err(Failure::Output(format!(
                "{above} is a link, and files go below it; remove it"
            )));
        }
    }
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => {
            let shown = path.display();
            Err(Failure::Output(format!("{shown} is a folder where a file goes; remove it")))
        }
        _ => Ok(()),
    }
}

/// The names of all files below a folder.
fn files_below(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| io::Error::other("a name is no Unicode"))?;
        match entry.file_type()?.is_dir() {
            true => {
                let below = files_below(&entry.path())?.into_iter();
                names.extend(below.map(|file| format!("{name}/{file}")));
            }
            false => names.push(name.to_string()),
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a file where it is there.
fn remove(path: &Path) -> Done {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed(path, "cannot be removed", &error))
        }
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    // Some systems bring only what can be written to the disk.
    OpenOptions::new().write(true).open(path)?.sync_all()
}

/// Brings the names in a folder to the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder is no file that could be opened.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::Output(format!("{} {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// All files below a folder with their texts.
    fn files(folder: &Path) -> BTreeMap<String, String> {
        let read = |name: String| (name.clone(), fs::read_to_string(folder.join(name)).unwrap());
        files_below(folder).unwrap().into_iter().map(read).collect()
    }

    fn write(folder: &Path, all: &[(&str, &str)]) {
        for (name, text) in all {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    const OLD: [(&str, &str); 5] = [
        ("run.toml", "old"),
        ("summary.json", "old"),
        ("inputs/c", "old"),
        (STALE, "old"),
        ("mine", "mine"),
    ];
    const NEW: [(&str, &str); 4] =
        [("inputs/2/e", "new"), ("inputs/c", "new"), ("run.toml", "new"), ("summary.json", "new")];
    const STALE: &str = "checkpoints/step-0000000016.safetensors";

    /// A folder that is to be replaced.
    fn folder() -> (tempfile::TempDir, Next) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &OLD);
        let next = Next::of(folder.path());
        next.begin().unwrap();
        write(&next.path(), &NEW);
        (folder, next)
    }

    fn expected() -> BTreeMap<String, String> {
        let mut all: BTreeMap<_, _> =
            NEW.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        all.insert("mine".into(), "mine".into());
        all
    }

    #[test]
    fn all_files_are_replaced_and_those_of_others_stay() {
        let (folder, next) = folder();
        write(&next.path(), &[("mine", "not a run's")]);
        next.take(["run.toml", STALE, "frames.npz"].map(String::from).into_iter()).unwrap();
        assert_eq!(files(folder.path()), expected());
        assert!(!next.path().exists());
        settle(folder.path()).unwrap();
    }

    /// Before the list is there nothing counts; after it everything does, wherever the program was
    /// killed.
    #[test]
    fn what_was_begun_is_finished() {
        let all: Vec<String> = NEW.iter().map(|(name, _)| name.to_string()).collect();
        for moved in 0..=all.len() + 1 {
            let (folder, next) = folder();
            let path = folder.path();
            recover(path).unwrap();
            assert_eq!(fs::read_to_string(path.join("run.toml")).unwrap(), "old");
            let remove = vec![STALE.to_string()];
            let list = serde_json::to_string(&List { take: all.clone(), remove }).unwrap();
            fs::write(next.path().join(LIST), list).unwrap();
            for name in all.iter().take(moved) {
                fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
                fs::rename(next.path().join(name), path.join(name)).unwrap();
            }
            if moved > all.len() {
                fs::remove_file(path.join(STALE)).unwrap();
            }
            recover(path).unwrap();
            fs::remove_file(path.join(".lock")).unwrap();
            assert_eq!(files(path), expected(), "{moved} were moved");
            assert!(!next.path().exists());
        }
    }

    #[test]
    fn what_cannot_be_replaced_is_told_before_anything_is() {
        let (folder, next) = folder();
        fs::create_dir_all(folder.path().join("inputs/2/e")).unwrap();
        let error = next.take(std::iter::empty()).unwrap_err().to_string();
        assert!(error.ends_with("e is a folder where a file goes; remove it"), "{error}");
        next.discard().unwrap();
        assert_eq!(files(folder.path()).len(), OLD.len());
        assert_eq!(fs::read_to_string(folder.path().join("run.toml")).unwrap(), "old");
    }

    /// A folder of others moves and removes nothing elsewhere.
    #[test]
    fn a_list_stays_in_its_folder() {
        let (folder, next) = folder();
        let elsewhere = tempfile::tempdir().unwrap();
        let there = elsewhere.path().join("precious").to_str().unwrap().to_string();
        fs::write(&there, "keep").unwrap();
        for name in ["../x", "", "inputs/../../x", "mine", ".git/config", "checkpoints/a", &there] {
            for list in [
                List { take: vec![name.into()], remove: vec![] },
                List { take: vec![], remove: vec![name.into()] },
            ] {
                let text = serde_json::to_string(&list).unwrap();
                fs::write(next.path().join(LIST), text).unwrap();
                let error = recover(folder.path()).unwrap_err().to_string();
                assert!(error.contains("which no run leaves; remove "), "{error}");
            }
        }
        fs::write(next.path().join(LIST), "{").unwrap();
        let error = recover(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is not as wfr writes it"), "{error}");
        #[cfg(unix)]
        {
            fs::remove_dir_all(folder.path().join("inputs")).unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("inputs")).unwrap();
            let list = List { take: vec![], remove: vec!["inputs/precious".into()] };
            let text = serde_json::to_string(&list).unwrap();
            fs::write(next.path().join(LIST), text).unwrap();
            let error = recover(folder.path()).unwrap_err().to_string();
            assert!(error.contains("inputs is a link, and files go below it"), "{error}");
            // Nor is a link taken for the hidden folder.
            next.discard().unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), next.path()).unwrap();
            recover(folder.path()).unwrap();
            next.discard().unwrap();
        }
        assert_eq!(fs::read_to_string(&there).unwrap(), "keep");
    }
}
