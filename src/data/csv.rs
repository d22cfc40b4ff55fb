//! A comma-separated table whose first line names its columns.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ::csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord, Trim};

use crate::bounded;

use super::{Data, FINITE, MOST, Rests, rest, too_many};

/// The most bytes of a table: larger ones are arrays of NumPy.
const LONGEST: u64 = 1 << 30;

/// The names, and where the cells are; these are read row by row when they are asked for, so that
/// memory holds the numbers alone, and a column that nobody wants may hold anything.
#[derive(Debug)]
pub(super) struct Table {
    source: Source,
    names: Vec<String>,
    rows: usize,
}

/// What is read again for each array.
#[derive(Debug)]
enum Source {
    /// The opened file, so that another one of its name does not get between, and its size then.
    File(Mutex<File>, u64),
    /// What came from a pipe or a device, which can be read only once.
    Memory(Vec<u8>),
}

/// Why a pass over the rows ended early, at a place that is not a line yet.
enum Stop {
    Record(::csv::Error),
    Cell(Option<Position>, Fault),
}

/// What is wrong with a cell.
struct Fault {
    column: usize,
    reason: String,
}

impl Table {
    pub(super) fn read(path: &Path) -> Result<Table, String> {
        let mut table = Table { source: Source::open(path)?, names: Vec::new(), rows: 0 };
        table.names = table.pass(|reader| {
            let names = reader.headers().map_err(Stop::Record)?;
            Ok(names.iter().map(str::to_string).collect())
        })?;
        check_names(&table.names)?;
        let mut rows = 0_usize;
        table.each(|_| {
            rows += 1;
            Ok(())
        })?;
        if rows == 0 {
            return Err("has no rows below the names of the columns".into());
        }
        if rows.saturating_mul(table.names.len()) > MOST {
            return Err(too_many(rows as u64 * table.names.len() as u64));
        }
        Ok(Table { rows, ..table })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// One column, counted from 0.
    pub(super) fn column(&self, column: usize) -> Result<Data, String> {
        let mut numbers = Numbers::with_capacity(self.rows);
        self.each(|row| numbers.read(row, column))?;
        numbers.data(self.rows, 1)
    }

    /// One column in double precision, counted from 0.
    pub(super) fn doubles(&self, column: usize) -> Result<Vec<f64>, String> {
        let mut numbers = Vec::with_capacity(self.rows);
        self.each(|row| {
            numbers.push(cell(row, column)?);
            Ok(())
        })?;
        Ok(numbers)
    }

    /// All columns, each as an array, in one pass.
    pub(super) fn columns(&self) -> Result<Vec<Data>, String> {
        let columns = self.names.iter().map(|_| Numbers::with_capacity(self.rows));
        let mut columns: Vec<_> = columns.collect();
        self.each(|row| {
            columns.iter_mut().enumerate().try_for_each(|(k, numbers)| numbers.read(row, k))
        })?;
        columns.into_iter().map(|numbers| numbers.data(self.rows, 1)).collect()
    }

    /// All columns as a matrix.
    pub(super) fn whole(&self) -> Result<Data, String> {
        let columns = self.names.len();
        let mut numbers = Numbers::with_capacity(self.rows * columns);
        self.each(|row| (0..columns).try_for_each(|column| numbers.read(row, column)))?;
        numbers.data(self.rows, columns)
    }

    /// Looks at each row, in turn.
    fn each(&self, mut look: impl FnMut(&StringRecord) -> Result<(), Fault>) -> Result<(), String> {
        let mut row = StringRecord::new();
        self.pass(|reader| {
            // Or the first row would be told to begin where the names do.
            reader.headers().map_err(Stop::Record)?;
            while reader.read_record(&mut row).map_err(Stop::Record)? {
                look(&row).map_err(|fault| Stop::Cell(row.position().cloned(), fault))?;
            }
            Ok(())
        })
    }

    /// Reads the source from its beginning.
    fn pass<T>(
        &self,
        read: impl FnOnce(&mut Reader<&mut dyn Read>) -> Result<T, Stop>,
    ) -> Result<T, String> {
        let read = self.source.read_whole(|source| {
            read(&mut ReaderBuilder::new().trim(Trim::All).from_reader(source))
        })?;
        read.map_err(|stop| self.explain(&stop))
    }

    fn explain(&self, stop: &Stop) -> String {
        let line = |position: &Option<Position>| self.source.line(position.as_ref());
        let error = match stop {
            Stop::Cell(position, Fault { column, reason }) => {
                let name = &self.names[*column];
                return format!("line {}, column `{name}`: {reason}", line(position));
            }
            Stop::Record(error) => error,
        };
        match error.kind() {
            ErrorKind::Utf8 { pos, .. } => {
                format!("line {}: is not UTF-8 text; save the table as such", line(pos))
            }
            ErrorKind::UnequalLengths { pos, expected_len, len } => format!(
                "line {}: has {len} cells; expected {expected_len}, one per name",
                line(pos)
            ),
            _ => format!("cannot be read: {error}"),
        }
    }
}

impl Source {
    fn open(path: &Path) -> Result<Source, String> {
        let unreadable = |error: io::Error| format!("cannot be read: {error}");
        let file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Ok(Source::Memory(bounded::bytes_of(file, LONGEST)?));
        }
        match about.len() {
            size if size > LONGEST => Err(bounded::too_long(LONGEST)),
            size => Ok(Source::File(Mutex::new(file), size)),
        }
    }

