//! Pixels as PNG.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

/// Rows from the top of one byte per pixel, and the colours that the bytes stand for.
pub(super) struct Indexed {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: Vec<u8>,
    /// Three bytes a colour.
    pub(super) palette: Vec<u8>,
}

/// A PNG of full colours, three bytes a pixel.
pub(super) fn rgb((width, height): (u32, u32), pixels: &[u8]) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    write(encoder, pixels)?;
    Ok(file)
}

/// A PNG with a palette.
pub(super) fn indexed(image: &Indexed) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, image.width, image.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(image.palette.as_slice());
    encoder.set_compression(Compression::High);
    // Neighbours in a palette are no differences of bytes.
    encoder.set_filter(Filter::NoFilter);
    write(encoder, &image.pixels)?;
    Ok(file)
}

fn write(encoder: Encoder<'_, &mut Vec<u8>>, pixels: &[u8]) -> Result<(), String> {
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())
}
