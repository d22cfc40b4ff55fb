//! The parameters of a target from outside: the `override`s that its WGSL text declares.

use wgpu::naga::{Expression, Literal, ScalarKind, TypeInner};

use crate::error::{Error, Result};
use crate::shown::listed;
use crate::wgsl::Linked;

/// One `override` of a WGSL text.
pub(super) struct Override {
    pub(super) name: String,
    /// What names it as a pipeline constant: its number if it has one, else its name.
    key: String,
    /// `None` where the text gives no default, or computes it.
    pub(super) default: Option<f64>,
    has_default: bool,
    kind: ScalarKind,
}

impl Override {
    /// Its name with the value that it has, set or by default.
    pub(super) fn with_value(self, constants: &[(String, f64)]) -> Option<(String, f64)> {
        let set = constants.iter().find(|(key, _)| *key == self.key).map(|(_, value)| *value);
        let value = set.or(self.default)?;
        Some((self.name, value))
    }
}

/// The overrides of a target's text, in its order; `None` where the text does not parse.
pub(super) fn declared(linked: &Linked) -> Option<Vec<Override>> {
    let module = linked.module().ok()?;
    let declared = module.overrides.iter().filter_map(|(_, found)| {
        let name = found.name.clone()?;
        let TypeInner::Scalar(scalar) = module.types[found.ty].inner else { return None };
        let default = found.init.and_then(|init| match module.global_expressions[init] {
            Expression::Literal(literal) => value_of(literal),
            _ => None,
        });
        let key = found.id.map_or_else(|| name.clone(), |id| id.to_string());
        let has_default = found.init.is_some();
        Some(Override { name, key, default, has_default, kind: scalar.kind })
    });
    Some(declared.collect())
}

/// The key of the pipeline constant `name`, if the text declares it and it can hold `value`.
pub(super) fn check(target: &str, linked: &Linked, name: &str, value: f64) -> Result<String> {
    let field = format!("{target}.{name}");
    if !value.is_finite() {
        return Err(Error::config(field, format!("is {value}; expected a finite number")));
    }
    let Some(declared) = declared(linked) else { return Ok(name.to_string()) };
    let Some(found) = declared.iter().find(|found| found.name == name) else {
        return Err(Error::config(field, unknown(&declared)));
    };
    let (fits, expected) = match found.kind {
        ScalarKind::Sint => (whole_between(value, i32::MIN.into(), i32::MAX.into()), "an i32"),
        ScalarKind::Uint => (whole_between(value, 0.0, u32::MAX.into()), "a u32"),
        ScalarKind::Bool => (value == 0.0 || value == 1.0, "0 or 1 for a bool"),
        _ => ((value as f32).is_finite(), "an f32"),
    };
    if !fits {
        return Err(Error::config(field, format!("is {value}; expected {expected}")));
    }
    Ok(found.key.clone())
}

/// An override that has neither a default nor a value; `None` too where the text does not parse.
pub(super) fn unset(linked: &Linked, constants: &[(String, f64)]) -> Option<String> {
    let is_set = |found: &Override| constants.iter().any(|(key, _)| *key == found.key);
    let unset = declared(linked)?.into_iter().find(|found| !found.has_default && !is_set(found));
    unset.map(|found| found.name)
}

fn unknown(declared: &[Override]) -> String {
    if declared.is_empty() {
        return "is not a parameter; this target declares no `override`".to_string();
    }
    let known: Vec<_> = declared
        .iter()
        .map(|known| match known.default {
            Some(default) => format!("{} (default {default})", known.name),
            None => known.name.clone(),
        })
        .collect();
    format!("is not a parameter; known: {}", listed(&known))
}

fn whole_between(value: f64, least: f64, most: f64) -> bool {
    value.fract() == 0.0 && (least..=most).contains(&value)
}

fn value_of(literal: Literal) -> Option<f64> {
    match literal {
        // Through the shortest decimal: the text's 0.1 is 0.1, not 0.10000000149.
        Literal::F32(value) => value.to_string().parse().ok(),
        Literal::I32(value) => Some(value.into()),
        Literal::U32(value) => Some(value.into()),
        Literal::Bool(value) => Some(value.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Target;

    const TEXT: &str = "
        override depth: f32 = 0.1;
        override twice: f32 = 2.0 * depth;
        override shift: f32;
        @id(7) override count: u32 = 3;
        override flag: bool = true;
        override lag = -2i;
        fn log_density(x: Point) -> f32 { return -depth * x[0] * f32(count); }";

    #[test]
    fn parameters_have_their_values_set_or_by_default() {
        let set = target().set("count", 5.0).unwrap();
        let all = set.all_parameters();
        let of = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        assert_eq!((of("depth"), of("count"), of("flag")), (Some(0.1), Some(5.0), Some(1.0)));
        // One is computed, and one has none.
        assert_eq!((of("twice"), of("shift")), (None, None));
    }

    fn target() -> Target {
        Target::from_wgsl(2, "mine.wgsl", TEXT).unwrap()
    }

    #[test]
    fn known_overrides_are_set_by_name() {
        let set = target().set("depth", 2.5).unwrap().set("lag", -4.0).unwrap();
        let set = set.set("shift", 0.5).unwrap().set("flag", 0.0).unwrap();
        let expected = [("depth", 2.5), ("lag", -4.0), ("shift", 0.5), ("flag", 0.0)]
            .map(|(n, v)| (n.into(), v));
        assert_eq!(set.constants(), expected);
    }

    #[test]
    fn an_override_with_a_number_goes_by_it() {
        let set = target().set("count", 5.0).unwrap().set("count", 6.0).unwrap();
        assert_eq!(set.constants(), [("7".to_string(), 6.0)]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert_eq!(
            target().set("dept", 1.0).unwrap_err().to_string(),
            "mine.wgsl.dept is not a parameter; known: depth (default 0.1), twice, shift, \
             count (default 3), flag (default 1), lag (default -2)"
        );
        let bare = Target::from_wgsl(2, "bare.wgsl", "fn f() {}").unwrap();
        assert_eq!(
            bare.set("a", 1.0).unwrap_err().to_string(),
            "bare.wgsl.a is not a parameter; this target declares no `override`"
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error() {
        for (name, value, expected) in [
            ("depth", f64::INFINITY, "is inf; expected a finite number"),
            ("depth", 1e39, "expected an f32"),
            ("count", 1.5, "is 1.5; expected a u32"),
            ("count", -1.0, "is -1; expected a u32"),
            ("lag", 3e9, "expected an i32"),
            ("flag", 2.0, "is 2; expected 0 or 1 for a bool"),
        ] {
            let text = target().set(name, value).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn an_override_without_a_default_needs_a_value() {
        let error = target().check_parameters().unwrap_err().to_string();
        assert_eq!(
            error,
            "mine.wgsl.shift has no value; set it, on the command line with --param shift=…"
        );
        assert!(target().set("shift", 1.0).unwrap().check_formula().is_ok());
    }

    #[test]
    fn a_text_that_does_not_parse_keeps_the_value() {
        let broken = Target::from_wgsl(2, "broken.wgsl", "fn f( {").unwrap();
        assert_eq!(broken.set("a", 1.0).unwrap().constants(), [("a".to_string(), 1.0)]);
    }
}
