//! What a reader takes of memory at most, as a multiple of the size of its file.
//!
//! Each file is read by a process of its own, which reports the most that it ever had in use.
//! `WFR_MEMORY_MIB=100` writes files of that size and prints the table of docs/RELIABILITY.md:
//!
//! ```text
//! WFR_MEMORY_MIB=100 cargo test --all-features --test hostile memory:: -- --nocapture
//! ```

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use wfr::diffusion::Network;
use wfr::{Data, DataFile, Modes, Schedule, Target};

/// The file that the process of its own reads, and how.
const FILE: &str = "WFR_MEMORY_FILE";
const READER: &str = "WFR_MEMORY_READER";

/// A name, the file that it reads, and how many times its size may be in use.
const READERS: [(&str, &str, f64); 13] = [
    ("column", "digits.csv", 3.0),
    ("all", "digits.csv", 3.0),
    ("column", "decimals.csv", 3.0),
    ("all", "decimals.csv", 3.0),
    ("whole", "decimals.csv", 3.0),
    ("whole", "f4.npy", 3.0),
    ("whole", "f8.npy", 3.0),
    ("whole", "u1.npy", 5.0),
    ("all", "f8.npz", 3.0),
    ("mixture", "mixture.txt", 12.0),
    ("schedule", "schedule.txt", 3.0),
    ("modes", "modes.txt", 15.0),
    ("network", "network.safetensors", 3.0),
];

fn read(reader: &str, path: &Path) -> usize {
    match reader {
        "column" => {
            let file = DataFile::open(path).unwrap();
            file.get(&file.names()[0]).unwrap().rows()
        }
        "all" if path.extension().unwrap() == "npz" => Data::all_from_npz(path).unwrap().len(),
        "all" => Data::all_from_csv(path).unwrap().len(),
        "whole" => DataFile::open(path).unwrap().whole().unwrap().rows(),
        "mixture" => Target::gaussian_mixture_from_file(path, Some(2)).unwrap().dim() as usize,
        "schedule" => Schedule::from_file(path).unwrap().steps() as usize,
        "modes" => Modes::from_file(path, 2).unwrap().names().len(),
        "network" => Network::from_file(path).unwrap().parameters(),
        "nothing" => 1,
        _ => panic!("{reader}"),
    }
}

/// Writes a file of about so many bytes.
fn write(path: &Path, size: usize) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    let mut rows = |first: &str, row: &dyn Fn(usize, &mut String)| {
        file.write_all(first.as_bytes()).unwrap();
        let (mut written, mut line) = (0, String::new());
        for k in 0.. {
            line.clear();
            row(k, &mut line);
            written += line.len();
            if written > size {
                break;
            }
            file.write_all(line.as_bytes()).unwrap();
        }
    };
    let npy = |code: &str, bytes: usize| {
        let header = format!(
            "{{'descr': '{code}', 'fortran_order': False, 'shape': ({},)}}\n",
            size / bytes
        );
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((header.len() as u16).to_le_bytes());
        array.extend(header.as_bytes());
        for k in 0..size / bytes {
            match bytes {
                1 => array.push(k as u8 % 100),
                4 => array.extend((k as f32 / 7.0).to_le_bytes()),
                _ => array.extend((k as f64 / 7.0).to_le_bytes()),
            }
        }
        array
    };
    match path.file_name().unwrap().to_str().unwrap() {
        "digits.csv" => rows("y\n", &|k, line| writeln!(line, "{}", k % 10).unwrap()),
        "decimals.csv" => rows("y,x\n", &|k, line| {
            let (y, x) = (k % 1000, k % 77);
            writeln!(line, "{y}.{x},.{x}").unwrap();
        }),
        "f4.npy" => file.write_all(&npy("<f4", 4)).unwrap(),
        "f8.npy" => file.write_all(&npy("<f8", 8)).unwrap(),
        "u1.npy" => file.write_all(&npy("|u1", 1)).unwrap(),
        "f8.npz" => {
            let mut zip = npyz::zip::ZipWriter::new(file);
            let stored = npyz::zip::CompressionMethod::Stored;
            let options = npyz::zip::write::FileOptions::default().compression_method(stored);
            zip.start_file("y.npy", options).unwrap();
            zip.write_all(&npy("<f8", 8)).unwrap();
            zip.finish().unwrap();
        }
        "mixture.txt" => rows("", &|k, line| {
            writeln!(line, "1 {:.3} {:.3} 0.5", k as f64 / 7.0, k as f64 / 9.0).unwrap();
        }),
        // As wfr writes them.
        "schedule.txt" => rows("0 0\n", &|k, line| {
            writeln!(line, "{:.16} {:.16}", (k + 1) as f64 / 7.0, 1.0).unwrap();
        }),
        "modes.txt" => rows("", &|k, line| {
            writeln!(line, "{:.3} {:.3}", k as f64 / 7.0, k as f64 / 9.0).unwrap();
        }),
        "network.safetensors" => file.write_all(&network(size)).unwrap(),
        name => panic!("{name}"),
    }
}

