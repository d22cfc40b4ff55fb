//! What a picture of a sample should show, where it is known.

use std::cell::RefCell;
use std::f64::consts::TAU;
use std::ops::Range;
use std::rc::Rc;

use wfr::diffusion::Composition;
use wfr::{Component, Target};

use super::histogram::Plane;

/// The density of a law along its axes, normalised, where it is known.
pub(crate) struct Exact {
    dim: usize,
    form: Form,
}

/// The log density at a point (dim,), not normalised; `None` where it has no value.
type LogDensity = Box<dyn Fn(&[f64]) -> Option<f64>>;

enum Form {
    /// Components, whose weights sum to one.
    Mixture(Vec<Component>),
    /// Axes are independent of each other.
    Product(LogDensity),
    /// In one and two dimensions: integrals are sums.
    Joint(LogDensity, Tables),
}

/// Targets of the catalogue whose axes are independent of each other.
const PRODUCTS: [&str; 3] = ["standard-normal", "double-well", "many-well"];

/// The last table made, or that there is none, with the ranges that it was made for: several
/// pictures ask for it, and it takes seconds.
type Tables = RefCell<Option<(Vec<Range<f64>>, Option<Rc<Table>>)>>;

/// Operations of the host for one table: some seconds.
const BUDGET: u64 = 40_000_000;

/// Places on each axis at which a density in the plane is summed.
const SUMMED: usize = 240;

/// Places at which a density on the line is summed.
const SUMMED_LINE: usize = 4000;

/// What a density has fallen to, relative to its peak, where sums may end.
const RIM: f64 = 1e-7;

impl Exact {
    /// The density of a target: of a Gaussian mixture, of the catalogue's products, and of any that
    /// the host can evaluate in one and two dimensions.
    pub(crate) fn of_target(target: &Target) -> Option<Exact> {
        let dim = target.dim() as usize;
        if let Some(components) = target.components() {
            return Some(Exact { dim, form: Form::Mixture(components.to_vec()) });
        }
        // A text from outside may have any name, but nothing is known of it.
        let is_product = PRODUCTS.contains(&target.name()) && target.truth().is_some();
        if !is_product && dim > 2 {
            return None;
        }
        let evaluator = target.evaluator().ok()?;
        let places = if dim == 2 && !is_product { SUMMED * SUMMED } else { SUMMED_LINE };
        let once = evaluator.evaluate(&vec![0.25; dim], &[]).ok()?;
        if once.operations.saturating_mul(places as u64) > BUDGET {
            return None;
        }
        let center = target.center().map_or_else(|| vec![0.0; dim], <[f64]>::to_vec);
        let log_density: LogDensity = Box::new(move |x| {
            let offset: Vec<f64> = x.iter().zip(&center).map(|(x, c)| x - c).collect();
            Some(evaluator.evaluate(&offset, &[]).ok()?.value)
        });
        let form = if is_product {
            Form::Product(log_density)
        } else {
            Form::Joint(log_density, Tables::default())
        };
        Some(Exact { dim, form })
    }

    /// The density of a composition at the level of noise τ, in one and two dimensions.
    pub(crate) fn of_composition(composition: &Composition, tau: f64) -> Option<Exact> {
        let dim = composition.dim() as usize;
        if dim > 2 || composition.has_reward() {
            return None;
        }
        composition.log_density(&vec![0.0; dim], tau, 1.0)?;
        let composition = composition.clone();
        let log_density = move |x: &[f64]| composition.log_density(x, tau, 1.0);
        Some(Exact { dim, form: Form::Joint(Box::new(log_density), Tables::default()) })
    }

