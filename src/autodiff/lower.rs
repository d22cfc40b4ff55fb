//! From naga's module to the language of [`super::ir`]: values by name, memory by place.
//!
//! What the language has no word for is refused here: images, atomics, barriers, other widths.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use wgpu::naga::{
    self, AddressSpace, Arena, Expression, Handle, Literal, ScalarKind, TypeInner,
    front::Typifier,
    proc::{ResolveContext, TypeResolution},
};

use super::Refusal;
use super::ir::{
    Alias, Argument, Block, Function, FunctionId, Local, Loop, Node, Op, Parameter, Place, Program,
    Root, Scalar, Selector, Statement, Step, Struct, Type, Value,
};

type Result<T> = std::result::Result<T, Refusal>;

/// Translates a function and all that it calls.
pub(super) fn lower(module: &naga::Module, name: &str) -> Result<(Program, FunctionId)> {
    let Some((handle, _)) = crate::wgsl::function(module, name) else {
        return Err(Refusal::new(format!("there is no function `{name}`"), None));
    };
    let mut lowering = Lowering { module, program: Program::default(), done: HashMap::new() };
    let id = lowering.function(handle)?;
    lowering.globals();
    let mut program = lowering.program;
    super::shape::expect(&mut program);
    Ok((program, id))
}

struct Lowering<'m> {
    module: &'m naga::Module,
    program: Program,
    done: HashMap<Handle<naga::Function>, FunctionId>,
}

/// The expressions of one function, or those of the module.
struct Body<'m> {
    module: &'m naga::Module,
    expressions: &'m Arena<Expression>,
    types: Typifier,
    values: HashMap<Handle<Expression>, Value>,
    /// Arrays that are indexed by a variable though they are values: they move to a variable once,
    /// where WGSL would copy them at each index.
    spilled: HashMap<Handle<Expression>, u32>,
    /// The variables of the module that were met.
    variables: BTreeMap<String, Type>,
    function: Function,
}

impl<'m> Lowering<'m> {
    fn function(&mut self, handle: Handle<naga::Function>) -> Result<FunctionId> {
        if let Some(id) = self.done.get(&handle) {
            return Ok(*id);
        }
        let source = &self.module.functions[handle];
        let types = &self.module.types;
        let span = self.module.functions.get_span(handle).to_range();
        let here = |refusal: Refusal| refusal.or_at(span.clone());
        let name = source.name.clone().unwrap_or_default();
        let mut function = Function::new(name);
        function.is_users = true;
        for argument in &source.arguments {
            let (ty, is_pointer) = match types[argument.ty].inner {
                TypeInner::Pointer { base, space: AddressSpace::Function } => (base, true),
                _ => (argument.ty, false),
            };
            function.parameters.push(Parameter {
                name: argument.name.clone().unwrap_or_default(),
                ty: type_of(self.module, ty).map_err(&here)?,
                is_pointer,
            });
        }
        if let Some(result) = &source.result {
            function.result = Some(type_of(self.module, result.ty).map_err(&here)?);
        }
        let context =
            ResolveContext::with_locals(self.module, &source.local_variables, &source.arguments);
        let mut body = Body::new(self.module, &source.expressions, &context, function)?;
        for (handle, local) in source.local_variables.iter() {
            let span = source.local_variables.get_span(handle).to_range();
            let ty = type_of(self.module, local.ty).map_err(|refusal| refusal.or_at(span))?;
            let init = local.init.map(|init| body.value(init)).transpose()?;
            body.function.locals.push(Local { ty, init });
        }
        let mut block = body.spill_constants()?;
        self.block(&mut body, &source.body, &mut block)?;
        body.function.body = block;
        self.program.variables.append(&mut body.variables);
        let id = self.program.push(body.function);
        self.done.insert(handle, id);
        Ok(id)
    }

    /// Notes what constants are, for evaluation on the host; what cannot be is left out.
    fn globals(&mut self) {
        for (_, constant) in self.module.constants.iter() {
            let whole = match self.module.global_expressions[constant.init] {
                Expression::Literal(Literal::U32(value)) => i64::from(value),
                Expression::Literal(Literal::I32(value)) => i64::from(value),
                _ => continue,
            };
            self.program.whole.insert(constant.name.clone().unwrap_or_default(), whole);
        }
        let constants = self.module.constants.iter().map(|(_, c)| (&c.name, Some(c.init), c.ty));
        let overrides = self.module.overrides.iter().map(|(_, o)| (&o.name, o.init, o.ty));
        for (name, init, ty) in constants.chain(overrides) {
            let Some(name) = name.clone() else { continue };
            let value = init.and_then(|init| self.global(init, ty).ok());
            self.program.globals.insert(name, value);
        }
    }

