//! The way forward, of the whole function and again of each block that is about to be run backward.

use std::rc::Rc;

use wgpu::naga::BinaryOperator as Bin;

use super::super::Refusal;
use super::super::ir::{Alias, Argument, Block, Loop, Op, Statement, Step, Type, U32};
use super::super::shape;
use super::{Level, Saved, Writer};

impl Writer<'_> {
    /// Runs a block. With `kept`, notes for each statement what the way back will ask for.
    pub(super) fn sweep(&mut self, block: &[Statement], kept: bool) -> Result<(), Refusal> {
        for (i, statement) in block.iter().enumerate() {
            if kept {
                let saved = self.save(&block[..i], statement, &block[i + 1..])?;
                let level = self.levels.last_mut().expect("bug in wfr: no level");
                level.saves.insert(i, saved);
            }
            self.run(i, statement, kept)?;
        }
        Ok(())
    }

    /// What the variables are that the statement reads and that change from here on.
    fn save(
        &mut self,
        before: &[Statement],
        statement: &Statement,
        rest: &[Statement],
    ) -> Result<Saved, Refusal> {
        let mut saved = Saved::default();
        match statement {
            Statement::If(..) | Statement::Switch(..) | Statement::Loop(_) => {}
            Statement::Call { .. } => {}
            _ => return Ok(saved),
        }
        let inner = std::slice::from_ref(statement);
        for local in shape::touched(&self.source, inner) {
            let stored = shape::stores(self.program, inner, local)
                || shape::stores(self.program, rest, local);
            if stored && shape::reads_first(&self.source, inner, local) {
                let place = self.whole(local);
                saved.locals.insert(local, self.b.load(place));
            }
        }
        if let Statement::Loop(of) = statement {
            let trips = self.b.local_place(U32);
            saved.trips = Some(trips.clone());
            let counted = shape::counted(self.program, &self.source, of)?;
            if let Some(count) = shape::trips(self.program, &self.source, &counted, before) {
                self.counted.insert(of.id, count);
                for local in 0..self.source.locals.len() as u32 {
                    if self.recorded.contains(&(of.id, local)) {
                        let ty = self.source.locals[local as usize].ty.clone();
                        let ty = Type::Array(Rc::new(ty), Some(count), Alias::default());
                        let record = self.b.local_place(ty);
                        self.records.insert((of.id, local), record);
                    }
                }
            }
            if self.constant_trips(of.id).is_none() {
                self.b.set_zero(trips);
            }
        }
        Ok(saved)
    }

    /// The number of iterations of a loop that are not counted while it runs: it is in the text, and
    /// nothing is recorded by its place among them.
    pub(super) fn constant_trips(&self, loop_id: u32) -> Option<u32> {
        let records = self.records.keys().any(|(id, _)| *id == loop_id);
        self.counted.get(&loop_id).copied().filter(|_| !records)
    }

    fn nested(&mut self, block: &[Statement]) -> Result<Block, Refusal> {
        self.b.begin();
        self.levels.push(Level::default());
        self.sweep(block, false)?;
        self.levels.pop();
        Ok(self.b.end())
    }

    fn run(&mut self, i: usize, statement: &Statement, kept: bool) -> Result<(), Refusal> {
        match statement {
            Statement::Let(value) => {
                let node = self.source.node(*value).clone();
                self.b.span = node.span.clone();
                let op = match &node.op {
                    Op::Load(place) => Op::Load(self.place(place)),
                    op => op.map(|operand| self.value(operand)),
                };
                let new = self.b.value(op, node.ty);
                self.define(*value, new);
            }
            Statement::Store(place, value) => {
                let (place, value) = (self.place(place), self.value(*value));
                self.b.store(place, value);
            }
            Statement::Call { function, arguments, result, span } => {
                let passed = arguments.iter().map(|argument| match argument {
                    Argument::Value(value) => Argument::Value(self.value(*value)),
                    Argument::Pointer(place) => Argument::Pointer(self.place(place)),
                });
                let arguments = passed.collect();
                let returned = result.map(|result| {
                    let ty = self.source.ty(result).clone();
                    self.b.result(ty)
                });
                let (function, span) = (*function, span.clone());
                self.b.push(Statement::Call { function, arguments, result: returned, span });
                if let (Some(result), Some(returned)) = (result, returned) {
                    self.define(*result, returned);
                }
            }
            Statement::If(condition, accept, reject) => {
                let condition = self.value(*condition);
                let (accept, reject) = (self.nested(accept)?, self.nested(reject)?);
                self.b.push(Statement::If(condition, accept, reject));
            }
            Statement::Switch(selector, cases) => {
                let selector = self.value(*selector);
                let mut written = Vec::new();
                for (labels, block) in cases {
                    written.push((labels.clone(), self.nested(block)?));
                }
                self.b.push(Statement::Switch(selector, written));
            }
            Statement::Loop(of) => self.run_loop(i, of, kept)?,
            Statement::Break => self.b.push(Statement::Break),
            Statement::Continue => self.b.push(Statement::Continue),
            Statement::Return(value) => {
                if let (Some(value), Some(result)) = (value, self.result.clone())
                    && !self.levels.iter().any(|level| level.is_again)
                {
                    let value = self.value(*value);
                    self.b.store(result, value);
                }
            }
        }
        Ok(())
    }

    fn run_loop(&mut self, i: usize, of: &Loop, kept: bool) -> Result<(), Refusal> {
        self.b.begin();
        self.levels.push(Level::default());
        let header = shape::header(&of.body).map_or(0, |at| at + 1);
        self.sweep(&of.body[..header], false)?;
        if kept && self.constant_trips(of.id).is_none() {
            let level = &self.levels[self.levels.len() - 2];
            let trips = level.saves[&i].trips.clone().expect("bug in wfr: an uncounted loop");
            let count = self.b.load(trips.clone());
            for local in 0..self.source.locals.len() as u32 {
                if let Some(record) = self.records.get(&(of.id, local)).cloned() {
                    let place = self.whole(local);
                    let value = self.b.load(place);
                    self.b.store(record.at(Step::At(count)), value);
                }
            }
            let one = self.b.uint(1);
            let next = self.b.value(Op::Binary(Bin::Add, count, one), U32);
            self.b.store(trips, next);
        }
        self.sweep(&of.body[header..], false)?;
        let body = self.b.end();
        self.b.begin();
        self.sweep(&of.continuing, false)?;
        let break_if = of.break_if.map(|value| self.value(value));
        let continuing = self.b.end();
        self.levels.pop();
        self.b.push_loop(body, continuing, break_if, of.expected);
        Ok(())
    }
}
