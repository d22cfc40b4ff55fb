//! Modes: which one a position belongs to, what mass each holds, and on how few ancestors it hangs.

use std::path::Path;

use super::{Diagnostics, Estimate};
use crate::bounded;
use crate::error::{Error, Result};
use crate::rows;
use crate::target::{Component, Law, Target};

/// Components beyond which a mixture is not split into modes.
const MAX_COMPONENTS: usize = 256;
/// Axes of a many-well whose signs make the modes: at most 16 of them.
const MAX_SIGNS: usize = 4;

/// The modes of a target: to each position its share in every mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    names: Vec<String>,
    masses: Option<Vec<f64>>,
    regions: Regions,
}

#[derive(Debug, Clone, PartialEq)]
enum Regions {
    /// A position belongs to component k with its responsibility w_k N_k(x) / Σ_j w_j N_j(x).
    Components(Vec<Component>),
    /// The signs of the first so many coordinates, the first one the highest bit.
    Signs(usize),
    /// The nearest centre.
    Nearest(Vec<Vec<f64>>),
}

/// What weighted particles say of one mode.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mode {
    /// The mode's name.
    pub name: String,
    /// The probability of the mode.
    pub mass: Estimate,
    /// Its exact value, where it is known.
    pub exact: Option<f64>,
    /// Time-zero ancestors with a descendant of positive weight that is more in this mode than in
    /// any other.
    pub ancestors: usize,
    /// The effective number of them: 1 / Σ_a s_a² of their shares s_a of the mode's mass.
    pub effective_ancestors: f64,
    /// The largest share of the mode's mass that one particle holds.
    pub largest_particle: f64,
    /// The largest share of the mode's mass that one ancestor's descendants hold.
    pub largest_ancestor: f64,
}

impl Modes {
    /// The modes of a built-in target; `None` where there is one mode or where they are unknown.
    ///
    /// - Gaussian mixtures of 2 to 256 components: the components. A position belongs to each with
    ///   its responsibility, so that the exact masses are the weights however the components
    ///   overlap.
    /// - Double wells: `x0 < 0` and `x0 > 0`, while the tilt leaves two wells.
    /// - Many wells: the signs of the first axes with wells, at most four of them, named like
    ///   `-+`; those of the other axes are not told apart.
    pub fn of(target: &Target) -> Option<Modes> {
        match target.law()? {
            Law::GaussianMixture(components) => {
                (2..=MAX_COMPONENTS).contains(&components.len()).then(|| Modes {
                    names: numbered(components.iter().map(|one| one.mean.iter().copied())),
                    masses: Some(components.iter().map(|component| component.weight).collect()),
                    regions: Regions::Components(components.to_vec()),
                })
            }
            // a (x³ − x) + c = 0 and 4x³ − 2 depth x − tilt = 0 have three roots.
            Law::DoubleWell { a, c, .. } if 27.0 * c * c < 4.0 * a * a => {
                Some(Modes::of_signs(1, target.truth()?.right_mass))
            }
            Law::ManyWell { depth, tilt } if 27.0 * tilt * tilt < 8.0 * depth.powi(3) => {
                let axes = (target.dim() as usize / 2).min(MAX_SIGNS);
                Some(Modes::of_signs(axes, target.truth()?.right_mass))
            }
            _ => None,
        }
    }

    /// Modes around centres of your own, one point each: a position belongs to the nearest.
    ///
    /// # Errors
    /// Fewer than two centres, and points that are not finite or of different dimensions.
    pub fn around<T: Into<f64> + Copy>(centres: Vec<Vec<T>>) -> Result<Modes> {
        let point = |centre: &Vec<T>| centre.iter().map(|x| (*x).into()).collect();
        let centres: Vec<Vec<f64>> = centres.iter().map(point).collect();
        let wrong = |reason: String| Err(Error::config("mode centres", reason));
        if centres.len() < 2 {
            return wrong(format!("number {}; give 2 or more", centres.len()));
        }
        for (k, centre) in centres.iter().enumerate() {
            if centre.is_empty() || centre.len() != centres[0].len() {
                let (found, first) = (centre.len(), centres[0].len());
                return wrong(format!("{}: has {found} coordinates; expected {first}", k + 1));
            }
            if let Some(x) = centre.iter().find(|x| !(**x as f32).is_finite()) {
                return wrong(format!("{}: {x} is not finite", k + 1));
            }
        }
        let names = numbered(centres.iter().map(|centre| centre.iter().copied()));
        Ok(Modes { names, masses: None, regions: Regions::Nearest(centres) })
    }

