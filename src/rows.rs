//! Texts with a row of numbers a line, separated by commas or blanks; `#` begins a comment.

/// The most characters of a wrong number that an error shows: a run file of others may name any file,
/// and whole lines of it must not go into logs.
const SHOWN: usize = 16;

/// The rows with the numbers of their lines, counted from 1; errors begin with the line.
///
/// `expected` says what a line holds. One row is in memory at a time: all of them take many times what
/// their text does.
pub(crate) fn each<'a>(
    text: &'a str,
    expected: &'a str,
) -> impl Iterator<Item = Result<(usize, Vec<f64>), String>> + 'a {
    let number = move |(k, field): (usize, &str)| {
        let wrong = || match field.chars().count() <= SHOWN {
            true => format!("{field:?}"),
            false => format!("field {}", k + 1),
        };
        field
            .parse::<f64>()
            .map_err(|_| format!("{} is not a number; expected {expected}", wrong()))
    };
    let row = move |(i, line)| {
        let numbers = fields(line).and_then(|fields| {
            fields.into_iter().enumerate().map(number).collect::<Result<Vec<_>, _>>()
        });
        match numbers {
            Ok(numbers) => (!numbers.is_empty()).then_some(Ok((i + 1, numbers))),
            Err(reason) => Some(Err(format!("line {}: {reason}", i + 1))),
        }
    };
    text.lines().enumerate().filter_map(row)
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
        let all = |text: &str| each(text, "`a b`").collect::<Result<Vec<_>, _>>();
        let rows = all("# points\n0, 1\n\n 2\t-3e-1 # the last\n").unwrap();
        assert_eq!(rows, [(2, vec![0.0, 1.0]), (4, vec![2.0, -0.3])]);
        let error = all("0 1\n2 x\n").unwrap_err();
        assert_eq!(error, "line 2: \"x\" is not a number; expected `a b`");
        let error = all("1 root:x:0:0:root:/root:/bin/sh\n").unwrap_err();
        assert!(error.starts_with("line 1: field 2 is not a number; expected "), "{error}");
        assert_eq!(all("1,,2").unwrap_err(), "line 1: there is no number before comma 2");
    }
}
