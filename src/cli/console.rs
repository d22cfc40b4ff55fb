//! What the user sees: results on standard output, all else on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use indicatif_log_bridge::LogWrapper;
use wfr::{Gpu, Info};

use super::color;
use super::failure::{Done, Failure};
use super::numbers::seconds;
use crate::shown::{self, printable};

/// Standard output and standard error, with the log lines above the progress bar.
pub(crate) struct Console {
    bars: MultiProgress,
}

impl Console {
    /// Starts logging. The progress bar shows on a terminal only, and not when `quiet`.
    pub(crate) fn start(quiet: bool, verbose: u8) -> Console {
        // What the WGSL compiler logs of a text that it refuses is in the error.
        let filter = match (quiet, verbose) {
            (true, _) => "error,naga=off",
            (_, 0) => "warn,wfr=info,naga=off",
            (_, 1) => "info,wfr=debug,naga=off",
            _ => "debug",
        };
        let environment = env_logger::Env::default().default_filter_or(filter);
        let logger = env_logger::Builder::from_env(environment)
            .format(|out, record| {
                let word = match record.level() {
                    log::Level::Error => "error",
                    log::Level::Warn => "warning",
                    log::Level::Info => "note",
                    log::Level::Debug => "debug",
                    log::Level::Trace => "trace",
                };
                let text = record.args().to_string();
                writeln!(out, "{} {}", color::word(word), shown::message(&text))
            })
            // The words have their colours already, or none.
            .write_style(env_logger::WriteStyle::Always)
            .build();
        let bars = if quiet || !io::stderr().is_terminal() {
            MultiProgress::with_draw_target(ProgressDrawTarget::hidden())
        } else {
            MultiProgress::new()
        };
        let level = logger.filter();
        // A hidden bar swallows what is printed above it.
        let started = if bars.is_hidden() {
            log::set_boxed_logger(Box::new(logger)).is_ok()
        } else {
            LogWrapper::new(bars.clone(), logger).try_init().is_ok()
        };
        debug_assert!(started, "bug in wfr: logging starts once");
        log::set_max_level(level);
        Console { bars }
    }

    /// For runs that show their progress themselves.
    pub(crate) fn without_bars() -> Console {
        Console { bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()) }
    }

    /// A bar for so many steps.
    pub(crate) fn bar(&self, label: &str, steps: u32) -> Bar {
        let style = ProgressStyle::with_template(
            "{prefix}  {bar:30}  {pos}/{len}  {msg}  {spent} ({left} left)",
        );
        let style = style.map(|style| {
            style
                .with_key("spent", |state: &ProgressState, out: &mut dyn fmt::Write| {
                    let _ = out.write_str(&seconds(state.elapsed().as_secs_f64()));
                })
                .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
                    let _ = out.write_str(&seconds(state.eta().as_secs_f64()));
                })
        });
        let bar = ProgressBar::new(u64::from(steps)).with_prefix(label.to_string());
        let bar = self.bars.add(bar);
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar }
    }
}

/// The progress of one run; it goes away when dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Shows the state after the last ESS test.
    pub(crate) fn show(&self, info: &Info) {
        self.bar.set_position(u64::from(info.step));
        let log_z = match info.log_normalizer {
            known if known.is_finite() => format!("  log Z {known:.4}"),
            _ => String::new(),
        };
        self.bar.set_message(format!("ESS {:.0}{log_z}", info.ess));
    }

    /// One more of the things counted.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Writes a result to standard output, whole.
pub(crate) fn print(text: &str) -> Done {
    let mut out = io::stdout().lock();
    out.write_all(printable(text).as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::of_stdout(&e))
}

/// Writes a result to standard output as one line of JSON.
pub(crate) fn print_json(record: &impl serde::Serialize) -> Done {
    let text = serde_json::to_string(record);
    let mut text = text.map_err(|error| Failure::Output(error.to_string()))?;
    // A terminal reads it too, and these are letters of the basic plane.
    while let Some(letter) = text.chars().find(|letter| shown::steers(*letter)) {
        text = text.replace(letter, &format!("\\u{:04x}", u32::from(letter)));
    }
    print(&(text + "\n"))
}

/// Says what to expect when the adapter is the processor.
pub(crate) fn note_software(gpu: &Gpu) {
    if gpu.is_software() {
        log::info!(
            "{} computes on the processor: results are the same, but expect a GPU to be some 10 \
             to 1000 times faster",
            gpu.adapter_info().name
        );
    }
}

/// Warns when the program was built without optimisation: its timings mean nothing.
pub(crate) fn warn_debug_build() {
    if cfg!(debug_assertions) {
        log::warn!("this is a debug build; for timings use one made with cargo build --release");
    }
}
