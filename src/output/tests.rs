//! Files of results, by the readers of others and by our own.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wfr::Particles;

use super::arrays::{Array, Values};
use super::kept::{Frame, Kept, Stage};
use super::record::Record;
use super::{Contents, Format, npz, write_frames};
use crate::cli::{Done, Failure};

/// The text of a run file: quotes, lines and letters that JSON and UTF-32 have to keep.
const CONFIG: &str = "[run]\ntarget = \"ring\" # β \\ 𝛑\n";

/// The record of a run of seven particles in two dimensions.
fn record() -> Record {
    let text = r#"{
        "version": "0.1.0", "target": "ring", "parameters": {"radius": 2.0}, "dim": 2,
        "initial": "normal", "flow": "annealed", "transport": 1.0, "integrator": "kernel-ratio",
        "particles": 7, "steps": 40, "time": 4.0, "schedule": "linear",
        "seed": 18446744073709551614, "ess_threshold": 0.5, "ess_every": 16,
        "resampler": "systematic", "taming": false, "friction": 1.0, "stiffness": 0.0,
        "adapter": "an adapter", "driver": "1.2", "backend": "vulkan", "software": true,
        "log_normalizer": 0.1, "log_normalizer_se": null, "ess": 5.5, "resamplings": 2,
        "unique_ancestors": 5, "effective_ancestors": 12143.737872485512, "largest_ancestor": 0.3,
        "mean": [0.25, -1.5], "mean_se": [0.1, null], "second_moment": [1, 2],
        "second_moment_se": [0.5, 0.5], "sd": [1, 2], "sd_se": [0.1, 0.1], "levels": [0.5],
        "quantiles": [[0.5], [null]], "quantiles_se": [[0.5], [0.25]], "right_mass": 0.5,
        "right_mass_se": 0.01, "max_weight": 0.2, "non_finite": 1, "modes": [], "warnings": ["so"],
        "complete": true, "every": 1
    }"#;
    serde_json::from_str(text).unwrap()
}

fn particles() -> Particles {
    let positions = (0..14).map(|k| if k == 5 { f32::NAN } else { 0.1 * k as f32 - 0.5 }).collect();
    let log_weights = vec![0.0, -0.5, f32::NEG_INFINITY, 1.5, -80.0, 0.25, 0.125];
    Particles::new(2, positions, log_weights, vec![6, 0, 0, 3, 3, 5, 6]).unwrap()
}

fn stages() -> Vec<Stage> {
    let stage = |step: u32, resampled| Stage {
        step,
        time: 0.1 * f64::from(step),
        beta: 1.0 / 3.0,
        ess: 3.25,
        cess: if resampled { 0.75 } else { f64::NAN },
        log_normalizer: -1e300,
        max_weight: 0.5,
        non_finite: step,
        resampled,
    };
    vec![stage(16, true), stage(32, true), stage(40, false)]
}

fn frames() -> Vec<Frame> {
    let frame = |step: u32| Frame {
        step,
        time: 0.1 * f64::from(step),
        ess: 5.0,
        log_normalizer: f64::from(step).ln(),
        ancestors: 7 - step,
        x: [-1.0 - f64::from(step), 1.0],
        y: [0.0, 1.0],
        columns: 3,
        rows: 2,
        density: (0..6).map(|k| k as f32 / (1.0 + step as f32)).collect(),
    };
    vec![frame(1), frame(2), frame(5)]
}

const POSTERIOR: [f32; 6] = [0.5, -0.0, f32::MIN_POSITIVE, 3.0, f32::MAX, -1.0];

/// Writes the particles in a format, as a run does.
fn write(folder: &Path, format: Format, every: usize) {
    let contents = Contents {
        record: &record(),
        config: CONFIG,
        particles: &particles(),
        every,
        posterior: &POSTERIOR,
        stages: &stages(),
    };
    contents.write(format, &folder.join(format.file_name())).unwrap();
}

/// A folder with all that `Kept::read` looks at.
fn folder(format: Format, every: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("summary.json"), serde_json::to_string(&record()).unwrap())
        .unwrap();
    write(folder.path(), format, every);
    write_frames(&folder.path().join("frames.npz"), &frames()).unwrap();
    folder
}

/// Bit for bit, whatever is no number.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_run_comes_back_from_each_format_bit_for_bit() {
    for format in [Format::Npz, Format::Safetensors] {
        for every in [1, 3] {
            let folder = folder(format, every);
            let kept = Kept::read(folder.path()).unwrap();
            let all = particles();
            let left: Vec<usize> = (0..7).step_by(every).collect();
            assert_eq!(kept.particles.len(), left.len());
            for (k, &i) in left.iter().enumerate() {
                assert_eq!(bits(kept.particles.position(k)), bits(all.position(i)));
                assert_eq!(kept.particles.log_weights()[k], all.log_weights()[i]);
                assert_eq!(kept.particles.ancestors()[k], all.ancestors()[i]);
            }
            assert_eq!(bits(&kept.posterior), bits(&POSTERIOR));
            assert_eq!(format!("{:?}", kept.stages), format!("{:?}", stages()));
            assert_eq!(kept.frames, frames());
            // NaN is not equal to itself.
            assert_eq!(format!("{:?}", kept.record), format!("{:?}", record()));
        }
    }
}

