//! The law of the particles at time zero.

use std::fmt::Write as _;

use crate::adaptor::Adaptor;
use crate::center::{Center, Moments};
use crate::error::{Error, Result};
use crate::flow::Track;
use crate::numbers::GROUP;
use crate::particles::Particles;
use crate::resolution::{Place, Resolution, resolution};
use crate::shaders::{self, float, per_coordinate};
use crate::target::{Component, Target};
use crate::wgsl::{Source, prefixed};

/// The law of the particles at time zero: a sampler on the device and, for paths of densities, its
/// normalised log density and score.
///
/// Source: the initial ratio of arXiv 2503.02819; particles drawn from the law itself start with
/// log-weight 0, others with the log of the law over what they were drawn from.
#[derive(Debug, Clone)]
pub struct Initial {
    pub(crate) dim: u32,
    pub(crate) kind: Kind,
    description: String,
    /// The law where it is made of Gaussians with a scale per axis.
    gaussians: Option<Vec<Component>>,
    /// What the numbers of `kind` and `gaussians` are counted from.
    center: Center,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Coordinates that are independent of each other.
    Independent(Independent),
    /// The user's WGSL.
    Wgsl(Source),
    /// Row-major (N, dim) positions.
    Positions(Vec<f32>),
    /// A mixture of Gaussians; whether particles are drawn by other shares than its weights.
    Mixture { law: Box<Target>, weighted: bool },
    /// Particles, and the target that they are of.
    Particles { law: Box<Target>, positions: Vec<f32>, log_weights: Vec<f32> },
}

/// A law whose coordinates are independent, in double precision and counted from zero.
#[derive(Debug, Clone)]
pub(crate) enum Independent {
    Normal { mean: Vec<f64>, sd: Vec<f64> },
    Uniform { low: Vec<f64>, high: Vec<f64> },
}

/// The most coordinates whose numbers are copied into variables of a particle.
const MOST_COPIED: usize = 32;

/// The binding of the numbers of each coordinate.
const BINDING: u32 = 1;

/// Stands before the names of a law that is a target.
const PREFIX: &str = "from_";

impl Initial {
    /// Independent normals, N(mean_j, sd_j²).
    ///
    /// Numbers are `f32` or `f64`: a mean far from zero keeps all its digits where the target's
    /// coordinates are counted from a center, see [`Target::with_center`].
    ///
    /// # Errors
    /// When the lengths differ or are zero, a mean is not finite, or a standard deviation is not
    /// positive and finite.
    pub fn normal(mean: &[impl Into<f64> + Copy], sd: &[impl Into<f64> + Copy]) -> Result<Initial> {
        let (mean, sd) = (doubles(mean), doubles(sd));
        check_lengths("mean", &mean, "sd", &sd)?;
        check_each("mean", &mean, "finite", |v| v.is_finite())?;
        check_each("sd", &sd, "positive and finite", |v| v > 0.0 && v.is_finite())?;
        // Of which single precision holds the square and its inverse.
        check_each("sd", &sd, "between 1e-18 and 1e18", |v| (1e-18..=1e18).contains(&v))?;
        let description = format!("normal(mean={}, sd={})", list(&mean), list(&sd));
        Ok(Initial::independent(Independent::Normal { mean, sd }, description, Center::default()))
    }

    /// As [`Initial::normal`], from a comma-separated table with a row per coordinate and the columns
    /// `mean` and `sd`; it may have others.
    ///
    /// # Errors
    /// [`ErrorKind::File`](crate::ErrorKind::File) for a table that cannot be read or lacks a column,
    /// and for those of [`Initial::normal`].
    #[cfg(feature = "data")]
    pub fn normal_from_csv(path: impl AsRef<std::path::Path>) -> Result<Initial> {
        let path = path.as_ref();
        let table = crate::DataFile::open_csv(path)?;
        let (mean, sd) = (table.doubles("mean")?, table.doubles("sd")?);
        Initial::normal(&mean, &sd).map_err(|error| Error::file(path, error))
    }

