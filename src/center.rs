//! The point that coordinates are counted from on the device.
//!
//! A coordinate of a particle is an f32 there. Around 2 460 000 its steps are 0.25 wide, too coarse
//! for a law with a standard deviation of 0.4. Counted from a point near the law, y = x − c, they are
//! as fine as the law needs; c itself is an f64 that only the host and the texts of shaders know.

use std::sync::Arc;

/// A coordinate is counted from its start's mean where that is more standard deviations from zero
/// than this: of the 24 bits of an f32, the mean alone then takes 10.
pub(crate) const FAR: f64 = 1024.0;

/// The point c that coordinates are counted from, one number per coordinate; by default the origin.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Center(Option<Arc<[f64]>>);

impl Center {
    pub(crate) fn new(point: &[f64]) -> Center {
        Center(point.iter().any(|c| *c != 0.0).then(|| point.into()))
    }

    /// The means of those coordinates of a law that lie far from zero, and zero for the others.
    pub(crate) fn of(place: &[Moments]) -> Center {
        let center = place.iter().map(|law| if law.is_far() { law.mean } else { 0.0 });
        Center::new(&center.collect::<Vec<_>>())
    }

    /// Whether it is the origin.
    pub(crate) fn is_origin(&self) -> bool {
        self.0.is_none()
    }

    /// The point, where it is not the origin.
    pub(crate) fn point(&self) -> Option<&[f64]> {
        self.0.as_deref()
    }

    /// What is added to coordinate `j` on the device.
    pub(crate) fn of_coordinate(&self, j: usize) -> f64 {
        self.0.as_ref().map_or(0.0, |point| point[j])
    }
}

/// Mean and standard deviation of a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) sd: f64,
}

impl Moments {
    /// Those of numbers with weights that need not sum to one.
    pub(crate) fn of(weighted: impl Iterator<Item = (f64, f64)> + Clone) -> Moments {
        let total: f64 = weighted.clone().map(|(weight, _)| weight).sum();
        let average = |f: &dyn Fn(f64) -> f64| {
            weighted.clone().map(|(weight, x)| weight * f(x)).sum::<f64>() / total
        };
        let mean = average(&|x| x);
        Moments { mean, sd: average(&|x| (x - mean).powi(2)).sqrt() }
    }

    /// Whether single precision spends 10 bits or more on the mean alone.
    pub(crate) fn is_far(self) -> bool {
        self.is_beyond(FAR)
    }

    /// Whether the mean is more than so many standard deviations from zero; where all numbers are the
    /// same one, whether that is large.
    pub(crate) fn is_beyond(self, deviations: f64) -> bool {
        let size = self.mean.abs();
        size.is_finite() && size > deviations * self.sd && (self.sd > 0.0 || size > FAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_coordinates_far_from_zero_are_moved() {
        let law = |mean, sd| Moments { mean, sd };
        assert!(Center::of(&[law(0.0, 1.0), law(-1000.0, 1.0), law(5.0, 1.0)]).is_origin());
        let center = Center::of(&[law(2_460_000.5, 0.8), law(0.5, 1.0)]);
        assert_eq!(center.point(), Some(&[2_460_000.5, 0.0][..]));
        assert_eq!((center.of_coordinate(0), center.of_coordinate(1)), (2_460_000.5, 0.0));
        assert!(Center::new(&[0.0, 0.0]).is_origin());
    }

    #[test]
    fn moments_are_those_of_weighted_numbers() {
        let found = Moments::of([(1.0, 1.0), (3.0, 5.0)].into_iter());
        assert_eq!(found, Moments { mean: 4.0, sd: 3.0_f64.sqrt() });
    }
}
