//! The shape of control flow: what reverse mode asks of branches and loops.

use std::collections::{BTreeSet, HashMap, HashSet};

use wgpu::naga::BinaryOperator as Bin;

use super::Refusal;
use super::ir::{
    Argument, Block, Function, Loop, Op, Place, Program, Root, Scalar, Statement, Type, Value,
    blocks, has_own, walk,
};
use super::reverse::is_whole;

type Result<T> = std::result::Result<T, Refusal>;

pub(super) fn refuse<T>(message: &str) -> Result<T> {
    Err(Refusal::new(message, None))
}

/// A loop by its parts.
pub(super) struct Counted {
    /// The statements of one iteration, without the test at its head.
    pub(super) inner: Block,
    /// The variable that grows or shrinks by a constant in each iteration.
    pub(super) counter: Option<(u32, (Bin, Value))>,
    /// The condition to go on at the head.
    condition: Option<Value>,
}

/// Where the test at the head of a loop's body is: after nothing but values.
pub(super) fn header(body: &[Statement]) -> Option<usize> {
    let at = body.iter().position(|statement| !matches!(statement, Statement::Let(_)))?;
    match &body[at] {
        Statement::If(_, accept, reject) => match (&accept[..], &reject[..]) {
            ([], [Statement::Break]) | ([Statement::Break], []) => Some(at),
            _ => None,
        },
        _ => None,
    }
}

/// Takes a loop apart, or says why it cannot be run backward.
pub(super) fn counted(program: &Program, function: &Function, of: &Loop) -> Result<Counted> {
    let at = header(&of.body);
    let mut condition = None;
    let mut inner = Block::new();
    match at {
        Some(at) => {
            if let Statement::If(value, accept, _) = &of.body[at]
                && accept.is_empty()
            {
                condition = Some(*value);
            }
            if of.break_if.is_some() {
                return refuse("a loop with two exits");
            }
            inner.extend(of.body[..at].iter().cloned());
            inner.extend(of.body[at + 1..].iter().cloned());
        }
        None if of.break_if.is_some() => inner.extend(of.body.iter().cloned()),
        None => return refuse("a loop without a test at its head"),
    }
    if has_exit(&inner) {
        return refuse("a loop that breaks in the middle");
    }
    inner.extend(of.continuing.iter().cloned());
    let counter = counter(program, function, &inner);
    Ok(Counted { inner, counter, condition })
}

fn counter(
    program: &Program,
    function: &Function,
    inner: &[Statement],
) -> Option<(u32, (Bin, Value))> {
    inner.iter().find_map(|statement| {
        let Statement::Store(place, value) = statement else { return None };
        let Root::Local(local) = place.root else { return None };
        if !place.path.is_empty() || !is_whole(&place.ty) {
            return None;
        }
        let Op::Binary(op @ (Bin::Add | Bin::Subtract), left, right) = *function.op(*value) else {
            return None;
        };
        let is_it = matches!(function.op(left), Op::Load(from) if from == place);
        let steps = inner.iter().filter(|s| stores(program, std::slice::from_ref(s), local));
        (is_it && function.op(right).is_constant() && steps.count() == 1)
            .then_some((local, (op, right)))
    })
}

fn whole(program: &Program, function: &Function, value: Value) -> Option<i64> {
    match function.op(value) {
        Op::Uint(number) => Some(i64::from(*number)),
        Op::Int(number) => Some(i64::from(*number)),
        Op::Zero => Some(0),
        Op::Name(name) => program.whole.get(name).copied(),
        _ => None,
    }
}

