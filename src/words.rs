//! Numbers as people read them.

/// A number of bytes: `128 MiB`, `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract() < 0.05 || value >= 100.0 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_reads_well() {
        assert_eq!(super::bytes(134_217_728), "128 MiB");
        assert_eq!(super::bytes(1_610_612_736), "1.5 GiB");
        assert_eq!(super::bytes(12), "12 bytes");
    }
}
