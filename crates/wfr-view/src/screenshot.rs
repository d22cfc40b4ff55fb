//! A picture of the window as a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use eframe::egui::ColorImage;

use crate::failure::Failure;

/// A picture of the window to be taken at some step, after which the window closes.
#[derive(Debug, Clone)]
pub struct Screenshot {
    /// The PNG file, which is replaced if it is there.
    pub path: PathBuf,
    /// After how many steps; `None` at the end of the run.
    pub after: Option<u32>,
}

/// Writes a PNG file, whole or not at all.
pub(crate) fn write(path: &Path, image: &ColorImage) -> Result<(), Failure> {
    // Beside the file, so that the move stays on one disk.
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = encode(&part, image).and_then(|()| Ok(std::fs::rename(&part, path)?));
    written.map_err(|error| {
        // What was begun is of no use; if it cannot be removed, the first error says why.
        let _ = std::fs::remove_file(&part);
        Failure::Output(format!("{} cannot be written: {error}", path.display()))
    })
}

fn encode(path: &Path, image: &ColorImage) -> Result<(), png::EncodingError> {
    let [width, height] = image.size.map(|side| side as u32);
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let bytes: Vec<u8> = image.pixels.iter().flat_map(|p| [p.r(), p.g(), p.b()]).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use eframe::egui::Color32;

    use super::*;

    #[test]
    fn a_picture_is_read_back_as_written_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shot.png");
        let pixels = (0..6).map(|i| Color32::from_rgb(i, 40 * i, 255 - i)).collect();
        write(&path, &ColorImage::new([3, 2], pixels)).unwrap();
        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        let expected: Vec<u8> = (0..6).flat_map(|i| [i, 40 * i, 255 - i]).collect();
        assert_eq!(bytes, expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_is_not_there_is_told() {
        let image = ColorImage::filled([1, 1], Color32::WHITE);
        let error = write(Path::new("/no/such/folder/a.png"), &image).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().starts_with("/no/such/folder/a.png cannot be written: "));
    }
}
