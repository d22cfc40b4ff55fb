//! Lines of equal density in the plane.

use std::collections::BTreeMap;

use super::histogram::Plane;

/// The density above which lies this share of the plane's mass.
pub(super) fn level(plane: &Plane, share: f64) -> f64 {
    let mut all = plane.density.clone();
    all.sort_by(|a, b| b.total_cmp(a));
    let wanted = share * all.iter().sum::<f64>();
    let mut sum = 0.0;
    let found = all.iter().find(|density| {
        sum += **density;
        sum >= wanted
    });
    found.copied().unwrap_or(0.0)
}

/// Where a line crosses: between the grid point with this column and row and its neighbour, to the
/// right or else above.
type Edge = (usize, usize, bool);

/// The lines along which the density has this value, linear between the middles of bins
/// (marching squares).
pub(super) fn contours(plane: &Plane, level: f64) -> Vec<Vec<(f64, f64)>> {
    let mut next: BTreeMap<Edge, Vec<Edge>> = BTreeMap::new();
    let (columns, rows) = (plane.columns, plane.rows());
    let value = |column: usize, row: usize| plane.density[row * columns + column];
    for row in 0..rows.saturating_sub(1) {
        for column in 0..columns.saturating_sub(1) {
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(i, j)| value(column + i, row + j));
            let above = corners.map(|corner| corner > level);
            // Below, to the right, above, to the left.
            let edges = [
                (column, row, true),
                (column + 1, row, false),
                (column, row + 1, true),
                (column, row, false),
            ];
            let crossed: Vec<Edge> =
                (0..4).filter(|k| above[*k] != above[(k + 1) % 4]).map(|k| edges[k]).collect();
            let pairs: &[(usize, usize)] = match crossed.len() {
                2 => &[(0, 1)],
                // At a saddle the middle tells which corners belong together.
                4 if (corners.iter().sum::<f64>() > 4.0 * level) == above[0] => &[(0, 1), (2, 3)],
                4 => &[(0, 3), (1, 2)],
                _ => &[],
            };
            for (from, to) in pairs {
                next.entry(crossed[*from]).or_default().push(crossed[*to]);
                next.entry(crossed[*to]).or_default().push(crossed[*from]);
            }
        }
    }
    let place = |(column, row, right): Edge| {
        let (i, j) = if right { (1, 0) } else { (0, 1) };
        let (from, to) = (value(column, row), value(column + i, row + j));
        let part = ((level - from) / (to - from)).clamp(0.0, 1.0);
        let at = |range: &std::ops::Range<f64>, bin: f64, bins: usize| {
            range.start + (range.end - range.start) * (bin + 0.5) / bins as f64
        };
        (
            at(&plane.x, column as f64 + part * i as f64, columns),
            at(&plane.y, row as f64 + part * j as f64, rows),
        )
    };
    let mut lines = Vec::new();
    // Ends at the rim first, so that open lines begin where they end.
    let ends: Vec<Edge> = next.iter().filter(|(_, to)| to.len() == 1).map(|(e, _)| *e).collect();
    let all: Vec<Edge> = next.keys().copied().collect();
    for start in ends.into_iter().chain(all) {
        let mut line = vec![place(start)];
        let mut here = start;
        while let Some(there) = next.get_mut(&here).and_then(Vec::pop) {
            if let Some(back) = next.get_mut(&there) {
                back.retain(|edge| *edge != here);
            }
            line.push(place(there));
            here = there;
        }
        if line.len() > 1 {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A normal density: the share within radius r is 1 − exp(−r²/2).
    #[test]
    fn the_contour_of_a_normal_law_is_a_circle_around_its_mass() {
        let normal = |x: f64, y: f64| (-0.5 * (x * x + y * y)).exp();
        let plane = Plane::from_density(-5.0..5.0, -6.0..6.0, (100, 120), normal);
        let lines = contours(&plane, level(&plane, 0.9));
        assert_eq!(lines.len(), 1);
        let radius = (-2.0 * 0.1_f64.ln()).sqrt();
        // Linear between bins a tenth wide, and a level among as many as there are.
        for (x, y) in &lines[0] {
            assert!((x.hypot(*y) - radius).abs() < 0.02, "{x} {y}");
        }
        assert_eq!(lines[0].first(), lines[0].last());
    }

    #[test]
    fn open_lines_are_whole_and_two_peaks_have_two_lines() {
        let slope = Plane::from_density(0.0..1.0, 0.0..1.0, (10, 10), |x, _| x);
        let lines = contours(&slope, 0.42);
        assert_eq!((lines.len(), lines[0].len()), (1, 10));
        assert!(lines[0].iter().all(|(x, _)| (x - 0.42).abs() < 1e-12));
        let peak = |x: f64, y: f64| (-8.0 * ((x.abs() - 1.0).powi(2) + y * y)).exp();
        let peaks = Plane::from_density(-2.0..2.0, -1.0..1.0, (80, 40), peak);
        assert_eq!(contours(&peaks, 0.5).len(), 2);
        assert!(contours(&peaks, 2.0).is_empty());
    }
}