    /// A law whose coordinates are independent, counted from a center.
    fn independent(law: Independent, description: String, center: Center) -> Initial {
        let (dim, gaussians) = match &law {
            Independent::Normal { mean, sd } => {
                let mean = mean.iter().enumerate().map(|(j, m)| m - center.of_coordinate(j));
                let one = Component { weight: 1.0, mean: mean.collect(), scale: sd.clone() };
                (sd.len() as u32, Some(vec![one]))
            }
            Independent::Uniform { low, .. } => (low.len() as u32, None),
        };
        Initial { dim, kind: Kind::Independent(law), description, gaussians, center }
    }

    /// A mixture of Gaussians with a scale per axis, as [`Target::gaussian_mixture`].
    ///
    /// # Errors
    /// Those of [`Target::gaussian_mixture`].
    pub fn gaussian_mixture(components: &[Component]) -> Result<Initial> {
        Initial::of_mixture(&Target::gaussian_mixture(components)?)
    }

    /// A mixture of Gaussians read from a text file, as [`Target::gaussian_mixture_from_file`].
    ///
    /// # Errors
    /// Those of [`Target::gaussian_mixture_from_file`].
    pub fn gaussian_mixture_from_file(
        path: impl AsRef<std::path::Path>,
        dim: Option<u32>,
    ) -> Result<Initial> {
        Initial::of_mixture(&Target::gaussian_mixture_from_file(path, dim)?)
    }

    fn of_mixture(target: &Target) -> Result<Initial> {
        let (components, _) = target.gaussians().unwrap_or_default();
        let shares: Vec<f64> = components.iter().map(|component| component.weight).collect();
        let description = match components.len() {
            1 => "a mixture of 1 Gaussian".to_string(),
            count => format!("a mixture of {count} Gaussians"),
        };
        Initial::mixture(components, &shares, description)
    }

    /// Particles of a law that is a target of its own, for instance those that an earlier run left.
    ///
    /// The law's log density may be unnormalised; then log Z of a run along a path is that of the
    /// ratio Z₁/Z₀. The particles are a weighted sample of the law, and their log-weights are
    /// carried over, up to a constant that makes the mean weight 1. Resampled or not, there are as
    /// many as [`Config::particles`](crate::Config::particles).
    ///
    /// ```
    /// use wfr::{Flow, Initial, Particles, Path, Problem, Target};
    ///
    /// # fn main() -> wfr::Result<()> {
    /// let law = Target::standard_normal(1)?;
    /// let sample = Particles::new(1, vec![0.3, -1.2], vec![0.0, 0.0], vec![0, 1])?;
    /// let start = Initial::from_target(law, &sample)?;
    /// Problem::new(Target::double_well(1)?, start, Flow::path(Path::FisherRao))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When dimensions differ, there are no particles, or no weight is positive. What the law's text
    /// may not contain beside the target's is an error of [`Problem::new`](crate::Problem::new).
    pub fn from_target(law: Target, particles: &Particles) -> Result<Initial> {
        if particles.dim() != law.dim() as usize {
            let reason = format!(
                "has particles in {} dimensions but {} has {}; give as many coordinates",
                particles.dim(),
                law.name(),
                law.dim()
            );
            return Err(Error::config("initial", reason));
        }
        let weights = particles.weights();
        let count = particles.len() as f64;
        if weights.iter().sum::<f64>() <= 0.0 {
            let reason = "has no particle of positive weight; give one at least";
            return Err(Error::config("initial", reason));
        }
        let log_weights = weights.iter().map(|weight| (weight * count).ln() as f32).collect();
        let description = format!("{} particles of {}", particles.len(), law.name());
        Ok(Initial {
            dim: law.dim(),
            gaussians: law.gaussians().map(|(components, _)| components),
            kind: Kind::Particles {
                law: Box::new(law),
                positions: particles.positions().to_vec(),
                log_weights,
            },
            description,
            center: particles.center().map_or_else(Center::default, Center::new),
        })
    }

