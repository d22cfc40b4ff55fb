//! Arrays of data that a target conditions on, from memory or from NumPy and CSV files.

#[cfg(feature = "data")]
use std::path::Path;

use std::sync::Arc;

use crate::center::Moments;
use crate::error::{Error, Result};

#[cfg(feature = "data")]
mod csv;
#[cfg(feature = "data")]
mod file;
#[cfg(feature = "data")]
mod npy;
mod rounding;

#[cfg(feature = "data")]
pub use file::DataFile;
pub(crate) use rounding::Rounding;

/// The most numbers of one array: as many as a storage buffer of 4 GiB holds.
const MOST: usize = 1 << 30;

/// A vector or a matrix of finite numbers, row after row: what [`crate::Target::with_data`] takes.
///
/// A vector has one column. With the feature `data` (part of `cli`) it is read from `.npy`, `.npz`
/// and `.csv` files, by [`Data::from_npy`] or [`DataFile`].
///
/// ```
/// use wfr::Data;
///
/// # fn main() -> wfr::Result<()> {
/// let table = Data::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(table.row(1), [4.0, 5.0, 6.0]);
/// assert!(Data::new(1, 1, vec![f32::NAN]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
    /// The same counted from the means of the columns, where one lies far from zero.
    far: Option<Arc<Far>>,
    /// What single precision loses of the numbers, where that is worth a word.
    rounding: Option<Rounding>,
}

/// Data whose columns are counted from centers.
#[derive(Debug, PartialEq)]
pub(crate) struct Far {
    /// One per column; zero where it is near zero.
    pub(crate) centers: Vec<f64>,
    pub(crate) offsets: Vec<f32>,
    /// Whether single precision around zero is too coarse for a column, whatever it is compared with.
    pub(crate) is_needed: bool,
}

/// A column may be counted from its mean where that is this many of its standard deviations from
/// zero; in a formula whose coordinates are counted from a center it is.
const MOVED: f64 = 16.0;

impl Far {
    /// From numbers in double precision, row after row, and the moments of their columns.
    fn of(moments: &[Moments], count: usize, number: impl Fn(usize) -> f64) -> Option<Far> {
        let columns = moments.len();
        let center = |m: &Moments| if m.is_beyond(MOVED) { m.mean } else { 0.0 };
        let centers: Vec<f64> = moments.iter().map(center).collect();
        if centers.iter().all(|center| *center == 0.0) {
            return None;
        }
        let offsets = (0..count).map(|k| (number(k) - centers[k % columns]) as f32).collect();
        Some(Far { offsets, is_needed: moments.iter().any(|m| m.is_far()), centers })
    }
}

impl Data {
    /// A matrix from its values, row after row; a vector has one column.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] when the shape is empty or does not fit the values, and
    /// for a value that is not finite.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Result<Data> {
        Data::checked(rows, columns, values, &[]).map_err(|reason| Error::config("data", reason))
    }

    /// As [`Data::new`], from numbers in double precision.
    ///
    /// A device computes in single precision. A formula takes a column far from zero, such as times,
    /// as differences from the column's mean, so that no digit that counts is lost. A text in WGSL
    /// sees each number rounded: [`crate::Target::with_data`] refuses a column for it whose standard
    /// deviation then spans fewer than 30 steps of single precision.
    ///
    /// # Errors
    /// As [`Data::new`], and for a number beyond the largest `f32`.
    pub fn from_f64(rows: usize, columns: usize, values: &[f64]) -> Result<Data> {
        let singles: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let rests: Vec<f32> = values.iter().map(|value| rest(*value)).collect();
        Data::checked(rows, columns, singles, &rests)
            .map_err(|reason| Error::config("data", reason))
    }

    /// Reads an array of one or two axes from a `.npy` file.
    ///
    /// Booleans, integers and floats of 4 and 8 bytes become `f32`, in either byte order and in C
    /// or Fortran order. A number alone is a matrix of one.
    ///
    /// # Errors
    /// [`crate::ErrorKind::File`] for a file that cannot be read, an array of strings, of more axes
    /// or of no numbers, and for a value that is not finite or beyond the largest `f32`.
    #[cfg(feature = "data")]
    pub fn from_npy(path: impl AsRef<Path>) -> Result<Data> {
        DataFile::open_as(path.as_ref(), file::Format::Npy)?.whole()
    }

    /// Reads every array of a `.npz` archive, as [`Data::from_npy`] does.
    ///
    /// # Errors
    /// Those of [`Data::from_npy`]. [`DataFile`] reads one array and leaves the others alone.
    #[cfg(feature = "data")]
    pub fn all_from_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Data)>> {
        DataFile::open_as(path.as_ref(), file::Format::Npz)?.all()
    }

    /// Reads every column of a comma-separated table; its first line names them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::File`] for a file that cannot be read, a first line that is not names,
    /// rows of different lengths, and a cell that is missing, no number, or not finite.
    /// [`DataFile`] reads one column and leaves the others alone.
    #[cfg(feature = "data")]
    pub fn all_from_csv(path: impl AsRef<Path>) -> Result<Vec<(String, Data)>> {
        DataFile::open_as(path.as_ref(), file::Format::Csv)?.all()
    }

    /// As [`Data::new`], with the reason alone where it fails; `rests` are what the values have lost by
    /// rounding, nothing where there are none.
    fn checked(
        rows: usize,
        columns: usize,
        values: Vec<f32>,
        rests: &[f32],
    ) -> Result<Data, String> {
        if rows == 0 || columns == 0 {
            return Err(format!("has {rows} rows and {columns} columns; expected one or more"));
        }
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(format!(
                "has {} values; {rows} rows of {columns} columns need {}",
                values.len(),
                rows.saturating_mul(columns)
            ));
        }
        if values.len() > MOST {
            return Err(too_many(values.len() as u64));
        }
        if let Some(k) = values.iter().position(|value| !value.is_finite()) {
            let (row, column) = (k / columns, k % columns);
            return Err(format!("is {} at {}; {FINITE}", values[k], place(row, column, columns)));
        }
        let number =
            |k: usize| f64::from(values[k]) + rests.get(k).map_or(0.0, |rest| f64::from(*rest));
        let count = values.len();
        // Counted from the first, so that a constant has no spread.
        let column = |j: usize| {
            let first = number(j);
            let rest = (j..count).step_by(columns).map(|k| (1.0, number(k) - first));
            let Moments { mean, sd } = Moments::of(rest);
            Moments { mean: mean + first, sd }
        };
        let moments: Vec<Moments> = (0..columns).map(column).collect();
        let far = Far::of(&moments, count, number).map(Arc::new);
        let rounding = Rounding::of(&moments, &values, rests);
        Ok(Data { rows, columns, values, far, rounding })
    }

    /// What single precision loses of the numbers, where that is worth a word.
    pub(crate) fn rounding(&self) -> Option<&Rounding> {
        self.rounding.as_ref()
    }

    /// The same counted from centers, where a column lies far from zero.
    pub(crate) fn far(&self) -> Option<Arc<Far>> {
        self.far.clone()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns: 1 for a vector.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One row, counted from 0.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows, "row {row} of {} rows", self.rows);
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
}

