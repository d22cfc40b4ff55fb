//! What is kept of compiled kernels: tables in Markdown, and what became worse since they were made.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::driver::Compiled;
use crate::plan::Kernel;

/// All kernels on one chip.
#[derive(Serialize, Deserialize)]
pub struct Chip {
    /// What it is called in the tables.
    pub name: String,
    /// The driver that compiled.
    pub driver: String,
    pub rows: Vec<Row>,
}

/// A kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub entry: String,
    pub runs: Vec<String>,
    pub lanes: u32,
    pub vgprs: u64,
    pub spilled_vgprs: u64,
    pub spilled_sgprs: u64,
    /// Bytes of a wave.
    pub scratch: u64,
    pub waves: u64,
    pub instructions: u64,
    pub code_bytes: u64,
    pub milliseconds: u64,
}

const WORST: &str = "### Kernels that spill or use scratch memory";
const BETWEEN_RUNS: &str = "<br>";

impl Row {
    pub fn new(kernel: &Kernel, compiled: &Compiled) -> Result<Row, String> {
        let number = |name: &str| {
            let found = compiled.statistics.get(name).map(|number| *number as u64);
            found.ok_or_else(|| format!("the driver says nothing of '{name}'"))
        };
        if let Some(run) = kernel.runs.iter().find(|run| run.contains('|')) {
            return Err(format!("a row of a table cannot hold: {run}"));
        }
        Ok(Row {
            entry: kernel.entry.clone(),
            runs: kernel.runs.clone(),
            lanes: compiled.subgroup_size,
            vgprs: number("VGPRs")?,
            spilled_vgprs: number("Spilled VGPRs")?,
            spilled_sgprs: number("Spilled SGPRs")?,
            scratch: number("Scratch size")?,
            waves: number("Subgroups per SIMD")?,
            instructions: number("Instructions")?,
            code_bytes: number("Code size")?,
            milliseconds: compiled.time.as_millis() as u64,
        })
    }

    fn spills(&self) -> bool {
        self.scratch + self.spilled_vgprs + self.spilled_sgprs > 0
    }

    /// What it spills and uses, in words.
    fn faults(&self) -> String {
        let all = [
            ("spills", self.spilled_vgprs, "vector registers"),
            ("spills", self.spilled_sgprs, "scalar registers"),
            ("uses", self.scratch, "bytes of scratch memory a wave"),
        ];
        let some = all.iter().filter(|(_, number, _)| *number > 0);
        let words: Vec<_> =
            some.map(|(verb, number, what)| format!("{verb} {number} {what}")).collect();
        words.join(" and ")
    }

    fn order(&self) -> impl Ord + use<> {
        let spilled = (self.scratch, self.spilled_vgprs, self.spilled_sgprs);
        (Reverse(spilled), self.waves, Reverse(self.vgprs), self.entry.clone(), self.runs.clone())
    }

    fn cells(&self, runs: &str) -> String {
        let Row { entry, lanes, vgprs, spilled_vgprs, spilled_sgprs, scratch, waves, .. } = self;
        let Row { instructions, code_bytes, .. } = self;
        let seconds = self.milliseconds as f64 / 1000.0;
        format!(
            "| `{entry}` | {runs} | {lanes} | {vgprs} | {spilled_vgprs} | {spilled_sgprs} | {scratch} \
             | {waves} | {instructions} | {code_bytes} | {seconds:.1} |\n"
        )
    }

    fn all_runs(&self) -> String {
        let runs: Vec<_> = self.runs.iter().map(|run| format!("`{run}`")).collect();
        runs.join(BETWEEN_RUNS)
    }

    fn first_run(&self) -> String {
        let run = self.runs.first().map_or("", String::as_str);
        match self.runs.len() {
            0 | 1 => format!("`{run}`"),
            more => format!("`{run}` and {} more", more - 1),
        }
    }
}

