//! What the weights, the genealogy and the acceptance say against the numbers of a run.

use super::{Diagnostics, Mode, Warning};
use crate::sampler::{Info, TraceEvent};

/// An ESS below this fraction of the particles is a collapse.
const COLLAPSE: f64 = 0.01;
/// The fewest particles of which one that holds half of the weight is reported.
const FEWEST: usize = 16;
/// A share of the weight above which one particle or ancestor decides log Z.
const HEAVY: f64 = 0.1;
/// Effective families below which standard errors are not to be trusted.
const FEW_FAMILIES: f64 = 100.0;
/// A share of lost particles above which what is sampled is another density.
const MANY_LOST: f64 = 0.01;
/// Acceptance of Metropolis moves: below, particles hardly move; above, steps could be longer.
const LEAST_ACCEPTANCE: f32 = 0.2;
const MOST_ACCEPTANCE: f32 = 0.97;
/// Effective ancestors of a mode: its mass has a relative error of about one over their root.
const FEW_OF_MODE: f64 = 16.0;
/// Modes of less mass do not count.
const MASS_OF_MODE: f64 = 0.01;
/// Modes that a text names; it counts the others.
const MODES_NAMED: usize = 8;

impl Diagnostics<'_> {
    /// Everything in weights, genealogy and acceptance that speaks against the numbers of this run,
    /// the gravest first, and notes after that; `modes` may be empty.
    ///
    /// [`Diagnostics::examine`] looks at the density itself.
    ///
    /// | kind | condition |
    /// | --- | --- |
    /// | `coarse-coordinate` | a coordinate's deviation spans fewer than 30 steps of single precision; a note below 1000 |
    /// | `lost-particles` | more than 1 % of the particles were lost; a note below that |
    /// | `one-particle` | at some ESS test, or at the end, one of 16 particles or more held more than half of the weight |
    /// | `collapse` | at some ESS test, or at the end, the ESS was below 1 % of the particles |
    /// | `heavy-particle` | one particle holds more than a tenth of the weight, and 10 times its even share |
    /// | `heavy-family` | the same of the descendants of one time-zero ancestor |
    /// | `few-families` | the effective number of time-zero ancestors is below 100 |
    /// | `few-families-of-modes` | effectively fewer than 16 time-zero ancestors of a mode with a mass of 1 % |
    /// | `low-acceptance` | fewer than 20 % of the Metropolis moves were accepted |
    /// | `short-steps` | a note: more than 97 % of them were |
    pub fn warnings(&self, info: &Info, trace: &[TraceEvent], modes: &[Mode]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        warnings.extend(self.coarse());
        warnings.extend(self.lost(info));
        warnings.extend(self.collapsed(info, trace));
        warnings.extend(self.acceptance(info));
        warnings.extend(self.heavy());
        warnings.extend(self.few_families());
        warnings.extend(self.few_families_of_modes(modes));
        warnings.sort_by_key(Warning::severity);
        warnings
    }

    fn coarse(&self) -> Option<Warning> {
        let found = self.resolution()?;
        let text = found.with_advice(self.cure.built_in());
        Some(match found.is_grave() {
            true => Warning::doubt("coarse-coordinate", text),
            false => Warning::note("coarse-coordinate", text),
        })
    }

    fn lost(&self, info: &Info) -> Option<Warning> {
        let (lost, particles) = (info.lost, self.particles.len());
        if lost.total() == 0 {
            return None;
        }
        let text = format!(
            "particles were lost, {lost} in a population of {particles}, and have no weight"
        );
        let about_density = lost.score + lost.weight > 0;
        let help = if about_density {
            "; what was sampled is the density where it is finite, which `wfr check` looks at"
        } else {
            ""
        };
        let warning = if lost.total() as f64 > MANY_LOST * particles as f64 {
            Warning::doubt("lost-particles", text + help)
        } else {
            Warning::note("lost-particles", text + help)
        };
        Some(if about_density { warning } else { warning.with_option(self.cure.longer()) })
    }

    fn collapsed(&self, info: &Info, trace: &[TraceEvent]) -> Option<Warning> {
        let particles = self.particles.len();
        let tests = || {
            let of_trace = trace.iter().map(|event| (event.ess, event.max_weight, event.step));
            of_trace.chain([(info.ess, info.max_weight, info.step)])
        };
        let heaviest = tests().max_by(|a, b| a.1.total_cmp(&b.1));
        let lowest = tests().min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((ess, share, step)) =
            heaviest.filter(|(_, share, _)| is_collapsed(*share, particles))
        {
            let text = format!(
                "the weight gathered on one particle: at step {step} it held {:.0} % (ESS {ess:.1} \
                 of {particles}), so that neither log Z nor any standard error can be trusted",
                100.0 * share
            );
            return Some(Warning::doubt("one-particle", text).with_option(self.cure.collapse()));
        }
        let (ess, _, step) = lowest.filter(|low| f64::from(low.0) < COLLAPSE * particles as f64)?;
        let text = format!(
            "the effective sample size fell to {ess:.0} of {particles} by step {step}, so that \
             standard errors are too small"
        );
        Some(Warning::doubt("collapse", text).with_option(self.cure.collapse()))
    }

    fn acceptance(&self, info: &Info) -> Option<Warning> {
        let acceptance = info.acceptance?;
        if acceptance < LEAST_ACCEPTANCE {
            let text = format!(
                "only {:.2} % of the moves were accepted, so that most particles stayed where they \
                 were; use shorter steps",
                100.0 * acceptance
            );
            let option = self.cure.shorter_steps();
            return Some(Warning::doubt("low-acceptance", text).with_option(option));
        }
        (acceptance > MOST_ACCEPTANCE).then(|| {
            let text = format!(
                "{:.1} % of the moves were accepted: longer steps would go further for the same time",
                100.0 * acceptance
            );
            Warning::note("short-steps", text).with_option("--tune")
        })
    }

    fn heavy(&self) -> Option<Warning> {
        let is_heavy = |share: f64| share > HEAVY.max(10.0 / self.particles.len() as f64);
        let (particle, family) = (self.largest_particle(), self.largest_ancestor());
        let (kind, whose, share) = if is_heavy(particle) {
            ("heavy-particle", "one particle holds", particle)
        } else if is_heavy(family) {
            ("heavy-family", "the descendants of one time-zero ancestor hold", family)
        } else {
            return None;
        };
        let text =
            format!("log Z is not trustworthy: {whose} {:.0} % of the weight", 100.0 * share);
        Some(Warning::doubt(kind, text).with_option(self.cure.collapse()))
    }

    fn few_families(&self) -> Option<Warning> {
        let (left, effective) = (self.unique_ancestors(), self.effective_ancestors());
        (effective < FEW_FAMILIES || self.is_one_family).then(|| {
            let plural = if left == 1 { "ancestor is" } else { "ancestors are" };
            let text = format!(
                "only {left} time-zero {plural} left, effectively {effective:.0}: standard errors \
                 are made of the differences between their families, and below 100 they are \
                 unreliable"
            );
            let option = self.cure.families(effective, FEW_FAMILIES);
            Warning::doubt("few-families", text).with_option(option)
        })
    }

    fn few_families_of_modes(&self, modes: &[Mode]) -> Option<Warning> {
        let counts = |mode: &&Mode| match mode.exact {
            Some(exact) => exact >= MASS_OF_MODE,
            None => mode.mass.value >= MASS_OF_MODE || mode.ancestors == 0,
        };
        let few = |mode: &&Mode| mode.effective_ancestors < FEW_OF_MODE;
        let thin: Vec<_> = modes.iter().filter(counts).filter(few).collect();
        let fewest = thin.iter().map(|mode| mode.effective_ancestors).reduce(f64::min)?;
        let names: Vec<_> = thin.iter().take(MODES_NAMED).map(|mode| on(mode)).collect();
        let (count, rest) = match thin.len() {
            1 => ("1 mode".to_string(), "rests"),
            many => (format!("{many} modes"), "rest"),
        };
        let more = match thin.len().saturating_sub(MODES_NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let text = format!(
            "{count} {rest} on few time-zero ancestors (effective numbers): {}{more}",
            names.join(", ")
        );
        let warning = Warning::doubt("few-families-of-modes", text);
        Some(match fewest > 0.0 {
            true => warning.with_option(self.cure.families(fewest, FEW_OF_MODE)),
            // More particles help no mode that none of them reaches.
            false => warning.with_option("a wider --initial"),
        })
    }
}

