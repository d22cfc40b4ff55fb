//! Programs over a position: what they are made of, and how they are drawn.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ty {
    Number,
    Vector(usize),
    /// 2 × 2.
    Matrix,
    Array(usize),
}

impl Ty {
    pub(super) fn size(self) -> usize {
        match self {
            Ty::Number => 1,
            Ty::Vector(size) | Ty::Array(size) => size,
            Ty::Matrix => 4,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Ty::Number => "f32".into(),
            Ty::Vector(size) => format!("vec{size}<f32>"),
            Ty::Matrix => "mat2x2<f32>".into(),
            Ty::Array(size) => format!("array<f32, {size}>"),
        }
    }
}

/// Functions of one number or component; all are bounded, so that no program leaves the range.
pub(super) const BOUNDED: [(&str, &str); 9] = [
    ("sin", "sin({})"),
    ("cos", "cos({})"),
    ("tanh", "tanh({})"),
    ("atan", "atan({})"),
    ("log", "log(2.0 + cos({}))"),
    ("sqrt", "sqrt(1.5 + sin({}))"),
    ("inverse", "(1.0 / (2.0 + sin({})))"),
    ("exp", "exp(tanh({}))"),
    ("abs", "abs(sin({}))"),
];

/// How often loops run.
pub(super) const COUNTS: [usize; 5] = [2, 1, 5, 3, 24];

#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// A dyadic number.
    Constant(f64),
    Read(Place),
    /// The counter of a loop, as a number.
    Counter(usize),
    Negate(Box<Expr>),
    Bounded(usize, Box<Expr>),
    /// `+ - *`, component by component, or with one number for all.
    Binary(char, Box<Expr>, Box<Expr>),
    /// min, max: of numbers or of vectors.
    Extreme(&'static str, Box<Expr>, Box<Expr>),
    Mix(Box<Expr>, Box<Expr>, Box<Expr>),
    Dot(Box<Expr>, Box<Expr>),
    /// Of two matrices, or of one and a vector on either side.
    Product(Box<Expr>, Box<Expr>),
    Determinant(Box<Expr>),
    Transpose(Box<Expr>),
    Compose(Ty, Vec<Expr>),
    Swizzle(Box<Expr>, Vec<usize>),
    Select(Box<Cond>, Box<Expr>, Box<Expr>),
    Call(usize, Vec<Expr>, Option<usize>),
}

#[derive(Debug, Clone)]
pub(super) struct Cond(pub(super) Expr, pub(super) Expr, pub(super) bool);

/// A variable, or one number of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) variable: usize,
    pub(super) ty: Ty,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Whole,
    At(usize),
    /// `(counter + by) % size`.
    Along(usize, usize),
}

#[derive(Debug, Clone)]
pub(super) enum Statement {
    Declare(usize, Ty, Expr),
    /// `=`, `+=` or `*=`.
    Store(Place, &'static str, Expr),
    If(Cond, Vec<Statement>, Vec<Statement>),
    Switch(Cond, Vec<Statement>, Vec<Statement>),
    /// A counter, how often, whether that is an `override`, whether it counts down.
    For(usize, usize, bool, bool, Vec<Statement>),
    Break(Cond),
    Continue(Cond),
    Return(Expr),
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) parameters: Vec<(usize, Ty)>,
    /// The first parameter is a pointer, and whether it is written through.
    pub(super) pointer: Option<bool>,
    pub(super) result: Ty,
    pub(super) body: Vec<Statement>,
}

/// Functions that call those before them; the last is `f`, whose first parameter is the position.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) functions: Vec<Function>,
    /// Whether reverse mode has no reason to refuse it.
    pub(super) is_plain: bool,
}

/// Draws from a list of words; where it ends, always the simplest.
pub(super) struct Draw<'a> {
    words: std::slice::Iter<'a, u32>,
    variables: Vec<(usize, Ty, bool)>,
    counters: Vec<usize>,
    next: usize,
    functions: Vec<Function>,
    is_plain: bool,
    pointers: Vec<usize>,
}

