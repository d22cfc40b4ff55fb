//! `wfr plot`: pictures and a report of a run that was kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use wfr::{Gpu, Histograms};

use super::console;
use super::failure::{Done, Failure};
use super::options::DeviceOptions;
use super::run_file::{FILE_NAME, Law, problem_of, refuse_links};
use crate::bounded;
use crate::output::{self, Kept, Picture, Place, Report};
use crate::plot::{self, Counts, Exact, Format, Kind, MOST_COORDINATES, Scene};

const EXAMPLES: &str = "\
Examples:
  wfr sample double-well --out run && wfr plot run
  wfr plot run --kinds corner --coordinates 0,3,5 --format png
  wfr plot run --animate --overwrite

report.html needs no other file and no network. It has the numbers of the run, these pictures with
what to look for in them, the run file, and how to load the particles in Python.";

/// Draws a run that --out has kept: pictures, and a report as one HTML file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of results; pictures and the report go there too.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    #[command(flatten)]
    drawing: Drawing,
    #[command(flatten)]
    device: DeviceOptions,
    /// Replace pictures and the report where they exist.
    #[arg(long)]
    overwrite: bool,
}

/// What to draw.
#[derive(Debug, Args)]
pub(crate) struct Drawing {
    /// The pictures, joined by commas, and no report [default: all that the run has something for, and
    /// report.html].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Their formats, joined by commas.
    #[arg(long, value_name = "NAMES", default_value = "svg", value_delimiter = ',')]
    format: Vec<Format>,
    /// The coordinates to show, up to eight, counted from 0; the density shows the first two
    /// [default: the first four].
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    coordinates: Vec<usize>,
    /// Draw the density as it evolves too, as an animated PNG.
    #[arg(long)]
    animate: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let folder = &arguments.folder;
    refuse_links(folder)?;
    output::recover(folder)?;
    let kept = Kept::read(folder)?;
    let exact = match problem_of(folder) {
        // A run that was stopped is somewhere on its way.
        Ok(_) if !kept.record.complete => None,
        Ok((law, _)) => exact(&law, kept.record.center.as_deref()),
        Err(reason) => {
            log::warn!("{reason}; pictures show nothing exact");
            None
        }
    };
    let gpu = wfr::block_on(async {
        let adapter = wfr::adapter(arguments.device.adapter.as_deref()).await?;
        Gpu::request(&adapter, adapter.limits()).await
    })?;
    let run_file = bounded::text(&folder.join(FILE_NAME), bounded::TEXT).ok();
    let canvas = Canvas { folder, overwrite: arguments.overwrite, run_file };
    let counts = Histograms::new(&gpu, &kept.particles)?;
    let drawn = arguments.drawing.draw(&counts, &canvas, &kept, exact.as_ref())?;
    let lines = drawn.iter().map(|name| format!("{}\n", folder.join(name).display()));
    console::print(&lines.collect::<String>())
}

/// What is known exactly of a law, counted from the center of its run.
fn exact(law: &Law, center: Option<&[f64]>) -> Option<Exact> {
    match law {
        Law::Target(target) => match center {
            Some(center) => Exact::of_target(&target.clone().with_center(center).ok()?),
            None => Exact::of_target(target),
        },
        Law::Composition { composition, last } => Exact::of_composition(composition, *last),
    }
}

/// Where pictures and a report go.
pub(crate) struct Canvas<'a> {
    /// With the particles in it.
    pub(crate) folder: &'a Path,
    pub(crate) overwrite: bool,
    /// The text that the report shows.
    pub(crate) run_file: Option<String>,
}

impl Drawing {
    /// All pictures as SVG, and the animation if asked for.
    pub(crate) fn usual(animate: bool) -> Drawing {
        Drawing { kinds: vec![], format: vec![Format::Svg], coordinates: vec![], animate }
    }