    fn global(&self, init: Handle<Expression>, ty: Handle<naga::Type>) -> Result<Function> {
        let (locals, arguments) = (Arena::new(), []);
        let context = ResolveContext::with_locals(self.module, &locals, &arguments);
        let expressions = &self.module.global_expressions;
        let mut body = Body::new(self.module, expressions, &context, Function::new(String::new()))?;
        body.function.result = Some(type_of(self.module, ty)?);
        let value = body.value(init)?;
        let nodes = 0..body.function.nodes.len() as u32;
        let lets = nodes.map(|node| Statement::Let(Value(node)));
        body.function.body = lets.chain([Statement::Return(Some(value))]).collect();
        Ok(body.function)
    }

    fn block(
        &mut self,
        body: &mut Body<'m>,
        source: &'m naga::Block,
        out: &mut Block,
    ) -> Result<()> {
        use naga::Statement as Naga;
        for (statement, span) in source.span_iter() {
            let refuse = |what: &str| {
                let message = format!("{what} cannot be differentiated");
                Err(Refusal::new(message, span.to_range()))
            };
            match statement {
                Naga::Emit(range) => {
                    for handle in range.clone() {
                        body.emit(handle, out)?;
                    }
                }
                Naga::Block(inner) => self.block(body, inner, out)?,
                Naga::If { condition, accept, reject } => {
                    let condition = body.value(*condition)?;
                    let (mut yes, mut no) = (Block::new(), Block::new());
                    self.block(body, accept, &mut yes)?;
                    self.block(body, reject, &mut no)?;
                    out.push(Statement::If(condition, yes, no));
                }
                Naga::Switch { selector, cases } => {
                    let selector = body.value(*selector)?;
                    let mut lowered = Vec::new();
                    let mut labels = Vec::new();
                    for case in cases {
                        labels.push(match case.value {
                            naga::SwitchValue::I32(value) => Some(Selector::Int(value)),
                            naga::SwitchValue::U32(value) => Some(Selector::Uint(value)),
                            naga::SwitchValue::Default => None,
                        });
                        // WGSL falls through only from one label to the next of the same case.
                        if case.fall_through {
                            continue;
                        }
                        let mut block = Block::new();
                        self.block(body, &case.body, &mut block)?;
                        if let Some(Statement::Break) = block.last() {
                            block.pop();
                        }
                        lowered.push((std::mem::take(&mut labels), block));
                    }
                    out.push(Statement::Switch(selector, lowered));
                }
                Naga::Loop { body: inner, continuing, break_if } => {
                    let id = body.function.loops;
                    body.function.loops += 1;
                    let (mut block, mut after) = (Block::new(), Block::new());
                    self.block(body, inner, &mut block)?;
                    self.block(body, continuing, &mut after)?;
                    let break_if = break_if.map(|value| body.value(value)).transpose()?;
                    let of = Loop { id, body: block, continuing: after, break_if, expected: None };
                    out.push(Statement::Loop(Box::new(of)));
                }
                Naga::Break => out.push(Statement::Break),
                Naga::Continue => out.push(Statement::Continue),
                Naga::Return { value } => {
                    let value = value.map(|value| body.value(value)).transpose()?;
                    out.push(Statement::Return(value));
                }
                Naga::Store { pointer, value } => {
                    let place = body.place(*pointer)?;
                    if let Root::Global(name) = &place.root {
                        let message = format!(
                            "this writes to `{name}`, which is outside of the function; use a \
                             variable of the function"
                        );
                        return Err(Refusal::new(message, span.to_range()));
                    }
                    let value = body.value(*value)?;
                    out.push(Statement::Store(place, value));
                }
                Naga::Call { function, arguments, result } => {
                    let id = self.function(*function)?;
                    let mut lowered = Vec::new();
                    for (argument, parameter) in arguments.iter().zip(&self.program[id].parameters)
                    {
                        lowered.push(if parameter.is_pointer {
                            Argument::Pointer(body.place(*argument)?)
                        } else {
                            Argument::Value(body.value(*argument)?)
                        });
                    }
                    let result =
                        result.map(|result| body.define(result, Op::Result)).transpose()?;
                    let span = span.to_range();
                    out.push(Statement::Call { function: id, arguments: lowered, result, span });
                    if let Some(result) = result {
                        body.spill_value(result, out);
                    }
                }
                Naga::Kill => return refuse("discard"),
                Naga::ControlBarrier(_) | Naga::MemoryBarrier(_) => return refuse("a barrier"),
                Naga::ImageStore { .. } | Naga::ImageAtomic { .. } => return refuse("a texture"),
                Naga::Atomic { .. } => return refuse("an atomic"),
                Naga::WorkGroupUniformLoad { .. } => return refuse("workgroupUniformLoad"),
                _ => return refuse("this statement"),
            }
        }
        Ok(())
    }
}

