//! Twin of `shaders/flow/tracks.wgsl`: a mixture whose components travel, from its definition.

use std::f64::consts::TAU;

use crate::flow::{Track, Way};
use crate::problem::Problem;

/// The tracks of a problem's flow.
#[derive(Debug, Clone)]
pub struct Tracks {
    tracks: Vec<Track>,
    log_z: f64,
}

/// A component at β: its mass, means and scales, and their derivatives.
struct Moment {
    mass: f64,
    growth: f64,
    mean: Vec<f64>,
    scale: Vec<f64>,
    mean_rate: Vec<f64>,
    scale_rate: Vec<f64>,
}

impl Tracks {
    /// The tracks between the laws of a problem; `None` for flows without.
    pub fn of(problem: &Problem) -> Option<Tracks> {
        let (tracks, log_z) = problem.flow().tracks_of(problem.target(), problem.initial())?;
        Some(Tracks { tracks, log_z })
    }

    /// log ρ.
    pub fn log_density(&self, x: &[f64], beta: f64) -> f64 {
        self.terms(x, beta).iter().map(|(term, _)| term.exp()).sum::<f64>().ln() + beta * self.log_z
    }

    /// ∇ log ρ.
    pub fn score(&self, x: &[f64], beta: f64) -> Vec<f64> {
        self.average(x, beta, |at, j| (at.mean[j] - x[j]) / at.scale[j].powi(2))
    }

    /// The velocity u per unit of β.
    pub fn velocity(&self, x: &[f64], beta: f64) -> Vec<f64> {
        self.average(x, beta, |at, j| {
            at.mean_rate[j] + (x[j] - at.mean[j]) * at.scale_rate[j] / at.scale[j]
        })
    }

    /// ψ per unit of β: Σ r_k (log m_k)′ + log Z.
    pub fn rate(&self, x: &[f64], beta: f64) -> f64 {
        let parts = self.terms(x, beta);
        let total: f64 = parts.iter().map(|(term, _)| term.exp()).sum();
        let growth = parts.iter().filter(|(term, _)| *term > f64::NEG_INFINITY);
        growth.map(|(term, at)| term.exp() * at.growth / at.mass).sum::<f64>() / total + self.log_z
    }

    /// The mass of all components at β, over that of the target.
    pub fn mass(&self, beta: f64) -> f64 {
        self.tracks.iter().map(|track| moment(track, beta).mass).sum()
    }

    fn average(&self, x: &[f64], beta: f64, of: impl Fn(&Moment, usize) -> f64) -> Vec<f64> {
        let parts = self.terms(x, beta);
        let total: f64 = parts.iter().map(|(term, _)| term.exp()).sum();
        let sum = |j| parts.iter().map(|(term, at)| term.exp() * of(at, j)).sum::<f64>() / total;
        (0..x.len()).map(sum).collect()
    }

    /// log(m N(x; mean, scale²)) of each component.
    fn terms(&self, x: &[f64], beta: f64) -> Vec<(f64, Moment)> {
        let term = |track: &Track| {
            let at = moment(track, beta);
            let axes = x.iter().zip(&at.mean).zip(&at.scale);
            let normal: f64 = axes
                .map(|((x, mean), sd)| -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * TAU.ln())
                .sum();
            (normal + at.mass.ln(), at)
        };
        self.tracks.iter().map(term).collect()
    }
}

fn moment(track: &Track, beta: f64) -> Moment {
    let ([a, b, c], rest) = (track.mass, 1.0 - beta);
    let mass = a * rest * rest + 2.0 * b * beta * rest + c * beta * beta;
    let (way, speed) = match track.way {
        Way::Even => (beta, 1.0),
        Way::Cone { theta, begin, end } => {
            let y = beta * end * theta.sin();
            let x = rest * begin + beta * end * theta.cos();
            (y.atan2(x) / theta, begin * end * theta.sin() / (theta * mass))
        }
    };
    let line = |from: &[f64], to: &[f64]| -> (Vec<f64>, Vec<f64>) {
        let pairs = from.iter().zip(to).map(|(from, to)| {
            let gap = to - from;
            (from + way * gap, speed * gap)
        });
        pairs.unzip()
    };
    let (mean, mean_rate) = line(&track.from.mean, &track.to.mean);
    let (scale, scale_rate) = line(&track.from.scale, &track.to.scale);
    let growth = 2.0 * ((b - a) * rest + (c - b) * beta);
    Moment { mass, growth, mean, scale, mean_rate, scale_rate }
}
