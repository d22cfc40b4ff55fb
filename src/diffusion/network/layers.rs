//! The linear layers of a network, by the names of their tensors.

use std::collections::BTreeMap;

use super::config::{Architecture, Config};
use super::file::Tensor;
use crate::error::{Error, Result};

/// A matrix in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

/// y = W x + b + T e, where e are the features of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    pub weight: Matrix,
    pub bias: Vec<f32>,
    pub time: Option<Matrix>,
}

impl Layer {
    /// All numbers.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[f32]> {
        let time = self.time.iter().map(|time| time.values.as_slice());
        [self.weight.values.as_slice(), &self.bias].into_iter().chain(time)
    }
}

impl Matrix {
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// The columns before `at`, and those from there on.
    fn split(&self, at: usize) -> (Matrix, Matrix) {
        let part = |range: std::ops::Range<usize>| Matrix {
            rows: self.rows,
            columns: range.len(),
            values: (0..self.rows).flat_map(|i| self.row(i)[range.clone()].to_vec()).collect(),
        };
        (part(0..at), part(at..self.columns))
    }
}

impl Layer {
    pub(crate) fn parameters(&self) -> usize {
        let time = self.time.as_ref().map_or(0, |time| time.values.len());
        self.weight.values.len() + self.bias.len() + time
    }
}

/// The tensors of a file that no layer has taken yet.
struct Tensors<'a> {
    file: &'a str,
    rest: BTreeMap<String, Tensor>,
}

impl Tensors<'_> {
    fn take(&mut self, tensor: &str, shape: &[usize], of: &str) -> Result<Vec<f32>> {
        let error = |reason: String| Error::file(self.file, format!("tensor {tensor} {reason}"));
        let found = self.rest.remove(tensor);
        let found = found.ok_or_else(|| error("is missing; save the whole network".into()))?;
        if found.shape != shape {
            let reason = format!(
                "has the shape {:?}, expected {shape:?} = {of}; correct wfr.config or the tensor",
                found.shape
            );
            return Err(error(reason));
        }
        Ok(found.values)
    }

    fn matrix(&mut self, tensor: &str, rows: usize, columns: usize, of: &str) -> Result<Matrix> {
        let values = self.take(tensor, &[rows, columns], of)?;
        Ok(Matrix { rows, columns, values })
    }

    /// A layer `name.weight` with `name.bias`.
    fn linear(&mut self, name: &str, rows: usize, columns: usize, of: &str) -> Result<Layer> {
        let weight = self.matrix(&format!("{name}.weight"), rows, columns, of)?;
        let end = of.find(',').unwrap_or(of.len());
        let bias = self.take(&format!("{name}.bias"), &[rows], &format!("{}]", &of[..end]))?;
        Ok(Layer { weight, bias, time: None })
    }

    /// How many of the tensors are `prefix`, a number, `suffix`.
    fn count(&self, prefix: &str, suffix: &str) -> usize {
        let is_one = |name: &&String| {
            let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
            number.is_some_and(|number| number.parse::<usize>().is_ok())
        };
        self.rest.keys().filter(is_one).count()
    }
}

/// The layers of a network: from x, between the hidden ones, to F.
pub(super) fn of(
    file: &str,
    config: &Config,
    tensors: BTreeMap<String, Tensor>,
) -> Result<(Layer, Vec<Layer>, Layer)> {
    let mut tensors = Tensors { file, rest: tensors };
    let (dim, hidden) = (config.dim as usize, config.hidden as usize);
    let features = 2 * config.frequencies.len();
    let (input, layers, output) = match config.architecture {
        Architecture::Sequential => {
            let of = "[hidden, dim + 2 frequencies]";
            let joint = tensors.linear("net.0", hidden, dim + features, of)?;
            let (weight, time) = joint.weight.split(dim);
            let input = Layer { weight, bias: joint.bias, time: Some(time) };
            // Of the tensors that are left, the last is the output's.
            let last = tensors.count("net.", ".weight").max(1);
            let layer = |i: usize| {
                tensors.linear(&format!("net.{}", 2 * i), hidden, hidden, "[hidden, hidden]")
            };
            let layers = (1..last).map(layer).collect::<Result<_>>()?;
            let name = format!("net.{}", 2 * last);
            (input, layers, tensors.linear(&name, dim, hidden, "[dim, hidden]")?)
        }
        Architecture::Residual => {
            let input = tensors.linear("input", hidden, dim, "[hidden, dim]")?;
            let mut layers = Vec::new();
            for i in 0..tensors.count("blocks.", ".first.weight") {
                let square = "[hidden, hidden]";
                let [first, second] = ["first", "second"].map(|part| format!("blocks.{i}.{part}"));
                let mut first = tensors.linear(&first, hidden, hidden, square)?;
                let time = format!("blocks.{i}.time.weight");
                let of = "[hidden, 2 frequencies]";
                first.time = Some(tensors.matrix(&time, hidden, features, of)?);
                layers.extend([first, tensors.linear(&second, hidden, hidden, square)?]);
            }
            (input, layers, tensors.linear("output", dim, hidden, "[dim, hidden]")?)
        }
    };
    if let Some((name, _)) = tensors.rest.first_key_value() {
        let architecture = match config.architecture {
            Architecture::Sequential => "sequential network, whose tensors are net.0.weight, …",
            Architecture::Residual => {
                "residual network, whose tensors are input.*, blocks.i.first.*, \
                 blocks.i.time.weight, blocks.i.second.*, output.*"
            }
        };
        let reason = format!("tensor {name} is none of a {architecture}; leave it out");
        return Err(Error::file(file, reason));
    }
    Ok((input, layers, output))
}
