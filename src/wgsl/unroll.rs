//! Writes out the loops that go through an array of a function's own, such as a position. Drivers keep
//! an array in registers only where every index of it is a constant, and write loops out themselves only
//! while they are short (Mesa: 32 turns). Where one stays, the array goes through memory, some ten times
//! as slow.
//!
//! Texts stay as people wrote them: what is rewritten is the module that a device compiles.

use std::collections::{HashMap, HashSet};

use wgpu::naga::{
    ArraySize, BinaryOperator, Block, Expression, Function, Handle, LocalVariable, Module, Scalar,
    Span, Statement, SwitchCase, Type, TypeInner, UniqueArena, front::Typifier,
    proc::ResolveContext,
};

mod indexing;
mod known;
mod operands;

use known::{Known, Number};

/// The most expressions and statements that a loop may become, those of called functions included:
/// twice those of 128 normals. lavapipe's compiler takes some five seconds for as many.
const MOST: usize = 64_000;

/// The most turns of a loop that is written out.
const MOST_TURNS: u32 = 256;

/// What functions are after their loops were written out.
#[derive(Default)]
struct Called {
    /// Expressions and statements, those of called functions included.
    sizes: HashMap<Handle<Function>, usize>,
    /// Whether a function indexes an array of its own, or of its caller's, by this parameter.
    indexing: HashMap<Handle<Function>, Vec<bool>>,
}

/// The module with its loops written out; nothing, if it has none of the kind.
pub(crate) fn unrolled(module: &Module) -> Option<Module> {
    let mut called = Called::default();
    let mut functions = Vec::new();
    for (handle, function) in module.functions.iter() {
        let indexing = indexing::parameters(module, &called.indexing, function);
        called.indexing.insert(handle, indexing);
        let (written, size) = Writer::write(module, &called, function);
        called.sizes.insert(handle, size);
        functions.extend(written.map(|written| (handle, written)));
    }
    let entries = module.entry_points.iter();
    let entries: Vec<_> =
        entries.map(|entry| Writer::write(module, &called, &entry.function).0).collect();
    if functions.is_empty() && entries.iter().all(Option::is_none) {
        return None;
    }
    let mut made = module.clone();
    for (handle, function) in functions {
        *made.functions.get_mut(handle) = function;
    }
    for (entry, function) in made.entry_points.iter_mut().zip(entries) {
        if let Some(function) = function {
            entry.function = function;
        }
    }
    Some(made)
}

/// Copies a function with its loops written out.
struct Writer<'a> {
    module: &'a Module,
    called: &'a Called,
    source: &'a Function,
    types: Typifier,
    /// The copy so far.
    made: Function,
    /// The bodies of loops that were given up, by where they are: each is tried once, because loops in
    /// loops would else be tried again with every one around them.
    given_up: HashSet<*const Block>,
    /// Whether the copy reads what nothing before it computes: then the function stays as it is.
    is_strange: bool,
    state: State<'a>,
}

/// What is known where the copy ends.
#[derive(Clone)]
struct State<'a> {
    /// Where an expression of the source was copied to last.
    places: HashMap<Handle<Expression>, Handle<Expression>>,
    known: Known<'a>,
    /// Of how many loops that are being written out the statement at hand is part.
    level: u32,
    /// Those of them, a bit each, whose turns decided an index of an array.
    indexed: u64,
    size: usize,
    is_changed: bool,
    leaves: Leaves,
    /// Whether a `break` or a `continue` of a loop that is being written out was found where nobody
    /// knows whether it is reached.
    is_lost: bool,
}

/// What becomes of a statement that leaves a turn of a loop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// It stays, as does its loop.
    Kept,
    /// It is reached, and ends the turn that is being written.
    Known,
    Unknown,
}

/// What becomes of a `break` and of a `continue`.
#[derive(Clone, Copy)]
struct Leaves {
    breaks: Leave,
    continues: Leave,
}

