//! Where a formula may be infinite, and where that would end in no number: ∞ − ∞ and 0·∞.
//!
//! Only infinities that the formula itself has count, from `inf` or `log(0)`; what overflows at
//! some position is the position's.

use super::graph::{Graph, Id, Loop, Op};

/// What is known of a value, whatever the position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ends {
    /// Whether it may be +∞.
    plus: bool,
    /// Whether it may be −∞.
    minus: bool,
    /// Whether it is never finite.
    always: bool,
}

impl Ends {
    fn of(value: f64) -> Ends {
        let (plus, minus) = (value == f64::INFINITY, value == f64::NEG_INFINITY);
        Ends { plus, minus, always: plus || minus }
    }

    fn negative(self) -> Ends {
        Ends { plus: self.minus, minus: self.plus, ..self }
    }

    fn either(self, other: Ends) -> Ends {
        Ends {
            plus: self.plus || other.plus,
            minus: self.minus || other.minus,
            always: self.always && other.always,
        }
    }

    fn is_finite(self) -> bool {
        !self.plus && !self.minus
    }
}

/// Why the value of `root` is no log density, if infinities in the formula make it so.
pub(super) fn fault(graph: &Graph, root: Id) -> Option<&'static str> {
    let mut known: Vec<Ends> = Vec::new();
    for id in graph.reachable(&[root]) {
        known.resize(id.place() + 1, Ends::default());
        match ends(graph, id, &known) {
            Ok(ends) => known[id.place()] = ends,
            Err(message) => return Some(message),
        }
    }
    let root = known[root.place()];
    match root {
        Ends { plus: true, .. } => Some(
            "this makes the log density +inf somewhere, where there would be infinitely much \
             mass; -inf says that there is none",
        ),
        Ends { minus: true, always: true, .. } => {
            Some("this makes the log density -inf everywhere; put it into a branch of where(…)")
        }
        _ => None,
    }
}

const DIFFERENCE: &str = "an infinite number meets another of the opposite sign in a sum, and \
                          inf - inf is no number; put each into a branch of its own of where(…)";
const PRODUCT: &str = "an infinite number is multiplied, and 0*inf is no number; put the whole \
                       product into a branch of where(…)";

fn ends(graph: &Graph, id: Id, known: &[Ends]) -> Result<Ends, &'static str> {
    let of = |id: &Id| known[id.place()];
    Ok(match graph.op(id) {
        Op::Literal(bits) => Ends::of(f64::from_bits(*bits)),
        Op::Parameter(_) | Op::Variable(_) | Op::Coordinate(_) | Op::Data { .. } => Ends::default(),
        Op::Negate(part) => of(part).negative(),
        Op::Sum(terms) => {
            let mut sum = Ends::default();
            for (subtracted, term) in terms {
                let term = if *subtracted { of(term).negative() } else { of(term) };
                if (sum.plus && term.minus) || (sum.minus && term.plus) {
                    return Err(DIFFERENCE);
                }
                sum = Ends {
                    plus: sum.plus || term.plus,
                    minus: sum.minus || term.minus,
                    always: sum.always || term.always,
                };
            }
            sum
        }
        Op::Product(factors) => {
            let infinite = factors.iter().find(|(_, factor)| !of(factor).is_finite());
            let Some((divides, factor)) = infinite else { return Ok(Ends::default()) };
            let mut product = of(factor);
            for (_, other) in factors.iter().filter(|(_, other)| other != factor) {
                match graph.as_literal(*other) {
                    Some(number) if number > 0.0 => {}
                    Some(number) if number < 0.0 => product = product.negative(),
                    _ => return Err(PRODUCT),
                }
            }
            let times = factors.iter().filter(|(_, other)| other == factor).count();
            if *divides || times > 1 {
                return Err(PRODUCT);
            }
            product
        }
        Op::Where(_, [left, right, so, not]) => {
            if !of(left).is_finite() && !of(right).is_finite() {
                return Err("two infinite numbers are compared; compare finite ones");
            }
            of(so).either(of(not))
        }
        Op::Loop { kind, body, .. } => match (kind, of(body)) {
            (Loop::Product, body) if !body.is_finite() => return Err(PRODUCT),
            (Loop::Sum, Ends { plus: true, minus: true, .. }) => return Err(DIFFERENCE),
            // A range without a value has a finite sum.
            (Loop::Sum, body) => Ends { always: false, ..body },
            (_, body) => body,
        },
        Op::Call(function, arguments) => call(function, arguments.iter().map(of))?,
    })
}

fn call(function: &str, mut arguments: impl Iterator<Item = Ends>) -> Result<Ends, &'static str> {
    let first = arguments.next().unwrap_or_default();
    let second = arguments.next().unwrap_or_default();
    let never_minus = Ends { minus: false, ..first };
    let all_finite = first.is_finite() && second.is_finite();
    Ok(match function {
        _ if all_finite => Ends::default(),
        "min" => Ends {
            plus: first.plus && second.plus,
            minus: first.minus || second.minus,
            always: first.always && second.always,
        },
        "max" => Ends {
            plus: first.plus || second.plus,
            minus: first.minus && second.minus,
            always: first.always && second.always,
        },
        "exp" => Ends { always: first.always && !first.minus, ..never_minus },
        "abs" => Ends { plus: true, minus: false, always: first.always },
        "tanh" | "atan" | "sign" => Ends::default(),
        "log" | "log2" | "sqrt" if !first.minus => first,
        _ => return Err("a function has no number at infinity; put it into a branch of where(…)"),
    })
}
