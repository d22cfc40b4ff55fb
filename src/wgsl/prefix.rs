//! Two texts of one role in one shader: every name that the second declares gets a prefix.
//!
//! Token by token, not by meaning: a local variable of the name of a global one is renamed with it,
//! which changes nothing. Members of structures keep their names, because what stands after a dot is
//! not looked up among the globals.

use std::collections::BTreeSet;
use std::ops::Range;

use super::tokens::{Kind, Token, tokens};
use super::{Linked, Source};
use crate::error::Result;

/// The text with `prefix` before every name that it declares at module scope, and its data bound
/// from `first_binding` on.
///
/// # Errors
/// [`crate::ErrorKind::Shader`] for a member of a structure that has the name of a global one, and
/// for a binding that is no plain number.
pub(crate) fn prefixed(source: &Source, prefix: &str, first_binding: u32) -> Result<Source> {
    let text = source.text.as_str();
    let tokens = tokens(text);
    let word = |i: usize| tokens.get(i).map_or("", |token| &text[token.at.clone()]);
    let refused = |message: String, at: &Range<usize>| {
        Linked::new([source.clone()]).error(message, Some(at.clone()))
    };
    let globals: BTreeSet<&str> = globals(text, &tokens).into_iter().map(|at| &text[at]).collect();
    let mut out = String::with_capacity(text.len() + 64);
    let mut copied = 0;
    let mut in_structure = false;
    let mut depth = 0_u32;
    for (i, token) in tokens.iter().enumerate() {
        match word(i) {
            "struct" if depth == 0 => in_structure = true,
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                in_structure &= depth > 0;
            }
            _ => {}
        }
        let before = if i == 0 { "" } else { word(i - 1) };
        let new = if token.kind == Kind::Word && globals.contains(word(i)) {
            if matches!(before, "." | "@") {
                continue;
            }
            if in_structure && depth == 1 && word(i + 1) == ":" {
                let message = format!(
                    "the member `{0}` has the name of the global `{0}`; where this text is the \
                     law of the start one of them has to be renamed",
                    word(i)
                );
                return Err(refused(message, &token.at));
            }
            format!("{prefix}{}", word(i))
        } else if before == "(" && i >= 3 && word(i - 2) == "binding" && word(i - 3) == "@" {
            let plain = word(i).trim_end_matches(['u', 'i']).parse::<u32>();
            match plain.ok().and_then(|number| number.checked_add(first_binding)) {
                Some(number) => number.to_string(),
                None => {
                    let message = format!("the binding `{}` is not a plain number", word(i));
                    return Err(refused(message, &token.at));
                }
            }
        } else {
            continue;
        };
        out.push_str(&text[copied..token.at.start]);
        out.push_str(&new);
        copied = token.at.end;
    }
    out.push_str(&text[copied..]);
    Ok(Source::new(source.name.clone(), out))
}

/// The places of the names declared at module scope.
pub(super) fn globals(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let word = |i: usize| tokens.get(i).map_or("", |token| &text[token.at.clone()]);
    let mut names = Vec::new();
    let mut depth = 0_u32;
    for i in 0..tokens.len() {
        match word(i) {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "fn" | "struct" | "alias" | "const" | "override" if depth == 0 => {
                names.push(i + 1);
            }
            "var" if depth == 0 => {
                let mut name = i + 1;
                if word(name) == "<" {
                    while !matches!(word(name), ">" | "") {
                        name += 1;
                    }
                    name += 1;
                }
                names.push(name);
            }
            _ => {}
        }
    }
    let names = names.into_iter().filter_map(|i| tokens.get(i));
    names.map(|token| token.at.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(text: &str) -> String {
        match prefixed(&Source::new("old.wgsl", text), "old_", 3) {
            Ok(source) => source.text,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn globals_and_their_uses_are_renamed_and_nothing_else() {
        let text = "
            // scale in a comment /* stays */
            @group(1) @binding(0) var<storage, read> y: array<f32>; /* y /* nested */ y */
            override scale: f32 = 1.0e-3;
            const e = 2.0; alias Pair = vec2<f32>;
            struct Sum { total: f32, part: Pair }
            fn x(p: Point) -> f32 { let e1 = 0x1e + 1e; return p.x * y[0] * scale; }
            fn log_density(p: Point) -> f32 { var scale = x(p); return scale - e; }";
        let expected = "
            // scale in a comment /* stays */
            @group(1) @binding(3) var<storage, read> old_y: array<f32>; /* y /* nested */ y */
            override old_scale: f32 = 1.0e-3;
            const old_e = 2.0; alias old_Pair = vec2<f32>;
            struct old_Sum { total: f32, part: old_Pair }
            fn old_x(p: Point) -> f32 { let e1 = 0x1e + 1e; return p.x * old_y[0] * old_scale; }
            fn old_log_density(p: Point) -> f32 { var old_scale = old_x(p); return old_scale - \
             old_e; }";
        assert_eq!(renamed(text), expected);
    }

    /// What is renamed still means the same: it validates beside the text itself.
    #[test]
    fn every_target_links_beside_itself() {
        for entry in crate::catalogue() {
            for dim in [1, 2, 6] {
                let Ok(target) = crate::Target::named(entry.name, Some(dim)) else { continue };
                let second = prefixed(&target.source(), "old_", 1).unwrap();
                let sources = target.prelude().into_iter().chain([target.source(), second]);
                Linked::new(sources).check().unwrap();
            }
        }
    }

    #[test]
    fn what_cannot_be_renamed_is_refused_at_its_place() {
        let text = "const mean = 1.0;\nstruct Law { mean: f32 }";
        let error = renamed(text);
        assert!(error.starts_with("old.wgsl:2:14: the member `mean` has the name of"), "{error}");
        let text = "const B = 1;\n@group(1) @binding(B) var<storage, read> y: array<f32>;";
        let error = renamed(text);
        assert!(error.contains("binding"), "{error}");
    }
}