impl Leaves {
    fn all(leave: Leave) -> Leaves {
        Leaves { breaks: leave, continues: leave }
    }

    /// The same where nobody knows whether the statement is reached.
    fn perhaps(self) -> Leaves {
        let of = |leave| if leave == Leave::Kept { Leave::Kept } else { Leave::Unknown };
        Leaves { breaks: of(self.breaks), continues: of(self.continues) }
    }
}

/// How a block ends, where that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Falls,
    Breaks,
    Continues,
    Returns,
}

impl<'a> Writer<'a> {
    /// The copy, if it is another function, and its size.
    fn write(
        module: &'a Module,
        called: &'a Called,
        source: &'a Function,
    ) -> (Option<Function>, usize) {
        let (variables, arguments) = (&source.local_variables, &source.arguments);
        let context = ResolveContext::with_locals(module, variables, arguments);
        let mut types = Typifier::new();
        let mut is_typed = |(handle, of): (Handle<Expression>, &Expression)| {
            operands::mapped(of, &mut |of| of).is_some()
                && types.grow(handle, &source.expressions, &context).is_ok()
        };
        if !operands::are_known(&source.body) || !source.expressions.iter().all(&mut is_typed) {
            return (None, source.expressions.len());
        }
        let made = Function {
            name: source.name.clone(),
            arguments: source.arguments.clone(),
            result: source.result.clone(),
            local_variables: source.local_variables.clone(),
            diagnostic_filter_leaf: source.diagnostic_filter_leaf,
            ..Function::default()
        };
        let state = State {
            places: HashMap::new(),
            known: Known::of(module, source),
            level: 0,
            indexed: 0,
            size: 0,
            is_changed: false,
            leaves: Leaves::all(Leave::Kept),
            is_lost: false,
        };
        let (given_up, is_strange) = (HashSet::new(), false);
        let mut writer =
            Writer { module, called, source, types, made, given_up, is_strange, state };
        for (handle, of) in source.expressions.iter().filter(|(_, of)| of.needs_pre_emit()) {
            writer.push(of.clone(), handle);
        }
        for (handle, variable) in source.local_variables.iter() {
            let init = variable.init.map(|init| writer.begun(init));
            writer.made.local_variables[handle].init = init;
        }
        let mut body = Block::new();
        writer.block(&source.body, &mut body);
        writer.made.body = body;
        let is_new = writer.state.is_changed && !writer.is_strange;
        (is_new.then_some(writer.made), writer.state.size)
    }

    fn push(&mut self, copied: Expression, of: Handle<Expression>) -> Handle<Expression> {
        let span = self.source.expressions.get_span(of);
        let place = self.made.expressions.append(copied, span);
        self.state.places.insert(of, place);
        place
    }

    /// Where an expression was copied to.
    fn place(&mut self, of: Handle<Expression>) -> Handle<Expression> {
        let place = self.state.places.get(&of).copied();
        self.is_strange |= place.is_none();
        place.unwrap_or(of)
    }

    /// What a variable begins with, which no statement computes.
    fn begun(&mut self, of: Handle<Expression>) -> Handle<Expression> {
        if let Some(place) = self.state.places.get(&of) {
            return *place;
        }
        let source = &self.source.expressions[of];
        let copied = operands::mapped(source, &mut |operand| self.begun(operand));
        self.push(copied.unwrap_or_else(|| source.clone()), of)
    }

    fn emit(&mut self, copied: Expression, of: Handle<Expression>, out: &mut Block) {
        let before = self.made.expressions.len();
        self.push(copied, of);
        let span = self.source.expressions.get_span(of);
        out.push(Statement::Emit(self.made.expressions.range_from(before)), span);
        self.state.size += 1;
    }

    fn scalar(&self, of: Handle<Expression>) -> Option<Scalar> {
        self.types[of].inner_with(&self.module.types).scalar()
    }

