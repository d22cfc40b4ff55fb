//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use wfr::{Config, Flow, Initial, Problem, Reaction, Schedule, Target};
use wfr_view::{Axis, Failure, Options, Screenshot, Style};

const EXAMPLES: &str = "\
Examples:
  wfr-view double-well --set a=20 --set c=0.1 --mean -1,0 --sd 1 --steps 800
  wfr-view ring --flow wfr --particles 20000 --play
  wfr-view mine.wgsl --dim 8 --axes 2,5
  wfr-view --density '-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2' --dim 2 --set c=0.3
  wfr-view many-well --screenshot well.png --after 200

Keys: space plays or halts, the right arrow makes one ESS test and the steps after it, r begins
again, v switches between density and points, w counts weights or not, f fits the view and follows,
q quits. Drag to pan, turn the wheel to zoom about the pointer.";

/// Draws the particles of a run from where they lie on the GPU, while it goes on.
#[derive(Debug, Parser)]
#[command(name = "wfr-view", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The density: a name from `wfr targets`, or a file ending in .wgsl that defines log_density.
    #[arg(required_unless_present = "density", conflicts_with = "density")]
    target: Option<String>,
    /// The log density as a formula in place of TARGET, with --dim.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true, requires = "dim")]
    density: Option<String>,
    /// The number of dimensions; needed for a .wgsl file and a formula.
    #[arg(long, value_name = "D")]
    dim: Option<u32>,
    /// Sets a parameter of the target; repeat it for more.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting, visible_alias = "param")]
    set: Vec<(String, f64)>,
    /// The mean of the normal law at time zero: a number, or one for each coordinate by commas.
    #[arg(long, value_name = "NUMBERS", default_value = "0", allow_hyphen_values = true)]
    #[arg(value_delimiter = ',')]
    mean: Vec<f32>,
    /// Its standard deviation, likewise.
    #[arg(long, value_name = "NUMBERS", default_value = "2", value_delimiter = ',')]
    sd: Vec<f32>,
    /// The equation that particles follow.
    #[arg(long, value_name = "NAME", default_value = "annealed")]
    flow: FlowName,
    /// How many particles: 100000 or 1e5.
    #[arg(short = 'n', long, value_name = "N", default_value = "1e5", value_parser = count)]
    particles: u32,
    /// How many time steps.
    #[arg(long, value_name = "K", default_value = "400", value_parser = count)]
    steps: u32,
    /// The time at the end; a step takes T / K.
    #[arg(long, value_name = "T", default_value = "4", allow_negative_numbers = true)]
    time: f64,
    /// The seed: same seed and same device, same bits.
    #[arg(long, value_name = "SEED", default_value = "0")]
    seed: u64,
    /// Test the effective sample size every so many steps.
    #[arg(long, value_name = "STEPS", default_value = "16", value_parser = count)]
    ess_every: u32,
    /// The two coordinates that are drawn first: two indices, or an index and w for the log-weight.
    #[arg(long, value_name = "I,J", value_parser = axes)]
    axes: Option<[Axis; 2]>,
    /// Draw points in place of the density.
    #[arg(long)]
    points: bool,
    /// Colour points by their time-zero ancestor; implies --points.
    #[arg(long)]
    families: bool,
    /// Draw all particles alike, whatever their weights.
    #[arg(long)]
    no_weights: bool,
    /// Play at once.
    #[arg(long)]
    play: bool,
    /// The GPU: its number or a part of its name; by default the most able that draws on the
    /// window.
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// Run, write a picture of the window as PNG, and close it.
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Take the screenshot after so many steps, 0 for the initial law; by default at the end.
    #[arg(long, value_name = "STEPS", requires = "screenshot", value_parser = count)]
    after: Option<u32>,
    /// Width and height of the window.
    #[arg(long, value_name = "WxH", default_value = "1200x800", value_parser = size)]
    size: [f32; 2],
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FlowName {
    /// From the initial law to the target along a path of densities, with weights: log Z too.
    Annealed,
    /// Plain Langevin diffusion of the target, without weights.
    Langevin,
    /// The Wasserstein–Fisher–Rao gradient flow of KL: Langevin transport, and mass that teleports.
    Wfr,
}

impl Arguments {
    /// What is sampled, and by which flow.
    pub(crate) fn problem(&self) -> Result<Problem, Failure> {
        let mut target = self.target()?;
        for (name, value) in &self.set {
            target = target.set(name, *value)?;
        }
        let dim = target.dim();
        let initial =
            Initial::normal(&each("--mean", &self.mean, dim)?, &each("--sd", &self.sd, dim)?)?;
        let flow = match self.flow {
            FlowName::Annealed => Flow::annealed(),
            FlowName::Langevin => Flow::langevin(),
            FlowName::Wfr => Flow::wasserstein_fisher_rao(Reaction::default()),
        };
        Ok(Problem::new(target, initial, flow)?)
    }

