//! A run as one HTML file that needs no other.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Kept, Record, WarningRecord, log_z_label};
use crate::cli::{grouped, with_error};
use crate::plot::escaped;

/// The page, with names in double braces where contents go.
const TEMPLATE: &str = include_str!("page.html");

/// Coordinates whose moments are shown; the rest is in the record.
const COORDINATES: usize = 6;

/// Modes that are shown.
const MODES: usize = 30;

/// A picture of the run with its caption.
pub(crate) struct Picture {
    /// What it shows, in some words.
    pub(crate) name: &'static str,
    pub(crate) caption: &'static str,
    /// The text of its file.
    pub(crate) svg: String,
}

/// All that a report shows.
pub(crate) struct Report<'a> {
    pub(crate) kept: &'a Kept,
    pub(crate) pictures: &'a [Picture],
    /// A PNG and its caption.
    pub(crate) animation: Option<(&'a [u8], &'static str)>,
    /// The text of the run file.
    pub(crate) run_file: Option<&'a str>,
    /// What the file of particles is called.
    pub(crate) particles: &'a str,
}

impl Report<'_> {
    /// The page: the same for the same run.
    pub(crate) fn html(&self) -> String {
        let record = &self.kept.record;
        let title = format!("{}, {} flow", record.target, record.flow);
        filled(TEMPLATE, |name| match name {
            "title" => escaped(&title),
            "facts" => escaped(&facts(record)),
            "warnings" => warnings(&record.warnings),
            "notes" => notes(&record.warnings),
            "headline" => self.headline(),
            "estimates" => estimates(record, self.kept.tells_log_z()),
            "distribution" => distribution(record),
            "modes" => modes(record),
            "pictures" => self.pictures.iter().map(figure).collect(),
            "animation" => self.animation(),
            "run_file" => self.run_file(),
            "python" => escaped(&python(self.particles)),
            "version" => escaped(&record.version),
            // A test names every one.
            _ => String::new(),
        })
    }

    fn headline(&self) -> String {
        let record = &self.kept.record;
        let mut cards = String::new();
        let mut card = |name: &str, value: String, remark: String| {
            let (name, value, remark) = (escaped(name), escaped(&value), escaped(&remark));
            let _ = writeln!(
                cards,
                "<div class=\"card\"><div>{name}</div><strong>{value}</strong><div>{remark}</div></div>"
            );
        };
        if self.kept.tells_log_z() {
            let truth = record.truth.as_ref().filter(|_| record.complete);
            let exact = truth.map(|truth| truth.log_normalizer);
            let remark =
                exact.map_or_else(|| "exact: unknown".into(), |z| format!("exact: {z:.4}"));
            let label = log_z_label(record.beta, &record.warnings);
            card(&label, with_error(record.log_normalizer, record.log_normalizer_se), remark);
        }
        let n = f64::from(record.particles);
        let percent = format!("{:.1} %", 100.0 * record.ess / n);
        card(
            "effective sample size",
            percent,
            format!("{} of {}", whole(record.ess), grouped(record.particles.into())),
        );
        card(
            "effective families",
            whole(record.effective_ancestors),
            format!("largest: {:.2} % of the weight", 100.0 * record.largest_ancestor),
        );
        card(
            "resamplings",
            grouped(record.resamplings.into()),
            format!("in {} steps", grouped(record.steps.into())),
        );
        cards
    }

    fn animation(&self) -> String {
        let Some((bytes, caption)) = self.animation else { return String::new() };
        let data = STANDARD.encode(bytes);
        let caption = escaped(caption);
        format!(
            "<figure class=\"narrow\"><img src=\"data:image/png;base64,{data}\" \
             alt=\"Animation of the density over time\"><figcaption>{caption}</figcaption></figure>"
        )
    }

    fn run_file(&self) -> String {
        let Some(text) = self.run_file else { return String::new() };
        format!(
            "<h2>Run file</h2>\n<p>The same run again: <code>wfr run run.toml</code></p>\n\
             <pre>{}</pre>",
            escaped(text)
        )
    }
}

