//! What the text does that is slow or undefined.

use std::collections::BTreeSet;

use wgpu::naga::front::Typifier;
use wgpu::naga::proc::ResolveContext;
use wgpu::naga::{ArraySize, Expression, Function, TypeInner};

use super::finding::{Finding, Topic};
use super::sample::Sample;
use super::text::Text;
use super::words::{number, of};

/// Arrays up to this length cost little to copy.
const SHORT: u32 = 4;

/// Arrays held by value and indexed by a variable: compilers copy all of one at each access.
pub(super) fn arrays(text: &Text<'_>, findings: &mut Vec<Finding>) {
    for (_, function) in text.module.functions.iter() {
        let name = function.name.as_deref().unwrap_or_default();
        if text.definition(name).is_some() {
            arrays_of(text, name, function, findings);
        }
    }
}

fn arrays_of(text: &Text<'_>, name: &str, function: &Function, findings: &mut Vec<Finding>) {
    let module = &text.module;
    let context =
        ResolveContext::with_locals(module, &function.local_variables, &function.arguments);
    let mut types = Typifier::new();
    let mut known = BTreeSet::new();
    for (handle, expression) in function.expressions.iter() {
        if types.grow(handle, &function.expressions, &context).is_err() {
            return;
        }
        let Expression::Access { base, index } = expression else { continue };
        if matches!(function.expressions[*index], Expression::Literal(_)) {
            continue;
        }
        let TypeInner::Array { size: ArraySize::Constant(length), .. } =
            types.get(*base, &module.types)
        else {
            continue;
        };
        if length.get() <= SHORT || !known.insert(*base) {
            continue;
        }
        let held = format!("an array of {length} held by value");
        let (what, way_out) = match &function.expressions[*base] {
            Expression::FunctionArgument(i) => {
                let argument = function.arguments.get(*i as usize);
                let argument = argument.and_then(|a| a.name.clone()).unwrap_or_default();
                let ty = if argument_is_point(text, function, *i) { "Point" } else { "…" };
                (
                    format!("its parameter `{argument}`, {held}"),
                    format!("take `{argument}: ptr<function, {ty}>`"),
                )
            }
            Expression::Constant(_) | Expression::Compose { .. } | Expression::Literal(_) => {
                (format!("a constant, {held}"), "copy it to a `var` first".into())
            }
            _ => (held, "keep it in a `var`".into()),
        };
        let message = format!(
            "`{name}` indexes {what}, by a variable, which may copy all of it at every access; \
             {way_out}"
        );
        let span = function.expressions.get_span(handle).to_range();
        findings.push(Finding::warning(Topic::Text, message).at(text, span));
    }
}

fn argument_is_point(text: &Text<'_>, function: &Function, index: u32) -> bool {
    function
        .arguments
        .get(index as usize)
        .is_some_and(|argument| crate::wgsl::describe(&text.module, argument.ty) == "Point")
}

/// Powers of what is below zero somewhere.
pub(super) fn powers(text: &Text<'_>, samples: &[Sample], findings: &mut Vec<Finding>) {
    let negative = |sample: &&Sample| sample.first(|found| found.negative_base.clone()).is_some();
    let count = samples.iter().filter(negative).count();
    let Some(sample) = samples.iter().find(negative) else { return };
    let Some((span, base)) = sample.first(|found| found.negative_base.clone()) else { return };
    let message = format!(
        "`pow` has a base below zero at {}, for instance {} at {}, which WGSL leaves undefined; \
         write whole powers as products, x * x for pow(x, 2.0)",
        of(count, samples.len()),
        number(base),
        text.point(&sample.x)
    );
    findings.push(Finding::warning(Topic::Text, message).at(text, span));
}
