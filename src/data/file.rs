//! A file of arrays, of which some are wanted: `.npy`, `.npz` or `.csv`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use npyz::npz::NpzArchive;

use super::csv::Table;
use super::{Data, MOST, npy};
use crate::error::{Error, Result};
use crate::shown::listed;

/// An array of more bytes is not taken from an archive that packs it into fewer than one in
/// [`MOST_PACKED`]: the numbers would all be the same, and the archive a trap.
const LARGE: u64 = 256 << 20;
const MOST_PACKED: u64 = 200;

/// A `.npy`, `.npz` or `.csv` file, whose arrays are read one by one.
///
/// What is not asked for is not looked at: an archive may hold strings, and a table columns of text,
/// beside the numbers that a target needs.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("schools.csv");
/// std::fs::write(&path, "school,y,sigma\nA,28,15\nB,8,10\n")?;
/// let file = wfr::DataFile::open(&path)?;
/// assert_eq!(file.names(), ["school", "y", "sigma"]);
/// assert_eq!(file.get("y")?.values(), [28.0, 8.0]);
/// assert!(file.get("school").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DataFile {
    path: PathBuf,
    names: Vec<String>,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Npy,
    Npz,
    Csv(Table),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Csv,
}

impl DataFile {
    /// Opens a file whose name ends in `.npy`, `.npz` or `.csv`.
    ///
    /// The columns of a `.csv` are separated by commas and named by its first line.
    ///
    /// # Errors
    /// [`crate::ErrorKind::File`] for another ending, a file that cannot be read, and a table that
    /// is not one.
    pub fn open(path: impl AsRef<Path>) -> Result<DataFile> {
        let path = path.as_ref();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let format = match ending.to_ascii_lowercase().as_str() {
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "csv" => Format::Csv,
            _ => return Err(Error::file(path, "does not end in .npy, .npz or .csv")),
        };
        DataFile::open_as(path, format)
    }

    /// Opens a comma-separated table, whatever its name.
    pub(crate) fn open_csv(path: &Path) -> Result<DataFile> {
        DataFile::open_as(path, Format::Csv)
    }

    pub(super) fn open_as(path: &Path, format: Format) -> Result<DataFile> {
        let (names, contents) = match format {
            Format::Npy => (Vec::new(), Contents::Npy),
            Format::Npz => {
                let mut archive = archive(path)?;
                let zip = archive.zip_archive();
                // Of two members with one name the archive finds only the later.
                if zip.file_names().count() < zip.len() {
                    return Err(Error::file(path, "holds two arrays of one name; write it again"));
                }
                let names = zip.file_names().filter_map(|name| name.strip_suffix(".npy"));
                let mut names: Vec<String> = names.map(str::to_string).collect();
                if names.is_empty() {
                    return Err(Error::file(path, "holds no arrays; write it with numpy.savez"));
                }
                names.sort();
                (names, Contents::Npz)
            }
            Format::Csv => {
                let table = Table::read(path).map_err(|reason| Error::file(path, reason))?;
                (table.names().to_vec(), Contents::Csv(table))
            }
        };
        Ok(DataFile { path: path.to_path_buf(), names, contents })
    }

    /// The names of the arrays or columns; none for a `.npy`, whose array has no name.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The array or the column of this name.
    ///
    /// # Errors
    /// An unknown name, with the known ones, and those of [`Data::from_npy`] and
    /// [`Data::all_from_csv`].
    pub fn get(&self, name: &str) -> Result<Data> {
        let place = self.place(name)?;
        match &self.contents {
            Contents::Csv(table) => self.column(table, place),
            _ => self.member(&mut archive(&self.path)?, name),
        }
    }

