//! What the shaders draw beside what the host computes.

mod common;

use common::{Drawing, gpu, placed};
use wfr::{Config, Flow, Initial, Problem, Target};
use wfr_view::{Axis, Camera, Glance, Look, Playback, Style};

const CAMERA: Camera = Camera { centre: [1.0, -0.5], extent: [8.0, 6.0] };
const SIZE: [u32; 2] = [400, 300];

/// What a particle of the largest weight adds to its cell.
const ONE: u64 = 1 << 20;

/// Numbers in [0, 1), the same in every run (Weyl's sequence of an irrational).
fn shares(step: f64) -> impl Iterator<Item = f64> {
    (1..).map(move |i| (f64::from(i) * step).fract())
}

/// Where the camera sees a particle, in pixels from the top left.
fn pixel(camera: &Camera, at: [f32; 2]) -> [f64; 2] {
    let place = camera.place(at.map(f64::from));
    [place[0] * f64::from(SIZE[0]), place[1] * f64::from(SIZE[1])]
}

fn points(radius: f32) -> Look {
    Look { style: Style::Points, radius, opacity: 1.0, ..Look::new(2, 1000) }
}

fn cells(side: f32) -> Look {
    Look { style: Style::Density, cell: side, weighted: false, ..Look::new(2, 1000) }
}

#[test]
fn points_are_where_the_host_projects_them_and_nowhere_else() {
    let Some(gpu) = gpu() else { return };
    // The last two are out of sight.
    let places = [[1.0, -0.5], [-2.7, 2.2], [4.5, 2.0], [0.3, -3.1], [9.0, 0.0], [1.0, 4.0]];
    let playback = placed(&gpu, &places, &[0.0; 6]);
    let radius = 3.0;
    let drawing = Drawing::new(&playback, &CAMERA, &points(radius), SIZE);
    let projected = places.map(|at| pixel(&CAMERA, at));
    let mut lit = 0;
    for ([x, y], colour) in drawing.pixels() {
        let middle = [f64::from(x) + 0.5, f64::from(y) + 0.5];
        let near = |at: &[f64; 2]| (at[0] - middle[0]).hypot(at[1] - middle[1]);
        let nearest = projected.iter().map(near).fold(f64::INFINITY, f64::min);
        // Opaque inside, dark outside, and between over one pixel; a thousandth for rounding.
        let share = (f64::from(radius) + 0.5 - nearest).clamp(0.0, 1.0);
        let expected = 255.0 * share;
        let off = (f64::from(colour[0]) - expected).abs();
        assert!(off <= 1.5, "pixel ({x}, {y}) is {colour:?}, {nearest} from a particle");
        lit += u32::from(colour[0] > 0);
    }
    assert!((4 * 30..=4 * 50).contains(&lit), "{lit} pixels for four particles");
}

#[test]
fn weights_are_opacity_in_units_of_their_mean() {
    let Some(gpu) = gpu() else { return };
    let places = [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [2.0, 0.0]];
    // Relative to the mean: 0.4, 0.8, 2.8 and 0.
    let log_weights = [0.1_f32.ln(), 0.2_f32.ln(), 0.7_f32.ln(), f32::NEG_INFINITY];
    let playback = placed(&gpu, &places, &log_weights);
    let look = Look { opacity: 0.5, ..points(4.0) };
    let red = |look: &Look| {
        let drawing = Drawing::new(&playback, &CAMERA, look, SIZE);
        places.map(|at| {
            let [x, y] = pixel(&CAMERA, at);
            drawing.pixel(x as u32, y as u32)[0]
        })
    };
    let [light, middle, heavy, none] = red(&look);
    assert!(light.abs_diff(51) <= 1 && middle.abs_diff(102) <= 1, "{light}, {middle}");
    assert_eq!((heavy, none), (255, 0));
    // A particle of weight zero is none, even where weights do not count.
    let alike = red(&Look { weighted: false, ..look });
    assert!(alike[..3].iter().all(|red| red.abs_diff(128) <= 1), "{alike:?}");
    assert_eq!(alike[3], 0);
}