#[test]
fn the_process_of_its_own() {
    let (Ok(reader), Ok(file)) = (std::env::var(READER), std::env::var(FILE)) else { return };
    assert!(read(&reader, Path::new(&file)) > 0);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    println!("\n{line}");
}

/// MiB in use at most.
fn most(reader: &str, path: &Path) -> f64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::the_process_of_its_own", "--nocapture"])
        .env(READER, reader)
        .env(FILE, path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    line.trim().split(' ').next().unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
fn readers_take_a_few_times_the_size_of_their_file() {
    let given = std::env::var("WFR_MEMORY_MIB").ok();
    let size: usize = given.as_ref().map_or(8, |size| size.parse().unwrap()) << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::new();
    let nothing = most("nothing", folder.path());
    let mut over = Vec::new();
    for (reader, name, bound) in READERS {
        let path = folder.path().join(name);
        if !path.exists() {
            // Texts with a row a line are taken up to 64 MiB.
            let most = if ["mixture", "modes"].contains(&reader) { 64 << 20 } else { usize::MAX };
            write(&path, size.min(most));
        }
        let (used, there) = (
            most(reader, &path) - nothing,
            fs::metadata(&path).unwrap().len() as f64 / (1 << 20) as f64,
        );
        let times = used / there;
        writeln!(table, "| {reader} | {name} | {there:.0} | {used:.0} | {times:.1} |").unwrap();
        if times > bound {
            over.push(format!("{reader} of {name}: {times:.1} times, expected at most {bound}"));
        }
    }
    println!("{table}");
    assert!(over.is_empty(), "{}", over.join("\n"));
}

/// A network whose hidden layers take about so many bytes, in the format safetensors.
fn network(size: usize) -> Vec<u8> {
    const WIDTH: usize = 1024;
    let config = serde_json::json!({
        "dim": 2, "hidden": WIDTH, "activation": "silu", "architecture": "sequential",
        "prediction": "score", "schedule": {"kind": "ve", "sigma_min": 0.01, "sigma_max": 20.0},
        "time_embedding": {"kind": "fourier", "input": "log_sigma", "frequencies": [1.0]},
        "input_scale": "unit",
    });
    let about = serde_json::json!({
        "wfr.kind": "score-mlp", "wfr.version": "1", "wfr.config": config.to_string(),
    });
    let mut header = serde_json::Map::from_iter([("__metadata__".to_string(), about)]);
    let depth = (size / (4 * WIDTH * WIDTH)).max(1);
    let mut end = 0;
    for layer in 0..depth + 2 {
        let rows = if layer == depth + 1 { 2 } else { WIDTH };
        let columns = if layer == 0 { 4 } else { WIDTH };
        for (part, shape) in [("weight", vec![rows, columns]), ("bias", vec![rows])] {
            let begin = end;
            end += 4 * shape.iter().product::<usize>();
            header.insert(
                format!("net.{}.{part}", 2 * layer),
                serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}),
            );
        }
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(std::iter::repeat_n(0, end));
    bytes
}
