//! `wfr targets`: the built-in densities.

use clap::Args;
use serde::Serialize;
use wfr::{Entry, Target, catalogue};

use super::console;
use super::failure::{Done, Failure};

/// Lists the built-in densities: formula, parameters with their defaults, dimensions, log Z.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print a JSON array with an object per density.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    if arguments.json {
        let records = catalogue().iter().map(|entry| record(entry)).collect::<Done<Vec<_>>>()?;
        let text = serde_json::to_string_pretty(&records);
        let text = text.map_err(|error| Failure::Output(error.to_string()))?;
        return console::print(&format!("{text}\n"));
    }
    let texts = catalogue().iter().map(|entry| text(entry)).collect::<Done<Vec<_>>>()?;
    console::print(&format!(
        "{}\nlog Z is that of the default parameters in the default dimension. A target of your \
         own is a formula or\na .wgsl file: see wfr sample --help.\n",
        texts.join("\n")
    ))
}

fn text(entry: &Entry) -> Done<String> {
    let mut parameters: Vec<_> = entry
        .parameters
        .iter()
        .map(|p| format!("{} = {} ({} to {})", p.name, p.default, p.least, p.most))
        .collect();
    if entry.name == "gaussian-mixture" {
        parameters.push("--components FILE; without it eight modes on a circle".into());
    }
    if parameters.is_empty() {
        parameters.push("none".into());
    }
    Ok(format!(
        "{}\n  density     {}\n  parameters  {}\n  dimensions  {}, by default {}\n  log Z       \
         {}\n  source      {}\n",
        entry.name,
        entry.formula,
        parameters.join(", "),
        entry.dimensions(),
        entry.default_dim,
        log_normalizer(entry)?.map_or_else(|| "unknown".into(), |log_z| format!("{log_z:.4}")),
        entry.source,
    ))
}

fn log_normalizer(entry: &Entry) -> Done<Option<f64>> {
    Ok(Target::named(entry.name, None)?.log_normalizer())
}

#[derive(Serialize)]
struct Record {
    name: &'static str,
    formula: &'static str,
    parameters: Vec<ParameterRecord>,
    default_dim: u32,
    dimensions: String,
    log_normalizer: Option<f64>,
    source: &'static str,
}

#[derive(Serialize)]
struct ParameterRecord {
    name: &'static str,
    default: f64,
    least: f64,
    most: f64,
}

fn record(entry: &Entry) -> Done<Record> {
    let parameters = entry.parameters.iter().map(|p| ParameterRecord {
        name: p.name,
        default: p.default,
        least: p.least,
        most: p.most,
    });
    Ok(Record {
        name: entry.name,
        formula: entry.formula,
        parameters: parameters.collect(),
        default_dim: entry.default_dim,
        dimensions: entry.dimensions(),
        log_normalizer: log_normalizer(entry)?,
        source: entry.source,
    })
}
