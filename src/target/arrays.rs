//! The data of a target from outside: the storage buffers that its WGSL text declares.

use wgpu::naga::{self, ArraySize, ScalarKind, TypeInner};

use crate::data::Data;
use crate::error::{Error, Result};
use crate::shown::listed;
use crate::wgsl::describe;

/// Where the text of a target says that its data are.
const GROUP: u32 = 1;

/// What may stand before a name: formulas call an array `data.y`, and their WGSL `data_y`.
const PREFIX: &str = "data_";

/// A storage buffer of a WGSL text.
pub(super) struct Array {
    /// As declared.
    pub(super) name: String,
    pub(super) binding: u32,
    /// What it holds, or the type where data by name cannot be put into it.
    elements: Result<Elements, String>,
}

#[derive(Clone, Copy)]
struct Elements {
    kind: ScalarKind,
    /// Components: 1 for numbers, 2 to 4 for vectors.
    width: usize,
    /// The number of elements, where the text fixes it.
    count: Option<usize>,
}

/// The arrays that a text declares, in its order.
pub(super) fn declared(module: &naga::Module) -> Vec<Array> {
    let variables = module.global_variables.iter().filter_map(|(_, variable)| {
        let binding = variable.binding.as_ref().filter(|binding| binding.group == GROUP)?;
        Some(Array {
            name: variable.name.clone().unwrap_or_default(),
            binding: binding.binding,
            elements: elements(module, variable),
        })
    });
    variables.collect()
}

fn elements(module: &naga::Module, variable: &naga::GlobalVariable) -> Result<Elements, String> {
    let read = naga::StorageAccess::LOAD;
    if variable.space != (naga::AddressSpace::Storage { access: read }) {
        return Err("not var<storage, read>".into());
    }
    let other = || describe(module, variable.ty);
    let TypeInner::Array { base, size, .. } = module.types[variable.ty].inner else {
        return Err(other());
    };
    let (scalar, width) = match module.types[base].inner {
        TypeInner::Scalar(scalar) => (scalar, 1),
        TypeInner::Vector { size, scalar } => (scalar, size as usize),
        _ => return Err(format!("an array of {}", describe(module, base))),
    };
    let number = matches!(scalar.kind, ScalarKind::Float | ScalarKind::Sint | ScalarKind::Uint);
    if !number || scalar.width != 4 {
        return Err(format!("an array of {}", describe(module, base)));
    }
    let count = match size {
        ArraySize::Constant(count) => Some(count.get() as usize),
        ArraySize::Dynamic => None,
        ArraySize::Pending(_) => return Err("an array whose length is an override".into()),
    };
    Ok(Elements { kind: scalar.kind, width, count })
}

/// The name that data go by: without the prefix of formulas.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// The array that takes the data `name`; `target` is for the error.
pub(super) fn find<'a>(target: &str, arrays: &'a [Array], name: &str) -> Result<&'a Array> {
    let prefixed = format!("{PREFIX}{name}");
    let exact = arrays.iter().find(|array| array.name == name);
    exact.or_else(|| arrays.iter().find(|array| array.name == prefixed)).ok_or_else(|| {
        let reason = if arrays.is_empty() {
            "is not an array of the target; it declares none, as for instance `@group(1) \
             @binding(0) var<storage, read> y: array<f32>;`"
                .to_string()
        } else {
            let known: Vec<_> = arrays.iter().map(|array| short(&array.name)).collect();
            format!("is not an array of the target; it declares {}", listed(&known))
        };
        Error::config(format!("{target}.{name}"), reason)
    })
}