    /// What particles along tracks are drawn from: each track has the mean of its masses at the
    /// ends for a share, whatever its mass at the start.
    pub(crate) fn for_tracks(of: &Initial, tracks: &[Track]) -> Result<Initial> {
        let total: f64 = tracks.iter().map(|track| track.mass[0] + track.mass[2]).sum();
        let shares: Vec<f64> =
            tracks.iter().map(|track| (track.mass[0] + track.mass[2]) / total).collect();
        let begin = |track: &Track| Component { weight: track.mass[0], ..track.from.clone() };
        let components = tracks.iter().map(begin).collect();
        Initial::mixture(components, &shares, of.description.clone())
    }

    /// Normalised components with a scale for every axis, drawn by these shares.
    fn mixture(components: Vec<Component>, shares: &[f64], description: String) -> Result<Initial> {
        let mut table = Vec::with_capacity(2 * shares.len());
        let mut sum = 0.0;
        for (component, share) in components.iter().zip(shares) {
            sum += share;
            let drawn = Component { weight: *share, ..component.clone() };
            table.extend([sum as f32, drawn.log_factor() as f32]);
        }
        let weighted = components.iter().zip(shares).any(|(c, share)| c.weight != *share);
        let law = Box::new(Target::mixture_of(components.clone())?.with_appended(&table));
        Ok(Initial {
            dim: law.dim(),
            kind: Kind::Mixture { law, weighted },
            description,
            gaussians: Some(components),
            center: Center::default(),
        })
    }

    /// Uniform on the box low_j ≤ x_j < high_j, in numbers as those of [`Initial::normal`].
    ///
    /// # Errors
    /// When the lengths differ or are zero, or a low end is not below its high end.
    pub fn uniform(
        low: &[impl Into<f64> + Copy],
        high: &[impl Into<f64> + Copy],
    ) -> Result<Initial> {
        let (low, high) = (doubles(low), doubles(high));
        check_lengths("low", &low, "high", &high)?;
        let width: Vec<f64> = low.iter().zip(&high).map(|(a, b)| b - a).collect();
        check_each("low", &low, "finite", |v| v.is_finite())?;
        check_each("high - low", &width, "positive and finite", |v| v > 0.0 && v.is_finite())?;
        let description = format!("uniform(low={}, high={})", list(&low), list(&high));
        Ok(Initial::independent(Independent::Uniform { low, high }, description, Center::default()))
    }

    /// Your own law in WGSL: `fn initial_sample(slot: u32) -> Point`, which may call
    /// `threefry(slot, time, block, STREAM_INITIAL)`, blocks below 65536, and `normal_draw`, and
    /// `fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32`,
    /// normalised. Where particles are drawn from another law q, it defines
    /// `fn initial_log_weight(x: ptr<function, Point>) -> f32`, log p₀ − log q, too.
    pub fn from_wgsl(dim: u32, name: impl Into<String>, text: impl Into<String>) -> Initial {
        let source = Source::new(name, text);
        let description = source.name.clone();
        let (gaussians, center) = (None, Center::default());
        Initial { dim, kind: Kind::Wgsl(source), description, gaussians, center }
    }

    /// Given positions, row-major (N, dim), in numbers as those of [`Initial::normal`]. Their law has
    /// no density: flows with a path of densities refuse it.
    ///
    /// # Errors
    /// When there are none, the length is not a multiple of `dim`, or a value is not finite.
    pub fn from_positions(dim: u32, positions: Vec<impl Into<f64> + Copy>) -> Result<Initial> {
        if dim == 0 || positions.is_empty() || !positions.len().is_multiple_of(dim as usize) {
            let reason = format!(
                "has {} values, which is no positive multiple of dim = {dim}",
                positions.len()
            );
            return Err(Error::config("positions", reason));
        }
        let wide = dim as usize;
        let number = |k: usize| positions[k].into();
        if let Some(k) = (0..positions.len()).find(|k| !is_single(number(*k))) {
            let reason = format!("positions[{k}] = {} is not finite", plain(number(k)));
            return Err(Error::config("initial", reason));
        }
        let of = |j: usize| (j..positions.len()).step_by(wide).map(|k| (1.0, number(k)));
        let center = Center::of(&(0..wide).map(|j| Moments::of(of(j))).collect::<Vec<_>>());
        let offset = |k: usize| (number(k) - center.of_coordinate(k % wide)) as f32;
        let offsets = (0..positions.len()).map(offset).collect();
        let description = format!("positions({}, {dim})", positions.len() / wide);
        let kind = Kind::Positions(offsets);
        Ok(Initial { dim, kind, description, gaussians: None, center })
    }

