//! The WGSL of a program.

use std::fmt::Write as _;

use super::programs::{BOUNDED, COUNTS, Cond, Expr, Function, Part, Place, Program, Statement, Ty};

impl Program {
    pub(super) fn position(&self) -> Ty {
        self.functions[self.functions.len() - 1].parameters[0].1
    }

    pub(super) fn wgsl(&self) -> String {
        let begin = "override nought: f32 = 0.0;\n".to_string();
        let mut text = COUNTS
            .into_iter()
            .fold(begin, |text, k| text + &format!("override count{k}: u32 = {k}u;\n"));
        for (id, function) in self.functions.iter().enumerate() {
            let is_last = id + 1 == self.functions.len();
            let name = if is_last { "f".to_string() } else { format!("h{id}") };
            let mut writer = Writer { function, text: String::new(), depth: 1 };
            writer.block(&function.body);
            let parameters = function.parameters.iter().enumerate().map(|(i, (variable, ty))| {
                let ty = ty.text();
                let is_pointer = i == 0 && function.pointer.is_some();
                let ty = if is_pointer { format!("ptr<function, {ty}>") } else { ty };
                format!("a{variable}: {ty}")
            });
            let parameters: Vec<_> = parameters.collect();
            let (parameters, result) = (parameters.join(", "), function.result.text());
            let _ = write!(text, "fn {name}({parameters}) -> {result} {{\n{}}}\n", writer.text);
        }
        text
    }
}