    /// The density of one coordinate at that many places of a range, and its ends; `ranges` hold most
    /// of the mass, axis by axis.
    pub(super) fn line(
        &self,
        axis: usize,
        ranges: &[Range<f64>],
        places: usize,
    ) -> Option<Vec<(f64, f64)>> {
        let range = ranges.get(axis)?;
        let xs = along(range, places);
        let normal: Box<dyn Fn(f64) -> f64> = match &self.form {
            Form::Mixture(components) => Box::new(move |x| {
                components.iter().map(|one| one.weight * factor(one, axis, x)).sum()
            }),
            Form::Product(log_density) => {
                let dim = self.dim;
                let along_axis = move |x: f64| {
                    let mut point = vec![0.0; dim];
                    point[axis] = x;
                    log_density(&point)
                };
                Box::new(normalised(along_axis, range)?)
            }
            Form::Joint(log_density, _) if self.dim == 1 => {
                Box::new(normalised(move |x| log_density(&[x]), range)?)
            }
            Form::Joint(log_density, tables) => {
                let table = table(log_density, tables, ranges)?;
                Box::new(move |x| table.marginal(axis, x))
            }
        };
        let curve: Vec<(f64, f64)> = xs.map(|x| (x, normal(x))).collect();
        curve.iter().all(|point| point.1.is_finite()).then_some(curve)
    }

    /// The density of two coordinates in the middles of bins.
    pub(super) fn plane(
        &self,
        (i, j): (usize, usize),
        ranges: &[Range<f64>],
        bins: (usize, usize),
    ) -> Option<Plane> {
        let (x, y) = (ranges.get(i)?.clone(), ranges.get(j)?.clone());
        let plane = match &self.form {
            Form::Mixture(components) => {
                let pair = |one: &Component, u: f64, v: f64| factor(one, i, u) * factor(one, j, v);
                Plane::from_density(x, y, bins, |u, v| {
                    components.iter().map(|one| one.weight * pair(one, u, v)).sum()
                })
            }
            Form::Product(_) => {
                let first = self.line(i, ranges, 2 * bins.0)?;
                let second = self.line(j, ranges, 2 * bins.1)?;
                let at = |curve: &[(f64, f64)], bin: usize| curve[2 * bin + 1].1;
                let (columns, rows) = bins;
                let density = (0..columns * rows)
                    .map(|k| at(&first, k % columns) * at(&second, k / columns))
                    .collect();
                Plane { x, y, columns, density }
            }
            Form::Joint(log_density, tables) if (i, j) == (0, 1) => {
                let table = table(log_density, tables, ranges)?;
                Plane::from_density(x, y, bins, |u, v| {
                    log_density(&[u, v]).map_or(f64::NAN, |log| (log - table.log_total).exp())
                })
            }
            Form::Joint(..) => return None,
        };
        plane.density.iter().all(|density| density.is_finite()).then_some(plane)
    }
}

/// The density N(mean, scale²) of one axis of a component.
fn factor(component: &Component, axis: usize, x: f64) -> f64 {
    let scale = component.scale[axis];
    let z = (x - component.mean[axis]) / scale;
    (-0.5 * z * z).exp() / (scale * TAU.sqrt())
}

/// So many equal steps along a range, with both ends.
fn along(range: &Range<f64>, steps: usize) -> impl Iterator<Item = f64> + use<> {
    let (start, width) = (range.start, range.end - range.start);
    (0..=steps).map(move |k| start + width * k as f64 / steps as f64)
}

/// The range, wider on both sides.
fn wider(range: &Range<f64>) -> Range<f64> {
    let more = 0.25 * (range.end - range.start);
    range.start - more..range.end + more
}

/// The density whose logarithm is given up to a constant: the trapezoid rule over a range that is
/// widened until the density has vanished at its ends. `None` where it does not vanish, and where
/// every second place gives another sum.
fn normalised(
    log_density: impl Fn(f64) -> Option<f64>,
    range: &Range<f64>,
) -> Option<impl Fn(f64) -> f64> {
    let mut range = range.clone();
    for _ in 0..12 {
        let logs: Vec<f64> = along(&range, SUMMED_LINE).map(&log_density).collect::<Option<_>>()?;
        let peak = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let values: Vec<f64> = logs.iter().map(|log| (log - peak).exp()).collect();
        if values[0].max(values[SUMMED_LINE]) <= RIM {
            let width = (range.end - range.start) / SUMMED_LINE as f64;
            let all: f64 = values.iter().sum();
            let half: f64 = 2.0 * values.iter().step_by(2).sum::<f64>();
            let log_total = peak + (all * width).ln();
            let agree = (half / all - 1.0).abs() < 1e-3;
            return agree.then_some(move |x| {
                log_density(x).map_or(f64::NAN, |log| (log - log_total).exp())
            });
        }
        range = wider(&range);
    }
    None
}

