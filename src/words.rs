//! Numbers as people read them, and words as they mistype them.

/// A number of bytes: `128 MiB`, `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract() < 0.05 || value >= 100.0 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// The number of letters to insert, delete or replace (V. I. Levenshtein, 1966).
pub fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// The known word that `word` is a likely slip of the hand for.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // One slip in a short word, two or three in a long one.
    let slips = 1 + word.chars().count() / 4;
    let near = known.into_iter().map(|known| (distance(known, word), known));
    near.filter(|(slip, _)| *slip <= slips).min_by_key(|(slip, _)| *slip).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn bytes_reads_well() {
        assert_eq!(super::bytes(134_217_728), "128 MiB");
        assert_eq!(super::bytes(1_610_612_736), "1.5 GiB");
        assert_eq!(super::bytes(12), "12 bytes");
    }

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ring", "ring"), 0);
    }

    #[test]
    fn the_nearest_word_is_a_slip_away_or_none() {
        let known = ["exp", "expm1", "logistic", "sqrt"];
        assert_eq!(nearest("expp", known), Some("exp"));
        assert_eq!(nearest("logistik", known), Some("logistic"));
        assert_eq!(nearest("gamma", known), None);
    }
}
