//! What is refused, and where in the text.
