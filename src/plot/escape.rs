//! Text inside of XML and HTML.

/// The text with everything named that markup would read as its own, also between quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no name for control characters.
            control if control.is_control() && !"\n\t".contains(control) => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_a_text_is_text() {
        let text = super::escaped("<b a='1' c=\"2\">&amp;\u{1}</b>\n");
        let expected = "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;\u{fffd}&lt;/b&gt;\n";
        assert_eq!(text, expected);
    }
}