/// What a counter is before the loop, where it is written in the text.
pub(super) fn start(
    program: &Program,
    function: &Function,
    local: u32,
    before: &[Statement],
) -> Option<i64> {
    let stored = before.iter().rev().find_map(|statement| match statement {
        Statement::Store(place, value) if place.root == Root::Local(local) => {
            Some(whole(program, function, *value))
        }
        other if stores(program, std::slice::from_ref(other), local) => Some(None),
        _ => None,
    });
    stored.unwrap_or_else(|| {
        // Nothing but one loop, run once, writes to it: it begins as it was declared.
        let (mut writes, mut again) = (0, false);
        walk(&function.body, &mut |statement| match statement {
            Statement::Store(place, _) => writes += u32::from(place.root == Root::Local(local)),
            Statement::Call { .. } if stores(program, std::slice::from_ref(statement), local) => {
                writes += 2;
            }
            Statement::Loop(outer) => {
                let is_loop = |s: &Statement| matches!(s, Statement::Loop(_));
                walk(&outer.body, &mut |inner| {
                    again |= is_loop(inner) && stores(program, std::slice::from_ref(inner), local);
                });
            }
            _ => {}
        });
        match function.locals[local as usize].init {
            _ if writes != 1 || again => None,
            Some(init) => whole(program, function, init),
            None => Some(0),
        }
    })
}

/// The number of iterations, where it is written in the text.
pub(super) fn trips(
    program: &Program,
    function: &Function,
    counted: &Counted,
    before: &[Statement],
) -> Option<u32> {
    let (local, (op, step)) = counted.counter?;
    let whole = |value| whole(program, function, value);
    let start = start(program, function, local, before)?;
    let step = whole(step)? * if op == Bin::Subtract { -1 } else { 1 };
    let Op::Binary(order, left, right) = *function.op(counted.condition?) else { return None };
    if !matches!(function.op(left), Op::Load(place) if place.root == Root::Local(local)) {
        return None;
    }
    let distance = whole(right)? - start;
    let trips = match order {
        Bin::NotEqual if step == 0 || distance % step != 0 || distance / step < 0 => return None,
        Bin::NotEqual => distance / step,
        Bin::Less if step > 0 => {
            distance.max(0).div_euclid(step) + i64::from(distance > 0 && distance % step != 0)
        }
        Bin::LessEqual if step > 0 => (distance + step).max(0) / step,
        Bin::Greater if step < 0 => {
            (-distance).max(0) / -step + i64::from(distance < 0 && distance % step != 0)
        }
        Bin::GreaterEqual if step < 0 => (-distance - step).max(0) / -step,
        _ => return None,
    };
    // A counter that leaves its type goes on at the other end.
    let end = start + trips * step;
    let stays = match function.locals[local as usize].ty {
        Type::Scalar(Scalar::U32) => u32::try_from(end).is_ok(),
        _ => i32::try_from(end).is_ok(),
    };
    if !stays {
        return None;
    }
    u32::try_from(trips).ok()
}

/// Notes how often loops run, where the text tells.
pub(super) fn expect(program: &mut Program) {
    for id in 0..program.functions.len() {
        let mut body = std::mem::take(&mut program.functions[id].body);
        expect_in(program, &program.functions[id], &mut body);
        program.functions[id].body = body;
    }
}

fn expect_in(program: &Program, function: &Function, block: &mut Block) {
    for i in 0..block.len() {
        let (before, rest) = block.split_at_mut(i);
        match &mut rest[0] {
            Statement::If(_, accept, reject) => {
                expect_in(program, function, accept);
                expect_in(program, function, reject);
            }
            Statement::Switch(_, cases) => {
                cases.iter_mut().for_each(|(_, case)| expect_in(program, function, case));
            }
            Statement::Loop(of) => {
                expect_in(program, function, &mut of.body);
                if let Ok(counted) = counted(program, function, of) {
                    of.expected = trips(program, function, &counted, before);
                }
            }
            _ => {}
        }
    }
}

/// Whether a block has an exit that belongs to the loop or the switch around it.
fn has_exit(block: &[Statement]) -> bool {
    has_own(block, &|statement| {
        matches!(statement, Statement::Break | Statement::Continue | Statement::Return(_))
    })
}

/// Whether statements may write to a local.
pub(super) fn stores(program: &Program, block: &[Statement], local: u32) -> bool {
    let is_it = |place: &Place| place.root == Root::Local(local);
    let mut found = false;
    walk(block, &mut |statement| match statement {
        Statement::Store(place, _) => found |= is_it(place),
        Statement::Call { function, arguments, .. } => {
            for (i, argument) in arguments.iter().enumerate() {
                if let Argument::Pointer(place) = argument {
                    found |= is_it(place) && program.writes(*function, i as u32);
                }
            }
        }
        _ => {}
    });
    found
}