    /// An operand of what no compiler computes beforehand: a constant where it is known.
    fn value(&mut self, of: Handle<Expression>) -> Handle<Expression> {
        let number = self.state.known.computed(of);
        let literal = number.zip(self.scalar(of)).and_then(|(number, s)| number.literal(s));
        let Some(literal) = literal else { return self.place(of) };
        let span = self.source.expressions.get_span(of);
        self.made.expressions.append(Expression::Literal(literal), span)
    }

    /// An operand that compilers of WGSL do not take for a constant, where they would compute with it:
    /// they refuse what is out of range then, even where it is never reached.
    fn hidden(&mut self, of: Handle<Expression>, out: &mut Block) -> Handle<Expression> {
        if self.state.known.computed(of).is_none() {
            return self.place(of);
        }
        let value = self.value(of);
        let Some(ty) = self.scalar(of).and_then(|scalar| scalar_type(&self.module.types, scalar))
        else {
            return value;
        };
        let variables = &mut self.made.local_variables;
        let found = variables.iter().find(|(_, v)| v.ty == ty && v.name.as_deref() == Some(HIDDEN));
        let variable = found.map(|(handle, _)| handle).unwrap_or_else(|| {
            let name = Some(HIDDEN.to_string());
            variables.append(LocalVariable { name, ty, init: None }, Span::UNDEFINED)
        });
        let expressions = &mut self.made.expressions;
        let pointer = expressions.append(Expression::LocalVariable(variable), Span::UNDEFINED);
        out.push(Statement::Store { pointer, value }, Span::UNDEFINED);
        let before = expressions.len();
        let loaded = expressions.append(Expression::Load { pointer }, Span::UNDEFINED);
        out.push(Statement::Emit(expressions.range_from(before)), Span::UNDEFINED);
        loaded
    }

    fn mapped(&mut self, source: &Expression, out: &mut Block) -> Expression {
        let copied = operands::mapped(source, &mut |operand| self.hidden(operand, out));
        copied.unwrap_or_else(|| source.clone())
    }

    /// Copies an expression where the source computes it; what is known is written as a constant where
    /// it is used.
    fn expression(&mut self, of: Handle<Expression>, out: &mut Block) {
        let scalar = self.scalar(of);
        if self.state.known.compute(of, scalar) {
            return;
        }
        let source = self.source;
        let copied = match source.expressions[of] {
            Expression::Access { base, index } => match self.part(base, index) {
                Some(index) => Expression::AccessIndex { base: self.place(base), index },
                None => {
                    let index = self.hidden(index, out);
                    Expression::Access { base: self.place(base), index }
                }
            },
            Expression::Binary { op, left, right }
                if is_safe(op) && !(self.is_computed(left) && self.is_computed(right)) =>
            {
                Expression::Binary { op, left: self.value(left), right: self.value(right) }
            }
            ref other => self.mapped(other, out),
        };
        self.emit(copied, of, out);
    }

    fn is_computed(&self, of: Handle<Expression>) -> bool {
        self.state.known.number(of).is_some()
    }

    /// The part of an array, a vector or a matrix that an index names, if that is known and there is
    /// one.
    fn part(&mut self, base: Handle<Expression>, index: Handle<Expression>) -> Option<u32> {
        let Number { value, loops } = self.state.known.computed(index)?;
        let types = &self.module.types;
        let parts = match *self.types[base].inner_with(types) {
            TypeInner::Pointer { base, .. } => parts(&types[base].inner),
            TypeInner::ValuePointer { size, .. } => size.map(|size| size as u32),
            ref inner => parts(inner),
        };
        if !indexing::is_in_buffer(self.module, self.source, base) {
            self.state.indexed |= loops;
        }
        u32::try_from(value).ok().filter(|part| Some(*part) < parts)
    }

    /// A block of which nobody knows whether it is reached.
    fn nested(&mut self, block: &Block) -> Block {
        self.nested_until(block).0
    }

    /// The same, and how it ends.
    fn nested_until(&mut self, block: &Block) -> (Block, End) {
        let before = self.state.known.variables();
        let mut out = Block::new();
        let end = self.block(block, &mut out);
        self.state.known.restore(before);
        (out, end)
    }

