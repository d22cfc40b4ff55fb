//! The files of checkpoints: whole or not at all, and refused when they are not as they were
//! written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use safetensors::SafeTensors;
use wfr::{
    Checkpoint, CheckpointFault, Config, ErrorKind, Flow, Gpu, Initial, Problem, Sampler, Schedule,
    Target,
};

use super::common;

fn config() -> Config {
    Config {
        particles: 5,
        schedule: Schedule::uniform(0.5, 10).unwrap(),
        ess_every: 4,
        trace_rows: 2,
        preconditioner: Some(vec![0.3, 2.0]),
        ..Config::default()
    }
}

fn target(text: &str) -> Target {
    Target::from_wgsl(2, "folder/mine.wgsl", text).unwrap().with_storage(vec![1.0, 2.0]).unwrap()
}

const TEXT: &str = "@group(1) @binding(0) var<storage, read> data: array<f32>;
override width: f32 = 1.0;
fn log_density(x: Point) -> f32 {
    return -0.5 * data[1] * dot(x, x) / width;
}
";

fn start(mean: f32) -> Initial {
    Initial::normal(&[mean, 0.0], &[1.0, 1.0]).unwrap()
}

fn problem() -> Problem {
    Problem::new(target(TEXT), start(-1.0), Flow::annealed()).unwrap()
}

fn attached() -> BTreeMap<String, Vec<u8>> {
    let all = [("frames \"of\" it", &b"\x00\x01\xff"[..]), ("nothing", b""), ("clock", b"12.5 s")];
    all.map(|(name, bytes)| (name.to_string(), bytes.to_vec())).into()
}

/// A small checkpoint at step 6, and the device it was made on.
fn small() -> Option<&'static (Vec<u8>, Gpu)> {
    static SMALL: OnceLock<Option<(Vec<u8>, Gpu)>> = OnceLock::new();
    let make = || {
        let gpu = common::gpu(&problem(), &config())?;
        let mut sampler = Sampler::new(&gpu, &problem(), config()).unwrap();
        common::advance(&mut sampler, 6);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.safetensors");
        sampler.save(&path, &attached()).unwrap();
        Some((fs::read(&path).unwrap(), gpu))
    };
    SMALL.get_or_init(make).as_ref()
}

fn open(bytes: &[u8]) -> wfr::Result<Checkpoint> {
    Checkpoint::from_bytes("a.safetensors", bytes.to_vec())
}

/// The fault, and what is said of it.
fn refused(opened: wfr::Result<impl Sized>) -> (CheckpointFault, String) {
    let error = opened.err().expect("is refused");
    match error.kind() {
        ErrorKind::Checkpoint { fault, .. } => (*fault, error.to_string()),
        _ => panic!("not a fault of a checkpoint: {error}"),
    }
}

fn header_length(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

/// The same file with right checksums, as a forger would make it.
fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let data = 8 + header_length(&bytes);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let names = header.offset_keys();
    let range = |name: &str| {
        let (begin, end) = header.info(name).unwrap().data_offsets;
        data + begin..data + end
    };
    let mut sums = vec![crc32fast::hash(&bytes[..data])];
    let others = names.iter().filter(|name| *name != "checksums");
    sums.extend(others.map(|name| crc32fast::hash(&bytes[range(name)])));
    let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes[range("checksums")].copy_from_slice(&sums);
    bytes
}

/// The same file with other words of the same length in its header.
fn with_header(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    with_checksums(bytes)
}

