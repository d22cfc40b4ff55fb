//! One NumPy array from a stream: the header, then the numbers, in pieces.
//!
//! The header is untrusted: nothing is allocated by its word alone, and a file that is shorter than
//! it says is an error. Format: numpy.lib.format, versions 1.0 to 3.0.

use std::cmp::Ordering;
use std::io::{self, Read};

use super::{Data, FINITE, MOST, Rests, place, rest, too_many};

/// NumPy's own headers have about a hundred characters.
const LONGEST_HEADER: usize = 1 << 16;

/// How many numbers are read at a time.
const PIECE: usize = 1 << 14;

/// What the bytes of an element mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Element {
    kind: Kind,
    bytes: usize,
    big_endian: bool,
}

#[derive(Debug, PartialEq)]
struct Header {
    element: Element,
    fortran: bool,
    shape: Vec<u64>,
}

/// Reads an array from a stream that holds nothing else, of `size` bytes where that is known; a reason
/// where it cannot be taken.
///
/// The stream is read to its end, where an archive compares its checksum.
pub(super) fn read(mut reader: impl Read, size: Option<u64>) -> Result<Data, String> {
    let (header, start) = read_header(&mut reader)?;
    let (rows, columns) = extent(&header.shape)?;
    let Element { bytes, .. } = header.element;

    let count = rows * columns;
    if let Some(size) = size {
        let left = size.saturating_sub(start);
        match (count as u64 * bytes as u64).cmp(&left) {
            Ordering::Less => return Err(more(count)),
            Ordering::Equal => {}
            Ordering::Greater => return Err(cut_off(count)),
        }
    }
    let (mut values, mut rests) = (Vec::new(), Rests::default());
    let mut piece = vec![0; PIECE.min(count) * bytes];
    // The place in the array of the k-th number of the file.
    let at = |k: usize| {
        let (row, column) =
            if header.fortran { (k % rows, k / rows) } else { (k / columns, k % columns) };
        place(row, column, columns)
    };
    while values.len() < count {
        let wanted = PIECE.min(count - values.len());
        let buffer = &mut piece[..wanted * bytes];
        reader.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => cut_off(count),
            _ => unreadable(&error),
        })?;
        for word in buffer.chunks_exact(bytes) {
            let (value, whole_rest) = header.element.value(word);
            let k = values.len();
            let single = value as f32;
            if !value.is_finite() {
                return Err(format!("is {value} at {}; {FINITE}", at(k)));
            }
            if !single.is_finite() {
                return Err(format!(
                    "is {value:e} at {}, beyond the largest f32, {:e}; scale the data",
                    at(k),
                    f32::MAX
                ));
            }
            rests.push(k, whole_rest.unwrap_or_else(|| rest(value)));
            values.push(single);
        }
    }
    drop(piece);
    if reader.read(&mut [0]).map_err(|error| unreadable(&error))? > 0 {
        return Err(more(count));
    }
    let mut rests = rests.all();
    if header.fortran && columns > 1 {
        let turned = |all: &[f32]| -> Vec<f32> {
            (0..all.len()).map(|k| all[k % columns * rows + k / columns]).collect()
        };
        values = turned(&values);
        rests = turned(&rests);
    }
    Data::checked(rows, columns, values, &rests)
}

fn unreadable(error: &io::Error) -> String {
    // The archive's reader has no kind of its own for it.
    if error.to_string() == "Invalid checksum" {
        return "does not have the checksum that its archive states; the file is damaged, so copy or \
                write it again"
            .into();
    }
    format!("cannot be read: {error}")
}

fn cut_off(count: usize) -> String {
    format!("ends before the {count} numbers that its header promises; the file is cut off")
}

fn more(count: usize) -> String {
    format!("goes on after the {count} numbers that its header promises; write it again")
}

/// Rows and columns, of which there are some and not too many.
fn extent(shape: &[u64]) -> Result<(usize, usize), String> {
    let (rows, columns) = match shape {
        [] => (1, 1),
        [rows] => (*rows, 1),
        [rows, columns] => (*rows, *columns),
        _ => {
            return Err(format!(
                "has {} axes; expected a vector or a matrix, so reshape it",
                shape.len()
            ));
        }
    };
    if rows == 0 || columns == 0 {
        return Err("is empty; expected one number or more".into());
    }
    match rows.checked_mul(columns) {
        Some(count) if count <= MOST as u64 => Ok((rows as usize, columns as usize)),
        count => Err(too_many(count.unwrap_or(u64::MAX))),
    }
}

