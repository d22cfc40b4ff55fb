//! What the program prints and writes.

use npyz::WriterBuilder;
use serde_json::Value;

use crate::program::{Done, Folder, has_adapter};

fn json(done: &Done) -> Value {
    assert_eq!(done.out.trim_end().lines().count(), 1, "{}", done.out);
    serde_json::from_str(&done.out).unwrap()
}

/// A quick run whose answer is known well.
const QUICK: [&str; 13] = [
    "sample",
    "double-well",
    "--set",
    "a=4",
    "--set",
    "c=0.5",
    "-n",
    "2e4",
    "--steps",
    "64",
    "--seed",
    "7",
    "--json",
];

#[test]
fn sample_prints_one_json_object_with_sane_numbers() {
    if !has_adapter() {
        return;
    }
    let done = Folder::new().wfr(&QUICK).succeeded();
    let record = json(&done);
    for key in [
        "acceptance",
        "adapter",
        "backend",
        "betas",
        "cpu_s",
        "dim",
        "driver",
        "elapsed_s",
        "effective_ancestors",
        "ess",
        "ess_every",
        "ess_threshold",
        "flow",
        "friction",
        "initial",
        "integrator",
        "largest_ancestor",
        "levels",
        "log_normalizer",
        "log_normalizer_se",
        "max_weight",
        "mean",
        "mean_se",
        "modes",
        "non_finite",
        "parameters",
        "particle_steps_per_s",
        "particles",
        "preconditioner",
        "quantiles",
        "quantiles_se",
        "resampler",
        "resamplings",
        "right_mass",
        "right_mass_se",
        "schedule",
        "sd",
        "sd_se",
        "second_moment",
        "second_moment_se",
        "seed",
        "setup_s",
        "software",
        "stages",
        "steps",
        "stiffness",
        "taming",
        "target",
        "time",
        "truth",
        "tuned",
        "unique_ancestors",
        "version",
        "warnings",
    ] {
        assert!(record.get(key).is_some(), "{key} is missing: {record}");
    }
    assert_eq!(record["target"], "double-well");
    assert_eq!(record["parameters"], serde_json::json!({"a": 4.0, "c": 0.5, "stiffness": 1.0}));
    assert_eq!((&record["dim"], &record["steps"]), (&Value::from(2), &Value::from(64)));
    assert_eq!((&record["particles"], &record["seed"]), (&Value::from(20000), &Value::from(7)));
    assert_eq!(
        (&record["flow"], &record["integrator"]),
        (&"annealed".into(), &"kernel-ratio".into())
    );
    assert_eq!(record["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(record["non_finite"], 0);
    let number = |value: &Value| value.as_f64().unwrap();
    let truth = &record["truth"];
    for (name, exact) in
        [("log_normalizer", &truth["log_normalizer"]), ("right_mass", &truth["right_mass"])]
    {
        let se = number(&record[format!("{name}_se")]);
        let off = number(&record[name]) - number(exact);
        assert!(se > 0.0 && se < 0.05 && off.abs() < 5.0 * se, "{name}: {off} with error {se}");
    }
    for name in ["mean", "second_moment"] {
        for j in 0..2 {
            let se = number(&record[format!("{name}_se")][j]);
            let off = number(&record[name][j]) - number(&truth[name][j]);
            assert!(off.abs() < 5.0 * se, "{name}[{j}]: {off} with error {se}");
        }
    }
    assert!((1.0..=20000.0).contains(&number(&record["ess"])));
    assert!(number(&record["elapsed_s"]) > 0.0 && number(&record["setup_s"]) > 0.0);
    if cfg!(target_os = "linux") {
        assert!(number(&record["cpu_s"]) >= 0.0);
    }
}

#[test]
fn a_tuned_run_says_what_the_pilots_found() {
    if !has_adapter() {
        return;
    }
    let options = ["--tune", "--integrator", "mala"];
    let folder = Folder::new();
    let record = json(&folder.wfr(&[&QUICK[..], &options[..]].concat()).succeeded());
    assert_eq!(record["preconditioner"].as_array().map(Vec::len), Some(2));
    let tuned = &record["tuned"];
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&tuned["shortest_step"]) < number(&tuned["longest_step"]));
    // The pilots' mean, and that of the run on the same steps.
    for acceptance in [&tuned["acceptance"], &record["acceptance"]] {
        assert!((number(acceptance) - 0.57).abs() < 0.05, "{acceptance}");
    }
    let (off, se) = (
        number(&record["log_normalizer"]) - number(&record["truth"]["log_normalizer"]),
        number(&record["log_normalizer_se"]),
    );
    assert!(off.abs() < 5.0 * se, "log Z is off by {off} with error {se}");

    let words = [&QUICK[..QUICK.len() - 1], &options[..]].concat();
    let text = folder.wfr(&words).succeeded().out;
    assert!(text.contains("\ntuned to scales ") && text.contains(", acceptance 0."), "{text}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    for arguments in [&["targets"][..], &["targets", "--json"], &["--help"]] {
        let done = folder.wfr_unread(arguments);
        assert_eq!((done.code, done.error()), (0, ""), "{}", done.err);
    }
    if has_adapter() {
        let done = folder.wfr_unread(&["sample", "ring", "-n", "1000", "--steps", "8"]);
        assert_eq!((done.code, done.error()), (0, ""), "{}", done.err);
    }
}

