//! Registers, spills and instructions of wfr's kernels, as a Vulkan driver's compiler reports them:
//! see `scripts/registers`, which records the plans and chooses driver and chip.

mod assembly;
mod driver;
mod plan;
mod report;
mod spirv;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use driver::Driver;
use plan::Kernel;
use report::{Chip, Row};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile the distinct kernels of recorded plans and print their numbers as JSON
    Compile {
        /// A file with a line `PLAN.json<TAB>COMMAND LINE` for each plan
        plans: PathBuf,
        /// The name of the chip in tables
        #[arg(long)]
        chip: String,
    },
    /// Print Markdown tables of what `compile` printed
    Tables {
        #[arg(required = true)]
        chips: Vec<PathBuf>,
    },
    /// Fail with a sentence for each kernel that spills and did not in the tables of a file
    Check {
        #[arg(long)]
        before: PathBuf,
        #[arg(required = true)]
        chips: Vec<PathBuf>,
    },
    /// Print the loops of a kernel, with the instructions that a round of each takes
    Loops {
        /// As for `compile`; the first plan that has the kernel counts
        plans: PathBuf,
        /// Its entry point
        kernel: String,
        /// Rounds of a loop for each round of the loop around it, 1 where not given
        #[arg(long, value_name = "LOOP=ROUNDS", value_delimiter = ',', value_parser = rounds)]
        rounds: Vec<(String, u64)>,
        /// Print the assembly too
        #[arg(long)]
        assembly: bool,
    },
}

fn rounds(text: &str) -> Result<(String, u64), String> {
    let (path, rounds) = text.split_once('=').ok_or("write LOOP=ROUNDS, such as 2.1=64")?;
    Ok((path.into(), rounds.parse().map_err(|_| format!("{rounds} is not a whole number"))?))
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            for line in message.lines() {
                eprintln!("error: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Compile { plans, chip } => {
            let (driver, kernels) = (Driver::open()?, kernels(&plans)?);
            let row = |kernel: &Kernel| {
                let compiled = compile(&driver, kernel, false)?;
                Row::new(kernel, &compiled).map_err(|message| naming(kernel, &message))
            };
            let rows = kernels.iter().map(row).collect::<Result<_, _>>()?;
            let chip = Chip { name: chip, driver: driver.version, rows };
            println!("{}", serde_json::to_string(&chip).map_err(|error| error.to_string())?);
        }
        Command::Tables { chips } => print!("{}", report::tables(&mut read_chips(&chips)?)),
        Command::Check { before, chips } => {
            let worse = report::worse(&read_chips(&chips)?, &read(&before)?);
            if !worse.is_empty() {
                return Err(worse.join("\n"));
            }
        }
        Command::Loops { plans, kernel, rounds, assembly } => {
            let (driver, kernels) = (Driver::open()?, kernels(&plans)?);
            let found = kernels.iter().find(|one| one.entry == kernel).ok_or_else(|| {
                let names: Vec<_> = kernels.iter().map(|one| one.entry.as_str()).collect();
                format!("no kernel {kernel}; there are: {}", names.join(", "))
            })?;
            let compiled = compile(&driver, found, true)?;
            let loops = assembly::loops(&compiled.assembly)?;
            let rounds: HashMap<_, _> = rounds.into_iter().collect();
            loops.check(&rounds)?;
            if assembly {
                println!("{}", compiled.assembly);
            }
            let run = found.runs.first().map_or("", String::as_str);
            println!("`{kernel}` of `{run}` on {}, {}", driver.name, driver.version);
            println!("\n{}", loops.table(&rounds));
            println!("{} instructions are executed", loops.executed(&rounds));
        }
    }
    Ok(())
}

fn compile(driver: &Driver, kernel: &Kernel, assembly: bool) -> Result<driver::Compiled, String> {
    spirv::translate(kernel)
        .and_then(|spirv| driver.compile(kernel, &spirv, assembly))
        .map_err(|message| naming(kernel, &message))
}

fn naming(kernel: &Kernel, message: &str) -> String {
    let run = kernel.runs.first().map_or("", String::as_str);
    format!("the kernel {} of `{run}`: {message}", kernel.entry)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn kernels(list: &Path) -> Result<Vec<Kernel>, String> {
    let mut kernels = Vec::new();
    for line in read(list)?.lines() {
        let (path, run) = line.split_once('\t').ok_or_else(|| format!("no tab: {line}"))?;
        plan::collect(&mut kernels, run, &read(Path::new(path))?)
            .map_err(|message| format!("{path}: {message}"))?;
    }
    Ok(kernels)
}

fn read_chips(paths: &[PathBuf]) -> Result<Vec<Chip>, String> {
    let parse = |path: &PathBuf| {
        serde_json::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
    };
    paths.iter().map(parse).collect()
}
