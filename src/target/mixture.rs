//! Components of a Gaussian mixture: checking, reading from text, packing for the shader.

use std::f64::consts::{FRAC_PI_8, TAU};

use super::MAX_DIM;
use crate::rows;

/// One Gaussian of a mixture: its weight, its mean and its standard deviations.
///
/// A start keeps all digits of a mean far from zero where coordinates are counted from a center, see
/// [`crate::Target::with_center`].
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// The weight, 0 or more; only its proportion to the others' counts.
    pub weight: f64,
    /// The mean: as many numbers as there are dimensions.
    pub mean: Vec<f64>,
    /// The standard deviation: one number for all axes, or one per axis.
    pub scale: Vec<f64>,
}

/// Scales whose inverse squares stay well inside f32.
const SCALES: std::ops::RangeInclusive<f64> = 1e-15..=1e15;
/// The shader reads the number of components as an f32.
const MAX_COMPONENTS: usize = 1 << 24;

impl Component {
    fn check(&self) -> Result<(), String> {
        let dim = self.mean.len();
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return Err(format!("weight is {}; expected a number of at least 0", self.weight));
        }
        if !(1..=MAX_DIM as usize).contains(&dim) {
            return Err(format!("mean has {dim} numbers; expected 1 to {MAX_DIM}"));
        }
        if self.scale.len() != 1 && self.scale.len() != dim {
            let found = self.scale.len();
            let expected = if dim == 1 { "1".to_string() } else { format!("1 or {dim}") };
            return Err(format!("scale has {found} numbers; expected {expected}"));
        }
        for (i, mean) in self.mean.iter().enumerate() {
            if !(*mean as f32).is_finite() {
                let i = i + 1;
                let of = if mean.is_finite() { " of single precision" } else { "" };
                return Err(format!("mean_{i} is {mean:?}; expected a finite number{of}"));
            }
        }
        for (i, scale) in self.scale.iter().enumerate() {
            if !SCALES.contains(scale) {
                let (least, most) = (SCALES.start(), SCALES.end());
                let name = if self.scale.len() == 1 { "".into() } else { format!("_{}", i + 1) };
                return Err(format!(
                    "scale{name} is {scale:?}; expected a number from {least:e} to {most:e}"
                ));
            }
        }
        Ok(())
    }
}

/// The components of positive weight, with weights that sum to 1 and a scale for every axis.
pub(crate) fn normalised(components: &[Component]) -> Result<Vec<Component>, String> {
    let Some(first) = components.first() else {
        return Err("there is no component; expected one or more".to_string());
    };
    if components.len() > MAX_COMPONENTS {
        let found = components.len();
        return Err(format!("there are {found} components; expected at most {MAX_COMPONENTS}"));
    }
    let dim = first.mean.len();
    for (i, component) in components.iter().enumerate() {
        component.check().map_err(|reason| format!("component {}: {reason}", i + 1))?;
        let found = component.mean.len();
        if found != dim {
            return Err(format!(
                "component {}: mean has {found} numbers; expected {dim}, as in component 1",
                i + 1
            ));
        }
    }
    let largest = components.iter().map(|component| component.weight).fold(0.0, f64::max);
    if largest == 0.0 {
        return Err("all weights are 0; expected one or more above 0".to_string());
    }
    // Relative to the largest, so that the sum is finite whatever the weights.
    let total: f64 = components.iter().map(|component| component.weight / largest).sum();
    let weighed = components.iter().map(|component| {
        let weight = component.weight / largest / total;
        let scale = match component.scale[..] {
            [scale] => vec![scale; dim],
            _ => component.scale.clone(),
        };
        Component { weight, mean: component.mean.clone(), scale }
    });
    Ok(weighed.filter(|component| component.weight > 0.0).collect())
}

/// The storage buffer that `gaussian_mixture.wgsl` describes, from normalised components.
pub(super) fn pack(components: &[Component]) -> Vec<f32> {
    let mut packed = vec![components.len() as f32];
    for component in components {
        // Above −∞ also for a component without weight.
        packed.push(component.log_factor().max(-1e38) as f32);
        packed.extend(component.mean.iter().map(|mean| *mean as f32));
        packed.extend(component.scale.iter().map(|scale| (1.0 / scale) as f32));
    }
    packed
}

impl Component {
    /// log w − Σᵢ log sᵢ − d/2 · log 2π, of a component with a scale for every axis.
    pub(crate) fn log_factor(&self) -> f64 {
        let logs: f64 = self.scale.iter().map(|scale| scale.ln()).sum();
        self.weight.ln() - logs - 0.5 * self.mean.len() as f64 * TAU.ln()
    }