#[test]
fn families_have_the_colours_of_their_ancestors() {
    let Some(gpu) = gpu() else { return };
    let places: Vec<[f32; 2]> = (0..20).map(|i| [i as f32 * 0.3 - 2.0, -0.5]).collect();
    let playback = placed(&gpu, &places, &[0.0; 20]);
    let look = Look { families: true, ..points(3.0) };
    let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);
    for (ancestor, at) in (0_u32..).zip(&places) {
        let hue = f64::from(ancestor.wrapping_mul(2_654_435_769)) / 2_f64.powi(32);
        let [x, y] = pixel(&CAMERA, *at);
        let drawn = drawing.pixel(x as u32, y as u32);
        for (channel, drawn) in drawn[..3].iter().enumerate() {
            let angle = std::f64::consts::TAU * (hue - channel as f64 / 3.0);
            let expected = 255.0 * (0.62 + 0.38 * angle.cos());
            // WGSL promises 2⁻¹¹ of the cosine, and a channel is rounded to a whole number.
            let off = (f64::from(*drawn) - expected).abs();
            assert!(off <= 1.0, "ancestor {ancestor}, channel {channel}: {drawn}, not {expected}");
        }
    }
}

#[test]
fn fewer_points_are_every_so_manyth_particle() {
    let Some(gpu) = gpu() else { return };
    let places: Vec<[f32; 2]> = (0..7).map(|i| [i as f32 - 2.5, 0.0]).collect();
    let playback = placed(&gpu, &places, &[0.0; 7]);
    let look = Look { most_points: 3, ..points(3.0) };
    let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);
    let lit: Vec<bool> = places
        .iter()
        .map(|at| {
            let [x, y] = pixel(&CAMERA, *at);
            drawing.pixel(x as u32, y as u32)[0] > 0
        })
        .collect();
    assert_eq!(lit, [true, false, false, true, false, false, true]);
}

/// Particles inside the cells of a picture of so many columns and rows, away from their edges where
/// single precision decides, and how many are in each cell; a tenth of the particles is outside.
fn scattered(count: usize, [columns, rows]: [u32; 2]) -> (Vec<[f32; 2]>, Vec<u64>) {
    let mut counts = vec![0; (columns * rows) as usize];
    let (mut a, mut b) = (shares(0.754_877_666_2), shares(0.569_840_290_9));
    let places = (0..count).map(|i| {
        let (a, b) = (a.next().unwrap(), b.next().unwrap());
        // More in the middle.
        let column = (f64::from(columns) * (0.5 + 4.0 * (a - 0.5).powi(3))) as u32;
        let row = (f64::from(rows) * b) as u32;
        let within = 0.2 + 0.6 * (a * 1000.0).fract();
        let mut place = [
            (f64::from(column) + within) / f64::from(columns),
            (f64::from(row) + within) / f64::from(rows),
        ];
        if i % 10 == 9 {
            place[i / 10 % 2] += if i % 20 == 19 { 1.0 } else { -1.0 };
        } else {
            counts[(row * columns + column) as usize] += 1;
        }
        CAMERA.at(place).map(|x| x as f32)
    });
    (places.collect(), counts)
}

#[test]
fn cells_count_every_particle_once() {
    let Some(gpu) = gpu() else { return };
    for count in [1, 255, 257, 70_001] {
        let (places, counts) = scattered(count, [40, 30]);
        let playback = placed(&gpu, &places, &vec![0.0; count]);
        let drawing = Drawing::new(&playback, &CAMERA, &cells(10.0), SIZE);
        assert_eq!(drawing.picture.cells(), [40, 30]);
        let expected: Vec<u64> = counts.into_iter().map(|count| count * ONE).collect();
        assert!(drawing.masses(&gpu) == expected, "{count} particles");
    }
}

#[test]
fn more_particles_than_one_dimension_of_workgroups_are_all_counted() {
    let Some(gpu) = gpu() else { return };
    let target = Target::standard_normal(1).unwrap();
    let initial = Initial::normal(&[0.0], &[1.0]).unwrap();
    let problem = Problem::new(target, initial, Flow::langevin()).unwrap();
    let particles = 65_535 * 256 + 1000;
    let playback =
        Playback::new(gpu.clone(), problem, Config { particles, ..Config::default() }).unwrap();
    // All of them are within 200 of zero.
    let camera = Camera { centre: [0.0; 2], extent: [400.0; 2] };
    let look = Look { axes: Axis::first_two(1), ..cells(200.0) };
    let masses = Drawing::new(&playback, &camera, &look, SIZE).masses(&gpu);
    assert_eq!(masses.iter().sum::<u64>(), u64::from(particles) * ONE);
}

#[test]
fn a_cell_holds_more_than_a_word() {
    let Some(gpu) = gpu() else { return };
    // 4096 particles are 2³².
    let count = 20_000;
    let playback = placed(&gpu, &vec![[1.02, -0.52]; count], &vec![0.0; count]);
    let masses = Drawing::new(&playback, &CAMERA, &cells(10.0), SIZE).masses(&gpu);
    assert_eq!(masses.iter().sum::<u64>(), count as u64 * ONE);
    assert_eq!(masses.iter().filter(|mass| **mass > 0).count(), 1);
}

