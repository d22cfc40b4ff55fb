//! From the language of [`super::ir`] to WGSL text.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun, RelationalFunction, UnaryOperator};

use super::ir::{
    Alias, Argument, Block, Function, FunctionId, Op, Place, Program, Root, Scalar, Selector,
    Statement, Step, Type, Value, walk,
};

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

pub(super) fn type_name(ty: &Type) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Bool => "bool",
        Scalar::I32 => "i32",
        Scalar::U32 => "u32",
        Scalar::F32 => "f32",
    };
    match ty {
        Type::Scalar(of) => scalar(of).to_string(),
        Type::Vector(lanes, of) => format!("vec{lanes}<{}>", scalar(of)),
        Type::Matrix(columns, rows) => format!("mat{columns}x{rows}<f32>"),
        Type::Array(_, _, Alias(Some(name))) => name.to_string(),
        Type::Array(element, Some(length), _) => format!("array<{}, {length}>", type_name(element)),
        Type::Array(element, None, _) => format!("array<{}>", type_name(element)),
        Type::Struct(of) => of.name.clone(),
    }
}

/// The built-in functions of numbers, by their names in WGSL.
pub(super) const MATH: &[(Fun, &str)] = &[
    (Fun::Abs, "abs"),
    (Fun::Min, "min"),
    (Fun::Max, "max"),
    (Fun::Clamp, "clamp"),
    (Fun::Saturate, "saturate"),
    (Fun::Cos, "cos"),
    (Fun::Cosh, "cosh"),
    (Fun::Sin, "sin"),
    (Fun::Sinh, "sinh"),
    (Fun::Tan, "tan"),
    (Fun::Tanh, "tanh"),
    (Fun::Acos, "acos"),
    (Fun::Asin, "asin"),
    (Fun::Atan, "atan"),
    (Fun::Atan2, "atan2"),
    (Fun::Asinh, "asinh"),
    (Fun::Acosh, "acosh"),
    (Fun::Atanh, "atanh"),
    (Fun::Radians, "radians"),
    (Fun::Degrees, "degrees"),
    (Fun::Ceil, "ceil"),
    (Fun::Floor, "floor"),
    (Fun::Round, "round"),
    (Fun::Fract, "fract"),
    (Fun::Trunc, "trunc"),
    (Fun::Ldexp, "ldexp"),
    (Fun::Exp, "exp"),
    (Fun::Exp2, "exp2"),
    (Fun::Log, "log"),
    (Fun::Log2, "log2"),
    (Fun::Pow, "pow"),
    (Fun::Dot, "dot"),
    (Fun::Dot4I8Packed, "dot4I8Packed"),
    (Fun::Dot4U8Packed, "dot4U8Packed"),
    (Fun::Cross, "cross"),
    (Fun::Distance, "distance"),
    (Fun::Length, "length"),
    (Fun::Normalize, "normalize"),
    (Fun::FaceForward, "faceForward"),
    (Fun::Reflect, "reflect"),
    (Fun::Refract, "refract"),
    (Fun::Sign, "sign"),
    (Fun::Fma, "fma"),
    (Fun::Mix, "mix"),
    (Fun::Step, "step"),
    (Fun::SmoothStep, "smoothstep"),
    (Fun::Sqrt, "sqrt"),
    (Fun::InverseSqrt, "inverseSqrt"),
    (Fun::Transpose, "transpose"),
    (Fun::Determinant, "determinant"),
    (Fun::QuantizeToF16, "quantizeToF16"),
    (Fun::CountTrailingZeros, "countTrailingZeros"),
    (Fun::CountLeadingZeros, "countLeadingZeros"),
    (Fun::CountOneBits, "countOneBits"),
    (Fun::ReverseBits, "reverseBits"),
    (Fun::ExtractBits, "extractBits"),
    (Fun::InsertBits, "insertBits"),
    (Fun::FirstTrailingBit, "firstTrailingBit"),
    (Fun::FirstLeadingBit, "firstLeadingBit"),
    (Fun::Pack4x8snorm, "pack4x8snorm"),
    (Fun::Pack4x8unorm, "pack4x8unorm"),
    (Fun::Pack2x16snorm, "pack2x16snorm"),
    (Fun::Pack2x16unorm, "pack2x16unorm"),
    (Fun::Pack2x16float, "pack2x16float"),
    (Fun::Pack4xI8, "pack4xI8"),
    (Fun::Pack4xU8, "pack4xU8"),
    (Fun::Pack4xI8Clamp, "pack4xI8Clamp"),
    (Fun::Pack4xU8Clamp, "pack4xU8Clamp"),
    (Fun::Unpack4x8snorm, "unpack4x8snorm"),
    (Fun::Unpack4x8unorm, "unpack4x8unorm"),
    (Fun::Unpack2x16snorm, "unpack2x16snorm"),
    (Fun::Unpack2x16unorm, "unpack2x16unorm"),
    (Fun::Unpack2x16float, "unpack2x16float"),
    (Fun::Unpack4xI8, "unpack4xI8"),
    (Fun::Unpack4xU8, "unpack4xU8"),
];

