//! The equation that particles follow.

mod coupling;
mod path;
mod pilot;
mod tracks;

use crate::error::{Error, Result};
use crate::initial::Initial;
use crate::integrator::Integrator;
use crate::reaction::Reaction;
use crate::shaders::{self, Prelude};
use crate::target::Target;
use crate::wgsl::Source;

pub use path::Path;
pub use pilot::Pilot;
#[cfg(any(test, feature = "reference"))]
pub(crate) use tracks::Way;
pub(crate) use tracks::{Pairing, Track};

/// The weighted SDE that particles follow: drift, noise and the rate ψ of their log-weights.
///
/// dx = (u + ε ∇ log ρ_t) dt + √(2ε) dW, d log w = ψ(x, t) dt: arXiv 2512.17878, and the weighted SDE
/// of Feynman–Kac correctors (arXiv 2503.02819). ε is the rate of transport, 1 unless set; most flows
/// have no velocity u.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    name: String,
    equation: Equation,
    transport: f32,
    log_ratio: f64,
    /// The user's velocity beside a path.
    velocity: Option<Source>,
    has_path: bool,
    needs_initial_density: bool,
    is_builtin: bool,
    reaction: Option<Reaction>,
}

/// What the flow's texts are made of.
#[derive(Debug, Clone, PartialEq)]
enum Equation {
    /// One text, the engine's or the user's.
    Text(Source),
    /// A power mean of the initial law and the target.
    Mean(Path),
    /// A mixture whose components travel.
    Tracks(Pairing),
    /// Diffusion models, which the problem holds.
    Composition,
}

/// What a flow makes of the two laws of a problem.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// Constants of the flow's texts.
    pub(crate) constants: Option<Source>,
    /// The buffer of group 2; empty for most flows.
    pub(crate) data: Vec<f32>,
    /// What particles are drawn from in place of the initial law, with weights.
    pub(crate) proposal: Option<Initial>,
    /// Loop iterations of one step.
    pub(crate) loops: u32,
    /// Whether mass appears where the initial law has none.
    pub(crate) teleports: bool,
}

impl Flow {
    /// Plain Langevin diffusion of the target: v = ∇ log π, ψ = 0.
    ///
    /// It crosses a barrier only in a time exponential in its height.
    pub fn langevin() -> Flow {
        let text = Equation::Text(shaders::file("flow/langevin"));
        Flow::builtin("langevin", text, false, false)
    }

    /// Langevin diffusion annealed along the geometric path ρ_t ∝ p₀^{1−β} π^β with Jarzynski's
    /// weights, ψ = β′ (log π − log p₀): mass moves between modes by weight, not by crossing.
    ///
    /// Jarzynski 1997; Neal 2001. With the kernel-ratio integrator the weights are exact at every
    /// step size and exp(log-normaliser) is unbiased, for the target inside the support of p₀. It is `Flow::path(Path::Geometric)`.
    pub fn annealed() -> Flow {
        Flow::path(Path::Geometric)
    }

    /// Langevin diffusion along a curve of densities from the initial law to the target, with the
    /// weights of ψ = ∂_t log ρ: power means from the mixture to the harmonic one, the Fisher–Rao
    /// geodesic among them.
    ///
    /// Both laws may be unnormalised; see [`Flow::with_log_ratio`].
    pub fn path(path: Path) -> Flow {
        let path = if path.powers() == (0.0, 0.0) { Path::Geometric } else { path };
        let name = if path == Path::Geometric { "annealed".into() } else { path.to_string() };
        Flow::builtin(&name, Equation::Mean(path), true, true)
    }

    /// The Wasserstein geodesic between two Gaussians with a scale per axis, or between mixtures of
    /// such: mass travels along straight lines by the velocity u, and weights have nothing to do.
    ///
    /// Between N(m₀, s₀²) and N(m₁, s₁²) the path is N((1−β)m₀ + βm₁, ((1−β)s₀ + βs₁)²) times Z^β,
    /// with u = m₁ − m₀ + (x − m_β)(s₁ − s₀)/s_β and ψ = β′ log Z. Between mixtures it is the geodesic
    /// among mixtures: the cheapest transport plan between the components, each part by its own line
    /// (J. Delon, A. Desolneux, SIAM J. Imaging Sciences 13 (2020) 936), at least as long as the one
    /// among all laws.
    ///
    /// The initial law is normal or a mixture, and the target a Gaussian mixture or the standard
    /// normal; [`Problem::new`](crate::Problem::new) refuses others.
    pub fn displacement() -> Flow {
        Flow::tracks("displacement", Pairing::Displacement)
    }

