//! Every picture of a run, in both formats.

use wfr::Target;

use super::{Exact, Format, Kind, Scene};
use crate::output::made_up;

/// Where pictures go that somebody wants to look at.
fn look(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("WFR_TEST_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join(name), bytes).unwrap();
    }
}

fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[test]
fn every_picture_has_both_formats_and_stays_small() {
    for dim in [1, 2, 8] {
        let kept = made_up::double_well(dim, 40_000);
        let exact = Exact::of_target(&Target::double_well(dim as u32).unwrap()).unwrap();
        let all: Vec<usize> = (0..dim).collect();
        let Some(counts) = made_up::counts(&kept) else { return };
        let scene = Scene::new(&kept, &counts, Some(&exact), Some(&all)).unwrap();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_of(&scene)) {
            let name = format!("{}-{dim}", kind.name());
            let png = kind.draw(&scene, Format::Png).unwrap();
            let svg = kind.draw(&scene, Format::Svg).unwrap();
            look(&format!("{name}.png"), &png);
            look(&format!("{name}.svg"), &svg);
            assert!(
                svg.len() < 150_000 && png.len() < 400_000,
                "{name} {} {}",
                svg.len(),
                png.len()
            );
            let (width, height, pixels) = decoded(&png);
            let text = String::from_utf8(svg).unwrap();
            assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"), "{name}");
            assert!(text.contains(&format!("viewBox=\"0 0 {width} {height}\"")), "{name}");
            assert!(text.contains("</text>"), "{name}");
            // Ink on white.
            let dark = pixels.chunks(3).filter(|p| p.iter().all(|part| *part < 90)).count();
            assert!(dark > 500 && dark < pixels.len() / 4, "{name} {dark}");
            // Again, bit by bit.
            assert!(kind.draw(&scene, Format::Png).unwrap() == png, "{name}");
        }
        assert_eq!(Kind::Corner.is_of(&scene), dim > 1);
    }
}
