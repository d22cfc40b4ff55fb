//! `--center`: what coordinates are counted from, `x0=2460000.5` or a number for each.

use super::failure::{Done, Failure};

/// Reads a point in `dim` dimensions; coordinates that are not named are counted from zero.
pub(super) fn parse(text: &str, dim: u32) -> Done<Vec<f64>> {
    let wrong = |reason: String| {
        let forms = "write x0=2460000.5, several joined by commas, or a number for each coordinate";
        Failure::Usage(format!("--center '{text}' {reason}; {forms}"))
    };
    let inside = text.trim();
    let inside = inside.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(inside);
    let number = |text: &str| match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(wrong(format!("has '{}' where a finite number is expected", text.trim()))),
    };
    let pieces: Vec<&str> = inside.split(',').collect();
    if !inside.contains('=') {
        if pieces.len() != dim as usize {
            let count = pieces.len();
            return Err(wrong(format!("has {count} numbers, and the target {dim} coordinates")));
        }
        return pieces.into_iter().map(number).collect();
    }
    let mut center: Vec<Option<f64>> = vec![None; dim as usize];
    for piece in pieces {
        let named = piece.split_once('=');
        let Some((name, value)) = named else {
            return Err(wrong(format!("has '{}' without an equals sign", piece.trim())));
        };
        let place = name.trim().strip_prefix('x').and_then(|digits| digits.parse().ok());
        let Some(place) = place.and_then(|place: usize| center.get_mut(place)) else {
            let last = dim - 1;
            return Err(wrong(format!(
                "names '{}', and the coordinates are x0 to x{last}",
                name.trim()
            )));
        };
        if place.replace(number(value)?).is_some() {
            return Err(wrong(format!("has {} twice", name.trim())));
        }
    }
    Ok(center.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_named_or_listed() {
        assert_eq!(parse("x1=2460000.5", 3).unwrap(), [0.0, 2_460_000.5, 0.0]);
        assert_eq!(parse(" x0 = -1e6, x2=5 ", 3).unwrap(), [-1e6, 0.0, 5.0]);
        assert_eq!(parse("[1.7e9, 0]", 2).unwrap(), [1.7e9, 0.0]);
        assert_eq!(parse("2460000.5", 1).unwrap(), [2_460_000.5]);
    }

    #[test]
    fn every_mistake_has_its_own_words() {
        for (text, expected) in [
            ("x2=1", "names 'x2', and the coordinates are x0 to x1"),
            ("y=1", "names 'y', and the coordinates are x0 to x1"),
            ("x0=1, x0=2", "has x0 twice"),
            ("x0=1, 2", "has '2' without an equals sign"),
            ("x0=inf", "has 'inf' where a finite number is expected"),
            ("1, 2, 3", "has 3 numbers, and the target 2 coordinates"),
        ] {
            let error = parse(text, 2).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
