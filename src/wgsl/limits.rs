//! How large a text may be before the WGSL front end reads it, and what a checked module may ask of
//! a driver: recursion, time and memory of both grow with what is limited here.

use std::collections::HashMap;
use std::ops::Range;

use wgpu::naga::{self, AddressSpace, Expression, Handle};

use super::lengths::Lengths;
use super::tokens::{Token, is_template, tokens};

/// The most words and signs of one text.
const MOST_WORDS: usize = 1 << 17;
/// The most names that one text declares at module scope; each may need the one before it.
const MOST_NAMES: usize = 1000;
/// The deepest that blocks nest, an `else if` counted as a block in the one before it.
const MOST_NESTED: usize = 100;
/// The body of a loop counts as so many blocks: derivatives of loops in loops take longest.
const LOOP: usize = 5;
/// The most signs that one expression and those around it apply one after the other.
const MOST_SIGNS: usize = 1000;
/// The most bytes of a function's variables, and of the module's own.
const MOST_BYTES: u64 = 1 << 24;
/// The most operations of a function once every call is replaced by what it calls.
const MOST_OPERATIONS: u64 = 1_000_000;

/// A limit that is passed, and where.
pub(super) type Passed = (Range<usize>, String);

/// What has been opened by a bracket.
#[derive(Default)]
struct Level {
    opening: String,
    signs: usize,
    /// How many blocks it counts as.
    weight: usize,
    /// How many `else if` have followed each other.
    elses: usize,
}

/// Checks the lengths of the arrays of a whole text.
pub(super) fn check_lengths(text: &str) -> Result<(), Passed> {
    let tokens = tokens(text);
    Lengths::of(text, &tokens).check()
}

/// Checks the text of one source.
pub(super) fn check_text(text: &str) -> Result<(), Passed> {
    let tokens = tokens(text);
    if let Some(token) = tokens.get(MOST_WORDS) {
        let message = format!(
            "the text has more than {MOST_WORDS} words and signs; put numbers into a data array"
        );
        return Err((token.at.clone(), message));
    }
    check_nesting(text, &tokens)
}

/// Checks that nothing nests so deep that a parser by recursive descent runs out of stack.
fn check_nesting(text: &str, tokens: &[Token]) -> Result<(), Passed> {
    let word = |i: usize| tokens.get(i).map_or("", |token| &text[token.at.clone()]);
    let mut levels = vec![Level::default()];
    // Sums over the levels.
    let (mut signs, mut blocks, mut names) = (0, 0, 0);
    // Of the next block.
    let mut next = 1;
    for (i, token) in tokens.iter().enumerate() {
        let passed = |message: String| Err((token.at.clone(), message));
        let innermost = levels.len() - 1;
        let here = &mut levels[innermost];
        match word(i) {
            ";" => signs -= std::mem::take(&mut here.signs),
            // In a list of arguments each begins anew.
            "," if !here.opening.is_empty() => signs -= std::mem::take(&mut here.signs),
            opening @ ("(" | "[" | "{") => {
                (here.signs, signs) = (here.signs + 1, signs + 1);
                let weight = if opening == "{" { std::mem::replace(&mut next, 1) } else { 0 };
                blocks += weight;
                levels.push(Level { opening: opening.into(), weight, ..Level::default() });
            }
            "<" if i > 0 && is_template(word(i - 1)) => {
                levels.push(Level { opening: "<".into(), ..Level::default() });
            }
            ">" if here.opening == "<" => signs -= pop(&mut levels).signs,
            closing @ (")" | "]" | "}") => {
                // A template that was none ends with what is around it.
                while levels.last().is_some_and(|level| level.opening == "<") {
                    signs -= pop(&mut levels).signs;
                }
                let closed = pop(&mut levels);
                signs -= closed.signs;
                blocks -= closed.weight + closed.elses;
                let around = levels.last_mut();
                if closing == "}"
                    && word(i + 1) != "else"
                    && let Some(around) = around
                {
                    signs -= std::mem::take(&mut around.signs);
                    blocks -= std::mem::take(&mut around.elses);
                }
            }
            "for" | "while" | "loop" => next = LOOP,
            "else" if word(i + 1) == "if" => (here.elses, blocks) = (here.elses + 1, blocks + 1),
            "fn" | "struct" | "alias" | "const" | "override" | "var" if innermost == 0 => {
                names += 1;
            }
            word if word.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {}
            _ => (here.signs, signs) = (here.signs + 1, signs + 1),
        }
        if blocks > MOST_NESTED {
            return passed(format!(
                "blocks nest more than {MOST_NESTED} levels deep here, every `else if` counted as \
                 one and every loop as {LOOP}; write a part as a function of its own"
            ));
        }
        if signs > MOST_SIGNS {
            return passed(format!(
                "this expression joins more than {MOST_SIGNS} operations; give a part of it a name \
                 by `let`, or loop over a data array"
            ));
        }
        if names > MOST_NAMES {
            return passed(format!(
                "the text declares more than {MOST_NAMES} names; put numbers into a data array"
            ));
        }
    }
    Ok(())
}

