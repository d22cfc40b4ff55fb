//! The part of the plane of two axes that the picture shows, and how it is moved.

use crate::glance::Glance;

/// The part of the plane that is shown.
///
/// Places in the picture are shares of it: (0, 0) is its top left and (1, 1) its bottom right,
/// while the second axis goes upward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// The middle, in the units of the axes.
    pub centre: [f64; 2],
    /// Width and height, in the units of the axes.
    pub extent: [f64; 2],
}

/// Less or more is no longer told apart by single precision.
const EXTENTS: [f64; 2] = [1e-6, 1e12];

/// The share of the particles that [`Camera::fit`] leaves out at each end of an axis.
const TAIL: f64 = 0.005;

/// What [`Camera::fit`] adds around the particles, as a share of what they take.
const MARGIN: f64 = 0.3;

impl Camera {
    /// The camera that shows all but the outermost weighted particles, with a margin; `None` where
    /// there is nothing to see. With `weighted`, particles count by their weights.
    pub fn fit(glances: &[Glance], weighted: bool) -> Option<Camera> {
        let mut camera = Camera { centre: [0.0; 2], extent: [1.0; 2] };
        for axis in 0..2 {
            let mut seen: Vec<(f64, f64)> = glances
                .iter()
                .map(|one| (one.at[axis].into(), if weighted { one.weight() } else { 1.0 }))
                .collect();
            seen.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (low, high) = (quantile(&seen, TAIL)?, quantile(&seen, 1.0 - TAIL)?);
            let spread = (high - low) * (1.0 + MARGIN);
            camera.centre[axis] = 0.5 * (low + high);
            // Where all are at one place, a unit around it.
            camera.extent[axis] = if spread > 0.0 { spread } else { 1.0 };
        }
        Some(camera.held())
    }

    /// Where a point of the plane is in the picture.
    pub fn place(&self, at: [f64; 2]) -> [f64; 2] {
        let [x, y] = [0, 1].map(|axis| (at[axis] - self.centre[axis]) / self.extent[axis]);
        [0.5 + x, 0.5 - y]
    }

    /// What point of the plane is at a place of the picture.
    pub fn at(&self, place: [f64; 2]) -> [f64; 2] {
        let offset = [place[0] - 0.5, 0.5 - place[1]];
        [0, 1].map(|axis| self.centre[axis] + offset[axis] * self.extent[axis])
    }

    /// The camera after a drag by a share of the picture: what was under the pointer stays there.
    pub fn dragged(self, by: [f64; 2]) -> Camera {
        let centre =
            [self.centre[0] - by[0] * self.extent[0], self.centre[1] + by[1] * self.extent[1]];
        Camera { centre, ..self }
    }

    /// The camera that shows everything so many times as large about a place of the picture: what
    /// is there stays there.
    pub fn zoomed(self, factor: f64, place: [f64; 2]) -> Camera {
        let fixed = self.at(place);
        let zoomed = Camera { extent: self.extent.map(|extent| extent / factor), ..self }.held();
        let moved = zoomed.at(place);
        let centre = [0, 1].map(|axis| zoomed.centre[axis] + fixed[axis] - moved[axis]);
        Camera { centre, ..zoomed }
    }

    /// The camera a share of the way to another.
    pub fn towards(self, other: Camera, share: f64) -> Camera {
        let between = |a: [f64; 2], b: [f64; 2]| [0, 1].map(|i| a[i] + share * (b[i] - a[i]));
        Camera {
            centre: between(self.centre, other.centre),
            extent: between(self.extent, other.extent),
        }
    }

    /// Whether another shows the same but for a thousandth.
    pub(crate) fn is_near(&self, other: &Camera) -> bool {
        (0..2).all(|i| {
            let off = (self.centre[i] - other.centre[i]).abs();
            off.max((self.extent[i] - other.extent[i]).abs()) <= 1e-3 * other.extent[i]
        })
    }

    fn held(self) -> Camera {
        Camera { extent: self.extent.map(|extent| extent.clamp(EXTENTS[0], EXTENTS[1])), ..self }
    }
}

