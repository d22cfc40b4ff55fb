//! The window itself, on a virtual display.

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::{FORMAT, gpu, required, say};
use wfr::{Config, Flow, Gpu, Initial, Problem, Schedule, Target};
use wfr_view::{Camera, Look, Picture, Playback, Scene};

/// A display of its own, which ends with the test.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// `None`, having said so, where there is no Xvfb and none is required.
    fn open() -> Option<Display> {
        let server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut server = match server {
            Ok(server) => server,
            Err(error) => {
                assert!(!required(), "WFR_TEST_ADAPTER=require, but Xvfb does not start: {error}");
                say(&format!("SKIPPED, a test of the window: Xvfb does not start: {error}"));
                return None;
            }
        };
        let mut number = String::new();
        let told = server.stdout.take().expect("its output is piped");
        BufReader::new(told).read_line(&mut number).unwrap();
        Some(Display { server, name: format!(":{}", number.trim()) })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_wfr-view"))
            .args(arguments)
            .env("DISPLAY", &self.name)
            .env_remove("WAYLAND_DISPLAY")
            .output()
            .unwrap()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A picture of the window, whose canvas begins at (52, 14) and ends 310 + 14 from the right and 34
/// from below.
struct Shot {
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Shot {
    fn open(path: &Path) -> Shot {
        let file = BufReader::new(std::fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        Shot { width: info.width, height: info.height, bytes }
    }

    /// The largest channel in a square of the canvas about a share of it, on average over pixels.
    fn light(&self, [x, y]: [f64; 2]) -> f64 {
        let (left, top) = (52.0, 14.0);
        let (right, bottom) = (f64::from(self.width) - 324.0, f64::from(self.height) - 34.0);
        let middle = [left + x * (right - left), top + y * (bottom - top)].map(|x| x as u32);
        let mut sum = 0.0;
        for row in middle[1] - 8..middle[1] + 8 {
            for column in middle[0] - 8..middle[0] + 8 {
                let at = 3 * (row * self.width + column) as usize;
                sum += f64::from(*self.bytes[at..at + 3].iter().max().unwrap());
            }
        }
        sum / 256.0
    }
}

/// The camera of the window after so many steps of the run of the test.
fn camera(gpu: &Gpu, steps: u32) -> Camera {
    let target = Target::double_well(2).unwrap().set("a", 40.0).unwrap();
    let initial = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0]).unwrap();
    let problem = Problem::new(target, initial, Flow::annealed()).unwrap();
    let schedule = Schedule::uniform(4.0, 200).unwrap();
    let config = Config { particles: 30_000, seed: 3, schedule, ..Config::default() };
    let mut playback = Playback::new(gpu.clone(), problem, config).unwrap();
    playback.advance(steps).unwrap();
    let (look, nowhere) = (Look::new(2, 30_000), Camera { centre: [0.0; 2], extent: [1.0; 2] });
    let picture = Picture::new(playback.sampler(), playback.info(), &nowhere, &look, [1, 1]);
    let glances = Scene::new(&gpu.device, FORMAT).glance(gpu, &picture).unwrap();
    Camera::fit(&glances, true).unwrap()
}

const RUN: [&str; 15] = [
    "double-well",
    "--set",
    "a=40",
    "--mean",
    "-1,0",
    "--sd",
    "1",
    "--particles",
    "3e4",
    "--steps",
    "200",
    "--seed",
    "3",
    "--size",
    "1000x700",
];

#[test]
fn the_window_shows_both_wells_and_nothing_between_them() {
    let (Some(gpu), Some(display)) = (gpu(), Display::open()) else { return };
    let folder = tempfile::tempdir().unwrap();
    for style in [&[][..], &["--points"]] {
        let lights = [0, 200].map(|after| {
            let path = folder.path().join("shot.png");
            let shot = ["--screenshot", path.to_str().unwrap(), "--after", &after.to_string()];
            let output = display.run(&[&RUN[..], &shot, style].concat());
            assert!(output.status.success(), "{output:?}");
            assert!(output.stderr.is_empty(), "{output:?}");
            let shot = Shot::open(&path);
            assert_eq!((shot.width, shot.height), (1000, 700));
            let camera = camera(&gpu, after);
            // The wells' places, the barrier, and the picture's corners.
            let places = [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]].map(|at| camera.place(at));
            let corners = [[0.03, 0.12], [0.97, 0.12], [0.03, 0.97], [0.97, 0.85]];
            (places.map(|place| shot.light(place)), corners.map(|place| shot.light(place)))
        });
        let [(first, _), (last, corners)] = lights;
        // At first all are about the left well, and the barrier is nearer to them than the right.
        assert!(first[0] > first[2] && first[2] > first[1] && first[2] > 60.0, "{first:?}");
        assert!(last[0].min(last[1]) > 90.0, "wells are dark: {last:?}");
        assert!(last[2] < 40.0, "the barrier is not dark: {last:?}");
        // The ground's largest channel is 18; grid lines may cross.
        assert!(corners.iter().all(|light| *light < 26.0), "corners are not dark: {corners:?}");
    }
}

#[test]
fn what_fails_closes_the_window_and_tells_why() {
    let (Some(_), Some(display)) = (gpu(), Display::open()) else { return };
    let shot = ["--screenshot", "/no/such/folder/a.png", "--after", "0"];
    let output = display.run(&[&RUN[..], &shot].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: /no/such/folder/a.png cannot be written: "), "{text}");

    let output = display.run(&["ring", "--adapter", "abacus"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.starts_with("error: no adapter that draws on this window is called 'abacus'"),
        "{text}"
    );

    let output = display.run(&["ring", "--particles", "4e9"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text, "error: particles = 4000000000 is not between 1 and 134217728\n");

    let shot = ["--screenshot", "a.png"];
    let nothing = ["--density", "log(-1 - x0^2) - x1^2", "--dim", "2", "--particles", "1000"];
    let output = display.run(&[&nothing[..], &shot].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: all weights are zero"), "{text}");

    let output = display.run(&["ring", "--axes", "0,2"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("error: the axis x2 is none of the 2 coordinates"), "{text}");

    let nowhere = Display { server: Command::new("true").spawn().unwrap(), name: "".into() };
    let output = nowhere.run(&["ring"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.starts_with("error: no window can be opened: "), "{text}");
}