/// The format's own crate, which Python's package is made of, finds what was written.
#[test]
fn a_checkpoint_is_a_safetensors_file() {
    let Some((bytes, gpu)) = small() else { return };
    let file = SafeTensors::deserialize(bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let texts = header.metadata().as_ref().unwrap();
    assert_eq!(texts["format"], "wfr checkpoint");
    let settings: serde_json::Value = serde_json::from_str(&texts["wfr"]).unwrap();
    assert_eq!((&settings["version"], &settings["step"]), (&1.into(), &6.into()));
    assert_eq!(settings["wfr"], env!("CARGO_PKG_VERSION"));

    let mut sampler = Sampler::resume(gpu, &problem(), &open(bytes).unwrap()).unwrap();
    let particles = common::particles(&sampler);
    let floats = |name: &str| -> Vec<f32> {
        let data = file.tensor(name).unwrap().data();
        data.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
    };
    assert_eq!(file.tensor("positions").unwrap().shape(), [2, 5]);
    let columns: Vec<f32> = [0, 1]
        .into_iter()
        .flat_map(|j| (0..5).map(move |i| (i, j)))
        .map(|(i, j)| particles.position(i)[j])
        .collect();
    assert_eq!(floats("positions"), columns);
    assert_eq!(floats("log_weights"), particles.log_weights());
    let trace = pollster::block_on(sampler.trace()).unwrap();
    assert_eq!(file.tensor("trace").unwrap().shape(), [trace.len(), 9]);
    assert_eq!(file.tensor("attached.clock").unwrap().data(), b"12.5 s");
    // Numbers of eight bytes lie at multiples of eight, from the begin of the file.
    let data = 8 + header_length(bytes);
    for name in ["schedule", "trace"] {
        let (begin, _) = header.info(name).unwrap().data_offsets;
        assert_eq!((data + begin) % 8, 0, "{name}");
    }
}

#[test]
fn what_was_given_comes_back() {
    let Some((bytes, gpu)) = small() else { return };
    let checkpoint = open(bytes).unwrap();
    assert_eq!((checkpoint.step(), checkpoint.is_finished()), (6, false));
    assert_eq!(checkpoint.config(), &config());
    assert_eq!(checkpoint.attached(), &attached());
    let name = &gpu.adapter_info().name;
    assert!(checkpoint.adapter().starts_with(name.as_str()) && checkpoint.repeats_bits_on(gpu));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let Some((bytes, _)) = small() else { return };
    let foreign = safetensors::serialize(
        [(
            "x",
            safetensors::tensor::TensorView::new(safetensors::Dtype::U8, vec![1], &[7]).unwrap(),
        )],
        None,
    );
    let way_out = "name a file that Sampler::save wrote";
    for (bytes, words) in [
        (Vec::new(), "is empty"),
        (b"step,x\n1,2\n".to_vec(), "is no checkpoint of wfr"),
        (vec![0; 4096], "is no checkpoint of wfr"),
        (foreign.unwrap(), "is no checkpoint of wfr"),
        (bytes[..8].to_vec(), "is no checkpoint of wfr"),
    ] {
        let (fault, message) = refused(open(&bytes));
        assert_eq!(fault, CheckpointFault::NotACheckpoint);
        assert_eq!(message, format!("a.safetensors: {words}; {way_out}"));
    }
    let (fault, message) = refused(Checkpoint::open(Path::new("/")));
    assert_eq!(fault, CheckpointFault::NotACheckpoint);
    assert_eq!(message, "/: is no file; name a checkpoint");
    let missing = Checkpoint::open(Path::new("/no/such.safetensors")).unwrap_err();
    assert!(matches!(missing.kind(), ErrorKind::File { .. }));
    assert!(missing.to_string().starts_with("/no/such.safetensors: cannot be read: "));
}

/// Of every length: too short to tell what it is, and from there on cut off.
#[test]
fn a_file_that_is_cut_off_is_refused() {
    let Some((bytes, _)) = small() else { return };
    for length in 0..bytes.len() {
        let (fault, message) = refused(open(&bytes[..length]));
        let expected = match length {
            0..=8 => CheckpointFault::NotACheckpoint,
            _ => CheckpointFault::Truncated,
        };
        assert_eq!(fault, expected, "{length}: {message}");
    }
    let (fault, message) = refused(open(&[bytes.as_slice(), b"more"].concat()));
    assert_eq!(fault, CheckpointFault::Corrupt);
    assert_eq!(message, "a.safetensors: is damaged: it has 4 bytes after its end");
}

/// One wrong bit, every one of the file: none is so unimportant that it is let pass.
#[test]
fn a_file_with_one_wrong_bit_is_refused() {
    let Some((bytes, _)) = small() else { return };
    open(bytes).unwrap();
    let mut wrong = bytes.clone();
    for bit in 0..8 * bytes.len() {
        wrong[bit / 8] ^= 1 << (bit % 8);
        let (fault, message) = refused(open(&wrong));
        assert_ne!(fault, CheckpointFault::NewerVersion, "bit {bit}: {message}");
        wrong[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let Some((bytes, _)) = small() else { return };
    let newer = with_header(bytes, "\\\"version\\\":1", "\\\"version\\\":2");
    let (fault, message) = refused(open(&newer));
    assert_eq!(fault, CheckpointFault::NewerVersion);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        message,
        format!(
            "a.safetensors: is of format 2, written by wfr {version}; this is wfr {version}, which \
             reads format 1: go on with that version"
        )
    );
}

/// Made elsewhere it goes on, here with the same bits, and does not promise them.
#[test]
fn a_checkpoint_of_another_adapter_goes_on() {
    let Some((bytes, gpu)) = small() else { return };
    let adapter = &gpu.adapter_info().name[..4];
    let elsewhere = open(&with_header(
        bytes,
        &format!("\\\"adapter\\\":\\\"{adapter}"),
        "\\\"adapter\\\":\\\"Some",
    ))
    .unwrap();
    assert!(elsewhere.adapter().starts_with("Some") && !elsewhere.repeats_bits_on(gpu));
    let here = open(bytes).unwrap();
    let [a, b] = [&elsewhere, &here].map(|checkpoint| {
        let mut sampler = Sampler::resume(gpu, &problem(), checkpoint).unwrap();
        sampler.run().unwrap();
        common::particles(&sampler)
    });
    assert_eq!(a, b);
}

#[test]
fn another_problem_is_refused_with_what_differs() {
    let Some((bytes, gpu)) = small() else { return };
    let checkpoint = open(bytes).unwrap();
    let annealed =
        |target: Target, start: Initial| Problem::new(target, start, Flow::annealed()).unwrap();
    let wider = target(TEXT).set("width", 2.0).unwrap();
    let longer = TEXT.replace("dot(x, x) / width", "dot(x, x) / (width * width)");
    let elsewhere = Target::from_wgsl(2, "other/mine.wgsl", TEXT).unwrap();
    let other_data = elsewhere.clone().with_storage(vec![1.0, 3.0]).unwrap();
    let numbers = "2 numbers of checksum";
    for (problem, words) in [
        (annealed(Target::double_well(2).unwrap(), start(-1.0)), "it has a data 1, and this one"),
        (annealed(wider, start(-1.0)), "it has no parameter width, and this one has one"),
        (annealed(target(&longer), start(-1.0)), "the text of mine.wgsl differs from line 4 on"),
        (annealed(target(TEXT), start(0.0)), "its initial law is normal(mean="),
        (annealed(other_data, start(-1.0)), numbers),
        (
            Problem::new(target(TEXT), start(-1.0), Flow::langevin()).unwrap(),
            "its flow is annealed, not langevin",
        ),
        (
            Problem::new(target(TEXT), start(-1.0), Flow::annealed().with_transport(2.0)).unwrap(),
            "its transport is 1, not 2",
        ),
    ] {
        let (fault, message) = refused(Sampler::resume(gpu, &problem, &checkpoint));
        assert_eq!(fault, CheckpointFault::OtherProblem);
        assert!(message.starts_with("a.safetensors: is of another problem: "), "{message}");
        assert!(message.contains(words), "{message}");
    }
    // The same text from another folder is the same problem.
    let same = elsewhere.with_storage(vec![1.0, 2.0]).unwrap();
    Sampler::resume(gpu, &annealed(same, start(-1.0)), &checkpoint).unwrap();
}

/// A write that fails leaves what is there, and nothing beside it.
#[test]
fn a_failed_write_leaves_no_trace() {
    let Some((bytes, gpu)) = small() else { return };
    let mut sampler = Sampler::resume(gpu, &problem(), &open(bytes).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("by others")).unwrap();
    let missing = folder.path().join("none").join("a.safetensors");
    for path in [&taken, &missing] {
        let error = sampler.save(path, &attached()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::File { .. }));
        assert!(error.to_string().contains("cannot be written: "), "{error}");
    }
    let many = (0..20_000).map(|k| (format!("attachment {k}"), Vec::new())).collect();
    let path = folder.path().join("a.safetensors");
    let error = sampler.save(&path, &many).unwrap_err().to_string();
    assert!(error.ends_with("more than 1048576, the most; attach fewer things"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    // One that succeeds replaces what is there, with the same bytes: nothing in it is of the
    // moment.
    for _ in 0..2 {
        sampler.save(&path, &attached()).unwrap();
        assert!(fs::read(&path).unwrap() == *bytes);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A file that changes between its check and its use is noticed then.
#[test]
#[cfg(unix)]
fn a_file_that_is_damaged_later_is_noticed() {
    use std::os::unix::fs::FileExt as _;
    let Some((bytes, gpu)) = small() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let data = 8 + header_length(bytes);
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    for tensor in ["positions", "device.control", "trace"] {
        fs::write(&path, bytes).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        let at = data + header.info(tensor).unwrap().data_offsets.0;
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_at(&[!bytes[at]], at as u64).unwrap();
        let (fault, message) = refused(Sampler::resume(gpu, &problem(), &checkpoint));
        assert_eq!(fault, CheckpointFault::Corrupt);
        assert!(message.contains(&format!("the checksum of `{tensor}`")), "{message}");
    }
    fs::write(&path, bytes).unwrap();
    let checkpoint = Checkpoint::open(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(data as u64 + 200).unwrap();
    let (fault, _) = refused(Sampler::resume(gpu, &problem(), &checkpoint));
    assert_eq!(fault, CheckpointFault::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Bytes of the header, of settings and of tensors changed by somebody who makes the checksums
    /// right again: an error or another run, and no panic.
    #[test]
    fn forged_files_are_read_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_header in any::<bool>(),
        digits in any::<bool>(),
    ) {
        let Some((bytes, _)) = small() else { return Ok(()) };
        let mut forged = bytes.clone();
        let data = 8 + header_length(bytes);
        let (begin, end) = if in_header { (8, data) } else { (data, bytes.len()) };
        for (index, byte) in edits {
            let at = begin + index.index(end - begin);
            // Another digit for a digit keeps the JSON that it is.
            match forged[at] {
                b'0'..=b'9' if digits => forged[at] = b'0' + byte % 10,
                _ if digits && in_header => {}
                _ => forged[at] = byte,
            }
        }
        if SafeTensors::read_metadata(&forged).is_ok_and(|(_, header)| {
            header.info("checksums").is_some()
        }) {
            forged = with_checksums(forged);
        }
        if let Err(error) = open(&forged) {
            prop_assert!(matches!(error.kind(), ErrorKind::Checkpoint { .. }), "{error}");
        }
    }

    /// Any bytes at all, and any behind a good begin.
    #[test]
    fn noise_is_refused(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        length in any::<u64>(),
        keep in 0_usize..200,
    ) {
        let Some((bytes, _)) = small() else { return Ok(()) };
        refused(open(&noise));
        refused(open(&[&bytes[..keep], &noise].concat()));
        let mut other_length = bytes.clone();
        other_length[..8].copy_from_slice(&length.to_le_bytes());
        prop_assume!(length != header_length(bytes) as u64);
        refused(open(&other_length));
    }
}
