//! What speaks against the numbers of a run, in plain words.

use std::fmt;

use super::{Diagnostics, Mode};
use crate::loss::Lost;
use crate::resolution::Resolution;
use crate::sampler::{Info, TraceEvent};

/// A reason not to trust the numbers of a run; its text says which number, and what helps.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// A coordinate lies so far from zero, or from its center, that single precision has too few
    /// steps for its spread.
    Resolution(Resolution),
    /// Particles were lost by a position, a score or a weight that is not finite.
    /// [`Sampler::losses`](crate::Sampler::losses) tells where and when.
    NonFinite {
        /// How many since time zero, by cause.
        lost: Lost,
        /// Of how many.
        particles: usize,
    },
    /// At some ESS test, or at the end, one of 16 particles or more held more than half of the weight,
    /// as it does whenever the ESS is below 2.
    OneParticle {
        /// Its largest share.
        share: f32,
        /// The ESS then.
        ess: f32,
        /// Steps done before the test that saw it.
        step: u32,
        /// The particles.
        particles: usize,
    },
    /// At some ESS test, or at the end, the ESS was below 1 % of the particles. Resampling hides it
    /// from the genealogy.
    Collapse {
        /// The lowest ESS.
        ess: f32,
        /// Steps done before the test that saw it.
        step: u32,
        /// The particles.
        particles: usize,
    },
    /// One particle holds more than a tenth of the weight, and 10 times its even share.
    HeavyParticle {
        /// The share of the weight.
        share: f64,
    },
    /// The descendants of one time-zero ancestor hold more than a tenth of the weight, and 10 times
    /// an even share, while no single particle does.
    HeavyAncestor {
        /// The share of the weight.
        share: f64,
    },
    /// Fewer than 100 time-zero ancestors are left of more, or effectively fewer than 30.
    FewAncestors {
        /// Those with a descendant of positive weight.
        left: usize,
        /// The effective number of them.
        effective: f64,
    },
    /// Modes that effectively hang on fewer than 16 time-zero ancestors, which leaves their masses
    /// uncertain by a quarter or more. Counted are modes with a mass of 1 % or more, exact where it
    /// is known, and modes of unknown mass that hold no particle.
    FewAncestorsOfModes {
        /// Names and effective numbers of ancestors.
        modes: Vec<(String, f64)>,
    },
}

/// An ESS below this fraction of the particles is a collapse.
const COLLAPSE: f64 = 0.01;
/// The fewest particles of which one that holds half of the weight is told.
const FEWEST: usize = 16;
/// A share of the weight above which one particle or ancestor decides log Z.
const HEAVY: f64 = 0.1;
/// Ancestors left below which standard errors are not to be trusted; the effective number of them.
const FEW_LEFT: usize = 100;
const FEW_EFFECTIVE: f64 = 30.0;
/// Effective ancestors of a mode: its mass has a relative error of about one over their root.
const FEW_OF_MODE: f64 = 16.0;
/// Modes of less mass do not count.
const MASS_OF_MODE: f64 = 0.01;
/// Modes that a text names; it counts the others.
const MODES_NAMED: usize = 8;

