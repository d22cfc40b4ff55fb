//! The small language that functions are differentiated in: WGSL's own statements over values that
//! are computed once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use wgpu::naga::{BinaryOperator, MathFunction, RelationalFunction, UnaryOperator};

/// The bytes of the text that something came from.
pub(super) type Span = Option<Range<usize>>;

/// A component of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scalar {
    Bool,
    I32,
    U32,
    F32,
}

/// A type that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Scalar(Scalar),
    Vector(u32, Scalar),
    /// Columns and rows.
    Matrix(u32, u32),
    /// `None` for the run-time size of a storage buffer.
    Array(Rc<Type>, Option<u32>, Alias),
    Struct(Rc<Struct>),
}

/// The name that the text gives to a type of arrays. naga tells pointers to a type from pointers to
/// its alias, so that it has to be written as it was; to all else it makes no difference.
#[derive(Debug, Clone, Default)]
pub(super) struct Alias(pub(super) Option<Rc<str>>);

impl PartialEq for Alias {
    fn eq(&self, _: &Alias) -> bool {
        true
    }
}

/// A structure of the user's.
#[derive(Debug, PartialEq)]
pub(super) struct Struct {
    pub(super) name: String,
    pub(super) members: Vec<(String, Type)>,
}

pub(super) const F32: Type = Type::Scalar(Scalar::F32);
pub(super) const U32: Type = Type::Scalar(Scalar::U32);
pub(super) const BOOL: Type = Type::Scalar(Scalar::Bool);

impl Type {
    /// Whether a value of it can have a derivative.
    pub(super) fn has_float(&self) -> bool {
        match self {
            Type::Scalar(scalar) | Type::Vector(_, scalar) => *scalar == Scalar::F32,
            Type::Matrix(..) => true,
            Type::Array(element, ..) => element.has_float(),
            Type::Struct(of) => of.members.iter().any(|(_, ty)| ty.has_float()),
        }
    }

    /// Whether WGSL has no arithmetic on it.
    pub(super) fn is_composite(&self) -> bool {
        matches!(self, Type::Array(..) | Type::Struct(_))
    }

    pub(super) fn is_float(&self) -> bool {
        *self == F32
    }

    /// The components of a vector, and `None` of a scalar.
    pub(super) fn lanes(&self) -> Option<u32> {
        if let Type::Vector(lanes, _) = self { Some(*lanes) } else { None }
    }

    /// How many parts [`Op::Extract`] and [`Step::Part`] choose from.
    pub(super) fn parts(&self) -> u32 {
        match self {
            Type::Scalar(_) => 0,
            Type::Vector(parts, _) | Type::Matrix(parts, _) => *parts,
            Type::Array(_, parts, _) => parts.unwrap_or(0),
            Type::Struct(of) => of.members.len() as u32,
        }
    }

    /// The type of a part.
    pub(super) fn part(&self, index: u32) -> Type {
        match self {
            Type::Vector(_, scalar) | Type::Scalar(scalar) => Type::Scalar(*scalar),
            Type::Matrix(_, rows) => Type::Vector(*rows, Scalar::F32),
            Type::Array(element, ..) => (**element).clone(),
            Type::Struct(of) => of.members[index as usize].1.clone(),
        }
    }
}

/// A value of a function: an index into its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Value(pub(super) u32);

/// A function of a [`Program`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FunctionId(pub(super) usize);

/// How a value is computed.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) op: Op,
    pub(super) ty: Type,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    Float(f32),
    Int(i32),
    Uint(u32),
    Bool(bool),
    /// A `const` or an `override` of the module.
    Name(String),
    /// The zero of its type.
    Zero,
    /// A parameter that is passed by value.
    Parameter(u32),
    Load(Place),
    Unary(UnaryOperator, Value),
    Binary(BinaryOperator, Value, Value),
    Math(MathFunction, Vec<Value>),
    Relational(RelationalFunction, Value),
    Select {
        reject: Value,
        accept: Value,
        condition: Value,
    },
    /// The product of an adjoint and a factor, component by component: zero where the adjoint is zero,
    /// even if the factor is no number, as in a branch that was not taken.
    Guarded {
        adjoint: Value,
        factor: Value,
    },
    /// To the scalar of its type, by value.
    Convert(Value),
    /// To its type, by bits.
    Bitcast(Value),
    Compose(Vec<Value>),
    Splat(Value),
    Swizzle(Value, Vec<u32>),
    Extract(Value, u32),
    /// Of a vector or a matrix; arrays are read through a place.
    ExtractAt(Value, Value),
    ArrayLength(Place),
    /// What a [`Statement::Call`] returned.
    Result,
    /// What a local had at the start of a loop's iteration, which has to be known to run it
    /// backwards: a loop of the function, and the local.
    Carried(u32, u32),
}