    /// Modes around the points of a text file, as by [`Modes::around`]: `dim` coordinates a line,
    /// separated by commas or blanks; `#` begins a comment.
    ///
    /// # Errors
    /// [`ErrorKind::File`](crate::ErrorKind::File) with the line, and those of [`Modes::around`].
    pub fn from_file(path: impl AsRef<Path>, dim: u32) -> Result<Modes> {
        let path = path.as_ref();
        let text = bounded::text(path, bounded::ROWS).map_err(|why| Error::file(path, why))?;
        let expected = format!("the {dim} coordinates of a centre");
        let mut centres = Vec::new();
        for row in rows::each(&text, &expected) {
            let (line, row) = row.map_err(|reason| Error::file(path, reason))?;
            if row.len() != dim as usize {
                let found = row.len();
                let reason = format!("line {line}: has {found} columns; expected {expected}");
                return Err(Error::file(path, reason));
            }
            centres.push(row);
        }
        Modes::around(centres).map_err(|error| Error::file(path, error))
    }

    /// The same modes with exact masses, one each.
    ///
    /// # Panics
    /// When there are not as many.
    #[must_use]
    pub fn with_exact_masses(self, masses: Vec<f64>) -> Modes {
        assert_eq!(masses.len(), self.names.len(), "one mass per mode");
        Modes { masses: Some(masses), ..self }
    }

    /// The names of the modes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The exact masses of the modes, where they are known.
    pub fn exact_masses(&self) -> Option<&[f64]> {
        self.masses.as_deref()
    }

    /// How much the position `x` belongs to each mode: shares that sum to 1.
    pub fn shares(&self, x: &[f32]) -> Vec<f64> {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        self.shares_of(&x)
    }

    fn shares_of(&self, x: &[f64]) -> Vec<f64> {
        let one = |k: usize| {
            let mut shares = vec![0.0; self.names.len()];
            shares[k] = 1.0;
            shares
        };
        match &self.regions {
            Regions::Components(components) => {
                let mut shares: Vec<_> = components.iter().map(|c| c.log_term(x)).collect();
                let peak = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                shares.iter_mut().for_each(|share| *share = (*share - peak).exp());
                let sum: f64 = shares.iter().sum();
                shares.iter_mut().for_each(|share| *share /= sum);
                shares
            }
            Regions::Signs(axes) => {
                one(x[..*axes].iter().fold(0, |bits, x| 2 * bits + usize::from(*x > 0.0)))
            }
            Regions::Nearest(centres) => {
                let square = |centre: &[f64]| -> f64 {
                    x.iter().zip(centre).map(|(x, c)| (x - c).powi(2)).sum()
                };
                let distances = centres.iter().map(|centre| square(centre)).enumerate();
                one(distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(k, _)| k))
            }
        }
    }

    /// 2^axes modes of independent axes, each with the mass `right` above 0.
    fn of_signs(axes: usize, right: f64) -> Modes {
        let bit = |mode: usize, axis: usize| mode >> (axes - 1 - axis) & 1 == 1;
        let name = |mode| match axes {
            1 => if bit(mode, 0) { "x0 > 0" } else { "x0 < 0" }.to_string(),
            _ => (0..axes).map(|axis| if bit(mode, axis) { '+' } else { '-' }).collect(),
        };
        let mass = |mode| -> f64 {
            (0..axes).map(|axis| if bit(mode, axis) { right } else { 1.0 - right }).product()
        };
        let modes = 0..1 << axes;
        Modes {
            names: modes.clone().map(name).collect(),
            masses: Some(modes.map(mass).collect()),
            regions: Regions::Signs(axes),
        }
    }
}

/// `1 (3.70, 1.53)`: the number of a mode and where it is.
fn numbered<P: Iterator<Item = f64>>(points: impl Iterator<Item = P>) -> Vec<String> {
    const SHOWN: usize = 3;
    let name = |(k, mut point): (usize, P)| {
        let mut numbers: Vec<_> = point.by_ref().take(SHOWN).map(|x| format!("{x:.2}")).collect();
        if point.next().is_some() {
            numbers.push("…".into());
        }
        format!("{} ({})", k + 1, numbers.join(", "))
    };
    points.enumerate().map(name).collect()
}

