//! The built-in targets: what they are, what they take, and where they come from.

use crate::error::{Error, Result};
use crate::shown::listed;
use crate::words::distance;

use super::{Law, MAX_DIM, Target};

/// A built-in target, as `wfr targets` shows it.
#[derive(Debug)]
pub struct Entry {
    /// The name on the command line and in [`Target::named`].
    pub name: &'static str,
    /// The density.
    pub formula: &'static str,
    /// What [`Target::set`] takes.
    pub parameters: &'static [Parameter],
    /// The dimension that [`Target::named`] takes when none is given.
    pub default_dim: u32,
    /// Where the target comes from.
    pub source: &'static str,
    /// The least dimension; the others follow in steps of `dim_step` up to [`MAX_DIM`].
    least_dim: u32,
    dim_step: u32,
    pub(super) wgsl: &'static str,
    pub(super) law: fn(&Target) -> Law<'_>,
}

/// A parameter of a built-in target.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name on the command line and in [`Target::set`].
    pub name: &'static str,
    /// Its value unless it is set.
    pub default: f64,
    /// The least value it takes.
    pub least: f64,
    /// The largest value it takes.
    pub most: f64,
}

const fn parameter(name: &'static str, default: f64, least: f64, most: f64) -> Parameter {
    Parameter { name, default, least, most }
}

pub(super) static STANDARD_NORMAL: Entry = Entry {
    name: "standard-normal",
    formula: "exp(−|x|²/2)",
    parameters: &[],
    default_dim: 2,
    source: "the law of independent N(0, 1)",
    least_dim: 1,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/standard_normal.wgsl"),
    law: |_| Law::StandardNormal,
};

pub(super) static DOUBLE_WELL: Entry = Entry {
    name: "double-well",
    formula: "exp(−a (x₀⁴/4 − x₀²/2) − c x₀ − stiffness/2 Σ_{i≥1} xᵢ²)",
    parameters: &[
        parameter("a", 20.0, 1e-3, 1e4),
        parameter("c", 0.1, -1e3, 1e3),
        parameter("stiffness", 1.0, 1e-6, 1e6),
    ],
    default_dim: 2,
    source: "H. A. Kramers, Physica 7 (1940) 284",
    least_dim: 1,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/double_well.wgsl"),
    law: |target| Law::DoubleWell {
        a: target.value("a"),
        c: target.value("c"),
        stiffness: target.value("stiffness"),
    },
};

pub(super) static GAUSSIAN_MIXTURE: Entry = Entry {
    name: "gaussian-mixture",
    formula: "Σₖ wₖ N(x; mₖ, diag sₖ²), weights divided by their sum",
    parameters: &[],
    default_dim: 2,
    source: "G. McLachlan, D. Peel, Finite Mixture Models (2000)",
    least_dim: 1,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/gaussian_mixture.wgsl"),
    law: |target| Law::GaussianMixture(&target.components),
};

pub(super) static MANY_WELL: Entry = Entry {
    name: "many-well",
    formula: "exp(−Σ_{i<d/2} (xᵢ⁴ − depth xᵢ² − tilt xᵢ) − Σ_{i≥d/2} xᵢ²/2)",
    parameters: &[parameter("depth", 6.0, -1e2, 1e2), parameter("tilt", 0.5, -1e2, 1e2)],
    default_dim: 4,
    source: "F. Noé et al., Science 365 (2019) eaaw1147; L. I. Midgley et al., arXiv:2208.01893",
    least_dim: 2,
    dim_step: 2,
    wgsl: include_str!("../../shaders/target/many_well.wgsl"),
    law: |target| Law::ManyWell { depth: target.value("depth"), tilt: target.value("tilt") },
};

pub(super) static FUNNEL: Entry = Entry {
    name: "funnel",
    formula: "N(x₀; 0, spread²) Π_{i≥1} N(xᵢ; 0, exp(x₀))",
    parameters: &[parameter("spread", 3.0, 1e-3, 10.0)],
    default_dim: 10,
    source: "R. M. Neal, Annals of Statistics 31 (2003) 705",
    least_dim: 2,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/funnel.wgsl"),
    law: |target| Law::Funnel { spread: target.value("spread") },
};

pub(super) static BANANA: Entry = Entry {
    name: "banana",
    formula: "N(x₀; 0, spread²) N(x₁ + bend (x₀² − spread²); 0, 1) Π_{i≥2} N(xᵢ; 0, 1)",
    parameters: &[parameter("spread", 2.0, 1e-3, 1e3), parameter("bend", 0.5, -1e3, 1e3)],
    default_dim: 2,
    source: "H. Haario, E. Saksman, J. Tamminen, Computational Statistics 14 (1999) 375",
    least_dim: 2,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/banana.wgsl"),
    law: |target| Law::Banana { spread: target.value("spread"), bend: target.value("bend") },
};