    /// Transport and reaction at once between two Gaussian mixtures whose components are paired in
    /// their order: means and scales go along straight lines, weights change at a constant rate.
    ///
    /// ρ = Σ π_k N(m_k, s_k²), u = Σ r_k (m_k′ + (x − m_k) s_k′/s_k), ψ = Σ r_k (log π_k)′ with r_k the
    /// parts of the components in ρ: exact, without any divergence. The laws are as for
    /// [`Flow::displacement`], with equally many components, not counting those of weight 0.
    pub fn hybrid() -> Flow {
        Flow::tracks("hybrid", Pairing::Hybrid)
    }

    /// The geodesic of the Wasserstein–Fisher–Rao cone between paired Gaussians of two mixtures, in
    /// which `length` δ decides what moves and what teleports.
    ///
    /// The k-th components at distance D (of Wasserstein) and masses m₀, m₁ have θ = D/2δ. If
    /// θ < π/2 one component travels by angle(βr₁ sin θ, (1−β)r₀ + βr₁ cos θ)/θ of the way, rᵢ = √mᵢ,
    /// with the mass (1−β)²m₀ + β²m₁ + 2β(1−β)r₀r₁ cos θ; else m₀(1−β)² vanishes in one place while
    /// m₁β² appears in the other. Components without a partner vanish or appear. On the way the
    /// total mass is at most 1.
    ///
    /// L. Chizat, G. Peyré, B. Schmitzer, F.-X. Vialard, Foundations of Computational Mathematics 18
    /// (2018) 1. The laws are as for [`Flow::displacement`].
    ///
    /// Particles are drawn for all components, also for those that have no mass yet, with the
    /// weights that this takes: mass can only appear where particles are. Resampling would take
    /// these away before their mass comes, so where something teleports
    /// [`Config::ess_threshold`](crate::Config::ess_threshold) has to be 0.
    pub fn cone(length: f64) -> Flow {
        let pairing = Pairing::Cone { length };
        Flow::tracks(&format!("cone:{length}"), pairing)
    }

    /// The gradient flow of KL(p‖π) in the Wasserstein–Fisher–Rao geometry: Langevin transport and
    /// the reaction ψ = λ (log π − log p), with p the law of the population itself, estimated as
    /// the reaction says.
    ///
    /// [`Flow::with_transport`] at 0 leaves the Fisher–Rao flow, which moves no particle; a
    /// reaction at the rate 0 the Wasserstein flow, Langevin diffusion. The weights are those of
    /// the flow's law: their log-normaliser is *not* log Z, which
    /// [`Sampler::reaction_trace`](crate::Sampler::reaction_trace) tells where the estimate does.
    pub fn wasserstein_fisher_rao(reaction: Reaction) -> Flow {
        let needs_initial_density = reaction.needs_initial_density();
        let reaction = Some(reaction);
        Flow { name: "wfr".into(), needs_initial_density, reaction, ..Flow::langevin() }
    }

    /// Your own flow in WGSL. It defines `struct Local`, what the flow knows at one point whatever
    /// the time, and
    ///
    /// ```wgsl
    /// fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>)
    /// fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point
    /// fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32
    /// ```
    ///
    /// and, when `has_path`, `fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32`,
    /// the unnormalised log density whose gradient `flow_drift` is. A velocity u beside the
    /// gradient is
    ///
    /// ```wgsl
    /// fn flow_velocity(local: ptr<function, Local>, at: Instant) -> Point
    /// ```
    ///
    /// and then ψ = ∂_t log ρ + ∇·u + u·∇ log ρ, whatever ε; the kernel ratio needs no ψ.
    ///
    /// Where large numbers cancel between densities, the text may take the differences itself:
    /// log ρ_next − log ρ_now at one point, log ρ(x′) − log ρ(x) at one time, and the log density of
    /// the law that particles start from, outside of which none may go (0 if it is not given):
    ///
    /// ```wgsl
    /// fn flow_growth(local: ptr<function, Local>, now: Instant, next: Instant) -> f32
    /// fn flow_log_ratio(
    ///     before: ptr<function, Local>, after: ptr<function, Local>, at: Instant,
    /// ) -> f32
    /// fn flow_start(local: ptr<function, Local>) -> f32
    /// ```
    ///
    /// The text may
    /// call `target_log_density_and_score(x, out)`, `target_score(x)` and
    /// `initial_log_density_and_score(x, out)`.
    pub fn from_wgsl(name: impl Into<String>, text: impl Into<String>, has_path: bool) -> Flow {
        let source = Source::new(name, text);
        let needs_initial_density = source.text.contains("initial_log_density_and_score");
        let name = source.name.clone();
        let equation = Equation::Text(source);
        let own = Flow::builtin(&name, equation, has_path, needs_initial_density);
        Flow { is_builtin: false, ..own }
    }

