//! Run files: what they run, and how they are refused.

use serde_json::Value;

use crate::program::{Done, Folder, files, has_adapter};

/// The record of a run without what differs from run to run.
fn record(done: Done) -> Value {
    let mut record: Value = serde_json::from_str(&done.succeeded().out).unwrap();
    let all = record.as_object_mut().unwrap();
    for time in ["setup_s", "elapsed_s", "cpu_s", "particle_steps_per_s"] {
        assert!(all.remove(time).is_some(), "{time}");
    }
    record
}

#[test]
fn a_run_file_is_its_command_line() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.path("below")).unwrap();
    folder.write("below/modes.txt", "0.3 -2 0 0.5\n0.7 2 0 0.5 1\n");
    folder.write(
        "below/modes.toml",
        "[problem]\ntarget = \"gaussian-mixture\"\ncomponents = \"modes.txt\"\n\
         initial = \"mixture(modes.txt)\"\n[run]\nparticles = 1e3\nsteps = 32\ntime = 1.5\n\
         seed = 0x7\ntrace_cess = true\n[results]\njson = true\n",
    );
    let by_options = |rest: &[&str]| {
        let problem = ["--components", "below/modes.txt", "--initial", "mixture(below/modes.txt)"];
        let run = ["-n", "1e3", "--steps", "32", "--time", "1.5", "--trace-cess", "--json"];
        record(folder.wfr(&[&["sample", "gaussian-mixture"], &problem[..], &run, rest].concat()))
    };
    let by_file =
        |rest: &[&str]| record(folder.wfr(&[&["run", "below/modes.toml"], rest].concat()));
    // Without --out the results go into a folder of the file's name beside it.
    assert_eq!(by_file(&[]), by_options(&["--seed", "7", "--out", "b"]));
    for file in ["particles.npz", "frames.npz", "summary.json", "run.toml", "inputs/modes.txt"] {
        let [a, b] =
            ["below/modes", "b"].map(|out| std::fs::read(folder.path(out).join(file)).unwrap());
        assert!(a == b, "{file} is the same to the byte");
    }
    let other = by_file(&["--seed", "8", "--out", "c"]);
    assert_eq!(other, by_options(&["--seed", "8"]));
    assert_eq!(other["seed"], 8);
    folder.wfr(&["run", "below/modes.toml"]).failed_with(2, &["below/modes holds files already"]);
}

#[test]
fn a_composition_is_a_run_file_too() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("left.txt", "0.4 -1 0.5\n0.6 1 0.5\n");
    folder.write("right.txt", "1 0.5 1\n");
    folder.write(
        "both.toml",
        "command = \"compose\"\n[models]\nmodel = [\"left.txt\", \"right.txt\"]\n\
         [rule]\nrule = \"fisher-rao\"\nshares = [0.3, \"0.7\"]\n[noise]\nsteps = 50\n\
         [run]\nparticles = \"2^10\"\n[results]\njson = true\nout = \"both-results\"\n",
    );
    let options = ["--rule", "fisher-rao", "--shares", "0.3,0.7", "--steps", "50", "-n", "1024"];
    let models = ["--model", "left.txt", "--model", "right.txt", "--json"];
    let by_options = folder.wfr(&[&["compose"], &models[..], &options].concat());
    assert_eq!(record(folder.wfr(&["run", "both.toml"])), record(by_options));
    assert!(folder.names().contains(&"both-results".to_string()));
}