/// The header, and how many bytes it takes.
fn read_header(reader: &mut impl Read) -> Result<(Header, u64), String> {
    const NOT_NPY: &str = "is not in NumPy's format; write it with numpy.save";
    let short = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => NOT_NPY.to_string(),
        _ => unreadable(&error),
    };
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(short)?;
    if start[..6] != *b"\x93NUMPY" || !(1..=3).contains(&start[6]) {
        return Err(NOT_NPY.into());
    }
    let mut size = [0; 4];
    let digits = if start[6] == 1 { 2 } else { 4 };
    reader.read_exact(&mut size[..digits]).map_err(short)?;
    let length = u32::from_le_bytes(size) as usize;
    if length > LONGEST_HEADER {
        return Err(format!(
            "has a header of {length} bytes, which NumPy does not write; save it again"
        ));
    }
    let mut text = vec![0; length];
    reader.read_exact(&mut text).map_err(short)?;
    let text = String::from_utf8_lossy(&text);
    Ok((parse_header(&text)?, (start.len() + digits + length) as u64))
}

/// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse_header(text: &str) -> Result<Header, String> {
    let broken = |key: &str| format!("has a header without a valid '{key}'; write it again");
    let value = |key: &str| -> Result<&str, String> {
        let at = ['\'', '"'].iter().find_map(|quote| {
            let marked = format!("{quote}{key}{quote}:");
            text.find(&marked).map(|at| at + marked.len())
        });
        Ok(text[at.ok_or_else(|| broken(key))?..].trim_start())
    };

    let descr = value("descr")?;
    let quote = descr.chars().next().filter(|c| ['\'', '"'].contains(c));
    let Some(code) = quote.and_then(|quote| descr[1..].split(quote).next()) else {
        return Err("is a structured array; save each of its fields as an array".into());
    };
    let element = Element::parse(code)?;

    let order = value("fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err(broken("fortran_order"));
    }
    let inside = value("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inside, _) = inside.ok_or_else(|| broken("shape"))?;
    let shape = inside
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        // Python 2 wrote sizes as 3L.
        .map(|size| size.trim_end_matches('L').parse().map_err(|_| broken("shape")))
        .collect::<Result<_, _>>()?;
    Ok(Header { element, fortran, shape })
}

impl Element {
    fn parse(code: &str) -> Result<Element, String> {
        let bare = code.trim_start_matches(['<', '>', '|', '=']);
        let (kind, bytes) = match bare {
            "b1" => (Kind::Bool, 1),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            "f4" => (Kind::Float, 4),
            "f8" => (Kind::Float, 8),
            _ => {
                let what = match bare.chars().next() {
                    Some('U' | 'S' | 'a') => "strings",
                    Some('O') => "Python objects",
                    Some('M' | 'm') => "dates or times",
                    Some('c') => "complex numbers",
                    _ => "another type",
                };
                return Err(format!(
                    "holds {what} ({code}); expected numbers, so convert it with .astype(\"f4\")"
                ));
            }
        };
        Ok(Element { kind, bytes, big_endian: code.starts_with('>') })
    }

