//! The options of the Wasserstein–Fisher–Rao gradient flow.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use wfr::{Bandwidth, Config, Density, Flow, Reaction, Realisation, Splitting};

use super::failure::{Done, Failure};
use super::numbers;
use super::options::FlowName;

/// How the gradient flow reacts; for --flow wfr.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Gradient flow (--flow wfr)")]
pub(crate) struct ReactionOptions {
    /// The rate of reaction relative to transport; 0 is plain Langevin diffusion. [default: 1]
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    reaction_rate: Option<f32>,
    /// How the density of the population is estimated, once every --ess-every steps. [default:
    /// kernel]
    #[arg(long, value_name = "NAME")]
    density_estimator: Option<Estimator>,
    /// The standard deviation of the kernel: silverman, scott, a number, or one for each coordinate
    /// as in 0.1,0.2; for the grid and the kernel density. [default: silverman]
    #[arg(long, value_name = "RULE|NUMBERS", value_parser = bandwidth)]
    bandwidth: Option<Bandwidth>,
    /// Cells per axis of the grid. [default: 1024, 256 or 64 in one, two or three dimensions]
    #[arg(long, value_name = "N", value_parser = numbers::count, allow_negative_numbers = true)]
    cells: Option<u32>,
    /// Particles that carry a kernel, a fresh subset for every estimate. [default: 2048 for the
    /// kernel density, all for the transition mixture]
    #[arg(long, value_name = "M", value_parser = numbers::count, allow_negative_numbers = true)]
    landmarks: Option<u32>,
    /// In which order a block of steps transports and reacts. [default: strang, and transport-first
    /// with jumps]
    #[arg(long, value_name = "ORDER", value_parser = splittings())]
    splitting: Option<Splitting>,
    /// Whether particles gain weight or are doubled and killed. [default: weights]
    #[arg(long, value_name = "NAME", value_parser = realisations())]
    realisation: Option<Realisation>,
    /// The rate of transport: drift and variance of the diffusion are multiplied by it; 0 leaves
    /// the reaction alone. [default: 1]
    #[arg(long, value_name = "EPSILON", allow_negative_numbers = true)]
    transport: Option<f32>,
}

/// The estimators of the population's density.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Estimator {
    /// On a grid, in up to three dimensions, for millions of particles.
    Grid,
    /// Gaussian kernels on some of the particles.
    Kernel,
    /// The mixture of the transition kernels of the last step; tells log Z.
    Transition,
}

impl Estimator {
    fn heading(self) -> &'static str {
        match self {
            Estimator::Grid => "WFR, grid",
            Estimator::Kernel => "WFR, kernel",
            Estimator::Transition => "WFR, transition",
        }
    }
}

impl ReactionOptions {
    /// The gradient flow with its reaction.
    pub(crate) fn flow(&self) -> Done<Flow> {
        let estimator = self.density_estimator.unwrap_or(Estimator::Kernel);
        self.check_used(estimator)?;
        self.gradient_flow(estimator, self.realisation.unwrap_or_default())
    }

    /// Refuses what is given of these for another flow.
    pub(crate) fn check_absent(&self, flow: FlowName) -> Done {
        let Some(option) = self.first_given() else { return Ok(()) };
        let name = flow.to_possible_value();
        let name = name.as_ref().map_or("another", |name| name.get_name());
        Err(Failure::Usage(format!(
            "{option} is for the flow wfr, and the flow is {name}; add --flow wfr, or leave it out"
        )))
    }

    /// The flow with each estimator for so many dimensions, or with the one asked for, and birth and
    /// death, under the names that a comparison gives them.
    pub(crate) fn all(&self, dim: u32) -> Done<Vec<(&'static str, Flow)>> {
        let fits = |estimator: &Estimator| *estimator != Estimator::Grid || dim <= 3;
        let estimators: Vec<_> = match self.density_estimator {
            Some(estimator) => vec![estimator],
            None => Estimator::value_variants().iter().copied().filter(fits).collect(),
        };
        let weights = estimators.iter().map(|e| (e.heading(), *e, Realisation::Weights));
        let jumps = estimators.first().map(|e| ("birth-death", *e, Realisation::Jumps));
        let flows = weights.chain(jumps).filter(|(.., r)| self.realisation.is_none_or(|x| x == *r));
        flows.map(|(name, e, r)| Ok((name, self.gradient_flow(e, r)?))).collect()
    }