    /// The same flow with an estimate of log(Z₁/Z₀), the ratio of the normalisers of the target and
    /// the initial law; it is 0 unless set.
    ///
    /// A path of power means with p ≠ 0 compares densities of the two laws. An error of the ratio
    /// changes where on its curve the path is at β, as if β/(1−β) were multiplied: the first half
    /// or the second takes longer. It never changes the ends, and log Z is that of the target.
    /// [`Pilot`] estimates the ratio. The geometric path and those of components do not need it.
    pub fn with_log_ratio(self, log_ratio: f64) -> Flow {
        Flow { log_ratio, ..self }
    }

    /// The same path of power means with a velocity of your own in WGSL beside its score:
    ///
    /// ```wgsl
    /// fn velocity(x: Point, beta: f32) -> Point
    /// fn velocity_divergence(x: Point, beta: f32) -> f32
    /// ```
    ///
    /// Either may take `x: ptr<function, Point>`. The velocity is per unit of β: a particle moves by
    /// velocity · dβ. The divergence is needed by Euler and Strang alone, whose weights are
    /// ψ = ∂_t log ρ + ∇·u + u·∇ log ρ; the kernel ratio steps back with −u and needs none.
    ///
    /// Any velocity gives the right law. The nearer it solves the continuity equation of the path,
    /// the less weights vary; if it does, they are all equal. The text may call
    /// `target_log_density_and_score(x, out)`, `target_score(x)` and
    /// `initial_log_density_and_score(x, out)`.
    ///
    /// F. Vargas, S. Padhy, D. Blessing, N. Nüsken, arXiv:2307.01050; M. S. Albergo,
    /// E. Vanden-Eijnden, arXiv:2410.02711.
    pub fn with_velocity(self, name: impl Into<String>, text: impl Into<String>) -> Flow {
        Flow { velocity: Some(Source::new(name, text)), ..self }
    }

    /// The same flow with transport at the rate ε: drift ε ∇ log ρ + u, noise √(2ε) dW.
    ///
    /// It is 1 unless set. The noise lets the copies that resampling makes go apart; 0 leaves
    /// nothing of transport but the velocity u.
    pub fn with_transport(self, rate: f32) -> Flow {
        Flow { transport: rate, ..self }
    }

    /// The flow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The integrator a run takes when none is asked for.
    ///
    /// The gradient flow takes Metropolis moves, because the reaction does not take back the bias of
    /// Euler's; the transition mixture is that of Euler's moves.
    pub fn default_integrator(&self) -> Integrator {
        match &self.reaction {
            _ if self.has_path => Integrator::KernelRatio,
            Some(reaction) if !reaction.is_of_moves() && self.transport > 0.0 => Integrator::Mala,
            _ => Integrator::Euler,
        }
    }

    /// Whether the flow has a path of densities, which the kernel ratio needs.
    pub fn has_path(&self) -> bool {
        self.has_path
    }

    /// Whether its diffusion leaves a known unnormalised density invariant at each time, which
    /// Metropolis moves and underdamped dynamics need: that of its path, or a constant one.
    pub fn has_density(&self) -> bool {
        self.has_path || self.is_stationary()
    }

    /// Whether it is plain Langevin diffusion of the target, with a reaction or without.
    fn is_stationary(&self) -> bool {
        self.is_builtin && matches!(self.equation, Equation::Text(_))
    }

    /// The rate ε of transport.
    pub fn transport(&self) -> f32 {
        self.transport
    }

    /// The reaction of the Wasserstein–Fisher–Rao gradient flow.
    pub fn reaction(&self) -> Option<&Reaction> {
        self.reaction.as_ref()
    }