impl<'m> Body<'m> {
    fn new(
        module: &'m naga::Module,
        expressions: &'m Arena<Expression>,
        context: &ResolveContext<'_>,
        function: Function,
    ) -> Result<Body<'m>> {
        let mut types = Typifier::new();
        for (handle, _) in expressions.iter() {
            types.grow(handle, expressions, context).map_err(|error| {
                Refusal::new(error.to_string(), expressions.get_span(handle).to_range())
            })?;
        }
        let (values, spilled) = (HashMap::new(), HashMap::new());
        let variables = BTreeMap::new();
        Ok(Body { module, expressions, types, values, spilled, variables, function })
    }

    fn inner(&self, handle: Handle<Expression>) -> &TypeInner {
        self.types.get(handle, &self.module.types)
    }

    fn ty(&self, handle: Handle<Expression>) -> Result<Type> {
        let ty = match &self.types[handle] {
            TypeResolution::Handle(ty) => type_of(self.module, *ty),
            TypeResolution::Value(inner) => type_of_inner(self.module, inner),
        };
        let span = self.expressions.get_span(handle).to_range();
        ty.map_err(|refusal| Refusal::new(refusal.message().to_string(), span))
    }

    fn is_pointer(&self, handle: Handle<Expression>) -> bool {
        matches!(self.inner(handle), TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. })
            || matches!(self.expressions[handle], Expression::GlobalVariable(_))
    }

    fn refuse<T>(&self, handle: Handle<Expression>, message: impl Into<String>) -> Result<T> {
        Err(Refusal::new(message, self.expressions.get_span(handle).to_range()))
    }

    /// Gives an expression its node.
    fn define(&mut self, handle: Handle<Expression>, op: Op) -> Result<Value> {
        let span = self.expressions.get_span(handle).to_range();
        let ty = self.ty(handle)?;
        self.function.nodes.push(Node { op, ty, span });
        let value = Value(self.function.nodes.len() as u32 - 1);
        self.values.insert(handle, value);
        Ok(value)
    }

    /// Arrays that are indexed by a variable: those that are there from the start are stored now.
    fn spill_constants(&mut self) -> Result<Block> {
        let mut bases = HashSet::new();
        for (_, expression) in self.expressions.iter() {
            if let Expression::Access { base, .. } = expression
                && matches!(self.inner(*base), TypeInner::Array { .. })
                && !self.is_pointer(*base)
            {
                bases.insert(*base);
            }
        }
        let mut block = Block::new();
        // In their order, so that the text is the same every time.
        for (handle, expression) in self.expressions.iter().filter(|(h, _)| bases.contains(h)) {
            let local = self.function.locals.len() as u32;
            let ty = self.ty(handle)?;
            self.function.locals.push(Local { ty: ty.clone(), init: None });
            self.spilled.insert(handle, local);
            if matches!(
                expression,
                Expression::FunctionArgument(_)
                    | Expression::Constant(_)
                    | Expression::ZeroValue(_)
                    | Expression::Override(_)
            ) {
                let value = self.value(handle)?;
                block.push(Statement::Store(Place::local(local, ty), value));
            }
        }
        Ok(block)
    }

    fn spill_value(&mut self, value: Value, out: &mut Block) {
        let handle = self.values.iter().find(|(_, v)| **v == value).map(|(handle, _)| *handle);
        if let Some(local) = handle.and_then(|handle| self.spilled.get(&handle)) {
            let place = Place::local(*local, self.function.ty(value).clone());
            out.push(Statement::Store(place, value));
        }
    }

    fn emit(&mut self, handle: Handle<Expression>, out: &mut Block) -> Result<()> {
        if self.is_pointer(handle) || self.values.contains_key(&handle) {
            return Ok(());
        }
        let value = self.value(handle)?;
        if !self.function.op(value).is_constant() {
            out.push(Statement::Let(value));
        }
        if let Some(local) = self.spilled.get(&handle) {
            let place = Place::local(*local, self.function.ty(value).clone());
            out.push(Statement::Store(place, value));
        }
        Ok(())
    }

    fn value(&mut self, handle: Handle<Expression>) -> Result<Value> {
        if let Some(value) = self.values.get(&handle) {
            return Ok(*value);
        }
        let op = match &self.expressions[handle] {
            Expression::Literal(literal) => match literal {
                Literal::F32(value) => Op::Float(*value),
                Literal::I32(value) => Op::Int(*value),
                Literal::U32(value) => Op::Uint(*value),
                Literal::Bool(value) => Op::Bool(*value),
                _ => return self.refuse(handle, "only f32, i32, u32 and bool are differentiated"),
            },
            Expression::Constant(constant) => {
                let constant = &self.module.constants[*constant];
                match &constant.name {
                    Some(name) => Op::Name(name.clone()),
                    None => return self.refuse(handle, "a constant without a name"),
                }
            }
            Expression::Override(found) => match &self.module.overrides[*found].name {
                Some(name) => Op::Name(name.clone()),
                None => return self.refuse(handle, "an override without a name"),
            },
            Expression::ZeroValue(_) => Op::Zero,
            Expression::Compose { components, .. } => {
                Op::Compose(components.iter().map(|c| self.value(*c)).collect::<Result<_>>()?)
            }
            Expression::Access { base, index } => {
                let index = self.value(*index)?;
                match self.spilled.get(base) {
                    Some(local) => {
                        let ty = self.ty(*base)?;
                        Op::Load(Place::local(*local, ty).at(Step::At(index)))
                    }
                    None => Op::ExtractAt(self.value(*base)?, index),
                }
            }
            Expression::AccessIndex { base, index } => Op::Extract(self.value(*base)?, *index),
            Expression::Splat { value, .. } => Op::Splat(self.value(*value)?),
            Expression::Swizzle { size, vector, pattern } => {
                let pattern = pattern[..*size as usize].iter().map(|c| *c as u32).collect();
                Op::Swizzle(self.value(*vector)?, pattern)
            }
            Expression::FunctionArgument(index) => Op::Parameter(*index),
            Expression::Load { pointer } => Op::Load(self.place(*pointer)?),
            Expression::Unary { op, expr } => Op::Unary(*op, self.value(*expr)?),
            Expression::Binary { op, left, right } => {
                Op::Binary(*op, self.value(*left)?, self.value(*right)?)
            }
            Expression::Select { condition, accept, reject } => Op::Select {
                reject: self.value(*reject)?,
                accept: self.value(*accept)?,
                condition: self.value(*condition)?,
            },
            Expression::Relational { fun, argument } => {
                Op::Relational(*fun, self.value(*argument)?)
            }
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let all = [Some(*arg), *arg1, *arg2, *arg3];
                let all =
                    all.into_iter().flatten().map(|a| self.value(a)).collect::<Result<_>>()?;
                Op::Math(*fun, all)
            }
            Expression::As { expr, convert, .. } => {
                let value = self.value(*expr)?;
                if convert.is_some() { Op::Convert(value) } else { Op::Bitcast(value) }
            }
            Expression::ArrayLength(pointer) => Op::ArrayLength(self.place(*pointer)?),
            Expression::ImageSample { .. }
            | Expression::ImageLoad { .. }
            | Expression::ImageQuery { .. } => {
                return self.refuse(handle, "a texture cannot be differentiated");
            }
            Expression::Derivative { .. } => {
                return self.refuse(handle, "screen derivatives cannot be differentiated");
            }
            _ => return self.refuse(handle, "this expression cannot be differentiated"),
        };
        self.define(handle, op)
    }

    /// What an expression points to.
    fn place(&mut self, handle: Handle<Expression>) -> Result<Place> {
        let place = match &self.expressions[handle] {
            Expression::LocalVariable(local) => {
                let index = local.index() as u32;
                Place::local(index, self.pointee(handle)?)
            }
            Expression::FunctionArgument(index) => Place::parameter(*index, self.pointee(handle)?),
            Expression::GlobalVariable(global) => {
                let global = &self.module.global_variables[*global];
                let inner = &self.module.types[global.ty].inner;
                if matches!(inner, TypeInner::Image { .. } | TypeInner::Sampler { .. }) {
                    return self.refuse(handle, "a texture cannot be differentiated");
                }
                let ty = type_of(self.module, global.ty)?;
                let name = global.name.clone().unwrap_or_default();
                self.variables.insert(name.clone(), ty.clone());
                let root = Root::Global(name);
                Place { root, path: Vec::new(), ty }
            }
            Expression::Access { base, index } => {
                let index = self.value(*index)?;
                self.place(*base)?.at(Step::At(index))
            }
            Expression::AccessIndex { base, index } => self.place(*base)?.at(Step::Part(*index)),
            _ => return self.refuse(handle, "a pointer of this kind cannot be differentiated"),
        };
        Ok(place)
    }

    fn pointee(&self, handle: Handle<Expression>) -> Result<Type> {
        match self.inner(handle) {
            TypeInner::Pointer { base, .. } => type_of(self.module, *base),
            _ => self.refuse(handle, "a pointer of this kind cannot be differentiated"),
        }
    }
}