    fn block(&mut self, block: &Block, out: &mut Block) -> End {
        for (statement, span) in block.span_iter() {
            match self.statement(statement, *span, out) {
                End::Falls => {}
                end => return end,
            }
        }
        End::Falls
    }

    fn statement(&mut self, of: &Statement, span: Span, out: &mut Block) -> End {
        let mut end = End::Falls;
        let copied = match of {
            Statement::Emit(range) => {
                range.clone().for_each(|handle| self.expression(handle, out));
                return end;
            }
            Statement::If { condition, accept, reject } => {
                let known = self.state.known.number(*condition);
                if let Some(Number { value, .. }) = known {
                    return self.block(if value == 0 { reject } else { accept }, out);
                }
                let condition = self.place(*condition);
                let leaves = self.state.leaves;
                self.state.leaves = leaves.perhaps();
                let (accepted, rejected) = (self.nested(accept), self.nested(reject));
                self.state.leaves = leaves;
                self.forget([accept, reject]);
                Statement::If { condition, accept: accepted, reject: rejected }
            }
            Statement::Block(block) => return self.block(block, out),
            Statement::Switch { selector, cases } => {
                let selector = self.value(*selector);
                let leaves = self.state.leaves;
                // A `break` is the switch's own.
                self.state.leaves = Leaves { breaks: Leave::Kept, ..leaves.perhaps() };
                let copied = |case: &SwitchCase| SwitchCase {
                    body: self.nested(&case.body),
                    ..case.clone()
                };
                let copied = cases.iter().map(copied).collect();
                self.state.leaves = leaves;
                self.forget(cases.iter().map(|case| &case.body));
                Statement::Switch { selector, cases: copied }
            }
            Statement::Loop { body, continuing, break_if } => {
                if let Some(end) = self.written_out(body, continuing, *break_if, out) {
                    return end;
                }
                self.forget([body, continuing]);
                let leaves = std::mem::replace(&mut self.state.leaves, Leaves::all(Leave::Kept));
                let (body, end) = self.nested_until(body);
                // What follows a turn that never goes on reads what was not computed.
                let goes_on = matches!(end, End::Falls | End::Continues);
                let mut last = Block::new();
                let mut break_if = break_if.filter(|_| goes_on);
                if goes_on {
                    last = self.nested(continuing);
                    break_if = break_if.map(|value| self.hidden(value, &mut last));
                }
                self.state.leaves = leaves;
                Statement::Loop { body, continuing: last, break_if }
            }
            other => {
                match other {
                    Statement::Break | Statement::Continue => {
                        let is_break = matches!(other, Statement::Break);
                        let Leaves { breaks, continues } = self.state.leaves;
                        let leave;
                        (end, leave) = match is_break {
                            true => (End::Breaks, breaks),
                            false => (End::Continues, continues),
                        };
                        match leave {
                            Leave::Kept => {}
                            Leave::Known => return end,
                            Leave::Unknown => self.state.is_lost = true,
                        }
                    }
                    Statement::Return { .. } | Statement::Kill => end = End::Returns,
                    Statement::Store { pointer, value } => {
                        self.state.known.store(*pointer, *value);
                    }
                    Statement::Call { function, arguments, result } => {
                        self.call(*function, arguments);
                        if let Some(result) = result {
                            self.push(self.source.expressions[*result].clone(), *result);
                        }
                    }
                    Statement::WorkGroupUniformLoad { result, .. } => {
                        self.push(self.source.expressions[*result].clone(), *result);
                    }
                    _ => {}
                }
                let copied = operands::of_statement(other, &mut |of| self.value(of));
                copied.unwrap_or_else(|| other.clone())
            }
        };
        self.state.size += 1;
        out.push(copied, span);
        end
    }

