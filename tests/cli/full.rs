//! Disks that are full: what was there stays, and the run can go on.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Done, Folder, has_adapter};
use crate::resume::{assert_same, checkpoints, results, tests};

/// Runs a script, to which `$wfr` is the program, in this folder.
fn script(folder: &Folder, shell: &[&str], text: &str) -> Done {
    let (program, options) = shell.split_first().unwrap();
    let output = Command::new(program)
        .args(options)
        .arg(text)
        .current_dir(folder.path(""))
        .env_remove("RUST_LOG")
        .env("wfr", env!("CARGO_BIN_EXE_wfr"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().expect("the script ends by itself");
    Done { code, out: text(&output.stdout), err: text(&output.stderr) }
}

/// No file grows beyond so many blocks of 512 bytes, and a write that would is refused, in this shell
/// and what it starts.
fn limited(folder: &Folder, blocks: u32, line: &str) -> Done {
    script(folder, &["sh", "-c"], &format!("ulimit -f {blocks}; exec $wfr {line}"))
}

/// A checkpoint of 16,000 particles has some 460 kB, and the particles with 10⁵ draws over 1 MB.
const RUN: &str = "sample ring -n 16000 --steps 96 --frames 0 --posterior 100000 --out run \
                   --checkpoint-every 32";

#[test]
fn a_run_goes_on_without_checkpoints_where_there_is_no_room_for_them() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let less = RUN.replace("100000", "10") + " --thin 100 --json";
    let done = limited(&folder, 400, &less).succeeded();
    let warnings: Vec<&str> =
        done.err.lines().filter(|line| line.contains("no checkpoint at step")).collect();
    // Three fail, and one warning is enough.
    assert_eq!(warnings.len(), 1, "{}", done.err);
    for words in ["at step 32", "there is none before it, and the run goes on"] {
        assert!(warnings[0].contains(words), "{}", warnings[0]);
    }
    let record: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(record["complete"], true);
    assert!(checkpoints(&folder.path("run")).is_empty());
    assert_eq!(std::fs::read_dir(folder.path("run/checkpoints")).unwrap().count(), 0);
}

#[test]
fn results_that_find_no_room_replace_nothing_and_are_written_later() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.wfr(&RUN.split(' ').collect::<Vec<_>>()).succeeded();
    let path = folder.path("run");
    let (whole, all_tests) = (results(&path), tests(&path));
    // Another run in its place.
    let other = format!("{RUN} --seed 9 --overwrite");
    limited(&folder, 1600, &other)
        .failed_with(1, &["run/particles.npz cannot be written", "large"]);
    // All of the run before is there, and of the other what it goes on from.
    let next = path.join(".next");
    let mut after = results(&path);
    after.retain(|name, _| !name.starts_with(".next/"));
    assert_same(&after, &whole);
    assert_eq!(tests(&path), all_tests);
    assert!(!next.join("particles.npz").exists());
    // The run is in its checkpoint, also where the room is still missing.
    let steps: Vec<_> =
        checkpoints(&next).iter().map(|path| wfr::Checkpoint::open(path).unwrap().step()).collect();
    assert_eq!(steps, [64, 96]);
    limited(&folder, 1600, "resume run").failed_with(1, &["run/particles.npz cannot be written"]);
    folder.wfr(&["resume", "run"]).succeeded();
    assert!(!next.exists());
    // Without a checkpoint nothing could go on, and nothing stays.
    let plain = other.replace(" --checkpoint-every 32", "").replace("seed 9", "seed 8");
    limited(&folder, 1600, &plain).failed_with(1, &["run/particles.npz cannot be written"]);
    assert!(!next.exists());
    let expected = Folder::new();
    let line = format!("{RUN} --seed 9");
    expected.wfr(&line.split(' ').collect::<Vec<_>>()).succeeded();
    assert_same(&results(&path), &results(&expected.path("run")));
    assert_ne!(tests(&path), all_tests);
    assert_eq!(tests(&path), tests(&expected.path("run")));
}

/// The same on a file system of its own, where this machine lets us make one.
#[test]
fn a_disk_that_is_full_loses_nothing() {
    if !has_adapter() {
        return;
    }
    let shells: [&[&str]; 2] = [&["unshare", "-rm", "sh", "-ec"], &["unshare", "-m", "sh", "-ec"]];
    let mounts = |shell: &&&[&str]| {
        let (program, options) = shell.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(options).arg("mount -t tmpfs tmpfs /tmp").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let Some(shell) = shells.iter().find(mounts) else {
        println!("skipped: this user may not mount a file system; RLIMIT_FSIZE stands in for it");
        return;
    };
    let folder = Folder::new();
    std::fs::create_dir(folder.path("disk")).unwrap();
    // There is room for one checkpoint, and neither for another beside it nor for the results; later
    // the disk grows. All is copied out before the file system goes away.
    let line = RUN.replace("--out run", "--out disk/run");
    let text = format!(
        "mount -t tmpfs -o size=640k tmpfs disk
         $wfr {line} && exit 9
         ls -a disk/run disk/run/checkpoints > listing
         cp -r disk/run cut
         mount -o remount,size=8m disk
         $wfr resume disk/run -q
         cp -r disk/run run"
    );
    let done = script(&folder, shell, &text).succeeded();
    let listing = std::fs::read_to_string(folder.path("listing")).unwrap();
    assert!(!listing.contains("particles") && !listing.contains("summary"), "{listing}");
    assert!(done.err.contains("No space left on device"), "{}", done.err);
    let [made] = &checkpoints(&folder.path("cut"))[..] else { panic!("{listing}") };
    assert_eq!(wfr::Checkpoint::open(made).unwrap().step(), 32);
    assert!(done.err.contains("no checkpoint at step 64"), "{}", done.err);
    assert!(done.err.contains("that of step 32 stands, and the run goes on"), "{}", done.err);
    let expected = Folder::new();
    expected.wfr(&RUN.split(' ').collect::<Vec<_>>()).succeeded();
    assert_same(&results(&folder.path("run")), &results(&expected.path("run")));
    assert_eq!(tests(&folder.path("run")), tests(&expected.path("run")));
}

/// Where there is no room for one more file, or for one more open file, nothing is wrong with the words.
#[test]
fn a_machine_that_has_run_out_is_no_wrong_usage() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let shells: [&[&str]; 2] = [&["unshare", "-rm", "sh", "-ec"], &["unshare", "-m", "sh", "-ec"]];
    let text = "mkdir -p disk; mount -t tmpfs -o nr_inodes=1 tmpfs disk
                exec $wfr sample ring -n 64 --steps 8 --out disk/run";
    for shell in shells {
        let done = script(&folder, shell, text);
        if done.err.contains("cannot be made") {
            done.failed_with(1, &["disk/run cannot be made: No space left on device"]);
            return;
        }
    }
    println!("skipped: this user may not mount a file system");
}
