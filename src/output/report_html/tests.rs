//! The page's text, and how a browser shows it.

use std::collections::BTreeSet;

use super::*;
use crate::output::made_up;
use crate::plot::{ANIMATION_CAPTION, Exact, Format, Kind, Scene, animation};

#[path = "../../../tests/common/browser.rs"]
mod browser;

/// Everything a report can have, and text that would be markup.
fn report(kept: &Kept) -> Option<String> {
    let counts = made_up::counts(kept)?;
    let target = wfr::Target::double_well(kept.record.dim).unwrap();
    let exact = Exact::of_target(&target).unwrap();
    let scene = Scene::new(kept, &counts, Some(&exact), None).unwrap();
    let picture = |kind: Kind| {
        let svg = String::from_utf8(kind.draw(&scene, Format::Svg).unwrap()).unwrap();
        Picture { name: kind.name(), caption: kind.caption(), svg }
    };
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_of(&scene));
    let pictures: Vec<Picture> = kinds.map(picture).collect();
    let bytes = animation(kept).unwrap();
    let report = Report {
        kept,
        pictures: &pictures,
        animation: Some((&bytes, ANIMATION_CAPTION)),
        run_file: Some("# {{title}} <script>alert(1)</script>\ndensity = \"a < b & c\"\n"),
        particles: "particles.npz",
    };
    Some(report.html())
}

fn warning(severity: &str, text: &str, option: Option<&str>) -> WarningRecord {
    let (kind, severity, text) = ("so-named".into(), severity.into(), text.into());
    WarningRecord { kind, severity, text, option: option.map(String::from) }
}

#[test]
fn a_report_holds_all_and_is_made_again_bit_by_bit() {
    let mut kept = made_up::double_well(3, 5_000);
    kept.record.warnings = vec![
        warning("doubt", "the <mode> \"left\" hangs on 3 ancestors", Some("--set 'a<b'")),
        warning("note", "moves are short", None),
    ];
    kept.record.modes[0].name = "<img src=x onerror=alert(1)>".into();
    let Some(page) = report(&kept) else { return };
    if let Some(folder) = std::env::var_os("WFR_TEST_PICTURES") {
        std::fs::write(std::path::Path::new(&folder).join("report.html"), &page).unwrap();
    }
    assert!(report(&kept) == Some(page.clone()));
    for expected in [
        "<title>double-well, annealed flow</title>",
        "<li>the &lt;mode&gt; &quot;left&quot; hangs on 3 ancestors; try <code>--set &#39;a&lt;b&#39;</code>",
        "# {{title}} &lt;script&gt;alert(1)&lt;/script&gt;\ndensity = &quot;a &lt; b &amp; c&quot;",
        "&lt;img src=x onerror=alert(1)&gt;",
        "np.load(&quot;particles.npz&quot;)",
        "E x<sub>2</sub><sup>2</sup>",
        "<th scope=\"row\">x<sub>2</sub></th><td>1.000 ± 0.010</td><td>",
        "data:image/png;base64,",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("<script>alert"));
    // Nothing from elsewhere: names of XML are no addresses.
    let mut rest = page.replace("http://www.w3.org/2000/svg", "");
    rest.retain(|letter| letter != '\n');
    assert!(!rest.contains("http:") && !rest.contains("https:") && !rest.contains("url("));
    // Doubts come before all numbers, notes after them.
    assert!(page.find("hangs on 3").unwrap() < page.find("log Z").unwrap());
    assert!(page.find("moves are short").unwrap() > page.rfind("</table>").unwrap());
    assert_eq!(page.matches("<svg ").count(), 6);
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn a_report_is_shown_whole_on_phones_and_screens() {
    if !browser::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let mut kept = made_up::double_well(3, 5_000);
    let long = "a-name-without-a-place-to-break-".repeat(20);
    kept.record.warnings = vec![warning("doubt", &long, Some(&long)), warning("note", &long, None)];
    let Some(page) = report(&kept) else { return };
    std::fs::write(&file, &page).unwrap();
    for width in [390, 1280] {
        assert_eq!(browser::problems(&file, width), [""; 0], "{width}");
    }
    // The same eyes see what is wrong.
    let broken = page
        .replace("data:image/png;base64,iVBOR", "data:image/png;base64,AAAAA")
        .replace("</main>", "<p style=\"width: 2000px\">wide</p><script>lost()</script></main>");
    std::fs::write(&file, broken).unwrap();
    let problems = browser::problems(&file, 1280).join("\n");
    for expected in ["does not decode", "wide", "lost is not defined"] {
        assert!(problems.contains(expected), "{problems}");
    }
}

/// The template asks for what there is, and for all of it.
#[test]
fn every_name_of_the_template_is_filled() {
    let names: BTreeSet<&str> =
        TEMPLATE.split("{{").skip(1).filter_map(|p| Some(p.split_once("}}")?.0)).collect();
    let known = [
        "title",
        "facts",
        "warnings",
        "headline",
        "estimates",
        "distribution",
        "modes",
        "notes",
        "pictures",
        "animation",
        "run_file",
        "python",
        "version",
    ];
    assert_eq!(names, BTreeSet::from(known));
}

#[test]
fn a_flow_without_log_z_tells_none() {
    let mut kept = made_up::double_well(1, 100);
    kept.record.log_normalizer = f64::NAN;
    let report =
        Report { kept: &kept, pictures: &[], animation: None, run_file: None, particles: "a.nc" };
    let page = report.html();
    assert!(!page.contains("log Z") && page.contains("arviz.from_netcdf"));
    assert!(page.contains("no warnings"));
}
