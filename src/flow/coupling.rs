//! The cheapest transport plan between two finite sets of masses.

/// Masses below this fraction of the whole are rounding.
const NOTHING: f64 = 1e-14;

/// The parts (i, j, mass) of a plan that takes `from` to `to`, of equal sums, at the least total
/// cost Σ mass · cost(i, j).
///
/// By shortest augmenting paths: each round sends as much as it can along the cheapest way from a
/// source with mass left to a sink with room, where ways may take back what was sent before. Exact
/// for any costs (R. K. Ahuja, T. L. Magnanti, J. B. Orlin, Network Flows (1993), section 9.7).
pub(super) fn coupling(
    from: &[f64],
    to: &[f64],
    cost: impl Fn(usize, usize) -> f64,
) -> Vec<(usize, usize, f64)> {
    let (n, m) = (from.len(), to.len());
    let (mut left, mut room) = (from.to_vec(), to.to_vec());
    let mut sent = vec![vec![0.0; m]; n];
    // Each round empties a source, fills a sink or cancels a part.
    for _ in 0..4 * (n + m) * (n + m) {
        // Distances to the sources, then to the sinks, and the node before on the cheapest way.
        let mut distance: Vec<f64> =
            left.iter().map(|mass| if *mass > NOTHING { 0.0 } else { f64::INFINITY }).collect();
        distance.resize(n + m, f64::INFINITY);
        let mut before = vec![usize::MAX; n + m];
        for _ in 0..n + m {
            let mut changed = false;
            for (i, row) in sent.iter().enumerate() {
                for (j, mass) in row.iter().enumerate() {
                    let cost = cost(i, j);
                    // Rounding must not make a circle of no cost shorter and shorter.
                    let slack = 1e-12 * (1.0 + cost.abs());
                    if distance[i] + cost < distance[n + j] - slack {
                        (distance[n + j], before[n + j], changed) = (distance[i] + cost, i, true);
                    }
                    if *mass > NOTHING && distance[n + j] - cost < distance[i] - slack {
                        (distance[i], before[i], changed) = (distance[n + j] - cost, n + j, true);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let open = (0..m).filter(|j| room[*j] > NOTHING && distance[n + j].is_finite());
        let Some(end) = open.min_by(|a, b| distance[n + a].total_cmp(&distance[n + b])) else {
            break;
        };
        let mut way = vec![n + end];
        while let Some(&node) = way.last().filter(|node| before[**node] != usize::MAX) {
            way.push(before[node]);
        }
        way.reverse();
        let start = way[0];
        // Forward from a source to a sink, back from a sink to a source.
        let backward = way.windows(2).filter(|w| w[0] >= n).map(|w| sent[w[1]][w[0] - n]);
        let mass = backward.fold(left[start].min(room[end]), f64::min);
        for pair in way.windows(2) {
            match pair[0] < n {
                true => sent[pair[0]][pair[1] - n] += mass,
                false => sent[pair[1]][pair[0] - n] -= mass,
            }
        }
        left[start] -= mass;
        room[end] -= mass;
    }
    let parts = sent.iter().enumerate().flat_map(|(i, row)| {
        row.iter().enumerate().filter(|(_, m)| **m > NOTHING).map(move |(j, m)| (i, j, *m))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn masses(seed: u32, count: usize) -> Vec<f64> {
        let raw: Vec<f64> = noise(seed, count).iter().map(|w| 1.0 + f64::from(w % 7)).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|w| w / sum).collect()
    }

    fn total(parts: &[(usize, usize, f64)], cost: impl Fn(usize, usize) -> f64) -> f64 {
        parts.iter().map(|(i, j, mass)| mass * cost(*i, *j)).sum()
    }

    /// On a line the cheapest plan for squared distances keeps the order.
    #[test]
    fn on_a_line_the_plan_is_monotone() {
        for seed in 0..30 {
            let (n, m) = (1 + seed as usize % 6, 1 + (seed as usize / 3) % 5);
            let (from, to) = (masses(seed, n), masses(seed + 100, m));
            let place = |i: usize, seed: u32| f64::from(noise(seed, 9)[i] % 1000) / 100.0;
            let mut xs: Vec<f64> = (0..n).map(|i| place(i, seed + 200)).collect();
            let mut ys: Vec<f64> = (0..m).map(|j| place(j, seed + 300)).collect();
            xs.sort_by(f64::total_cmp);
            ys.sort_by(f64::total_cmp);
            let cost = |i: usize, j: usize| (xs[i] - ys[j]).powi(2);
            // The north-west corner rule.
            let (mut i, mut j, mut expected) = (0, 0, 0.0);
            let (mut left, mut room) = (from.clone(), to.clone());
            while i < n && j < m {
                let mass = left[i].min(room[j]);
                expected += mass * cost(i, j);
                left[i] -= mass;
                room[j] -= mass;
                if left[i] <= room[j] { i += 1 } else { j += 1 }
            }
            let parts = coupling(&from, &to, cost);
            assert!((total(&parts, cost) - expected).abs() < 1e-9, "{seed}");
            for (i, mass) in from.iter().enumerate() {
                let out: f64 = parts.iter().filter(|part| part.0 == i).map(|part| part.2).sum();
                assert!((out - mass).abs() < 1e-12);
            }
            for (j, mass) in to.iter().enumerate() {
                let sum: f64 = parts.iter().filter(|part| part.1 == j).map(|part| part.2).sum();
                assert!((sum - mass).abs() < 1e-12);
            }
        }
    }

    /// Equal masses: as good as the best of all assignments.
    #[test]
    fn equal_masses_are_assigned_at_the_least_cost() {
        fn best(i: usize, taken: &mut [bool], cost: &dyn Fn(usize, usize) -> f64) -> f64 {
            if i == taken.len() {
                return 0.0;
            }
            let mut least = f64::INFINITY;
            for j in 0..taken.len() {
                if !taken[j] {
                    taken[j] = true;
                    least = least.min(cost(i, j) + best(i + 1, taken, cost));
                    taken[j] = false;
                }
            }
            least
        }
        for seed in 0..20 {
            let costs = noise(seed, 25);
            let cost = |i: usize, j: usize| f64::from(costs[5 * i + j] % 1000) / 10.0;
            let parts = coupling(&[0.2; 5], &[0.2; 5], cost);
            let expected = 0.2 * best(0, &mut [false; 5], &cost);
            assert!((total(&parts, cost) - expected).abs() < 1e-9, "{seed}");
        }
    }
}
