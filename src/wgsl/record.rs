//! The shaders of the tests in a folder, for other compilers than naga.
//!
//! Where `WFR_TEST_SHADERS` names a folder, every text that a test checks or compiles is written
//! there, once, with the sources of its lines; `scripts/drivers` gives all of them to Tint.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use serde_json::{Value, json};

use super::{Linked, Source};
use crate::shaders;

/// The only file that standard WGSL does not know: 64-bit integers are an extension of naga's.
const NATIVE: &str = "wide_high_native.wgsl";

/// Writes a text down where the environment asks for it.
pub(crate) fn record(linked: &Linked) {
    let Some(folder) = std::env::var_os("WFR_TEST_SHADERS") else { return };
    let standard = standard(linked);
    let line = |start: usize| standard.text[..start].matches('\n').count() + 1;
    let parts = standard.parts.iter().map(|(start, part)| json!([line(*start), part.name]));
    write(Path::new(&folder), &standard.text, parts.collect());
    // What a browser gets, where that is another text; naga parses no directive for subgroups.
    if let Ok(Cow::Owned(text)) = standard.compiled() {
        write(Path::new(&folder), &text, vec![json!([1, "loops written out"])]);
    }
}

fn write(folder: &Path, text: &str, parts: Vec<Value>) {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let path = folder.join(format!("{:016x}.json", hasher.finish()));
    if path.exists() {
        return;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let text = json!({ "test": test, "parts": parts, "text": text });
    std::fs::write(&path, text.to_string()).expect("WFR_TEST_SHADERS names a folder");
}

/// The text as the standard has it: subgroup operations are enabled by a directive that naga does not
/// know yet, and high products are the emulated ones, which are the same.
fn standard(linked: &Linked) -> Linked {
    let subgroups = linked.text.contains("subgroupBroadcast(");
    let directive = subgroups.then(|| Source::new("directives", "enable subgroups;"));
    let sources = linked.parts.iter().map(|(_, part)| match part.name == NATIVE {
        true => shaders::file("wide_high"),
        false => part.clone(),
    });
    Linked::new(directive.into_iter().chain(sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What naga does not see and other compilers refuse: with `WFR_TEST_SHADERS` the text is written
    /// down as all are, and `scripts/drivers` fails unless Tint rejects it.
    #[test]
    fn a_barrier_that_not_all_lanes_reach_is_left_to_other_compilers() {
        let text = "@group(0) @binding(0) var<storage, read_write> words: array<u32>;
            @compute @workgroup_size(64)
            fn divergent(@builtin(local_invocation_index) lane: u32) {
                if (words[lane] > 3u) { workgroupBarrier(); }
            }";
        let linked = Linked::new([Source::new("divergent.wgsl", text)]);
        assert!(linked.check().is_ok());
    }

    #[test]
    fn a_text_is_made_standard_by_one_file_and_one_directive() {
        let text = |native| Linked::new(shaders::wide(native));
        assert!(text(true).text().contains("u64"));
        assert_eq!(standard(&text(true)).text(), text(false).text());
        assert_eq!(standard(&text(false)).text(), text(false).text());
        let subgroups = "fn first(x: f32) -> f32 { return subgroupBroadcast(x, 0u); }\n";
        let linked = Linked::new([Source::new("a.wgsl", subgroups.trim_end())]);
        assert!(linked.check().is_ok());
        assert_eq!(standard(&linked).text(), format!("enable subgroups;\n{subgroups}"));
    }
}