/// Whatever files a run reads, and wherever they lay: its folder is all that is needed to run again.
#[test]
fn a_folder_runs_again_to_the_same_bytes() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    for below in ["a", "b"] {
        std::fs::create_dir(folder.path(below)).unwrap();
    }
    folder.write("a/m.txt", "0.3 -2 0 0.5\n0.7 2 0 0.5\n");
    folder.write("b/m.txt", "0.5 -1 1 0.5\n0.5 1 0 0.8\n");
    folder.write("a/beta.txt", "0 0\n0.5 0.3\n1 1\n");
    folder.write("a/centres.txt", "-2 0\n2 0\n");
    folder.write("a/y.csv", "y\n1\n2\n");
    folder.write("a/start.csv", "mean,sd\n0.5,1\n-0.5,2\n");
    folder.write(
        "b/r.wgsl",
        "@group(1) @binding(0) var<storage, read> y: array<f32>;\n\
         fn log_density(x: Point) -> f32 { return -y[1] * dot(x, x); }\n",
    );
    let velocity = "fn velocity(x: Point, beta: f32) -> Point { return 0.01 * x; }\n";
    folder.write("b/v.wgsl", velocity);
    let mixtures = "sample gaussian-mixture --components a/m.txt --initial mixture(b/m.txt) \
                    --schedule a/beta.txt --mode-centres a/centres.txt --flow path --path hybrid";
    let regression = "sample b/r.wgsl --dim 2 --data a/y.csv --steps 20 --flow path \
                      --path power:0.5 --velocity b/v.wgsl --tune \
                      --initial normal(file=a/start.csv)";
    let composition = "compose --model a/m.txt --model b/m.txt --rule geometric --steps 20 \
                       --reward k*x0 --param k=.5";
    for (at, line) in [mixtures, regression, composition].into_iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (first, again) = (format!("first-{at}"), format!("again-{at}"));
        folder.wfr(&[&words[..], &["-n", "500", "--out", &first]].concat()).succeeded();
        let moved = format!("b/moved-{at}");
        std::fs::rename(folder.path(&first), folder.path(&moved)).unwrap();
        folder.wfr(&["run", &format!("{moved}/run.toml"), "--out", &again]).succeeded();
        let [kept, made] = [&moved, &again].map(|run| files(&folder.path(run)));
        assert_eq!(kept.len(), made.len(), "{line}");
        for (name, bytes) in kept.iter().filter(|(name, _)| *name != "metrics.jsonl") {
            assert!(made.get(name) == Some(bytes), "{line}: {name}");
        }
    }
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let folder = Folder::new();
    let refused = |text: &str, error: &str| {
        folder.write("a.toml", text);
        folder.wfr(&["run", "a.toml"]).failed(2, error);
    };
    refused(
        "[problem]\ntarget = \"ring\"\n\n[run]\nesss = 0.5\n",
        "error: a.toml:5:1: esss is no key of [run]; the nearest is run.ess_threshold\n\
         5 | esss = 0.5\n  | ^^^^",
    );
    refused(
        "[run]\nset = { a = 1 }",
        "error: a.toml:2:1: set is no key of [run]; problem.set is, below [problem]\n\
         2 | set = { a = 1 }\n  | ^^^",
    );
    refused(
        "[problem]\nparam = { a = 1 }",
        "error: a.toml:2:1: param is no key of [problem]; it is called problem.set\n\
         2 | param = { a = 1 }\n  | ^^^^^",
    );
    refused(
        "[path]\nzzzzz = 1",
        "error: a.toml:2:1: zzzzz is no key of [path]; there are path, log_ratio, velocity\n\
         2 | zzzzz = 1\n  | ^^^^^",
    );
    refused(
        "[runs]\n",
        "error: a.toml:1:2: runs is no table of wfr sample; the nearest is [run]\n\
         1 | [runs]\n  |  ^^^^",
    );
    refused(
        "particles = 10\n",
        "error: a.toml:1:1: particles is no table of wfr sample; write it below [run]\n\
         1 | particles = 10\n  | ^^^^^^^^^",
    );
    refused(
        "[run]\nparticles = 1.5 # odd\n",
        "error: a.toml:2:13: invalid value '1.5' for run.particles: is not a whole number; write \
         for instance 1000000, 1_000_000, 1e6 or 2^20\n\
         2 | particles = 1.5 # odd\n  |             ^^^",
    );
    refused(
        "[run]\nflow = \"anealed\"",
        "error: a.toml:2:8: invalid value 'anealed' for run.flow: the nearest is annealed, and \
         there are annealed, langevin, path, wfr\n2 | flow = \"anealed\"\n  |        ^^^^^^^^^",
    );
    refused(
        "[problem.set]\na = 1\nb = \"x\"\n",
        "error: a.toml:3:5: invalid value 'b=x' for problem.set: 'x' is not a number; write for \
         instance --set a=20\n3 | b = \"x\"\n  |     ^^^",
    );
    refused(
        "[run]\ntune = 1",
        "error: a.toml:2:8: run.tune is a flag; write true or false\n2 | tune = 1\n  |        ^",
    );
    refused(
        "[run]\nsteps = true",
        "error: a.toml:2:9: run.steps is true or false; expected a number or a string\n\
         2 | steps = true\n  |         ^^^^",
    );
    refused(
        "[run]\nsteps = = 3",
        "error: a.toml:2:9: extra `=`, expected nothing\n2 | steps = = 3\n  |         ^",
    );
    refused(
        "command = \"sampel\"",
        "error: a.toml:1:11: command is not known; write \"sample\" or \"compose\"\n\
         1 | command = \"sampel\"\n  |           ^^^^^^^^",
    );
    refused(
        "command = \"compose\"\nrule = { rule = \"power\", share = 1, shares = [1] }",
        "error: a.toml:2:46: rule.shares does not go with rule.share; leave one out\n\
         2 | rule = { rule = \"power\", share = 1, shares = [1] }\n  \
           |                                              ^^^",
    );
    refused("command = \"compose\"", "error: a.toml lacks rule.rule");
}