    /// The estimate of log(Z₁/Z₀) where the flow's path depends on one.
    pub fn log_ratio(&self) -> Option<f64> {
        let depends = matches!(self.equation, Equation::Mean(path) if path != Path::Geometric);
        depends.then_some(self.log_ratio)
    }

    /// Whether the flow has a velocity beside the gradient of a log density.
    pub fn has_velocity(&self) -> bool {
        match &self.equation {
            Equation::Text(source) => source.text.contains("fn flow_velocity"),
            Equation::Mean(_) => self.velocity.is_some(),
            Equation::Tracks(_) => true,
            Equation::Composition => false,
        }
    }

    /// Whether refused moves spoil the run: beside a velocity, where mixtures of Gaussians have no
    /// walls, and where the moves are the population's density.
    pub(crate) fn is_spoiled_by_walls(&self) -> bool {
        let has_velocity = self.has_velocity() && !matches!(self.equation, Equation::Tracks(_));
        has_velocity || self.reaction.as_ref().is_some_and(Reaction::is_of_moves)
    }

    /// The text of a velocity whose divergence is not given: its ψ is not known.
    pub(crate) fn without_divergence(&self) -> Option<&str> {
        let velocity = self.velocity.as_ref()?;
        let given = velocity.text.contains("fn velocity_divergence");
        (!given).then_some(velocity.name.as_str())
    }

    pub(crate) fn needs_initial_density(&self) -> bool {
        self.needs_initial_density
    }

    /// The user's velocity.
    pub(crate) fn velocity(&self) -> Option<&Source> {
        self.velocity.as_ref()
    }

    /// The user's own flow.
    pub(crate) fn own_text(&self) -> Option<&Source> {
        match &self.equation {
            Equation::Text(source) if !self.is_builtin => Some(source),
            _ => None,
        }
    }

    /// Whether the flow is the same where a number is left out of the target's log density, but for
    /// log Z.
    pub(crate) fn takes_offset(&self) -> bool {
        match self.equation {
            Equation::Mean(_) => true,
            Equation::Text(_) => self.is_builtin,
            Equation::Tracks(_) | Equation::Composition => false,
        }
    }

    /// What a number that is left out of the target's log density adds to log Z at β.
    pub(crate) fn offset_at(&self, beta: f64, log_offset: f64) -> f64 {
        // Of no path the weights have the target's constant.
        if matches!(self.equation, Equation::Mean(_)) { beta * log_offset } else { 0.0 }
    }

    /// The engine's texts of the flow, for a target of which the device leaves out `log_offset`.
    pub(crate) fn sources(&self, log_offset: f64) -> Vec<Source> {
        match &self.equation {
            Equation::Text(source) if self.is_builtin => {
                vec![source.clone(), shaders::file("flow/langevin_drift")]
            }
            Equation::Text(_) => Vec::new(),
            Equation::Mean(Path::Geometric) if self.velocity.is_none() => {
                shaders::files(&["flow/annealed", "flow/annealed_drift"])
            }
            Equation::Mean(path) => {
                // The same path as between the whole densities.
                let constants = path.constants(self.log_ratio - log_offset).named("path");
                let files = match (&self.velocity, self.without_divergence()) {
                    (None, _) => &["series", "flow/power", "flow/power_drift", "flow/along"][..],
                    (Some(_), None) => {
                        &["series", "flow/power", "flow/power_drift", "flow/controlled"]
                    }
                    (Some(_), Some(_)) => &[
                        "series",
                        "flow/power",
                        "flow/power_drift",
                        "flow/controlled",
                        "flow/no_divergence",
                    ],
                };
                [constants].into_iter().chain(shaders::files(files)).collect()
            }
            Equation::Tracks(_) => shaders::files(&["series", "flow/tracks"]),
            // With the constants that they need: these depend on the integrator.
            Equation::Composition => Vec::new(),
        }
    }

    /// What steps ask of a flow's density and these texts of the problem do not define.
    pub(crate) fn densities(&self, texts: &[Source]) -> Vec<Source> {
        let start = match self.equation {
            Equation::Mean(_) => "flow/start",
            _ => "flow/start_anywhere",
        };
        let files = [
            ("fn flow_log_density(", "flow/no_density"),
            ("fn flow_growth(", "flow/growth"),
            ("fn flow_log_ratio(", "flow/log_ratio"),
            ("fn flow_start(", start),
            ("fn flow_copy(", "flow/copy"),
            ("fn flow_drift_along(", "flow/drift_along"),
        ];
        let missing = files
            .into_iter()
            .filter(|(function, _)| !texts.iter().any(|text| text.text.contains(function)));
        missing.map(|(_, file)| shaders::file(file)).collect()
    }