impl Op {
    /// The values it is computed from.
    pub(super) fn operands(&self) -> Vec<Value> {
        match self {
            Op::Load(place) | Op::ArrayLength(place) => place.indices().collect(),
            Op::Unary(_, a)
            | Op::Relational(_, a)
            | Op::Convert(a)
            | Op::Bitcast(a)
            | Op::Splat(a)
            | Op::Swizzle(a, _)
            | Op::Extract(a, _) => vec![*a],
            Op::Binary(_, a, b) | Op::ExtractAt(a, b) => vec![*a, *b],
            Op::Math(_, all) | Op::Compose(all) => all.clone(),
            Op::Select { reject, accept, condition } => vec![*reject, *accept, *condition],
            // The text has the adjoint twice.
            Op::Guarded { adjoint, factor } => vec![*adjoint, *factor, *adjoint],
            _ => Vec::new(),
        }
    }

    /// The same with other values.
    pub(super) fn map(&self, mut f: impl FnMut(Value) -> Value) -> Op {
        let mut op = self.clone();
        match &mut op {
            Op::Load(place) | Op::ArrayLength(place) => *place = place.map(f),
            Op::Unary(_, a)
            | Op::Relational(_, a)
            | Op::Convert(a)
            | Op::Bitcast(a)
            | Op::Splat(a)
            | Op::Swizzle(a, _)
            | Op::Extract(a, _) => *a = f(*a),
            Op::Binary(_, a, b) | Op::ExtractAt(a, b) => (*a, *b) = (f(*a), f(*b)),
            Op::Math(_, all) | Op::Compose(all) => all.iter_mut().for_each(|a| *a = f(*a)),
            Op::Select { reject, accept, condition } => {
                (*reject, *accept, *condition) = (f(*reject), f(*accept), f(*condition));
            }
            Op::Guarded { adjoint, factor } => (*adjoint, *factor) = (f(*adjoint), f(*factor)),
            _ => {}
        }
        op
    }

    /// Whether it is written where it is used, because it costs nothing.
    pub(super) fn is_constant(&self) -> bool {
        matches!(
            self,
            Op::Float(_)
                | Op::Int(_)
                | Op::Uint(_)
                | Op::Bool(_)
                | Op::Name(_)
                | Op::Zero
                | Op::Parameter(_)
        )
    }
}

/// Something in memory: a variable and the way to a part of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) root: Root,
    pub(super) path: Vec<Step>,
    /// Of the part.
    pub(super) ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Root {
    Local(u32),
    /// What a parameter points to.
    Parameter(u32),
    /// A variable of the module: constant, as far as differentiation goes.
    Global(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Part(u32),
    At(Value),
}

impl Place {
    pub(super) fn local(local: u32, ty: Type) -> Place {
        Place { root: Root::Local(local), path: Vec::new(), ty }
    }

    pub(super) fn parameter(parameter: u32, ty: Type) -> Place {
        Place { root: Root::Parameter(parameter), path: Vec::new(), ty }
    }

    /// The part of it that a step chooses.
    pub(super) fn at(&self, step: Step) -> Place {
        let index = if let Step::Part(index) = step { index } else { 0 };
        let mut place = self.clone();
        place.ty = self.ty.part(index);
        place.path.push(step);
        place
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = Value> + '_ {
        self.path.iter().filter_map(|step| if let Step::At(v) = step { Some(*v) } else { None })
    }

    pub(super) fn map(&self, mut f: impl FnMut(Value) -> Value) -> Place {
        let step = |step: &Step| match step {
            Step::At(value) => Step::At(f(*value)),
            part => *part,
        };
        Place { path: self.path.iter().map(step).collect(), ..self.clone() }
    }

    /// The same way from another variable.
    pub(super) fn with_root(&self, root: Root) -> Place {
        Place { root, ..self.clone() }
    }
}

pub(super) type Block = Vec<Statement>;

#[derive(Debug, Clone)]
pub(super) enum Statement {
    /// Computes a value.
    Let(Value),
    Store(Place, Value),
    Call {
        function: FunctionId,
        arguments: Vec<Argument>,
        result: Option<Value>,
        span: Span,
    },
    If(Value, Block, Block),
    /// `None` among the selectors is the default.
    Switch(Value, Vec<(Vec<Option<Selector>>, Block)>),
    /// With a number of its own in the function.
    Loop(Box<Loop>),
    Break,
    Continue,
    Return(Option<Value>),
}

#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) id: u32,
    pub(super) body: Block,
    pub(super) continuing: Block,
    pub(super) break_if: Option<Value>,
    /// The number of iterations, where it is known.
    pub(super) expected: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Selector {
    Int(i32),
    Uint(u32),
}

#[derive(Debug, Clone)]
pub(super) enum Argument {
    Value(Value),
    Pointer(Place),
}

#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) is_pointer: bool,
}

