//! The options that say how a step is done.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use wfr::{Config, Integrator};

/// How a step is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct IntegratorOptions {
    /// How a step is done; by default kernel-ratio for annealed, mala for wfr and euler for langevin.
    /// euler and strang have a bias of order h; kernel-ratio, mala, baoab and exponential have none at
    /// any step size, along a path whose support does not grow.
    #[arg(long, value_name = "NAME", value_parser = integrators())]
    integrator: Option<Integrator>,
    /// Do not tame the drift, which keeps steep walls from throwing particles to infinity.
    #[arg(long)]
    no_taming: bool,
    /// The rate at which baoab forgets its momentum.
    #[arg(long, value_name = "GAMMA", default_value = "1.5", allow_negative_numbers = true)]
    friction: f32,
    /// The curvature of the target that exponential solves exactly; 0 is Euler's move.
    #[arg(long, value_name = "KAPPA", default_value = "1", allow_negative_numbers = true)]
    stiffness: f32,
}

impl IntegratorOptions {
    /// The settings with these options.
    pub(crate) fn apply(&self, config: Config) -> Config {
        Config {
            integrator: self.integrator,
            taming: !self.no_taming,
            friction: self.friction,
            stiffness: self.stiffness,
            ..config
        }
    }
}

/// The names of integrators.
pub(crate) fn integrators() -> impl TypedValueParser<Value = Integrator> {
    PossibleValuesParser::new(Integrator::ALL.map(Integrator::name))
        .try_map(|name| name.parse::<Integrator>())
}
