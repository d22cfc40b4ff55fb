//! Running the program in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a run of the program left behind.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A folder for one test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The names of all files, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        self.names_in("")
    }

    /// The same of a folder below.
    pub fn names_in(&self, below: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(below)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `wfr` in this folder.
    pub fn wfr(&self, arguments: &[&str]) -> Done {
        done(&wfr(self.0.path(), arguments).output().unwrap())
    }

    /// Runs `wfr` where there is no adapter.
    pub fn wfr_without_adapter(&self, arguments: &[&str]) -> Done {
        let mut command = wfr(self.0.path(), arguments);
        command.env("WGPU_BACKEND", "vulkan").env("VK_DRIVER_FILES", "/nowhere");
        done(&command.output().unwrap())
    }

    /// Runs `wfr` with nobody who reads its output.
    pub fn wfr_unread(&self, arguments: &[&str]) -> Done {
        let mut command = wfr(self.0.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        done(&child.wait_with_output().unwrap())
    }
}

fn wfr(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wfr"));
    command.current_dir(folder).args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    // As in a bare container: nothing is said of a window system.
    command.env_remove("XDG_RUNTIME_DIR").env_remove("NODEVICE_SELECT");
    command
}

fn done(output: &Output) -> Done {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Done {
        code: output.status.code().expect("the program ends by itself"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

impl Done {
    /// The error.
    pub fn error(&self) -> &str {
        self.err.rfind("error: ").map_or("", |at| self.err[at..].trim_end())
    }

    /// This run failed with that code and exactly that error.
    #[track_caller]
    pub fn failed(&self, code: i32, error: &str) {
        assert_eq!((self.code, self.error()), (code, error), "{}", self.err);
        assert_eq!(self.out, "");
    }

    /// This run failed with that code and an error that contains these words.
    #[track_caller]
    pub fn failed_with(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.err);
        for word in words {
            assert!(self.error().contains(word), "{word}: {}", self.err);
        }
        for noise in ["panicked", "ZipWriter"] {
            assert!(!self.err.contains(noise), "{}", self.err);
        }
    }

    #[track_caller]
    pub fn succeeded(self) -> Done {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }
}

/// All files below a folder, by their names from there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        match entry.path().is_dir() {
            true => {
                let below = files(&entry.path()).into_iter();
                all.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
            }
            false => {
                all.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

/// Whether there is an adapter; says so when a test is skipped for want of one.
pub fn has_adapter() -> bool {
    if let Ok(adapter) = pollster::block_on(wfr::adapter(None)) {
        let info = adapter.get_info();
        println!("adapter: {}, {} {}", info.name, info.driver, info.driver_info);
        return true;
    }
    let required = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|value| value == "require");
    assert!(!required, "WFR_TEST_ADAPTER=require, and there is no adapter");
    println!("skipped: there is no adapter");
    false
}