#[test]
fn a_target_of_your_own_takes_parameters() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write(
        "mine.wgsl",
        "override precision_: f32 = 1.0;\n\
         fn log_density(x: Point) -> f32 { return -0.5 * precision_ * dot(x, x); }\n\
         fn score(x: Point) -> Point { return -precision_ * x; }\n",
    );
    let run = ["sample", "mine.wgsl", "--dim", "3", "--set", "precision_=4", "-n", "2e4"];
    let record = json(&folder.wfr(&[&run[..], &["--steps", "64", "--json"]].concat()).succeeded());
    assert_eq!(record["truth"], Value::Null);
    assert_eq!(record["parameters"]["precision_"], 4.0);
    let exact = 1.5 * (std::f64::consts::TAU / 4.0).ln();
    let off = record["log_normalizer"].as_f64().unwrap() - exact;
    assert!(off.abs() < 5.0 * record["log_normalizer_se"].as_f64().unwrap(), "{off}");
}

#[test]
fn derivatives_are_printed_as_text() {
    let folder = Folder::new();
    let text = "fn potential(x: Point) -> f32 { return -dot(x, x) * x.x; }\n";
    folder.write("mine.wgsl", text);
    let derive =
        |rest: &[&str]| folder.wfr(&[&["derive", "mine.wgsl", "--dim", "2"], rest].concat());
    for what in ["gradient", "directional", "laplacian", "hessian-vector"] {
        let done = derive(&["--function", "potential", "--what", what]).succeeded();
        let name = format!("potential_{}", what.replace('-', "_"));
        assert!(done.out.starts_with(&format!("// {name}: ")), "{}", done.out);
        assert!(done.out.contains(&format!("\nfn {name}(")), "{}", done.out);
        // It belongs behind the file's own text.
        let whole = format!("alias Point = vec2<f32>;\n{text}{}", done.out);
        wfr::wgpu::naga::front::wgsl::parse_str(&whole).unwrap();
    }
    derive(&[]).failed(4, "error: mine.wgsl: there is no function `log_density`");
}

#[test]
fn weights_that_collapse_are_told() {
    if !has_adapter() {
        return;
    }
    let warns = |initial: &str| {
        let run = ["sample", "standard-normal", "--dim", "2", "-n", "1e4", "--steps", "16"];
        let arguments = [&run[..], &["--time", "0.01", "--initial", initial]].concat();
        let done = Folder::new().wfr(&arguments).succeeded();
        done.err.contains("the effective sample size fell to")
    };
    assert!(warns("normal(mean=[9,9], sd=0.3)"));
    assert!(!warns("normal(mean=0, sd=1.2)"));
}

