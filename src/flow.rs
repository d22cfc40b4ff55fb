//! The equation that particles follow.

use crate::integrator::Integrator;
use crate::shaders;
use crate::wgsl::Source;

/// The weighted SDE that particles follow: drift, noise and the rate ψ of their log-weights.
///
/// dx = (u + ε ∇ log ρ_t) dt + √(2ε) dW, d log w = ψ(x, t) dt: arXiv 2512.17878, and the weighted SDE
/// of Feynman–Kac correctors (arXiv 2503.02819). ε is the rate of transport, 1 unless set; most flows
/// have no velocity u.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    name: String,
    source: Source,
    /// The same flow with the density that it leaves invariant, where its text has none.
    with_density: Option<Source>,
    transport: f32,
    has_path: bool,
    needs_initial_density: bool,
    is_builtin: bool,
}

impl Flow {
    /// Plain Langevin diffusion of the target: v = ∇ log π, ψ = 0.
    ///
    /// It crosses a barrier only in a time exponential in its height.
    pub fn langevin() -> Flow {
        Flow {
            with_density: Some(shaders::file("flow/langevin_with_density")),
            ..Flow::builtin("langevin", false)
        }
    }

    /// Langevin diffusion annealed along the geometric path ρ_t ∝ p₀^{1−β} π^β with Jarzynski's
    /// weights, ψ = β′ (log π − log p₀): mass moves between modes by weight, not by crossing.
    ///
    /// Jarzynski 1997; Neal 2001. With the kernel-ratio integrator the weights are exact at every
    /// step size and exp(log-normaliser) is unbiased.
    pub fn annealed() -> Flow {
        Flow::builtin("annealed", true)
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
    /// and then ψ = ∂_t log ρ + ∇·u + u·∇ log ρ, whatever ε; the kernel ratio needs no ψ. The text may
    /// call `target_log_density_and_score(x, out)`, `target_score(x)` and
    /// `initial_log_density_and_score(x, out)`.
    pub fn from_wgsl(name: impl Into<String>, text: impl Into<String>, has_path: bool) -> Flow {
        let source = Source::new(name, text);
        let needs_initial_density = source.text.contains("initial_log_density_and_score");
        let name = source.name.clone();
        Flow {
            name,
            source,
            with_density: None,
            transport: 1.0,
            has_path,
            needs_initial_density,
            is_builtin: false,
        }
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
    pub fn default_integrator(&self) -> Integrator {
        if self.has_path { Integrator::KernelRatio } else { Integrator::Euler }
    }

    /// Whether the flow has a path of densities, which the kernel ratio needs.
    pub fn has_path(&self) -> bool {
        self.has_path
    }

    /// Whether its diffusion leaves a known unnormalised density invariant at each time, which
    /// Metropolis moves and underdamped dynamics need: that of its path, or a constant one.
    pub fn has_density(&self) -> bool {
        self.has_path || self.with_density.is_some()
    }

    /// The rate ε of transport.
    pub fn transport(&self) -> f32 {
        self.transport
    }

    /// Whether the flow has a velocity beside the gradient of a log density.
    pub fn has_velocity(&self) -> bool {
        self.source.text.contains("fn flow_velocity")
    }

    pub(crate) fn needs_initial_density(&self) -> bool {
        self.needs_initial_density
    }

    /// Whether the text is the engine's own.
    pub(crate) fn is_builtin(&self) -> bool {
        self.is_builtin
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The text for a step by this integrator.
    pub(crate) fn source_for(&self, integrator: Integrator) -> &Source {
        let with_density = self.with_density.as_ref().filter(|_| integrator.needs_density());
        with_density.unwrap_or(&self.source)
    }

    fn builtin(name: &'static str, has_path: bool) -> Flow {
        Flow {
            name: name.into(),
            source: shaders::file(&format!("flow/{name}")),
            with_density: None,
            transport: 1.0,
            has_path,
            needs_initial_density: has_path,
            is_builtin: true,
        }
    }
}
