//! Twin of `shaders/flow/power.wgsl`: power means of two densities, straight from their definition.

use crate::flow::Path;

/// A power mean of an initial law and a target at one point, where their log densities are known.
#[derive(Debug, Clone, Copy)]
pub struct PowerMean {
    /// The curve.
    pub path: Path,
    /// The estimate of log(Z₁/Z₀).
    pub log_ratio: f64,
}

impl PowerMean {
    /// p(β).
    fn power(&self, beta: f64) -> f64 {
        let (begin, end) = self.path.powers();
        begin + (end - begin) * beta
    }

    /// A₀ and A₁.
    fn weights(&self, beta: f64) -> [f64; 2] {
        match self.path {
            Path::Arc { angle } => {
                [((1.0 - beta) * angle).sin() / angle.sin(), (beta * angle).sin() / angle.sin()]
            }
            _ => [1.0 - beta, beta],
        }
    }

    /// log Aᵢ + p log qᵢ for both laws, where p is not 0.
    fn terms(&self, logs: [f64; 2], beta: f64) -> [f64; 2] {
        let (p, [a0, a1]) = (self.power(beta), self.weights(beta));
        [a0.ln() + p * logs[0], a1.ln() + p * (logs[1] - self.log_ratio)]
    }

    /// log ρ, given log q₀ and log q₁.
    pub fn log_density(&self, logs: [f64; 2], beta: f64) -> f64 {
        let p = self.power(beta);
        if p == 0.0 {
            return (1.0 - beta) * logs[0] + beta * logs[1];
        }
        let [first, second] = self.terms(logs, beta);
        let peak = first.max(second);
        let sum = peak + ((first - peak).exp() + (second - peak).exp()).ln();
        sum / p + beta * self.log_ratio
    }

    /// w₁, the target's part of the score.
    pub fn share(&self, logs: [f64; 2], beta: f64) -> f64 {
        if self.power(beta) == 0.0 {
            return beta;
        }
        let [first, second] = self.terms(logs, beta);
        1.0 / (1.0 + (first - second).exp())
    }

    /// ∂ log ρ / ∂β: (1/p) Σ wᵢ (log Aᵢ)′ + (p′/p²) Σ wᵢ log(wᵢ/Aᵢ).
    pub fn rate(&self, logs: [f64; 2], beta: f64) -> f64 {
        let p = self.power(beta);
        let (begin, end) = self.path.powers();
        let gap = logs[1] - self.log_ratio - logs[0];
        if p == 0.0 {
            // The second term's limit is p′ times half the variance of the log densities.
            return logs[1] - logs[0] + (end - begin) * 0.5 * beta * (1.0 - beta) * gap * gap;
        }
        let w = self.share(logs, beta);
        let [a0, a1] = self.weights(beta);
        let [b0, b1] = match self.path {
            Path::Arc { angle } => [
                -angle * ((1.0 - beta) * angle).cos() / angle.sin(),
                angle * (beta * angle).cos() / angle.sin(),
            ],
            _ => [-1.0, 1.0],
        };
        let explicit = ((1.0 - w) * b0 / a0 + w * b1 / a1) / p;
        let bend = (1.0 - w) * ((1.0 - w) / a0).ln() + w * (w / a1).ln();
        explicit + (end - begin) / (p * p) * bend + self.log_ratio
    }
}
