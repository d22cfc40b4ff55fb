//! Parameters of the problem's texts as data: a device reads the values of their `override`s from a
//! buffer, so that other values compile nothing.
//!
//! Whole numbers and booleans stay constants, because loops, branches and the lengths of arrays depend
//! on them; so does what a declaration of the module uses, where a variable may not stand.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use crate::numbers::GROUP;
use crate::wgsl::{Kind, Source, Token, tokens};

/// The binding of their row: a uniform, because storage buffers are few.
const BINDING: u32 = 3;

/// A number that the device reads.
#[derive(Debug, Clone, PartialEq)]
struct Parameter {
    name: String,
    /// What names it as a pipeline constant.
    key: String,
    is_float: bool,
    /// The bits of its default.
    default: Option<u32>,
}

/// The parameters of a problem, in the order of their row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<Parameter>);

/// An `override` as a text declares it.
struct Declared {
    parameter: Parameter,
    at: Range<usize>,
}

impl Parameters {
    /// Those of these texts, which are linked together.
    pub(crate) fn of(sources: &[Source]) -> Parameters {
        let used: HashSet<&str> = sources.iter().flat_map(used_by_module).collect();
        let all = sources.iter().flat_map(declared).map(|declared| declared.parameter);
        Parameters(all.filter(|one| !used.contains(one.name.as_str())).collect())
    }

    /// The texts as a device has them: the parameters are declared in a text of their own. In a user's
    /// text all else stays at its place; in the engine's, nothing is left of what a value looks like.
    pub(crate) fn on_device(&self, sources: &[Source]) -> Vec<Source> {
        let taken = |source: &Source| {
            let mut source = source.clone().on_device();
            for Declared { parameter, at } in declared(&source).into_iter().rev() {
                if self.0.iter().any(|known| known.name == parameter.name) {
                    let blank = |c: char| if c == '\n' { c } else { ' ' };
                    let blanks: String = match source.is_own() {
                        true => String::new(),
                        false => source.text[at.clone()].chars().map(blank).collect(),
                    };
                    source.text.replace_range(at, &blanks);
                }
            }
            source
        };
        let own: Vec<Source> = sources.iter().map(taken).collect();
        let has_start = own.iter().any(|source| source.text.contains("fn initial_load("));
        own.into_iter().chain([self.declarations(has_start)]).collect()
    }

    /// The variables, and the function that every kernel calls first, which copies all numbers.
    fn declarations(&self, has_start: bool) -> Source {
        let mut text = String::new();
        // Hidden, so that no driver compiles the values of conditions in, see settings.wgsl.
        let mut loads = "    settings_load();\n    let hidden = float_hidden_zero();\n".to_string();
        if has_start {
            loads += "    initial_load();\n";
        }
        if !self.0.is_empty() {
            let _ = writeln!(
                text,
                "@group({GROUP}) @binding({BINDING}) var<uniform> parameter_row: \
                 array<vec4<u32>, {}>;",
                self.0.len().div_ceil(4)
            );
        }
        for (i, Parameter { name, is_float, .. }) in self.0.iter().enumerate() {
            let word = format!("parameter_row[{}][{}] ^ hidden", i / 4, i % 4);
            let (ty, load) = match is_float {
                true => ("f32", format!("bitcast<f32>({word})")),
                false => ("u32", word),
            };
            let _ = writeln!(text, "var<private> {name}: {ty};");
            let _ = writeln!(loads, "    {name} = {load};");
        }
        let _ = writeln!(text, "fn numbers_load() {{\n{loads}}}");
        Source::own("parameters", text)
    }

    /// The row of the parameters' values, where these constants have been set, in fours.
    pub(crate) fn values(&self, constants: &[(String, f64)]) -> Vec<u32> {
        let value = |parameter: &Parameter| {
            let set = constants.iter().find(|(key, _)| *key == parameter.key);
            let bits = |value: f64| match parameter.is_float {
                true => (value as f32).to_bits(),
                false => value as u32,
            };
            set.map(|(_, value)| bits(*value)).or(parameter.default).unwrap_or_default()
        };
        let mut row: Vec<u32> = self.0.iter().map(value).collect();
        row.resize(row.len().next_multiple_of(4), 0);
        row
    }

    /// What is left to be compiled of these constants.
    pub(crate) fn compiled(&self, constants: &[(String, f64)]) -> Vec<(String, f64)> {
        let is_data = |key: &String| self.0.iter().any(|parameter| parameter.key == *key);
        constants.iter().filter(|(key, _)| !is_data(key)).cloned().collect()
    }
}

