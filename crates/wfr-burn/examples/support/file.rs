//! Networks as safetensors files, in the form that wfr reads.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::Result;
use super::network::{Block, Layers, Network, Shape};

/// What the file says of the network.
fn config(shape: &Shape) -> Value {
    json!({
        "dim": shape.dim,
        "hidden": shape.hidden,
        "activation": "silu",
        "architecture": "residual",
        "prediction": "v",
        "schedule": {
            "kind": "vp",
            "beta_min": shape.beta_min,
            "beta_max": shape.beta_max,
            "time": 1.0,
        },
        "time_embedding": {
            "kind": "fourier",
            "input": "log_sigma",
            "frequencies": shape.frequencies,
        },
        "input_scale": "none",
    })
}

/// Tensors by name, each with its size, in PyTorch's layout.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Writes a network with PyTorch's layout: weights are (out, in).
pub fn save(network: &Network, path: &Path) -> Result<()> {
    let mut tensors = Tensors::new();
    let mut add = |name: &str, linear: &Linear| -> Result<()> {
        let weight = linear.weight.val().transpose();
        let size = weight.dims().to_vec();
        tensors.insert(format!("{name}.weight"), (size, weight.into_data().try_to_vec()?));
        if let Some(bias) = &linear.bias {
            let bias = bias.val();
            let size = bias.dims().to_vec();
            tensors.insert(format!("{name}.bias"), (size, bias.into_data().try_to_vec()?));
        }
        Ok(())
    };
    let layers = &network.layers;
    add("input", &layers.input)?;
    for (i, block) in layers.blocks.iter().enumerate() {
        add(&format!("blocks.{i}.first"), &block.first)?;
        add(&format!("blocks.{i}.time"), &block.time)?;
        add(&format!("blocks.{i}.second"), &block.second)?;
    }
    add("output", &layers.output)?;
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, (size, values))| {
            (name, size, values.iter().flat_map(|x| x.to_le_bytes()).collect())
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, size, bytes)| Ok((name, TensorView::new(Dtype::F32, size.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([
        ("wfr.kind".to_string(), "score-mlp".to_string()),
        ("wfr.version".to_string(), "1".to_string()),
        ("wfr.config".to_string(), config(&network.shape).to_string()),
    ]);
    std::fs::write(path, safetensors::serialize(views, Some(metadata))?)
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()).into())
}

/// Reads a network of this kind, whoever trained it.
pub fn load(path: &Path, device: &Device) -> Result<Network> {
    let place = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{place}: cannot be read: {error}"))?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let text = header.metadata().as_ref().and_then(|all| all.get("wfr.config"));
    let found: Value = serde_json::from_str(text.ok_or(format!("{place}: has no wfr.config"))?)?;
    let whole = |key: &str| found[key].as_u64().unwrap_or_default() as usize;
    let beta = |key: &str| found["schedule"][key].as_f64().unwrap_or_default();
    let frequencies = found["time_embedding"]["frequencies"].as_array();
    let shape = Shape {
        dim: whole("dim"),
        hidden: whole("hidden"),
        frequencies: frequencies.into_iter().flatten().filter_map(Value::as_f64).collect(),
        beta_min: beta("beta_min"),
        beta_max: beta("beta_max"),
    };
    if config(&shape) != found {
        let reason = "is another kind of network than this example's; train one with it, or let \
                      wfr evaluate the file itself";
        return Err(format!("{place}: {reason}").into());
    }
    let tensors = SafeTensors::deserialize(&bytes)?;
    let data = |name: String| -> Result<TensorData> {
        let view = tensors.tensor(&name).map_err(|error| format!("{place}: {name}: {error}"))?;
        let (words, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        Ok(TensorData::new(values, view.shape().to_vec()))
    };
    let linear = |name: &str| -> Result<Linear> {
        let weight = Tensor::<2>::from_data(data(format!("{name}.weight"))?, device).transpose();
        let bias = match name.ends_with(".time") {
            true => None,
            false => Some(Tensor::<1>::from_data(data(format!("{name}.bias"))?, device)),
        };
        Ok(Linear { weight: Param::from_tensor(weight), bias: bias.map(Param::from_tensor) })
    };
    let block = |i: usize| -> Result<Block> {
        Ok(Block {
            first: linear(&format!("blocks.{i}.first"))?,
            time: linear(&format!("blocks.{i}.time"))?,
            second: linear(&format!("blocks.{i}.second"))?,
        })
    };
    let blocks = tensors.names().iter().filter(|name| name.ends_with(".time.weight")).count();
    let layers = Layers {
        input: linear("input")?,
        blocks: (0..blocks).map(block).collect::<Result<_>>()?,
        output: linear("output")?,
    };
    Ok(Network { shape, layers })
}
