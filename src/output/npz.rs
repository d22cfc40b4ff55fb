//! Weighted particles as a NumPy archive: `numpy.load("run.npz")`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use npyz::zip::CompressionMethod;
use npyz::zip::write::FileOptions;
use wfr::{Info, Particles, TraceEvent};

type Writer = NpzWriter<BufWriter<File>>;

/// Writes the particles, and the trace of ESS tests closed by the state at the end.
///
/// Arrays: `positions` (N, d) f32, `log_weights` (N,) f32 up to a common constant, `ancestors0`
/// (N,) u32, and per test `trace_time`, `trace_beta`, `trace_ess`, `trace_cess` (NaN where it is not
/// known), `trace_log_normalizer` (f64) and `trace_resampled` (bool). Nothing is compressed: it would take 30 times longer.
pub(crate) fn write(
    path: &Path,
    particles: &Particles,
    trace: &[TraceEvent],
    end: &Info,
) -> io::Result<()> {
    let mut npz = NpzWriter::new(BufWriter::new(File::create(path)?));
    let n = particles.len() as u64;
    let shape = [n, particles.dim() as u64];
    array(&mut npz, "positions", &shape, particles.positions().iter().copied())?;
    array(&mut npz, "log_weights", &[n], particles.log_weights().iter().copied())?;
    array(&mut npz, "ancestors0", &[n], particles.ancestors().iter().copied())?;

    let rows = [trace.len() as u64 + 1];
    let ess = trace.iter().map(|event| event.ess).chain([end.ess]);
    let log_z = trace.iter().map(|event| event.log_normalizer).chain([end.log_normalizer]);
    array(&mut npz, "trace_time", &rows, trace.iter().map(|e| e.time).chain([end.time]))?;
    array(&mut npz, "trace_beta", &rows, trace.iter().map(|e| e.beta).chain([end.beta]))?;
    array(&mut npz, "trace_ess", &rows, ess.map(f64::from))?;
    let cess = trace.iter().map(|event| event.cess.map_or(f64::NAN, f64::from));
    array(&mut npz, "trace_cess", &rows, cess.chain([f64::NAN]))?;
    array(&mut npz, "trace_log_normalizer", &rows, log_z)?;
    array(&mut npz, "trace_resampled", &rows, trace.iter().map(|e| e.resampled).chain([false]))?;
    npz.zip_writer().finish()?.into_inner().map_err(|error| error.into_error())?.sync_all()
}

fn array<T: npyz::AutoSerialize>(
    npz: &mut Writer,
    name: &str,
    shape: &[u64],
    values: impl Iterator<Item = T>,
) -> io::Result<()> {
    let bytes = shape.iter().product::<u64>() * size_of::<T>() as u64;
    let options = FileOptions::default()
        .compression_method(CompressionMethod::Stored)
        // The first moment a ZIP can tell: same run, same bytes.
        .last_modified_time(npyz::zip::DateTime::default())
        .large_file(bytes > u64::from(u32::MAX / 2));
    let mut writer = npz.array(name, options)?.default_dtype().shape(shape).begin_nd()?;
    writer.extend(values)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use npyz::npz::NpzArchive;
    use wfr::Particles;

    #[test]
    fn particles_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let positions = vec![1.0, 2.0, 3.0, 4.0];
        let particles = Particles::new(2, positions.clone(), vec![0.5, -1.0], vec![0, 0]).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut npz = super::NpzWriter::new(std::io::BufWriter::new(file));
        super::array(&mut npz, "positions", &[2, 2], particles.positions().iter().copied())
            .unwrap();
        npz.zip_writer().finish().unwrap().into_inner().unwrap();
        let mut archive = NpzArchive::open(&path).unwrap();
        let array = archive.by_name("positions").unwrap().unwrap();
        assert_eq!(array.shape(), [2, 2]);
        assert_eq!(array.into_vec::<f32>().unwrap(), positions);
    }
}
