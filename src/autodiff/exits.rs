//! Moves the ways out of blocks to their ends, where reverse mode can begin.

use super::Refusal;
use super::ir::{Block, Loop, Statement, blocks};
use super::shape::{header, refuse};

type Result<T> = std::result::Result<T, Refusal>;

/// The body with its returns and the `continue`s of its loops moved to the ends of branches.
pub(super) fn normalised(body: &[Statement]) -> Result<Block> {
    within(&to_the_end(body, Exit::Return)?)
}

fn within(block: &[Statement]) -> Result<Block> {
    let mut out = Block::new();
    for statement in block {
        out.push(match statement {
            Statement::If(value, accept, reject) => {
                Statement::If(*value, within(accept)?, within(reject)?)
            }
            Statement::Switch(value, cases) => {
                let mut written = Vec::new();
                for (labels, case) in cases {
                    written.push((labels.clone(), within(case)?));
                }
                Statement::Switch(*value, written)
            }
            Statement::Loop(of) => {
                let head = header(&of.body).map_or(0, |at| at + 1);
                let mut body = of.body[..head].to_vec();
                body.extend(within(&to_the_end(&of.body[head..], Exit::Continue)?)?);
                Statement::Loop(Box::new(Loop { body, ..(**of).clone() }))
            }
            other => other.clone(),
        });
    }
    Ok(out)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Exit {
    Return,
    Continue,
}

fn to_the_end(block: &[Statement], exit: Exit) -> Result<Block> {
    let mut out = Block::new();
    for (i, statement) in block.iter().enumerate() {
        let rest = &block[i + 1..];
        match statement {
            Statement::Return(_) if exit == Exit::Return => {
                out.push(statement.clone());
                return Ok(out);
            }
            Statement::Continue if exit == Exit::Continue => return Ok(out),
            Statement::If(condition, accept, reject)
                if leaves(accept, exit) || leaves(reject, exit) =>
            {
                let (yes, no) = (always(accept, exit), always(reject, exit));
                let joined = |branch: &Block| [&branch[..], rest].concat();
                let (accept, reject) = match (yes, no) {
                    (true, true) => (accept.clone(), reject.clone()),
                    (true, false) if !leaves(reject, exit) || rest.is_empty() => {
                        (accept.clone(), joined(reject))
                    }
                    (false, true) if !leaves(accept, exit) || rest.is_empty() => {
                        (joined(accept), reject.clone())
                    }
                    _ if rest.is_empty() => (accept.clone(), reject.clone()),
                    _ => return refuse("branches that leave from several depths"),
                };
                let (accept, reject) = (to_the_end(&accept, exit)?, to_the_end(&reject, exit)?);
                out.push(Statement::If(*condition, accept, reject));
                return Ok(out);
            }
            Statement::Switch(selector, cases)
                if cases.iter().any(|(_, case)| leaves(case, exit)) =>
            {
                let all = cases.iter().all(|(_, case)| always(case, exit));
                if !rest.is_empty() && !all {
                    return refuse("a switch that leaves in the middle");
                }
                let mut written = Vec::new();
                for (labels, case) in cases {
                    written.push((labels.clone(), to_the_end(case, exit)?));
                }
                out.push(Statement::Switch(*selector, written));
                return Ok(out);
            }
            Statement::Loop(of) if leaves(&of.body, Exit::Return) => {
                return refuse("a loop that returns");
            }
            other => out.push(other.clone()),
        }
    }
    Ok(out)
}

/// Whether a block can leave in this way, of its own loop.
fn leaves(block: &[Statement], exit: Exit) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Return(_) => exit == Exit::Return,
        Statement::Continue => exit == Exit::Continue,
        Statement::Loop(of) => exit == Exit::Return && leaves(&of.body, exit),
        other => blocks(other).iter().any(|inner| leaves(inner, exit)),
    })
}

fn always(block: &[Statement], exit: Exit) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Return(_) => exit == Exit::Return,
        Statement::Continue => exit == Exit::Continue,
        Statement::If(_, accept, reject) => always(accept, exit) && always(reject, exit),
        Statement::Switch(_, cases) => cases.iter().all(|(_, case)| always(case, exit)),
        _ => false,
    })
}
