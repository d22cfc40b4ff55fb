//! Noises and spacings as people write them.

use std::str::FromStr;

use super::{Noise, Spacing};
use crate::error::{Error, Result};

impl FromStr for Noise {
    type Err = Error;

    /// Reads `vp`, `sub-vp` or `ve`, each with `:MIN:MAX` or with what is customary: β from 0.1 to
    /// 20, and σ from 0.002 to 80.
    fn from_str(text: &str) -> Result<Noise> {
        let unknown = || {
            let reason = format!(
                "'{text}' is not known; write vp, sub-vp or ve, or with both ends vp:0.1:20"
            );
            Error::config("noise", reason)
        };
        let parts: Vec<&str> = text.split(':').collect();
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| unknown());
        let ends = match parts[1..] {
            [] => None,
            [low, high] => Some((number(low)?, number(high)?)),
            _ => return Err(unknown()),
        };
        let (beta_min, beta_max) = ends.unwrap_or((0.1, 20.0));
        let (sigma_min, sigma_max) = ends.unwrap_or((0.002, 80.0));
        let noise = match parts[0] {
            "vp" => Noise::variance_preserving(beta_min, beta_max),
            "sub-vp" => Noise::sub_variance_preserving(beta_min, beta_max),
            "ve" => Noise::variance_exploding(sigma_min, sigma_max),
            _ => return Err(unknown()),
        };
        noise.check()?;
        Ok(noise)
    }
}

impl FromStr for Spacing {
    type Err = Error;

    /// Reads `uniform`, `geometric`, `karras` or `karras:RHO`.
    fn from_str(text: &str) -> Result<Spacing> {
        let unknown = || {
            let reason = format!("'{text}' is not known; write uniform, geometric or karras:7");
            Error::config("levels", reason)
        };
        match text.split_once(':') {
            None if text == "uniform" => Ok(Spacing::Uniform),
            None if text == "geometric" => Ok(Spacing::Geometric),
            None if text == "karras" => Ok(Spacing::Karras(7.0)),
            Some(("karras", rho)) => rho.trim().parse().map(Spacing::Karras).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["vp:0.1:20", "sub-vp:0.5:12", "ve:0.01:50"] {
            assert_eq!(text.parse::<Noise>().unwrap().to_string(), text);
        }
        assert_eq!("ve".parse::<Noise>().unwrap(), Noise::variance_exploding(0.002, 80.0));
        for text in ["uniform", "geometric", "karras:5"] {
            assert_eq!(text.parse::<Spacing>().unwrap().to_string(), text);
        }
        for text in ["edm", "vp:1", "vp:a:b", "ve:1:2:3"] {
            let error = text.parse::<Noise>().unwrap_err().to_string();
            assert!(error.contains("is not known; write vp, sub-vp or ve"), "{error}");
        }
        let error = "ve:5:1".parse::<Noise>().unwrap_err().to_string();
        assert!(error.contains("has sigma from 5 to 1"), "{error}");
        assert!("karras:x".parse::<Spacing>().is_err() && "log".parse::<Spacing>().is_err());
    }
}
