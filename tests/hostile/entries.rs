//! What reads data from outside, each reader as a function of bytes that returns whatever they are.
//!
//! The fuzz targets and the replay of their corpora call the same functions. What is asserted here
//! holds for every input; that nothing panics, hangs or fills memory is for the caller to see.
#![allow(dead_code, reason = "each fuzz target uses its own part")]

use std::path::Path;

use wfr::autodiff::{self, Derived, Evaluator, Mode, Refusal};
use wfr::diffusion::{Network, ScoreModel};
use wfr::wgpu::naga;
use wfr::wgsl::{Linked, Source};
use wfr::{
    Checkpoint, Data, DataFile, Flow, Initial, Particles, Path as Way, Problem, Result, Schedule,
    Target,
};

/// A reader by the name of its corpus.
pub type Entry = (&'static str, fn(&[u8]));

pub const ENTRIES: [Entry; 9] = [
    ("formula", formula),
    ("wgsl", wgsl),
    ("differentiate", differentiate),
    ("npy", npy),
    ("npz", npz),
    ("csv", csv),
    ("network", network),
    ("tables", tables),
    ("checkpoint", checkpoint),
];

/// A formula: the first byte is the dimension.
pub fn formula(bytes: &[u8]) {
    let Some((dim, text)) = text_with_dim(bytes) else { return };
    let target = Target::from_formula(dim, text).and_then(given);
    let _ = target.and_then(|target| Problem::new(target, normal(dim), Flow::annealed()));
}

/// WGSL as a target, and as the law of the start beside it: the first byte is the dimension.
pub fn wgsl(bytes: &[u8]) {
    let Some((dim, text)) = text_with_dim(bytes) else { return };
    let Ok(target) = Target::from_wgsl(dim, "hostile.wgsl", text).and_then(given) else { return };
    if Problem::new(target.clone(), normal(dim), Flow::annealed()).is_err() {
        return;
    }
    compile(dim, text);
    let position = vec![0.5; dim as usize];
    let particles = Particles::new(dim as usize, position, vec![0.0], vec![0]);
    let start = particles.and_then(|particles| Initial::from_target(target.clone(), &particles));
    let _ = start.and_then(|start| Problem::new(target, start, Flow::path(Way::FisherRao)));
}

/// What a device compiles, of the text alone; the engine makes errors of panics there too.
fn compile(dim: u32, text: &str) {
    let point = if (2..=4).contains(&dim) {
        format!("vec{dim}<f32>")
    } else {
        format!("array<f32, {dim}>")
    };
    let prelude = format!("const DIM = {dim}u; alias Point = {point};");
    let library = wfr::wgsl::library("transform").expect("part of the library");
    let sources = [Source::new("prelude", prelude), library, Source::new("hostile.wgsl", text)];
    let Ok(module) = Linked::new(sources).check() else { return };
    let flags = naga::valid::ValidationFlags::all();
    let capabilities = naga::valid::Capabilities::empty();
    let Ok(info) = naga::valid::Validator::new(flags, capabilities).validate(&module) else {
        return;
    };
    let options = naga::back::spv::Options::default();
    let _ = std::panic::catch_unwind(|| naga::back::spv::write_vec(&module, &info, &options, None));
}

/// WGSL as a function `f` to differentiate: derived text is WGSL beside the text it is derived of.
pub fn differentiate(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let linked = Linked::new([Source::new("hostile.wgsl", text)]);
    let Ok(module) = linked.check() else { return };
    type Derive = fn(&naga::Module, &str) -> Result<Derived, Refusal>;
    let all: [Derive; 7] = [
        autodiff::gradient,
        |module, name| autodiff::gradient_by(module, name, Mode::Reverse),
        |module, name| autodiff::gradient_by(module, name, Mode::Forward),
        |module, name| autodiff::gradient_by(module, name, Mode::Sweeps),
        autodiff::directional,
        autodiff::laplacian,
        autodiff::hessian_vector,
    ];
    for derive in all {
        let Ok(derived) = derive(&module, "f") else { continue };
        let whole = Linked::new([
            Source::new("hostile.wgsl", text),
            Source::new("derivative", derived.wgsl.clone()),
        ]);
        if let Err(error) = whole.check() {
            panic!("{error}\n{text}\n{}", derived.wgsl);
        }
    }
    if let Ok(mut evaluator) = Evaluator::new(&module, "f") {
        evaluator.limit_iterations(1000);
        let _ = evaluator.evaluate(&[0.3; 4], &[]);
    }
}

/// One NumPy array.
pub fn npy(bytes: &[u8]) {
    in_file("npy", bytes, |path| checked(Data::from_npy(path).map(|data| vec![data])));
}

/// A NumPy archive.
pub fn npz(bytes: &[u8]) {
    in_file("npz", bytes, |path| {
        checked(
            Data::all_from_npz(path).map(|all| all.into_iter().map(|(_, data)| data).collect()),
        );
        let _ = DataFile::open(path).and_then(|file| file.whole());
    });
}

/// A table.
pub fn csv(bytes: &[u8]) {
    in_file("csv", bytes, |path| {
        checked(
            Data::all_from_csv(path).map(|all| all.into_iter().map(|(_, data)| data).collect()),
        );
        let _ = DataFile::open(path).and_then(|file| file.whole());
    });
}

/// A network of a score.
pub fn network(bytes: &[u8]) {
    let Ok(network) = Network::from_bytes("hostile.safetensors", bytes) else { return };
    assert!(network.parameters() <= bytes.len(), "more weights than bytes");
    let _ = ScoreModel::network(network);
}

/// Files of rows of numbers: schedules, mixtures as targets and as laws of the start.
pub fn tables(bytes: &[u8]) {
    in_file("txt", bytes, |path| {
        let _ = Schedule::from_file(path);
        let _ = Initial::gaussian_mixture_from_file(path, None);
        for dim in [None, Some(2)] {
            let _ = Target::gaussian_mixture_from_file(path, dim);
        }
    });
}

/// A checkpoint, as it is and with checksums that fit, and a longer schedule for it.
pub fn checkpoint(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), with_checksums(bytes)].into_iter().flatten() {
        in_file("safetensors", &bytes, |path| {
            let Ok(checkpoint) = Checkpoint::open(path) else { return };
            assert!(checkpoint.step() <= checkpoint.config().schedule.steps());
            assert!(checkpoint.attached().values().map(Vec::len).sum::<usize>() <= bytes.len());
            let _ = checkpoint.with_schedule(Schedule::default());
        });
    }
}