/// The table for these ranges, made once.
fn table(log_density: &LogDensity, made: &Tables, ranges: &[Range<f64>]) -> Option<Rc<Table>> {
    let mut made = made.borrow_mut();
    match &*made {
        Some((known, table)) if known == ranges => table.clone(),
        _ => {
            let table = Table::of(log_density, ranges).map(Rc::new);
            *made = Some((ranges.to_vec(), table.clone()));
            table
        }
    }
}

/// A density in the plane on a grid that holds its mass.
struct Table {
    axes: [Range<f64>; 2],
    /// The log of the integral.
    log_total: f64,
    /// Marginal densities at the grid's places, axis by axis.
    marginals: [Vec<f64>; 2],
}

impl Table {
    /// `None` where the density does not vanish around the ranges, and where every second place
    /// gives another sum.
    fn of(log_density: &LogDensity, ranges: &[Range<f64>]) -> Option<Table> {
        let mut axes = [ranges.first()?.clone(), ranges.get(1)?.clone()];
        for _ in 0..8 {
            let side = SUMMED + 1;
            let [xs, ys] = axes.clone().map(|axis| along(&axis, SUMMED).collect::<Vec<_>>());
            let logs: Vec<f64> = (0..side * side)
                .map(|k| log_density(&[xs[k % side], ys[k / side]]))
                .collect::<Option<_>>()?;
            let peak = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let values: Vec<f64> = logs.iter().map(|log| (log - peak).exp()).collect();
            let at = |column: usize, row: usize| values[row * side + column];
            let rim = |axis: usize| {
                let ends = (0..side).flat_map(|k| match axis {
                    0 => [at(0, k), at(SUMMED, k)],
                    _ => [at(k, 0), at(k, SUMMED)],
                });
                ends.fold(0.0, f64::max)
            };
            let open = [rim(0) > RIM, rim(1) > RIM];
            if open == [false, false] {
                let cell: f64 =
                    axes.iter().map(|axis| (axis.end - axis.start) / SUMMED as f64).product();
                let all: f64 = values.iter().sum();
                let half: f64 = (0..side)
                    .step_by(2)
                    .map(|row| (0..side).step_by(2).map(|column| at(column, row)).sum::<f64>())
                    .sum();
                if (4.0 * half / all - 1.0).abs() > 1e-2 {
                    return None;
                }
                let width = |axis: usize| (axes[axis].end - axes[axis].start) / SUMMED as f64;
                let across = (0..side).map(|k| (0..side).map(|row| at(k, row)).sum::<f64>());
                let up = (0..side).map(|k| (0..side).map(|column| at(column, k)).sum::<f64>());
                let marginals = [
                    across.map(|sum| sum / (all * width(0))).collect(),
                    up.map(|sum| sum / (all * width(1))).collect(),
                ];
                return Some(Table { log_total: peak + (all * cell).ln(), marginals, axes });
            }
            for (axis, open) in axes.iter_mut().zip(open) {
                if open {
                    *axis = wider(axis);
                }
            }
        }
        None
    }

    /// Linear between the grid's places; zero outside.
    fn marginal(&self, axis: usize, x: f64) -> f64 {
        let range = &self.axes[axis];
        let place = (x - range.start) / (range.end - range.start) * SUMMED as f64;
        if !(0.0..=SUMMED as f64).contains(&place) {
            return 0.0;
        }
        let low = (place as usize).min(SUMMED - 1);
        let part = place - low as f64;
        let values = &self.marginals[axis];
        (1.0 - part) * values[low] + part * values[low + 1]
    }
}

#[cfg(test)]
mod tests {
    use wfr::Truth;

    use super::*;

    /// The integral of f over a curve by the trapezoid rule.
    fn expect(curve: &[(f64, f64)], f: impl Fn(f64) -> f64) -> f64 {
        let pair = |pair: &[(f64, f64)]| {
            let [(a, p), (b, q)] = [pair[0], pair[1]];
            0.5 * (b - a) * (p * f(a) + q * f(b))
        };
        curve.windows(2).map(pair).sum()
    }