/// The weighted quantile of values in ascending order; `None` where nothing weighs.
fn quantile(seen: &[(f64, f64)], share: f64) -> Option<f64> {
    let total: f64 = seen.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    let found = seen.iter().find(|(_, weight)| {
        below += weight;
        below >= share * total
    });
    found.filter(|_| total > 0.0).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Camera = Camera { centre: [1.0, -2.0], extent: [4.0, 10.0] };

    fn close(a: [f64; 2], b: [f64; 2]) {
        assert!((0..2).all(|i| (a[i] - b[i]).abs() < 1e-12), "{a:?} is not {b:?}");
    }

    #[test]
    fn the_corners_are_where_they_belong() {
        close(CAMERA.place([-1.0, 3.0]), [0.0, 0.0]);
        close(CAMERA.place([3.0, -7.0]), [1.0, 1.0]);
        close(CAMERA.at([0.5, 0.5]), CAMERA.centre);
        close(CAMERA.at([0.0, 1.0]), [-1.0, -7.0]);
    }

    #[test]
    fn a_drag_takes_along_what_is_under_the_pointer() {
        let (from, by) = ([0.3, 0.8], [0.25, -0.5]);
        let dragged = CAMERA.dragged(by);
        close(dragged.at([from[0] + by[0], from[1] + by[1]]), CAMERA.at(from));
        assert_eq!(dragged.extent, CAMERA.extent);
    }

    #[test]
    fn a_zoom_holds_what_is_under_the_pointer() {
        for factor in [0.5, 1.0, 3.0] {
            let pointer = [0.9, 0.2];
            let zoomed = CAMERA.zoomed(factor, pointer);
            close(zoomed.at(pointer), CAMERA.at(pointer));
            close(zoomed.extent, CAMERA.extent.map(|extent| extent / factor));
        }
        let there_and_back = CAMERA.zoomed(7.0, [0.1, 0.4]).zoomed(1.0 / 7.0, [0.1, 0.4]);
        close(there_and_back.centre, CAMERA.centre);
    }

    #[test]
    fn a_zoom_ends_where_single_precision_does() {
        let zoomed = CAMERA.zoomed(1e30, [0.5, 0.5]);
        close(zoomed.extent, [EXTENTS[0]; 2]);
        close(zoomed.centre, CAMERA.centre);
        close(CAMERA.zoomed(1e-30, [0.5, 0.5]).extent, [EXTENTS[1]; 2]);
    }

    #[test]
    fn a_camera_that_follows_comes_near() {
        let aim = CAMERA.zoomed(3.0, [0.1, 0.9]);
        let mut camera = CAMERA;
        let mut frames = 0;
        while !camera.is_near(&aim) {
            camera = camera.towards(aim, 0.1);
            frames += 1;
        }
        // 0.9^frames of what was 2 extents and less.
        assert!((60..=80).contains(&frames), "{frames} frames");
        assert_eq!(CAMERA.towards(aim, 0.0), CAMERA);
        close(CAMERA.towards(aim, 1.0).centre, aim.centre);
    }

    fn glances(values: impl Iterator<Item = (f32, f32)>) -> Vec<Glance> {
        values.map(|(x, log_weight)| Glance { at: [x, 2.0 * x], log_weight }).collect()
    }

    #[test]
    fn a_fit_shows_the_bulk_and_leaves_the_outermost_out() {
        let bulk = (0..=1000).map(|i| (i as f32 / 1000.0, 0.0));
        let camera = Camera::fit(&glances(bulk.chain([(1e6, 0.0)])), true).unwrap();
        close(camera.centre.map(|x| (x * 100.0).round() / 100.0), [0.5, 1.0]);
        assert!((camera.extent[0] - 0.99 * 1.3).abs() < 0.01, "{camera:?}");
        assert!((camera.extent[1] - 2.0 * camera.extent[0]).abs() < 1e-6, "{camera:?}");
    }

    #[test]
    fn a_fit_counts_particles_by_their_weights() {
        let light = (0..500).map(|i| (100.0 + i as f32, -40.0));
        let heavy = (0..500).map(|i| (i as f32 / 500.0, 0.0));
        let both = glances(light.chain(heavy));
        assert!(Camera::fit(&both, true).unwrap().extent[0] < 2.0);
        assert!(Camera::fit(&both, false).unwrap().extent[0] > 500.0);
    }

    #[test]
    fn a_fit_of_nothing_is_none_and_of_one_place_a_unit() {
        assert_eq!(Camera::fit(&[], true), None);
        let camera = Camera::fit(&glances((0..10).map(|_| (3.0, 0.0))), true).unwrap();
        assert_eq!(camera, Camera { centre: [3.0, 6.0], extent: [1.0, 1.0] });
    }
}
