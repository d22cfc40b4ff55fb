//! The program `wfr` end to end: what it prints, writes, refuses, and the code it exits with.

#[path = "common/browser.rs"]
mod browser;
#[path = "cli/program.rs"]
mod program;

#[path = "cli/center.rs"]
mod center;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/compose.rs"]
mod compose;
#[path = "cli/escapes.rs"]
mod escapes;
#[path = "cli/fkc.rs"]
mod fkc;
#[path = "cli/full.rs"]
mod full;
#[path = "cli/hostile.rs"]
mod hostile;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/kills.rs"]
mod kills;
#[path = "cli/live.rs"]
mod live;
#[path = "cli/losses.rs"]
mod losses;
#[path = "cli/manners.rs"]
mod manners;
#[path = "cli/paths.rs"]
mod paths;
#[path = "cli/plan.rs"]
mod plan;
#[path = "cli/plot.rs"]
mod plot;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/refusals.rs"]
mod refusals;
#[path = "cli/results.rs"]
mod results;
#[path = "cli/resume.rs"]
mod resume;
#[path = "cli/run_file.rs"]
mod run_file;
#[path = "cli/selftest.rs"]
mod selftest;
#[path = "cli/warnings.rs"]
mod warnings;