#[test]
fn no_frames_are_no_file_or_an_empty_one() {
    let folder = folder(Format::Npz, 1);
    let path = folder.path().join("frames.npz");
    write_frames(&path, &[]).unwrap();
    assert_eq!(Kept::read(folder.path()).unwrap().frames, []);
    fs::remove_file(path).unwrap();
    assert_eq!(Kept::read(folder.path()).unwrap().frames, []);
}

#[test]
fn the_same_run_makes_the_same_bytes() {
    for &format in Format::ALL {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&one, &other] {
            write(folder.path(), format, 2);
            // ZIP counts time in steps of two seconds.
            if format == Format::Npz {
                std::thread::sleep(std::time::Duration::from_millis(2100));
            }
        }
        let read = |folder: &tempfile::TempDir| fs::read(folder.path().join(format.file_name()));
        assert!(read(&one).unwrap() == read(&other).unwrap(), "{format:?}");
    }
}

/// The crate of the format takes what is written here without it.
#[test]
fn the_crate_safetensors_reads_the_file() {
    let folder = folder(Format::Safetensors, 1);
    let bytes = fs::read(folder.path().join("particles.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let posterior = file.tensor("posterior").unwrap();
    assert_eq!((posterior.dtype(), posterior.shape()), (safetensors::Dtype::F32, &[3, 2][..]));
    let expected: Vec<u8> = POSTERIOR.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(posterior.data(), expected);
    assert_eq!(file.tensor("log_normalizer").unwrap().data(), 0.1_f64.to_le_bytes());
    assert_eq!(file.tensor("stage_resampled").unwrap().data(), [1, 1, 0]);
    // Every number lies at a multiple of its own size.
    for (name, tensor) in file.tensors() {
        let offset = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert_eq!(offset % (tensor.dtype().bitsize() / 8), 0, "{name}");
    }
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    assert_eq!(metadata["config"], CONFIG);
    assert_eq!(metadata["seed"], "18446744073709551614");
    assert_eq!(metadata["log_normalizer_se"], "null");
}

/// npyz reads what is written here without it.
#[test]
fn npyz_reads_the_archive() {
    let folder = folder(Format::Npz, 1);
    let mut file = npyz::npz::NpzArchive::open(folder.path().join("particles.npz")).unwrap();
    let positions = file.by_name("positions").unwrap().unwrap();
    assert_eq!(positions.shape(), [7, 2]);
    assert_eq!(bits(&positions.into_vec::<f32>().unwrap()), bits(particles().positions()));
    let resampled = file.by_name("stage_resampled").unwrap().unwrap();
    assert_eq!(resampled.into_vec::<bool>().unwrap(), [true, true, false]);
    let log_z = file.by_name("log_normalizer").unwrap().unwrap();
    assert_eq!(log_z.shape(), [0_u64; 0]);
    assert_eq!(log_z.into_vec::<f64>().unwrap(), [0.1]);
    let text = file.by_name("attributes").unwrap().unwrap();
    assert_eq!(text.shape(), [0_u64; 0]);
    let text: Vec<String> = text.into_vec().unwrap();
    let attributes: Value = serde_json::from_str(&text[0]).unwrap();
    assert_eq!((&attributes["config"], &attributes["every"]), (&CONFIG.into(), &1.into()));
    assert_eq!(attributes["seed"], u64::MAX - 1);
}

/// The error of a folder, which begins with its file.
#[track_caller]
fn refused(folder: &Path, expected: &str) {
    let read: Done<Kept> = Kept::read(folder);
    let Err(Failure::Usage(error)) = read.map(|_| ()) else { panic!("not refused: {expected}") };
    let own = error.strip_prefix(&format!("{}", folder.display())).expect("names the folder");
    assert!(own.trim_start_matches('/').starts_with(expected), "{error}");
}

#[test]
fn files_that_are_missing_or_do_not_fit_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), "summary.json: cannot be read: ");
    let folder = folder(Format::Npz, 1);
    let (folder, record) = (folder.path(), serde_json::to_value(record()).unwrap());
    let with = |name: &str, value: Value| {
        let mut changed = record.clone();
        changed[name] = value;
        fs::write(folder.join("summary.json"), changed.to_string()).unwrap();
    };
    with("mean", "many".into());
    refused(folder, "summary.json: is not the record of a run by this version: ");
    with("dim", 3.into());
    refused(folder, "particles.npz: has an array `positions` of shape [7, 2], which does not fit");
    with("particles", 6.into());
    refused(folder, "particles.npz: has the ancestor 6 in a run of 6 particles");
    with("dim", 2.into());
    fs::copy(folder.join("particles.npz"), folder.join("frames.npz")).unwrap();
    refused(folder, "frames.npz: has no array `density`");
    fs::rename(folder.join("frames.npz"), folder.join("particles.safetensors")).unwrap();
    fs::remove_file(folder.join("particles.npz")).unwrap();
    refused(folder, "particles.safetensors: is no safetensors file: its header would have ");
    fs::remove_file(folder.join("particles.safetensors")).unwrap();
    refused(folder, ": holds no particles.npz or particles.safetensors; run again with");
}