/// Whether one of so many particles with this share has collapsed the weight; fewer than 16 may hold
/// it by chance.
pub(crate) fn is_collapsed(share: f32, particles: usize) -> bool {
    particles >= FEWEST && share > 0.5
}

/// `left on 2.5`.
fn on(mode: &Mode) -> String {
    match mode.effective_ancestors {
        0.0 => format!("{} on none", mode.name),
        some => format!("{} on {some:.1}", mode.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Modes;
    use crate::loss::Lost;
    use crate::particles::Particles;
    use crate::testing;

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
            info: testing::info(ess),
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
    }

    /// The only warning: its kind, and its text with the option.
    fn only(run: Run) -> (String, String) {
        let warnings = run.warnings();
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        (warning.kind().to_string(), warning.to_string())
    }

    fn kinds(warnings: &[Warning]) -> Vec<&str> {
        warnings.iter().map(Warning::kind).collect()
    }

    #[test]
    fn lost_particles_are_a_doubt_from_one_percent() {
        for (count, is_doubt) in [(3, false), (20, false), (21, true)] {
            let mut run = healthy();
            run.info.lost = Lost { position: count, ..Lost::default() };
            let [warning] = &run.warnings()[..] else { panic!() };
            assert_eq!((warning.kind(), warning.is_doubt()), ("lost-particles", is_doubt));
            let expected = format!("{count} by their position in a population of 2000");
            assert!(warning.text().contains(&expected), "{warning}");
            assert_eq!(warning.option(), Some("--integrator mala"));
        }
        let mut run = healthy();
        run.info.lost = Lost { weight: 30, ..Lost::default() };
        let (_, text) = only(run);
        assert!(text.ends_with("where it is finite, which `wfr check` looks at"), "{text}");
    }

    #[test]
    fn one_particle_with_half_of_the_weight_is_told_in_place_of_a_collapse() {
        for (share, expected) in [(0.51, "one-particle"), (0.49, "collapse")] {
            let mut run = healthy();
            (run.trace[0].max_weight, run.trace[0].ess) = (share, 3.0);
            let (kind, text) = only(run);
            assert_eq!(kind, expected);
            assert!(text.ends_with("; try --integrator mala --schedule adaptive"), "{text}");
        }
        let mut run = healthy();
        (run.trace[0].max_weight, run.trace[0].ess) = (0.73, 1.7);
        let (_, text) = only(run);
        assert!(text.contains("at step 50 it held 73 % (ESS 1.7 of 2000)"), "{text}");
        // Few particles hold much by chance.
        assert!(is_collapsed(0.6, 16) && !is_collapsed(0.6, 15));
    }

    #[test]
    fn a_collapse_is_told_from_one_percent() {
        for (test, end, told) in [(19.0, 2e3, true), (2e3, 19.0, true), (20.0, 20.0, false)] {
            let mut run = healthy();
            (run.trace[0].ess, run.info.ess) = (test, end);
            let step = if test < end { 50 } else { 100 };
            let found = run.warnings();
            assert_eq!(kinds(&found), if told { vec!["collapse"] } else { vec![] }, "{test} {end}");
            let expected =
                format!("the effective sample size fell to 19 of 2000 by step {step}, so");
            assert!(found.iter().all(|one| one.is_doubt() && one.text().starts_with(&expected)));
        }
    }

    #[test]
    fn a_particle_that_holds_a_tenth_is_told() {
        for (share, told) in [(0.41, true), (0.11, true), (0.09, false)] {
            let mut run = healthy();
            // w / (w + N − 1) = share.
            let weight = share / (1.0 - share) * (N - 1) as f64;
            run.log_weights[0] = weight.ln() as f32;
            let warnings = run.warnings();
            let heavy = warnings.iter().find(|one| one.kind() == "heavy-particle");
            assert_eq!(heavy.is_some(), told, "{share}");
            assert!(!kinds(&warnings).contains(&"heavy-family"));
            let text = "log Z is not trustworthy: one particle holds 41 % of the weight";
            assert!(share < 0.4 || heavy.unwrap().text() == text, "{warnings:?}");
        }
    }

    #[test]
    fn a_family_that_holds_a_tenth_is_told() {
        for (descendants, told) in [(260, true), (180, false)] {
            let mut run = healthy();
            run.ancestors[..descendants].fill(0);
            let warnings = run.warnings();
            let heavy = warnings.iter().find(|one| one.kind() == "heavy-family");
            assert_eq!(heavy.is_some(), told, "{warnings:?}");
            let text = "one time-zero ancestor hold 13 % of the weight";
            assert!(heavy.is_none_or(|one| one.text().ends_with(text)), "{warnings:?}");
        }
    }

    #[test]
    fn few_families_are_told_below_a_hundred() {
        for (left, told) in [(99, true), (100, false)] {
            let mut run = healthy();
            run.ancestors = (0..N).map(|i| (i % left) as u32).collect();
            let found = run.warnings();
            let expected = if told { vec!["few-families"] } else { vec![] };
            assert_eq!(kinds(&found), expected, "{found:?}");
            let text = "only 99 time-zero ancestors are left, effectively 99: standard errors";
            assert!(found.iter().all(|one| one.text().starts_with(text)), "{found:?}");
        }
        // Many are left, and some have nearly everything.
        let mut run = healthy();
        run.ancestors = (0..N).map(|i| if i < 200 { i } else { 200 + i % 70 } as u32).collect();
        let (kind, text) = only(run);
        assert_eq!(kind, "few-families");
        assert!(text.contains("only 270 time-zero ancestors are left, effectively 8"), "{text}");
    }

    #[test]
    fn acceptance_below_a_fifth_is_a_doubt_and_short_steps_are_a_note() {
        let of = |acceptance| {
            let mut run = healthy();
            run.info.acceptance = Some(acceptance);
            let found = run.warnings();
            found.iter().map(|one| (one.kind().to_string(), one.is_doubt())).collect::<Vec<_>>()
        };
        assert_eq!(of(0.19), [("low-acceptance".into(), true)]);
        assert_eq!(of(0.98), [("short-steps".into(), false)]);
        assert_eq!((of(0.21), of(0.96)), (vec![], vec![]));
        // Doubts come first.
        let mut run = healthy();
        run.info.acceptance = Some(0.99);
        run.ancestors.fill(0);
        let found = run.warnings();
        let doubts = ["heavy-family", "few-families", "few-families-of-modes"];
        assert_eq!(kinds(&found)[..3], doubts, "{found:?}");
        assert_eq!(kinds(&found)[3..], ["short-steps"], "{found:?}");
    }

    #[test]
    fn modes_that_rest_on_few_ancestors_are_told() {
        for (of_the_left, told) in [(15, true), (17, false)] {
            let mut run = healthy();
            let ancestor =
                |i: usize| if i.is_multiple_of(2) { 2 * (i / 2 % of_the_left) } else { i };
            run.ancestors = (0..N).map(|i| ancestor(i) as u32).collect();
            let found = run.warnings();
            let found: Vec<_> =
                found.iter().filter(|one| one.kind() == "few-families-of-modes").collect();
            let expected = "1 mode rests on few time-zero ancestors (effective numbers): 1 (-1.00) \
                            on 15.0";
            let texts: Vec<_> = found.iter().map(|one| one.text()).collect();
            assert_eq!(texts, if told { vec![expected] } else { vec![] }, "{of_the_left}");
        }
        // No particle is on the left, and nothing says how many should be there.
        let mut run = healthy();
        run.positions.fill(1.0);
        let (_, text) = only(run);
        assert!(text.ends_with("numbers): 1 (-1.00) on none; try a wider --initial"), "{text}");
        // Two particles are no mode that counts.
        let mut run = healthy();
        run.positions[2..].fill(1.0);
        assert_eq!(run.warnings(), []);
    }

    #[test]
    fn many_modes_are_counted() {
        let mut run = healthy();
        run.positions.iter_mut().zip(0..).for_each(|(x, i)| *x = (i % 10) as f32);
        run.ancestors.iter_mut().zip(0..).for_each(|(a, i)| *a = i % 200);
        let particles =
            Particles::new(1, run.positions.clone(), run.log_weights, run.ancestors).unwrap();
        let diagnostics = Diagnostics::new(&particles);
        let modes = Modes::around((0..10).map(|k| vec![k as f32]).collect()).unwrap();
        let mut modes = diagnostics.modes(&modes);
        modes.iter_mut().for_each(|mode| mode.effective_ancestors = 2.0);
        let warnings = diagnostics.warnings(&run.info, &run.trace, &modes);
        let text = warnings[0].text();
        assert!(text.starts_with("10 modes rest on few time-zero ancestors"), "{text}");
        assert!(text.ends_with("on 2.0, and 2 more"), "{text}");
    }
}