/// The `override`s of a text that may be data.
fn declared(source: &Source) -> Vec<Declared> {
    let text = source.text.as_str();
    let tokens = tokens(text);
    let word = |i: usize| tokens.get(i).map_or("", |token| &text[token.at.clone()]);
    let starts = of_module(text, &tokens).into_iter().filter(|i| word(*i) == "override");
    let read = |start: usize| {
        let name = word(start + 1).to_string();
        let mut at = start + 2;
        let ty = (word(at) == ":").then(|| word(at + 1));
        at += if ty.is_some() { 2 } else { 0 };
        let begin = at;
        at += tokens.get(at..)?.iter().position(|token| &text[token.at.clone()] == ";")?;
        // A sign or an exponent is a token of its own.
        let literal = match word(begin) {
            "=" => Some(text[tokens[begin].at.end..tokens[at].at.start].trim()),
            ";" => None,
            _ => return None,
        };
        let is_float = match (ty, literal) {
            (Some(ty), _) => ty == "f32",
            (None, Some(literal)) => literal.contains('.') || literal.ends_with('f'),
            (None, None) => false,
        };
        let is_word = ty == Some("u32") && source.is_own();
        if !is_float && !is_word {
            return None;
        }
        let plain = literal.map(|literal| literal.trim_end_matches(['f', 'u', 'h']));
        let default = match plain {
            Some(plain) if is_float => Some(plain.parse::<f32>().ok()?.to_bits()),
            Some(plain) => Some(plain.parse().ok()?),
            None => None,
        };
        // @id(7)
        let has_number = start >= 5 && word(start - 5) == "@" && word(start - 4) == "id";
        let first = if has_number { start - 5 } else { start };
        let key = if has_number { word(start - 2).to_string() } else { name.clone() };
        let span = tokens[first].at.start..tokens[at].at.end;
        Some(Declared { parameter: Parameter { name, key, is_float, default }, at: span })
    };
    starts.filter_map(read).collect()
}

/// The names that declarations of a text use, but for functions and the names that they declare.
fn used_by_module(source: &Source) -> Vec<&str> {
    let text = source.text.as_str();
    let tokens = tokens(text);
    let of_module = of_module(text, &tokens);
    let word = |i: usize| &text[tokens[i].at.clone()];
    let is_use = |i: &usize| {
        let before = if *i == 0 { "" } else { word(i - 1) };
        tokens[*i].kind == Kind::Word && before != "override"
    };
    of_module.into_iter().filter(is_use).map(word).collect()
}

/// The tokens that are neither within braces nor in the head of a function.
fn of_module(text: &str, tokens: &[Token]) -> Vec<usize> {
    let (mut depth, mut in_head) = (0_u32, false);
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match &text[token.at.clone()] {
            "{" => {
                depth += 1;
                in_head = false;
            }
            "}" => depth = depth.saturating_sub(1),
            "fn" if depth == 0 => in_head = true,
            _ if depth == 0 && !in_head => found.push(i),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// override not: f32;
override depth: f32 = 6.5; // a comment
@id(7) override tilt = -0.5;
override bare: f32;
override small: f32 = 1.5e-3f;
override base: f32 = 2.0;
override twice: f32 = 2.0 * base;
override count: u32 = 3;
override flag: bool = true;
fn log_density(x: Point) -> f32 { let base = 1.0; return -depth * x[0] + tilt + bare + small; }
";

    fn names(parameters: &Parameters) -> Vec<&str> {
        parameters.0.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn floats_that_no_declaration_uses_are_data() {
        let parameters = Parameters::of(&[Source::new("a.wgsl", TEXT)]);
        assert_eq!(names(&parameters), ["depth", "tilt", "bare", "small"]);
        let set = [("7".to_string(), 0.25), ("bare".into(), 4.0), ("count".into(), 5.0)];
        let values: Vec<f32> = parameters.values(&set).into_iter().map(f32::from_bits).collect();
        assert_eq!(values, [6.5, 0.25, 4.0, 1.5e-3]);
        assert_eq!(parameters.compiled(&set), [("count".to_string(), 5.0)]);
    }

    /// What another text of the module needs as a constant stays one.
    #[test]
    fn another_text_counts_as_a_user() {
        let other = Source::new("b.wgsl", "override half = 0.5 * depth;\nconst K = 3.0;");
        let parameters = Parameters::of(&[Source::new("a.wgsl", TEXT), other]);
        assert_eq!(names(&parameters), ["tilt", "bare", "small"]);
    }

    /// Errors point at the user's own columns.
    #[test]
    fn bytes_keep_their_places() {
        let source = Source::new("a.wgsl", TEXT);
        let parameters = Parameters::of(std::slice::from_ref(&source));
        let on_device = parameters.on_device(std::slice::from_ref(&source));
        assert_eq!(on_device[0].text.len(), TEXT.len());
        let place = |text: &str| text.find("fn log_density");
        assert_eq!(place(&on_device[0].text), place(TEXT));
        assert!(!on_device[0].text.contains("override depth"));
        assert!(on_device[0].text.contains("// override not: f32;"));
        assert!(on_device[1].text.contains("var<private> tilt: f32;"));
    }

    #[test]
    fn words_are_data_in_texts_of_the_engine_alone() {
        let text = "override low: u32 = 4000000000u;";
        assert!(Parameters::of(&[Source::new("a.wgsl", text)]).values(&[]).is_empty());
        let parameters = Parameters::of(&[Source::own("adaptor", text)]);
        assert_eq!(parameters.values(&[]), [4_000_000_000, 0, 0, 0]);
    }
}