#[test]
fn a_file_writes_nothing_outside_its_own_folder() {
    let folder = Folder::new();
    for place in ["/elsewhere/x", "../x", "a/../../x", ".", "./"] {
        folder.write("a.toml", &format!("[results]\nout = \"{place}\""));
        folder.wfr(&["run", "a.toml"]).failed(
            2,
            &format!(
                "error: a.toml:2:7: results.out is no place below the run file's own folder, and a run \
                 file writes nowhere else; give a relative path without .., or give any place on the \
                 command line with --out\n\
                 2 | out = \"{place}\"\n  |       {}",
                "^".repeat(place.len() + 2)
            ),
        );
    }
}

/// A run file of others replaces nothing and writes beside itself, unless the command line says otherwise.
#[test]
fn a_file_replaces_nothing_and_writes_beside_itself() {
    let folder = Folder::new();
    for name in ["other", "precious", "other/precious"] {
        std::fs::create_dir(folder.path(name)).unwrap();
        folder.write(&format!("{name}/report.html"), "keep");
    }
    let problem = "[problem]\ntarget = \"ring\"\n[run]\nparticles = 64\nsteps = 8\n[results]\n";
    folder.write("other/a.toml", &format!("{problem}out = \"precious\"\noverwrite = true\n"));
    let refused = "other/a.toml:8:13: results.overwrite is not for run files, which replace nothing; add \
                   --overwrite on the command line";
    folder.wfr(&["run", "other/a.toml"]).failed_with(2, &[refused]);
    folder.write("other/b.toml", &format!("{problem}out = \"precious\"\noverwrite = false\n"));
    folder
        .wfr(&["run", "other/b.toml"])
        .failed_with(2, &["other/precious holds files already; add --overwrite"]);
    // An array is the path that it is joined to.
    folder.write("other/c.toml", "[results]\nout = [\"../precious\"]\n");
    folder.wfr(&["run", "other/c.toml"]).failed_with(2, &["is no place below"]);
    folder.write("other/.git.toml", problem);
    folder.wfr(&["run", "other/.git.toml"]).failed_with(2, &["is no name of a folder"]);
    if !has_adapter() {
        return;
    }
    folder.wfr(&["run", "other/a.toml", "--overwrite"]).succeeded();
    assert!(folder.path("other/precious/particles.npz").exists());
    assert!(!folder.path("other/precious/report.html").exists(), "it was of an earlier run");
    folder.write("other/d.toml", &format!("{problem}out = \"../x\"\n"));
    folder.wfr(&["run", "other/d.toml", "--out", "d"]).succeeded();
    folder.wfr(&["run", "other/d.toml", "--out", "d", "--overwrite", "--seed", "3"]).succeeded();
    folder.write("other/e.toml", problem);
    folder.wfr(&["run", "other/e.toml"]).succeeded();
    assert!(folder.path("other/e/particles.npz").exists());
    let names = [".git.toml", "a.toml", "b.toml", "c.toml", "d.toml", "e", "e.toml", "precious"];
    assert_eq!(folder.names_in("other"), [&names[..], &["report.html"]].concat());
    assert_eq!(folder.names_in("precious"), ["report.html"]);
    for name in ["other", "precious"] {
        let kept = std::fs::read_to_string(folder.path(&format!("{name}/report.html"))).unwrap();
        assert_eq!(kept, "keep");
    }
}

