//! `wfr init`: a run file to begin with.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console;
use super::failure::{Done, Failure};
use super::run_file::FILE_NAME;

const TARGET_NAME: &str = "target.wgsl";
const RUN_FILE: &str = include_str!("init/run.toml");
const TARGET: &str = include_str!("init/target.wgsl");

/// Writes a run file to begin with, and the density that it samples.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder, made where there is none.
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let folder = &arguments.folder;
    let place = |name: &str| match folder.as_os_str() == "." {
        true => PathBuf::from(name),
        false => folder.join(name),
    };
    let [run_file, target] = [FILE_NAME, TARGET_NAME].map(place);
    for path in [&run_file, &target] {
        if path.symlink_metadata().is_ok() {
            let shown = path.display();
            let message = format!("{shown} exists, and is left as it is; name another folder");
            return Err(Failure::Usage(message));
        }
    }
    fs::create_dir_all(folder).map_err(|error| {
        Failure::Usage(format!("the folder {} cannot be made: {error}", folder.display()))
    })?;
    write(&target, TARGET)?;
    write(&run_file, RUN_FILE)?;
    let (run_file, target) = (run_file.display(), target.display());
    console::print(&format!(
        "wrote {run_file} and {target}\n\nNow:\n  \
         wfr run {run_file}\n  \
         wfr check {target} --dim 2\n"
    ))
}

fn write(path: &Path, text: &str) -> Done {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::Output(format!("{} cannot be written: {error}", path.display())))
}
