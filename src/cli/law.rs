//! The initial law as it is written on the command line: `normal(mean=[-1,0], sd=1)`.

use wfr::Initial;

use super::failure::{Done, Failure};

const FORMS: &str = "write normal(mean=[-1,0], sd=1), normal(file=FILE.csv), \
                     uniform(low=[-3,-3], high=3) or mixture(FILE)";

/// The name of a file in a law, and what the law is of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum OfFile<'a> {
    /// `normal(file=FILE)`
    Normal(&'a str),
    /// `mixture(FILE)`
    Mixture(&'a str),
}

/// The law of a file, where the text is one.
pub(crate) fn of_file(text: &str) -> Option<OfFile<'_>> {
    let (name, inside) = text.trim().strip_suffix(')')?.split_once('(')?;
    match name.trim_end() {
        "mixture" => Some(OfFile::Mixture(inside.trim())),
        "normal" => {
            let (key, file) = inside.split_once('=')?;
            (key.trim() == "file").then(|| OfFile::Normal(file.trim()))
        }
        _ => None,
    }
}

/// Reads a law in `dim` dimensions; a number where a list could stand counts for every coordinate.
pub(crate) fn parse(text: &str, dim: u32) -> Done<Initial> {
    let wrong = |reason: String| Failure::Usage(format!("initial law '{text}' {reason}"));
    match of_file(text) {
        Some(OfFile::Mixture(file)) => {
            return Ok(Initial::gaussian_mixture_from_file(file, Some(dim))?);
        }
        Some(OfFile::Normal(file)) => {
            let law = Initial::normal_from_csv(file)?;
            if law.dim() != dim {
                return Err(Failure::Usage(format!(
                    "{file} has {} rows below the names, but the target's dimension is {dim}; write \
                     one row a coordinate",
                    law.dim()
                )));
            }
            return Ok(law);
        }
        None => {}
    }
    let (name, arguments) = split(text).map_err(wrong)?;
    let keys: [(&str, Option<f64>); 2] = match name {
        "normal" => [("mean", Some(0.0)), ("sd", Some(1.0))],
        "uniform" => [("low", None), ("high", None)],
        _ => return Err(wrong(format!("is neither normal nor uniform nor mixture; {FORMS}"))),
    };
    if let Some((key, _)) = arguments.iter().find(|(key, _)| keys.iter().all(|(k, _)| k != key)) {
        let [(a, _), (b, _)] = keys;
        return Err(wrong(format!("has '{key}'; {name} takes {a} and {b}")));
    }
    let values = |(key, default): (&str, Option<f64>)| {
        let mut given = arguments.iter().filter(|(name, _)| *name == key);
        let values = match (given.next(), default) {
            (Some((_, values)), _) => values.clone(),
            (None, Some(value)) => Values::Same(value),
            (None, None) => return Err(wrong(format!("lacks {key}; {FORMS}"))),
        };
        if given.next().is_some() {
            return Err(wrong(format!("has {key} twice; give it once")));
        }
        match values {
            Values::Same(value) => Ok(vec![value; dim as usize]),
            Values::Each(values) if values.len() == dim as usize => Ok(values),
            Values::Each(values) => Err(wrong(format!(
                "has a list of {} for {key}, but the target's dimension is {dim}; list {dim}, or \
                 give one number without brackets for all",
                values.len()
            ))),
        }
    };
    let [first, second] = keys.map(values);
    let (first, second) = (first?, second?);
    Ok(match name {
        "normal" => Initial::normal(&first, &second)?,
        _ => Initial::uniform(&first, &second)?,
    })
}

type Arguments<'a> = Vec<(&'a str, Values)>;

/// What stands after an equals sign.
#[derive(Clone)]
enum Values {
    /// A number, for every coordinate.
    Same(f64),
    /// A list, a number for each.
    Each(Vec<f64>),
}

/// The law's name and its arguments.
fn split(text: &str) -> Result<(&str, Arguments<'_>), String> {
    let Some((name, rest)) = text.trim().split_once('(') else {
        return Err(format!("has no parentheses; {FORMS}"));
    };
    let Some(inside) = rest.trim_end().strip_suffix(')') else {
        return Err(format!("does not end with a parenthesis; {FORMS}"));
    };
    let mut arguments = Vec::new();
    for piece in outer_commas(inside) {
        let Some((key, value)) = piece.split_once('=') else {
            return Err(format!("has '{}' without an equals sign; {FORMS}", piece.trim()));
        };
        arguments.push((key.trim(), numbers(value.trim())?));
    }
    Ok((name.trim(), arguments))
}