/// The innermost level; the text itself stays.
fn pop(levels: &mut Vec<Level>) -> Level {
    if levels.len() > 1 { levels.pop().unwrap_or_default() } else { Level::default() }
}

/// Checks what functions of a module need of memory and time when a driver has written out their
/// calls.
pub(super) fn check_module(module: &naga::Module) -> Result<(), (Option<Range<usize>>, String)> {
    let bytes = |ty: Handle<naga::Type>| u64::from(module.types[ty].inner.size(module.to_ctx()));
    let own = module.global_variables.iter().filter(|(_, variable)| {
        matches!(variable.space, AddressSpace::Private | AddressSpace::WorkGroup)
    });
    let mut sum = 0;
    for (handle, variable) in own {
        sum += bytes(variable.ty);
        if sum > MOST_BYTES {
            let name = variable.name.as_deref().unwrap_or_default();
            let message = format!(
                "with `{name}` the variables of the module have {sum} bytes, and may have \
                 {MOST_BYTES} for each particle; use a data array"
            );
            return Err((module.global_variables.get_span(handle).to_range(), message));
        }
    }
    let mut known: HashMap<Handle<naga::Function>, u64> = HashMap::new();
    for (handle, function) in module.functions.iter() {
        let name = function.name.as_deref().unwrap_or_default();
        let span = || module.functions.get_span(handle).to_range();
        let locals = function.local_variables.iter().map(|(_, local)| bytes(local.ty));
        let values = function.expressions.iter().map(|(_, expression)| match expression {
            Expression::ZeroValue(ty) | Expression::Compose { ty, .. } => bytes(*ty),
            Expression::Constant(constant) => bytes(module.constants[*constant].ty),
            _ => 0,
        });
        let sum: u64 = locals.chain(values.filter(|bytes| *bytes > 1 << 16)).sum();
        if sum > MOST_BYTES {
            let message = format!(
                "`{name}` has {sum} bytes of variables, and may have {MOST_BYTES} for each \
                 particle; use a data array"
            );
            return Err((span(), message));
        }
        // What a function calls comes before it.
        let mut operations = function.expressions.len() as u64;
        each_call(&function.body, &mut |called| {
            operations = operations.saturating_add(known.get(&called).copied().unwrap_or(0));
        });
        if operations > MOST_OPERATIONS {
            let message = format!(
                "`{name}` is more than {MOST_OPERATIONS} operations once its calls are written \
                 out, as drivers do; call less, in a loop"
            );
            return Err((span(), message));
        }
        known.insert(handle, operations);
    }
    Ok(())
}