fn scalar_of(scalar: naga::Scalar) -> Result<Scalar> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => Ok(Scalar::F32),
        (ScalarKind::Sint, 4) => Ok(Scalar::I32),
        (ScalarKind::Uint, 4) => Ok(Scalar::U32),
        (ScalarKind::Bool, _) => Ok(Scalar::Bool),
        _ => Err(Refusal::new("only f32, i32, u32 and bool are differentiated", None)),
    }
}

fn type_of(module: &naga::Module, handle: Handle<naga::Type>) -> Result<Type> {
    let ty = &module.types[handle];
    let TypeInner::Struct { members, .. } = &ty.inner else {
        let mut lowered = type_of_inner(module, &ty.inner)?;
        if let (Type::Array(.., alias), Some(name)) = (&mut lowered, &ty.name) {
            *alias = Alias(Some(name.as_str().into()));
        }
        return Ok(lowered);
    };
    let name = ty.name.clone().unwrap_or_default();
    // Names that WGSL reserves for itself: the results of modf and frexp.
    if name.starts_with("__") {
        let message = "modf and frexp cannot be differentiated; compute what you need of them by \
                       plain arithmetic";
        return Err(Refusal::new(message, None));
    }
    let member = |member: &naga::StructMember| {
        Ok((member.name.clone().unwrap_or_default(), type_of(module, member.ty)?))
    };
    let members = members.iter().map(member).collect::<Result<_>>()?;
    Ok(Type::Struct(Rc::new(Struct { name, members })))
}

fn type_of_inner(module: &naga::Module, inner: &TypeInner) -> Result<Type> {
    let refuse = |message: &str| Err(Refusal::new(message, None));
    Ok(match inner {
        TypeInner::Scalar(scalar) => Type::Scalar(scalar_of(*scalar)?),
        TypeInner::Vector { size, scalar } => Type::Vector(*size as u32, scalar_of(*scalar)?),
        TypeInner::Matrix { columns, rows, scalar } => {
            scalar_of(*scalar)?;
            Type::Matrix(*columns as u32, *rows as u32)
        }
        TypeInner::Array { base, size, .. } => {
            let element = Rc::new(type_of(module, *base)?);
            match size {
                naga::ArraySize::Constant(length) => {
                    Type::Array(element, Some(length.get()), Alias::default())
                }
                naga::ArraySize::Dynamic => Type::Array(element, None, Alias::default()),
                naga::ArraySize::Pending(_) => {
                    return refuse("an array as long as an override cannot be differentiated");
                }
            }
        }
        TypeInner::Atomic(_) => return refuse("an atomic cannot be differentiated"),
        _ => return refuse("a value of this type cannot be differentiated"),
    })
}