    /// Positions drawn from any law of the crates `rand` and `rand_distr`, or of your own, one after the
    /// other: `count` points, as many as the run has particles. As given positions they have no
    /// density, so that flows with a path of densities refuse them.
    ///
    /// ```
    /// use wfr::rand::{Rng, SeedableRng, distr::Distribution, rngs::Xoshiro256PlusPlus};
    ///
    /// /// On a ring, at a uniform angle.
    /// struct Ring;
    /// impl Distribution<[f64; 2]> for Ring {
    ///     fn sample<R: Rng + ?Sized>(&self, random: &mut R) -> [f64; 2] {
    ///         let angle = wfr::rand::distr::Uniform::new(0.0, std::f64::consts::TAU).unwrap();
    ///         let (sin, cos) = angle.sample(random).sin_cos();
    ///         [cos, sin]
    ///     }
    /// }
    /// let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    /// let start = wfr::Initial::from_distribution(&Ring, 1000, &mut random)?;
    /// assert_eq!(start.dim(), 2);
    /// # Ok::<(), wfr::Error>(())
    /// ```
    ///
    /// # Errors
    /// When `count` is 0, points have no coordinates or differing numbers of them, or a coordinate is
    /// not finite.
    pub fn from_distribution<X: Into<f64> + Copy, P: AsRef<[X]>>(
        law: &impl rand::distr::Distribution<P>,
        count: u32,
        random: &mut (impl rand::Rng + ?Sized),
    ) -> Result<Initial> {
        let (mut dim, mut positions) = (0, Vec::new());
        for i in 0..count {
            let point = law.sample(random);
            let point = point.as_ref();
            if i > 0 && point.len() != dim {
                let reason = format!("drew {} coordinates after points of {dim}", point.len());
                return Err(Error::config("distribution", reason));
            }
            dim = point.len();
            positions.extend(point.iter().map(|x| Into::<f64>::into(*x)));
        }
        Initial::from_positions(dim as u32, positions)
    }

    /// The number of coordinates.
    pub fn dim(&self) -> u32 {
        self.dim
    }

    /// The law in the words of the command line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether the law has a density.
    pub(crate) fn has_density(&self) -> bool {
        !matches!(self.kind, Kind::Positions(_))
    }

    /// Whether the particles are given, as many as there are.
    pub(crate) fn is_given(&self) -> bool {
        matches!(self.kind, Kind::Positions(_) | Kind::Particles { .. })
    }

    /// How many particles a pilot run takes of `all`: given ones all, because a part of them may be
    /// another law, otherwise at most `most`.
    pub(crate) fn pilot_particles(&self, all: u32, most: u32) -> u32 {
        if self.is_given() { all } else { all.min(most) }
    }

    /// The law's components, where it is made of Gaussians with a scale per axis.
    pub(crate) fn gaussians(&self) -> Option<&[Component]> {
        self.gaussians.as_deref()
    }

    /// The low and the high ends of the box that a uniform law covers.
    pub(crate) fn bounds(&self) -> Option<[Vec<f32>; 2]> {
        let Kind::Independent(Independent::Uniform { low, high }) = &self.kind else { return None };
        Some([relative(low, &self.center), relative(high, &self.center)])
    }

    /// What the device reads of each coordinate; nothing of a law that has no numbers by coordinate.
    pub(crate) fn numbers(&self) -> Vec<[f32; 4]> {
        match &self.kind {
            Kind::Independent(law) => law.numbers(&self.center),
            _ => Vec::new(),
        }
    }

    /// The target behind the law, where there is one.
    pub(crate) fn law(&self) -> Option<&Target> {
        match &self.kind {
            Kind::Mixture { law, .. } | Kind::Particles { law, .. } => Some(law),
            _ => None,
        }
    }