    /// The value, and of an integer what an `f32` loses of it: one of 8 bytes may be beyond an `f64`.
    fn value(self, word: &[u8]) -> (f64, Option<f32>) {
        // The element's bytes, the least first.
        let mut bytes = [0; 8];
        for (k, byte) in word.iter().enumerate() {
            bytes[if self.big_endian { word.len() - 1 - k } else { k }] = *byte;
        }
        let bits = u64::from_le_bytes(bytes);
        let whole = |value: i128| (value as f64, Some((value - value as f32 as i128) as f32));
        match self.kind {
            Kind::Bool => (f64::from(u8::from(bits != 0)), None),
            Kind::Float if self.bytes == 4 => (f64::from(f32::from_bits(bits as u32)), None),
            Kind::Float => (f64::from_bits(bits), None),
            Kind::Unsigned => whole(bits.into()),
            Kind::Signed => {
                let unused = 64 - 8 * self.bytes as u32;
                whole(((bits << unused) as i64 >> unused).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of format 1.0.
    fn file(descr: &str, fortran: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(numbers);
        bytes
    }

    fn bytes<const N: usize>(words: &[[u8; N]]) -> Vec<u8> {
        words.concat()
    }

    /// Reads a whole file.
    fn read(file: &[u8]) -> Result<Data, String> {
        super::read(file, Some(file.len() as u64))
    }

    fn values(file: &[u8]) -> Vec<f32> {
        read(file).unwrap().values().to_vec()
    }

    #[test]
    fn every_type_in_both_byte_orders_becomes_the_same_floats() {
        let expected = [-3.0, 0.0, 100.0];
        let whole = [-3_i8, 0, 100];
        macro_rules! check {
            ($($descr:literal $ty:ty, $to:ident);+ $(;)?) => {$({
                let words: Vec<_> = whole.iter().map(|v| (*v as $ty).$to()).collect();
                let array = file($descr, "False", "(3,)", &bytes(&words));
                assert_eq!(values(&array), expected, $descr);
            })+};
        }
        check!(
            "'|i1'" i8, to_le_bytes; "'<i2'" i16, to_le_bytes; "'>i2'" i16, to_be_bytes;
            "'<i4'" i32, to_le_bytes; "'>i4'" i32, to_be_bytes; "'<i8'" i64, to_le_bytes;
            "'>i8'" i64, to_be_bytes; "'<f4'" f32, to_le_bytes; "'>f4'" f32, to_be_bytes;
            "'<f8'" f64, to_le_bytes; "'>f8'" f64, to_be_bytes;
        );
        assert_eq!(values(&file("'|b1'", "False", "(3,)", &[0, 1, 1])), [0.0, 1.0, 1.0]);
        assert_eq!(values(&file("'|u1'", "False", "(2,)", &[0, 255])), [0.0, 255.0]);
        let words = bytes(&[65535_u16.to_be_bytes(), 1_u16.to_be_bytes()]);
        assert_eq!(values(&file("'>u2'", "False", "(2,)", &words)), [65535.0, 1.0]);
        let words = bytes(&[u32::MAX.to_le_bytes(), 7_u32.to_le_bytes()]);
        assert_eq!(values(&file("'<u4'", "False", "(2,)", &words)), [4294967296.0, 7.0]);
        let words = bytes(&[u64::MAX.to_le_bytes(), 7_u64.to_le_bytes()]);
        assert_eq!(values(&file("'<u8'", "False", "(2,)", &words)), [18446744073709551616.0, 7.0]);
    }

    #[test]
    fn both_orders_give_rows_of_the_same_matrix() {
        let numbers = |order: [f32; 6]| bytes(&order.map(f32::to_le_bytes));
        let c = file("'<f4'", "False", "(2, 3)", &numbers([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let f = file("'<f4'", "True", "(2, 3)", &numbers([1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        let (c, f) = (read(&c).unwrap(), read(&f).unwrap());
        assert_eq!(c, f);
        assert_eq!((c.rows(), c.columns(), c.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
        // More than one piece.
        let long: Vec<f32> = (0..50_000_u16).map(f32::from).collect();
        let words: Vec<_> = long.iter().map(|v| v.to_le_bytes()).collect();
        assert_eq!(values(&file("'<f4'", "True", "(50000,)", &bytes(&words))), long);
    }

    #[test]
    fn a_number_alone_and_a_header_of_python_2_are_read() {
        assert_eq!(values(&file("'<f8'", "False", "()", &1.5_f64.to_le_bytes())), [1.5]);
        assert_eq!(values(&file("\"<f4\"", "False", "(1L,)", &2.0_f32.to_le_bytes())), [2.0]);
    }

    #[test]
    fn what_cannot_be_taken_is_refused_with_the_way_out() {
        let double =
            |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (b"PK".to_vec(), "is not in NumPy's format; write it with numpy.save"),
            (b"not an array at all".to_vec(), "is not in NumPy's format; write it with numpy.save"),
            (
                b"\x93NUMPY\x01\x00\xff\x00{".to_vec(),
                "is not in NumPy's format; write it with numpy.save",
            ),
            (
                b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(),
                "has a header of 4294967295 bytes, which NumPy does not write; save it again",
            ),
            (
                file("'<f8'", "False", "(2, 3, 4)", &[]),
                "has 3 axes; expected a vector or a matrix, so reshape it",
            ),
            (file("'<f8'", "False", "(0,)", &[]), "is empty; expected one number or more"),
            (file("'<f8'", "False", "(3, 0)", &[]), "is empty; expected one number or more"),
            (
                file("'<U5'", "False", "(3,)", &[0; 60]),
                "holds strings (<U5); expected numbers, so convert it with .astype(\"f4\")",
            ),
            (file("'|O'", "False", "(3,)", &[0; 60]), "holds Python objects (|O)"),
            (file("'<c8'", "False", "(3,)", &[0; 60]), "holds complex numbers (<c8)"),
            (file("'<M8[ns]'", "False", "(3,)", &[0; 60]), "holds dates or times (<M8[ns])"),
            (file("'<f2'", "False", "(3,)", &[0; 60]), "holds another type (<f2)"),
            (file("[('a', '<f4')]", "False", "(3,)", &[0; 60]), "is a structured array"),
            (file("'<f4'", "Maybe", "(3,)", &[0; 60]), "without a valid 'fortran_order'"),
            (file("'<f4'", "False", "(3", &[0; 60]), "without a valid 'shape'"),
            (file("'<f4'", "False", "(-3,)", &[0; 60]), "without a valid 'shape'"),
            (file("", "False", "(3,)", &[0; 60]), "is a structured array"),
            (
                file("'<f8'", "False", "(5,)", &double(&[1.0, 2.0])),
                "ends before the 5 numbers that its header promises; the file is cut off",
            ),
            (
                file("'<f8'", "False", "(1,)", &double(&[1.0, 2.0])),
                "goes on after the 1 numbers that its header promises; write it again",
            ),
            // Sizes that no file has: nothing is allocated for them.
            (file("'<f8'", "False", "(1000000000,)", &[]), "ends before the 1000000000 numbers"),
            (
                file("'<f8'", "False", "(4294967296, 4294967296)", &[]),
                "has 18446744073709551615 numbers; a storage buffer holds at most 1073741824",
            ),
            (
                file("'<f8'", "False", "(2, 2)", &double(&[1.0, 2.0, f64::NAN, 4.0])),
                "is NaN at [1, 0]; expected finite numbers, so leave out or fill in what is missing",
            ),
            (
                file("'<f8'", "True", "(2, 2)", &double(&[1.0, 2.0, f64::NEG_INFINITY, 4.0])),
                "is -inf at [0, 1];",
            ),
            (
                file("'<f8'", "False", "(2,)", &double(&[1.0, -1e39])),
                "is -1e39 at [1], beyond the largest f32, 3.4028235e38; scale the data",
            ),
        ];
        for (file, expected) in cases {
            let reason = read(&file).unwrap_err();
            assert!(reason.contains(expected), "{reason} is not {expected}");
            // Nor from a pipe, whose size is unknown.
            let reason = super::read(&file[..], None).unwrap_err();
            assert!(reason.contains(expected), "{reason} is not {expected}");
        }
    }

    proptest::proptest! {
        /// Whatever the bytes are, there is an array or a reason.
        #[test]
        fn broken_files_are_refused_without_a_panic(
            changes in proptest::collection::vec((0_usize..120, proptest::num::u8::ANY), 1..8),
            cut in 0_usize..200,
        ) {
            let mut bytes = file("'<f8'", "True", "(2, 3)", &[0; 48]);
            for (at, byte) in changes {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            bytes.truncate(cut);
            if let Ok(data) = read(&bytes) {
                assert_eq!(data.rows() * data.columns(), data.values().len());
            }
        }
    }

    #[test]
    fn what_an_f32_loses_of_integers_is_exact() {
        let element = |code| Element::parse(code).unwrap();
        let of = |value: i64| element("<i8").value(&value.to_le_bytes());
        assert_eq!(of(16_777_216), (16_777_216.0, Some(0.0)));
        assert_eq!(of(-16_777_217), (-16_777_217.0, Some(-1.0)));
        assert_eq!(of(1 << 40), ((1_u64 << 40) as f64, Some(0.0)));
        assert_eq!(of(i64::MAX).1, Some(-1.0));
        assert_eq!(element("<u8").value(&u64::MAX.to_le_bytes()).1, Some(-1.0));
    }
}
