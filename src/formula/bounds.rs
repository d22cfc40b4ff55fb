//! The text of indices and of the bounds of loops, in u32.

use std::fmt::Write as _;

use super::affine::{Affine, Symbol};

/// `i <= high`, each side a sum of what is positive: nothing is below 0 in a u32.
pub(super) fn before(i: &str, high: &Affine, arrays: &[String]) -> String {
    let above = high.clone().plus(&Affine::number(1));
    let mut moved = Affine::default();
    for (symbol, factor) in above.terms.iter().filter(|(_, factor)| **factor < 0) {
        moved.terms.insert(*symbol, -factor);
    }
    moved.constant = (-above.constant).max(0);
    let rest = above.plus(&moved);
    match moved.constant() {
        Some(0) => format!("{i} < {}", self::index(&rest, arrays)),
        _ => format!("{i} + {} < {}", self::index(&moved, arrays), self::index(&rest, arrays)),
    }
}

/// The text of an index, which is 0 or more: first what is added, then what is subtracted.
pub(super) fn index(index: &Affine, arrays: &[String]) -> String {
    let mut text = String::new();
    let (mut added, mut subtracted) = (Vec::new(), Vec::new());
    for (symbol, factor) in &index.terms {
        let name = match symbol {
            Symbol::Bound(depth) => variable(*depth),
            Symbol::Rows(array) => format!("{}_rows", arrays[*array]),
            Symbol::Columns(array) => format!("{}_columns", arrays[*array]),
        };
        let size = factor.unsigned_abs();
        let term = if size == 1 { name } else { format!("{size}u * {name}") };
        if *factor > 0 { added.push(term) } else { subtracted.push(term) }
    }
    let number = format!("{}u", index.constant.unsigned_abs());
    match index.constant {
        0 if !added.is_empty() => {}
        0.. => added.push(number),
        _ => subtracted.push(number),
    }
    text += &added.join(" + ");
    for term in subtracted {
        let _ = write!(text, " - {term}");
    }
    text
}

/// The name of the variable of a loop at this depth.
pub(super) fn variable(depth: usize) -> String {
    ["i", "j", "k"].get(depth).map_or_else(|| format!("i{depth}"), ToString::to_string)
}
