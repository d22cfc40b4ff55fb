use super::*;
#[test]
fn scratch() {
    let text = std::fs::read_to_string("/tmp/scratch.wgsl").unwrap();
    let derived = gradient(&module(&text), "log_density").unwrap();
    println!("{}\n{:?} {}", derived.wgsl, derived.mode, derived.evaluations);
}