pub(super) static RING: Entry = Entry {
    name: "ring",
    formula: "exp(−(|x| − radius)²/(2 width²))",
    parameters: &[parameter("radius", 2.0, 0.0, 1e4), parameter("width", 0.4, 1e-3, 1e4)],
    default_dim: 2,
    source: "D. J. Rezende, S. Mohamed, arXiv:1505.05770, table 1",
    least_dim: 2,
    dim_step: 1,
    wgsl: include_str!("../../shaders/target/ring.wgsl"),
    law: |target| Law::Ring { radius: target.value("radius"), width: target.value("width") },
};

pub(super) static LENNARD_JONES: Entry = Entry {
    name: "lennard-jones",
    formula: "exp(−(Σ_{a<b} 4 eps ((sigma/r)¹² − (sigma/r)⁶) + confinement/2 |x|²)/temperature)",
    parameters: &[
        parameter("eps", 1.0, 0.0, 1e3),
        parameter("sigma", 1.0, 1e-3, 1e3),
        parameter("temperature", 1.0, 1e-3, 1e3),
        parameter("confinement", 1.0, 1e-3, 1e3),
    ],
    default_dim: 39,
    source: "J. E. Jones, Proc. R. Soc. A 106 (1924) 463",
    least_dim: 3,
    dim_step: 3,
    wgsl: include_str!("../../shaders/target/lennard_jones.wgsl"),
    law: |target| Law::LennardJones {
        eps: target.value("eps"),
        sigma: target.value("sigma"),
        temperature: target.value("temperature"),
        confinement: target.value("confinement"),
    },
};

/// Every built-in target.
pub fn catalogue() -> &'static [&'static Entry] {
    static ALL: [&Entry; 8] = [
        &STANDARD_NORMAL,
        &DOUBLE_WELL,
        &GAUSSIAN_MIXTURE,
        &MANY_WELL,
        &FUNNEL,
        &BANANA,
        &RING,
        &LENNARD_JONES,
    ];
    &ALL
}

impl Entry {
    /// The dimensions it can have, in words.
    pub fn dimensions(&self) -> String {
        let step = match self.dim_step {
            1 => String::new(),
            2 => "an even number, ".into(),
            step => format!("a multiple of {step}, "),
        };
        format!("{step}{} to {}", self.least_dim, MAX_DIM - MAX_DIM % self.dim_step)
    }

    pub(super) fn check_dim(&self, dim: u32) -> Result<()> {
        if (self.least_dim..=MAX_DIM).contains(&dim) && dim.is_multiple_of(self.dim_step) {
            return Ok(());
        }
        let reason = format!("is {dim}; {} has {}", self.name, self.dimensions());
        Err(Error::config("dim", reason))
    }

    /// The key of the pipeline constant `name`, if it may be set to `value`.
    pub(super) fn check_parameter(&self, name: &str, value: f64) -> Result<String> {
        let reason = match self.parameters.iter().find(|parameter| parameter.name == name) {
            Some(p) if (p.least..=p.most).contains(&value) => return Ok(name.to_string()),
            Some(p) => format!("is {value}; expected {} to {}", p.least, p.most),
            None if self.parameters.is_empty() => {
                "is not a parameter; this target has none".to_string()
            }
            None => {
                let known: Vec<_> = self
                    .parameters
                    .iter()
                    .map(|known| format!("{} (default {})", known.name, known.default))
                    .collect();
                format!("is not a parameter; known: {}", listed(&known))
            }
        };
        Err(Error::config(format!("{}.{name}", self.name), reason))
    }
}

/// The entry of this name, or an error that lists the names, the nearest first.
pub(super) fn find(name: &str) -> Result<&'static Entry> {
    if let Some(entry) = catalogue().iter().find(|entry| entry.name == name) {
        return Ok(entry);
    }
    let mut known: Vec<_> = catalogue().iter().map(|entry| entry.name).collect();
    known.sort_by_key(|known| distance(known, name));
    let reason = format!("{name:?} is not known; the built-in ones are {}", known.join(", "));
    Err(Error::config("target", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_its_name_in_its_customary_dimension() {
        for entry in catalogue() {
            let target = Target::named(entry.name, None).unwrap();
            assert_eq!((target.name(), target.dim()), (entry.name, entry.default_dim));
            for parameter in entry.parameters {
                assert!((parameter.least..=parameter.most).contains(&parameter.default));
            }
        }
    }

    #[test]
    fn an_unknown_name_lists_the_nearest_first() {
        assert_eq!(
            Target::named("doublewell", None).unwrap_err().to_string(),
            "target \"doublewell\" is not known; the built-in ones are double-well, many-well, \
             funnel, banana, ring, standard-normal, lennard-jones, gaussian-mixture"
        );
    }
}