    /// log of the weight times the density at `x`, of a component with a scale for every axis.
    pub(crate) fn log_term(&self, x: &[f64]) -> f64 {
        let axes = x.iter().zip(&self.mean).zip(&self.scale);
        let z2 = axes.map(|((x, mean), scale)| ((x - mean) / scale).powi(2));
        self.log_factor() - 0.5 * z2.sum::<f64>()
    }
}

/// The components in a text with one of them a line: `weight mean_1 … mean_d scale`, or a scale per
/// axis. Errors begin with the line.
pub(super) fn parse(text: &str, dim: Option<u32>) -> Result<Vec<Component>, String> {
    let rows = || rows::each(text, "`weight mean_1 … mean_d scale`, or a scale per axis");
    // What a number is comes before how many there are.
    rows().try_for_each(|row| row.map(|_| ()))?;
    let rows = || rows().filter_map(Result::ok);
    let dim = match dim {
        Some(dim) => dim as usize,
        None => common_dim(rows().map(|(line, numbers)| (line, numbers.len())))?,
    };
    let mut components = Vec::new();
    for (line, numbers) in rows() {
        let found = numbers.len();
        if !dims_of(found).contains(&Some(dim)) {
            return Err(format!("line {line}: {}", columns_expected(found, dim)));
        }
        let (mean, scale) = numbers[1..].split_at(dim);
        let [mean, scale] = [mean, scale].map(|part| part.to_vec());
        let component = Component { weight: numbers[0], mean, scale };
        component.check().map_err(|reason| format!("line {line}: {reason}"))?;
        components.push(component);
    }
    Ok(components)
}

/// The dimensions that this number of columns can mean: one scale, then a scale per axis.
fn dims_of(columns: usize) -> [Option<usize>; 2] {
    let isotropic = columns.checked_sub(2).filter(|dim| *dim > 0);
    let diagonal = (columns >= 3 && columns % 2 == 1).then_some(columns / 2);
    [isotropic, diagonal]
}

fn columns_expected(found: usize, dim: usize) -> String {
    let expected = if dim == 1 { "3".into() } else { format!("{} or {}", dim + 2, 2 * dim + 1) };
    let dimensions = if dim == 1 { "dimension" } else { "dimensions" };
    format!(
        "has {found} columns; expected {expected} in {dim} {dimensions}: \
         a weight, a mean and one scale or one per axis"
    )
}

/// The one dimension that every line can have, from their numbers of columns.
fn common_dim(mut rows: impl Iterator<Item = (usize, usize)>) -> Result<usize, String> {
    let Some((first_line, first)) = rows.next() else { return Ok(1) };
    let mut dims: Vec<usize> = dims_of(first).into_iter().flatten().collect();
    dims.dedup();
    if dims.is_empty() {
        return Err(format!(
            "line {first_line}: has {first} columns; expected 3 or more: a weight, a mean and one \
             scale or one per axis"
        ));
    }
    for (line, columns) in rows {
        let possible = dims_of(columns);
        let common: Vec<_> =
            dims.iter().copied().filter(|d| possible.contains(&Some(*d))).collect();
        if common.is_empty() {
            return Err(format!("line {line}: {}", columns_expected(columns, dims[0])));
        }
        dims = common;
    }
    match dims[..] {
        [dim] => Ok(dim),
        _ => Err(format!(
            "line {first_line}: has {first} columns, which means {} dimensions with one scale or {} \
             with a scale each; state which, with `dim`",
            dims[0], dims[1],
        )),
    }
}