/// The name of a built-in function in WGSL.
pub(super) fn math_name(fun: Fun) -> Option<&'static str> {
    MATH.iter().find(|(known, _)| *known == fun).map(|(_, name)| *name)
}

fn symbol(op: Bin) -> &'static str {
    match op {
        Bin::Add => "+",
        Bin::Subtract => "-",
        Bin::Multiply => "*",
        Bin::Divide => "/",
        Bin::Modulo => "%",
        Bin::Equal => "==",
        Bin::NotEqual => "!=",
        Bin::Less => "<",
        Bin::LessEqual => "<=",
        Bin::Greater => ">",
        Bin::GreaterEqual => ">=",
        Bin::And => "&",
        Bin::ExclusiveOr => "^",
        Bin::InclusiveOr => "|",
        Bin::LogicalAnd => "&&",
        Bin::LogicalOr => "||",
        Bin::ShiftLeft => "<<",
        Bin::ShiftRight => ">>",
    }
}

/// The most operations in one line.
const DEEPEST: u32 = 4;

/// What is written in place of its name: used once, in the block that computes it, and not a read
/// of memory that might change meanwhile.
fn inlined(function: &Function) -> HashSet<Value> {
    let mut uses: HashMap<Value, u32> = HashMap::new();
    let mut home: HashMap<Value, usize> = HashMap::new();
    let mut same: HashMap<Value, bool> = HashMap::new();
    fn scan(
        function: &Function,
        block: &Block,
        number: &mut usize,
        uses: &mut HashMap<Value, u32>,
        home: &mut HashMap<Value, usize>,
        same: &mut HashMap<Value, bool>,
    ) {
        *number += 1;
        let here = *number;
        let mut used = |value: Value, home: &HashMap<Value, usize>| {
            *uses.entry(value).or_default() += 1;
            same.insert(value, home.get(&value) == Some(&here));
        };
        for statement in block {
            match statement {
                Statement::Let(value) => {
                    home.insert(*value, here);
                    for operand in function.op(*value).operands() {
                        used(operand, home);
                    }
                }
                Statement::Store(place, value) => {
                    place.indices().for_each(|index| used(index, home));
                    used(*value, home);
                }
                Statement::Call { arguments, .. } => {
                    for argument in arguments {
                        match argument {
                            Argument::Value(value) => used(*value, home),
                            Argument::Pointer(place) => {
                                place.indices().for_each(|index| used(index, home));
                            }
                        }
                    }
                }
                Statement::If(value, ..) | Statement::Switch(value, _) => used(*value, home),
                Statement::Return(Some(value)) => used(*value, home),
                Statement::Loop(of) => {
                    // The condition at the end is in a block of its own.
                    of.break_if.iter().for_each(|value| used(*value, home));
                }
                _ => {}
            }
        }
        for statement in block {
            for inner in super::ir::blocks(statement) {
                scan(function, inner, number, uses, home, same);
            }
        }
    }
    scan(function, &function.body, &mut 0, &mut uses, &mut home, &mut same);
    let single = uses.into_iter().filter(|(value, count)| {
        *count == 1
            && same[value]
            && !matches!(function.op(*value), Op::Load(_) | Op::Result | Op::Carried(..))
    });
    let mut inlined: HashSet<Value> = single.map(|(value, _)| value).collect();
    // Neither lines nor nesting without end.
    let mut depths: HashMap<Value, u32> = HashMap::new();
    for index in 0..function.nodes.len() as u32 {
        let operands = function.op(Value(index)).operands();
        let inner = operands.iter().filter(|operand| inlined.contains(operand));
        let depth = 1 + inner.filter_map(|operand| depths.get(operand)).max().unwrap_or(&0);
        if depth > DEEPEST {
            inlined.remove(&Value(index));
        }
        depths.insert(Value(index), if depth > DEEPEST { 0 } else { depth });
    }
    // What variables begin as is written with them, before any other line.
    let mut begins: Vec<Value> = function.locals.iter().filter_map(|local| local.init).collect();
    while let Some(value) = begins.pop() {
        begins.extend(function.op(value).operands());
        inlined.insert(value);
    }
    inlined
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
        let inlined = inlined(function);
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
        let mut used = HashSet::new();
        let mut note = |place: &Place| {
            if let Root::Local(local) = place.root {
                used.insert(local);
            }
        };
        walk(&function.body, &mut |statement| match statement {
            Statement::Let(value) => {
                if let Op::Load(place) = function.op(*value) {
                    note(place);
                }
            }
            Statement::Store(place, _) => note(place),
            Statement::Call { arguments, .. } => {
                for argument in arguments {
                    if let Argument::Pointer(place) = argument {
                        note(place);
                    }
                }
            }
            _ => {}
        });
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
            Op::Float(number) if *number < 0.0 => wrapped(format!("{number:?}f")),
            Op::Float(number) => format!("{number:?}f"),
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
                wrapped(format!("{left} {} {right}", symbol(*op)))
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
