//! Hostile input to the program: what reads files from outside in it, as functions of bytes that
//! return whatever those are.
//!
//! The fuzz targets call them, and so does the replay of their corpora here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::run_file::command_of;
use super::{Command, compose, sample};
use crate::output::Kept;

#[cfg(test)]
#[path = "../../tests/hostile/replay.rs"]
mod replay;

/// The files of a small run.
const RESULTS: [(&str, &[u8]); 4] = [
    ("summary.json", include_bytes!("../../tests/hostile/results/summary.json")),
    ("frames.npz", include_bytes!("../../tests/hostile/results/frames.npz")),
    ("particles.npz", include_bytes!("../../tests/hostile/results/particles.npz")),
    ("particles.safetensors", include_bytes!("../../tests/hostile/results/particles.safetensors")),
];

/// What the run files of the corpus name.
const NAMED: [(&str, &str); 3] = [
    ("a.wgsl", "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }"),
    ("a.txt", "0.5 -1 0 1\n0.5 1 0 1\n"),
    ("a.csv", "y\n1\n2\n"),
];

/// A run file, up to the law that it names and the copies of what it reads.
pub(crate) fn run_file(bytes: &[u8]) {
    let folder = Folder::new();
    for (name, text) in NAMED {
        folder.write(name, text.as_bytes());
    }
    folder.write("run.toml", bytes);
    match command_of(&folder.0.join("run.toml")) {
        Ok(Command::Sample(arguments)) => {
            let _ = (sample::law(&arguments), sample::resolved(&arguments));
        }
        Ok(Command::Compose(arguments)) => {
            let _ = compose::law(&arguments);
        }
        Ok(_) => panic!("a run file runs sample or compose"),
        Err(failure) => assert!(!failure.to_string().is_empty()),
    }
}

/// The files of a run that `wfr plot` reads: the first byte says which of them the others replace.
pub(crate) fn results(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let replaced = usize::from(*which) % RESULTS.len();
    let folder = Folder::new();
    for (at, (name, original)) in RESULTS.into_iter().enumerate() {
        // Only one file of particles is read, the archive if there are both.
        if name != "particles.npz" || replaced != 3 {
            folder.write(name, if at == replaced { bytes } else { original });
        }
    }
    let Ok(kept) = Kept::read(&folder.0) else { return };
    let dim = kept.particles.dim();
    assert_eq!(kept.particles.positions().len(), dim * kept.particles.len());
    assert_eq!(kept.posterior.len() % dim, 0);
    for frame in &kept.frames {
        assert_eq!(frame.density.len(), frame.columns as usize * frame.rows as usize);
    }
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wfr-hostile-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Folder(path)
    }

    fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).expect("a folder that takes files");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_files_of_any_bytes_are_read() {
        replay::replay("run_file", run_file);
    }

    #[test]
    fn results_of_any_bytes_are_read() {
        replay::replay("results", results);
    }
}