    fn check(target: Target, half: f64, bound: f64) {
        let Truth { mean, second_moment, .. } = target.truth().unwrap();
        let dim = target.dim() as usize;
        let exact = Exact::of_target(&target).unwrap();
        let ranges = vec![-half..half; dim];
        for axis in 0..dim {
            let curve = exact.line(axis, &ranges, 2000).unwrap();
            for (power, expected) in [(0, 1.0), (1, mean[axis]), (2, second_moment[axis])] {
                let found = expect(&curve, |x| x.powi(power));
                let what = format!("{} axis {axis} E x^{power}", target.name());
                assert!((found - expected).abs() < bound, "{what}: {found} {expected}");
            }
        }
        if dim > 1 {
            let plane = exact.plane((0, 1), &ranges, (300, 300)).unwrap();
            let cell = (2.0 * half / 300.0).powi(2);
            assert!((plane.density.iter().sum::<f64>() * cell - 1.0).abs() < bound);
        }
    }

    /// The library's moments come from closed forms and another quadrature.
    #[test]
    fn densities_have_the_moments_of_the_truth() {
        check(Target::standard_normal(5).unwrap(), 9.0, 1e-6);
        check(Target::double_well(1).unwrap(), 3.0, 1e-6);
        check(Target::double_well(3).unwrap().set("stiffness", 2.0).unwrap(), 7.0, 1e-6);
        check(Target::many_well(4).unwrap(), 7.0, 1e-6);
        let component = |weight, mean: [f64; 3], scale: f64| Component {
            weight,
            mean: mean.to_vec(),
            scale: vec![scale; 3],
        };
        let all = [component(0.3, [-2.0, 0.0, 1.0], 0.5), component(0.7, [1.0, 2.0, -3.0], 1.0)];
        check(Target::gaussian_mixture(&all).unwrap(), 12.0, 1e-5);
        // Linear between the places of a table, which adds h²/6 to a second moment.
        check(Target::ring(2).unwrap(), 6.0, 2e-3);
        check(Target::banana(2).unwrap(), 45.0, 6e-2);
    }

    /// Nothing but a formula: normalised by its own sum.
    #[test]
    fn a_formula_is_normalised_by_its_own_sum() {
        let target = Target::from_formula(2, "-(x0-1)^2/2 - x1^2/8").unwrap();
        let exact = Exact::of_target(&target).unwrap();
        // Too narrow for the mass.
        let ranges = [-1.0..2.0, -1.0..1.0];
        let plane = exact.plane((0, 1), &ranges, (30, 20)).unwrap();
        let expected =
            |x: f64, y: f64| (-0.5 * (x - 1.0).powi(2) - 0.125 * y * y).exp() / (2.0 * TAU);
        let known = Plane::from_density(-1.0..2.0, -1.0..1.0, (30, 20), expected);
        for (found, expected) in plane.density.iter().zip(&known.density) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// One that was made for other ranges is made anew.
    #[test]
    fn a_table_follows_its_ranges() {
        let target = Target::from_formula(2, "-x0^2/2 - x1^2/2").unwrap();
        let exact = Exact::of_target(&target).unwrap();
        for half in [3.0, 3.0, 4.0] {
            let curve = exact.line(1, &[-half..half, -half..half], 60).unwrap();
            assert!((curve[30].1 - 1.0 / TAU.sqrt()).abs() < 1e-4, "{}", curve[30].1);
            assert_eq!((curve[0].0, curve[60].0), (-half, half));
        }
    }

    #[test]
    fn what_is_not_known_is_none() {
        assert!(Exact::of_target(&Target::funnel(3).unwrap()).is_none());
        // No density at all: it does not vanish.
        let flat = Exact::of_target(&Target::from_formula(1, "-log(1 + x0^2)/4").unwrap()).unwrap();
        assert!(flat.line(0, &[-1.0..1.0], 10).is_none());
        // A peak between the places.
        let narrow = Target::from_formula(1, "-(x0 - 0.1234)^2 * 1e12").unwrap();
        assert!(Exact::of_target(&narrow).unwrap().line(0, &[-9.0..9.0], 10).is_none());
    }
}
