//! Takes dispatches down in place of a device.

use std::collections::{BTreeSet, HashMap};
use std::mem::take;
use std::sync::Arc;

use super::{Access, Block, Buffer, Dispatch, Kernel, Usage, Words, Workgroups};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::{self, Recorder};
use crate::numbers;
use crate::pipelines::Compiled;
use crate::readback;
use crate::wgsl::{Linked, Source, guarded, tokens};

/// Zeros between two words that are written out together.
const GAP: u64 = 8;

/// What was recorded so far.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    texts: Vec<Text>,
    kernels: Vec<Kernel>,
    buffers: Vec<Named>,
    dispatches: Vec<Dispatch>,
    block: Block,
    // Where they are in those lists.
    pipelines: HashMap<wgpu::ComputePipeline, u32>,
    places: HashMap<wgpu::Buffer, usize>,
    known: HashMap<Dispatch, u32>,
}

/// A text, and what it calls its bindings.
#[derive(Debug)]
struct Text {
    text: Arc<str>,
    variables: HashMap<(u32, u32), String>,
}

impl Text {
    /// What the device was given.
    fn compiled(&self) -> Result<String> {
        let linked = Linked::new([Source::own("kernel", &*self.text)]);
        linked.compiled().map(String::from)
    }
}

#[derive(Debug)]
struct Named {
    name: String,
    buffer: wgpu::Buffer,
    usage: BTreeSet<Usage>,
}

/// The lists of a plan.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) features: Vec<String>,
    pub(crate) texts: Vec<String>,
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) dispatches: Vec<Dispatch>,
}

impl Writer {
    /// Names a buffer; those that nobody names are called what the first kernel to bind them does.
    pub(crate) fn name(&mut self, name: &str, buffer: &wgpu::Buffer) {
        let is_taken = |name: &str| self.buffers.iter().any(|other| other.name == name);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let free = [name.to_string()].into_iter().chain(numbered).find(|name| !is_taken(name));
        self.places.insert(buffer.clone(), self.buffers.len());
        let name = free.unwrap_or_default();
        self.buffers.push(Named { name, buffer: buffer.clone(), usage: BTreeSet::new() });
    }

    /// What was recorded since the last block, as a block.
    pub(crate) fn block(&mut self, first: u32, steps: u32) -> Block {
        Block { first, steps, ..take(&mut self.block) }
    }

    /// All of it, with what the buffers hold now.
    pub(crate) async fn finish(self, gpu: &Gpu) -> Result<Lists> {
        let mut buffers = Vec::new();
        for Named { name, buffer, usage } in self.buffers {
            let bytes = buffer.size();
            let words: Vec<u32> = readback::read(gpu, &buffer, 0, bytes).await?;
            let usage = usage.into_iter().collect();
            buffers.push(Buffer { name, bytes, usage, contents: pieces(&words) });
        }
        let texts: Vec<String> = self.texts.iter().map(Text::compiled).collect::<Result<_>>()?;
        let features: BTreeSet<_> = texts.iter().flat_map(|text| features(text)).collect();
        Ok(Lists {
            features: features.into_iter().map(String::from).collect(),
            texts,
            kernels: self.kernels,
            buffers,
            dispatches: self.dispatches,
        })
    }

    fn text(&mut self, text: &Arc<str>) -> u32 {
        let found = self.texts.iter().position(|known| known.text == *text);
        let place = found.unwrap_or_else(|| {
            self.texts.push(Text { text: text.clone(), variables: variables(text) });
            self.texts.len() - 1
        });
        place as u32
    }

    fn kernel(&mut self, compiled: &Compiled) -> u32 {
        if let Some(place) = self.pipelines.get(&compiled.pipeline) {
            return *place;
        }
        let shape = &compiled.shape;
        let groups = (0..).zip(&shape.groups).chain([(numbers::GROUP, &shape.numbers)]);
        let accesses =
            |group: &Vec<kernel::Access>| group.iter().copied().map(Access::from).collect();
        let constants = shape.constants.iter();
        let kernel = Kernel {
            text: self.text(&compiled.text),
            entry: shape.entry.clone(),
            constants: constants.map(|(name, x)| (name.clone(), f64::from_bits(*x))).collect(),
            groups: groups.map(|(number, group)| (number, accesses(group))).collect(),
        };
        let place = self.kernels.len() as u32;
        self.pipelines.insert(compiled.pipeline.clone(), place);
        self.kernels.push(kernel);
        place
    }