    fn call(&mut self, function: Handle<Function>, arguments: &[Handle<Expression>]) {
        self.state.size += self.called.sizes.get(&function).copied().unwrap_or_default();
        let indexing = self.called.indexing.get(&function).map(Vec::as_slice).unwrap_or_default();
        for (argument, is_index) in arguments.iter().zip(indexing) {
            if let Some(Number { loops, .. }) = self.state.known.computed(*argument)
                && *is_index
            {
                self.state.indexed |= loops;
            }
        }
    }

    /// Forgets the variables that blocks may have changed.
    fn forget<'b>(&mut self, blocks: impl IntoIterator<Item = &'b Block>) {
        for block in blocks {
            self.state.known.forget(block);
        }
    }

    /// Writes a loop out, if it is one of those that this is for.
    fn written_out(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
        out: &mut Block,
    ) -> Option<End> {
        let bit = 1_u64.checked_shl(self.state.level)?;
        if self.given_up.contains(&std::ptr::from_ref(body)) {
            return None;
        }
        let (before, expressions) = (self.state.clone(), self.made.expressions.len());
        let mut written = Block::new();
        self.state.level += 1;
        self.state.is_lost = false;
        let turns = self.turns(body, continuing, break_if, bit, &mut written);
        // The first turn is decided by what comes before the loop.
        let is_wanted = |turns: u32| turns < 2 || self.state.indexed & bit != 0;
        let Some((end, _)) = turns.filter(|(_, turns)| is_wanted(*turns) && !self.state.is_lost)
        else {
            self.state = before;
            self.cut(expressions);
            self.given_up.insert(body);
            return None;
        };
        self.state.leaves = before.leaves;
        self.state.is_lost = before.is_lost;
        self.state.level -= 1;
        self.state.indexed &= !bit;
        self.state.known.leave(bit);
        self.state.is_changed = true;
        out.append(&mut written);
        Some(end)
    }

    /// Takes back all expressions but the first.
    fn cut(&mut self, kept: usize) {
        let all = std::mem::take(&mut self.made.expressions);
        for (handle, expression) in all.iter().take(kept) {
            self.made.expressions.append(expression.clone(), all.get_span(handle));
        }
    }

    /// Writes the turns of a loop one after the other, and says how many. Nothing, if it is not known
    /// where they end.
    fn turns(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
        bit: u64,
        out: &mut Block,
    ) -> Option<(End, u32)> {
        let most = self.state.size + MOST;
        self.state.leaves = Leaves::all(Leave::Known);
        for turn in 0..MOST_TURNS {
            match self.block(body, out) {
                End::Breaks => return Some((End::Falls, turn)),
                End::Returns => return Some((End::Returns, turn)),
                End::Falls | End::Continues => {}
            }
            self.block(continuing, out);
            if let Some(condition) = break_if
                && self.state.known.computed(condition)?.value != 0
            {
                return Some((End::Falls, turn));
            }
            if self.state.is_lost || self.state.size > most {
                return None;
            }
            for block in [body, continuing] {
                self.state.known.hand_on(block, bit);
            }
        }
        None
    }
}

/// What a variable is called that hides constants.
const HIDDEN: &str = "hidden";

fn scalar_type(types: &UniqueArena<Type>, scalar: Scalar) -> Option<Handle<Type>> {
    let mut found = types.iter().filter(|(_, ty)| ty.inner == TypeInner::Scalar(scalar));
    found.next().map(|(handle, _)| handle)
}

/// What never is out of range where one side is not known.
fn is_safe(op: BinaryOperator) -> bool {
    !matches!(
        op,
        BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::ShiftLeft
            | BinaryOperator::ShiftRight
    )
}

/// Of how many parts a thing is that has an index.
fn parts(inner: &TypeInner) -> Option<u32> {
    match *inner {
        TypeInner::Array { size: ArraySize::Constant(length), .. } => Some(length.get()),
        TypeInner::Vector { size, .. } => Some(size as u32),
        TypeInner::Matrix { columns, .. } => Some(columns as u32),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