    fn target(&self) -> Result<Target, Failure> {
        let dim = |what: &str| {
            let message = format!("{what} does not tell its number of dimensions");
            self.dim.ok_or_else(|| Failure::Usage(format!("{message}; add for instance --dim 2")))
        };
        let Some(name) = &self.target else {
            let formula = self.density.as_deref().unwrap_or_default();
            return Ok(Target::from_formula(dim("--density")?, formula)?);
        };
        if !Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("wgsl")) {
            return Ok(Target::named(name, self.dim)?);
        }
        let text = std::fs::read_to_string(name)
            .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
        Ok(Target::from_wgsl(dim(name)?, name, text)?)
    }

    /// The settings of the run.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(Config {
            particles: self.particles,
            seed: self.seed,
            schedule: Schedule::uniform(self.time, self.steps)?,
            ess_every: self.ess_every,
            ..Config::default()
        })
    }

    /// How the window is opened.
    pub(crate) fn window(&self, dim: u32) -> Options {
        let mut options = Options::new(dim, self.particles);
        if let Some(axes) = self.axes {
            options.look.axes = axes;
        }
        if self.points || self.families {
            options.look.style = Style::Points;
        }
        options.look.families = self.families;
        options.look.weighted = !self.no_weights;
        options.playing = self.play;
        options.adapter = self.adapter.clone();
        options.size = self.size;
        let shot = |path: &PathBuf| Screenshot { path: path.clone(), after: self.after };
        options.screenshot = self.screenshot.as_ref().map(shot);
        options
    }
}

/// One number for each coordinate, where one may stand for all.
fn each(option: &str, numbers: &[f32], dim: u32) -> Result<Vec<f32>, Failure> {
    match numbers {
        [one] => Ok(vec![*one; dim as usize]),
        all if all.len() == dim as usize => Ok(all.to_vec()),
        all => Err(Failure::Usage(format!(
            "{option} has {} numbers for {dim} coordinates; give one, or one for each",
            all.len()
        ))),
    }
}

/// A whole number, also as 1e6.
fn count(text: &str) -> Result<u32, String> {
    let value: f64 = text
        .replace('_', "")
        .parse()
        .map_err(|_| "is not a number; write for instance 1000000 or 1e6".to_string())?;
    if value.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&value) {
        return Err(format!("is not a whole number from 0 to {}", u32::MAX));
    }
    Ok(value as u32)
}

/// `NAME=VALUE`.
fn setting(text: &str) -> Result<(String, f64), String> {
    let wrong = || "is not NAME=VALUE with a number; write for instance --set a=20".to_string();
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.trim().to_string(), value.trim().parse().map_err(|_| wrong())?))
}

/// `I,J`, where w is the log-weight.
fn axes(text: &str) -> Result<[Axis; 2], String> {
    let axis = |text: &str| match text.trim() {
        "w" => Ok(Axis::LogWeight),
        index => index.parse().map(Axis::Coordinate).map_err(|_| {
            format!("'{index}' is neither the index of a coordinate nor w; write for instance 0,1")
        }),
    };
    let (first, second) =
        text.split_once(',').ok_or("is not two axes; write for instance 0,1 or 0,w")?;
    Ok([axis(first)?, axis(second)?])
}

/// `WxH`.
fn size(text: &str) -> Result<[f32; 2], String> {
    let wrong = || "is not a size from 640x420 to 16384x16384; write for instance 1200x800";
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let sides = [width, height].map(|side| side.trim().parse::<u16>().unwrap_or(0));
    let fits = (640..=16_384).contains(&sides[0]) && (420..=16_384).contains(&sides[1]);
    if fits { Ok(sides.map(f32::from)) } else { Err(wrong().into()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Arguments {
        Arguments::try_parse_from([&["wfr-view"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_command_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_run_is_as_asked() {
        let arguments = parse(&[
            "double-well",
            "--set",
            "a=20",
            "--mean",
            "-1,0",
            "--sd",
            "1",
            "--particles",
            "2e3",
            "--steps",
            "30",
            "--time",
            "1.5",
            "--seed",
            "7",
            "--flow",
            "wfr",
        ]);
        let (problem, config) = (arguments.problem().unwrap(), arguments.config().unwrap());
        assert_eq!(problem.target().name(), "double-well");
        assert!(problem.target().parameters().contains(&("a", 20.0)));
        assert!(problem.flow().reaction().is_some());
        assert_eq!((config.particles, config.seed), (2000, 7));
        assert_eq!((config.schedule.steps(), config.schedule.time(30)), (30, 1.5));
    }

    #[test]
    fn a_formula_is_a_target() {
        let arguments = parse(&["--density", "-c*x0^2 - x1^2", "--dim", "2", "--param", "c=0.5"]);
        assert_eq!(arguments.problem().unwrap().target().dim(), 2);
    }

    #[test]
    fn what_does_not_fit_the_target_is_told() {
        let error = parse(&["ring", "--mean", "1,2,3"]).problem().unwrap_err();
        assert_eq!(
            error.to_string(),
            "--mean has 3 numbers for 2 coordinates; give one, or one for each"
        );
        let error = parse(&["absent.wgsl"]).problem().unwrap_err();
        assert!(error.to_string().starts_with("absent.wgsl cannot be read: "), "{error}");
    }

    #[test]
    fn what_is_drawn_is_as_asked() {
        let options = parse(&["ring", "--axes", "1,w", "--families", "--no-weights"]).window(2);
        let look = options.look;
        assert_eq!(look.axes, [Axis::Coordinate(1), Axis::LogWeight]);
        assert!(look.style == Style::Points && look.families && !look.weighted);
    }

    #[test]
    fn values_that_are_none_are_refused() {
        for wrong in [
            ["--particles", "2.5"],
            ["--particles", "-1"],
            ["--particles", "nan"],
            ["--axes", "0"],
            ["--axes", "0,y"],
            ["--size", "10x10"],
            ["--set", "a"],
            ["--after", "3"],
        ] {
            let arguments = ["wfr-view", "ring", wrong[0], wrong[1]];
            assert!(Arguments::try_parse_from(arguments).is_err(), "{wrong:?}");
        }
    }
}
