//! The options of an adaptive schedule.

use clap::Args;
use wfr::{Adaptive, Schedule};

use super::failure::{Done, Failure};
use super::numbers;

/// What `--schedule adaptive` takes beside.
#[derive(Debug, Args)]
pub(crate) struct AdaptiveOptions {
    /// Steps per stage of an adaptive schedule: one goes on along the path, the others move the
    /// particles there [default: 16].
    #[arg(long, value_name = "M")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    stage_moves: Option<u32>,
    /// The most stages of an adaptive schedule: a run that needs more fails [default: 1000].
    #[arg(long, value_name = "K")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    max_stages: Option<u32>,
}

impl AdaptiveOptions {
    /// The schedule that `text` asks for with steps of length `dt`, if it is an adaptive one.
    pub(crate) fn read(&self, text: &str, dt: f64) -> Done<Option<Schedule>> {
        let Some(cess) = cess(text)? else {
            let given = [
                ("--stage-moves", self.stage_moves.is_some()),
                ("--max-stages", self.max_stages.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(Failure::Usage(format!(
                    "{option} is for an adaptive schedule; add --schedule adaptive"
                ))),
                None => Ok(None),
            };
        };
        let standard = Adaptive::default();
        Ok(Some(Schedule::adaptive(Adaptive {
            cess: cess.unwrap_or(standard.cess),
            moves_per_stage: self.stage_moves.unwrap_or(standard.moves_per_stage),
            dt,
            max_stages: self.max_stages.unwrap_or(standard.max_stages),
            ..standard
        })?))
    }
}

/// Whether the text is `adaptive` or `adaptive:CESS`, and the fraction if it says one.
fn cess(text: &str) -> Done<Option<Option<f64>>> {
    match text.split_once(':') {
        None => Ok((text == "adaptive").then_some(None)),
        Some(("adaptive", number)) => match number.trim().parse() {
            Ok(cess) => Ok(Some(Some(cess))),
            Err(_) => Err(Failure::Usage(format!(
                "'{text}' has no number after its colon; write for instance adaptive:0.9"
            ))),
        },
        Some(_) => Ok(None),
    }
}
