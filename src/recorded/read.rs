//! A plan as JSON and back.

use std::collections::HashSet;

use serde_json::Value;

use super::{Block, RecordedPlan, SCHEMA, Workgroups};
use crate::error::{Error, Result};

impl RecordedPlan {
    /// As one line of JSON.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string(self);
        text.unwrap_or_else(|error| unreachable!("bug in wfr: a plan is not JSON: {error}"))
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) where it is no plan, one of a
    /// later version of wfr, or one that names what it does not have.
    pub fn from_json(text: &str) -> Result<RecordedPlan> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| refused(format!("is not JSON: {error}")))?;
        match value["schema"].as_u64() {
            Some(schema) if schema == u64::from(SCHEMA) => {}
            Some(schema) => {
                let by = value["wfr"].as_str().unwrap_or("another one");
                return Err(refused(format!(
                    "is of schema {schema}, written by wfr {by}; this is wfr {}, which reads \
                     schema {SCHEMA}: read it with that version, or record it again",
                    env!("CARGO_PKG_VERSION")
                )));
            }
            None => return Err(refused("has no number `schema`; record it again".into())),
        }
        let plan: RecordedPlan = serde_json::from_value(value)
            .map_err(|error| refused(format!("is not a plan: {error}")))?;
        plan.check().map_err(|what| refused(format!("has no {what}; record it again")))?;
        Ok(plan)
    }

    /// Whether everything that is named is there, or what is not.
    fn check(&self) -> Result<(), String> {
        let of = |what: &str, place: u32, all: usize| match (place as usize) < all {
            true => Ok(()),
            false => Err(format!("{what} {place}, only {all}")),
        };
        let names: HashSet<_> = self.buffers.iter().map(|buffer| &buffer.name).collect();
        let named = |name: &String| match names.contains(name) {
            true => Ok(()),
            false => Err(format!("buffer {name}")),
        };
        self.kernels.iter().try_for_each(|kernel| of("text", kernel.text, self.texts.len()))?;
        for dispatch in &self.dispatches {
            of("kernel", dispatch.kernel, self.kernels.len())?;
            dispatch.groups.values().flatten().try_for_each(named)?;
            if let Workgroups::Indirect { buffer, .. } = &dispatch.workgroups {
                named(buffer)?;
            }
        }
        let all = self.dispatches.len();
        let in_block = |block: &Block| {
            block.dispatches.iter().try_for_each(|dispatch| of("dispatch", *dispatch, all))
        };
        [&self.opening, &self.report].into_iter().chain(&self.order).try_for_each(in_block)?;
        let result = &self.result;
        let tables = [&result.control, &result.trace].into_iter().chain(&result.reaction_trace);
        let results = result.state.iter().chain([&result.log_weights]);
        results.chain(tables.map(|table| &table.buffer)).try_for_each(named)
    }
}

fn refused(reason: String) -> Error {
    Error::config("plan", reason)
}