/// Every flow that suits the target, with errors against the exact values, and a picture.
#[test]
fn compare_shows_all_flows_against_the_exact_values() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let run = "compare double-well -n 500 --steps 32 --looks 4 --landmarks 256 --equal particles";
    let run: Vec<_> = run.split(' ').collect();
    let done = folder.wfr(&[&run[..], &["--plot", "errors.png"]].concat()).succeeded();
    let flows =
        ["annealed", "Langevin", "WFR, grid", "WFR, kernel", "WFR, transition", "birth-death"];
    for word in flows.into_iter().chain(["mode error", "arrived", "log Z", "exact", "5.7422"]) {
        assert!(done.out.contains(word), "{word}: {}", done.out);
    }
    assert!(std::fs::metadata(folder.path("errors.png")).unwrap().len() > 10_000);

    let record = json(&folder.wfr(&[&run[..], &["--json"]].concat()).succeeded());
    let runs = record["runs"].as_array().unwrap();
    assert!(runs.iter().map(|run| &run["heading"]).eq(&flows));
    for run in runs {
        assert_eq!(run["particles"], 500);
        let looks = run["looks"].as_array().unwrap();
        assert_eq!(looks.len(), 5);
        assert_eq!(looks[4]["mode_error"], run["mode_error"]);
        let right = run["right_mass"].as_f64().unwrap();
        let exact = run["truth"]["right_mass"].as_f64().unwrap();
        let error = run["mode_error"].as_f64().unwrap();
        assert!((error - (right - exact).abs()).abs() < 1e-9, "{error} {right}");
    }
    assert!(runs[0]["log_normalizer"].is_number() && runs[2]["log_normalizer"].is_null());

    // At equal cost the others have as many particles as the time allows.
    let run = "compare double-well -n 20000 --steps 64 --looks 1 --density-estimator transition \
               --realisation weights --json";
    let words: Vec<_> = run.split_whitespace().collect();
    let record = json(&folder.wfr(&words).succeeded());
    let runs = record["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert!(runs[2]["particles"].as_u64().unwrap() < 20_000);
}

/// The spectral gap of a normal law is 1: KL decays at the rate 2, and at 2 (1 + λ) with a reaction.
#[test]
fn gap_measures_rates_beside_the_spectral_gap() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let run = "gap standard-normal --dim 1 -n 2e5 --steps 256 --time 1 --ess-every 4 --looks 16 \
               --initial normal(mean=-1.5,sd=0.6) --reaction-rate 2 --density-estimator grid \
               --bandwidth 0.05";
    let run: Vec<_> = run.split_whitespace().collect();
    let done = folder.wfr(&[&run[..], &["--plot", "gap.png"]].concat()).succeeded();
    for word in ["rate of KL", "Langevin", "WFR", "spectral gap"] {
        assert!(done.out.contains(word), "{word}: {}", done.out);
    }
    assert!(std::fs::metadata(folder.path("gap.png")).unwrap().len() > 10_000);
    let record = json(&folder.wfr(&[&run[..], &["--json"]].concat()).succeeded());
    assert!((record["spectral_gap"].as_f64().unwrap() - 1.0).abs() < 0.01);
    for (flow, theory) in [(0, 2.0), (1, 6.0)] {
        let flow = &record["flows"][flow];
        assert!((flow["theory"].as_f64().unwrap() - theory).abs() < 0.02);
        // The population is still on its way: rates near the end differ from the last one.
        let rate = flow["rate"].as_f64().unwrap();
        assert!((rate / theory - 1.0).abs() < 0.3, "{rate} is far from {theory}");
        assert_eq!(flow["time"].as_array().unwrap().len(), 17);
    }
    let refused = folder.wfr(&["gap", "many-well", "--dim", "4"]);
    refused.failed_with(2, &["wfr gap needs a grid", "4 dimensions"]);
}

#[test]
fn the_demo_prints_a_table_and_draws_a_picture() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let done = folder.wfr(&["demo", "-n", "5000", "--steps", "40", "--out", "here"]).succeeded();
    assert!(done.out.contains("0.4527") && done.out.contains("5.7422"), "{}", done.out);
    assert!(done.out.contains("wfr-demo.png"));
    // Like beside like: both columns come from one start.
    assert!(done.out.contains("Both runs start around the left well"), "{}", done.out);
    let picture = std::fs::read(folder.path("here/wfr-demo.png")).unwrap();
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
}