    /// Checks the flow's own numbers.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.transport >= 0.0 && self.transport.is_finite()) {
            let reason = format!(
                "= {} is not a rate from 0 (none) on; 1 is the plain Langevin diffusion",
                self.transport
            );
            return Err(Error::config("transport", reason));
        }
        if !self.log_ratio.is_finite() {
            let reason = format!("= {} is not a finite number", self.log_ratio);
            return Err(Error::config("log_ratio", reason));
        }
        match self.equation {
            Equation::Mean(path) => path.check()?,
            Equation::Tracks(Pairing::Cone { length }) if !(1e-6..=1e6).contains(&length) => {
                let reason = format!("= {length} is not between 0.000001 and 1000000");
                return Err(Error::config("length of the cone path", reason));
            }
            _ => {}
        }
        if let Some(velocity) = &self.velocity
            && !matches!(self.equation, Equation::Mean(_))
        {
            let reason = format!(
                "{} needs a path of power means, as Flow::path has, which the {} flow is not",
                velocity.name, self.name
            );
            return Err(Error::config("velocity", reason));
        }
        Ok(())
    }

    /// What the flow makes of the laws of a problem.
    ///
    /// # Errors
    /// When components have to travel and a law is not a mixture of Gaussians.
    pub(crate) fn ends(&self, target: &Target, initial: &Initial) -> Result<Ends> {
        let Equation::Tracks(pairing) = self.equation else { return Ok(Ends::default()) };
        let (tracks, log_z) = self.tracks_between(pairing, target, initial)?;
        let teleports = tracks.iter().any(|track| track.mass[0] == 0.0);
        let proposal = match pairing {
            Pairing::Cone { .. } if teleports && !initial.is_given() => {
                Some(Initial::for_tracks(initial, &tracks)?)
            }
            _ => None,
        };
        let dim = target.dim();
        // Two loops over the axes for each track, in each of six evaluations.
        let loops = 6 * (tracks.len() as u32 * (2 * dim + 3) + 3 * dim);
        Ok(Ends {
            constants: Some(
                Prelude::default().number("TRACKS_LOG_Z", log_z as f32).named("tracks"),
            ),
            data: tracks::pack(&tracks),
            proposal,
            loops,
            teleports,
        })
    }

    /// The tracks between the two laws, and log Z of the target; none for other flows.
    #[cfg(any(test, feature = "reference"))]
    pub(crate) fn tracks_of(
        &self,
        target: &Target,
        initial: &Initial,
    ) -> Option<(Vec<Track>, f64)> {
        let Equation::Tracks(pairing) = self.equation else { return None };
        self.tracks_between(pairing, target, initial).ok()
    }

    fn tracks_between(
        &self,
        pairing: Pairing,
        target: &Target,
        initial: &Initial,
    ) -> Result<(Vec<Track>, f64)> {
        let Some((to, log_z)) = target.gaussians() else {
            let reason = format!(
                "needs a target of Gaussian components, gaussian-mixture or standard-normal, and \
                 the target is {}; use Flow::path",
                target.name()
            );
            return Err(Error::config(format!("{} path", self.name), reason));
        };
        let Some(from) = initial.gaussians() else {
            let reason = format!(
                "needs an initial law of Gaussian components, normal or mixture, and it is {}",
                initial.description()
            );
            return Err(Error::config(format!("{} path", self.name), reason));
        };
        Ok((pairing.tracks(from, &to)?, log_z))
    }

    /// The flow of a composition, which the problem holds.
    pub(crate) fn composition() -> Flow {
        Flow::builtin("composition", Equation::Composition, false, false)
    }

    fn tracks(name: &str, pairing: Pairing) -> Flow {
        Flow::builtin(name, Equation::Tracks(pairing), true, false)
    }

    fn builtin(
        name: &str,
        equation: Equation,
        has_path: bool,
        needs_initial_density: bool,
    ) -> Flow {
        Flow {
            name: name.into(),
            equation,
            transport: 1.0,
            log_ratio: 0.0,
            velocity: None,
            has_path,
            needs_initial_density,
            is_builtin: true,
            reaction: None,
        }
    }
}
