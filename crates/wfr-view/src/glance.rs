//! A look at a few particles, by which the host chooses what to show.

/// One of the particles that [`crate::Scene::glance`] reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glance {
    /// What the two axes show of it.
    pub at: [f32; 2],
    /// Its log-weight relative to the largest.
    pub log_weight: f32,
}

impl Glance {
    /// Its weight relative to the largest, 0 to 1.
    pub fn weight(&self) -> f64 {
        f64::from(self.log_weight).exp()
    }
}