/// Errors show no line of a file that somebody else's run file names.
#[test]
fn errors_show_no_line_of_other_files() {
    let folder = Folder::new();
    let secret = "hunter2:x:0:0:root:/root:/bin/sh";
    folder.write("secret", &format!("{secret}\n"));
    #[cfg(unix)]
    std::os::unix::fs::symlink("secret", folder.path("link.wgsl")).unwrap();
    let problem = "[problem]\ndim = 2\n";
    for setting in [
        "target = \"gaussian-mixture\"\ncomponents = \"secret\"",
        "target = \"ring\"\nmode_centres = \"secret\"",
        "target = \"ring\"\ninitial = \"mixture(secret)\"",
        "target = \"ring\"\n[run]\nschedule = \"./secret\"",
        "target = \"ring\"\n[path]\npath = \"power:0.5\"\nvelocity = \"secret\"\n[run]\nflow = \"path\"",
        "target = \"link.wgsl\"",
    ] {
        folder.write("a.toml", &format!("{problem}{setting}\n"));
        let done = folder.wfr(&["run", "a.toml"]);
        assert_eq!(done.code, 2, "{setting}: {}", done.err);
        assert!(done.err.contains("secret") || done.err.contains("link"), "{}", done.err);
        assert!(!done.err.contains("hunter2"), "{setting}: {}", done.err);
    }
}

/// What is left of a run file that was cut off would be another run.
#[test]
fn a_run_file_that_was_cut_off_is_noticed() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let line = "sample ring -n 64 --steps 8 --seed 5 --out run --checkpoint-every 8";
    folder.wfr(&line.split_whitespace().collect::<Vec<_>>()).succeeded();
    let whole = std::fs::read_to_string(folder.path("run/run.toml")).unwrap();
    // After a line, where it still is a run file.
    let half = whole.find("\nparticles").unwrap() + 1;
    let reason = "run/run.toml lacks the line `# End of the run.` and was cut off";
    for cut in [half, whole.len() - 3] {
        folder.write("run/run.toml", &whole[..cut]);
        folder.wfr(&["run", "run/run.toml", "--out", "again"]).failed_with(2, &[reason]);
        folder.wfr(&["resume", "run"]).failed_with(2, &[reason]);
        let done = folder.wfr(&["plot", "run", "--kinds", "weights", "--overwrite"]).succeeded();
        assert!(done.err.contains(reason), "{}", done.err);
    }
    // What somebody has edited runs, and so does a file of one's own.
    let edited = whole.replace("seed = 5", "seed = 6") + "# mine\n";
    folder.write("run/run.toml", &edited);
    folder.wfr(&["run", "run/run.toml", "--out", "edited"]).succeeded();
    folder.write("mine.toml", "[problem]\ntarget = \"ring\"\n[run]\nparticles = 64\nsteps = 8\n");
    folder.wfr(&["run", "mine.toml"]).succeeded();
}

