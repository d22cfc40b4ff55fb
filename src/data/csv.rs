//! A comma-separated table whose first line names its columns.

use std::collections::HashSet;
use std::path::Path;

use ::csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use crate::bounded;

use super::{Data, FINITE, MOST, rest, too_many};

/// The most bytes of a table: larger ones are arrays of NumPy.
const LONGEST: u64 = 1 << 30;

/// The cells as they stand; they become numbers when they are asked for, so that a column that
/// nobody wants may hold anything.
#[derive(Debug)]
pub(super) struct Table {
    text: Vec<u8>,
    names: Vec<String>,
    rows: Vec<StringRecord>,
}

impl Table {
    pub(super) fn read(path: &Path) -> Result<Table, String> {
        let text = bounded::bytes(path, LONGEST)?;
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(&text[..]);
        let header = reader.headers().map_err(|error| explain(&text, &error))?;
        let names: Vec<String> = header.iter().map(str::to_string).collect();
        check_names(&names)?;
        let rows = reader.records().collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(|error| explain(&text, &error))?;
        if rows.is_empty() {
            return Err("has no rows below the names of the columns".into());
        }
        if rows.len().saturating_mul(names.len()) > MOST {
            return Err(too_many(rows.len() as u64 * names.len() as u64));
        }
        Ok(Table { text, names, rows })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// One column, counted from 0.
    pub(super) fn column(&self, column: usize) -> Result<Data, String> {
        let values = self.rows.iter().map(|row| self.number(row, column));
        let (values, rests): (Vec<_>, Vec<_>) =
            values.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Data::checked(self.rows.len(), 1, values, &rests)
    }

    /// All columns as a matrix.
    pub(super) fn whole(&self) -> Result<Data, String> {
        let columns = self.names.len();
        let (mut values, mut rests) = (Vec::new(), Vec::new());
        for row in &self.rows {
            for column in 0..columns {
                let (value, rest) = self.number(row, column)?;
                values.push(value);
                rests.push(rest);
            }
        }
        Data::checked(self.rows.len(), columns, values, &rests)
    }

    /// A number, and what it loses as an f32.
    fn number(&self, row: &StringRecord, column: usize) -> Result<(f32, f32), String> {
        let cell = row.get(column).unwrap_or_default();
        let at = || {
            let line = line(&self.text, row.position());
            format!("line {line}, column `{}`", self.names[column])
        };
        if cell.is_empty() {
            return Err(format!("{}: the cell is empty; {FINITE}", at()));
        }
        let Ok(value) = cell.parse::<f64>() else {
            return Err(format!("{}: \"{cell}\" is not a number", at()));
        };
        let single = value as f32;
        if !value.is_finite() {
            return Err(format!("{}: is {value}; {FINITE}", at()));
        }
        if !single.is_finite() {
            return Err(format!(
                "{}: {value:e} is beyond the largest f32, {:e}; scale the data",
                at(),
                f32::MAX
            ));
        }
        Ok((single, rest(value)))
    }
}

fn check_names(names: &[String]) -> Result<(), String> {
    const FIRST: &str = "the first line names the columns";
    if names.is_empty() {
        return Err(format!("is empty; {FIRST}"));
    }
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(format!("begins with numbers, but {FIRST}; add a line of names"));
    }
    if let [name] = names
        && name.contains([';', '\t'])
    {
        return Err(format!("has one column, `{name}`; separate columns by commas"));
    }
    let mut known = HashSet::new();
    for (k, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("has no name for column {}; {FIRST}", k + 1));
        }
        if !known.insert(name) {
            return Err(format!("has two columns named `{name}`; rename one"));
        }
    }
    Ok(())
}

/// The line where a record begins, counted from 1. The reader's own count is that of the end of the
/// record before, which blank lines may follow.
fn line(text: &[u8], position: Option<&Position>) -> usize {
    let end = position.map_or(0, |at| usize::try_from(at.byte()).unwrap_or(usize::MAX));
    let (before, rest) = text.split_at(end.min(text.len()));
    let blank = rest.iter().take_while(|byte| [b'\r', b'\n'].contains(byte));
    1 + before.iter().chain(blank).filter(|byte| **byte == b'\n').count()
}

fn explain(text: &[u8], error: &::csv::Error) -> String {
    let line = |position: &Option<Position>| line(text, position.as_ref());
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => {
            format!("line {}: is not UTF-8 text; save the table as such", line(pos))
        }
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            format!("line {}: has {len} cells; expected {expected_len}, one per name", line(pos))
        }
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Table::read(file.path())
    }

    #[test]
    fn columns_and_the_whole_are_read() {
        let table = table("\u{feff}y, x ,name\n1,-2.5,a\n\n 1e3 ,\"4\",b\n").unwrap();
        assert_eq!(table.names(), ["y", "x", "name"]);
        assert_eq!(table.column(0).unwrap(), Data::new(2, 1, vec![1.0, 1000.0]).unwrap());
        assert_eq!(table.column(1).unwrap().values(), [-2.5, 4.0]);
        assert_eq!(table.whole().unwrap_err(), "line 2, column `name`: \"a\" is not a number");
        let matrix = super::tests::table("a,b\n1,2\r\n3,4\r\n5,6").unwrap().whole().unwrap();
        assert_eq!((matrix.rows(), matrix.row(2)), (3, &[5.0, 6.0][..]));
    }

    #[test]
    fn tables_with_errors_are_refused_with_their_place() {
        for (text, expected) in [
            ("", "is empty; the first line names the columns"),
            ("a,b\n", "has no rows below the names of the columns"),
            (
                "1,2\n3,4\n",
                "begins with numbers, but the first line names the columns; add a line of names",
            ),
            ("a;b\n1;2\n", "has one column, `a;b`; separate columns by commas"),
            (",b\n1,2\n", "has no name for column 1; the first line names the columns"),
            ("a,b,a\n1,2,3\n", "has two columns named `a`; rename one"),
            ("a,b\n1,2\n3\n", "line 3: has 1 cells; expected 2, one per name"),
            ("a,b\n1,2,3\n", "line 2: has 3 cells; expected 2, one per name"),
            ("a,b\n\n\n1,2\n\n3\n", "line 6: has 1 cells; expected 2, one per name"),
        ] {
            assert_eq!(table(text).unwrap_err(), expected, "{text:?}");
        }
        for (cell, expected) in [
            ("", "line 3, column `b`: the cell is empty; "),
            ("NA", "line 3, column `b`: \"NA\" is not a number"),
            ("nan", "line 3, column `b`: is NaN; expected finite numbers"),
            ("-inf", "line 3, column `b`: is -inf; expected finite numbers"),
            ("1e39", "line 3, column `b`: 1e39 is beyond the largest f32, 3.4028235e38; "),
        ] {
            let table = table(&format!("a,b\n1,2\n3,{cell}\n")).unwrap();
            let error = table.column(1).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(table.whole().unwrap_err(), error);
            assert!(table.column(0).is_ok());
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"a,b\n1,\xff\n").unwrap();
        let error = Table::read(file.path()).unwrap_err();
        assert_eq!(error, "line 2: is not UTF-8 text; save the table as such");
    }
}
