/// The text without some functions, each found by its braces; those it does not have are no error.
pub fn without(text: &str, names: &[&str]) -> String {
    let mut text = text.to_string();
    for name in names {
        let Some(start) = text.find(&format!("fn {name}(")) else { continue };
        let mut depth = 0;
        let end = text[start..].char_indices().find(|(_, letter)| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            *letter == '}' && depth == 0
        });
        let end = end.unwrap_or_else(|| panic!("`{name}` has no end")).0;
        text.replace_range(start..=start + end, "");
    }
    text
}
