//! Recorded plans, as `wfr … --print-plan` writes them: what is read of them here.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a kernel uses the buffers of a bind group, by binding.
pub type Layout = Vec<Access>;

#[derive(Deserialize)]
struct Plan {
    texts: Vec<String>,
    kernels: Vec<PlannedKernel>,
}

#[derive(Deserialize)]
struct PlannedKernel {
    text: usize,
    entry: String,
    constants: BTreeMap<String, f64>,
    groups: BTreeMap<u32, Layout>,
}

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Read,
    ReadWrite,
    Uniform,
    /// A uniform of this many bytes at a dynamic offset.
    Window(u64),
}

/// A kernel, with every run that dispatches it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    pub text: String,
    pub entry: String,
    pub constants: BTreeMap<String, f64>,
    pub groups: BTreeMap<u32, Layout>,
    /// Command lines, in the order in which they were added.
    pub runs: Vec<String>,
}

/// Adds the kernels of the plan `json`, that of `run`, to `kernels`, each distinct one once.
pub fn collect(kernels: &mut Vec<Kernel>, run: &str, json: &str) -> Result<(), String> {
    let plan: Plan = serde_json::from_str(json).map_err(|error| error.to_string())?;
    for PlannedKernel { text, entry, constants, groups } in plan.kernels {
        let text = plan.texts.get(text).ok_or_else(|| format!("{entry} has no text"))?;
        let same = |kernel: &&mut Kernel| {
            kernel.entry == entry
                && kernel.text == *text
                && kernel.constants == constants
                && kernel.groups == groups
        };
        match kernels.iter_mut().find(same) {
            Some(kernel) => kernel.runs.push(run.into()),
            None => kernels.push(Kernel {
                text: text.clone(),
                entry,
                constants,
                groups,
                runs: vec![run.into()],
            }),
        }
    }
    Ok(())
}