    /// The array of a `.npy`, the whole table of a `.csv` as a matrix, and the array of a `.npz`
    /// that holds no other.
    ///
    /// # Errors
    /// Several arrays, and those of [`DataFile::get`].
    pub fn whole(&self) -> Result<Data> {
        match (&self.contents, &self.names[..]) {
            (Contents::Npy, _) => {
                let file = open(&self.path)?;
                // A pipe does not know how long it is.
                let about = file.get_ref().metadata().ok().filter(std::fs::Metadata::is_file);
                npy::read(file, about.map(|about| about.len()))
                    .map_err(|reason| Error::file(&self.path, format!("the array {reason}")))
            }
            (Contents::Csv(table), _) => {
                table.whole().map_err(|reason| Error::file(&self.path, reason))
            }
            (Contents::Npz, [name]) => self.get(name),
            (Contents::Npz, names) => {
                let message = format!("holds several arrays, {}; name one", listed(names));
                Err(Error::file(&self.path, message))
            }
        }
    }

    /// Every array or column with its name.
    pub(super) fn all(&self) -> Result<Vec<(String, Data)>> {
        let all = match &self.contents {
            Contents::Csv(table) => {
                table.columns().map_err(|reason| Error::file(&self.path, reason))?
            }
            Contents::Npz => self.members()?,
            // Its array has no name.
            Contents::Npy => Vec::new(),
        };
        Ok(self.names.iter().cloned().zip(all).collect())
    }

    /// Every array of an archive.
    fn members(&self) -> Result<Vec<Data>> {
        let mut archive = archive(&self.path)?;
        let (mut all, mut numbers) = (Vec::new(), 0);
        for name in &self.names {
            let data = self.member(&mut archive, name)?;
            // Members of an archive may share their bytes.
            numbers += data.values().len();
            if numbers > MOST {
                let message = format!("has more than {MOST} numbers in all; read one array of it");
                return Err(Error::file(&self.path, message));
            }
            all.push(data);
        }
        Ok(all)
    }

    /// A column of a table in double precision.
    pub(crate) fn doubles(&self, name: &str) -> Result<Vec<f64>> {
        let place = self.place(name)?;
        match &self.contents {
            Contents::Csv(table) => {
                table.doubles(place).map_err(|reason| Error::file(&self.path, reason))
            }
            _ => Err(Error::file(&self.path, "is not a table of comma-separated columns")),
        }
    }

    /// Which of the names it is.
    fn place(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|known| known == name).ok_or_else(|| {
            let message = match &self.contents {
                Contents::Npy => "holds one array without a name".to_string(),
                Contents::Npz => format!("has no array `{name}`; it has {}", listed(&self.names)),
                Contents::Csv(_) => {
                    format!("has no column `{name}`; it has {}", listed(&self.names))
                }
            };
            Error::file(&self.path, message)
        })
    }

    fn column(&self, table: &Table, place: usize) -> Result<Data> {
        table.column(place).map_err(|reason| Error::file(&self.path, reason))
    }

    fn member(&self, archive: &mut NpzArchive<BufReader<File>>, name: &str) -> Result<Data> {
        let refused =
            |reason: String| Error::file(&self.path, format!("the array `{name}` {reason}"));
        let member = archive.zip_archive().by_name(&format!("{name}.npy"));
        let member = member.map_err(|error| refused(format!("cannot be read: {error}")))?;
        let (size, packed) = (member.size(), member.compressed_size());
        if size > LARGE && size / MOST_PACKED > packed {
            return Err(refused(format!(
                "would grow from {packed} bytes to {size}; save it without compression"
            )));
        }
        npy::read(BufReader::new(member), Some(size)).map_err(refused)
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path);
    file.map(BufReader::new).map_err(|error| Error::file(path, format!("cannot be read: {error}")))
}

