//! What to sample: an unnormalised log density and its score, as WGSL text with its data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::bits::WORD_BLOCKS;
use crate::bounded;
use crate::center::Center;
use crate::data::{Data, Far, Rounding};
use crate::error::{Error, Result};
use crate::formula::{self, Formula};
use crate::shaders::{self, Prelude};
use crate::wgsl::{Linked, Parsed, Source};

pub(crate) mod arrays;
mod catalogue;
mod mixture;
mod overrides;
mod sizes;

pub use catalogue::{Entry, Parameter, catalogue};
pub use mixture::Component;

/// The most dimensions a target may have.
pub const MAX_DIM: u32 = 1024;
// A number per coordinate, four in a block of words.
const _: () = assert!(MAX_DIM.div_ceil(4) <= WORD_BLOCKS);

/// The largest binding of an array; far above what adapters allow, and below what fills memory.
const MAX_BINDING: usize = 1023;

/// The density to sample, in `dim` dimensions: WGSL text, its parameters and its data.
///
/// The text defines `log_density` of a `Point`, or of a pointer to one; the alias `Point` and the
/// constant `DIM` are generated. The score is derived from it unless the text defines `score`. Its
/// parameters are WGSL `override`s and its data are storage buffers of group 1.
///
/// ```
/// use wfr::Target;
///
/// # fn main() -> wfr::Result<()> {
/// let wells = Target::double_well(2)?.set("a", 40.0)?.set("c", 0.03)?;
/// let truth = wells.truth().expect("known for a double well");
/// assert!((truth.right_mass - 0.4853).abs() < 1e-4);
///
/// let mine = Target::from_wgsl(
///     2,
///     "quartic.wgsl",
///     "override depth: f32 = 1.0;
///      fn log_density(x: Point) -> f32 { return -depth * dot(x * x, x * x); }",
/// )?;
/// let mine = mine.set("depth", 0.5)?;
/// # assert_eq!(mine.constants(), [("depth".to_string(), 0.5)]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Target {
    name: String,
    dim: u32,
    wgsl: Cow<'static, str>,
    /// The module of the text by itself.
    parsed: Parsed,
    constants: Vec<(String, f64)>,
    storage: Vec<Vec<f32>>,
    /// The catalogue's entry of a built-in target.
    entry: Option<&'static Entry>,
    /// The normalised components of a Gaussian mixture.
    components: Vec<Component>,
    /// What the WGSL text was made from, where it was.
    formula: Option<Arc<Formula>>,
    /// What the text's coordinates are counted from.
    center: Center,
    /// Data of a formula that may be counted from a center, by their bindings.
    far: Vec<Option<Arc<Far>>>,
    /// What the columns of data in `storage` are counted from, by their bindings.
    data_centers: Vec<Option<Vec<f64>>>,
    /// What a text in WGSL does not see of its arrays, by their names.
    rounding: BTreeMap<String, Rounding>,
}

/// A built-in target with its parameters: what [`crate::truth`] and the host oracle work with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Law<'a> {
    StandardNormal,
    DoubleWell { a: f64, c: f64, stiffness: f64 },
    GaussianMixture(&'a [Component]),
    ManyWell { depth: f64, tilt: f64 },
    Funnel { spread: f64 },
    Banana { spread: f64, bend: f64 },
    Ring { radius: f64, width: f64 },
    LennardJones { eps: f64, sigma: f64, temperature: f64, confinement: f64 },
}