    /// The law's shader text; none for given positions. Its data are bound from `first_binding` on,
    /// and `law` is the adaptor of [`Initial::law`].
    ///
    /// # Errors
    /// [`crate::ErrorKind::Shader`] for a law whose names cannot be told from the target's.
    pub(crate) fn sources(&self, law: Option<&Adaptor>, first_binding: u32) -> Result<Vec<Source>> {
        let mut sources = match &self.kind {
            Kind::Independent(law) => law.sources(&self.center),
            Kind::Wgsl(source) => vec![source.clone()],
            Kind::Positions(_) => return Ok(Vec::new()),
            Kind::Mixture { .. } | Kind::Particles { .. } => Vec::new(),
        };
        if let (Some(target), Some(adaptor)) = (self.law(), law) {
            // One text, so that the adaptor's calls are renamed with what they call.
            let own = target.source();
            let text = format!("{}\n{}", own.text, adaptor.source.text);
            let linked = prefixed(&Source::new(own.name, text), PREFIX, first_binding)?;
            let call = format!(
                "fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, \
                 Point>) -> f32 {{\n    return {PREFIX}target_log_density_and_score(x, \
                 out);\n}}\n"
            );
            sources.extend([linked, Source::own("initial", call)]);
        }
        if let Kind::Mixture { weighted, .. } = self.kind {
            let constants = shaders::Prelude::default().bool("INITIAL_WEIGHTED", weighted);
            sources.extend([constants.named("initial"), shaders::file("initial/mixture")]);
        } else if !sources.iter().any(|source| source.text.contains("fn initial_log_weight")) {
            sources.push(shaders::file("initial/unweighted"));
        }
        if !matches!(self.kind, Kind::Independent(_)) {
            sources.push(shaders::file("initial/kept_score"));
        }
        Ok(sources)
    }

    /// The law's parameters as pipeline constants, under the names they are linked by.
    ///
    /// # Errors
    /// For a parameter that is declared with a number: the target may have the same one.
    pub(crate) fn constants(&self) -> Result<Vec<(String, f64)>> {
        let Some(law) = self.law() else { return Ok(Vec::new()) };
        let finite = law.constants().iter().filter(|(_, value)| value.is_finite());
        let renamed = finite.map(|(key, value)| {
            if key.parse::<u32>().is_ok() {
                let reason = format!(
                    "is {}, which declares a parameter by @id({key}); leave the @id out",
                    law.name()
                );
                return Err(Error::config("initial law", reason));
            }
            Ok((format!("{PREFIX}{key}"), *value))
        });
        renamed.collect()
    }
}

impl Initial {
    /// Means and standard deviations of the coordinates, counted from zero; none for a law in WGSL.
    pub(crate) fn moments(&self) -> Option<Vec<Moments>> {
        let wide = self.dim as usize;
        let numbers = |positions: &[f32], weights: &[f64]| {
            let of = |j: usize| {
                let place =
                    |i: usize| f64::from(positions[i * wide + j]) + self.center.of_coordinate(j);
                let weighted = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
                Moments::of(weighted.map(|(i, weight)| (*weight, place(i))))
            };
            (0..wide).map(of).collect()
        };
        match &self.kind {
            Kind::Independent(law) => Some(law.moments()),
            Kind::Positions(positions) => {
                Some(numbers(positions, &vec![1.0; positions.len() / wide]))
            }
            Kind::Particles { positions, log_weights, .. } => {
                let weights: Vec<f64> = log_weights.iter().map(|w| f64::from(*w).exp()).collect();
                Some(numbers(positions, &weights))
            }
            Kind::Mixture { .. } => {
                let components = self.gaussians()?;
                Some((0..wide).map(|j| mixed(components, j, &self.center)).collect())
            }
            Kind::Wgsl(_) => None,
        }
    }

