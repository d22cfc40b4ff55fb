//! Files read whole, of a size that is known to be bearable: they may be anybody's.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes of a text that somebody writes, such as WGSL or a run file.
#[allow(dead_code, reason = "the library reads tables, the program texts too")]
pub(crate) const TEXT: u64 = 4 << 20;
/// The most bytes of a text with a row of numbers a line, each of which takes memory of its own: some
/// twelve times the text.
#[allow(dead_code, reason = "the library reads them, the program does not")]
pub(crate) const ROWS: u64 = 64 << 20;
/// The most bytes of a table of numbers or of a record, which programs write.
pub(crate) const TABLE: u64 = 256 << 20;
/// The most bytes of what is no ordinary file, such as a pipe or a device: it may have no end.
const STREAM: u64 = 64 << 20;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of a file, at most `most` of them; a reason where it cannot be read or has more.
pub(crate) fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    bytes_of(File::open(path).map_err(unreadable)?, most)
}

/// The bytes of an opened file, likewise.
pub(crate) fn bytes_of(file: File, most: u64) -> Result<Vec<u8>, String> {
    let about = file.metadata().map_err(unreadable)?;
    let most = if about.is_file() { most } else { most.min(STREAM) };
    if about.is_file() && about.len() > most {
        return Err(too_long(most));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most { Err(too_long(most)) } else { Ok(bytes) }
}

/// What is said of a file with more bytes.
pub(crate) fn too_long(most: u64) -> String {
    format!("has more than {most} bytes, the most that is read of such a file")
}

fn unreadable(error: std::io::Error) -> String {
    format!("cannot be read: {error}")
}

/// The text of a file, likewise, without the byte order mark that some editors begin it with.
pub(crate) fn text(path: &Path, most: u64) -> Result<String, String> {
    let mut bytes = bytes(path, most)?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("cannot be read: it is no UTF-8 text ({})", error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(bytes(file.path(), 3).unwrap(), b"abc");
        assert_eq!(text(file.path(), 3).unwrap(), "abc");
        // One mark is taken off, and at the start alone.
        for (written, read) in [("\u{feff}a", "a"), ("\u{feff}\u{feff}", "\u{feff}")] {
            std::fs::write(file.path(), written).unwrap();
            assert_eq!(text(file.path(), 6).unwrap(), read);
        }
        std::fs::write(file.path(), "abc").unwrap();
        let error = bytes(file.path(), 2).unwrap_err();
        assert_eq!(error, "has more than 2 bytes, the most that is read of such a file");
        std::fs::write(file.path(), b"a\xff").unwrap();
        assert!(text(file.path(), 3).unwrap_err().starts_with("cannot be read: it is no UTF-8"));
        let missing = file.path().with_extension("none");
        assert!(bytes(&missing, 3).unwrap_err().starts_with("cannot be read: "));
    }

    /// What has no end does not fill memory.
    #[test]
    #[cfg(unix)]
    fn a_device_is_read_up_to_a_bound_too() {
        let error = bytes(Path::new("/dev/zero"), TABLE).unwrap_err();
        assert!(error.starts_with("has more than 67108864 bytes"), "{error}");
    }
}
