//! Texts with a row of numbers a line, separated by commas or blanks; `#` begins a comment.

/// The most characters of a wrong number that an error shows: a run file of others may name any file,
/// and whole lines of it must not go into logs.
const SHOWN: usize = 16;

/// The rows with the numbers of their lines, counted from 1; errors begin with the line.
///
/// `expected` says what a line holds.
pub(crate) fn parse(text: &str, expected: &str) -> Result<Vec<(usize, Vec<f64>)>, String> {
    let mut rows = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let number = |(k, field): (usize, &str)| {
            let wrong = || match field.chars().count() <= SHOWN {
                true => format!("{field:?}"),
                false => format!("field {}", k + 1),
            };
            field
                .parse::<f64>()
                .map_err(|_| format!("{} is not a number; expected {expected}", wrong()))
        };
        let numbers = fields(line).and_then(|fields| {
            fields.into_iter().enumerate().map(number).collect::<Result<_, _>>()
        });
        let numbers: Vec<f64> = numbers.map_err(|reason| format!("line {}: {reason}", i + 1))?;
        if !numbers.is_empty() {
            rows.push((i + 1, numbers));
        }
    }
    Ok(rows)
}

fn fields(line: &str) -> Result<Vec<&str>, String> {
    let line = line.split('#').next().unwrap_or_default();
    let mut fields = Vec::new();
    let pieces: Vec<&str> = line.split(',').collect();
    for (i, piece) in pieces.iter().enumerate() {
        if pieces.len() > 1 && piece.trim().is_empty() && i + 1 < pieces.len() {
            return Err(format!("there is no number before comma {}", i + 1));
        }
        fields.extend(piece.split_whitespace());
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_the_numbers_of_their_lines() {
        let rows = parse("# points\n0, 1\n\n 2\t-3e-1 # the last\n", "`a b`").unwrap();
        assert_eq!(rows, [(2, vec![0.0, 1.0]), (4, vec![2.0, -0.3])]);
        let error = parse("0 1\n2 x\n", "`a b`").unwrap_err();
        assert_eq!(error, "line 2: \"x\" is not a number; expected `a b`");
        let error = parse("1 root:x:0:0:root:/root:/bin/sh\n", "`a b`").unwrap_err();
        assert_eq!(error, "line 1: field 2 is not a number; expected `a b`");
        assert_eq!(parse("1,,2", "").unwrap_err(), "line 1: there is no number before comma 2");
    }
}