#[test]
fn the_bench_reports_every_row() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let run = ["bench", "-n", "300", "--repeats", "1", "--json"];
    let record = json(&folder.wfr(&run).succeeded());
    assert_eq!(record["stepping"].as_array().unwrap().len(), 4);
    assert_eq!(record["resampling"].as_array().unwrap().len(), 4);
    for row in record["stepping"].as_array().unwrap() {
        assert!(row["wall_ns"].as_f64().unwrap() > 0.0, "{row}");
    }
}

#[test]
fn lists_are_complete() {
    let folder = Folder::new();
    let targets = folder.wfr(&["targets"]).succeeded().out;
    for entry in wfr::catalogue() {
        assert!(targets.contains(entry.name) && targets.contains(entry.formula));
    }
    let records: Value =
        serde_json::from_str(&folder.wfr(&["targets", "--json"]).succeeded().out).unwrap();
    assert_eq!(records.as_array().unwrap().len(), wfr::catalogue().len());
    if has_adapter() {
        let adapters = folder.wfr(&["adapters"]).succeeded().out;
        assert!(adapters.contains("largest N") && adapters.lines().count() > 3, "{adapters}");
    } else {
        assert_eq!(folder.wfr(&["adapters"]).code, 3);
    }
}

/// Normal data of two columns with a standard normal prior; `factor` is their precision.
const MEAN: &str = "\
@group(1) @binding(1) var<storage, read> y: array<f32>;
@group(1) @binding(0) var<storage, read> factor: array<f32>;
override y_rows: u32;
override y_columns: u32;
fn log_density(x: Point) -> f32 {
    var sum = -0.5 * dot(x, x);
    for (var n = 0u; n < y_rows; n++) {
        let off = vec2<f32>(y[n * y_columns], y[n * y_columns + 1u]) - x;
        sum -= 0.5 * factor[0] * dot(off, off);
    }
    return sum;
}
fn score(x: Point) -> Point {
    var sum = -x;
    for (var n = 0u; n < y_rows; n++) {
        sum += factor[0] * (vec2<f32>(y[n * y_columns], y[n * y_columns + 1u]) - x);
    }
    return sum;
}
";

/// The same numbers from every kind of file are the same run, and its mean is that of the data.
#[test]
fn data_reach_the_target_from_every_kind_of_file() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("mean.wgsl", MEAN);
    let y = [[2.0_f64, -1.0], [1.0, 0.5], [3.0, -2.5]];
    folder.write("y.csv", "a,b\n2,-1\n1,0.5\n3,-2.5\n");
    folder.write("one.csv", "factor,other\n2,x\n");
    // The rows of y, and its columns one after another.
    let file = |name: &str, order: npyz::Order, values: &[f64]| {
        let file = std::fs::File::create(folder.path(name)).unwrap();
        let options = npyz::WriteOptions::new().default_dtype().shape(&[3, 2]).order(order);
        let mut writer = options.writer(file).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    };
    file("c.npy", npyz::Order::C, &y.concat());
    file("f.npy", npyz::Order::Fortran, &[2.0, 1.0, 3.0, -1.0, 0.5, -2.5]);
    let mut npz = npyz::npz::NpzWriter::create(folder.path("all.npz")).unwrap();
    for (name, shape, values) in
        [("y", &[3, 2][..], y.concat()), ("factor", &[][..], vec![2.0]), ("z", &[1], vec![0.0])]
    {
        let mut writer = npz
            .array(name, Default::default())
            .unwrap()
            .default_dtype()
            .shape(shape)
            .begin_nd()
            .unwrap();
        writer.extend(values).unwrap();
        writer.finish().unwrap();
    }
    drop(npz);

    let run = |data: &[&str]| {
        let data = data.iter().flat_map(|data| ["--data", data]);
        let arguments = ["sample", "mean.wgsl", "--dim", "2", "-n", "4096", "--json"];
        let record =
            json(&folder.wfr(&arguments.into_iter().chain(data).collect::<Vec<_>>()).succeeded());
        (record["mean"].clone(), record["mean_se"].clone(), record["log_normalizer"].clone())
    };
    let first = run(&["y=y.csv", "one.csv"]);
    for data in [
        &["y=c.npy", "factor=one.csv"][..],
        &["factor=all.npz", "y=f.npy"],
        &["all.npz"],
        &["y=all.npz:y", "factor=one.csv:factor"],
    ] {
        assert_eq!(run(data), first, "{data:?}");
    }
    for k in 0..2 {
        // Precision 1 of the prior, and 2 for each of the three.
        let exact = 2.0 * y.iter().map(|row| row[k]).sum::<f64>() / 7.0;
        let (mean, se) = (first.0[k].as_f64().unwrap(), first.1[k].as_f64().unwrap());
        assert!((mean - exact).abs() < 4.0 * se && se < 0.05, "{mean} ± {se} against {exact}");
    }
}