    /// What `read` makes of the bytes, from the first on.
    fn read_whole<T>(&self, read: impl FnOnce(&mut dyn Read) -> T) -> Result<T, String> {
        match self {
            Source::File(file, size) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.rewind().map_err(|error| format!("cannot be read: {error}"))?;
                // It may grow meanwhile.
                Ok(read(&mut Read::by_ref(&mut *file).take(*size)))
            }
            Source::Memory(bytes) => Ok(read(&mut &bytes[..])),
        }
    }

    /// The line where a record begins, counted from 1. The reader's own count is that of the end of
    /// the record before, which blank lines may follow.
    fn line(&self, position: Option<&Position>) -> usize {
        let end = position.map_or(0, Position::byte);
        let count = self.read_whole(|source| {
            let bytes = BufReader::new(source).bytes().map_while(Result::ok).zip(0_u64..);
            let before = bytes.take_while(|(byte, at)| *at < end || b"\r\n".contains(byte));
            before.filter(|(byte, _)| *byte == b'\n').count()
        });
        1 + count.unwrap_or(0)
    }
}

/// The numbers of an array, and what they lose as f32.
struct Numbers {
    values: Vec<f32>,
    rests: Rests,
}

impl Numbers {
    fn with_capacity(count: usize) -> Numbers {
        Numbers { values: Vec::with_capacity(count), rests: Rests::default() }
    }

    /// Takes the number of a cell.
    fn read(&mut self, row: &StringRecord, column: usize) -> Result<(), Fault> {
        let value = cell(row, column)?;
        self.rests.push(self.values.len(), rest(value));
        self.values.push(value as f32);
        Ok(())
    }

    fn data(self, rows: usize, columns: usize) -> Result<Data, String> {
        if self.values.len() != rows * columns {
            return Err("was changed while it was read; read it again".into());
        }
        Data::checked(rows, columns, self.values, &self.rests.all())
    }
}

/// The number of a cell.
fn cell(row: &StringRecord, column: usize) -> Result<f64, Fault> {
    number(row.get(column).unwrap_or_default()).map_err(|reason| Fault { column, reason })
}

/// A number that an f32 can stand for.
fn number(cell: &str) -> Result<f64, String> {
    if cell.is_empty() {
        return Err(format!("the cell is empty; {FINITE}"));
    }
    let Ok(value) = cell.parse::<f64>() else {
        return Err(format!("\"{cell}\" is not a number"));
    };
    if !value.is_finite() {
        return Err(format!("is {value}; {FINITE}"));
    }
    if !(value as f32).is_finite() {
        return Err(format!("{value:e} is beyond the largest f32, {:e}; scale the data", f32::MAX));
    }
    Ok(value)
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