    /// The coordinate that single precision resolves worst, where that is worth a report.
    pub(crate) fn resolution(&self) -> Option<Resolution> {
        let center = |j: usize| self.center.of_coordinate(j);
        if let Kind::Mixture { .. } = self.kind {
            let of = |one: &Component| {
                resolution(one.mean.iter().zip(&one.scale).enumerate().map(|(j, (mean, sd))| {
                    Place { mean: mean + center(j), sd: *sd, center: center(j) }
                }))
            };
            let worst = self.gaussians()?.iter().filter_map(of);
            return worst.min_by(|a, b| a.steps().total_cmp(&b.steps()));
        }
        let moments = self.moments()?;
        // A start from one point is a law of its own.
        let places = moments.iter().enumerate().map(|(j, law)| match law.sd > 0.0 {
            true => Place { mean: law.mean, sd: law.sd, center: center(j) },
            false => Place { mean: 0.0, sd: 0.0, center: 0.0 },
        });
        resolution(places)
    }

    /// The same law with its numbers counted from another center.
    pub(crate) fn about(&self, center: &Center) -> Result<Initial> {
        if self.center == *center {
            return Ok(self.clone());
        }
        let moved = |j: usize, x: f64| x + self.center.of_coordinate(j) - center.of_coordinate(j);
        let wide = self.dim as usize;
        let rows = |all: &[f32]| -> Vec<f32> {
            let all = all.iter().enumerate();
            all.map(|(k, x)| moved(k % wide, f64::from(*x)) as f32).collect()
        };
        let mut about = match &self.kind {
            Kind::Independent(law) => {
                Initial::independent(law.clone(), self.description.clone(), center.clone())
            }
            Kind::Positions(positions) => {
                Initial { kind: Kind::Positions(rows(positions)), ..self.clone() }
            }
            Kind::Particles { law, positions, log_weights } => {
                let kind = Kind::Particles {
                    law: Box::new(law.about(center)?),
                    positions: rows(positions),
                    log_weights: log_weights.clone(),
                };
                Initial { kind, ..self.clone() }
            }
            Kind::Mixture { weighted: false, .. } => {
                let components = self.gaussians().unwrap_or_default().iter();
                let moved = |one: &Component| {
                    let mean = one.mean.iter().enumerate().map(|(j, mean)| moved(j, *mean));
                    Component { mean: mean.collect(), ..one.clone() }
                };
                let components: Vec<_> = components.map(moved).collect();
                let shares: Vec<f64> = components.iter().map(|one| one.weight).collect();
                Initial::mixture(components, &shares, self.description.clone())?
            }
            // Its text draws what is counted from the center; tracks lie where their flow says.
            Kind::Wgsl(_) | Kind::Mixture { weighted: true, .. } => self.clone(),
        };
        about.center = center.clone();
        Ok(about)
    }
}

/// The moments of a coordinate of a mixture.
fn mixed(components: &[Component], j: usize, center: &Center) -> Moments {
    let weighted = components.iter().map(|one| (one.weight, one.mean[j]));
    let Moments { mean, sd } = Moments::of(weighted);
    let total: f64 = components.iter().map(|one| one.weight).sum();
    let within = components.iter().map(|one| one.weight * one.scale[j].powi(2));
    let within = within.sum::<f64>() / total;
    Moments { mean: mean + center.of_coordinate(j), sd: sd.mul_add(sd, within).sqrt() }
}

impl Independent {
    fn moments(&self) -> Vec<Moments> {
        match self {
            Independent::Normal { mean, sd } => {
                mean.iter().zip(sd).map(|(mean, sd)| Moments { mean: *mean, sd: *sd }).collect()
            }
            Independent::Uniform { low, high } => {
                let ends = low.iter().zip(high);
                ends.map(|(low, high)| Moments {
                    mean: 0.5 * (low + high),
                    sd: (high - low) / 12.0_f64.sqrt(),
                })
                .collect()
            }
        }
    }