/// Some editors begin a text with a byte order mark.
#[test]
fn a_byte_order_mark_is_taken_off_every_text() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let marked = |name: &str, text: &str| folder.write(name, &format!("\u{feff}{text}"));
    marked("m.txt", "0.5 -1 0 1\n0.5 1 0 1\n");
    marked("centres.txt", "-1 0\n1 0\n");
    marked("beta.txt", "0 0\n0.5 0.5\n1 1\n");
    marked("y.csv", "y\n1\n2\n");
    marked(
        "t.wgsl",
        "@group(1) @binding(0) var<storage, read> y: array<f32>;\n\
         fn log_density(x: Point) -> f32 { return -y[1] * dot(x, x); }\n",
    );
    marked("v.wgsl", "fn velocity(x: Point, beta: f32) -> Point { return 0.01 * x; }\n");
    marked("r.wgsl", "fn log_density(x: Point) -> f32 { return -dot(x, x); }\n");
    marked(
        "a.toml",
        "[problem]\ntarget = \"t.wgsl\"\ndim = 2\ndata = \"y.csv\"\ninitial = \"mixture(m.txt)\"\n\
         mode_centres = \"centres.txt\"\n[run]\nparticles = 64\nschedule = \"beta.txt\"\nflow = \"path\"\n[path]\npath = \"power:0.5\"\nvelocity = \"v.wgsl\"\n",
    );
    folder.wfr(&["run", "a.toml"]).succeeded();
    folder.wfr(&["run", "a/run.toml", "--out", "again"]).succeeded();
    let compose = "compose --model m.txt --rule anneal --power 1 --reward r.wgsl -n 64 --steps 8";
    folder.wfr(&compose.split(' ').collect::<Vec<_>>()).succeeded();
    folder.wfr(&["check", "r.wgsl", "--dim", "2"]).succeeded();
}

#[test]
fn options_after_the_file_are_a_command_line() {
    let folder = Folder::new();
    folder.write("a.toml", "[problem]\ntarget = \"ring\"\n");
    let run = |options: &[&str]| folder.wfr(&[&["run", "a.toml"], options].concat());
    run(&["--stpes", "3"]).failed_with(2, &["unexpected argument '--stpes'", "'--steps'"]);
    run(&["--time", "-1"]).failed(2, "error: time = -1 is not positive and finite");
    folder.wfr(&["run", "none.toml"]).failed_with(2, &["none.toml cannot be read"]);
    folder.wfr(&["run"]).failed_with(2, &["<FILE.toml>"]);
    let schema = folder.wfr(&["run", "--schema"]).succeeded();
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn a_starter_runs() {
    let folder = Folder::new();
    let done = folder.wfr(&["init", "flower"]).succeeded();
    assert!(done.out.contains("wfr run flower/run.toml"), "{}", done.out);
    folder
        .wfr(&["init", "flower"])
        .failed(2, "error: flower/run.toml exists, and is left as it is; name another folder");
    let here = folder.wfr(&["init"]).succeeded();
    assert!(here.out.contains("wfr run run.toml\n"), "{}", here.out);
    assert_eq!(folder.names(), ["flower", "run.toml", "target.wgsl"]);
    if !has_adapter() {
        return;
    }
    let record = record(folder.wfr(&["run", "flower/run.toml", "--json"]));
    assert!(folder.path("flower/run/inputs/target.wgsl").exists());
    assert_eq!((&record["target"], &record["dim"]), (&"target.wgsl".into(), &2.into()));

    let (log_z, se) = (&record["log_normalizer"], &record["log_normalizer_se"]);
    let (log_z, se) = (log_z.as_f64().unwrap(), se.as_f64().unwrap());
    let exact = quadrature();
    assert!((log_z - exact).abs() < 5.0 * se && se < 0.02, "{log_z} ± {se}, {exact}");
    folder.wfr(&["check", "flower/target.wgsl", "--dim", "2"]).succeeded();
}

/// log Z of the starter's density, by the midpoint rule on a square that holds it.
fn quadrature() -> f64 {
    let (petals, radius, width, depth, tilt) = (5.0, 3.0, 0.3, 4.0, 0.2);
    let (cells, end) = (2000, 6.0_f64);
    let h = 2.0 * end / f64::from(cells);
    let at = |i: i32| (f64::from(i) + 0.5) * h - end;
    let density = |x: f64, y: f64| -> f64 {
        let r = x.hypot(y);
        let s = (r / radius).clamp(0.0, 1.0);
        let bloom = s * s * (3.0 - 2.0 * s);
        let valley = 0.5 * depth * bloom * (1.0 - (petals * y.atan2(x)).cos());
        (-0.5 * ((r - radius) / width).powi(2) - valley + tilt * x).exp()
    };
    let row = |j: i32| (0..cells).map(|i| density(at(i), at(j))).sum::<f64>();
    ((0..cells).map(row).sum::<f64>() * h * h).ln()
}
