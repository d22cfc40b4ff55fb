//! The functions around a derivative: which modes are tried, and what the user calls.

use std::rc::Rc;

use wgpu::naga;

use super::activity::{Activities, Activity};
use super::build::Builder;
use super::forward::{Forward, Seeds};
use super::ir::{
    self, Argument, F32, FunctionId, Op, Place, Program, Scalar, Statement, Step, Type, Value,
};
use super::reverse::Reverse;
use super::{Anchored, Derived, Mode, Refusal, cost, long_sum, lower, print, strip, unroll, widen};

/// The most directions of one forward sweep over all coordinates.
const MOST_DIRECTIONS: u32 = 16;

/// A function to differentiate.
pub(super) struct Problem {
    program: Program,
    activities: Activities,
    reverse: Reverse,
    id: FunctionId,
    /// Of the position.
    ty: Type,
    names: Vec<(String, ir::Span)>,
}

/// The parameters of a function that is written around the original.
struct Outer {
    b: Builder,
    x: Place,
    others: Vec<Argument>,
}

impl Problem {
    pub(super) fn new(module: &naga::Module, function: &str) -> Result<Problem, Refusal> {
        let (mut program, id) = lower::lower(module, function)?;
        unroll::unroll(&mut program);
        let original = &program[id];
        let span = || {
            let found = crate::wgsl::function(module, function);
            found.and_then(|(handle, _)| module.functions.get_span(handle).to_range())
        };
        let shape = "a function to differentiate takes an f32, a vector or an array of f32 first \
                     and returns an f32";
        let is_position = |ty: &Type| match ty {
            Type::Scalar(Scalar::F32) | Type::Vector(_, Scalar::F32) => true,
            Type::Array(element, Some(_), _) => element.is_float(),
            _ => false,
        };
        let first = original.parameters.first().filter(|first| is_position(&first.ty));
        let (Some(first), Some(F32)) = (first, &original.result) else {
            return Err(Refusal::new(format!("`{function}` has another shape: {shape}"), span()));
        };
        let ty = first.ty.clone();
        for parameter in 0..original.parameters.len() {
            if program.writes(id, parameter as u32) {
                let name = &original.parameters[parameter].name;
                let message = format!(
                    "`{function}` writes to its parameter `{name}`; copy it to a variable first"
                );
                return Err(Refusal::new(message, span()));
            }
        }
        let names = names(module);
        hidden(&names)?;
        let (activities, reverse) = (Activities::default(), Reverse::new(&program, id));
        Ok(Problem { program, activities, reverse, id, ty, names })
    }

    fn dim(&self) -> u32 {
        if self.ty.is_float() { 1 } else { self.ty.parts() }
    }

    /// Of a function's parameters the first one, the position.
    fn mask(&self, id: FunctionId) -> Vec<bool> {
        let count = self.program[id].parameters.len();
        (0..count).map(|i| i == 0).collect()
    }