    /// The same with a bandwidth for each coordinate where none is asked for.
    pub(crate) fn or_bandwidth(&self, values: Vec<f32>) -> ReactionOptions {
        let bandwidth = self.bandwidth.clone().unwrap_or(Bandwidth::Fixed(values));
        ReactionOptions { bandwidth: Some(bandwidth), ..self.clone() }
    }

    fn gradient_flow(&self, estimator: Estimator, realisation: Realisation) -> Done<Flow> {
        let rate = self.reaction_rate.unwrap_or(1.0);
        if !(rate >= 0.0 && rate.is_finite()) {
            let message = format!("--reaction-rate = {rate} is not a rate from 0 (none) on");
            return Err(Failure::Usage(message));
        }
        let splitting = match (self.splitting, realisation) {
            (Some(splitting), _) => splitting,
            (None, Realisation::Weights) => Splitting::default(),
            (None, Realisation::Jumps) => Splitting::TransportFirst,
        };
        let reaction = Reaction { rate, density: self.density(estimator), splitting, realisation };
        Ok(Flow::wasserstein_fisher_rao(reaction).with_transport(self.transport.unwrap_or(1.0)))
    }

    /// Jumps are made by resampling at once, where no threshold is asked for.
    pub(crate) fn adapt(&self, config: Config) -> Config {
        let is_default = config.ess_threshold == Config::default().ess_threshold;
        if self.realisation == Some(Realisation::Jumps) && is_default {
            return Config { ess_threshold: 1.0, ..config };
        }
        config
    }

    /// Refuses options that the estimator would not look at.
    fn check_used(&self, estimator: Estimator) -> Done {
        let unused = match estimator {
            Estimator::Grid => [("--landmarks", self.landmarks.is_some()), ("", false)],
            Estimator::Kernel => [("--cells", self.cells.is_some()), ("", false)],
            Estimator::Transition => {
                [("--cells", self.cells.is_some()), ("--bandwidth", self.bandwidth.is_some())]
            }
        };
        let Some((option, _)) = unused.iter().find(|(_, given)| *given) else { return Ok(()) };
        let name = estimator.to_possible_value();
        let name = name.as_ref().map_or("this", |name| name.get_name());
        let message = format!("{option} does not go with the {name} estimator; leave it out");
        Err(Failure::Usage(message))
    }

    fn density(&self, estimator: Estimator) -> Density {
        let bandwidth = self.bandwidth.clone().unwrap_or_default();
        match estimator {
            Estimator::Grid => Density::Grid { cells: self.cells, bandwidth },
            Estimator::Kernel => {
                Density::Kernel { landmarks: self.landmarks.unwrap_or(2048), bandwidth }
            }
            Estimator::Transition => Density::Transition { components: self.landmarks },
        }
    }

    fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--reaction-rate", self.reaction_rate.is_some()),
            ("--density-estimator", self.density_estimator.is_some()),
            ("--bandwidth", self.bandwidth.is_some()),
            ("--cells", self.cells.is_some()),
            ("--landmarks", self.landmarks.is_some()),
            ("--splitting", self.splitting.is_some()),
            ("--realisation", self.realisation.is_some()),
            ("--transport", self.transport.is_some()),
        ];
        given.iter().find(|(_, given)| *given).map(|(option, _)| *option)
    }
}

fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    match text {
        "silverman" => return Ok(Bandwidth::Silverman),
        "scott" => return Ok(Bandwidth::Scott),
        _ => {}
    }
    let values: Result<Vec<f32>, _> = text.split(',').map(|value| value.trim().parse()).collect();
    values.map(Bandwidth::Fixed).map_err(|_| {
        "is neither silverman nor scott nor numbers; write for instance 0.1 or 0.1,0.2".into()
    })
}

fn splittings() -> impl TypedValueParser<Value = Splitting> {
    PossibleValuesParser::new(Splitting::ALL.map(Splitting::name))
        .try_map(|name| name.parse::<Splitting>())
}

fn realisations() -> impl TypedValueParser<Value = Realisation> {
    PossibleValuesParser::new(Realisation::ALL.map(Realisation::name))
        .try_map(|name| name.parse::<Realisation>())
}
