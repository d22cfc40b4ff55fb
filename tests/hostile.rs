//! Hostile input: every reader of outside data takes whatever comes, without a panic, a hang or
//! memory that grows with what a header claims.

#[path = "hostile/entries.rs"]
mod entries;

#[test]
fn probe() {
    let name = std::env::var("PROBE_ENTRY").unwrap();
    let bytes = std::fs::read(std::env::var("PROBE_FILE").unwrap()).unwrap();
    let (_, entry) = entries::ENTRIES.into_iter().find(|(known, _)| *known == name).unwrap();
    entry(&bytes);
}

#[test]
fn say() {
    let bytes = std::fs::read(std::env::var("PROBE_FILE").unwrap()).unwrap();
    let text = str::from_utf8(&bytes[1..]).unwrap();
    let dim = 1 + u32::from(bytes[0] % 8);
    let t = std::time::Instant::now();
    let linked = wfr::wgsl::Linked::new([wfr::wgsl::Source::new("p", if dim == 2 {"const DIM=2u; alias Point=vec2<f32>;"} else {""}), wfr::wgsl::Source::new("h", text)]);
    let r = linked.check().map(|_| ());
    eprintln!("check {:?} {:?}", t.elapsed(), r.map_err(|e| e.to_string().chars().take(300).collect::<String>()));
    let t = std::time::Instant::now();
    if std::env::var("DERIVE").is_ok() {
        let m = linked.check().unwrap();
        let t = std::time::Instant::now();
        let r = wfr::autodiff::gradient(&m, "log_density");
        eprintln!("gradient {:?} {:?}", t.elapsed(), r.map(|d| d.mode));
        let t = std::time::Instant::now();
        let e = wfr::autodiff::Evaluator::new(&m, "log_density").and_then(|e| e.evaluate(&[0.3;2], &[]));
        eprintln!("evaluate {:?} {:?}", t.elapsed(), e.map(|e| e.value));
    }
    let initial = wfr::Initial::normal(&vec![0.0; dim as usize], &vec![1.0; dim as usize]).unwrap();
    let r = wfr::Target::from_wgsl(dim, "h", text).and_then(|t| wfr::Problem::new(t, initial, wfr::Flow::annealed())).map(|_| ());
    eprintln!("problem {:?} {:?}", t.elapsed(), r.map_err(|e| e.to_string().chars().take(300).collect::<String>()));
}