#[test]
fn cells_hold_the_weights() {
    let Some(gpu) = gpu() else { return };
    let count = 5000;
    let (places, _) = scattered(count, [40, 30]);
    let mut log_weights: Vec<f32> =
        shares(0.618_033_988_7).map(|u| (8.0 * u - 5.0) as f32).take(count).collect();
    log_weights[17] = f32::NEG_INFINITY;
    let playback = placed(&gpu, &places, &log_weights);
    let look = Look { weighted: true, ..cells(10.0) };
    let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);

    let kept = pollster::block_on(playback.sampler().particles()).unwrap();
    let peak = kept.log_weights().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut expected, mut within) = (vec![0.0; 1200], vec![0.0; 1200]);
    for (at, log_weight) in places.iter().zip(kept.log_weights()) {
        let place = CAMERA.place(at.map(f64::from));
        if place.iter().all(|share| (0.0..1.0).contains(share)) {
            let cell = (30.0 * place[1]) as usize * 40 + (40.0 * place[0]) as usize;
            let weight = f64::from(log_weight - peak).exp() * ONE as f64;
            expected[cell] += weight;
            // Half a unit by rounding, and exp to (3 + 2 |x|) units in the last place (WGSL).
            within[cell] += 0.5 + weight * 2_f64.powi(-23) * (3.0 + 16.0);
        }
    }
    for (cell, mass) in drawing.masses(&gpu).into_iter().enumerate() {
        let off = (mass as f64 - expected[cell]).abs();
        assert!(off <= within[cell], "cell {cell} holds {mass}, not {}", expected[cell]);
    }
}

/// matplotlib's inferno at eighths, its first stop lifted to the window's ground (11, 12, 18).
const PALETTE: [[f64; 3]; 9] = [
    [11.0, 12.0, 18.0],
    [31.0, 12.0, 72.0],
    [85.0, 15.0, 109.0],
    [136.0, 34.0, 106.0],
    [186.0, 54.0, 85.0],
    [227.0, 89.0, 51.0],
    [249.0, 142.0, 9.0],
    [249.0, 203.0, 53.0],
    [252.0, 255.0, 164.0],
];

/// The colours of masses in so many columns and rows, on a picture of SIZE, from the definitions.
fn density(masses: &[u64], [columns, rows]: [u32; 2], floor: f64) -> Vec<[f64; 3]> {
    // The quadratic B-spline, of support −3/2 to 3/2.
    let spline = |x: f64| match x.abs() {
        x if x <= 0.5 => 0.75 - x * x,
        x if x <= 1.5 => 0.5 * (1.5 - x).powi(2),
        _ => 0.0,
    };
    let smooth = |x: f64, y: f64| {
        let mut sum = 0.0;
        for row in y as i64 - 2..=y as i64 + 2 {
            for column in x as i64 - 2..=x as i64 + 2 {
                let held = |cell: i64, count: u32| cell.clamp(0, i64::from(count) - 1) as usize;
                let mass = masses[held(row, rows) * columns as usize + held(column, columns)];
                let away = [x - column as f64 - 0.5, y - row as f64 - 0.5];
                sum += spline(away[0]) * spline(away[1]) * mass as f64;
            }
        }
        sum
    };
    let middles = (0..columns * rows).map(|i| [i % columns, i / columns]);
    let middles = middles.map(|[column, row]| smooth(column as f64 + 0.5, row as f64 + 0.5));
    let brightest = middles.fold(0.0, f64::max);
    let pixels = (0..SIZE[0] * SIZE[1]).map(|i| [i % SIZE[0], i / SIZE[0]]);
    pixels
        .map(|[x, y]| {
            let cells = [(x, columns, SIZE[0]), (y, rows, SIZE[1])];
            let [x, y] = cells.map(|(at, cells, size)| {
                (f64::from(at) + 0.5) / f64::from(size) * f64::from(cells)
            });
            let shade = (1.0 + smooth(x, y) / brightest / floor).ln() / (1.0 + 1.0 / floor).ln();
            let at = 8.0 * shade.min(1.0);
            let below = (at as usize).min(7);
            let share = at - below as f64;
            let mix = |i: usize| PALETTE[below][i] * (1.0 - share) + PALETTE[below + 1][i] * share;
            [mix(0), mix(1), mix(2)]
        })
        .collect()
}