    /// Draws particles that `counts` has, and gives the names of the files made.
    pub(crate) fn draw(
        &self,
        counts: &dyn Counts,
        canvas: &Canvas<'_>,
        kept: &Kept,
        exact: Option<&Exact>,
    ) -> Done<Vec<String>> {
        let Canvas { folder, overwrite, run_file } = canvas;
        let coordinates = self.coordinates(kept.particles.dim())?;
        let scene = Scene::new(kept, counts, exact, coordinates).map_err(Failure::Output)?;
        let kinds = self.kinds(&scene)?;
        if self.animate && !plot::is_animated(kept) {
            return Err(Failure::Usage(
                "--animate needs the population at moments of the run, and none were kept; run it \
                 again with --frames 60"
                    .into(),
            ));
        }
        let mut names = Vec::new();
        for kind in &kinds {
            names.extend(self.format.iter().map(|format| (file(*kind, *format), *format)));
        }
        // All places are checked before anything is drawn.
        let place = |name: &str| {
            let extension = name.rsplit('.').next().unwrap_or_default();
            Place::check(&folder.join(name), extension, *overwrite)
        };
        for (name, _) in &names {
            place(name)?;
        }
        let animated = self.animate.then(|| place(ANIMATION)).transpose()?;
        // A report has all pictures; some of them are no report.
        let report = self.kinds.is_empty().then(|| place(REPORT)).transpose()?;
        let svg = report.is_some().then_some(Format::Svg);

        let failed = |reason: String| Failure::Output(reason);
        let mut pictures = Vec::new();
        for kind in kinds {
            let mut text = None;
            for format in BTreeSet::from_iter(self.format.iter().copied().chain(svg)) {
                let bytes = kind.draw(&scene, format).map_err(failed)?;
                if self.format.contains(&format) {
                    write(&place(&file(kind, format))?, &bytes)?;
                }
                if format == Format::Svg {
                    text = String::from_utf8(bytes).ok();
                }
            }
            let (name, caption) = (kind.name(), kind.caption());
            pictures.extend(text.map(|svg| Picture { name, caption, svg }));
        }
        let animation = animated.map(|place| {
            let bytes = plot::animation(kept).map_err(failed)?;
            write(&place, &bytes).map(|()| bytes)
        });
        let animation = animation.transpose()?;
        let particles = PARTICLES.iter().find(|name| folder.join(name).exists());
        let page = Report {
            kept,
            pictures: &pictures,
            animation: animation.as_deref().map(|bytes| (bytes, plot::ANIMATION_CAPTION)),
            run_file: run_file.as_deref(),
            particles: particles.unwrap_or(&PARTICLES[0]),
        };
        let mut made: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        made.extend(animation.is_some().then(|| ANIMATION.to_string()));
        if let Some(place) = report {
            write(&place, page.html().as_bytes())?;
            made.push(REPORT.into());
        }
        Ok(made)
    }

    /// The coordinates asked for, each of them once and there.
    fn coordinates(&self, dim: usize) -> Done<Option<&[usize]>> {
        let all = &self.coordinates;
        let refuse = |reason: String| Err(Failure::Usage(format!("--coordinates {reason}")));
        if let Some(beyond) = all.iter().find(|axis| **axis >= dim) {
            return refuse(format!(
                "{beyond} is none of the run, which has {dim}; they are counted from 0 to {}",
                dim - 1
            ));
        }
        if all.len() > MOST_COORDINATES {
            let count = all.len();
            return refuse(format!("are {count}; a picture has room for {MOST_COORDINATES}"));
        }
        let distinct: BTreeSet<usize> = all.iter().copied().collect();
        if distinct.len() < all.len() {
            return refuse("name one twice; name each once".into());
        }
        Ok((!all.is_empty()).then_some(all))
    }

    /// The pictures asked for, or all that there are.
    fn kinds(&self, scene: &Scene<'_>) -> Done<Vec<Kind>> {
        let asked: BTreeSet<Kind> = self.kinds.iter().copied().collect();
        if let Some(kind) = asked.iter().find(|kind| !kind.is_of(scene)) {
            return Err(Failure::Usage(format!(
                "--kinds {}: there is no such picture of this run, because {}",
                kind.name(),
                kind.lacks()
            )));
        }
        let wanted = |kind: &Kind| kind.is_of(scene) && (asked.is_empty() || asked.contains(kind));
        Ok(Kind::ALL.into_iter().filter(wanted).collect())
    }
}

const ANIMATION: &str = "animation.png";

const REPORT: &str = "report.html";

/// What a run may call its particles, those first that [`Kept::read`] prefers.
const PARTICLES: [&str; 3] = ["particles.npz", "particles.safetensors", "particles.nc"];

/// All files that drawing may make.
pub(crate) fn all_files() -> Vec<String> {
    let formats = [Format::Svg, Format::Png];
    let kinds = Kind::ALL.iter().flat_map(|kind| formats.map(|format| file(*kind, format)));
    kinds.chain([ANIMATION.to_string(), REPORT.to_string()]).collect()
}

fn file(kind: Kind, format: Format) -> String {
    format!("{}.{}", kind.name(), format.extension())
}

fn write(place: &Place, bytes: &[u8]) -> Done {
    place.fill(|path| fs::write(path, bytes).map_err(|error| error.to_string()))
}