fn archive(path: &Path) -> Result<NpzArchive<BufReader<File>>> {
    NpzArchive::new(open(path)?).map_err(|error| {
        Error::file(
            path,
            format!("is not an archive of arrays: {error}; write it with numpy.savez"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use npyz::zip::CompressionMethod;
    use npyz::zip::write::{FileOptions, ZipWriter};

    use super::*;

    fn npy(descr: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n");
        let length = header.len() as u16;
        [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], header.as_bytes(), numbers].concat()
    }

    /// An archive with these members, compressed.
    fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
        zipped_as(CompressionMethod::Deflated, members)
    }

    fn zipped_as(method: CompressionMethod, members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, FileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }

        /// The error without the path, which begins it.
        fn error<T: std::fmt::Debug>(&self, result: Result<T>) -> String {
            let text = result.unwrap_err().to_string();
            let folder = format!("{}/", self.0.path().display());
            text.strip_prefix(&folder).expect("names the file").to_string()
        }
    }

    fn folder() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    #[test]
    fn an_archive_gives_each_array_and_leaves_the_others_alone() {
        let folder = folder();
        let numbers: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let (x, s) = (npy("'<f4'", "(2,)", &numbers), npy("'<U1'", "(2,)", &[0; 8]));
        let path = folder.file("a.npz", &zipped(&[("x.npy", &x), ("s.npy", &s), ("note", b"?")]));
        let file = DataFile::open(&path).unwrap();
        assert_eq!(file.names(), ["s", "x"]);
        assert_eq!(file.get("x").unwrap().values(), [1.0, 2.0]);
        assert_eq!(folder.error(file.get("y")), "a.npz: has no array `y`; it has s, x");
        assert_eq!(
            folder.error(Data::all_from_npz(&path)),
            "a.npz: the array `s` holds strings (<U1); expected numbers, so convert it with \
             .astype(\"f4\")"
        );
        assert_eq!(folder.error(file.whole()), "a.npz: holds several arrays, s, x; name one");
        let one = folder.file("one.npz", &zipped(&[("x.npy", &x)]));
        let all = Data::all_from_npz(&one).unwrap();
        assert_eq!(all, [("x".to_string(), DataFile::open(&one).unwrap().whole().unwrap())]);
    }

    /// One bit of the numbers of an array, packed or not: never another number.
    #[test]
    fn a_damaged_member_of_an_archive_is_refused() {
        let folder = folder();
        let numbers: Vec<u8> = [6.5_f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let x = npy("'<f4'", "(2,)", &numbers);
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let good = zipped_as(method, &[("x.npy", &x)]);
            // The member ends where the archive's directory begins.
            let end = good.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
            for at in end - 8..end {
                let mut bad = good.clone();
                bad[at] ^= 0x20;
                let path = folder.file("bad.npz", &bad);
                let error = folder.error(DataFile::open(path).unwrap().get("x"));
                assert!(error.starts_with("bad.npz: the array `x` "), "{error}");
                if method == CompressionMethod::Stored {
                    let expected =
                        "does not have the checksum that its archive states; the file is";
                    assert!(error.contains(expected), "{error}");
                }
            }
            // Cut off anywhere.
            for length in 0..good.len() {
                let path = folder.file("cut.npz", &good[..length]);
                assert!(DataFile::open(path).and_then(|file| file.get("x")).is_err(), "{length}");
            }
        }
    }

    /// An archive whose directory states another size than the member has.
    #[test]
    fn a_member_whose_size_lies_is_refused() {
        let folder = folder();
        let x = npy("'|u1'", "(100000,)", &[0; 100_000]);
        let good = zipped(&[("x.npy", &x)]);
        let directory = good.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
        for (size, expected) in [
            (80, "ends before the 100000 numbers that its header promises"),
            (1 << 20, "goes on after the 100000 numbers that its header promises"),
        ] {
            let mut lie = good.clone();
            lie[directory + 24..directory + 28].copy_from_slice(&u32::to_le_bytes(size));
            let path = folder.file("lie.npz", &lie);
            let error = folder.error(DataFile::open(path).unwrap().get("x"));
            assert!(error.contains(expected), "{error}");
        }
    }

    /// Whole numbers by type or by value, in every format.
    #[test]
    fn rounded_numbers_are_noticed_in_every_format() {
        let folder = folder();
        let whole = [16_777_217_i64, 16_777_219, 5];
        let as_float: Vec<u8> = whole.iter().flat_map(|v| (*v as f64).to_le_bytes()).collect();
        let as_integer: Vec<u8> = whole.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (f, i) = (npy("'<f8'", "(3,)", &as_float), npy("'<i8'", "(3,)", &as_integer));
        folder.file("f.npy", &f);
        folder.file("i.npy", &i);
        folder.file("f.npz", &zipped(&[("y.npy", &f)]));
        folder.file("i.npz", &zipped(&[("y.npy", &i)]));
        folder.file("t.csv", b"y\n16777217\n16777219\n5\n");
        let read = |name: &str| {
            let data = DataFile::open(folder.0.path().join(name)).unwrap().whole().unwrap();
            data.rounding().map(|rounding| rounding.notes("y"))
        };
        let expected = read("t.csv");
        assert!(expected.as_ref().unwrap()[0].ends_with("for instance 16777217 at [0]"));
        for name in ["f.npy", "i.npy", "f.npz", "i.npz"] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    #[test]
    fn a_single_array_is_the_whole_file() {
        let folder = folder();
        let path = folder.file("x.npy", &npy("'|u1'", "(1, 3)", &[1, 2, 3]));
        assert_eq!(Data::from_npy(&path).unwrap(), Data::new(1, 3, vec![1.0, 2.0, 3.0]).unwrap());
        let file = DataFile::open(&path).unwrap();
        assert!(file.names().is_empty());
        assert_eq!(folder.error(file.get("x")), "x.npy: holds one array without a name");
        let short = folder.file("short.npy", &npy("'|u1'", "(4,)", &[1, 2, 3]));
        assert_eq!(
            folder.error(Data::from_npy(short)),
            "short.npy: the array ends before the 4 numbers that its header promises; the file is \
             cut off"
        );
    }

    /// A table of many columns and an archive of many arrays: the error is a sentence.
    #[test]
    fn lists_of_names_are_short() {
        let folder = folder();
        let names: Vec<String> = (0..1000).map(|k| format!("c{k:03}")).collect();
        let row = vec!["1"; 1000].join(",");
        let table = folder.file("t.csv", format!("{}\n{row}\n", names.join(",")).as_bytes());
        let x = npy("'|u1'", "(1,)", &[1]);
        let members: Vec<String> = names.iter().map(|name| format!("{name}.npy")).collect();
        let members: Vec<_> = members.iter().map(|name| (name.as_str(), &x[..])).collect();
        let archive = folder.file("a.npz", &zipped(&members));
        let list = "c000, c001, c002, c003, c004, c005, c006, c007 and 992 more";
        let table = DataFile::open(table).unwrap();
        assert_eq!(
            folder.error(table.get("y")),
            format!("t.csv: has no column `y`; it has {list}")
        );
        let archive = DataFile::open(archive).unwrap();
        assert_eq!(
            folder.error(archive.get("y")),
            format!("a.npz: has no array `y`; it has {list}")
        );
        assert_eq!(
            folder.error(archive.whole()),
            format!("a.npz: holds several arrays, {list}; name one")
        );
    }

    #[test]
    fn files_that_cannot_be_taken_are_refused() {
        let folder = folder();
        for (name, bytes, expected) in [
            ("a.txt", &b"1 2"[..], "a.txt: does not end in .npy, .npz or .csv"),
            ("a.npz", b"1 2", "a.npz: is not an archive of arrays: "),
            ("empty.npz", &zipped(&[]), "empty.npz: holds no arrays; write it with numpy.savez"),
            (
                "twice.npz",
                &zipped(&[("x.npy", b"1"), ("x.npy", b"2")]),
                "twice.npz: holds two arrays of one name; write it again",
            ),
            ("a.csv", b"a,b\n1\n", "a.csv: line 2: has 1 cells; expected 2, one per name"),
        ] {
            let path = folder.file(name, bytes);
            let error = folder.error(DataFile::open(path));
            assert!(error.starts_with(expected), "{error}");
        }
        for name in ["none.npy", "none.npz", "none.csv"] {
            let opened = DataFile::open(folder.0.path().join(name));
            let error = folder.error(opened.and_then(|file| file.whole()));
            assert!(error.starts_with(&format!("{name}: cannot be read: ")), "{error}");
        }
        let broken = folder.file("broken.npz", &zipped(&[("x.npy", b"1")]));
        assert_eq!(
            folder.error(Data::all_from_npz(broken)),
            "broken.npz: the array `x` is not in NumPy's format; write it with numpy.save"
        );
    }
}
