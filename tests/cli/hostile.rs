//! Files of others: run files that would write or read elsewhere, and folders of results that lie.

use std::path::Path;

use crate::program::{Folder, has_adapter};

/// A small run into the folder `run`.
fn run(folder: &Folder) {
    let size = ["-n", "64", "--steps", "8", "--frames", "2", "--out", "run"];
    folder.wfr(&[&["sample", "double-well"], &size[..]].concat()).succeeded();
}

#[test]
#[cfg(unix)]
fn no_link_leads_a_run_file_out_of_its_folder() {
    use std::os::unix::fs::symlink;

    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let beyond = elsewhere.path("");
    let out = "[problem]\ntarget = \"ring\"\n[results]\n# A comment\nout = ";
    symlink(&beyond, folder.path("link")).unwrap();
    std::fs::create_dir(folder.path("out")).unwrap();
    symlink(&beyond, folder.path("out/inputs")).unwrap();
    let expected = "is or holds a link or a pipe, which may lead out of the run file's folder";
    for place in ["link", "link/new", "out"] {
        folder.write("a.toml", &format!("{out}\"{place}\"\n"));
        let words = ["a.toml:5:7: results.out", expected, "on the command line with --out"];
        folder.wfr(&["run", "a.toml"]).failed_with(2, &words);
        folder.wfr(&["run", "a.toml", "--overwrite"]).failed_with(2, &words);
    }
    // Where no folder is named it is called as the run file.
    folder.write("out.toml", "[problem]\ntarget = \"ring\"\n");
    folder.wfr(&["run", "out.toml"]).failed_with(2, &["the folder of the results, out,", expected]);
    folder.write("...toml", "[problem]\ntarget = \"ring\"\n");
    folder
        .wfr(&["run", "...toml"])
        .failed_with(2, &["is no place below the run file's own folder"]);
    assert_eq!(elsewhere.names(), Vec::<String>::new());
}

/// Files of a run replace links of their names, and are not written through them.
#[test]
#[cfg(unix)]
fn results_are_not_written_through_links() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("precious.txt", "keep this");
    std::fs::create_dir(folder.path("run")).unwrap();
    for name in ["metrics.jsonl", "summary.json", "particles.npz", "run.toml"] {
        std::os::unix::fs::symlink(folder.path("precious.txt"), folder.path("run").join(name))
            .unwrap();
    }
    let size = ["-n", "64", "--steps", "8", "--out", "run", "--overwrite"];
    folder.wfr(&[&["sample", "double-well"], &size[..]].concat()).succeeded();
    assert_eq!(std::fs::read_to_string(folder.path("precious.txt")).unwrap(), "keep this");
    std::fs::remove_dir_all(folder.path("run")).unwrap();
    std::fs::create_dir(folder.path("run")).unwrap();
    std::os::unix::fs::symlink(folder.path(""), folder.path("run/inputs")).unwrap();
    folder
        .wfr(&[&["sample", "double-well"], &size[..]].concat())
        .failed_with(1, &["inputs is a link, and copies go below it; remove it"]);
}

#[test]
fn names_that_other_systems_take_otherwise_are_refused() {
    let folder = Folder::new();
    let long = "a".repeat(300);
    for name in [
        "nul",
        "con.txt",
        "a/COM1",
        "a\\\\..\\\\..\\\\b",
        "a\\u0000b",
        "a\\nb",
        &long,
        ".git",
        "a/.ssh",
        "a.",
        "a\\u202Etxt",
        "u\\u0308ber",
        ".g\\u200Cit",
    ] {
        folder.write("a.toml", &format!("[results]\nout = \"{name}\"\n"));
        let words = ["a.toml:2:7: results.out is no name of a folder on every system"];
        folder.wfr(&["run", "a.toml"]).failed_with(2, &words);
    }
}

/// What has no end is not read to its end, and is not opened where a run file names it.
#[test]
#[cfg(unix)]
fn devices_are_not_read() {
    let folder = Folder::new();
    for (key, file) in [
        ("[problem]\ntarget = \"gaussian-mixture\"\ncomponents", "/dev/zero"),
        ("[problem]\ntarget = \"ring\"\nmode_centres", "/dev/zero"),
        ("[problem]\ntarget = \"ring\"\n[run]\nschedule", "/dev/zero"),
    ] {
        folder.write("a.toml", &format!("{key} = \"{file}\"\n"));
        folder.wfr(&["run", "a.toml"]).failed_with(2, &["is no file: /dev/zero"]);
    }
    let most = "/dev/zero: has more than 67108864 bytes, the most that is read of such a file";
    folder
        .wfr(&["sample", "gaussian-mixture", "--components", "/dev/zero"])
        .failed_with(2, &[most]);
    folder.wfr(&["run", "/dev/zero"]).failed_with(2, &["has more than 4194304 bytes"]);
}

/// A folder of results is read by itself: what it names elsewhere is not opened.
#[test]
fn a_folder_of_results_stays_in_itself() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    run(&folder);
    folder.write("secret.txt", "not of this run");
    for place in ["../secret.txt", &folder.path("secret.txt").display().to_string()] {
        folder.write(
            "run/run.toml",
            &format!("[problem]\ntarget = \"ring\"\n[run]\nschedule = \"{place}\"\n"),
        );
        let words = ["run.schedule leads out of the folder of results"];
        let done = folder.wfr(&["plot", "run", "--overwrite"]).succeeded();
        assert!(done.err.contains(words[0]) && !done.err.contains("not of this"), "{}", done.err);
        folder.wfr(&["resume", "run"]).failed_with(2, &words);
    }
    #[cfg(unix)]
    {
        std::fs::remove_file(folder.path("run/frames.npz")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path("run/frames.npz")).unwrap();
        for command in ["plot", "resume"] {
            folder.wfr(&[command, "run"]).failed_with(2, &["frames.npz is a link"]);
        }
    }
}

/// Pictures of numbers that no run gives: they may look odd, but they are drawn or refused.
#[test]
fn results_with_absurd_numbers_are_drawn_or_refused() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    run(&folder);
    let path = folder.path("run/summary.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let original = record.clone();
    let mut tried = 0;
    for value in [
        serde_json::json!(null),
        serde_json::json!(0),
        serde_json::json!(-1e308),
        serde_json::json!(1e308),
        serde_json::json!([]),
        serde_json::json!([[]]),
        serde_json::json!("\u{202e}<script>alert(1)</script>"),
    ] {
        // All at once: whatever has this type takes it.
        let keys: Vec<String> = original.as_object().unwrap().keys().cloned().collect();
        record.clone_from(&original);
        for key in keys {
            if same_shape(&original[&key], &value) {
                record[&key] = value.clone();
            }
        }
        std::fs::write(&path, record.to_string()).unwrap();
        let done = folder.wfr(&["plot", "run", "--overwrite"]);
        assert!(!done.err.contains("panicked"), "{value}: {}", done.err);
        let report = folder.path("run/report.html");
        if let Ok(page) = std::fs::read_to_string(Path::new(&report)) {
            assert!(!page.contains("<script>alert(1)"), "{value}");
        }
        tried += 1;
    }
    assert_eq!(tried, 7);
}

fn same_shape(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    b.is_null() && a.is_number()
        || a.is_number() && b.is_number()
        || a.is_array() && b.is_array()
        || a.is_string() && b.is_string()
}