fn each_call(block: &naga::Block, met: &mut impl FnMut(Handle<naga::Function>)) {
    use naga::Statement;
    for statement in block.iter() {
        match statement {
            Statement::Call { function, .. } => met(*function),
            Statement::Block(inner) => each_call(inner, met),
            Statement::If { accept, reject, .. } => {
                each_call(accept, met);
                each_call(reject, met);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| each_call(&case.body, met));
            }
            Statement::Loop { body, continuing, .. } => {
                each_call(body, met);
                each_call(continuing, met);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        check_text(text).err().map_or_else(String::new, |(_, message)| message)
    }

    fn body(text: &str) -> String {
        format!("fn f(x: f32) -> f32 {{ {text} }}")
    }

    #[test]
    fn what_nests_or_chains_too_long_is_refused() {
        let signs = "joins more than 1000 operations";
        let blocks = "blocks nest more than 100 levels deep";
        for (text, expected) in [
            (body(&format!("return x{};", "+x".repeat(1100))), signs),
            (body(&format!("return {}x;", "- ".repeat(1100))), signs),
            (body(&format!("return x{};", "[0]".repeat(1100))), signs),
            (body(&format!("return x{};", ".x".repeat(1100))), signs),
            // Terms with a template in each do not begin anew.
            (body(&format!("return x{};", "+array<f32, 1>(x)[0]".repeat(1100))), signs),
            (body(&format!("return {}x{};", "f(x+x, x+".repeat(600), ")".repeat(600))), signs),
            ("@a(1)".repeat(1100), signs),
            (body(&format!("{}{}", "{".repeat(110), "}".repeat(110))), blocks),
            (body(&format!("{}{}", "loop {".repeat(25), "}".repeat(25))), blocks),
            (body(&format!("if x > 0.0 {{}}{}", " else if x > 1.0 {}".repeat(110))), blocks),
            ("const a = 1;".repeat(1001), "declares more than 1000 names"),
            ("1 ".repeat(MOST_WORDS + 1), "has more than 131072 words and signs"),
        ] {
            assert!(refusal(&text).contains(expected), "{}: {text:.60}", refusal(&text));
        }
    }

    #[test]
    fn long_texts_of_short_parts_are_taken() {
        for text in [
            body(&"var a = -x + x * (x - 1.0);".repeat(2000)),
            body(&format!("let a = array<f32, 5000>({});", "-1.0, ".repeat(5000))),
            body(&"if x > 0.0 { let a = 1; } else if x < 1.0 { let a = -1; } else { }".repeat(500)),
            body(&format!("switch i32(x) {{ {} }}", "case 1, 2: { let a = -1; }".repeat(500))),
            format!("struct S {{ {} }}", "a: array<vec2<f32>, 3>, ".repeat(2000)),
            "fn f() { // a line\r}\n".repeat(900),
        ] {
            assert_eq!(refusal(&text), "", "{text:.60}");
        }
    }

    #[test]
    fn a_comment_ends_where_its_line_does() {
        for end in ['\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}'] {
            let text = body(&format!("// {end} return x{};", "+x".repeat(1100)));
            assert!(!refusal(&text).is_empty(), "{end:?}");
        }
    }

    fn module_refusal(text: &str) -> String {
        let module = naga::front::wgsl::parse_str(text).unwrap();
        check_module(&module).err().map_or_else(String::new, |(_, message)| message)
    }

    #[test]
    fn calls_that_double_are_counted() {
        let mut text = "fn g0(x: f32) -> f32 { return x; }\n".to_string();
        for i in 1..40 {
            let inner = i - 1;
            text +=
                &format!("fn g{i}(x: f32) -> f32 {{ return g{inner}(x) + g{inner}(0.5 * x); }}\n");
        }
        let found = module_refusal(&text);
        assert!(found.contains("is more than 1000000 operations once its calls"), "{found}");
        let few = text.lines().take(15).collect::<String>();
        assert_eq!(module_refusal(&few), "");
    }

    #[test]
    fn variables_have_a_size_that_drivers_give() {
        let array = "array<array<f32, 4096>, 4096>";
        for text in [
            format!("fn f(i: u32) -> f32 {{ var a: {array}; return a[i][0]; }}"),
            format!("fn f(i: u32) -> f32 {{ let a = {array}(); return a[i][0]; }}"),
            format!("const A = {array}(); fn f(i: u32) -> f32 {{ return A[i][0]; }}"),
            format!("var<private> a: {array}; fn f(i: u32) -> f32 {{ return a[i][0]; }}"),
            format!("var<workgroup> a: {array}; fn f(i: u32) -> f32 {{ return a[i][0]; }}"),
        ] {
            let found = module_refusal(&text);
            assert!(found.contains("and may have 16777216 for each particle"), "{found}");
        }
        let few = "fn f(i: u32) -> f32 { var a: array<f32, 4096>; return a[i]; }";
        assert_eq!(module_refusal(few), "");
    }
}