#[test]
fn the_density_has_the_colours_of_its_definition_in_every_pixel() {
    let Some(gpu) = gpu() else { return };
    let (mut places, _) = scattered(20_000, [40, 30]);
    // The brightest place is at the end, where a kernel that stops early does not come.
    places.extend(vec![CAMERA.at([0.99, 0.99]).map(|x| x as f32); 2000]);
    let playback = placed(&gpu, &places, &vec![0.0; places.len()]);
    for (side, count, floor) in [(10.0, [40, 30], 0.1), (1.0, [400, 300], 0.001)] {
        let look = Look { floor, ..cells(side) };
        let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);
        assert_eq!(drawing.picture.cells(), count);
        let expected = density(&drawing.masses(&gpu), count, floor.into());
        for ((at, drawn), expected) in drawing.pixels().zip(expected) {
            for channel in 0..3 {
                // A stop is told to a thousandth, and a channel is rounded to a whole number.
                let off = (f64::from(drawn[channel]) - expected[channel]).abs();
                assert!(off <= 1.0, "{at:?} is {drawn:?}, not {expected:?}, at {side} a cell");
            }
        }
    }
}

#[test]
fn a_picture_of_nothing_is_dark() {
    let Some(gpu) = gpu() else { return };
    let playback = placed(&gpu, &[[1e3, 1e3], [-1e30, 1.0]], &[0.0; 2]);
    for style in [Style::Density, Style::Points] {
        let look = Look { style, ..cells(10.0) };
        let dark = if style == Style::Density { [11, 12, 18, 255] } else { [0, 0, 0, 255] };
        let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);
        assert!(drawing.pixels().all(|(_, pixel)| pixel == dark), "{style:?}");
    }
}

#[test]
fn the_largest_weight_is_found_wherever_it_is() {
    let Some(gpu) = gpu() else { return };
    let count = 70_001;
    for heaviest in [0, 255, 32_768, 65_535, 70_000] {
        let mut log_weights = vec![-3.0; count];
        log_weights[heaviest] = -1.0;
        let playback = placed(&gpu, &vec![[0.0; 2]; count], &log_weights);
        let drawing = Drawing::new(&playback, &CAMERA, &Look::new(2, 1000), SIZE);
        let glances = drawing.scene.glance(&gpu, &drawing.picture).unwrap();
        // Log-weights come back up to a constant, rounded at its size.
        let light = glances.iter().filter(|one| (one.log_weight + 2.0).abs() < 1e-5).count();
        assert!(light >= 1023, "{light} of 1024 are two below particle {heaviest}");
    }
}

#[test]
fn a_glance_is_evenly_chosen_and_exact() {
    let Some(gpu) = gpu() else { return };
    for count in [1, 1000, 1500, 70_001] {
        let (places, _) = scattered(count, [40, 30]);
        let log_weights: Vec<f32> = shares(0.3).map(|u| u as f32).take(count).collect();
        let playback = placed(&gpu, &places, &log_weights);
        let look = Look { axes: [Axis::Coordinate(1), Axis::LogWeight], ..Look::new(2, 1000) };
        let drawing = Drawing::new(&playback, &CAMERA, &look, SIZE);
        let glances = drawing.scene.glance(&gpu, &drawing.picture).unwrap();
        let kept = pollster::block_on(playback.sampler().particles()).unwrap();
        let weights = kept.log_weights();
        let peak = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let expected: Vec<Glance> = (0..1024)
            .map(|i| {
                let i = i * count / 1024;
                let log_weight = weights[i] - peak;
                Glance { at: [places[i][1], log_weight], log_weight }
            })
            .collect();
        assert!(glances == expected, "{count} particles");
    }
}

#[test]
fn particles_that_are_no_numbers_are_not_drawn() {
    let Some(gpu) = gpu() else { return };
    let playback = placed(&gpu, &[[1.0, -0.5]; 3], &[0.0; 3]);
    let sampler = playback.sampler();
    let bits = [f32::NAN, f32::INFINITY, 1.0].map(f32::to_bits);
    gpu.queue.write_buffer(&sampler.buffers().pages[0], 0, bytemuck::cast_slice(&bits));
    let masses = Drawing::new(&playback, &CAMERA, &cells(10.0), SIZE).masses(&gpu);
    assert_eq!(masses.iter().sum::<u64>(), ONE);
    let bits = [0.0, 0.0, f32::NAN].map(f32::to_bits);
    gpu.queue.write_buffer(sampler.buffers().log_weights, 0, bytemuck::cast_slice(&bits));
    let drawing = Drawing::new(&playback, &CAMERA, &cells(10.0), SIZE);
    assert_eq!(drawing.masses(&gpu).iter().sum::<u64>(), 0);
    assert!(drawing.scene.glance(&gpu, &drawing.picture).unwrap().is_empty());
}
