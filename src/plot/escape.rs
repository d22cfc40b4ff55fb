//! Text inside of XML and HTML.

use crate::shown::steers;

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
            // XML has no name for control characters, and marks of direction turn what is read.
            letter if steers(letter) => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_a_text_is_text() {
        let text = super::escaped("<b a='1' c=\"2\">&amp;\u{1}\u{202e}</b>\n");
        let expected =
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;\u{fffd}\u{fffd}&lt;/b&gt;\n";
        assert_eq!(text, expected);
    }
}
