//! Twin of `shaders/expand.wgsl`: ancestors from where offspring begin.

/// Ancestors from the number of offspring of all particles up to and including each.
pub fn ancestors_of_offsets(offsets: &[u32]) -> Vec<u32> {
    let mut ancestors = Vec::with_capacity(offsets.len());
    for (i, offset) in offsets.iter().enumerate() {
        assert!(*offset as usize >= ancestors.len(), "offsets do not decrease");
        ancestors.resize(*offset as usize, i as u32);
    }
    ancestors
}