#[test]
fn frames_of_different_numbers_are_refused() {
    let folder = folder(Format::Npz, 1);
    let path = folder.path().join("frames.npz");
    let with = |ends: usize, rows: usize| {
        let array = |name, shape: &[usize], values| Array { name, shape: shape.to_vec(), values };
        let real = |count: usize| Values::F64(vec![0.5; count].into());
        let whole = |count: usize| Values::U32(vec![1; count].into());
        let arrays = [
            array("step", &[2], whole(2)),
            array("time", &[2], real(2)),
            array("ess", &[2], real(2)),
            array("log_normalizer", &[2], real(2)),
            array("ancestors", &[2], whole(2)),
            array("x", &[ends, 2], real(2 * ends)),
            array("y", &[2, 2], real(4)),
            array("density", &[2, rows, 3], Values::F32(vec![0.5; 6 * rows].into())),
        ];
        npz::write(&path, &arrays, &serde_json::Map::new()).unwrap();
    };
    with(2, 1);
    assert_eq!(Kept::read(folder.path()).unwrap().frames.len(), 2);
    with(3, 1);
    refused(folder.path(), "frames.npz: has an array `x` of shape [3, 2], which does not fit");
    // Rows that no memory holds, in a header alone.
    with(2, 0);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|window| window == b"(2, 0, 3)").unwrap();
    for (shape, expected) in [
        (b"(9, 9, 9)", "frames.npz: has an array `density` of shape [9, 9, 9] in 0 bytes"),
        (b"(2, 0, 9)", "frames.npz: has an array `density` that cannot be read: Invalid checksum"),
    ] {
        let mut changed = bytes.clone();
        changed[at..at + 9].copy_from_slice(shape);
        fs::write(&path, changed).unwrap();
        refused(folder.path(), expected);
    }
}

/// Bytes turned, and lengths cut: a sentence or a run, but no panic and no great memory.
#[test]
fn no_broken_file_breaks_the_reader() {
    for (format, name) in [
        (Format::Npz, "particles.npz"),
        (Format::Safetensors, "particles.safetensors"),
        (Format::Npz, "frames.npz"),
        (Format::Npz, "summary.json"),
    ] {
        let folder = folder(format, 1);
        let path = folder.path().join(name);
        let whole = fs::read(&path).unwrap();
        // One in so many bytes, of all places in words.
        const STRIDE: usize = 11;
        let mut refusals = 0;
        for at in (0..whole.len()).step_by(STRIDE) {
            for broken in [
                whole[..at].to_vec(),
                [&whole[..at], &[whole[at] ^ 0x55], &whole[at + 1..]].concat(),
                [&whole[..at], &[0xff], &whole[at + 1..]].concat(),
            ] {
                fs::write(&path, broken).unwrap();
                match Kept::read(folder.path()) {
                    Ok(_) => {}
                    Err(Failure::Usage(error)) => {
                        refusals += 1;
                        assert!(error.contains(name) && !error.contains('\n'), "{error}");
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
        // A cut is always told.
        assert!(refusals >= whole.len() / STRIDE, "{name}: {refusals} of {}", whole.len());
    }
}

/// One bit of the numbers, which are then other numbers of a good file.
#[test]
fn a_flipped_bit_of_an_archive_is_noticed() {
    let folder = folder(Format::Npz, 1);
    let path = folder.path().join("particles.npz");
    let whole = fs::read(&path).unwrap();
    for array in ["positions", "log_weights", "posterior"] {
        let member = format!("{array}.npy").into_bytes();
        let at = whole.windows(member.len()).position(|window| window == member).unwrap();
        // Behind the header of 128 bytes.
        let mut flipped = whole.clone();
        flipped[at + member.len() + 130] ^= 1;
        fs::write(&path, flipped).unwrap();
        let expected =
            format!("particles.npz: has an array `{array}` that cannot be read: Invalid checksum");
        refused(folder.path(), &expected);
    }
}

/// Sizes that no file has.
#[test]
fn sizes_of_the_header_alone_are_not_believed() {
    let folder = folder(Format::Safetensors, 1);
    let path = folder.path().join("particles.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    refused(folder.path(), "particles.safetensors: is no safetensors file: its header would have");
    for (shape, end, expected) in [
        ("[4000000000,4000000000]", 24, "particles.safetensors: is no safetensors file: "),
        (
            "[1000000000000,2]",
            8_000_000_000_000_u64,
            "particles.safetensors: has 0 bytes of numbers",
        ),
    ] {
        let tensor = format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}"#);
        let header = format!(r#"{{"positions":{tensor}}}"#);
        let length = (header.len() as u64).to_le_bytes();
        fs::write(&path, [&length[..], header.as_bytes()].concat()).unwrap();
        refused(folder.path(), expected);
    }
}