impl Diagnostics<'_> {
    /// Everything that speaks against the numbers of this run, the gravest first; `modes` may be
    /// empty. The conditions are those of [`Warning`].
    pub fn warnings(&self, info: &Info, trace: &[TraceEvent], modes: &[Mode]) -> Vec<Warning> {
        let particles = self.particles.len();
        let mut warnings = Vec::new();
        warnings.extend(self.resolution().map(Warning::Resolution));
        if info.lost.total() > 0 {
            warnings.push(Warning::NonFinite { lost: info.lost, particles });
        }
        let tests = || {
            let of_trace = trace.iter().map(|event| (event.ess, event.max_weight, event.step));
            of_trace.chain([(info.ess, info.max_weight, info.step)])
        };
        let heaviest = tests().max_by(|a, b| a.1.total_cmp(&b.1));
        let lowest = tests().min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((ess, share, step)) =
            heaviest.filter(|(_, share, _)| is_collapsed(*share, particles))
        {
            warnings.push(Warning::OneParticle { share, ess, step, particles });
        } else if let Some((ess, _, step)) =
            lowest.filter(|low| f64::from(low.0) < COLLAPSE * particles as f64)
        {
            warnings.push(Warning::Collapse { ess, step, particles });
        }
        let heavy = |share: f64| share > HEAVY.max(10.0 / particles as f64);
        let (particle, ancestor) = (self.largest_particle(), self.largest_ancestor());
        if heavy(particle) {
            warnings.push(Warning::HeavyParticle { share: particle });
        } else if heavy(ancestor) {
            warnings.push(Warning::HeavyAncestor { share: ancestor });
        }
        let (left, effective) = (self.unique_ancestors(), self.effective_ancestors());
        if left < FEW_LEFT.min(particles) || effective < FEW_EFFECTIVE {
            warnings.push(Warning::FewAncestors { left, effective });
        }
        let counts = |mode: &&Mode| match mode.exact {
            Some(exact) => exact >= MASS_OF_MODE,
            None => mode.mass.value >= MASS_OF_MODE || mode.ancestors == 0,
        };
        let thin: Vec<_> = modes
            .iter()
            .filter(counts)
            .filter(|mode| mode.effective_ancestors < FEW_OF_MODE)
            .map(|mode| (mode.name.clone(), mode.effective_ancestors))
            .collect();
        if !thin.is_empty() {
            warnings.push(Warning::FewAncestorsOfModes { modes: thin });
        }
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Resolution(found) => found.fmt(f),
            Warning::NonFinite { lost, particles } => {
                write!(
                    f,
                    "particles were lost, {lost} in a population of {particles}, and have no weight; "
                )?;
                if lost.score + lost.weight > 0 {
                    f.write_str("check the density where it is not finite")
                } else {
                    f.write_str("smaller steps may keep them")
                }
            }
            Warning::OneParticle { share, ess, step, particles } => write!(
                f,
                "the weight gathered on one particle: at step {step} it held {:.0} % (ESS {ess:.1} of \
                 {particles}), so that log Z and standard errors are not trustworthy; use more steps, \
                 a smaller ess-every, or an initial law nearer to the target",
                100.0 * share
            ),
            Warning::Collapse { ess, step, particles } => write!(
                f,
                "the effective sample size fell to {ess:.0} of {particles} by step {step}, so that \
                 standard errors are too small; use more steps, a smaller ess-every, or an initial \
                 law nearer to the target"
            ),
            Warning::HeavyParticle { share } => write!(
                f,
                "log Z is not trustworthy: one particle holds {:.0} % of the mass; use more \
                 particles or more steps",
                100.0 * share
            ),
            Warning::HeavyAncestor { share } => write!(
                f,
                "log Z is not trustworthy: the descendants of one time-zero ancestor hold {:.0} % \
                 of the mass; use more particles, more steps, or an initial law that covers the \
                 target",
                100.0 * share
            ),
            Warning::FewAncestors { left, effective } => write!(
                f,
                "only {left} time-zero ancestors are left, effectively {effective:.0}, so that \
                 standard errors cannot be trusted; use more particles, more steps, or an initial \
                 law that covers the target"
            ),
            Warning::FewAncestorsOfModes { modes } => {
                let names: Vec<_> = modes.iter().take(MODES_NAMED).map(on).collect();
                let (count, hang) = match modes.len() {
                    1 => ("1 mode".to_string(), "hangs"),
                    many => (format!("{many} modes"), "hang"),
                };
                let more = match modes.len().saturating_sub(MODES_NAMED) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                write!(
                    f,
                    "{count} {hang} on few time-zero ancestors (effective numbers): {}{more}; use \
                     more particles, or an initial law that covers all modes",
                    names.join(", ")
                )
            }
        }
    }
}

/// Whether one of so many particles with this share has collapsed the weight; fewer than 16 may hold
/// it by chance.
pub(crate) fn is_collapsed(share: f32, particles: usize) -> bool {
    particles >= FEWEST && share > 0.5
}

