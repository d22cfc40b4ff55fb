//! From the language of [`super::ir`] to WGSL text.

mod inline;
mod names;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use wgpu::naga::{RelationalFunction, UnaryOperator};

use super::ir::{
    Argument, Block, Function, FunctionId, Op, Place, Program, Root, Selector, Statement, Step,
    Type, Value, walk,
};
use super::shape;
use crate::shaders::float;
pub(super) use names::{MATH, math_name, type_name};

/// A function and the generated ones that it calls, callees first.
pub(super) fn print(program: &Program, id: FunctionId) -> String {
    let mut order = Vec::new();
    visit(program, id, &mut order);
    let texts: Vec<_> = order
        .into_iter()
        .filter(|id| !program[*id].is_users)
        .map(|id| Printer::new(program, &program[id]).function())
        .collect();
    texts.join("\n")
}

/// A function without those that it calls.
pub(super) fn alone(program: &Program, id: FunctionId) -> String {
    Printer::new(program, &program[id]).function()
}

fn visit(program: &Program, id: FunctionId, order: &mut Vec<FunctionId>) {
    if order.contains(&id) {
        return;
    }
    walk(&program[id].body, &mut |statement| {
        if let Statement::Call { function, .. } = statement {
            visit(program, *function, order);
        }
    });
    order.push(id);
}

struct Printer<'a> {
    program: &'a Program,
    function: &'a Function,
    inlined: HashSet<Value>,
    names: HashMap<Value, u32>,
    text: String,
    depth: usize,
}

