//! The twin of `shaders/payload.wgsl`.

/// `words` words of every particle, `slot` words from a particle to the next and `word` from word to
/// word of one, as the parents had them.
pub fn payload_gather(
    parents: &[u32],
    payload: &[u32],
    words: usize,
    slot: usize,
    word: usize,
) -> Vec<u32> {
    let mut gathered = payload.to_vec();
    for (i, parent) in parents.iter().enumerate() {
        for k in 0..words {
            gathered[i * slot + k * word] = payload[*parent as usize * slot + k * word];
        }
    }
    gathered
}