/// The tables of all chips, under a heading each.
pub fn tables(chips: &mut [Chip]) -> String {
    let mut text = String::new();
    let head = |runs: &str| {
        format!(
            "| kernel | {runs} | lanes | VGPRs | spilled VGPRs | spilled SGPRs | scratch | waves \
             | instructions | code | s |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        )
    };
    for chip in chips {
        chip.rows.sort_by_cached_key(Row::order);
        let spilling = chip.rows.iter().filter(|row| row.spills()).count();
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "\n## {}\n\n{WORST}: {spilling} of {}\n", chip.name, chip.rows.len());
        if spilling > 0 {
            text += &head("runs");
            for row in &chip.rows[..spilling] {
                text += &row.cells(&row.all_runs());
            }
            text += "\n";
        }
        text += "### All others\n\n";
        text += &head("run");
        for row in &chip.rows[spilling..] {
            text += &row.cells(&row.first_run());
        }
    }
    text
}

/// Chip, kernel and run of everything that spilled when `text` was written by [`tables`].
fn spilled_before(text: &str) -> BTreeSet<(&str, &str, &str)> {
    let (mut chip, mut worst, mut found) = ("", false, BTreeSet::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            chip = name;
        } else if line.starts_with("### ") {
            worst = line.starts_with(WORST);
        } else if let Some(row) = line.strip_prefix("| `").filter(|_| worst) {
            let mut cells = row.split(" | ");
            let kernel = cells.next().unwrap_or("").trim_end_matches('`');
            let runs = cells.next().unwrap_or("").split(BETWEEN_RUNS);
            found.extend(runs.map(|run| (chip, kernel, run.trim_matches('`'))));
        }
    }
    found
}

/// A sentence for each kernel that spills or uses scratch memory and did not when `before` was written.
pub fn worse(chips: &[Chip], before: &str) -> Vec<String> {
    let before = spilled_before(before);
    let mut sentences = Vec::new();
    for chip in chips {
        for row in chip.rows.iter().filter(|row| row.spills()) {
            let is_new =
                |run: &&String| !before.contains(&(&*chip.name, &*row.entry, run.as_str()));
            let Some(run) = row.runs.iter().find(is_new) else { continue };
            sentences.push(format!(
                "the kernel {} of `{run}` now {} on {}, and did not before",
                row.entry,
                row.faults(),
                chip.name
            ));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entry: &str, runs: &[&str], spilled_vgprs: u64) -> Row {
        Row {
            entry: entry.into(),
            runs: runs.iter().map(|run| run.to_string()).collect(),
            lanes: 64,
            vgprs: 256,
            spilled_vgprs,
            spilled_sgprs: 0,
            scratch: 256 * spilled_vgprs,
            waves: 4,
            instructions: 1000,
            code_bytes: 8000,
            milliseconds: 120,
        }
    }

    fn chip(rows: Vec<Row>) -> Vec<Chip> {
        vec![Chip { name: "navi31, 64 lanes".into(), driver: "radv".into(), rows }]
    }

    #[test]
    fn the_worst_stand_first() {
        let mut chips =
            chip(vec![row("b", &["one"], 0), row("a", &["one"], 2), row("c", &["x"], 9)]);
        let text = tables(&mut chips);
        let places: Vec<_> = ["`c`", "`a`", "`b`"].map(|name| text.find(name).unwrap()).into();
        assert!(places.is_sorted(), "{text}");
        assert!(text.contains(": 2 of 3"), "{text}");
    }

    #[test]
    fn only_what_is_new_is_worse() {
        let old = tables(&mut chip(vec![
            row("step", &["sample a --dim 2", "sample b"], 3),
            row("scan", &["sample a --dim 2"], 0),
        ]));
        assert!(worse(&chip(vec![row("step", &["sample b"], 99)]), &old).is_empty());
        let now = chip(vec![
            row("step", &["sample b", "sample c"], 3),
            row("scan", &["sample a --dim 2"], 1),
            row("init", &["sample b"], 0),
        ]);
        let sentences = worse(&now, &old);
        assert_eq!(sentences.len(), 2, "{sentences:?}");
        assert!(sentences[0].contains("step of `sample c`"), "{sentences:?}");
        assert_eq!(
            sentences[1],
            "the kernel scan of `sample a --dim 2` now spills 1 vector registers and uses 256 bytes of \
             scratch memory a wave on navi31, 64 lanes, and did not before"
        );
    }
}