impl Target {
    /// The standard normal law, not normalised: log density −|x|²/2.
    pub fn standard_normal(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::STANDARD_NORMAL, dim)
    }

    /// Two wells along the first axis, `a (x₀⁴/4 − x₀²/2) + c x₀`, normal along the others.
    ///
    /// Parameters: `a` (default 20; the barrier is a/4), `c` (0.1; the tilt) and `stiffness` (1;
    /// the inverse variance along the other axes). Not normalised.
    pub fn double_well(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::DOUBLE_WELL, dim)
    }

    /// Two wells along each of the first `dim / 2` axes, `x⁴ − depth x² − tilt x`, and a standard
    /// normal law along the others; `dim` is even.
    ///
    /// Parameters: `depth` (default 6) and `tilt` (0.5). Not normalised.
    /// F. Noé et al., Science 365 (2019) eaaw1147; L. I. Midgley et al., arXiv:2208.01893.
    pub fn many_well(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::MANY_WELL, dim)
    }

    /// Neal's funnel: x₀ ~ N(0, spread²) and, given x₀, the others ~ N(0, exp(x₀)).
    ///
    /// Parameter: `spread` (default 3). Normalised. R. M. Neal, Annals of Statistics 31 (2003) 705.
    pub fn funnel(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::FUNNEL, dim)
    }

    /// A twisted normal law: x₀ ~ N(0, spread²), x₁ + bend (x₀² − spread²) ~ N(0, 1), and the other
    /// axes N(0, 1).
    ///
    /// Parameters: `spread` (default 2) and `bend` (0.5). Normalised.
    /// H. Haario, E. Saksman, J. Tamminen, Computational Statistics 14 (1999) 375.
    pub fn banana(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::BANANA, dim)
    }

    /// A ring, or a shell in more than two dimensions: log density −(|x| − radius)²/(2 width²).
    ///
    /// Parameters: `radius` (default 2) and `width` (0.4). Not normalised.
    /// D. J. Rezende and S. Mohamed, arXiv:1505.05770, table 1.
    pub fn ring(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::RING, dim)
    }

    /// A cluster of `dim / 3` atoms that attract and repel each other by the Lennard-Jones energy,
    /// each held by a spring to the origin; coordinates 3a to 3a + 2 are those of atom a, and `dim`
    /// is a multiple of 3.
    ///
    /// Parameters: `eps` (default 1; the depth of a pair's well), `sigma` (1; where a pair's energy
    /// is 0), `temperature` (1) and `confinement` (1; the springs' stiffness). Not normalised; log
    /// Z is known for one and two atoms.
    ///
    /// Closer than 0.7 `sigma` a pair's energy is linear in the squared distance, from 255 `eps` at
    /// 0.7 `sigma` to 1887 `eps` where two atoms coincide: nothing overflows, and at temperatures
    /// up to 10 `eps` the law is the uncut one.
    /// J. E. Jones, Proc. R. Soc. A 106 (1924) 463; L. Klein et al., arXiv:2306.15030.
    pub fn lennard_jones(dim: u32) -> Result<Target> {
        Target::built_in(&catalogue::LENNARD_JONES, dim)
    }

    /// A mixture of Gaussians, each with one scale or a scale per axis; any number of them.
    ///
    /// The dimension is that of the means. Weights are divided by their sum, so the density is
    /// normalised whatever they are.
    pub fn gaussian_mixture(components: &[Component]) -> Result<Target> {
        let components = mixture::normalised(components)
            .map_err(|reason| Error::config("gaussian-mixture:", reason))?;
        Target::mixture_of(components)
    }

    /// A mixture of Gaussians read from a text file, as by [`Target::gaussian_mixture`].
    ///
    /// Each line is a component: `weight mean_1 … mean_d scale`, or `scale_1 … scale_d` in place
    /// of `scale`; commas or blanks separate the numbers, and `#` begins a comment. State `dim`
    /// where the number of columns can be read both ways (5 columns are 3 dimensions with one
    /// scale, or 2 with a scale each).
    pub fn gaussian_mixture_from_file(path: impl AsRef<Path>, dim: Option<u32>) -> Result<Target> {
        let path = path.as_ref();
        let text = bounded::text(path, bounded::ROWS).map_err(|why| Error::file(path, why))?;
        let components = mixture::parse(&text, dim)
            .and_then(|components| mixture::normalised(&components))
            .map_err(|message| Error::file(path, message))?;
        Target::mixture_of(components)
    }

    /// The built-in target of this name, in its customary dimension unless `dim` is given.
    ///
    /// [`catalogue`] lists the names. `gaussian-mixture` gives eight modes on a circle of radius 4,
    /// with scale 0.5 and weights in the proportion 1 : 2 : … : 8.
    pub fn named(name: &str, dim: Option<u32>) -> Result<Target> {
        let entry = catalogue::find(name)?;
        let dim = dim.unwrap_or(entry.default_dim);
        if entry.name == catalogue::GAUSSIAN_MIXTURE.name {
            entry.check_dim(dim)?;
            return Target::gaussian_mixture(&mixture::circle_of_eight(dim as usize));
        }
        Target::built_in(entry, dim)
    }

    /// A target written in WGSL; errors in `text` will speak of it as `name`.
    ///
    /// The text is checked when a [`crate::Problem`] is made. It declares no name of WGSL's own, such
    /// as `step` or `select`, because it is linked with the engine's texts, which mean WGSL's.
    ///
    /// # Where there is no density
    ///
    /// WGSL has no literal for −∞. Outside of the support a text returns `float_minus_infinity()`,
    /// which works on every device and has the derivative 0:
    ///
    /// ```wgsl
    /// if (x[0] <= 0.0) { return float_minus_infinity(); }
    /// ```
    ///
    /// # Parameters under constraints
    ///
    /// Coordinates are free to be any number. The text may call functions that map a coordinate z
    /// to a parameter under a constraint; each has a second whose name ends in `_log_jacobian`, and
    /// takes the same, for what the log density then has to add:
    ///
    /// | function | its value |
    /// | --- | --- |
    /// | `transform_positive(z)` | above 0 |
    /// | `transform_unit(z)` | between 0 and 1 |
    /// | `transform_interval(z, low, high)` | between `low` and `high` |
    /// | `transform_ordered(z, previous)` | above `previous`; its `_log_jacobian(z)` takes z alone |
    /// | `transform_simplex_step(z, log_rest, remaining)` | a part of a simplex, as a `TransformStick` |
    ///
    /// A simplex of K parts takes K − 1 coordinates. `stick` has the fields `value`, `log_value`,
    /// `log_rest` and `log_jacobian`; at the end `exp(stick.log_rest)` is the last part:
    ///
    /// ```wgsl
    /// var stick = transform_simplex_begin();
    /// for (var k = 0u; k < K - 1u; k++) {
    ///     stick = transform_simplex_step((*x)[k], stick.log_rest, K - 1u - k);
    ///     sum += (alpha[k] - 1.0) * stick.log_value + stick.log_jacobian;
    /// }
    /// sum += (alpha[K - 1u] - 1.0) * stick.log_rest;
    /// ```
    ///
    /// `transform_softplus(z)` is log(1 + exp(z)), `transform_logistic(z)` 1 / (1 + exp(−z)) and
    /// `transform_log_logistic(z)` its logarithm, all without overflow.
    pub fn from_wgsl(dim: u32, name: impl Into<String>, text: impl Into<String>) -> Result<Target> {
        if dim == 0 || dim > MAX_DIM {
            return Err(Error::config("dim", format!("is {dim}; expected 1 to {MAX_DIM}")));
        }
        Ok(Target {
            name: name.into(),
            dim,
            wgsl: Cow::Owned(text.into()),
            parsed: Parsed::default(),
            constants: Vec::new(),
            storage: Vec::new(),
            entry: None,
            components: Vec::new(),
            formula: None,
            center: Center::default(),
            far: Vec::new(),
            data_centers: Vec::new(),
            rounding: BTreeMap::new(),
        })
    }

    /// A target whose log density is a formula, for instance `-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2`.
    ///
    /// The formula becomes the WGSL of [`Target::wgsl`]; its name is `formula`. A name that has no
    /// meaning of its own is a parameter for [`Target::set`], and needs a value.
    ///
    /// # Grammar
    ///
    /// What binds tighter stands higher:
    ///
    /// | operators | |
    /// | --- | --- |
    /// | `a^b`, also `a**b` | from the right: `2^3^2` is 2⁹; `2^-1` is ½ |
    /// | `-a`, `+a` | `-x0^2` is −(x₀²) |
    /// | `a*b`, `a/b` | from the left |
    /// | `a+b`, `a-b` | from the left |
    ///
    /// A product needs its `*`. Numbers are written `1`, `1.5`, `.5`, `1e-3`; `pi` and `dim`, the
    /// number of dimensions, are numbers too. `e` is not: write `exp(1)`. `inf` is infinity: where
    /// a density is 0, its logarithm is `-inf`, as in `where(x0 > 0, -x0, -inf)`, and a parameter
    /// may be infinite as well.
    ///
    /// | values | |
    /// | --- | --- |
    /// | `x0`, `x[0]`, `x[i+1]`, `x[dim-1-i]` | coordinates; `x` in one dimension |
    /// | `c` | a parameter |
    /// | `data.y[n]`, `data.X[n, j]` | a number of a data array, counted from 0 |
    ///
    /// | sums | |
    /// | --- | --- |
    /// | `sum(i, a)` | over i = 0 … dim − 1 |
    /// | `sum(i, first, last, a)` | over i = first … last, both included; none if last < first |
    /// | `sum(n in data.y, a)` | over the rows of an array |
    /// | `prod`, `max`, `min`, `logsumexp` | likewise |
    ///
    /// `max`, `min` and `logsumexp` count with a name only where it stands in an index, as in
    /// `logsumexp(i, -x[i])`; elsewhere they take two numbers or more, as in `max(c, x0)`. Indices
    /// are whole numbers, `dim` and variables of sums, joined by `+`, `-` and a number times a
    /// variable. They are checked against `dim` over the whole range.
    ///
    /// Functions: `exp`, `log` or `ln`, `log2`, `log10`, `log1p`, `expm1`, `sqrt`, `abs`, `sign`,
    /// `sin`, `cos`, `tan`, `asin`, `acos`, `atan`, `atan2(y, x)`, `sinh`, `cosh`, `tanh`,
    /// `min` and `max` of two arguments or more, `pow(a, b)`, `hypot` or `norm` of one or more,
    /// `logistic` or `sigmoid`, `log_sigmoid`, `softplus`, `logsumexp` of two or more.
    /// `where(a < b, so, not)` chooses by a comparison, one of `<`, `<=`, `>`, `>=`, `==`, `!=`.
    ///
    /// # In single precision
    ///
    /// A whole exponent up to 1024 becomes products, and half of an odd number a square root; with
    /// any other exponent `a^b` needs a ≥ 0, as WGSL's `pow` does. In `log` of a sum of
    /// exponentials, such as `log(0.3*exp(-x0^2) + sum(i, exp(x[i])))`, the largest exponent is
    /// taken out, so that nothing overflows; the same holds for `logsumexp`, `softplus` and
    /// `log(logistic(u))`.
    ///
    /// Coordinates and data far from zero, such as dates, keep their digits as [`Target::with_center`]
    /// says, where a formula has differences, as in `(x0 - t)^2`; `x0^2 - 2*t*x0 + t^2` is the same
    /// only on paper.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Shader`](crate::ErrorKind::Shader) with the place in the formula.
    ///
    /// ```
    /// use wfr::Target;
    ///
    /// # fn main() -> wfr::Result<()> {
    /// let wells = Target::from_formula(2, "-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2")?.set("c", 0.3)?;
    /// assert_eq!(wells.parameters(), [("c", 0.3)]);
    ///
    /// let rosenbrock = "-sum(i, 0, dim-2, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
    /// Target::from_formula(10, rosenbrock)?;
    ///
    /// let error = Target::from_formula(2, "-x0^2 - 2x1^2").unwrap_err();
    /// assert_eq!(error.location().expect("in the formula").column, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_formula(dim: u32, formula: &str) -> Result<Target> {
        let mut target = Target::from_wgsl(dim, "formula", "")?;
        let formula = Formula::new(dim, formula)?;
        target.write(formula.wgsl.clone());
        target.formula = Some(Arc::new(formula));
        Ok(target)
    }

    /// Takes another text.
    fn write(&mut self, wgsl: String) {
        self.wgsl = Cow::Owned(wgsl);
        self.parsed = Parsed::default();
    }

    fn built_in(entry: &'static Entry, dim: u32) -> Result<Target> {
        entry.check_dim(dim)?;
        Ok(Target {
            name: entry.name.to_string(),
            dim,
            wgsl: Cow::Borrowed(entry.wgsl),
            parsed: Parsed::default(),
            constants: Vec::new(),
            storage: Vec::new(),
            entry: Some(entry),
            components: Vec::new(),
            formula: None,
            center: Center::default(),
            far: Vec::new(),
            data_centers: Vec::new(),
            rounding: BTreeMap::new(),
        })
    }

    /// `components` are normalised, but may have weight 0.
    pub(crate) fn mixture_of(components: Vec<Component>) -> Result<Target> {
        let dim = components.first().map_or(0, |component| component.mean.len());
        let mut target =
            Target::built_in(&catalogue::GAUSSIAN_MIXTURE, u32::try_from(dim).unwrap_or(u32::MAX))?;
        target.storage.push(mixture::pack(&components));
        target.components = components;
        Ok(target)
    }

    /// The same mixture with more numbers after its own in the buffer.
    pub(crate) fn with_appended(mut self, numbers: &[f32]) -> Target {
        if let Some(buffer) = self.storage.last_mut() {
            buffer.extend(numbers);
        }
        self
    }

    /// The same target with the parameter `name`, an `override` of its WGSL text, set to `value`.
    ///
    /// An unknown name is an error that lists the known ones, and so is a value out of range. Where
    /// the text does not parse, the value is kept, and making the sampler reports the text. A
    /// parameter of a formula may be infinite where no part of the formula becomes ∞ − ∞ or 0·∞.
    ///
    /// Another value of an `f32` compiles nothing: a device reads it as data, see
    /// [`Sampler::restart_async`](crate::Sampler::restart_async). Whole numbers and booleans are compiled,
    /// and so is what another declaration of the text uses, such as the default of a second `override`.
    pub fn set(mut self, name: &str, value: f64) -> Result<Target> {
        let key = match (self.entry, &self.formula) {
            (Some(entry), _) => entry.check_parameter(name, value)?,
            (None, Some(formula)) => formula.check_parameter(&self.name, name, value)?,
            (None, None) => overrides::check(&self.name, &self.linked(), name, value)?,
        };
        if let Some(formula) = &self.formula {
            let formula = formula.with_value(self.dim, name, value)?;
            self.write(formula.wgsl.clone());
            self.formula = Some(Arc::new(formula));
        }
        match self.constants.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.constants.push((key, value)),
        }
        Ok(self)
    }

    /// The same target with data for the array `name` of its WGSL text.
    ///
    /// The text declares `@group(1) @binding(k) var<storage, read> NAME: array<f32>`, or
    /// `data_NAME`; the bindings count from 0. Matrices are stored row after row. Where the text
    /// declares an `override` called `NAME_rows` or `NAME_columns` (or `data_NAME_rows`, …), it is
    /// set to the shape. An array of `vec2<f32>` to `vec4<f32>` takes a matrix of as many columns,
    /// and an array of `i32` or `u32` takes whole numbers.
    ///
    /// ```
    /// use wfr::{Data, Target};
    ///
    /// # fn main() -> wfr::Result<()> {
    /// let text = "
    ///     @group(1) @binding(0) var<storage, read> y: array<f32>;
    ///     override y_rows: u32;
    ///     fn log_density(x: Point) -> f32 {
    ///         var sum = 0.0;
    ///         for (var n = 0u; n < y_rows; n++) { sum -= 0.5 * (y[n] - x[0]) * (y[n] - x[0]); }
    ///         return sum;
    ///     }";
    /// let y = Data::new(3, 1, vec![0.5, 1.0, -0.25])?;
    /// let target = Target::from_wgsl(1, "mean.wgsl", text)?.with_data("y", &y)?;
    /// assert_eq!(target.constants(), [("y_rows".to_string(), 3.0)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A text that does not parse, a name that it does not declare, and data that do not fit the
    /// type; for a text in WGSL, a column far from zero of whose spread single precision leaves too
    /// little. A declared array without data is an error of [`crate::Problem::new`].
    pub fn with_data(mut self, name: &str, data: &Data) -> Result<Target> {
        let arrays = self.arrays()?;
        let array = arrays::find(&self.name, &arrays, name)?;
        let words = arrays::pack(&self.name, array, data)?;
        let binding = array.binding as usize;
        if binding > MAX_BINDING {
            let reason = format!("has binding {binding}; expected 0 to {MAX_BINDING}");
            return Err(Error::config(format!("{}.{name}", self.name), reason));
        }
        if self.storage.len() <= binding {
            self.storage.resize(binding + 1, Vec::new());
        }
        self.storage[binding] = words;
        if self.formula.is_some() {
            self.far.resize(self.far.len().max(binding + 1), None);
            self.far[binding] = data.far();
        } else {
            self.rounding.remove(&array.name);
            if let Some(rounding) = data.rounding() {
                if let Some(reason) = rounding.refusal() {
                    let short = arrays::short(&array.name);
                    return Err(Error::config(format!("{}.{short}", self.name), reason));
                }
                self.rounding.insert(array.name.clone(), *rounding);
            }
        }

        let overrides = overrides::declared(&self.linked()).unwrap_or_default();
        for (size, value) in [("rows", data.rows()), ("columns", data.columns())] {
            let size = format!("{}_{size}", array.name);
            if overrides.iter().any(|found| found.name == size) {
                self = self.set(&size, value as f64)?;
            }
        }
        Ok(self)
    }

    /// Sentences on what the text does not see of its data, because it sees each number in single
    /// precision; none of a formula.
    pub(crate) fn rounded_data(&self) -> Vec<String> {
        let notes = |(name, rounding): (&String, &Rounding)| {
            rounding.notes(&format!("{}.{}", self.name, arrays::short(name)))
        };
        self.rounding.iter().flat_map(notes).collect()
    }

    /// The names of the arrays that the WGSL text declares, as [`Target::with_data`] takes them.
    ///
    /// # Errors
    /// A text that does not parse.
    pub fn data_names(&self) -> Result<Vec<String>> {
        let arrays = self.arrays()?;
        Ok(arrays.iter().map(|array| arrays::short(&array.name).to_string()).collect())
    }

    /// What data by name can be put into: nothing of a built-in target.
    fn arrays(&self) -> Result<Vec<arrays::Array>> {
        if self.entry.is_some() {
            return Ok(Vec::new());
        }
        Ok(arrays::declared(self.linked().checked()?))
    }

    /// The text by its name.
    pub(crate) fn source(&self) -> Source {
        let of = if self.entry.is_some() { Source::own } else { Source::new };
        of(self.source_name(), self.wgsl.as_ref())
    }

    /// What places in the text are named by: lines of what a formula became are not its own.
    pub(crate) fn source_name(&self) -> &str {
        if self.formula.is_some() { "formula.wgsl" } else { &self.name }
    }

    /// The text after what stands before it, and nothing else.
    pub(crate) fn linked(&self) -> Linked {
        Linked::new(self.prelude().into_iter().chain([self.source()])).sharing(&self.parsed)
    }

    /// What stands before the text wherever it is linked.
    pub(crate) fn prelude(&self) -> Vec<Source> {
        let dimension = Prelude::default().dimension(self.dim).source();
        [dimension].into_iter().chain(infinity(&self.wgsl)).chain(library(&self.wgsl)).collect()
    }

    /// The same target with `data` as its next storage buffer: that of the first binding of
    /// `@group(1)` that has none yet.
    ///
    /// The WGSL text declares it as `var<storage, read>`. Integers travel as their bits
    /// ([`f32::from_bits`]).
    pub fn with_storage(mut self, data: Vec<f32>) -> Result<Target> {
        let binding = self.storage.iter().position(Vec::is_empty).unwrap_or(self.storage.len());
        if data.is_empty() {
            return Err(Error::config(
                format!("storage of {}:", self.name),
                format!("binding {binding} is empty; a storage buffer holds a number or more"),
            ));
        }
        if binding == self.storage.len() {
            self.storage.push(data);
        } else {
            self.storage[binding] = data;
        }
        Ok(self)
    }

    /// The same target with its coordinates counted from `center`, one number for each: what a run
    /// keeps of a particle on the device, in single precision, is how far it lies from there.
    ///
    /// Single precision has 24 bits. Around 2 460 000, a Julian date, its steps are 0.25, and a law
    /// with a standard deviation of 0.4 cannot be told from its neighbours; counted from 2460000.5
    /// it is as good as any. Choose a point within the law, or near it: zero where a coordinate
    /// needs none.
    ///
    /// Texts in WGSL, the target's own and those of a start, a flow or a velocity, then see the
    /// *offset* x − center in `x`; what they compute with the center's own digits is theirs to fold
    /// in, as far as possible before it becomes an `f32`. Everything else is in the coordinates
    /// themselves: [`Initial::normal`](crate::Initial::normal) and its like,
    /// [`Diagnostics`](crate::Diagnostics), files. [`Particles`](crate::Particles) hold offsets and
    /// name the center.
    ///
    /// A formula needs no center: a [`Problem`](crate::Problem) counts each coordinate whose start
    /// lies more than 2¹⁰ of its standard deviations from zero from the start's mean, and writes the
    /// formula in what is left, with constants and parameters folded in double precision. Given one,
    /// it takes that.
    ///
    /// ```
    /// use wfr::{Flow, Initial, Problem, Target};
    ///
    /// # fn main() -> wfr::Result<()> {
    /// // x[0] is a Julian date, less 2460000.5.
    /// let text = "fn log_density(x: Point) -> f32 { return -0.5 * x[0] * x[0] / (0.4 * 0.4); }";
    /// let target = Target::from_wgsl(1, "date.wgsl", text)?.with_center(&[2460000.5])?;
    /// let start = Initial::normal(&[2460000.5], &[0.8])?;
    /// Problem::new(target, start, Flow::annealed())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// For a built-in target, whose place its parameters say, for another number of coordinates, and
    /// for a number that is not finite.
    pub fn with_center(mut self, center: &[f64]) -> Result<Target> {
        let refused = |reason: String| Err(Error::config("center", reason));
        if self.entry.is_some() {
            return refused(format!(
                "is given for {}, which is built in; its parameters say where it lies",
                self.name
            ));
        }
        if center.len() != self.dim as usize {
            return refused(format!(
                "has {} numbers, but the target {} has {} coordinates; give one for each",
                center.len(),
                self.name,
                self.dim
            ));
        }
        if let Some(j) = center.iter().position(|c| !(*c as f32).is_finite()) {
            return refused(format!("of x{j} is {}; expected a finite number", center[j]));
        }
        self.center = Center::new(center);
        Ok(self)
    }

    /// What coordinates are counted from, where that is not the origin.
    pub fn center(&self) -> Option<&[f64]> {
        self.center.point()
    }

    /// What coordinates are counted from.
    pub(crate) fn origin(&self) -> &Center {
        &self.center
    }

    /// The name of a target of the catalogue.
    pub(crate) fn built_in_name(&self) -> Option<&str> {
        self.entry.map(|entry| entry.name)
    }

    /// Whether the text was made from a formula.
    pub(crate) fn is_formula(&self) -> bool {
        self.formula.is_some()
    }

    /// The same target in coordinates counted from a center; a formula is written anew.
    ///
    /// # Errors
    /// For a text that counts from elsewhere, and for a formula that takes too many terms.
    pub(crate) fn about(&self, center: &Center) -> Result<Target> {
        let mut about = self.clone();
        about.center = center.clone();
        let Some(formula) = &self.formula else {
            if self.center == *center {
                return Ok(about);
            }
            let reason = format!(
                "of {} and that of the target it meets differ; give both the same",
                self.name
            );
            return Err(Error::config("center", reason));
        };
        // Data count from their own centers where coordinates do, or where they must.
        let counts =
            |far: &Option<Arc<Far>>| far.clone().filter(|far| far.is_needed || !center.is_origin());
        let far: Vec<_> = self.far.iter().map(counts).collect();
        if center.is_origin() && far.iter().all(Option::is_none) {
            return Ok(about);
        }
        for (binding, far) in far.iter().enumerate() {
            if let Some(far) = far {
                about.storage[binding] = far.offsets.clone();
            }
        }
        let point: Vec<f64> = (0..self.dim as usize).map(|j| center.of_coordinate(j)).collect();
        let centers = |far: &Option<Arc<Far>>| far.as_ref().map(|far| far.centers.clone());
        about.data_centers = far.iter().map(centers).collect();
        let arrays = &about.data_centers;
        let text = formula.about(&point, &self.constants, arrays)?;
        about.write(text);
        Ok(about)
    }

    /// The name: that of the catalogue, or the one given to [`Target::from_wgsl`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of dimensions.
    pub fn dim(&self) -> u32 {
        self.dim
    }

    /// The WGSL text, without the generated `DIM` and `Point`.
    pub fn wgsl(&self) -> &str {
        &self.wgsl
    }

    /// The parameters that were set, as pipeline constants; the others have the text's defaults.
    ///
    /// The key is the override's name, or its number where it is declared with `@id`.
    pub fn constants(&self) -> &[(String, f64)] {
        &self.constants
    }

    /// The parameters that were set, by the names that [`Target::set`] takes.
    ///
    /// Those of a formula have other names among [`Target::constants`], where WGSL's keywords are
    /// no names; a number stands for an override declared with `@id`.
    pub fn parameters(&self) -> Vec<(&str, f64)> {
        let all = self.constants.iter().map(|(key, value)| (key.as_str(), *value));
        match self.formula {
            None => all.collect(),
            Some(_) => all
                .filter_map(|(key, value)| Some((key.strip_prefix(formula::PARAMETER)?, value)))
                .collect(),
        }
    }

    /// The parameters that have values, by name: those that were set, and the defaults of the others as far
    /// as they are numbers.
    pub fn all_parameters(&self) -> Vec<(String, f64)> {
        let named = |(name, value): (&str, f64)| (name.to_string(), value);
        if let Some(entry) = self.entry {
            let value = |known: &Parameter| {
                let set = self.constants.iter().find(|(key, _)| key == known.name);
                (known.name.to_string(), set.map_or(known.default, |(_, value)| *value))
            };
            return entry.parameters.iter().map(value).collect();
        }
        match overrides::declared(&self.linked()).filter(|_| self.formula.is_none()) {
            Some(declared) => {
                declared.into_iter().filter_map(|found| found.with_value(&self.constants)).collect()
            }
            None => self.parameters().into_iter().map(named).collect(),
        }
    }

    /// Checks that everything was given that a formula needs: parameters and data.
    pub(crate) fn check_formula(&self) -> Result<()> {
        match &self.formula {
            Some(formula) => {
                formula.check_parameters(&self.name, &self.constants)?;
                formula.check_data(&self.constants)
            }
            None => Ok(()),
        }
    }

    /// Checks that every parameter without a default has a value.
    pub(crate) fn check_parameters(&self) -> Result<()> {
        if self.entry.is_some() || self.formula.is_some() {
            return Ok(());
        }
        match overrides::unset(&self.linked(), &self.constants) {
            Some(name) => Err(formula::unset_parameter(&self.name, &name)),
            None => Ok(()),
        }
    }

    /// The contents of the storage buffers: element `i` is `@group(1) @binding(i)`, empty where no
    /// data are given yet.
    pub fn storage(&self) -> &[Vec<f32>] {
        &self.storage
    }

    /// The same target with the parameters that a device works with.
    pub(crate) fn rounded(&self) -> Target {
        let mut rounded = self.clone();
        // Whole numbers may be integers, which are exact.
        for (_, value) in rounded.constants.iter_mut().filter(|(_, value)| value.fract() != 0.0) {
            *value = f64::from(*value as f32);
        }
        rounded
    }

    /// The value at `x`, itself and not its offset from a center, of the formula that the text was made
    /// from, in double precision; none for other targets.
    pub(crate) fn formula_value(&self, x: &[f64]) -> Option<f64> {
        let (constants, storage) = (&self.constants, &self.storage);
        let data = formula::Data { constants, storage, centers: &self.data_centers };
        self.formula.as_ref()?.log_density(x, data)
    }

    /// What the WGSL text was made from, where that is a formula.
    #[cfg(test)]
    pub(crate) fn formula(&self) -> Option<&Formula> {
        self.formula.as_deref()
    }

    /// The law behind a built-in target, with the parameters set.
    pub(crate) fn law(&self) -> Option<Law<'_>> {
        self.entry.map(|entry| (entry.law)(self))
    }

    /// The components of a law made of Gaussians with a scale per axis, and its log Z.
    pub(crate) fn gaussians(&self) -> Option<(Vec<Component>, f64)> {
        match self.law()? {
            Law::StandardNormal => {
                let dim = self.dim as usize;
                let one = Component { weight: 1.0, mean: vec![0.0; dim], scale: vec![1.0; dim] };
                Some((vec![one], self.log_normalizer()?))
            }
            Law::GaussianMixture(components) => Some((components.to_vec(), 0.0)),
            _ => None,
        }
    }

    /// The components of a Gaussian mixture, whose weights sum to one; `None` for other targets.
    pub fn components(&self) -> Option<&[Component]> {
        match self.law()? {
            Law::GaussianMixture(components) => Some(components),
            _ => None,
        }
    }

    /// The value of a built-in target's parameter.
    fn value(&self, name: &str) -> f64 {
        if let Some((_, value)) = self.constants.iter().find(|(known, _)| known == name) {
            return *value;
        }
        let parameters = self.entry.map_or(&[][..], |entry| entry.parameters);
        let parameter = parameters.iter().find(|parameter| parameter.name == name);
        parameter.expect("bug in wfr: a law reads a parameter its entry does not list").default
    }
}