/// The template with each name in double braces replaced; what is put in is not looked at again.
fn filled(template: &str, content: impl Fn(&str) -> String) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        page += &content(name);
        page += rest;
    }
    page
}

fn facts(record: &Record) -> String {
    let parameters: Vec<String> =
        record.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let parameters = match parameters.join(", ") {
        none if none.is_empty() => none,
        some => format!(" ({some})"),
    };
    let plural = if record.dim == 1 { "" } else { "s" };
    format!(
        "{}{parameters} in {} dimension{plural}, from {}; {} particles, {} steps of {} to time {}, \
         schedule {}, seed {}, on {}",
        record.target,
        record.dim,
        record.initial,
        grouped(record.particles.into()),
        grouped(record.steps.into()),
        record.integrator,
        record.time,
        record.schedule,
        record.seed,
        record.adapter,
    )
}

/// What stands before the results.
fn warnings(all: &[WarningRecord]) -> String {
    let good =
        "<p class=\"good\">Nothing in the run makes these numbers doubtful: no warnings.</p>";
    let doubts = match all.iter().any(WarningRecord::is_doubt) {
        false => good.into(),
        true => boxed("warning", "Warnings", all.iter().filter(|one| one.is_doubt())),
    };
    doubts + &boxed("note", "Notes", all.iter().filter(|one| !one.is_doubt() && one.leads()))
}

/// What stands after the results.
fn notes(all: &[WarningRecord]) -> String {
    boxed("note", "Notes", all.iter().filter(|one| !one.leads()))
}

fn boxed<'a>(class: &str, heading: &str, all: impl Iterator<Item = &'a WarningRecord>) -> String {
    let items: String = all.map(item).collect();
    if items.is_empty() {
        return items;
    }
    format!("<section class=\"{class}\"><h2>{heading}</h2>\n<ul>\n{items}</ul></section>")
}

/// A sentence, and the options that help as they are typed.
fn item(one: &WarningRecord) -> String {
    let option = one
        .option
        .as_ref()
        .map_or_else(String::new, |option| format!("; try <code>{}</code>", escaped(option)));
    format!("<li>{}{option}</li>\n", escaped(&one.text))
}

fn estimates(record: &Record, tells_log_z: bool) -> String {
    let mut rows = String::new();
    let mut row = |name: String, value: f64, error: f64, exact: Option<f64>| {
        let (estimate, off) = (with_error(value, error), off(value, error, exact));
        let exact = exact.map_or_else(|| "unknown".into(), |exact| format!("{exact:.4}"));
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{name}</th><td>{estimate}</td><td>{exact}</td><td>{off}</td></tr>"
        );
    };
    let truth = record.truth.as_ref().filter(|_| record.complete);
    if tells_log_z {
        let exact = truth.map(|truth| truth.log_normalizer);
        row(
            escaped(&log_z_label(record.beta, &record.warnings)),
            record.log_normalizer,
            record.log_normalizer_se,
            exact,
        );
    }
    let exact = truth.map(|truth| truth.right_mass);
    row("P(x<sub>0</sub> &gt; 0)".into(), record.right_mass, record.right_mass_se, exact);
    let moments = [
        ("", &record.mean, &record.mean_se, truth.map(|truth| &truth.mean)),
        (
            "<sup>2</sup>",
            &record.second_moment,
            &record.second_moment_se,
            truth.map(|truth| &truth.second_moment),
        ),
    ];
    for (power, values, errors, exact) in moments {
        for (j, (value, error)) in values.iter().zip(errors).take(COORDINATES).enumerate() {
            let exact = exact.and_then(|exact| exact.get(j)).copied();
            row(format!("E x<sub>{j}</sub>{power}"), *value, *error, exact);
        }
    }
    let more = record.mean.len().saturating_sub(COORDINATES);
    let more = match more {
        0 => String::new(),
        more => format!("<p>The moments of {more} more coordinates are in summary.json.</p>"),
    };
    format!(
        "<div class=\"scroll\"><table><thead><tr><th></th><th>estimate ± standard error</th>\
         <th>exact</th><th>off by (standard errors)</th></tr></thead>\n<tbody>\n{rows}</tbody></table>\
         </div>{more}"
    )
}