impl<'a> Printer<'a> {
    fn new(program: &'a Program, function: &'a Function) -> Printer<'a> {
        let inlined = inline::inlined(function);
        Printer { program, function, inlined, names: HashMap::new(), text: String::new(), depth: 0 }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 4 * self.depth);
    }

    fn function(mut self) -> String {
        let function = self.function;
        for line in function.comment.lines() {
            let _ = writeln!(self.text, "// {line}");
        }
        let parameters: Vec<_> = (0..function.parameters.len())
            .map(|i| {
                let parameter = &function.parameters[i];
                let ty = type_name(&parameter.ty);
                let ty = if parameter.is_pointer { format!("ptr<function, {ty}>") } else { ty };
                format!("{}: {ty}", self.parameter(i as u32))
            })
            .collect();
        let result = function.result.as_ref();
        let result = result.map_or_else(String::new, |ty| format!(" -> {}", type_name(ty)));
        let head = format!("fn {}({})", function.name, parameters.join(", "));
        if head.len() + result.len() <= 96 {
            self.line(&format!("{head}{result} {{"));
        } else {
            self.line(&format!("fn {}(", function.name));
            for parameter in parameters {
                self.line(&format!("    {parameter},"));
            }
            self.line(&format!("){result} {{"));
        }
        self.depth = 1;
        let used = shape::touched(function, &function.body);
        for (i, local) in function.locals.iter().enumerate() {
            if used.contains(&(i as u32)) {
                let init = local.init.map(|init| format!(" = {}", self.value(init)));
                let init = init.unwrap_or_default();
                self.line(&format!(
                    "var {}: {}{init};",
                    local_name(i as u32),
                    type_name(&local.ty)
                ));
            }
        }
        self.block(&function.body);
        self.depth = 0;
        self.line("}");
        self.text
    }

    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn nested(&mut self, block: &Block) {
        self.depth += 1;
        self.block(block);
        self.depth -= 1;
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Let(value) => {
                if !self.inlined.contains(value) {
                    let text = self.expression(*value, false);
                    let name = self.name(*value);
                    self.line(&format!("let {name} = {text};"));
                }
            }
            Statement::Store(place, value) => {
                let (place, value) = (self.place(place), self.value_bare(*value));
                self.line(&format!("{place} = {value};"));
            }
            Statement::Call { function, arguments, result, .. } => {
                let arguments: Vec<_> = arguments
                    .iter()
                    .map(|argument| match argument {
                        Argument::Value(value) => self.value_bare(*value),
                        Argument::Pointer(place) => self.pointer(place),
                    })
                    .collect();
                let callee = &self.program[*function];
                let call = format!("{}({})", callee.name, arguments.join(", "));
                let head = match result {
                    Some(result) => format!("let {} = ", self.name(*result)),
                    None if callee.result.is_some() => "_ = ".to_string(),
                    None => String::new(),
                };
                self.line(&format!("{head}{call};"));
            }
            Statement::If(condition, accept, reject) => {
                let condition = self.value_bare(*condition);
                // As people write it.
                let (condition, accept, reject) = if accept.is_empty() && !reject.is_empty() {
                    (format!("!({condition})"), reject, accept)
                } else {
                    (condition, accept, reject)
                };
                self.line(&format!("if ({condition}) {{"));
                self.nested(accept);
                if !reject.is_empty() {
                    self.line("} else {");
                    self.nested(reject);
                }
                self.line("}");
            }
            Statement::Switch(selector, cases) => {
                let selector = self.value_bare(*selector);
                self.line(&format!("switch ({selector}) {{"));
                self.depth += 1;
                for (labels, block) in cases {
                    let labels: Vec<_> = labels
                        .iter()
                        .map(|label| match label {
                            Some(Selector::Int(value)) => int(*value),
                            Some(Selector::Uint(value)) => format!("{value}u"),
                            None => "default".into(),
                        })
                        .collect();
                    self.line(&format!("case {}: {{", labels.join(", ")));
                    self.nested(block);
                    self.line("}");
                }
                self.depth -= 1;
                self.line("}");
            }
            Statement::Loop(of) => {
                self.line("loop {");
                self.nested(&of.body);
                if !of.continuing.is_empty() || of.break_if.is_some() {
                    self.depth += 1;
                    self.line("continuing {");
                    self.nested(&of.continuing);
                    if let Some(value) = of.break_if {
                        let value = self.value_bare(value);
                        self.line(&format!("    break if {value};"));
                    }
                    self.line("}");
                    self.depth -= 1;
                }
                self.line("}");
            }
            Statement::Break => self.line("break;"),
            Statement::Continue => self.line("continue;"),
            Statement::Return(Some(value)) => {
                let value = self.value_bare(*value);
                self.line(&format!("return {value};"));
            }
            Statement::Return(None) => self.line("return;"),
        }
    }

    fn name(&mut self, value: Value) -> String {
        let next = self.names.len() as u32;
        format!("v{}_", self.names.entry(value).or_insert(next))
    }

    fn parameter(&self, index: u32) -> String {
        let name = &self.function.parameters[index as usize].name;
        // The mark keeps it apart from the user's names.
        format!("{}_", name.trim_end_matches('_'))
    }

    fn value(&mut self, value: Value) -> String {
        if self.inlined.contains(&value) || self.function.op(value).is_constant() {
            return self.expression(value, true);
        }
        self.name(value)
    }

    /// Where no parentheses are needed around it.
    fn value_bare(&mut self, value: Value) -> String {
        if self.inlined.contains(&value) || self.function.op(value).is_constant() {
            return self.expression(value, false);
        }
        self.name(value)
    }

    fn values(&mut self, values: &[Value]) -> String {
        let texts: Vec<_> = values.iter().map(|value| self.value_bare(*value)).collect();
        texts.join(", ")
    }

    fn expression(&mut self, value: Value, nested: bool) -> String {
        let node = self.function.node(value);
        let ty = type_name(&node.ty);
        let wrapped = |text: String| if nested { format!("({text})") } else { text };
        match &node.op {
            Op::Float(number) if *number < 0.0 => wrapped(float(*number)),
            Op::Float(number) => float(*number),
            Op::Int(number) => int(*number),
            Op::Uint(number) => format!("{number}u"),
            Op::Bool(flag) => flag.to_string(),
            Op::Name(name) => name.clone(),
            Op::Zero => format!("{ty}()"),
            Op::Parameter(index) => self.parameter(*index),
            Op::Load(place) => self.place(place),
            Op::Unary(op, of) => {
                let sign = match op {
                    UnaryOperator::Negate => "-",
                    UnaryOperator::LogicalNot => "!",
                    UnaryOperator::BitwiseNot => "~",
                };
                let of = self.value(*of);
                wrapped(format!("{sign}{of}"))
            }
            Op::Binary(op, left, right) => {
                let (left, right) = (self.value(*left), self.value(*right));
                wrapped(format!("{left} {} {right}", names::symbol(*op)))
            }
            Op::Math(fun, arguments) => {
                let name = math_name(*fun).unwrap_or("unknown");
                format!("{name}({})", self.values(arguments))
            }
            Op::Relational(fun, of) => {
                let name = match fun {
                    RelationalFunction::All => "all",
                    RelationalFunction::Any => "any",
                    RelationalFunction::IsNan => "isNan",
                    RelationalFunction::IsInf => "isInf",
                };
                format!("{name}({})", self.value_bare(*of))
            }
            Op::Select { reject, accept, condition } => {
                format!("select({})", self.values(&[*reject, *accept, *condition]))
            }
            Op::Guarded { adjoint, factor } => {
                let (adjoint, factor) = (self.value(*adjoint), self.value_bare(*factor));
                wrapped(format!("{adjoint} * select({factor}, {ty}(), {adjoint} == {ty}())"))
            }
            Op::Convert(of) => format!("{ty}({})", self.value_bare(*of)),
            Op::Bitcast(of) => format!("bitcast<{ty}>({})", self.value_bare(*of)),
            Op::Compose(parts) => format!("{ty}({})", self.values(parts)),
            Op::Splat(of) => format!("{ty}({})", self.value_bare(*of)),
            Op::Swizzle(of, pattern) => {
                let letters: String = pattern.iter().map(|lane| letter(*lane)).collect();
                format!("{}.{letters}", self.value(*of))
            }
            Op::Extract(of, index) => {
                let of_ty = self.function.ty(*of).clone();
                format!("{}{}", self.value(*of), part(&of_ty, *index))
            }
            Op::ExtractAt(of, index) => {
                format!("{}[{}]", self.value(*of), self.value_bare(*index))
            }
            Op::ArrayLength(place) => format!("arrayLength({})", self.pointer(place)),
            Op::Result | Op::Carried(..) => self.name(value),
        }
    }

    fn place(&mut self, place: &Place) -> String {
        let (mut text, mut ty) = match &place.root {
            Root::Local(local) => {
                (local_name(*local), Some(self.function.locals[*local as usize].ty.clone()))
            }
            Root::Parameter(index) => {
                let pointer = format!("*{}", self.parameter(*index));
                let text = if place.path.is_empty() { pointer } else { format!("({pointer})") };
                (text, Some(self.function.parameters[*index as usize].ty.clone()))
            }
            Root::Global(name) => (name.clone(), None),
        };
        let mut rest = place.path.iter();
        if ty.is_none() {
            // The type of a part of a variable of the module follows from that of the whole.
            ty = self.program.variables.get(&text).cloned();
        }
        for step in rest.by_ref() {
            let of = ty.take();
            match step {
                Step::Part(index) => {
                    text +=
                        &of.as_ref().map_or_else(|| format!("[{index}]"), |ty| part(ty, *index));
                    ty = of.map(|of| of.part(*index));
                }
                Step::At(index) => {
                    text = format!("{text}[{}]", self.value_bare(*index));
                    ty = of.map(|of| of.part(0));
                }
            }
        }
        text
    }

    fn pointer(&mut self, place: &Place) -> String {
        match &place.root {
            Root::Parameter(index) if place.path.is_empty() => self.parameter(*index),
            _ => format!("&{}", self.place(place)),
        }
    }
}

fn local_name(local: u32) -> String {
    format!("w{local}_")
}

fn letter(lane: u32) -> char {
    ['x', 'y', 'z', 'w'][lane as usize % 4]
}

fn part(ty: &Type, index: u32) -> String {
    match ty {
        Type::Vector(..) => format!(".{}", letter(index)),
        Type::Struct(of) => format!(".{}", of.members[index as usize].0),
        _ => format!("[{index}]"),
    }
}

fn int(value: i32) -> String {
    // The least one has no literal of its own.
    if value == i32::MIN { format!("({} - 1)", value + 1) } else { format!("{value}i") }
}