/// The files of the library that a target's text calls.
pub(crate) fn library(text: &str) -> Option<Source> {
    text.contains("transform_").then(|| shaders::file("transform"))
}

/// The files with −∞, which all kernels have anyhow, where a target's text calls it.
fn infinity(text: &str) -> Vec<Source> {
    match text.contains(shaders::MINUS_INFINITY) {
        true => shaders::files(&["float", "hidden/nothing"]),
        false => Vec::new(),
    }
}

/// The declarations before a target's text: `DIM`, `Point` and what it calls of the library.
pub(crate) fn prelude(dim: u32, text: &str) -> Source {
    let files = infinity(text).into_iter().chain(library(text));
    let dimension = Prelude::default().dimension(dim).source();
    let text = files.fold(dimension.text, |text, file| text + &file.text);
    Source::own(dimension.name, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use wgpu::naga::{front::wgsl, valid};

    fn every_target(dim: u32) -> Vec<Target> {
        catalogue().iter().filter_map(|entry| Target::named(entry.name, Some(dim)).ok()).collect()
    }

    #[test]
    fn every_text_validates_in_every_dimension() {
        for dim in [1, 2, 3, 4, 8, 16, 32, 64] {
            let targets = every_target(dim);
            assert!(targets.len() >= if dim == 1 { 3 } else { catalogue().len() - 1 });
            for target in targets {
                let text = prelude(dim, target.wgsl()).text + target.wgsl();
                let module = wgsl::parse_str(&text)
                    .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
                let flags = valid::ValidationFlags::all();
                valid::Validator::new(flags, valid::Capabilities::empty())
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
                let functions: Vec<_> =
                    module.functions.iter().filter_map(|(_, f)| f.name.as_deref()).collect();
                assert!(functions.contains(&"log_density") && functions.contains(&"score"));
            }
        }
    }

    #[test]
    fn the_catalogue_lists_the_overrides_of_the_text_with_their_defaults() {
        for entry in catalogue() {
            let target = Target::built_in(entry, entry.default_dim).unwrap();
            let declared = overrides::declared(&target.linked()).expect("parses");
            let declared: Vec<_> =
                declared.iter().map(|o| (o.name.as_str(), o.default.unwrap())).collect();
            let listed: Vec<_> = entry.parameters.iter().map(|p| (p.name, p.default)).collect();
            assert_eq!(declared, listed, "{}", entry.name);
        }
    }

    #[test]
    fn a_built_in_parameter_is_set_within_its_range() {
        let target = Target::double_well(2).unwrap().set("a", 4.0).unwrap().set("a", 5.0).unwrap();
        assert_eq!(target.constants(), [("a".to_string(), 5.0)]);
        assert!(matches!(target.law(), Some(Law::DoubleWell { a: 5.0, c: 0.1, stiffness: 1.0 })));
        let text = |name, value| Target::double_well(2).unwrap().set(name, value).unwrap_err();
        assert_eq!(
            text("b", 1.0).to_string(),
            "double-well.b is not a parameter; known: a (default 20), c (default 0.1), \
             stiffness (default 1)"
        );
        assert_eq!(text("a", -1.0).to_string(), "double-well.a is -1; expected 0.001 to 10000");
        assert!(text("a", f64::NAN).to_string().contains("is NaN"));
        let none = Target::standard_normal(2).unwrap().set("a", 1.0).unwrap_err();
        assert_eq!(none.to_string(), "standard-normal.a is not a parameter; this target has none");
    }

    #[test]
    fn a_dimension_out_of_range_is_an_error() {
        for (target, expected) in [
            (Target::standard_normal(0), "dim is 0; standard-normal has 1 to 1024"),
            (Target::double_well(1025), "dim is 1025; double-well has 1 to 1024"),
            (Target::funnel(1), "dim is 1; funnel has 2 to 1024"),
            (Target::many_well(3), "dim is 3; many-well has an even number, 2 to 1024"),
            (Target::from_wgsl(0, "x.wgsl", ""), "dim is 0; expected 1 to 1024"),
            (Target::named("ring", Some(1)), "dim is 1; ring has 2 to 1024"),
            (
                Target::named("gaussian-mixture", Some(0)),
                "dim is 0; gaussian-mixture has 1 to 1024",
            ),
        ] {
            let error = target.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }));
            assert_eq!(error.to_string(), expected);
        }
    }

    /// They are linked where they are called, and only there.
    #[test]
    fn a_text_may_call_the_transforms() {
        let target = |text: &str| Target::from_wgsl(2, "mine.wgsl", text).unwrap();
        let score = "fn score(x: Point) -> Point { return -x; }";
        let calls = "override low: f32 = 1.0;
            fn log_density(x: Point) -> f32 { return transform_interval(x.x, low, 2.0); }";
        let calls = target(&format!("{calls}{score}")).set("low", 0.5).unwrap();
        assert_eq!(calls.prelude().len(), 2);
        let start = crate::Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
        crate::Problem::new(calls, start.clone(), crate::Flow::annealed()).unwrap();

        assert_eq!(target(score).prelude().len(), 1);
        let clash = "fn transform_unit(x: Point) -> f32 { return 0.0; }";
        let problem = crate::Problem::new(target(clash), start, crate::Flow::annealed());
        let error = problem.unwrap_err();
        assert_eq!(error.location().unwrap().to_string(), "mine.wgsl:1:4");
        let words = "`transform_unit` is already defined in the engine's transform.wgsl; choose";
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn storage_takes_the_next_binding_and_is_never_empty() {
        let target = Target::from_wgsl(3, "x.wgsl", "").unwrap();
        let target = target.with_storage(vec![1.0]).unwrap().with_storage(vec![2.0, 3.0]).unwrap();
        assert_eq!(target.storage(), [vec![1.0], vec![2.0, 3.0]]);
        assert!(target.with_storage(Vec::new()).is_err());
    }
}