/// The locals that statements read or write.
pub(super) fn touched(function: &Function, block: &[Statement]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut note = |place: &Place| {
        if let Root::Local(local) = place.root {
            found.insert(local);
        }
    };
    walk(block, &mut |statement| match statement {
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
    found
}

/// Whether statements may read a local before they write all of it.
pub(super) fn reads_first(function: &Function, block: &[Statement], local: u32) -> bool {
    first_use(function, block, local) == Use::Reads
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    None,
    Writes,
    Reads,
}

fn first_use(function: &Function, block: &[Statement], local: u32) -> Use {
    let is_it = |place: &Place| place.root == Root::Local(local);
    for statement in block {
        let found = match statement {
            Statement::Let(value) => match function.op(*value) {
                Op::Load(place) if is_it(place) => Use::Reads,
                _ => Use::None,
            },
            Statement::Store(place, _) if is_it(place) => {
                if place.path.is_empty() {
                    Use::Writes
                } else {
                    Use::Reads
                }
            }
            Statement::Call { arguments, .. } => {
                let passed = arguments
                    .iter()
                    .any(|argument| matches!(argument, Argument::Pointer(place) if is_it(place)));
                if passed { Use::Reads } else { Use::None }
            }
            Statement::If(..) | Statement::Switch(..) => {
                let uses: Vec<_> = blocks(statement)
                    .iter()
                    .map(|inner| first_use(function, inner, local))
                    .collect();
                if uses.contains(&Use::Reads) {
                    Use::Reads
                } else if uses.iter().all(|found| *found == Use::Writes) {
                    Use::Writes
                } else {
                    Use::None
                }
            }
            // It may run no iteration, so that its writes do not count.
            Statement::Loop(of) => {
                let joined = [&of.body[..], &of.continuing[..]].concat();
                match first_use(function, &joined, local) {
                    Use::Reads => Use::Reads,
                    _ => Use::None,
                }
            }
            _ => Use::None,
        };
        if found != Use::None {
            return found;
        }
    }
    Use::None
}

/// Values that are used in another block than the one that computes them; the two blocks of a loop
/// count as one.
pub(super) fn used_apart(function: &Function) -> HashSet<Value> {
    let mut finder = Finder { function, home: HashMap::new(), apart: HashSet::new(), next: 0 };
    finder.block(&function.body, 0);
    finder.apart
}

struct Finder<'a> {
    function: &'a Function,
    home: HashMap<Value, u32>,
    apart: HashSet<Value>,
    next: u32,
}

impl Finder<'_> {
    fn used(&mut self, value: Value, here: u32) {
        if self.home.get(&value).is_some_and(|home| *home != here) {
            self.apart.insert(value);
        }
    }

    fn place(&mut self, place: &Place, here: u32) {
        place.indices().for_each(|index| self.used(index, here));
    }

    fn block(&mut self, block: &[Statement], here: u32) {
        for statement in block {
            match statement {
                Statement::Let(value) => {
                    self.home.insert(*value, here);
                    for operand in self.function.op(*value).operands() {
                        self.used(operand, here);
                    }
                }
                Statement::Store(place, value) => {
                    self.place(place, here);
                    self.used(*value, here);
                }
                Statement::Call { arguments, result, .. } => {
                    for argument in arguments {
                        match argument {
                            Argument::Value(value) => self.used(*value, here),
                            Argument::Pointer(place) => self.place(place, here),
                        }
                    }
                    result.iter().for_each(|result| {
                        self.home.insert(*result, here);
                    });
                }
                Statement::Return(Some(value)) => self.used(*value, here),
                Statement::If(value, ..) | Statement::Switch(value, _) => self.used(*value, here),
                _ => {}
            }
            let is_loop = matches!(statement, Statement::Loop(_));
            self.next += 1;
            let shared = self.next;
            for inner in blocks(statement) {
                if is_loop {
                    self.block(inner, shared);
                } else {
                    self.next += 1;
                    let own = self.next;
                    self.block(inner, own);
                }
            }
        }
    }
}