    /// The name of a buffer, which is used so by the binding of a kernel.
    fn buffer(&mut self, buffer: &wgpu::Buffer, usage: Usage, variable: &str) -> String {
        if !self.places.contains_key(buffer) {
            self.name(variable, buffer);
        }
        let named = &mut self.buffers[self.places[buffer]];
        named.usage.insert(usage);
        named.name.clone()
    }

    fn group(&mut self, kernel: u32, number: u32, group: &kernel::Group) -> Vec<String> {
        let text = self.kernels[kernel as usize].text as usize;
        let name = |((access, buffer), binding): (&(kernel::Access, wgpu::Buffer), u32)| {
            let usage = match access {
                kernel::Access::Read | kernel::Access::ReadWrite => Usage::Storage,
                kernel::Access::Uniform(_) | kernel::Access::Whole => Usage::Uniform,
            };
            let variable = self.texts[text].variables.get(&(number, binding));
            let variable = variable.cloned().unwrap_or_else(|| "unused".into());
            self.buffer(buffer, usage, &variable)
        };
        group.buffers.iter().zip(0..).map(name).collect()
    }
}

impl Recorder for Writer {
    fn record(&mut self, dispatch: &kernel::Dispatch<'_>) {
        let kernel = self.kernel(&dispatch.kernel.compiled);
        let numbers = (numbers::GROUP, &dispatch.kernel.numbers.group);
        let groups = (0..).zip(dispatch.groups).chain([numbers]);
        let groups = groups.map(|(number, group)| (number, self.group(kernel, number, group)));
        let groups = groups.collect();
        let workgroups = match dispatch.workgroups {
            kernel::Workgroups::Counted(counts) => Workgroups::Counted(counts),
            kernel::Workgroups::Indirect { buffer, offset } => {
                let buffer = self.buffer(buffer, Usage::Indirect, "dispatches");
                Workgroups::Indirect { buffer, offset }
            }
        };
        let new = Dispatch { kernel, groups, workgroups };
        let place = self.known.get(&new).copied().unwrap_or_else(|| {
            let place = self.dispatches.len() as u32;
            self.dispatches.push(new.clone());
            self.known.insert(new, place);
            place
        });
        self.block.dispatches.push(place);
        for group in 0..dispatch.groups.len() {
            self.block.offsets.extend(dispatch.offsets.of_group(group));
        }
    }
}

impl From<kernel::Access> for Access {
    fn from(access: kernel::Access) -> Access {
        match access {
            kernel::Access::Read => Access::Read,
            kernel::Access::ReadWrite => Access::ReadWrite,
            kernel::Access::Uniform(bytes) => Access::Window(bytes),
            kernel::Access::Whole => Access::Uniform,
        }
    }
}

/// The variables of a text by group and binding.
fn variables(text: &str) -> HashMap<(u32, u32), String> {
    let parsed = guarded(|| wgpu::naga::front::wgsl::parse_str(text));
    // It was compiled, so that it parses.
    let Ok(Ok(module)) = parsed else { return HashMap::new() };
    let bound = module.global_variables.iter().filter_map(|(_, variable)| {
        let place = variable.binding.as_ref()?;
        Some(((place.group, place.binding), variable.name.clone()?))
    });
    bound.collect()
}

/// What a text asks of a device beyond WebGPU's core.
fn features(text: &str) -> impl Iterator<Item = &'static str> {
    tokens(text).into_iter().filter_map(move |token| match &text[token.at] {
        "u64" => Some("shader-int64"),
        word if word.starts_with("subgroup") => Some("subgroups"),
        _ => None,
    })
}

/// The words that are not zero, with few zeros between them.
fn pieces(words: &[u32]) -> Vec<Words> {
    let mut pieces: Vec<Words> = Vec::new();
    for (at, word) in (0..).zip(words).filter(|(_, word)| **word != 0) {
        match pieces.last_mut() {
            Some(last) if at <= last.at + last.words.len() as u64 + GAP => {
                last.words.resize((at - last.at) as usize, 0);
                last.words.push(*word);
            }
            _ => pieces.push(Words { at, words: vec![*word] }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn contents_are_what_is_not_zero() {
        let mut words = vec![0; 64];
        assert!(pieces(&words).is_empty());
        (words[3], words[5], words[12], words[40]) = (7, 8, 9, 1);
        let mut again = vec![0; 64];
        let found = pieces(&words);
        assert_eq!(found.iter().map(|piece| piece.at).collect::<Vec<_>>(), [3, 40]);
        for piece in found {
            again[piece.at as usize..][..piece.words.len()].copy_from_slice(&piece.words);
        }
        assert_eq!(again, words);
    }
}