/// The same file with the checksums of what it holds: they would keep all changes out.
fn with_checksums(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let data = length.checked_add(8)?;
    let header: serde_json::Value = serde_json::from_slice(bytes.get(8..data)?).ok()?;
    let range = |tensor: &serde_json::Value| {
        let end = |i: usize| data.checked_add(tensor["data_offsets"][i].as_u64()? as usize);
        let range = end(0)?..end(1)?;
        bytes.get(range.clone()).map(|_| range)
    };
    let tensors = header.as_object()?.iter().filter(|(name, _)| *name != "__metadata__");
    let (sums, mut others): (Vec<_>, Vec<_>) = tensors
        .filter_map(|(name, tensor)| Some((name, range(tensor)?)))
        .partition(|(name, _)| *name == "checksums");
    others.sort_by_key(|(_, range)| (range.start, range.end));
    let ranges = std::iter::once(0..data).chain(others.into_iter().map(|(_, range)| range));
    let new: Vec<u8> =
        ranges.flat_map(|range| crc32fast::hash(&bytes[range]).to_le_bytes()).collect();
    let (_, place) = sums.first().filter(|(_, place)| place.len() == new.len())?;
    let mut bytes = bytes.to_vec();
    bytes[place.clone()].copy_from_slice(&new);
    Some(bytes)
}

/// The dimension that the first byte asks for, and the text after it.
fn text_with_dim(bytes: &[u8]) -> Option<(u32, &str)> {
    let (dim, text) = bytes.split_first()?;
    Some((1 + u32::from(dim % 8), str::from_utf8(text).ok()?))
}

/// The target with a little of all data that it declares, and with values for its parameters.
fn given(mut target: Target) -> Result<Target> {
    let data = Data::new(3, 1, vec![0.5, 2.0, 1.0])?;
    for name in target.data_names()?.into_iter().take(8) {
        target = target.with_data(&name, &data)?;
    }
    for name in names_after(target.wgsl(), "override") {
        let name = name.strip_prefix("formula_").unwrap_or(&name).to_string();
        target = target.clone().set(&name, 1.0).unwrap_or(target);
    }
    Ok(target)
}

/// The words that follow a word of a text.
fn names_after(text: &str, word: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let words = words.windows(2).filter(|pair| pair[0] == word);
    words.take(16).map(|pair| pair[1].to_string()).collect()
}

fn normal(dim: u32) -> Initial {
    let dim = dim as usize;
    Initial::normal(&vec![0.0; dim], &vec![1.0; dim]).expect("a normal law")
}

fn checked(read: Result<Vec<Data>>) {
    for data in read.into_iter().flatten() {
        assert_eq!(data.rows() * data.columns(), data.values().len());
        assert!(data.values().iter().all(|value| value.is_finite()));
    }
}

/// A file of these bytes, which is gone afterwards.
pub fn in_file(ending: &str, bytes: &[u8], take: impl FnOnce(&Path)) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("wfr-hostile-{}-{count}.{ending}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("a folder for temporary files");
    take(&path);
    let _ = std::fs::remove_file(&path);
}
