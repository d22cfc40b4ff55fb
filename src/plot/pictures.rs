//! The pictures of a run, by name.

use clap::ValueEnum;

use super::canvas::{Area, Drawn, Format, drawn};
use super::scene::Scene;
use super::{corner, density, genealogy, modes, traces, weights};

/// A picture of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// The density of the first two coordinates and of the first, beside the exact one.
    Density,
    /// Marginal densities of up to eight coordinates, and of their pairs.
    Corner,
    /// The effective sample size, log Z and the schedule over time.
    Traces,
    /// The families of the particles of time zero: how many are left, and how large they are.
    Genealogy,
    /// How uneven the weights are.
    Weights,
    /// The mass of each mode beside the exact one.
    Modes,
}

impl Kind {
    /// All of them, in the order of a report.
    pub(crate) const ALL: [Kind; 6] =
        [Kind::Density, Kind::Modes, Kind::Corner, Kind::Traces, Kind::Genealogy, Kind::Weights];

    /// What its file is called, without the ending.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Density => "density",
            Kind::Corner => "corner",
            Kind::Traces => "traces",
            Kind::Genealogy => "genealogy",
            Kind::Weights => "weights",
            Kind::Modes => "modes",
        }
    }

    /// What it shows, what one should see in it, and what would be wrong.
    pub(crate) fn caption(self) -> &'static str {
        match self {
            Kind::Density => {
                "The density of the sample; where the exact one is known, its line should follow \
                 the filled outline and its contours the colours, and a hill without colour is a \
                 mode that was missed."
            }
            Kind::Corner => {
                "Each coordinate by itself and with each other one; an outline that leaves the \
                 exact line, where one is known, or islands of single points mean too few effective \
                 particles."
            }
            Kind::Traces => {
                "The effective sample size should climb back after every resampling and never fall \
                 near zero between two; log Z is that of the density reached at each time, so it \
                 moves until the end, where it should meet the exact line if one is known; a sudden \
                 jump of it rests on few particles."
            }
            Kind::Genealogy => {
                "The families that descend from the particles of time zero: many should be left, \
                 and no few of them should hold most of the weight, because errors are estimated \
                 between families."
            }
            Kind::Weights => {
                "The weights at the end; a long tail to the right, or a curve far above the dashed \
                 one, means that few particles decide every average."
            }
            Kind::Modes => {
                "The mass of each mode with its 95 % interval; nearly all intervals should hold \
                 the exact mass, and an interval without width comes from too few ancestors, not \
                 from certainty."
            }
        }
    }

    /// Whether the run has what it shows.
    pub(crate) fn is_of(self, scene: &Scene<'_>) -> bool {
        let kept = scene.kept;
        match self {
            Kind::Density => !kept.posterior.is_empty(),
            Kind::Corner => scene.coordinates.len() > 1 && !kept.posterior.is_empty(),
            Kind::Traces => kept.stages.len() > 1,
            Kind::Genealogy | Kind::Weights => kept.particles.weights().iter().any(|w| *w > 0.0),
            Kind::Modes => !kept.record.modes.is_empty(),
        }
    }

    /// Why a run may not have it.
    pub(crate) fn lacks(self) -> &'static str {
        match self {
            Kind::Density | Kind::Genealogy | Kind::Weights => "no particle has weight",
            Kind::Corner => "it takes two coordinates and particles with weight",
            Kind::Traces => "the effective sample size was tested only once",
            Kind::Modes => "it tells no modes; --mode-centres of wfr sample names them",
        }
    }

    /// The picture's file.
    ///
    /// # Errors
    /// The reason in words, where drawing fails.
    pub(crate) fn draw(self, scene: &Scene<'_>, format: Format) -> Drawn<Vec<u8>> {
        let draw = |root: &Area<'_>| match self {
            Kind::Density => density::draw(scene, root),
            Kind::Corner => corner::draw(scene, root),
            Kind::Traces => traces::draw(scene, root),
            Kind::Genealogy => genealogy::draw(scene, root),
            Kind::Weights => weights::draw(scene, root),
            Kind::Modes => modes::draw(scene, root),
        };
        drawn(format, self.size(scene), draw)
    }

    fn size(self, scene: &Scene<'_>) -> (u32, u32) {
        match self {
            Kind::Density => density::size(scene),
            Kind::Corner => corner::SIZE,
            Kind::Traces => traces::size(scene),
            Kind::Genealogy => genealogy::size(scene),
            Kind::Weights => weights::SIZE,
            Kind::Modes => modes::size(scene),
        }
    }
}