    /// A function along one direction of its position, and what is active in it.
    fn forward_of(&mut self, id: FunctionId) -> Result<(FunctionId, Rc<Activity>), Refusal> {
        let mask = self.mask(id);
        let mut forward = Forward::new(&mut self.program, &mut self.activities, None);
        let derived = forward.derive(id, &mask, Seeds::Given(1))?;
        let known = self.activities.of(&self.program, id, &mask)?;
        Ok((derived, known))
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.program[self.id].name)
    }

    fn outer(&self, suffix: &str, comment: &str) -> Outer {
        let original = &self.program[self.id];
        let mut b = Builder::new(self.name(suffix), comment.replace("{f}", &original.name));
        let x = b.parameter("x", self.ty.clone(), true);
        let x = b.pointee(x);
        let mut others = Vec::new();
        for (i, parameter) in original.parameters.iter().enumerate().skip(1) {
            // Names of their own, whatever the originals are called.
            let (ty, is_pointer) = (parameter.ty.clone(), parameter.is_pointer);
            let index = b.parameter(&format!("other{i}"), ty.clone(), is_pointer);
            others.push(if is_pointer {
                Argument::Pointer(b.pointee(index))
            } else {
                Argument::Value(b.value(Op::Parameter(index), ty))
            });
        }
        b.function.result = Some(F32);
        Outer { b, x, others }
    }

    /// The position and the other arguments, as the original takes them.
    fn arguments(&self, outer: &mut Outer, position: &[Place]) -> Vec<Argument> {
        let is_pointer = self.program[self.id].parameters[0].is_pointer;
        let mut arguments = Vec::new();
        for place in position {
            arguments.push(if is_pointer {
                Argument::Pointer(place.clone())
            } else {
                Argument::Value(outer.b.load(place.clone()))
            });
        }
        arguments.extend(outer.others.iter().cloned());
        arguments
    }

    fn finish(self, id: FunctionId, mode: Mode) -> Result<Derived, Refusal> {
        let program = &self.program;
        let evaluations = cost::cost(program, id) / cost::cost(program, self.id).max(1.0);
        for generated in program.functions.iter().filter(|f| !f.is_users) {
            let parameters = generated.parameters.iter().map(|p| format!("{}_", p.name));
            let own: Vec<String> = parameters.chain([generated.name.clone()]).collect();
            let is_local = |name: &String| {
                let number = name.strip_prefix(['v', 'w']).and_then(|name| name.strip_suffix('_'));
                number.is_some_and(|number| number.parse::<u32>().is_ok())
            };
            let is_own = |name: &String| is_local(name) || own.contains(name);
            if let Some((name, span)) = self.names.iter().find(|(name, _)| is_own(name)) {
                let message = format!("`{name}` is a name of the derivative; choose another name");
                return Err(Refusal::new(message, span.clone()));
            }
        }
        let function = program[id].name.clone();
        Ok(Derived { wgsl: print::print(program, id), function, mode, evaluations })
    }

    pub(super) fn gradient(mut self, wanted: Option<Mode>) -> Result<Derived, Refusal> {
        let (id, mode) = self.gradient_function(wanted)?;
        self.finish(id, mode)
    }

    /// The gradient, and the value without what does not move.
    pub(super) fn anchored(
        mut self,
        mode: Mode,
        sums: bool,
        factor: u32,
    ) -> Result<Option<Anchored>, Refusal> {
        let is_stripped = strip::strip(&mut self.program, self.id);
        if !is_stripped && !sums && factor < 2 {
            return Ok(None);
        }
        let (id, mode) = self.gradient_function(Some(mode))?;
        let sums = match sums {
            true => long_sum::lengthen(&mut self.program, id),
            false => Vec::new(),
        };
        let probes = long_sum::probes(&mut self.program, &sums);
        widen::widen(&mut self.program, factor);
        let texts: Vec<_> = probes.iter().map(|id| print::alone(&self.program, *id)).collect();
        let probes = probes.iter().map(|id| self.program[*id].name.clone()).collect();
        if !is_stripped && sums.is_empty() && factor < 2 {
            return Ok(None);
        }
        let derived = self.finish(id, mode)?;
        Ok(Some(Anchored { derived, probes, probe_text: texts.join("\n") }))
    }

    /// The gradient in the cheapest of the modes allowed.
    fn gradient_function(&mut self, wanted: Option<Mode>) -> Result<(FunctionId, Mode), Refusal> {
        let fits_one_sweep = self.dim() <= MOST_DIRECTIONS;
        let modes = match wanted {
            Some(mode) => vec![mode],
            None if fits_one_sweep => vec![Mode::Reverse, Mode::Forward],
            None => vec![Mode::Reverse, Mode::Sweeps],
        };
        let mut best: Option<(FunctionId, Mode, f64)> = None;
        let mut refusal = Refusal::new("no mode takes this function", None);
        for mode in modes {
            let function = match mode {
                Mode::Reverse => self.by_reverse(),
                Mode::Forward => self.by_forward(),
                Mode::Sweeps => self.by_sweeps(),
            };
            match function {
                Ok(id) => {
                    let cost = cost::cost(&self.program, id);
                    if best.is_none_or(|(_, _, least)| cost < least) {
                        best = Some((id, mode, cost));
                    }
                }
                // What reverse mode alone refuses, forward mode takes: its word is the last.
                Err(error) => refusal = error,
            }
        }
        best.map(|(id, mode, _)| (id, mode)).ok_or(refusal)
    }

    fn by_reverse(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask(self.id);
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let adjoint = match known.result {
            true => self.reverse.derive(&mut self.program, &mut self.activities, self.id, &mask)?,
            // Nothing depends on the position.
            false => self.id,
        };
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        outer.b.set_zero(gradient.clone());
        let x = outer.x.clone();
        let mut arguments = self.arguments(&mut outer, &[x]);
        if known.result {
            arguments.push(Argument::Value(outer.b.float(1.0)));
            arguments.push(Argument::Pointer(gradient));
        }
        Ok(self.returning(outer.b, adjoint, arguments))
    }

    fn by_forward(&mut self) -> Result<FunctionId, Refusal> {
        let mask = self.mask(self.id);
        let dim = self.dim();
        let known = self.activities.of(&self.program, self.id, &mask)?;
        let mut forward =
            Forward::new(&mut self.program, &mut self.activities, Some(&mut self.reverse));
        let sweep = forward.derive(self.id, &mask, Seeds::Coordinates(dim))?;
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        let x = outer.x.clone();
        let mut arguments = self.arguments(&mut outer, &[x]);
        let count = if known.result { dim } else { 0 };
        let slopes: Vec<_> = (0..count).map(|_| outer.b.local_place(F32)).collect();
        arguments.extend(slopes.iter().cloned().map(Argument::Pointer));
        let value = call(&mut outer.b, sweep, arguments);
        if slopes.is_empty() {
            outer.b.set_zero(gradient.clone());
        }
        for (k, slope) in slopes.into_iter().enumerate() {
            let slope = outer.b.load(slope);
            let to = self.coordinate(&gradient, Step::Part(k as u32));
            outer.b.store(to, slope);
        }
        outer.b.push(Statement::Return(Some(value)));
        Ok(outer.b.finish(&mut self.program))
    }

    fn by_sweeps(&mut self) -> Result<FunctionId, Refusal> {
        let (sweep, known) = self.forward_of(self.id)?;
        let mut outer = self.outer("gradient", "The value of `{f}` and its gradient.");
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let gradient = outer.b.pointee(gradient);
        let id = self.along_each(outer, |problem, outer, along, index| {
            let x = outer.x.clone();
            let mut arguments = problem.arguments(outer, &[x, along.clone()]);
            let slope = outer.b.local_place(F32);
            if known.result {
                arguments.push(Argument::Pointer(slope.clone()));
            } else {
                outer.b.set_zero(slope.clone());
            }
            let value = call(&mut outer.b, sweep, arguments);
            let slope = outer.b.load(slope);
            let to = problem.coordinate(&gradient, Step::At(index));
            outer.b.store(to, slope);
            value
        });
        Ok(id)
    }

    fn coordinate(&self, of: &Place, step: Step) -> Place {
        if self.ty.is_float() { of.clone() } else { of.at(step) }
    }

    /// A loop over the unit vectors; `body` returns the value, which the function returns.
    fn along_each(
        &mut self,
        mut outer: Outer,
        body: impl FnOnce(&Problem, &mut Outer, &Place, Value) -> Value,
    ) -> FunctionId {
        let along = outer.b.local_place(self.ty.clone());
        let result = outer.b.local_place(F32);
        outer.b.set_zero(along.clone());
        let (counter, index) = outer.b.begin_count(self.dim());
        let (zero, one) = (outer.b.float(0.0), outer.b.float(1.0));
        outer.b.store(self.coordinate(&along, Step::At(index)), one);
        let value = body(self, &mut outer, &along, index);
        outer.b.store(result.clone(), value);
        outer.b.store(self.coordinate(&along, Step::At(index)), zero);
        outer.b.end_count(&counter, self.dim());
        let value = outer.b.load(result);
        outer.b.push(Statement::Return(Some(value)));
        outer.b.finish(&mut self.program)
    }

    pub(super) fn directional(mut self) -> Result<Derived, Refusal> {
        let id = self.directional_function()?;
        self.finish(id, Mode::Forward)
    }

    fn directional_function(&mut self) -> Result<FunctionId, Refusal> {
        let (sweep, known) = self.forward_of(self.id)?;
        let mut outer = self.outer("directional", "The value of `{f}` and its slope along v.");
        let v = outer.b.parameter("v", self.ty.clone(), true);
        let slope = outer.b.parameter("slope", F32, true);
        let (x, v, slope) = (outer.x.clone(), outer.b.pointee(v), outer.b.pointee(slope));
        let mut arguments = self.arguments(&mut outer, &[x, v]);
        if known.result {
            arguments.push(Argument::Pointer(slope));
        } else {
            outer.b.set_zero(slope);
        }
        Ok(self.returning(outer.b, sweep, arguments))
    }

    /// Sums vᵀ H v over the unit vectors: the forward mode of the forward mode.
    pub(super) fn laplacian(mut self) -> Result<Derived, Refusal> {
        let once = self.directional_function()?;
        let others = self.others();
        let (twice, known) = self.forward_of(once)?;
        let comment = "The value of `{f}`, its gradient and its Laplacian.";
        let mut outer = self.outer("laplacian", comment);
        let gradient = outer.b.parameter("gradient", self.ty.clone(), true);
        let laplacian = outer.b.parameter("laplacian", F32, true);
        let (gradient, laplacian) = (outer.b.pointee(gradient), outer.b.pointee(laplacian));
        outer.b.set_zero(laplacian.clone());
        // x, its tangent, the others, v, the slope with its tangent, the tangent of the value.
        let has = [known.parameters[others + 2], known.result];
        let id = self.along_each(outer, |problem, outer, along, index| {
            let mut arguments =
                vec![Argument::Pointer(outer.x.clone()), Argument::Pointer(along.clone())];
            arguments.extend(outer.others.iter().cloned());
            let again = outer.b.local_place(problem.ty.clone());
            let direction = outer.b.load(along.clone());
            outer.b.store(again.clone(), direction);
            arguments.push(Argument::Pointer(again));
            let (slope, curvature) = (outer.b.local_place(F32), outer.b.local_place(F32));
            outer.b.set_zero(curvature.clone());
            arguments.push(Argument::Pointer(slope.clone()));
            if has[0] {
                arguments.push(Argument::Pointer(curvature.clone()));
            }
            if has[1] {
                let same = outer.b.local_place(F32);
                arguments.push(Argument::Pointer(same));
            }
            let value = call(&mut outer.b, twice, arguments);
            let slope = outer.b.load(slope);
            outer.b.store(problem.coordinate(&gradient, Step::At(index)), slope);
            let curvature = outer.b.load(curvature);
            outer.b.accumulate(laplacian.clone(), curvature);
            value
        });
        self.finish(id, Mode::Sweeps)
    }

    fn others(&self) -> usize {
        self.program[self.id].parameters.len() - 1
    }

    /// The forward mode of the gradient.
    pub(super) fn hessian_vector(mut self) -> Result<Derived, Refusal> {
        let (once, mode) = self.gradient_function(None)?;
        let others = self.others();
        let (twice, known) = self.forward_of(once)?;
        let comment = "The value of `{f}`, its gradient and its Hessian times v.";
        let mut outer = self.outer("hessian_vector", comment);
        let parameters =
            ["v", "gradient", "product"].map(|name| outer.b.parameter(name, self.ty.clone(), true));
        let [v, gradient, product] = parameters.map(|parameter| outer.b.pointee(parameter));
        let mut arguments = vec![Argument::Pointer(outer.x.clone()), Argument::Pointer(v)];
        arguments.extend(outer.others.iter().cloned());
        arguments.push(Argument::Pointer(gradient));
        if known.parameters[others + 1] {
            arguments.push(Argument::Pointer(product));
        } else {
            outer.b.set_zero(product);
        }
        if known.result {
            let slope = outer.b.local_place(F32);
            arguments.push(Argument::Pointer(slope));
        }
        let id = self.returning(outer.b, twice, arguments);
        self.finish(id, mode)
    }

    /// Ends a function with a call whose result it returns.
    fn returning(
        &mut self,
        mut b: Builder,
        function: FunctionId,
        arguments: Vec<Argument>,
    ) -> FunctionId {
        let value = call(&mut b, function, arguments);
        b.push(Statement::Return(Some(value)));
        b.finish(&mut self.program)
    }
}