/// Eight modes on a circle of radius 4 in the plane of the first two axes.
pub(super) fn circle_of_eight(dim: usize) -> Vec<Component> {
    let modes = (0..8).map(|k| {
        let angle = FRAC_PI_8 * f64::from(2 * k + 1);
        let mut mean = vec![0.0; dim];
        for (axis, along) in mean.iter_mut().zip([angle.cos(), angle.sin()]) {
            *axis = 4.0 * along;
        }
        Component { weight: f64::from(k + 1), mean, scale: vec![0.5] }
    });
    modes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn component(weight: f64, mean: &[f64], scale: &[f64]) -> Component {
        Component { weight, mean: mean.to_vec(), scale: scale.to_vec() }
    }

    #[test]
    fn both_layouts_and_separators_are_read() {
        let text = "# two components\n0.3, -3, 1, 0.5 # one scale\n\n0.7 1,-0.5\t0.25 , 2e-1\n";
        assert_eq!(
            parse(text, None).unwrap(),
            [component(0.3, &[-3.0, 1.0], &[0.5]), component(0.7, &[1.0, -0.5], &[0.25, 0.2])]
        );
        assert_eq!(parse("1 2 3", None).unwrap(), [component(1.0, &[2.0], &[3.0])]);
        let five = "1 0 0 2 2";
        assert_eq!(parse(five, Some(2)).unwrap(), [component(1.0, &[0.0, 0.0], &[2.0, 2.0])]);
        assert_eq!(parse(five, Some(3)).unwrap(), [component(1.0, &[0.0, 0.0, 2.0], &[2.0])]);
        // The second line can only be two-dimensional, which settles the first.
        assert_eq!(parse("1 0 0 2 2\n1 0 0 2\n", None).unwrap()[0].mean, [0.0, 0.0]);
    }

    #[test]
    fn errors_name_file_line_value_and_what_is_expected() {
        let columns = "a weight, a mean and one scale or one per axis";
        for (text, dim, expected) in [
            ("", None, "there is no component; expected one or more".to_string()),
            ("# only this\n", Some(2), "there is no component; expected one or more".into()),
            ("0 1 1\n0 2 1\n", None, "all weights are 0; expected one or more above 0".into()),
            ("1 2\n", None, format!("line 1: has 2 columns; expected 3 or more: {columns}")),
            (
                "1 0 0 1\n1 0 0 0 0 1\n",
                None,
                format!("line 2: has 6 columns; expected 4 or 5 in 2 dimensions: {columns}"),
            ),
            (
                "1 0 0 1\n",
                Some(1),
                format!("line 1: has 4 columns; expected 3 in 1 dimension: {columns}"),
            ),
            (
                "1 0 0 1 1\n",
                None,
                "line 1: has 5 columns, which means 3 dimensions with one scale or 2 with a scale \
                 each; state which, with `dim`"
                    .into(),
            ),
            (
                "1 0 0 1\n1 zero 0 1\n",
                None,
                "line 2: \"zero\" is not a number; expected `weight mean_1 … mean_d scale`, or a \
                 scale per axis"
                    .into(),
            ),
            ("1,,0,1\n", None, "line 1: there is no number before comma 2".into()),
            ("-1 0 1\n", None, "line 1: weight is -1; expected a number of at least 0".into()),
            ("nan 0 1\n", None, "line 1: weight is NaN; expected a number of at least 0".into()),
            ("1 0 inf 1\n", None, "line 1: mean_2 is inf; expected a finite number".into()),
            (
                "1 1e39 1\n",
                None,
                "line 1: mean_1 is 1e39; expected a finite number of single precision".into(),
            ),
            (
                "1 0 0 1 0\n",
                Some(2),
                "line 1: scale_2 is 0.0; expected a number from 1e-15 to 1e15".into(),
            ),
            (
                "1 0 NaN\n",
                None,
                "line 1: scale is NaN; expected a number from 1e-15 to 1e15".into(),
            ),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let error = Target::gaussian_mixture_from_file(file.path(), dim).unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {expected}", file.path().display()));
        }
        let missing = Target::gaussian_mixture_from_file("/no/such.txt", None).unwrap_err();
        assert!(missing.to_string().starts_with("/no/such.txt: cannot be read: "));
    }

    #[test]
    fn components_from_the_host_are_checked() {
        let good = component(1.0, &[0.0, 0.0], &[1.0]);
        for (bad, expected) in [
            (component(1.0, &[0.0], &[1.0]), "mean has 1 numbers; expected 2, as in component 1"),
            (component(1.0, &[], &[1.0]), "mean has 0 numbers; expected 1 to 1024"),
            (component(1.0, &[0.0; 2], &[1.0; 3]), "scale has 3 numbers; expected 1 or 2"),
            (component(f64::INFINITY, &[0.0; 2], &[1.0]), "weight is inf"),
        ] {
            let error = Target::gaussian_mixture(&[good.clone(), bad]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("gaussian-mixture: component 2: {expected}")),
                "{error}"
            );
        }
        let none = Target::gaussian_mixture(&[]).unwrap_err();
        assert!(none.to_string().starts_with("gaussian-mixture: there is no component"));
    }

    #[test]
    fn weights_are_normalised_and_zeros_dropped() {
        let components = [(1e308, 0.0), (0.0, 1.0), (1e308, 2.0), (0.5e308, 3.0)]
            .map(|(weight, mean)| component(weight, &[mean], &[2.0]));
        let normalised = normalised(&components).unwrap();
        let weights: Vec<f64> = normalised.iter().map(|component| component.weight).collect();
        assert_eq!(weights, [0.4, 0.4, 0.2]);
        let packed = pack(&normalised);
        let factor = (0.4 / 2.0 / TAU.sqrt()).ln() as f32;
        assert_eq!(packed[..4], [3.0, factor, 0.0, 0.5]);
        assert_eq!(packed.len(), 1 + 3 * 3);
    }
}
