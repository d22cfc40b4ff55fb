//! `wfr man`: manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::{Cli, Done, Failure, console};

/// Prints the manual page of wfr, or writes one for every command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write the pages of all commands into this folder, in place of those that are there.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|error| Failure::Output(error.to_string()))?;
        return console::print(&String::from_utf8_lossy(&page));
    };
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        let shown = folder.display();
        Failure::Output(format!("manual pages cannot be written into {shown}: {error}"))
    })?;
    log::info!("manual pages are in {}; read one by man -l", folder.display());
    Ok(())
}