/// What an f32 loses of a number.
fn rest(value: f64) -> f32 {
    (value - f64::from(value as f32)) as f32
}

/// What numbers lose as f32, one per number from the first that loses anything on: most arrays lose
/// nothing, and take no memory for that.
#[cfg(feature = "data")]
#[derive(Debug, Default)]
struct Rests(Vec<f32>);

#[cfg(feature = "data")]
impl Rests {
    /// What the `k`-th number has lost, after all those before it.
    fn push(&mut self, k: usize, rest: f32) {
        if rest != 0.0 || !self.0.is_empty() {
            self.0.resize(k, 0.0);
            self.0.push(rest);
        }
    }

    /// One per number, or none.
    fn all(self) -> Vec<f32> {
        self.0
    }
}

const FINITE: &str = "expected finite numbers, so leave out or fill in what is missing";

/// An element as NumPy counts: from 0.
fn place(row: usize, column: usize, columns: usize) -> String {
    if columns == 1 { format!("[{row}]") } else { format!("[{row}, {column}]") }
}

fn too_many(count: u64) -> String {
    format!("has {count} numbers; a storage buffer holds at most {MOST}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Timestamps keep their digits as differences from their mean, and years go along; a column near
    /// zero and a constant one stay as they are.
    #[test]
    fn a_far_column_is_counted_from_its_mean() {
        let rows = 4;
        let row = |n: usize| [1.7e9 + 0.25 * n as f64, n as f64, 1.0, 1990.0 + 10.0 * n as f64];
        let values: Vec<f64> = (0..rows).flat_map(row).collect();
        let far = Data::from_f64(rows, 4, &values).unwrap().far().unwrap();
        assert!(far.is_needed);
        assert_eq!(far.centers, [1.7e9 + 0.375, 0.0, 0.0, 2005.0]);
        assert_eq!(far.offsets[..4], [-0.375, 0.0, 1.0, -15.0]);
        let years = Data::new(4, 1, vec![1990.0, 2000.0, 2010.0, 2020.0]).unwrap();
        assert!(!years.far().unwrap().is_needed);
        assert!(Data::new(3, 1, vec![1.0, 1.0, 1.0]).unwrap().far().is_none());
        assert!(Data::new(2, 1, vec![-3.0, 5.0]).unwrap().far().is_none());
        assert!(Data::from_f64(1, 1, &[1e39]).is_err());
    }

    #[test]
    fn a_shape_has_to_fit_the_values() {
        let text = |rows, columns, values: &[f32]| {
            Data::new(rows, columns, values.to_vec()).unwrap_err().to_string()
        };
        assert_eq!(text(0, 2, &[]), "data has 0 rows and 2 columns; expected one or more");
        assert_eq!(text(2, 2, &[1.0; 3]), "data has 3 values; 2 rows of 2 columns need 4");
        assert!(text(usize::MAX, 2, &[1.0; 3]).starts_with("data has 3 values"));
        assert_eq!(
            text(2, 2, &[1.0, 2.0, f32::INFINITY, 3.0]),
            "data is inf at [1, 0]; expected finite numbers, so leave out or fill in what is \
             missing"
        );
        assert!(text(2, 1, &[1.0, f32::NAN]).starts_with("data is NaN at [1];"));
        let good = Data::new(3, 1, vec![1.0, 2.0, 3.0]).unwrap();
        assert_eq!((good.rows(), good.columns(), good.row(2)), (3, 1, &[3.0][..]));
    }
}