/// Whatever the schedule, log Z is the target's; the report and the record say which it was.
#[test]
fn schedules_are_chosen_by_name_or_file() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let lines: Vec<_> =
        (0..=40).map(|k| format!("{} {}\n", 0.05 * f64::from(k), f64::from(k) / 40.0)).collect();
    folder.write("beta.txt", &lines.concat());
    let run = |options: &[&str]| {
        let sample = ["sample", "double-well", "--set", "a=4", "-n", "2e4"];
        folder.wfr(&[&sample[..], options].concat())
    };
    for (options, steps, expected) in [
        (&["--schedule", "power:2", "--steps", "64"][..], 64, "power:2"),
        (&["--schedule", "sigmoid:6", "--steps", "64"], 64, "sigmoid:6"),
        (&["--first-step", "0.01", "--steps", "64"], 64, "linear, steps growing from 0.01"),
        (&["--schedule", "beta.txt"], 40, "beta.txt"),
    ] {
        let record = json(&run(&[options, &["--json"]].concat()).succeeded());
        assert_eq!((&record["schedule"], &record["steps"]), (&expected.into(), &steps.into()));
        let off = record["log_normalizer"].as_f64().unwrap()
            - record["truth"]["log_normalizer"].as_f64().unwrap();
        let se = record["log_normalizer_se"].as_f64().unwrap();
        assert!(off.abs() < 5.0 * se, "{expected}: {off} with error {se}");
    }
    let done = run(&["--schedule", "power:2", "--steps", "16"]).succeeded();
    assert!(done.out.contains("16 steps to time 4, schedule power:2, seed 0"), "{}", done.out);
}

/// Masses of modes in the report and in the record: those of the target, and around centres.
#[test]
fn modes_are_told_with_their_ancestors() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("centres.txt", "-1 0\n1 0\n");
    let sample = |options: &[&str]| folder.wfr(&[&QUICK[..12], options].concat()).succeeded();
    let text = sample(&[]).out;
    for word in ["mode", "x0 < 0", "x0 > 0", "exact", "ancestors", "effectively", "largest share"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let record = json(&sample(&["--json"]));
    assert_eq!(record["warnings"], serde_json::json!([]));
    let right = &record["modes"][1];
    assert_eq!(
        (&right["name"], &right["exact"]),
        (&"x0 > 0".into(), &record["truth"]["right_mass"])
    );
    assert!(right["effective_ancestors"].as_f64().unwrap() > 100.0);
    for (mode, whole) in [("mass", "right_mass"), ("mass_se", "right_mass_se")] {
        let (mode, whole) = (right[mode].as_f64().unwrap(), record[whole].as_f64().unwrap());
        assert!((mode - whole).abs() < 1e-9, "{mode} is not {whole}");
    }

    let record = json(&sample(&["--mode-centres", "centres.txt", "--json"]));
    assert_eq!(record["modes"][0]["name"], "1 (-1.00, 0.00)");
    assert_eq!(record["modes"][0]["exact"], Value::Null);

    // Everybody is deep in the left well, and nothing carries them.
    let stuck = ["--set", "a=80", "--flow", "langevin", "--initial", "normal(mean=[-1,0], sd=0.1)"];
    let well = ["sample", "double-well", "-n", "1e4", "--time", "0.1"];
    let stuck = folder.wfr(&[&well[..], &stuck].concat());
    let told = "1 mode rests on few time-zero ancestors (effective numbers): x0 > 0 on none";
    assert!(stuck.err.contains(told), "{}", stuck.err);
    let record = folder.wfr(&["sample", "ring", "-n", "1000", "--steps", "8", "--json"]);
    assert_eq!(json(&record.succeeded())["modes"], serde_json::json!([]));
}