    /// The text of the law with its numbers, counted from a center, and its file.
    fn sources(&self, center: &Center) -> Vec<Source> {
        let numbers = self.numbers(center);
        let (names, file): (&[&str], _) = match self {
            Independent::Normal { .. } => {
                (&["initial_mean", "initial_sd", "initial_precision_root"], "initial/normal")
            }
            Independent::Uniform { .. } => (&["initial_low", "initial_width"], "initial/uniform"),
        };
        let peak =
            |value: &str| format!("fn initial_log_peak() -> f32 {{\n    return {value};\n}}\n");
        let mut held = peak(&float(numbers[0][3]));
        let mut read = format!(
            "@group({GROUP}) @binding({BINDING}) var<uniform> initial_numbers: \
             array<vec4<f32>, DIM>;\n"
        );
        // Registers hold some of them, and a loop is unrolled where its body has no loads.
        let from = if numbers.len() <= MOST_COPIED { "initial_rows" } else { "initial_numbers" };
        read += &peak(&format!("{from}[0].w"));
        read += match numbers.len() <= MOST_COPIED {
            true => {
                "var<private> initial_rows: array<vec4<f32>, DIM>;\nfn initial_load() {\n    \
                 initial_rows = initial_numbers;\n}\n"
            }
            false => "fn initial_load() {}\n",
        };
        for (i, (name, place)) in names.iter().zip(["x", "y", "z"]).enumerate() {
            let values: Vec<f32> = numbers.iter().map(|row| row[i]).collect();
            held += &per_coordinate(name, &values);
            let _ =
                writeln!(read, "fn {name}(j: u32) -> f32 {{\n    return {from}[j].{place};\n}}");
        }
        vec![Source::own("initial", held).with_device(read), shaders::file(file)]
    }

    /// The numbers of each coordinate in the order of the functions that return them: mean, sd and
    /// 1/sd, or the low end and the width; and the largest log density with the first of them.
    fn numbers(&self, center: &Center) -> Vec<[f32; 4]> {
        let (mut numbers, log_width): (Vec<[f32; 4]>, f64) = match self {
            Independent::Normal { mean, sd } => {
                let rows = relative(mean, center).into_iter().zip(singles(sd));
                let log_root_2_pi = 0.5 * (2.0 * std::f64::consts::PI).ln();
                (rows.map(|(mean, sd)| [mean, sd, 1.0 / sd, 0.0]).collect(), log_root_2_pi)
            }
            Independent::Uniform { low, high } => {
                let rows = relative(low, center).into_iter().zip(relative(high, center));
                (rows.map(|(low, high)| [low, high - low, 0.0, 0.0]).collect(), 0.0)
            }
        };
        let log_peak = |[_, width, ..]: &[f32; 4]| -f64::from(*width).ln() - log_width;
        let peak: f64 = numbers.iter().map(log_peak).sum();
        if let Some(first) = numbers.first_mut() {
            first[3] = peak as f32;
        }
        numbers
    }
}