fn call(b: &mut Builder, function: FunctionId, arguments: Vec<Argument>) -> Value {
    let value = b.result(F32);
    b.push(Statement::Call { function, arguments, result: Some(value), span: None });
    value
}

/// A name that no function of the program has.
pub(super) fn name(program: &Program, wanted: &str) -> String {
    let is_taken = |name: &str| program.functions.iter().any(|f| f.name == name);
    if !is_taken(wanted) {
        return wanted.to_string();
    }
    let mut numbered = (2..).map(|k| format!("{wanted}{k}"));
    numbered.find(|name| !is_taken(name)).unwrap_or_default()
}

/// The names that the module declares, and where.
fn names(module: &naga::Module) -> Vec<(String, ir::Span)> {
    fn of<'a, T: 'a>(
        all: impl Iterator<Item = (naga::Handle<T>, &'a T)>,
        name: impl Fn(&T) -> &Option<String>,
        span: impl Fn(naga::Handle<T>) -> naga::Span,
    ) -> Vec<(String, ir::Span)> {
        all.filter_map(|(handle, one)| Some((name(one).clone()?, span(handle).to_range())))
            .collect()
    }
    let naga::Module { functions, constants, overrides, global_variables, types, .. } = module;
    [
        of(functions.iter(), |f| &f.name, |handle| functions.get_span(handle)),
        of(constants.iter(), |c| &c.name, |handle| constants.get_span(handle)),
        of(overrides.iter(), |o| &o.name, |handle| overrides.get_span(handle)),
        of(global_variables.iter(), |g| &g.name, |handle| global_variables.get_span(handle)),
        of(types.iter(), |ty| &ty.name, |handle| types.get_span(handle)),
    ]
    .concat()
}

/// Refuses names that hide what the derivative is written with.
fn hidden(names: &[(String, ir::Span)]) -> Result<(), Refusal> {
    const TYPES: [&str; 7] = ["f32", "u32", "i32", "bool", "array", "select", "arrayLength"];
    let is_built_in =
        |name: &str| TYPES.contains(&name) || print::MATH.iter().any(|(_, known)| *known == name);
    match names.iter().find(|(name, _)| is_built_in(name)) {
        Some((name, span)) => {
            let message = format!("`{name}` hides WGSL's own `{name}`; choose another name");
            Err(Refusal::new(message, span.clone()))
        }
        None => Ok(()),
    }
}