/// The standard deviation and the quantiles of each coordinate.
fn distribution(record: &Record) -> String {
    let levels: String =
        record.levels.iter().map(|level| format!("<th>{:.0} %</th>", 100.0 * level)).collect();
    let mut rows = String::new();
    for j in 0..record.sd.len().min(COORDINATES) {
        let mut cells = vec![with_error(record.sd[j], record.sd_se[j])];
        let quantiles = record.quantiles.get(j).into_iter().flatten();
        let errors = record.quantiles_se.get(j).into_iter().flatten();
        cells.extend(quantiles.zip(errors).map(|(value, error)| with_error(*value, *error)));
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = writeln!(rows, "<tr><th scope=\"row\">x<sub>{j}</sub></th>{cells}</tr>");
    }
    format!(
        "<div class=\"scroll\"><table><thead><tr><th></th><th>standard deviation</th>{levels}</tr>\
         </thead>\n<tbody>\n{rows}</tbody></table></div>"
    )
}

fn modes(record: &Record) -> String {
    if record.modes.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for mode in record.modes.iter().take(MODES) {
        let exact = mode.exact.map_or_else(|| "unknown".into(), |exact| format!("{exact:.4}"));
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{exact}</td><td>{}</td><td>{}</td>\
             <td>{}</td></tr>",
            escaped(&mode.name),
            with_error(mode.mass, mode.mass_se),
            off(mode.mass, mode.mass_se, mode.exact),
            grouped(mode.ancestors as u64),
            whole(mode.effective_ancestors),
        );
    }
    let more = match record.modes.len().saturating_sub(MODES) {
        0 => String::new(),
        more => format!("<p>And {more} more in summary.json.</p>"),
    };
    format!(
        "<h2>Modes</h2>\n<div class=\"scroll\"><table><thead><tr><th>mode</th><th>mass</th>\
         <th>exact</th><th>off by</th><th>families</th><th>effective</th></tr></thead>\n<tbody>\n\
         {rows}</tbody></table></div>{more}"
    )
}

/// How far an estimate is from the truth in its standard errors.
fn off(value: f64, error: f64, exact: Option<f64>) -> String {
    match exact {
        Some(exact) if error > 0.0 => format!("{:+.1}", (value - exact) / error),
        _ => "–".into(),
    }
}

/// A count that may not be known.
fn whole(value: f64) -> String {
    if value.is_finite() { grouped(value.max(0.0).round() as u64) } else { "unknown".into() }
}

/// A picture inside of the page, where it has a name for those who do not see it.
fn figure(picture: &Picture) -> String {
    let name = escaped(picture.name);
    let svg = picture.svg.replacen("<svg ", &format!("<svg aria-label=\"{name}\" "), 1);
    format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", escaped(picture.caption))
}

/// How to load the particles.
fn python(file: &str) -> String {
    let load = match file.rsplit('.').next() {
        Some("safetensors") => {
            format!("from safetensors.numpy import load_file\n\nrun = load_file(\"{file}\")")
        }
        Some("nc") => {
            return format!(
                "import arviz\n\nrun = arviz.from_netcdf(\"{file}\", engine=\"h5netcdf\")\n\
                 run.posterior[\"x\"]    # particles of equal weight: plot these"
            );
        }
        _ => format!("import numpy as np\n\nrun = np.load(\"{file}\")"),
    };
    let numpy = if load.contains("numpy as np") { "" } else { "import numpy as np\n" };
    format!(
        "{numpy}{load}\nx = run[\"posterior\"]      # (M, d) of equal weight: plot these\n\n\
         # All particles, which mean nothing without their weights:\n\
         w = np.exp(run[\"log_weights\"] - run[\"log_weights\"].max())\nw /= w.sum()\n\
         mean = w @ run[\"positions\"]"
    )
}
