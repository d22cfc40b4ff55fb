//! `--print-plan`: the plan of a run on standard output, and nothing else anywhere.

use wfr::RecordedPlan;
use wfr::wgpu::naga::front::wgsl::parse_str;

use crate::program::{Done, Folder, has_adapter};

/// The plan that was printed; the folder has these files only.
fn plan(done: &Done, folder: &Folder, files: &[&str]) -> RecordedPlan {
    assert_eq!(done.out.lines().count(), 1, "{}", done.err);
    assert_eq!(folder.names(), files);
    let plan = RecordedPlan::from_json(&done.out).unwrap();
    for text in &plan.texts {
        let parsed = parse_str(text).map_err(|error| error.emit_to_string(text));
        let module = parsed.unwrap_or_else(|error| panic!("{error}"));
        assert!(!module.entry_points.is_empty());
    }
    plan
}

#[test]
fn the_plan_is_printed_and_nothing_is_run() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let size = ["-n", "1000", "--steps", "48", "--print-plan"];
    let sample = ["sample", "double-well", "--seed", "7", "--out", "kept"];
    let done = folder.wfr(&[&sample[..], &size].concat()).succeeded();
    let printed = plan(&done, &folder, &[]);
    let settings = &printed.settings;
    assert_eq!((settings.particles, settings.steps, settings.seed), (1000, 48, 7));
    assert_eq!(printed.order.iter().map(|block| block.steps).collect::<Vec<_>>(), [16; 3]);
    // The same again, to the byte.
    assert!(folder.wfr(&[&sample[..], &size].concat()).out == done.out);

    folder.write("left.txt", "0.3 -3 0.5\n0.7 1 0.7\n");
    folder.write("right.txt", "0.6 -1 0.6\n0.4 2.5 0.5\n");
    let compose = ["compose", "--model", "left.txt", "--model", "right.txt", "--rule", "product"];
    let done = folder.wfr(&[&compose[..], &size].concat()).succeeded();
    assert_eq!(plan(&done, &folder, &["left.txt", "right.txt"]).settings.dim, 1);

    // The options of a run file that are for results are no hindrance.
    folder.write("run.toml", "[problem]\ntarget = \"ring\"\n[results]\njson = true\nplot = true\n");
    let done = folder.wfr(&[&["run", "run.toml"][..], &size].concat()).succeeded();
    assert_eq!(plan(&done, &folder, &["left.txt", "right.txt", "run.toml"]).settings.dim, 2);
}

#[test]
fn a_plan_and_a_record_are_not_printed_at_once() {
    let folder = Folder::new();
    let done = folder.wfr(&["sample", "ring", "--print-plan", "--json"]);
    done.failed_with(2, &["'--print-plan' cannot be used with '--json'"]);
}