/// The words of the buffer that holds `data`.
pub(super) fn pack(target: &str, array: &Array, data: &Data) -> Result<Vec<f32>> {
    let wrong = |reason: String| Error::config(format!("{target}.{}", array.name), reason);
    let Elements { kind, width, count } = array.elements.clone().map_err(|ty| {
        wrong(format!("is {ty}; declare it as `var<storage, read> {}: array<f32>`", array.name))
    })?;
    if width > 1 && data.columns() != width {
        return Err(wrong(format!(
            "is an array of vectors with {width} components, but the data have {} columns",
            data.columns()
        )));
    }
    let given = data.values().len() / width;
    if count.is_some_and(|count| count != given) {
        return Err(wrong(format!(
            "is declared with {} elements, but the data have {given}; declare array<f32> to take \
             any number",
            count.unwrap_or_default()
        )));
    }
    let word = |k: usize| -> Result<f32> {
        let value = data.values()[k];
        let (least, most, name) = match kind {
            ScalarKind::Sint => (-2_147_483_648.0, 2_147_483_520.0, "i32"),
            ScalarKind::Uint => (0.0, 4_294_967_040.0, "u32"),
            _ => return Ok(value),
        };
        if value.fract() != 0.0 || !(least..=most).contains(&value) {
            let row = k / data.columns();
            return Err(wrong(format!("is {value} in row {row}, counted from 0; expected {name}")));
        }
        // The buffer's words are bits.
        Ok(f32::from_bits(if kind == ScalarKind::Sint {
            value as i32 as u32
        } else {
            value as u32
        }))
    };
    let mut words = Vec::with_capacity(data.values().len());
    for k in 0..data.values().len() {
        words.push(word(k)?);
        // A vec3 takes the room of four numbers.
        if width == 3 && k % 3 == 2 {
            words.push(0.0);
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use crate::data::Data;
    use crate::{Error, Flow, Initial, Problem, Target};

    const TEXT: &str = "
        @group(1) @binding(1) var<storage, read> data_x: array<f32>;
        @group(1) @binding(0) var<storage, read> y: array<f32>;
        override data_x_columns: u32 = 1;
        override y_rows: i32;
        fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x) * y[0] * data_x[data_x_columns]; }
        fn score(x: Point) -> Point { return -x; }";

    fn target() -> Target {
        Target::from_wgsl(2, "mine.wgsl", TEXT).unwrap()
    }

    fn data(rows: usize, columns: usize) -> Data {
        Data::new(rows, columns, (0..rows * columns).map(|k| k as f32).collect()).unwrap()
    }

    fn problem(target: Target) -> Result<Problem, Error> {
        let start = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
        Problem::new(target, start, Flow::annealed())
    }

    #[test]
    fn data_go_to_the_binding_of_their_name_in_any_order() {
        let target = target().with_data("x", &data(3, 2)).unwrap();
        assert_eq!(target.storage(), [vec![], data(3, 2).values().to_vec()]);
        let target = target.with_data("y", &data(3, 1)).unwrap();
        assert_eq!(target.storage(), [data(3, 1).values(), data(3, 2).values()]);
        let expected = [("data_x_columns".to_string(), 2.0), ("y_rows".to_string(), 3.0)];
        assert_eq!(target.constants(), expected);
        assert_eq!(target.data_names().unwrap(), ["x", "y"]);
        problem(target.clone()).unwrap();
        // Given again, and by its full name: replaced.
        let target = target.with_data("data_x", &data(1, 3)).unwrap();
        assert_eq!(target.storage()[1], data(1, 3).values());
        assert_eq!(target.constants()[0].1, 3.0);
    }

    /// Sizes without a default are whole numbers on the host too: their loops are counted there.
    #[test]
    fn loops_over_data_are_counted() {
        let text = "
            @group(1) @binding(0) var<storage, read> y: array<f32>;
            override y_rows: u32;
            fn log_density(x: Point) -> f32 {
                var sum = 0.0;
                for (var n = 0u; n < y_rows; n++) { sum -= x.x * x.x + y[n] * x.y * x.y; }
                return sum;
            }";
        let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
        let count = |rows| {
            let target = target.clone().with_data("y", &data(rows, 1)).unwrap();
            problem(target).unwrap().evaluation_loops().most
        };
        let (few, many) = (count(100), count(300));
        assert!((200..=1000).contains(&(many - few)) && few >= 100, "{few} {many}");
    }

    #[test]
    fn buffers_without_a_name_fill_the_gaps() {
        let target = target().with_data("x", &data(3, 2)).unwrap();
        let target = target.with_storage(vec![5.0]).unwrap().with_storage(vec![6.0]).unwrap();
        assert_eq!(target.storage(), [vec![5.0], data(3, 2).values().to_vec(), vec![6.0]]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let text = |target: Result<Target, Error>| target.unwrap_err().to_string();
        assert_eq!(
            text(target().with_data("z", &data(1, 1))),
            "mine.wgsl.z is not an array of the target; it declares x, y"
        );
        let bare = Target::from_wgsl(2, "bare.wgsl", "fn f() {}").unwrap();
        assert_eq!(
            text(bare.with_data("z", &data(1, 1))),
            "bare.wgsl.z is not an array of the target; it declares none, as for instance \
             `@group(1) @binding(0) var<storage, read> y: array<f32>;`"
        );
        let mixture = Target::named("gaussian-mixture", None).unwrap();
        assert!(text(mixture.with_data("components", &data(1, 1))).contains("it declares none"));
        let broken = Target::from_wgsl(2, "broken.wgsl", "fn f( {").unwrap();
        let error = broken.with_data("y", &data(1, 1)).unwrap_err();
        assert_eq!(error.location().unwrap().to_string(), "broken.wgsl:1:7");

        let half = target().with_data("x", &data(3, 2)).unwrap();
        let error = problem(half).unwrap_err();
        assert_eq!(error.location().unwrap().to_string(), "mine.wgsl:3:31");
        assert!(
            error.to_string().contains("`y` has no data; add `with_data(\"y\", …)`"),
            "{error}"
        );
        let shifted = TEXT.replace("binding(1)", "binding(2)");
        let shifted = Target::from_wgsl(2, "mine.wgsl", shifted).unwrap();
        let shifted = shifted.with_data("x", &data(1, 2)).unwrap();
        let shifted = shifted.with_data("y", &data(1, 2)).unwrap();
        assert_eq!(
            problem(shifted).unwrap_err().to_string(),
            "no array has @binding(1) of @group(1), but one after it has; number them from 0"
        );
        let far =
            Target::from_wgsl(2, "far.wgsl", TEXT.replace("binding(1)", "binding(4294967295)"));
        assert_eq!(
            text(far.unwrap().with_data("x", &data(1, 1))),
            "far.wgsl.x has binding 4294967295; expected 0 to 1023"
        );
    }

    /// A target with one array of this type, given `data`.
    fn packed(ty: &str, data: &Data) -> Result<Vec<f32>, String> {
        let text =
            format!("@group(1) @binding(0) var<storage, read> y: {ty};\nstruct Pair {{ a: f32 }}");
        let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
        match target.with_data("y", data) {
            Ok(target) => Ok(target.storage()[0].clone()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn data_are_laid_out_as_the_type_asks() {
        assert_eq!(packed("array<f32, 4>", &data(2, 2)).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(packed("array<vec2<f32>>", &data(2, 2)).unwrap(), [0.0, 1.0, 2.0, 3.0]);
        let padded = [0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 5.0, 0.0];
        assert_eq!(packed("array<vec3<f32>>", &data(2, 3)).unwrap(), padded);
        let bits = |data: Vec<f32>| data.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(packed("array<u32>", &data(3, 1)).unwrap()), [0, 1, 2]);
        let signed = Data::new(2, 1, vec![-1.0, 7.0]).unwrap();
        assert_eq!(bits(packed("array<i32>", &signed).unwrap()), [u32::MAX, 7]);
    }

    #[test]
    fn data_that_do_not_fit_the_type_are_refused() {
        let half = Data::new(2, 2, vec![1.0, 2.0, 0.5, 3.0]).unwrap();
        let minus = Data::new(1, 1, vec![-1.0]).unwrap();
        let way_out = "declare it as `var<storage, read> y: array<f32>`";
        for (ty, data, expected) in [
            (
                "array<vec3<f32>>",
                &half,
                "is an array of vectors with 3 components, but the data have 2 columns".to_string(),
            ),
            (
                "array<f32, 3>",
                &half,
                "is declared with 3 elements, but the data have 4; declare array<f32> to take any \
                 number"
                    .into(),
            ),
            ("array<u32>", &half, "is 0.5 in row 1, counted from 0; expected u32".into()),
            ("array<u32>", &minus, "is -1 in row 0, counted from 0; expected u32".into()),
            ("array<Pair>", &half, format!("is an array of Pair; {way_out}")),
            ("f32", &half, format!("is f32; {way_out}")),
        ] {
            assert_eq!(packed(ty, data).unwrap_err(), format!("mine.wgsl.y {expected}"));
        }
    }
}