struct Writer<'a> {
    function: &'a Function,
    text: String,
    depth: usize,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:1$}{line}", "", 4 * self.depth);
    }

    fn block(&mut self, block: &[Statement]) {
        block.iter().for_each(|statement| self.statement(statement));
    }

    fn nested(&mut self, head: &str, block: &[Statement]) {
        self.line(head);
        self.depth += 1;
        self.block(block);
        self.depth -= 1;
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Declare(name, ty, begin) => {
                let text = format!("var a{name}: {} = {};", ty.text(), self.expr(begin));
                self.line(&text);
            }
            Statement::Store(place, way, value) => {
                let text = format!("{} {way} {};", self.place(place), self.expr(value));
                self.line(&text);
            }
            Statement::If(condition, accept, reject) => {
                let head = format!("if ({}) {{", self.cond(condition));
                self.nested(&head, accept);
                if !reject.is_empty() {
                    self.nested("} else {", reject);
                }
                self.line("}");
            }
            Statement::Switch(condition, accept, reject) => {
                let head = format!("switch (select(3u, 1u, {})) {{", self.cond(condition));
                self.line(&head);
                self.nested("case 1u: {", accept);
                self.nested("} default: {", reject);
                self.line("}");
                self.line("}");
            }
            Statement::For(counter, count, is_override, is_down, body) => {
                let count =
                    if *is_override { format!("count{count}") } else { format!("{count}u") };
                let i = format!("i{counter}");
                let head = if *is_down {
                    format!("for (var {i} = {count}; {i} > 0u; {i} -= 1u) {{")
                } else {
                    format!("for (var {i} = 0u; {i} < {count}; {i}++) {{")
                };
                self.nested(&head, body);
                self.line("}");
            }
            Statement::Break(condition) => {
                let text = format!("if ({}) {{ break; }}", self.cond(condition));
                self.line(&text);
            }
            Statement::Continue(condition) => {
                let text = format!("if ({}) {{ continue; }}", self.cond(condition));
                self.line(&text);
            }
            Statement::Return(value) => {
                let text = format!("return {};", self.expr(value));
                self.line(&text);
            }
        }
    }

    fn is_pointer(&self, variable: usize) -> bool {
        self.function.pointer.is_some() && self.function.parameters[0].0 == variable
    }

    fn place(&self, place: &Place) -> String {
        let Place { variable, ty, part } = place;
        let name = match self.is_pointer(*variable) {
            true => format!("(*a{variable})"),
            false => format!("a{variable}"),
        };
        match (part, ty) {
            (Part::Whole, _) => name,
            (Part::At(k), Ty::Vector(_)) => format!("{name}.{}", ["x", "y", "z", "w"][*k]),
            (Part::At(k), Ty::Matrix) => format!("{name}[{}].{}", k / 2, ["x", "y"][k % 2]),
            (Part::At(k), _) => format!("{name}[{k}]"),
            (Part::Along(counter, by), _) => {
                format!("{name}[(i{counter} + {by}u) % {}u]", ty.size())
            }
        }
    }

    fn cond(&self, Cond(left, right, is_less): &Cond) -> String {
        let order = if *is_less { "<" } else { ">=" };
        format!("{} {order} {}", self.expr(left), self.expr(right))
    }

    fn list(&self, all: &[Expr]) -> String {
        all.iter().map(|one| self.expr(one)).collect::<Vec<_>>().join(", ")
    }

    fn expr(&self, expr: &Expr) -> String {
        let of = |expr: &Expr| self.expr(expr);
        match expr {
            Expr::Constant(number) => format!("({number:?}f)"),
            Expr::Read(place) => self.place(place),
            Expr::Counter(counter) => format!("f32(i{counter})"),
            Expr::Negate(a) => format!("(-{})", of(a)),
            // What is constant naga computes, in single precision; an override keeps it from that.
            Expr::Bounded(way, a) if is_constant(a) => {
                BOUNDED[*way].1.replace("{}", &format!("nought + {}", of(a)))
            }
            Expr::Bounded(way, a) => BOUNDED[*way].1.replace("{}", &of(a)),
            Expr::Binary(way, a, b) => format!("({} {way} {})", of(a), of(b)),
            Expr::Extreme(name, a, b) => format!("{name}({}, {})", of(a), of(b)),
            Expr::Mix(a, b, t) => format!("mix({}, {}, {})", of(a), of(b), of(t)),
            Expr::Dot(a, b) => format!("dot({}, {})", of(a), of(b)),
            Expr::Product(a, b) => format!("({} * {})", of(a), of(b)),
            Expr::Determinant(m) => format!("determinant({})", of(m)),
            Expr::Transpose(m) => format!("transpose({})", of(m)),
            Expr::Compose(ty, parts) => format!("{}({})", ty.text(), self.list(parts)),
            Expr::Swizzle(v, lanes) => {
                let letters: String = lanes.iter().map(|k| ['x', 'y', 'z', 'w'][*k]).collect();
                format!("{}.{letters}", of(v))
            }
            Expr::Select(condition, a, b) => {
                format!("select({}, {}, {})", of(b), of(a), self.cond(condition))
            }
            Expr::Call(id, values, pointer) => {
                let pointer = pointer.map(|variable| match self.is_pointer(variable) {
                    true => format!("a{variable}"),
                    false => format!("&a{variable}"),
                });
                let values = values.iter().map(of);
                let all: Vec<_> = pointer.into_iter().chain(values).collect();
                format!("h{id}({})", all.join(", "))
            }
        }
    }
}

fn is_constant(expr: &Expr) -> bool {
    let both = |a: &Expr, b: &Expr| is_constant(a) && is_constant(b);
    match expr {
        Expr::Constant(_) => true,
        Expr::Read(_) | Expr::Counter(_) | Expr::Call(..) | Expr::Bounded(..) => false,
        Expr::Negate(a) | Expr::Determinant(a) | Expr::Transpose(a) | Expr::Swizzle(a, _) => {
            is_constant(a)
        }
        Expr::Binary(_, a, b) | Expr::Extreme(_, a, b) | Expr::Dot(a, b) | Expr::Product(a, b) => {
            both(a, b)
        }
        Expr::Mix(a, b, t) => both(a, b) && is_constant(t),
        Expr::Compose(_, parts) => parts.iter().all(is_constant),
        Expr::Select(_, a, b) => both(a, b),
    }
}
