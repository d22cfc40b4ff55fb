//! How many bins an axis gets: as many as the data bear, and no more than can be seen.
//!
//! Of the histograms that the finest one merges into, the one with the least estimated error is taken
//! (M. Rudemo, Scandinavian Journal of Statistics 9, 1982): narrow modes get narrow bins, and chance
//! does not hide a broad one.

/// Bins of the finest histogram of one coordinate: a number with many divisors.
pub(super) const LINE: usize = 720;
/// Bins along each axis of the finest histogram of two.
pub(super) const PLANE: usize = 240;

/// The fewest bins along an axis.
const FEWEST: usize = 24;

/// The density in the bins of the best histogram of one coordinate: at most `most` bins, from the
/// density in [`LINE`] bins of a sample that is worth `points` independent ones.
pub(super) fn line(density: &[f64], points: f64, most: usize) -> Vec<f64> {
    // Fewer than four points a bin show chance.
    let most = most.min((points / 4.0) as usize);
    best(density.len(), points, most, |bins| merged(density, density.len() / bins))
}

/// The same of two coordinates, row by row, from [`PLANE`] bins along each axis.
pub(super) fn plane(density: &[f64], points: f64, most: usize) -> Vec<f64> {
    let fine = density.len().isqrt();
    // Most of a plane is empty.
    let most = most.min((3.0 * points.sqrt()) as usize);
    best(fine, points, most, |bins| {
        let by = fine / bins;
        // Along the rows, then across them.
        let rows: Vec<f64> = density.chunks(fine).flat_map(|row| merged(row, by)).collect();
        let sums = rows.chunks(bins * by).flat_map(|rows| {
            (0..bins).map(move |k| rows[k..].iter().step_by(bins).sum::<f64>() / by as f64)
        });
        sums.collect()
    })
}

fn best(fine: usize, points: f64, most: usize, of: impl Fn(usize) -> Vec<f64>) -> Vec<f64> {
    let counts = (FEWEST..=most.clamp(FEWEST, fine)).filter(|bins| fine.is_multiple_of(*bins));
    let histograms = counts.map(of);
    let least = histograms.min_by(|a, b| risk(a, points).total_cmp(&risk(b, points)));
    least.expect("bug in wfr: the finest histogram merges into the coarsest")
}

/// The means of so many neighbours each.
fn merged(density: &[f64], by: usize) -> Vec<f64> {
    density.chunks(by).map(|some| some.iter().sum::<f64>() / by as f64).collect()
}

/// The integrated squared error of a density in equal bins, up to what all histograms of the sample
/// share; the whole range has the size 1.
fn risk(density: &[f64], points: f64) -> f64 {
    let bins = density.len() as f64;
    let total: f64 = density.iter().sum();
    let squares: f64 =
        density.iter().map(|value| (value / total.max(f64::MIN_POSITIVE)).powi(2)).sum();
    bins * (2.0 - (points + 1.0) * squares) / (points - 1.0).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The density of places in equal bins of [0, 1).
    fn counted(places: &[f64], bins: usize) -> Vec<f64> {
        let mut density = vec![0.0; bins];
        for place in places {
            density[(place * bins as f64) as usize] += bins as f64 / places.len() as f64;
        }
        density
    }

    /// Quantiles of normal laws around these means, by the logistic law, which is near enough.
    fn modes(means: &[f64], sd: f64, count: usize) -> Vec<f64> {
        let quantile = |k: usize| {
            let p = (k as f64 * 0.618_033_988_75).fract().clamp(1e-3, 1.0 - 1e-3);
            (p / (1.0 - p)).ln() * sd * 0.55
        };
        let places = means.iter().flat_map(|mean| (0..count).map(move |k| mean + quantile(k)));
        places.collect()
    }

    /// What was 3 bins a mode: within two standard deviations of a narrow one lie ten or more.
    #[test]
    fn narrow_modes_get_narrow_bins() {
        let narrow = modes(&[0.2, 0.4, 0.6, 0.8], 0.02, 5000);
        let density = line(&counted(&narrow, LINE), 20_000.0, 240);
        assert!(4.0 * 0.02 * density.len() as f64 >= 10.0, "{}", density.len());
        let broad = modes(&[0.5], 0.1, 20_000);
        let few = line(&counted(&broad[..100], LINE), 100.0, 240);
        assert!((FEWEST..40).contains(&few.len()), "{}", few.len());
        // Nor more than can be seen.
        assert!(line(&counted(&narrow, LINE), 20_000.0, 40).len() <= 40);
    }

    #[test]
    fn mass_is_kept_and_rows_stay_rows() {
        let density = line(&counted(&modes(&[0.5], 0.1, 1000), LINE), 1000.0, 100);
        let mass = density.iter().sum::<f64>() / density.len() as f64;
        assert!((mass - 1.0).abs() < 1e-12, "{mass}");
        // Everything lies in the lowest row's right half.
        let mut fine = vec![0.0; PLANE * PLANE];
        fine[PLANE / 2..PLANE].fill(2.0);
        let coarse = plane(&fine, 600.0, FEWEST);
        assert_eq!(coarse.len(), FEWEST * FEWEST);
        assert!(coarse[..FEWEST / 2].iter().all(|value| *value == 0.0));
        assert!(coarse[FEWEST / 2..FEWEST].iter().all(|value| (value - 0.2).abs() < 1e-12));
        assert!(coarse[FEWEST..].iter().all(|value| *value == 0.0));
    }

    #[test]
    fn nothing_has_the_fewest_bins() {
        assert_eq!(line(&[0.0; LINE], 0.0, 240).len(), FEWEST);
    }
}
