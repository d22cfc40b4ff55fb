use super::*;
#[test]
fn scratch() {
    let text = "alias Point = array<f32, 5>; const DIM = 5u;\n".to_string() + &std::fs::read_to_string("/tmp/bare.wgsl").unwrap();
    let parsed = naga::front::wgsl::parse_str(&text).unwrap();
    println!("{}", gradient(&parsed, "log_density").unwrap().wgsl);
}
