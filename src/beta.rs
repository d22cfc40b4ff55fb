//! A place on a path of densities as people read it.

/// β in three digits: `0.2`, `0.0345`, `8e-8`. What is not 1 does not become it.
pub(crate) fn shown(beta: f64) -> String {
    let rounded = format!("{beta:.2e}").parse().unwrap_or(beta);
    let rounded = if rounded == 1.0 { beta } else { rounded };
    if rounded == 0.0 || rounded >= 1e-3 { format!("{rounded}") } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_place_has_three_digits() {
        for (beta, text) in [
            (0.200_01, "0.2"),
            (0.034_512, "0.0345"),
            (3e-5, "3e-5"),
            (8.123_4e-8, "8.12e-8"),
            (0.0, "0"),
            (1.0, "1"),
            (0.999_96, "0.99996"),
        ] {
            assert_eq!(shown(beta), text);
        }
    }
}
