//! The loops of a compiled kernel, found in its assembly, and the instructions of each.
//!
//! A branch to a label at or before itself closes a loop, which is everything from the label to the
//! last such branch. Where lanes part, a wave issues the instructions of both sides; so all that
//! lies in a loop counts for each of its rounds, which is an upper bound where a branch skips code.

use std::collections::HashMap;
use std::fmt::Write;

/// Instructions by what issues them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub vector: u64,
    pub scalar: u64,
    /// Loads and stores, of workgroup memory too.
    pub memory: u64,
    /// Waits and hints, which do no work.
    pub waits: u64,
}

impl Count {
    pub fn all(self) -> u64 {
        self.vector + self.scalar + self.memory + self.waits
    }

    fn add(&mut self, mnemonic: &str) {
        const WAITS: [&str; 5] = ["s_wait", "s_nop", "s_delay_alu", "s_clause", "s_sleep"];
        const MEMORY: [&str; 10] = [
            "s_load", "s_buffer", "s_store", "buffer_", "global_", "flat_", "scratch_", "ds_",
            "image_", "s_dcache",
        ];
        let begins = |names: &[&str]| names.iter().any(|name| mnemonic.starts_with(name));
        let kind = if begins(&WAITS) {
            &mut self.waits
        } else if begins(&MEMORY) {
            &mut self.memory
        } else if mnemonic.starts_with("v_") {
            &mut self.vector
        } else {
            &mut self.scalar
        };
        *kind += 1;
    }
}

/// A loop, or the whole kernel.
#[derive(Debug, PartialEq, Eq)]
pub struct Loop {
    /// `1`, `1.2`, …: its place among the loops of the loop around it; empty for the kernel.
    pub path: String,
    /// The label where it begins.
    pub label: String,
    /// What is in it and in no loop inside of it.
    pub own: Count,
    pub inside: Vec<Loop>,
}

/// First and last instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: usize,
    last: usize,
}

/// The kernel as a tree of loops.
pub fn loops(assembly: &str) -> Result<Loop, String> {
    let (mnemonics, labels, branches) = read(assembly)?;
    let mut spans: Vec<Span> = Vec::new();
    for (at, label) in branches {
        let first = *labels.get(label).ok_or_else(|| format!("a branch to {label}, not there"))?;
        if first > at {
            continue;
        }
        match spans.iter_mut().find(|span| span.first == first) {
            Some(span) => span.last = span.last.max(at),
            None => spans.push(Span { first, last: at }),
        }
    }
    // What begins in a loop and ends behind it is part of it.
    spans.sort_unstable();
    for outer in (0..spans.len()).rev() {
        for inner in outer + 1..spans.len() {
            if spans[inner].first <= spans[outer].last {
                spans[outer].last = spans[outer].last.max(spans[inner].last);
            }
        }
    }
    let names: HashMap<usize, &str> = labels.iter().map(|(name, at)| (*at, *name)).collect();
    let whole = Span { first: 0, last: mnemonics.len().saturating_sub(1) };
    let mut spans = spans.as_slice();
    Ok(tree(String::new(), whole, &mut spans, &mnemonics, &names))
}

/// Takes from `spans` the loops that lie in `whole`.
fn tree(
    path: String,
    whole: Span,
    spans: &mut &[Span],
    mnemonics: &[&str],
    names: &HashMap<usize, &str>,
) -> Loop {
    let mut inside = Vec::new();
    let mut own = Count::default();
    let mut at = whole.first;
    while let Some((span, rest)) = spans.split_first().filter(|(span, _)| span.last <= whole.last) {
        *spans = rest;
        mnemonics[at..span.first].iter().for_each(|mnemonic| own.add(mnemonic));
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", inside.len() + 1);
        inside.push(tree(path, *span, spans, mnemonics, names));
        at = span.last + 1;
    }
    mnemonics.get(at..=whole.last).unwrap_or(&[]).iter().for_each(|mnemonic| own.add(mnemonic));
    let label = names.get(&whole.first).unwrap_or(&"").to_string();
    Loop { path, label, own, inside }
}

type Read<'a> = (Vec<&'a str>, HashMap<&'a str, usize>, Vec<(usize, &'a str)>);

/// All mnemonics, where each label is, and where a branch to which label is.
fn read(assembly: &str) -> Result<Read<'_>, String> {
    let (mut mnemonics, mut labels, mut branches) = (Vec::new(), HashMap::new(), Vec::new());
    for line in assembly.lines() {
        let line = line.split(';').next().unwrap_or("").trim();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some(label) = first.strip_suffix(':') {
            labels.insert(label, mnemonics.len());
        } else if let Some(times) = line.strip_prefix("(then repeated ") {
            let times = times.split(' ').next().and_then(|times| times.parse::<usize>().ok());
            let times = times.ok_or_else(|| format!("cannot read: {line}"))?;
            let last = *mnemonics.last().ok_or_else(|| format!("nothing comes before: {line}"))?;
            mnemonics.extend(std::iter::repeat_n(last, times));
        } else {
            if first.starts_with("s_branch") || first.starts_with("s_cbranch") {
                let label = words.next().ok_or_else(|| format!("a branch to nowhere: {line}"))?;
                branches.push((mnemonics.len(), label));
            }
            mnemonics.push(first);
        }
    }
    Ok((mnemonics, labels, branches))
}

