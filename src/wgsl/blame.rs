//! Which of the user's names is to blame where a text of the engine's own does not compile, because
//! users are shown no line that they have not written.

use std::ops::Range;

use super::prefix::globals;
use super::tokens::{Kind, tokens};

/// What WGSL declares itself and a text may declare anew: texts linked with it would mean that.
const BUILT_IN: &str = "bool f16 f32 i32 u32 array atomic mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 \
    mat4x2 mat4x3 mat4x4 ptr vec2 vec3 vec4 vec2f vec3f vec4f vec2i vec3i vec4i vec2u vec3u vec4u \
    vec2h vec3h vec4h mat2x2f mat2x3f mat2x4f mat3x2f mat3x3f mat3x4f mat4x2f mat4x3f mat4x4f \
    bitcast all any select arrayLength abs acos acosh asin asinh atan atanh atan2 ceil clamp cos cosh \
    countLeadingZeros countOneBits countTrailingZeros cross degrees determinant distance dot \
    dot4U8Packed dot4I8Packed exp exp2 extractBits faceForward firstLeadingBit firstTrailingBit floor \
    fma fract frexp insertBits inverseSqrt ldexp length log log2 max min mix modf normalize pow \
    quantizeToF16 radians reflect refract reverseBits round saturate sign sin sinh smoothstep sqrt \
    step tan tanh transpose trunc atomicLoad atomicStore atomicAdd atomicSub atomicMax atomicMin \
    atomicAnd atomicOr atomicXor atomicExchange atomicCompareExchangeWeak pack2x16float \
    unpack2x16float storageBarrier workgroupBarrier workgroupUniformLoad subgroupAdd subgroupAll \
    subgroupAny subgroupBallot subgroupBroadcast subgroupBroadcastFirst subgroupElect \
    subgroupExclusiveAdd subgroupInclusiveAdd subgroupMax subgroupMin subgroupShuffle";

/// The first name of WGSL's own that the text declares at module scope, and its place.
pub(super) fn hides(text: &str) -> Option<Range<usize>> {
    let is_built_in = |name: &&Range<usize>| {
        let name = &text[(*name).clone()];
        BUILT_IN.split_whitespace().any(|known| known == name)
    };
    declared(text).iter().find(is_built_in).cloned()
}

/// The first name that one text declares at module scope and that stands in `line`, a line of another.
pub(super) fn named_in(text: &str, line: &str) -> Option<Range<usize>> {
    let words = tokens(line);
    let stands = |name: &&Range<usize>| {
        let name = &text[(*name).clone()];
        words.iter().any(|word| word.kind == Kind::Word && &line[word.at.clone()] == name)
    };
    declared(text).iter().find(stands).cloned()
}

/// The last letter of a text that goes on where it ends: with a bracket that is not closed, or in a
/// declaration without its `;` or `}`.
pub(super) fn is_open(text: &str) -> Option<Range<usize>> {
    let tokens = tokens(text);
    let last = tokens.last()?;
    let depth: i64 = tokens
        .iter()
        .map(|token| match &text[token.at.clone()] {
            "{" | "(" => 1,
            "}" | ")" => -1,
            _ => 0,
        })
        .sum();
    let is_whole = depth == 0 && matches!(&text[last.at.clone()], "}" | ";");
    (!is_whole).then(|| last.at.clone())
}

fn declared(text: &str) -> Vec<Range<usize>> {
    let tokens = tokens(text);
    globals(text, &tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_wgsl_are_found_at_module_scope_alone() {
        let hidden = |text: &str| hides(text).map(|at| text[at].to_string());
        assert_eq!(
            hidden("const a = 1;\nfn select(x: f32) -> f32 { return x; }"),
            Some("select".into())
        );
        assert_eq!(hidden("var<private> clamp: f32;"), Some("clamp".into()));
        assert_eq!(hidden("alias u32 = f32;"), Some("u32".into()));
        assert_eq!(hidden("fn f() { let step = 0.1; var max = 1.0; } // fn exp()"), None);
        assert_eq!(hidden("struct S { length: f32 }\nconst steps = 1;"), None);
    }

    #[test]
    fn texts_that_go_on_are_open() {
        let open = |text: &str| is_open(text).map(|at| text[at].to_string());
        assert_eq!(open("fn f() { } // {"), None);
        assert_eq!(open("const a = 1;\n"), None);
        assert_eq!(open("fn f() { if a { }"), Some("}".into()));
        assert_eq!(open("const a = f(1"), Some("1".into()));
        assert_eq!(open("fn f()"), Some(")".into()));
        assert_eq!(open(" // nothing"), None);
    }

    #[test]
    fn a_name_of_the_user_is_found_in_a_line_of_another_text() {
        let text = "fn mine() {}\nfn other() {}";
        let found = named_in(text, "let x = other(1.0);").map(|at| text[at].to_string());
        assert_eq!(found, Some("other".into()));
        assert_eq!(named_in(text, "let x = others(1.0);"), None);
    }
}