/// A variable of a function.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) ty: Type,
    /// A constant; zero where there is none.
    pub(super) init: Option<Value>,
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    /// Whether the user's text already has it.
    pub(super) is_users: bool,
    /// One line over the function, in the generated text.
    pub(super) comment: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) result: Option<Type>,
    pub(super) locals: Vec<Local>,
    pub(super) nodes: Vec<Node>,
    pub(super) body: Block,
    pub(super) loops: u32,
}

impl Function {
    /// An empty one.
    pub(super) fn new(name: String) -> Function {
        Function {
            name,
            is_users: false,
            comment: String::new(),
            parameters: Vec::new(),
            result: None,
            locals: Vec::new(),
            nodes: Vec::new(),
            body: Vec::new(),
            loops: 0,
        }
    }

    /// Gives every loop a number of its own: copies of a loop have the same, and may run otherwise.
    pub(super) fn number_loops(&mut self) {
        self.loops = 0;
        number(&mut self.body, &mut self.loops);
    }

    pub(super) fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0 as usize]
    }

    pub(super) fn op(&self, value: Value) -> &Op {
        &self.node(value).op
    }

    pub(super) fn ty(&self, value: Value) -> &Type {
        &self.node(value).ty
    }
}

/// Functions that call each other.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) functions: Vec<Function>,
    /// The values of `const`s, and of `override`s by default, as functions without parameters.
    pub(super) globals: BTreeMap<String, Option<Function>>,
    /// The types of the module's variables.
    pub(super) variables: BTreeMap<String, Type>,
    /// The `const`s that are whole numbers.
    pub(super) whole: BTreeMap<String, i64>,
}

impl std::ops::Index<FunctionId> for Program {
    type Output = Function;

    fn index(&self, id: FunctionId) -> &Function {
        &self.functions[id.0]
    }
}

impl Program {
    pub(super) fn push(&mut self, function: Function) -> FunctionId {
        self.functions.push(function);
        FunctionId(self.functions.len() - 1)
    }

    /// Whether a function writes through one of its parameters.
    pub(super) fn writes(&self, id: FunctionId, parameter: u32) -> bool {
        let is_it = |place: &Place| place.root == Root::Parameter(parameter);
        let mut writes = false;
        walk(&self[id].body, &mut |statement| match statement {
            Statement::Store(place, _) => writes |= is_it(place),
            Statement::Call { function, arguments, .. } => {
                for (i, argument) in arguments.iter().enumerate() {
                    if let Argument::Pointer(place) = argument {
                        writes |= is_it(place) && self.writes(*function, i as u32);
                    }
                }
            }
            _ => {}
        });
        writes
    }
}

/// Every statement of a block and of the blocks in it, outer ones first.
pub(super) fn walk<'a>(block: &'a [Statement], visit: &mut dyn FnMut(&'a Statement)) {
    for statement in block {
        visit(statement);
        for inner in blocks(statement) {
            walk(inner, visit);
        }
    }
}

/// Whether a block, or a branch in it, has such a statement, outside of the loops in it.
pub(super) fn has_own(block: &[Statement], is_it: &dyn Fn(&Statement) -> bool) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Loop(_) => false,
        other => is_it(other) || blocks(other).iter().any(|inner| has_own(inner, is_it)),
    })
}

fn number(block: &mut Block, next: &mut u32) {
    for statement in block {
        match statement {
            Statement::If(_, accept, reject) => {
                number(accept, next);
                number(reject, next);
            }
            Statement::Switch(_, cases) => {
                cases.iter_mut().for_each(|(_, block)| number(block, next));
            }
            Statement::Loop(of) => {
                of.id = *next;
                *next += 1;
                number(&mut of.body, next);
                number(&mut of.continuing, next);
            }
            _ => {}
        }
    }
}

/// The blocks of a statement.
pub(super) fn blocks(statement: &Statement) -> Vec<&Block> {
    match statement {
        Statement::If(_, accept, reject) => vec![accept, reject],
        Statement::Switch(_, cases) => cases.iter().map(|(_, block)| block).collect(),
        Statement::Loop(of) => vec![&of.body, &of.continuing],
        _ => Vec::new(),
    }
}