impl Loop {
    fn visit<'a>(&'a self, depth: usize, see: &mut impl FnMut(&'a Loop, usize)) {
        see(self, depth);
        self.inside.iter().for_each(|inner| inner.visit(depth + 1, see));
    }

    /// Instructions that a wave issues if the loops take so many rounds for each of the loop around
    /// them, and one where none are given.
    pub fn executed(&self, rounds: &HashMap<String, u64>) -> u64 {
        let own = self.own.all();
        let all = own + self.inside.iter().map(|inner| inner.executed(rounds)).sum::<u64>();
        all * rounds.get(&self.path).copied().unwrap_or(1)
    }

    /// Fails where `rounds` names a loop that is not there.
    pub fn check(&self, rounds: &HashMap<String, u64>) -> Result<(), String> {
        let mut paths = Vec::new();
        self.visit(0, &mut |one, _| paths.push(one.path.clone()));
        match rounds.keys().find(|path| path.is_empty() || !paths.contains(path)) {
            Some(path) => Err(format!("there is no loop {path}")),
            None => Ok(()),
        }
    }

    /// A Markdown table of all loops, one a row.
    pub fn table(&self, rounds: &HashMap<String, u64>) -> String {
        let mut text = String::from(
            "| loop | begins at | instructions a round | vector | scalar | memory | waits | rounds |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        self.visit(0, &mut |one, depth| {
            let Count { vector, scalar, memory, waits } = one.own;
            let name = if depth == 0 { "none" } else { &one.path };
            let given = rounds.get(&one.path).map_or("1".into(), u64::to_string);
            let all = one.own.all();
            let label = &one.label;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {name} | {label} | {all} | {vector} | {scalar} | {memory} | {waits} | {given} |"
            );
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "BB0:
\ts_mov_b32 s0, 1      ; be800081
\ts_nop 0              ; bf800000
\t(then repeated 2 times)
BB1:
\tv_add_u32_e32 v1, 1, v1  ; 68
BB2:
\tbuffer_load_dword v1, off, s[0:3], 0 ; e0
\tv_dual_mov_b32 v5, 0 :: v_dual_mov_b32 v4, 0
\ts_cbranch_scc1 BB2   ; bf
\ts_cbranch_scc0 BB4   ; bf
BB3:
\ts_branch BB1         ; bf
BB4:
\ts_endpgm             ; bf
BB5:
\ts_branch BB5         ; bf
";

    #[test]
    fn loops_nest_and_are_counted() {
        let kernel = loops(TEXT).unwrap();
        assert_eq!(kernel.own, Count { scalar: 2, waits: 3, ..Count::default() });
        let [outer, last] = kernel.inside.as_slice() else { panic!("{kernel:?}") };
        assert_eq!((outer.path.as_str(), outer.label.as_str()), ("1", "BB1"));
        assert_eq!(outer.own, Count { vector: 1, scalar: 2, ..Count::default() });
        let [inner] = outer.inside.as_slice() else { panic!("{outer:?}") };
        assert_eq!((inner.path.as_str(), inner.label.as_str()), ("1.1", "BB2"));
        assert_eq!(inner.own, Count { vector: 1, scalar: 1, memory: 1, waits: 0 });
        assert_eq!((last.path.as_str(), last.own.all()), ("2", 1));
    }

    #[test]
    fn rounds_multiply() {
        let kernel = loops(TEXT).unwrap();
        assert_eq!(kernel.executed(&HashMap::new()), 5 + 3 + 3 + 1);
        let rounds = HashMap::from([("1".to_string(), 10), ("1.1".to_string(), 4)]);
        assert_eq!(kernel.executed(&rounds), 5 + 10 * (3 + 4 * 3) + 1);
        assert!(kernel.check(&rounds).is_ok());
        assert!(kernel.check(&HashMap::from([("3".to_string(), 1)])).is_err());
    }

    /// A loop whose last branch lies behind the end of the loop around it.
    #[test]
    fn loops_that_overlap_are_nested() {
        let text = "BB1:\n\tv_a\nBB2:\n\tv_b\n\ts_cbranch_scc0 BB1\n\tv_c\n\ts_branch BB2\n";
        let kernel = loops(text).unwrap();
        let [outer] = kernel.inside.as_slice() else { panic!("{kernel:?}") };
        let [inner] = outer.inside.as_slice() else { panic!("{outer:?}") };
        assert_eq!((outer.own.all(), inner.own.all()), (1, 4));
    }

    #[test]
    fn what_is_no_assembly_is_refused() {
        assert!(loops("\ts_branch BB7\n").is_err());
        assert!(loops("\t(then repeated 3 times)\n").is_err());
        assert_eq!(loops("").unwrap().own.all(), 0);
    }
}
