//! Whether single precision tells the places of a law apart.

use std::fmt;

/// Fewer steps of single precision to a standard deviation are reported.
pub(crate) const FEW: f64 = 1e3;

/// With fewer still the numbers are those of another law, on a grid.
pub(crate) const TOO_FEW: f64 = 30.0;

/// A coordinate whose standard deviation spans fewer than 1000 steps of single precision where it
/// lies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Resolution {
    /// The coordinate, from 0.
    pub coordinate: usize,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// The distance of one number of single precision to the next at the mean, or at the mean's offset
    /// from a center.
    pub step: f64,
}

/// A coordinate's mean and standard deviation, and what the device counts it from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) mean: f64,
    pub(crate) sd: f64,
    pub(crate) center: f64,
}

/// The coordinate with the fewest steps to its standard deviation, where they are too few to go
/// unreported.
pub(crate) fn resolution(places: impl Iterator<Item = Place>) -> Option<Resolution> {
    let found = places.enumerate().filter_map(|(coordinate, Place { mean, sd, center })| {
        let step = step((mean - center).abs().max(sd));
        (sd < FEW * step).then_some(Resolution { coordinate, mean, sd, step })
    });
    found.min_by(|a, b| a.steps().total_cmp(&b.steps()))
}

/// The distance from an f32 of this size to the next; 0 at zero and where there is none.
pub(crate) fn step(size: f64) -> f64 {
    let single = size as f32;
    if !single.is_normal() {
        return 0.0;
    }
    let exponent = (single.to_bits() >> 23) as i32 - 127;
    2.0_f64.powi(exponent - 23)
}

impl Resolution {
    /// How many steps the standard deviation spans.
    pub fn steps(&self) -> f64 {
        self.sd / self.step
    }

    /// The mean, to a hundredth of the standard deviation.
    fn place(&self) -> String {
        rounded(self.mean, self.sd)
    }

    /// What it is, and the way out: the target that is built in and so takes no center has its name
    /// here.
    pub(crate) fn with_advice(&self, built_in: Option<&str>) -> String {
        let (j, mean) = (self.coordinate, self.place());
        let center = format!("--center 'x{j}={mean}' or Target::with_center");
        match built_in {
            Some(name) => format!(
                "{self}; {name} is built in and takes no center, so write the density as a formula and \
                 count the coordinate from there with {center}"
            ),
            None => format!("{self}; count the coordinate from there with {center}"),
        }
    }

    /// Whether they are fewer than 30, so that numbers of the run are not those of the law.
    pub fn is_grave(&self) -> bool {
        self.steps() < TOO_FEW
    }
}

/// A mean to a hundredth of the standard deviation.
pub(crate) fn rounded(mean: f64, sd: f64) -> String {
    let decimals = if sd > 0.0 { (2.0 - sd.log10().floor()).clamp(0.0, 12.0) as usize } else { 3 };
    let text = format!("{mean:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resolution { coordinate: j, sd, step, .. } = self;
        let (steps, least) = (self.steps(), if self.is_grave() { TOO_FEW } else { FEW });
        let trust = if self.is_grave() { "numbers are not trustworthy: " } else { "" };
        let mean = self.place();
        write!(
            f,
            "{trust}x{j} has mean {mean} and standard deviation {sd:.3e}, where one step of single \
             precision is {step:.3e}: {steps:.2} steps, expected {least} or more"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_distance_to_the_next_number() {
        for size in [1.0_f32, 1.5, 2_460_000.5, 1.7e9, 1e-30] {
            let next = f32::from_bits(size.to_bits() + 1);
            assert_eq!(step(size.into()), f64::from(next) - f64::from(size));
        }
        assert_eq!((step(0.0), step(f64::INFINITY)), (0.0, 0.0));
    }

    #[test]
    fn the_worst_coordinate_is_reported() {
        let place = |mean, sd, center| Place { mean, sd, center };
        let of = |places: &[Place]| resolution(places.iter().copied());
        assert_eq!(of(&[place(0.0, 1e-20, 0.0), place(1000.0, 1.0, 0.0)]), None);
        let far = place(2_460_000.5, 0.4, 0.0);
        let found = of(&[place(1e6, 100.0, 0.0), far, place(1e5, 0.5, 0.0)]).unwrap();
        assert_eq!((found.coordinate, found.step), (1, 0.25));
        assert!(found.is_grave() && (found.steps() - 1.6).abs() < 1e-12);
        let found = Resolution { mean: 2_460_000.553_741_461, ..found };
        let text = found.with_advice(None);
        assert!(text.ends_with("; count the coordinate from there with --center 'x1=2460000.554' or Target::with_center"), "{text}");
        let text = found.with_advice(Some("ring"));
        assert!(
            text.contains(
                "; ring is built in and takes no center, so write the density as a formula and"
            ),
            "{text}"
        );
        assert_eq!(rounded(-1.7e9, 31.0), "-1700000000");
        assert!(!of(&[place(1e5, 0.5, 0.0)]).unwrap().is_grave());
        // Counted from near it, there are steps enough.
        assert_eq!(of(&[Place { center: 2_460_000.0, ..far }]), None);
    }
}
