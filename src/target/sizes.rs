//! The sizes of data, `y_rows` and `y_columns`: known once the data are, and worth knowing before a text is
//! differentiated. The way back through a loop takes an array that is as long as the loop.

use wgpu::naga::{self, Constant, Expression, Literal, Module, Span, TypeInner};

use super::{Target, arrays};

impl Target {
    /// The module with the sizes of its data as constants.
    pub(crate) fn with_sizes(&self, mut module: Module) -> Module {
        let arrays = arrays::declared(&module);
        let is_size = |name: &str| {
            let of = name.strip_suffix("_rows").or_else(|| name.strip_suffix("_columns"));
            of.is_some_and(|of| arrays.iter().any(|array| array.name == of))
        };
        let sizes = module.overrides.iter().filter_map(|(handle, found)| {
            let name = found.name.clone().filter(|name| is_size(name))?;
            let key = found.id.map_or_else(|| name.clone(), |id| id.to_string());
            let (_, value) = self.constants().iter().find(|(known, _)| *known == key)?;
            let literal = match module.types[found.ty].inner {
                TypeInner::Scalar(naga::Scalar::U32) => Literal::U32(*value as u32),
                TypeInner::Scalar(naga::Scalar::I32) => Literal::I32(*value as i32),
                _ => return None,
            };
            Some((handle, name, found.ty, literal))
        });
        for (size, name, ty, literal) in sizes.collect::<Vec<_>>() {
            let literal = Expression::Literal(literal);
            let init = module.global_expressions.append(literal, Span::UNDEFINED);
            let known = Constant { name: Some(name), ty, init };
            let known = module.constants.append(known, Span::UNDEFINED);
            let functions = module.functions.iter_mut().map(|(_, function)| function);
            let inside = functions.flat_map(|function| function.expressions.iter_mut());
            for (_, expression) in inside.chain(module.global_expressions.iter_mut()) {
                if matches!(expression, Expression::Override(found) if *found == size) {
                    *expression = Expression::Constant(known);
                }
            }
        }
        module
    }
}

#[cfg(test)]
mod tests {
    use crate::autodiff::Mode;
    use crate::{Data, Score, Target};

    /// A recurrence over the data keeps all its states for the way back.
    const TEXT: &str = "
        override y_rows: u32;
        @group(1) @binding(0) var<storage, read> y: array<f32>;
        fn log_density(x: ptr<function, Point>) -> f32 {
            var level = 0.0;
            var sum = 0.0;
            for (var t = 0u; t < y_rows; t++) {
                level = 0.9 * level + (*x)[t] * (*x)[t % 3u];
                sum -= (y[t] - level) * (y[t] - level);
            }
            return sum;
        }";

    #[test]
    fn a_loop_over_data_is_differentiated_backwards() {
        let data = Data::new(40, 1, vec![0.5; 40]).unwrap();
        let target = Target::from_wgsl(40, "mine.wgsl", TEXT).unwrap();
        let target = target.with_data("y", &data).unwrap();
        let adaptor = crate::adaptor::Adaptor::of(&target).unwrap();
        let Score::Derived { mode, evaluations } = adaptor.score else { panic!() };
        assert!(mode == Mode::Reverse && evaluations < 8.0, "{mode:?}: {evaluations}");
    }
}