fn doubles(values: &[impl Into<f64> + Copy]) -> Vec<f64> {
    values.iter().map(|value| (*value).into()).collect()
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// Numbers of coordinates counted from a center, in single precision.
fn relative(values: &[f64], center: &Center) -> Vec<f32> {
    let from = |(j, value): (usize, &f64)| (value - center.of_coordinate(j)) as f32;
    values.iter().enumerate().map(from).collect()
}

/// Whether single precision has the number within its range.
fn is_single(value: f64) -> bool {
    (value as f32).is_finite()
}

/// A number in as few digits as it needs: those of an f32 where it is one.
fn shown(value: f64) -> String {
    let single = value as f32;
    if f64::from(single) == value { format!("{single:?}") } else { format!("{value:?}") }
}

/// Likewise, without a decimal point where it is whole.
fn plain(value: f64) -> String {
    let single = value as f32;
    if f64::from(single) == value { single.to_string() } else { value.to_string() }
}

fn list(values: &[f64]) -> String {
    if values.len() > 1 && values.windows(2).all(|w| w[0] == w[1]) {
        return shown(values[0]);
    }
    let items: Vec<_> = values.iter().map(|v| shown(*v)).collect();
    format!("[{}]", items.join(", "))
}

fn check_lengths(a: &str, left: &[f64], b: &str, right: &[f64]) -> Result<()> {
    if left.is_empty() || left.len() != right.len() {
        let reason = format!(
            "has {} values of {a} and {} of {b}; give one of each per coordinate",
            left.len(),
            right.len()
        );
        return Err(Error::config("initial", reason));
    }
    Ok(())
}

/// Whether each value, as single precision has it, is good.
fn check_each(name: &str, values: &[f64], want: &str, good: fn(f32) -> bool) -> Result<()> {
    match values.iter().position(|v| !good(*v as f32)) {
        Some(j) => {
            let size = values[j].abs();
            let value = match (1e-9..1e16).contains(&size) || size == 0.0 || !size.is_finite() {
                true => plain(values[j]),
                false => format!("{:e}", values[j]),
            };
            let reason = format!("{name}[{j}] = {value} is not {want}");
            Err(Error::config("initial", reason))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One point after the other, of arrays and of vectors.
    #[test]
    fn starts_are_drawn_from_any_distribution() {
        use rand::distr::{Distribution, Uniform};
        use rand::{SeedableRng, rngs::StdRng};
        let uniform = Uniform::new(-1.0_f32, 1.0).unwrap();
        let drawn = |seed| {
            let random = &mut StdRng::seed_from_u64(seed);
            Initial::from_distribution(&uniform.map(|x| [x, x + 1.0]), 3, random).unwrap()
        };
        let mut random = StdRng::seed_from_u64(5);
        let expected: Vec<f32> = (0..3)
            .flat_map(|_| {
                let x = uniform.sample(&mut random);
                [x, x + 1.0]
            })
            .collect();
        let Kind::Positions(positions) = drawn(5).kind else { unreachable!("they are given") };
        assert_eq!((positions, drawn(5).dim()), (expected, 2));
        let lengths = std::cell::Cell::new(0);
        let growing = uniform.map(|x| {
            lengths.set(lengths.get() + 1);
            vec![x; lengths.get()]
        });
        let error = Initial::from_distribution(&growing, 2, &mut random).unwrap_err().to_string();
        assert_eq!(error, "distribution drew 2 coordinates after points of 1");
        assert!(Initial::from_distribution(&growing, 0, &mut random).is_err());
    }

    /// A part of given particles may be another law, and their number must be the run's.
    #[test]
    fn pilots_take_all_particles_that_are_given() {
        let law = Target::standard_normal(1).unwrap();
        let sample = Particles::new(1, vec![0.5; 9], vec![0.0; 9], (0..9).collect()).unwrap();
        let particles = Initial::from_target(law, &sample).unwrap();
        let positions = Initial::from_positions(1, vec![0.5; 9]).unwrap();
        for given in [particles, positions] {
            assert_eq!(given.pilot_particles(9, 4), 9);
        }
        let normal = Initial::normal(&[0.0], &[1.0]).unwrap();
        assert_eq!((normal.pilot_particles(9, 4), normal.pilot_particles(3, 4)), (4, 3));
    }

    /// Counted from a center, the means of a mixture keep what an f32 around 1.7e9 has no place for.
    #[test]
    fn the_center_of_a_mixture_is_taken_off_in_double_precision() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "1 1700000030.25 2\n3 1699999990.5 2\n").unwrap();
        let text = "fn log_density(x: Point) -> f32 { return -x[0] * x[0]; }";
        let target = Target::from_wgsl(1, "offset.wgsl", text).unwrap();
        let target = target.with_center(&[1.7e9]).unwrap();
        let start = Initial::gaussian_mixture_from_file(file.path(), Some(1)).unwrap();
        let moments = start.moments().unwrap();
        assert!((moments[0].mean - 1_700_000_000.437_5).abs() < 1e-6);
        let problem = crate::Problem::new(target, start, crate::Flow::annealed()).unwrap();
        let about = problem.initial();
        let means = about.gaussians().unwrap().iter().map(|one| one.mean[0]).collect::<Vec<_>>();
        assert_eq!(means, [30.25, -9.5]);
        // What the device reads: weight, mean, inverse scale.
        let packed = &about.law().unwrap().storage()[0];
        assert_eq!((packed[2], packed[5]), (30.25, -9.5));
    }
}