impl Draw<'_> {
    pub(super) fn program(words: &[u32]) -> Program {
        let mut draw = Draw {
            words: words.iter(),
            variables: Vec::new(),
            counters: Vec::new(),
            next: 0,
            functions: Vec::new(),
            is_plain: true,
            pointers: Vec::new(),
        };
        for _ in 0..draw.below(3) {
            draw.function(None);
        }
        let ty = [Ty::Vector(2), Ty::Vector(3), Ty::Vector(4), Ty::Array(5), Ty::Array(18)];
        let ty = ty[draw.below(5)];
        draw.function(Some(ty));
        Program { functions: draw.functions, is_plain: draw.is_plain }
    }

    fn below(&mut self, count: usize) -> usize {
        self.words.next().map_or(0, |word| *word as usize % count)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn any_ty(&mut self) -> Ty {
        [Ty::Number, Ty::Vector(2), Ty::Number, Ty::Vector(3), Ty::Matrix, Ty::Array(3)]
            [self.below(6)]
    }

    fn function(&mut self, position: Option<Ty>) {
        self.variables.clear();
        self.pointers.clear();
        let mut parameters = Vec::new();
        let types = match position {
            Some(ty) => vec![ty],
            None => (0..1 + self.below(2)).map(|_| self.any_ty()).collect(),
        };
        let pointer = self.one_in(2).then(|| position.is_none() && self.one_in(3));
        for (i, ty) in types.into_iter().enumerate() {
            let name = self.fresh();
            parameters.push((name, ty));
            let is_pointer = i == 0 && pointer.is_some();
            if is_pointer {
                self.pointers.push(name);
            }
            self.variables.push((name, ty, is_pointer && pointer == Some(true)));
        }
        let mut body = Vec::new();
        let count = 1 + self.below(6);
        self.block(&mut body, count, 2, position.is_some());
        let result = if position.is_some() {
            Ty::Number
        } else {
            [Ty::Number, Ty::Vector(2)][self.below(2)]
        };
        body.push(Statement::Return(self.expr(result, 3)));
        self.functions.push(Function { parameters, pointer, result, body });
    }

    fn block(&mut self, out: &mut Vec<Statement>, count: usize, depth: usize, returns: bool) {
        let outside = self.variables.len();
        for _ in 0..count {
            self.statement(out, depth, returns);
        }
        self.variables.truncate(outside);
    }

    fn inner(&mut self, depth: usize, returns: bool) -> Vec<Statement> {
        let mut out = Vec::new();
        let count = 1 + self.below(3);
        let outside = self.variables.clone();
        self.block(&mut out, count, depth - 1, returns);
        self.variables = outside;
        out
    }

    fn statement(&mut self, out: &mut Vec<Statement>, depth: usize, returns: bool) {
        match self.below(if depth > 0 { 10 } else { 5 }) {
            0 | 1 => {
                let ty = self.any_ty();
                let begin = self.stored(ty);
                let name = self.fresh();
                out.push(Statement::Declare(name, ty, begin));
                self.variables.push((name, ty, true));
            }
            2 | 3 => {
                let Some(place) = self.place(None, true) else { return };
                let ty = if let Part::Whole = place.part { place.ty } else { Ty::Number };
                let way = match ty {
                    Ty::Number | Ty::Vector(_) => ["+=", "=", "*="][self.below(3)],
                    _ => "=",
                };
                let value = match way {
                    // At most 1, so that no product grows without bound.
                    "*=" => Expr::Bounded(self.below(3), Box::new(self.expr(ty, 2))),
                    _ => self.stored(ty),
                };
                if let (Ty::Array(_), false) = (place.ty, self.counters.is_empty()) {
                    // An array that iterations hand on is not recorded.
                    self.is_plain = false;
                }
                out.push(Statement::Store(place, way, value));
            }
            4 => match self.below(4) {
                3 if returns => {
                    self.is_plain = false;
                    let (condition, value) = (self.cond(), self.expr(Ty::Number, 2));
                    out.push(Statement::If(condition, vec![Statement::Return(value)], Vec::new()));
                }
                1 | 2 if !self.counters.is_empty() => {
                    self.is_plain = false;
                    let condition = self.cond();
                    let is_break = self.one_in(2);
                    out.push(if is_break {
                        Statement::Break(condition)
                    } else {
                        Statement::Continue(condition)
                    });
                }
                _ => {
                    // What such a call writes is there in the statements that follow.
                    let writers = (0..self.functions.len())
                        .filter(|id| self.functions[*id].pointer == Some(true));
                    let Some(id) = writers.last() else { return };
                    let Some(call) = self.call_of(id, 1) else { return };
                    self.is_plain = false;
                    let (name, ty) = (self.fresh(), self.functions[id].result);
                    out.push(Statement::Declare(name, ty, call));
                    self.variables.push((name, ty, true));
                }
            },
            5 => {
                let condition = self.cond();
                let accept = self.inner(depth, returns);
                let reject = if self.one_in(2) { self.inner(depth, returns) } else { Vec::new() };
                out.push(Statement::If(condition, accept, reject));
            }
            6 => {
                // A `break` in it would leave the switch.
                let (condition, outside) = (self.cond(), std::mem::take(&mut self.counters));
                let (accept, reject) = (self.inner(depth, false), self.inner(depth, false));
                self.counters = outside;
                out.push(Statement::Switch(condition, accept, reject));
            }
            _ => {
                // The long ones are not written out.
                let (counter, count) = (self.fresh(), COUNTS[self.below(5)]);
                let (is_override, is_down) = (self.one_in(4), self.one_in(4));
                self.is_plain &= !is_override;
                self.counters.push(counter);
                let body = self.inner(depth, returns);
                self.counters.pop();
                out.push(Statement::For(counter, count, is_override, is_down, body));
            }
        }
    }

    /// What is kept in variables is bounded, so that loops are.
    fn stored(&mut self, ty: Ty) -> Expr {
        match ty {
            Ty::Number | Ty::Vector(_) => {
                let way = self.below(BOUNDED.len());
                Expr::Bounded(way, Box::new(self.expr(ty, 2)))
            }
            _ => Expr::Compose(ty, (0..ty.size()).map(|_| self.stored(Ty::Number)).collect()),
        }
    }

    /// A variable of a type, or one number of any of them.
    fn place(&mut self, wanted: Option<Ty>, is_written: bool) -> Option<Place> {
        let fits = |ty: Ty| wanted.is_none() || wanted == Some(ty) || wanted == Some(Ty::Number);
        let known: Vec<_> =
            self.variables.iter().filter(|v| fits(v.1) && (v.2 || !is_written)).copied().collect();
        if known.is_empty() {
            return None;
        }
        // The latest first.
        let (variable, ty, _) = known[known.len() - 1 - self.below(known.len())];
        let is_whole = wanted == Some(ty) || (wanted.is_none() && !self.one_in(2));
        let part = match (is_whole || ty == Ty::Number, self.counters.last().copied()) {
            (true, _) => Part::Whole,
            (false, Some(counter)) if ty != Ty::Matrix && self.below(2) == 0 => {
                Part::Along(counter, self.below(3))
            }
            _ => Part::At(self.below(ty.size())),
        };
        Some(Place { variable, ty, part })
    }

    fn cond(&mut self) -> Cond {
        let (left, right) = (self.expr(Ty::Number, 1), self.expr(Ty::Number, 0));
        Cond(left, right, self.one_in(2))
    }

    fn constant(&mut self) -> Expr {
        Expr::Constant([0.5, -1.25, 0.75, 1.5, -0.375][self.below(5)])
    }

    fn leaf(&mut self, ty: Ty) -> Expr {
        if !self.one_in(5)
            && let Some(place) = self.place(Some(ty), false)
        {
            return Expr::Read(place);
        }
        match ty {
            Ty::Number => match self.counters.last().copied() {
                Some(counter) if self.one_in(2) => Expr::Counter(counter),
                _ => self.constant(),
            },
            _ => Expr::Compose(ty, (0..ty.size()).map(|_| self.leaf(Ty::Number)).collect()),
        }
    }

    fn expr(&mut self, ty: Ty, depth: usize) -> Expr {
        if depth == 0 || self.one_in(8) {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        let boxed = |draw: &mut Self, ty| Box::new(draw.expr(ty, depth));
        if self.one_in(5)
            && let Some(call) = self.call(ty, depth)
        {
            return call;
        }
        match ty {
            Ty::Matrix => match self.below(4) {
                0 => Expr::Product(boxed(self, ty), boxed(self, ty)),
                1 => Expr::Transpose(boxed(self, ty)),
                2 => Expr::Binary('+', boxed(self, ty), boxed(self, ty)),
                _ => Expr::Binary('*', boxed(self, Ty::Number), boxed(self, ty)),
            },
            Ty::Array(_) => self.leaf(ty),
            _ => match self.below(12) {
                0 | 1 => Expr::Binary(['+', '-'][self.below(2)], boxed(self, ty), boxed(self, ty)),
                2 | 3 => Expr::Binary('*', boxed(self, ty), boxed(self, ty)),
                4 | 5 => Expr::Bounded(self.below(BOUNDED.len()), boxed(self, ty)),
                6 => Expr::Negate(boxed(self, ty)),
                7 => Expr::Extreme(["min", "max"][self.below(2)], boxed(self, ty), boxed(self, ty)),
                8 => Expr::Select(Box::new(self.cond()), boxed(self, ty), boxed(self, ty)),
                9 => {
                    let blend = Ty::Number;
                    Expr::Mix(boxed(self, ty), boxed(self, ty), boxed(self, blend))
                }
                _ => match ty {
                    Ty::Vector(2) if self.below(2) == 0 => {
                        let (m, v) = (boxed(self, Ty::Matrix), boxed(self, ty));
                        if self.one_in(2) { Expr::Product(v, m) } else { Expr::Product(m, v) }
                    }
                    Ty::Vector(size) => {
                        let from = 2 + self.below(3);
                        let lanes = (0..size).map(|_| self.below(from)).collect();
                        Expr::Swizzle(boxed(self, Ty::Vector(from)), lanes)
                    }
                    _ if self.below(2) == 0 => {
                        let of = Ty::Vector(2 + self.below(3));
                        Expr::Dot(boxed(self, of), boxed(self, of))
                    }
                    _ => Expr::Determinant(boxed(self, Ty::Matrix)),
                },
            },
        }
    }

    /// A call in an expression: of no function that writes, because what it writes would depend on
    /// the order in which operands are evaluated.
    fn call(&mut self, ty: Ty, depth: usize) -> Option<Expr> {
        let fits = |f: &Function| f.result == ty && f.pointer != Some(true);
        let id = self.functions.iter().position(fits)?;
        self.call_of(id, depth)
    }

    /// A call whose pointer leads to a variable of the right type.
    fn call_of(&mut self, id: usize, depth: usize) -> Option<Expr> {
        let Function { parameters, pointer, .. } = self.functions[id].clone();
        let mut passed = None;
        if let Some(writes) = pointer {
            let wanted = parameters[0].1;
            let is_memory =
                |name: usize, is_written: bool| is_written || self.pointers.contains(&name);
            let fitting =
                |v: &&(usize, Ty, bool)| v.1 == wanted && is_memory(v.0, v.2) && (v.2 || !writes);
            passed = Some(self.variables.iter().rev().find(fitting)?.0);
        }
        let values = parameters.iter().skip(usize::from(pointer.is_some()));
        let values = values.map(|(_, ty)| self.expr(*ty, depth.min(1))).collect();
        Some(Expr::Call(id, values, passed))
    }
}