/// `left on 2.5`.
fn on((name, ancestors): &(String, f64)) -> String {
    if *ancestors == 0.0 { format!("{name} on none") } else { format!("{name} on {ancestors:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Modes;
    use crate::particles::Particles;

    const N: usize = 2000;

    /// A healthy run of N particles in two modes.
    struct Run {
        log_weights: Vec<f32>,
        ancestors: Vec<u32>,
        positions: Vec<f32>,
        info: Info,
        trace: Vec<TraceEvent>,
    }

    fn healthy() -> Run {
        let ess = N as f32;
        Run {
            log_weights: vec![0.0; N],
            ancestors: (0..N as u32).collect(),
            positions: (0..N).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect(),
            info: Info {
                step: 100,
                time: 1.0,
                beta: 1.0,
                stages: 0,
                ess,
                log_normalizer: 0.0,
                max_weight: 1.0 / ess,
                non_finite: 0,
                lost: Lost::default(),
                resamplings: 0,
                acceptance: None,
                refused: None,
                dead: 0,
            },
            trace: vec![TraceEvent {
                step: 50,
                time: 0.5,
                beta: 0.5,
                cess: None,
                ess,
                log_normalizer: 0.0,
                max_weight: 1.0 / ess,
                non_finite: 0,
                resampled: false,
            }],
        }
    }

    impl Run {
        fn warnings(self) -> Vec<Warning> {
            let particles =
                Particles::new(1, self.positions, self.log_weights, self.ancestors).unwrap();
            let diagnostics = Diagnostics::new(&particles);
            let modes = Modes::around(vec![vec![-1.0], vec![1.0]]).unwrap();
            diagnostics.warnings(&self.info, &self.trace, &diagnostics.modes(&modes))
        }
    }

    #[test]
    fn a_healthy_run_has_none() {
        assert_eq!(healthy().warnings(), []);
        // Few particles are no reason by themselves.
        let mut few = healthy();
        few.log_weights.truncate(40);
        few.ancestors.truncate(40);
        few.positions.truncate(40);
        few.info.ess = 40.0;
        few.trace[0].ess = 40.0;
        assert_eq!(few.warnings(), []);
    }

    #[test]
    fn lost_particles_are_told() {
        let mut run = healthy();
        let lost = Lost { position: 3, ..Lost::default() };
        run.info.lost = lost;
        let [warning] = &run.warnings()[..] else { panic!() };
        assert_eq!(*warning, Warning::NonFinite { lost, particles: N });
        let text = warning.to_string();
        assert!(
            text.starts_with("particles were lost, 3 by their position in a population of 2000"),
            "{text}"
        );
    }

    #[test]
    fn one_particle_with_half_of_the_weight_is_told_in_place_of_a_collapse() {
        for (share, told) in [(0.51, true), (0.49, false)] {
            let mut run = healthy();
            (run.trace[0].max_weight, run.trace[0].ess) = (share, 3.0);
            let (step, ess) = (50, 3.0);
            let expected = match told {
                true => Warning::OneParticle { share, ess, step, particles: N },
                false => Warning::Collapse { ess, step, particles: N },
            };
            assert_eq!(run.warnings(), [expected], "{share}");
        }
        let text =
            Warning::OneParticle { share: 0.73, ess: 1.7, step: 5, particles: N }.to_string();
        assert!(text.contains("at step 5 it held 73 % (ESS 1.7 of 2000)"), "{text}");
        // Few particles hold much by chance.
        assert!(is_collapsed(0.6, 16) && !is_collapsed(0.6, 15));
    }

    #[test]
    fn a_collapse_is_told_from_one_percent() {
        for (test, end, told) in [(19.0, 2e3, true), (2e3, 19.0, true), (20.0, 20.0, false)] {
            let mut run = healthy();
            (run.trace[0].ess, run.info.ess) = (test, end);
            let step = if test < end { 50 } else { 100 };
            let expected = Warning::Collapse { ess: 19.0, step, particles: N };
            let expected = if told { vec![expected] } else { vec![] };
            assert_eq!(run.warnings(), expected, "{test} {end}");
        }
        let text = Warning::Collapse { ess: 19.0, step: 50, particles: N }.to_string();
        assert!(text.starts_with("the effective sample size fell to 19 of 2000 by step 50"));
    }

    #[test]
    fn a_particle_that_holds_a_tenth_is_told() {
        for (share, told) in [(0.41, true), (0.11, true), (0.09, false)] {
            let mut run = healthy();
            // w / (w + N − 1) = share.
            let weight = share / (1.0 - share) * (N - 1) as f64;
            run.log_weights[0] = weight.ln() as f32;
            let warnings = run.warnings();
            let heavy = warnings.iter().find(|w| matches!(w, Warning::HeavyParticle { .. }));
            assert_eq!(heavy.is_some(), told, "{share}");
            assert!(!warnings.iter().any(|w| matches!(w, Warning::HeavyAncestor { .. })));
            if share > 0.4 {
                let text = heavy.unwrap().to_string();
                assert!(
                    text.starts_with(
                        "log Z is not trustworthy: one particle holds 41 % of the mass; use more"
                    ),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn an_ancestor_that_holds_a_tenth_is_told() {
        for (descendants, told) in [(260, true), (180, false)] {
            let mut run = healthy();
            run.ancestors[..descendants].fill(0);
            let heavy = Warning::HeavyAncestor { share: descendants as f64 / N as f64 };
            let warnings = run.warnings();
            let is_heavy = |w: &&Warning| matches!(w, Warning::HeavyAncestor { .. });
            let found = warnings.iter().find(is_heavy).map(ToString::to_string);
            assert_eq!(found, told.then(|| heavy.to_string()), "{warnings:?}");
            assert!(found.is_none_or(|text| text.contains("one time-zero ancestor hold 13 %")));
        }
    }

    #[test]
    fn few_ancestors_are_told() {
        for (left, told) in [(99, true), (100, false)] {
            let mut run = healthy();
            run.ancestors = (0..N).map(|i| (i % left) as u32).collect();
            let few = Warning::FewAncestors { left, effective: left as f64 };
            let expected = if told { vec![few.to_string()] } else { vec![] };
            let found: Vec<_> = run.warnings().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
        }
        // Many are left, and a few have nearly everything.
        let mut run = healthy();
        run.ancestors = (0..N).map(|i| if i < 200 { i } else { 200 + i % 20 } as u32).collect();
        let found = run.warnings();
        let is_few = |w: &Warning| matches!(w, Warning::FewAncestors { left: 220, effective } if *effective < 25.0);
        assert!(found.iter().any(is_few), "{found:?}");
    }

    #[test]
    fn modes_that_hang_on_few_ancestors_are_told() {
        for (of_the_left, told) in [(15, true), (17, false)] {
            let mut run = healthy();
            let ancestor =
                |i: usize| if i.is_multiple_of(2) { 2 * (i / 2 % of_the_left) } else { i };
            run.ancestors = (0..N).map(|i| ancestor(i) as u32).collect();
            let found: Vec<_> = run.warnings().iter().map(ToString::to_string).collect();
            let expected = "1 mode hangs on few time-zero ancestors (effective numbers): 1 (-1.00) \
                            on 15.0; use more particles, or an initial law that covers all modes";
            assert_eq!(found, if told { vec![expected] } else { vec![] }, "{of_the_left}");
        }
        // Nobody on the left, and nobody says how much should be there.
        let mut run = healthy();
        run.positions.fill(1.0);
        let [warning] = &run.warnings()[..] else { panic!() };
        assert!(warning.to_string().contains("ancestors (effective numbers): 1 (-1.00) on none;"));
        // Two particles are no mode that counts.
        let mut run = healthy();
        run.positions[2..].fill(1.0);
        assert_eq!(run.warnings(), []);
    }

    #[test]
    fn many_modes_are_counted() {
        let modes = (0..10).map(|k| (format!("m{k}"), 2.0)).collect();
        let text = Warning::FewAncestorsOfModes { modes }.to_string();
        assert!(text.starts_with("10 modes hang on few time-zero ancestors"), "{text}");
        assert!(text.contains("m7 on 2.0, and 2 more; use"), "{text}");
    }
}