/// The pieces between the commas that stand outside brackets.
fn outer_commas(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let pieces = text.split(|c| {
        depth += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    pieces.filter(|piece| !piece.trim().is_empty()).collect()
}

/// A number, or a list of them in brackets.
fn numbers(text: &str) -> Result<Values, String> {
    let number = |text: &str| {
        text.parse().map_err(|_| format!("has '{text}' where a number is expected; {FORMS}"))
    };
    let Some(rest) = text.strip_prefix('[') else { return Ok(Values::Same(number(text)?)) };
    let Some(inside) = rest.strip_suffix(']') else {
        return Err(format!("has '{text}', which lacks a closing bracket; {FORMS}"));
    };
    inside.split(',').map(|item| number(item.trim())).collect::<Result<_, _>>().map(Values::Each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(text: &str, dim: u32) -> String {
        match parse(text, dim) {
            Ok(initial) => initial.description().to_string(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn numbers_count_for_every_coordinate() {
        assert_eq!(description("normal(mean=[-1,0], sd=1)", 2), "normal(mean=[-1.0, 0.0], sd=1.0)");
        assert_eq!(description(" normal( sd = 5 ) ", 3), "normal(mean=0.0, sd=5.0)");
        assert_eq!(description("normal()", 2), "normal(mean=0.0, sd=1.0)");
        assert_eq!(
            description("uniform(low=[-3,-2], high=3)", 2),
            "uniform(low=[-3.0, -2.0], high=3.0)"
        );
    }

    #[test]
    fn means_and_deviations_come_from_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a=b, c.csv");
        std::fs::write(&path, "name,sd,mean\nalpha,0.5,2460000.25\nbeta,2,-1e-3\n").unwrap();
        let law = format!("normal( file = {} )", path.display());
        let initial = parse(&law, 2).unwrap();
        // In double precision.
        assert!(format!("{initial:?}").contains("2460000.25"), "{initial:?}");
        assert!(initial.description().ends_with(", -0.001], sd=[0.5, 2.0])"));
        let error = description(&law, 3);
        let expected = "has 2 rows below the names, but the target's dimension is 3; write one row a \
                        coordinate";
        assert!(error.ends_with(expected), "{error}");
        for (table, expected) in [
            ("mean\n1\n2\n", "has no column `sd`; it has mean"),
            ("mean,sd\n1,1\n2,\n", "line 3, column `sd`: the cell is empty"),
            ("mean,sd\n1,1\n2,0\n", "initial sd[1] = 0 is not positive and finite"),
            ("mean,sd\n", "has no rows below the names of the columns"),
        ] {
            std::fs::write(&path, table).unwrap();
            let error = description(&law, 2);
            assert!(error.contains(&format!("a=b, c.csv: {expected}")), "{error}");
        }
        assert!(description("normal(file=none.csv)", 2).contains("none.csv: cannot be read"));
    }

    #[test]
    fn every_mistake_has_its_own_words() {
        for (text, expected) in [
            ("cauchy(mean=0)", "is neither normal nor uniform"),
            ("mixture(modes.txt", "does not end with a parenthesis"),
            ("mixture(none.txt)", "none.txt: cannot be read"),
            ("normal", "has no parentheses"),
            ("normal(mean=0", "does not end with a parenthesis"),
            ("normal(mean)", "has 'mean' without an equals sign"),
            ("normal(mu=0)", "has 'mu'; normal takes mean and sd"),
            ("normal(mean=0, mean=1)", "has mean twice"),
            ("normal(mean=[0,0,0])", "has a list of 3 for mean, but the target's dimension is 2"),
            ("normal(mean=[0])", "has a list of 1 for mean, but the target's dimension is 2"),
            ("normal(mean=[0,x])", "has 'x' where a number is expected"),
            ("normal(mean=[0,0)", "lacks a closing bracket"),
            ("normal(mean=[])", "has '' where a number is expected"),
            ("normal(sd=0)", "is not positive and finite"),
            ("normal(sd=nan)", "is not positive and finite"),
            ("uniform(low=0)", "lacks high"),
            ("uniform(low=1, high=1)", "is not positive and finite"),
            ("normal(mean=]0[)", "where a number is expected"),
        ] {
            let found = description(text, 2);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