/// A gradient flow tells log Z by its transition mixture alone; what its weights sum to is not it.
#[test]
fn a_gradient_flow_tells_log_z_by_the_transition_mixture() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let run = |estimator: &str, more: &[&str]| {
        let of =
            "sample double-well --flow wfr --set a=4 -n 2000 --steps 40 --time 2 --ess-every 2";
        let mut words: Vec<_> = of.split(' ').collect();
        words.extend(["--density-estimator", estimator]);
        words.extend(more);
        folder.wfr(&words).succeeded()
    };
    let record = json(&run("transition", &["--json"]));
    let log_z = record["log_normalizer"].as_f64().unwrap();
    // 2000 particles, weights of size 1, and the scatter of estimates.
    let truth = record["truth"]["log_normalizer"].as_f64().unwrap();
    assert!((log_z - truth).abs() < 0.1, "{log_z} is not {truth}");
    assert_eq!(record["reaction"]["estimates"], 21);
    assert_eq!(record["reaction"]["density_estimator"], "transition");
    assert!(run("transition", &[]).out.contains("log Z"));

    let record = json(&run("grid", &["--json", "--bandwidth", "0.1", "--realisation", "jumps"]));
    assert!(record["log_normalizer"].is_null() && record["log_normalizer_se"].is_null());
    assert_eq!(record["reaction"]["bandwidth"], "0.1");
    assert_eq!(record["reaction"]["splitting"], "transport-first");
    assert_eq!(record["ess_threshold"], 1.0);
    assert!(!run("grid", &[]).out.contains("log Z"));
}

/// Stages are told in words and in the record.
#[test]
fn an_adaptive_schedule_is_chosen_by_name() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let sample = ["sample", "double-well", "--set", "a=4", "-n", "2e4", "--schedule"];
    let run = |options: &[&str]| folder.wfr(&[&sample[..], options].concat());
    let record = json(&run(&["adaptive:0.9", "--stage-moves", "8", "--json"]).succeeded());
    assert_eq!(
        (&record["schedule"], &record["ess_every"]),
        (&"adaptive:0.9".into(), &Value::from(8))
    );
    let stages = record["stages"].as_u64().unwrap();
    assert_eq!(record["steps"].as_u64(), Some(8 * stages));
    let betas: Vec<_> =
        record["betas"].as_array().unwrap().iter().map(|b| b.as_f64().unwrap()).collect();
    assert_eq!(betas.len() as u64, stages + 1);
    assert!(betas[0] == 0.0 && betas[stages as usize] == 1.0);
    assert!(betas.windows(2).all(|pair| pair[0] < pair[1]), "{betas:?}");
    let off = record["log_normalizer"].as_f64().unwrap()
        - record["truth"]["log_normalizer"].as_f64().unwrap();
    assert!(off.abs() < 5.0 * record["log_normalizer_se"].as_f64().unwrap(), "{off}");

    let done = run(&["adaptive", "--time", "1", "--steps", "50"]).succeeded();
    assert!(done.out.contains(", schedule adaptive:0.95 in "), "{}", done.out);
    assert!(done.out.contains(" stages, seed 0, on "), "{}", done.out);
    run(&["adaptive", "--max-stages", "2"]).failed_with(1, &["max_stages = 2 at β = "]);
}