/// Sums over families of what they hold of one mode.
#[derive(Clone, Default)]
struct Sums {
    mass: f64,
    squares: f64,
    /// Σ_a s_a S_a with the whole share S_a of the family.
    products: f64,
    ancestors: usize,
    largest_particle: f64,
    largest_ancestor: f64,
}

impl Diagnostics<'_> {
    /// What the particles say of each mode.
    ///
    /// # Panics
    /// When the modes are of another dimension than the particles.
    pub fn modes(&self, modes: &Modes) -> Vec<Mode> {
        let count = modes.names.len();
        let mut all = vec![Sums::default(); count];
        let mut squares_of_families = 0.0;
        let mut family = vec![(0.0, false); count];
        let mut end_of_family = |family: &mut [(f64, bool)], all: &mut [Sums]| {
            let whole: f64 = family.iter().map(|(held, _)| held).sum();
            squares_of_families += whole * whole;
            for (sums, (held, is_there)) in all.iter_mut().zip(family) {
                sums.mass += *held;
                sums.squares += *held * *held;
                sums.products += *held * whole;
                sums.ancestors += usize::from(*is_there);
                sums.largest_ancestor = sums.largest_ancestor.max(*held);
                (*held, *is_there) = (0.0, false);
            }
        };
        let ancestors = self.particles.ancestors();
        let mut point = vec![0.0; self.particles.dim()];
        let mut order: Vec<usize> =
            (0..ancestors.len()).filter(|i| self.weights[*i] > 0.0).collect();
        order.sort_by_key(|i| ancestors[*i]);
        for (at, &i) in order.iter().enumerate() {
            if at > 0 && ancestors[i] != ancestors[order[at - 1]] {
                end_of_family(&mut family, &mut all);
            }
            for (j, x) in point.iter_mut().enumerate() {
                *x = self.particles.coordinate(i, j);
            }
            let shares = modes.shares_of(&point);
            let most = (0..count).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
            for (k, share) in shares.into_iter().enumerate() {
                let held = self.weights[i] * share;
                family[k].0 += held;
                family[k].1 |= most == Some(k);
                all[k].largest_particle = all[k].largest_particle.max(held);
            }
        }
        end_of_family(&mut family, &mut all);

        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let mode = |(k, sums): (usize, &Sums)| {
            let m = sums.mass;
            // Σ_a (s_a − m S_a)², which rounding may leave below 0.
            let spread = sums.squares - 2.0 * m * sums.products + m * m * squares_of_families;
            Mode {
                name: modes.names[k].clone(),
                mass: Estimate { value: m, se: self.error(spread.max(0.0)) },
                exact: modes.masses.as_ref().map(|masses| masses[k]),
                ancestors: sums.ancestors,
                effective_ancestors: share(m * m, sums.squares),
                largest_particle: share(sums.largest_particle, m),
                largest_ancestor: share(sums.largest_ancestor, m),
            }
        };
        all.iter().enumerate().map(mode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::particles::Particles;

    #[test]
    fn components_share_a_position_by_responsibility() {
        let component =
            |weight, mean: f64| Component { weight, mean: vec![mean], scale: vec![1.0] };
        let target =
            Target::gaussian_mixture(&[component(1.0, -1.0), component(3.0, 1.0)]).unwrap();
        let modes = Modes::of(&target).unwrap();
        assert_eq!(modes.names(), ["1 (-1.00)", "2 (1.00)"]);
        assert_eq!(modes.exact_masses(), Some(&[0.25, 0.75][..]));
        let shares = modes.shares(&[0.5]);
        let odds = 3.0 * (0.5 * (1.5_f64.powi(2) - 0.5_f64.powi(2))).exp();
        assert!((shares[1] / shares[0] - odds).abs() < 1e-12 * odds);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        // Far from both, no 0/0.
        assert_eq!(modes.shares(&[1e6]), [0.0, 1.0]);
        assert_eq!(Modes::of(&Target::gaussian_mixture(&[component(1.0, 0.0)]).unwrap()), None);
    }

    #[test]
    fn wells_are_told_by_their_signs() {
        let target = Target::double_well(2).unwrap();
        let modes = Modes::of(&target).unwrap();
        assert_eq!(modes.names(), ["x0 < 0", "x0 > 0"]);
        assert_eq!(modes.exact_masses().unwrap()[1], target.truth().unwrap().right_mass);
        assert_eq!(modes.shares(&[-0.1, 9.0]), [1.0, 0.0]);
        // A tilt that leaves one well: c > 2a/√27.
        let tilted = |c| Modes::of(&Target::double_well(1).unwrap().set("c", c).unwrap());
        assert!(tilted(7.69).is_some() && tilted(7.70).is_none());

        let wells = Target::many_well(4).unwrap();
        let modes = Modes::of(&wells).unwrap();
        assert_eq!(modes.names(), ["--", "-+", "+-", "++"]);
        assert_eq!(modes.shares(&[-1.0, 1.0, 0.0, 0.0]), [0.0, 1.0, 0.0, 0.0]);
        let right = wells.truth().unwrap().right_mass;
        assert!((modes.exact_masses().unwrap()[1] - (1.0 - right) * right).abs() < 1e-15);
        assert_eq!(Modes::of(&Target::many_well(32).unwrap()).unwrap().names().len(), 16);
        let sum: f64 =
            Modes::of(&Target::many_well(8).unwrap()).unwrap().masses.unwrap().iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert_eq!(Modes::of(&Target::many_well(4).unwrap().set("depth", -1.0).unwrap()), None);
        for unimodal in ["standard-normal", "funnel", "banana", "ring"] {
            assert_eq!(Modes::of(&Target::named(unimodal, None).unwrap()), None, "{unimodal}");
        }
        assert_eq!(Modes::of(&Target::from_formula(1, "-x0^2").unwrap()), None);
    }

    #[test]
    fn centres_are_read_and_the_nearest_wins() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            Modes::from_file(file.path(), 2)
        };
        let modes = read("# centres\n-1 0\n1, 0.5 # right\n").unwrap();
        assert_eq!(modes.names(), ["1 (-1.00, 0.00)", "2 (1.00, 0.50)"]);
        assert_eq!(modes.exact_masses(), None);
        assert_eq!(modes.shares(&[0.5, 0.0]), [0.0, 1.0]);
        let name = file.path().display();
        for (text, expected) in [
            ("0 0\n", "mode centres number 1; give 2 or more"),
            ("0 0\n1\n", "line 2: has 1 columns; expected the 2 coordinates of a centre"),
            ("0 0\n1 x\n", "line 2: \"x\" is not a number; expected the 2 coordinates of a centre"),
            ("0 0\n1 inf\n", "mode centres 2: inf is not finite"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), format!("{name}: {expected}"));
        }
        let uneven = Modes::around(vec![vec![0.0], vec![0.0, 1.0]]).unwrap_err();
        assert_eq!(uneven.to_string(), "mode centres 2: has 2 coordinates; expected 1");
    }

    /// Six particles of four families; the one lost at NaN is nowhere.
    #[test]
    fn masses_and_ancestors_of_modes() {
        let positions = vec![-1.0, -2.0, 1.0, 1.0, 2.0, f32::NAN];
        let log_weights = vec![0.0, 0.0, 0.0, 2.0_f32.ln(), 0.0, f32::NAN];
        let particles = Particles::new(1, positions, log_weights, vec![3, 0, 3, 1, 2, 4]).unwrap();
        let modes = Modes::around(vec![vec![-1.0], vec![1.0], vec![50.0]]).unwrap();
        let diagnostics = Diagnostics::new(&particles);
        let found = diagnostics.modes(&modes);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-8, "{a} is not {b}");
        near(found[0].mass.value, 2.0 / 6.0);
        near(found[1].mass.value, 4.0 / 6.0);
        // The mass is a mean like others.
        near(found[0].mass.se, diagnostics.mass(|x| x[0] < 0.0).se);
        assert_eq!(found[1].ancestors, 3);
        // Shares ¼, ½, ¼.
        near(found[1].effective_ancestors, 1.0 / 0.375);
        near(found[1].largest_particle, 0.5);
        near(found[1].largest_ancestor, 0.5);
        near(found[0].effective_ancestors, 2.0);
        let empty = &found[2];
        assert_eq!((empty.ancestors, empty.mass), (0, Estimate { value: 0.0, se: 0.0 }));
        near(empty.largest_particle + empty.effective_ancestors, 0.0);
    }
}
