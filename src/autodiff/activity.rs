//! Which values need a derivative: those that the position moves and that move the result.

use std::collections::HashMap;
use std::rc::Rc;

use wgpu::naga::MathFunction;

use super::Refusal;
use super::ir::{
    Argument, Block, Function, FunctionId, Op, Place, Program, Root, Scalar, Statement, Type,
    Value, walk,
};
use super::rules;

/// Which parameters are active.
pub(super) type Mask = Vec<bool>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activity {
    pub(super) values: Vec<bool>,
    pub(super) locals: Vec<bool>,
    /// Those of the call, and those that the function writes something active to.
    pub(super) parameters: Mask,
    pub(super) result: bool,
}

impl Activity {
    pub(super) fn value(&self, value: Value) -> bool {
        self.values[value.0 as usize]
    }

    pub(super) fn root(&self, root: &Root) -> bool {
        match root {
            Root::Local(local) => self.locals[*local as usize],
            Root::Parameter(parameter) => self.parameters[*parameter as usize],
            Root::Global(_) => false,
        }
    }

    pub(super) fn place(&self, place: &Place) -> bool {
        place.ty.has_float() && self.root(&place.root)
    }

    fn mark(&mut self, value: Value) -> bool {
        !std::mem::replace(&mut self.values[value.0 as usize], true)
    }

    fn set(&mut self, root: &Root) -> bool {
        let slot = match root {
            Root::Local(local) => &mut self.locals[*local as usize],
            Root::Parameter(parameter) => &mut self.parameters[*parameter as usize],
            Root::Global(_) => return false,
        };
        !std::mem::replace(slot, true)
    }

    /// The parameters of a callee that are active in a call.
    pub(super) fn mask(&self, arguments: &[Argument]) -> Mask {
        let active = |argument: &Argument| match argument {
            Argument::Value(value) => self.value(*value),
            Argument::Pointer(place) => self.place(place),
        };
        arguments.iter().map(active).collect()
    }
}

/// What is known of functions, by their active parameters.
#[derive(Default)]
pub(super) struct Activities(HashMap<(FunctionId, Mask), Rc<Activity>>);

impl Activities {
    pub(super) fn of(
        &mut self,
        program: &Program,
        id: FunctionId,
        mask: &[bool],
    ) -> Result<Rc<Activity>, Refusal> {
        if let Some(known) = self.0.get(&(id, mask.to_vec())) {
            return Ok(known.clone());
        }
        let function = &program[id];
        let mut varied = Activity {
            values: vec![false; function.nodes.len()],
            locals: vec![false; function.locals.len()],
            parameters: mask.to_vec(),
            result: false,
        };
        for (value, node) in function.nodes.iter().enumerate() {
            if let Op::Parameter(index) = node.op {
                varied.values[value] = mask[index as usize] && node.ty.has_float();
            }
        }
        while self.vary(program, function, &function.body, &mut varied)? {}
        // A parameter that is written to is active from the start, as its tangent is a parameter.
        if varied.parameters != mask {
            let wider = varied.parameters.clone();
            let known = self.of(program, id, &wider)?;
            self.0.insert((id, mask.to_vec()), known.clone());
            return Ok(known);
        }
        let mut useful = Activity {
            values: vec![false; function.nodes.len()],
            locals: vec![false; function.locals.len()],
            parameters: vec![true; function.parameters.len()],
            result: true,
        };
        while use_backward(function, &function.body, &mut useful) {}
        let both = |a: &[bool], b: &[bool]| a.iter().zip(b).map(|(a, b)| *a && *b).collect();
        let active = Rc::new(Activity {
            values: both(&varied.values, &useful.values),
            locals: both(&varied.locals, &useful.locals),
            parameters: varied.parameters.clone(),
            result: varied.result,
        });
        self.0.insert((id, mask.to_vec()), active.clone());
        Ok(active)
    }

    /// One pass forward: what the active parameters move.
    fn vary(
        &mut self,
        program: &Program,
        function: &Function,
        block: &Block,
        varied: &mut Activity,
    ) -> Result<bool, Refusal> {
        let mut statements = Vec::new();
        walk(block, &mut |statement| statements.push(statement));
        let mut changed = false;
        for statement in statements {
            match statement {
                Statement::Let(value) if !varied.value(*value) => {
                    let node = function.node(*value);
                    let moved = match &node.op {
                        Op::Load(place) => varied.place(place),
                        // Constant between its jumps.
                        Op::Math(MathFunction::Sign, _) => false,
                        op => op.operands().iter().any(|operand| varied.value(*operand)),
                    };
                    let jumps = matches!(node.op, Op::Convert(_) | Op::Bitcast(_) | Op::Math(..))
                        && matches!(
                            node.ty,
                            Type::Scalar(Scalar::I32 | Scalar::U32)
                                | Type::Vector(_, Scalar::I32 | Scalar::U32)
                        );
                    // Wherever it goes: nothing follows an integer's way.
                    if moved && jumps {
                        return Err(rules::becomes(&node.ty, &node.span));
                    }
                    if moved && node.ty.has_float() {
                        varied.values[value.0 as usize] = true;
                        changed = true;
                    }
                }
                Statement::Store(place, value) if varied.value(*value) && place.ty.has_float() => {
                    changed |= varied.set(&place.root);
                }
                Statement::Call { function: callee, arguments, result, .. } => {
                    let mask = varied.mask(arguments);
                    if !mask.contains(&true) {
                        continue;
                    }
                    let known = self.of(program, *callee, &mask)?;
                    for (argument, active) in arguments.iter().zip(&known.parameters) {
                        if let (Argument::Pointer(place), true) = (argument, active) {
                            changed |= varied.set(&place.root);
                        }
                    }
                    if let Some(result) = result
                        && known.result
                        && !varied.value(*result)
                    {
                        varied.values[result.0 as usize] = true;
                        changed = true;
                    }
                }
                Statement::Return(Some(value)) if varied.value(*value) => varied.result = true,
                _ => {}
            }
        }
        Ok(changed)
    }
}

/// One pass backward: what moves the result or what pointers lead to.
fn use_backward(function: &Function, block: &Block, useful: &mut Activity) -> bool {
    let mut statements = Vec::new();
    walk(block, &mut |statement| statements.push(statement));
    let mut changed = false;
    for statement in statements.into_iter().rev() {
        match statement {
            Statement::Return(Some(value)) => changed |= useful.mark(*value),
            Statement::Store(place, value) if useful.root(&place.root) => {
                changed |= useful.mark(*value)
            }
            Statement::Let(value) => {
                let node = function.node(*value);
                // What only chooses a branch moves nothing.
                if !useful.value(*value) || !node.ty.has_float() {
                    continue;
                }
                match &node.op {
                    Op::Load(place) => changed |= useful.set(&place.root),
                    op => {
                        for operand in op.operands() {
                            changed |= useful.mark(operand);
                        }
                    }
                }
            }
            Statement::Call { arguments, result, .. } => {
                let writes = arguments.iter().any(|argument| match argument {
                    Argument::Pointer(place) => useful.root(&place.root),
                    Argument::Value(_) => false,
                });
                if !writes && !result.is_some_and(|result| useful.value(result)) {
                    continue;
                }
                for argument in arguments {
                    match argument {
                        Argument::Value(value) => changed |= useful.mark(*value),
                        Argument::Pointer(place) => changed |= useful.set(&place.root),
                    }
                }
            }
            _ => {}
        }
    }
    changed
}
