//! `wfr plot`: pictures and the report of a run that was kept.

use crate::browser;
use crate::program::{Folder, has_adapter};

const WELL: [&str; 7] = ["sample", "double-well", "-n", "20000", "--steps", "100", "--quiet"];

#[test]
fn a_kept_run_is_drawn_and_drawn_again_alike() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.wfr(&[&WELL[..], &["--out", "run"]].concat()).succeeded();
    let done = folder.wfr(&["plot", "run", "--animate", "--format", "svg,png"]).succeeded();
    let kinds = ["density", "modes", "corner", "traces", "genealogy", "weights"];
    let pictures = kinds.iter().flat_map(|kind| [format!("{kind}.svg"), format!("{kind}.png")]);
    let names: Vec<_> = pictures.chain(["animation.png".into(), "report.html".into()]).collect();
    let expected: Vec<_> = names.iter().map(|name| format!("run/{name}")).collect();
    assert_eq!(done.out.lines().collect::<Vec<_>>(), expected);
    let read = |name: &String| std::fs::read(folder.path("run").join(name)).unwrap();
    let before: Vec<_> = names.iter().map(read).collect();
    for (name, bytes) in names.iter().zip(&before) {
        let start: &[u8] = match name.rsplit('.').next() {
            Some("svg") => b"<svg ",
            Some("png") => b"\x89PNG\r\n",
            _ => b"<!doctype html>",
        };
        assert!(bytes.starts_with(start), "{name}");
    }

    folder
        .wfr(&["plot", "run"])
        .failed(2, "error: run/density.svg exists; add --overwrite or name another file");
    let again = ["plot", "run", "--animate", "--format", "svg,png", "--overwrite"];
    folder.wfr(&again).succeeded();
    let after: Vec<_> = names.iter().map(read).collect();
    for (name, (before, after)) in names.iter().zip(before.iter().zip(&after)) {
        assert!(before == after, "{name} has changed");
    }

    let page = String::from_utf8(read(&"report.html".into())).unwrap();
    assert!(page.contains("double-well, annealed flow"));
    assert!(page.contains("particles = 20000"), "the run file is part of the report");
    if browser::is_there() {
        let page = folder.path("run/report.html");
        for width in [390, 1280] {
            assert_eq!(browser::problems(&page, width), [""; 0], "{width}");
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_told() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let formula = ["sample", "--density", "-x0^2/2", "--dim", "1", "-n", "1000", "--steps", "10"];
    folder.wfr(&[&formula[..], &["--frames", "0", "--out", "run"]].concat()).succeeded();
    let refused = |rest: &[&str], expected: &str| {
        folder.wfr(&[&["plot", "run"], rest].concat()).failed(2, &format!("error: {expected}"));
    };
    refused(
        &["--coordinates", "1"],
        "--coordinates 1 is none of the run, which has 1; they are counted from 0 to 0",
    );
    refused(&["--coordinates", "0,0"], "--coordinates name one twice; name each once");
    refused(
        &["--kinds", "corner"],
        "--kinds corner: there is no such picture of this run, because it takes two coordinates \
         and particles with weight",
    );
    refused(
        &["--kinds", "modes"],
        "--kinds modes: there is no such picture of this run, because it tells no modes; \
         --mode-centres of wfr sample names them",
    );
    refused(
        &["--animate"],
        "--animate needs the population at moments of the run, and none were kept; run it again \
         with --frames 60",
    );
    let nowhere = folder.wfr(&["plot", "nowhere"]);
    nowhere.failed_with(2, &["nowhere/summary.json", "name a folder that --out has filled"]);
    // Nothing was drawn on the way.
    let drawn = |name: &str| folder.path("run").join(name).exists();
    assert!(!drawn("density.svg") && !drawn("report.html"));
    folder.wfr(&["plot", "run", "--kinds", "density", "--format", "png"]).succeeded();
    assert!(drawn("density.png") && !drawn("density.svg") && !drawn("report.html"));
    folder.wfr(&["plot", "run"]).succeeded();
    assert!(drawn("density.svg") && drawn("report.html"));
}
