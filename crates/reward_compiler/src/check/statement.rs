//! Statements: assignment, branches, loops.

use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;

use super::branch::{Flow, LoopExits};
use super::{Binding, Checked, Checker, MAX_ROUNDS, Reported};
use crate::Code;
use crate::value::Value;

impl<'a> Checker<'a> {
    /// Executes statements in order. An error poisons what its statement would have set, and the next one follows.
    pub(crate) fn block(&mut self, statements: &'a [Stmt]) -> Flow {
        for statement in statements {
            let flow = match self.statement(statement) {
                Ok(flow) => flow,
                Err(Reported) if self.exhausted => return Flow::Gone,
                Err(Reported) => {
                    self.poison_targets(statement);
                    match statement {
                        Stmt::Return(_) | Stmt::Raise(_) => {
                            self.park_return(Value::Poison);
                            Flow::Gone
                        }
                        _ => Flow::Next,
                    }
                }
            };
            if flow == Flow::Gone {
                return Flow::Gone;
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &'a Stmt) -> Checked<Flow> {
        self.here = self.span(statement.range());
        self.step()?;
        self.depth += 1;
        let flow = self.dispatch(statement);
        self.depth -= 1;
        flow
    }

    fn dispatch(&mut self, statement: &'a Stmt) -> Checked<Flow> {
        match statement {
            Stmt::FunctionDef(definition) => self.define(definition)?,
            Stmt::Return(statement) => {
                let value = match &statement.value {
                    Some(value) => self.expression(value)?,
                    None => Value::None,
                };
                if self.frames.len() == 2 {
                    self.returned_at = self.here_of_return(statement);
                }
                self.park_return(value);
                return Ok(Flow::Gone);
            }
            Stmt::Assign(statement) => {
                let value = self.expression(&statement.value)?;
                for target in &statement.targets {
                    self.assign(target, value.clone())?;
                    self.record_start(target, &value, &statement.value);
                }
            }
            Stmt::AnnAssign(statement) => {
                if let Some(value) = &statement.value {
                    let value = self.expression(value)?;
                    self.assign(&statement.target, value)?;
                }
            }
            Stmt::AugAssign(statement) => self.augmented_assign(statement)?,
            Stmt::If(statement) => return self.branch(statement),
            Stmt::For(statement) => return self.for_loop(statement),
            Stmt::While(statement) => {
                self.here = self.span(ruff_text_size::TextRange::new(
                    statement.range.start(),
                    statement.test.end(),
                ));
                return self.error(
                    Code::UnboundedLoop,
                    "`while` has no bound that could be checked",
                    "use `for i in range(3):` or operations on whole arrays".to_owned(),
                );
            }
            Stmt::Expr(statement) => {
                if !matches!(*statement.value, Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)) {
                    self.expression(&statement.value)?;
                }
            }
            Stmt::Pass(_) => {}
            Stmt::Break(_) | Stmt::Continue(_) => {
                let breaks = matches!(statement, Stmt::Break(_));
                if self.frame().loops.is_empty() {
                    let word = if breaks { "break" } else { "continue" };
                    return self.error(
                        Code::SyntaxError,
                        format!("`{word}` stands outside of a loop"),
                        "remove it, or use `return` to leave the function".to_owned(),
                    );
                }
                self.park_in_loop(breaks);
                return Ok(Flow::Gone);
            }
            Stmt::Import(statement) => self.import(statement)?,
            Stmt::ImportFrom(statement) => self.import_from(statement)?,
            Stmt::Delete(statement) => {
                for target in &statement.targets {
                    match target {
                        Expr::Name(name) => {
                            self.expression(target)?;
                            self.frame_mut().locals.remove(name.id.as_str());
                        }
                        _ => return self.unsupported("only names can be deleted", ""),
                    }
                }
            }
            Stmt::Assert(statement) => self.assertion(statement)?,
            Stmt::Raise(statement) => return self.raise(statement),
            Stmt::ClassDef(class) if self.frames.len() == 1 => self.class(class)?,
            Stmt::With(statement) => return self.with_block(statement),
            other => return self.unsupported_statement(other),
        }
        Ok(Flow::Next)
    }

    fn here_of_return(&self, statement: &ast::StmtReturn) -> carrot_reward_interface::Span {
        let range = statement.value.as_ref().map_or(statement.range, |value| value.range());
        self.span(range)
    }

    fn unsupported_statement(&mut self, statement: &Stmt) -> Checked<Flow> {
        let (what, help) = match statement {
            Stmt::ClassDef(_) => (
                "a class inside a function has no place in a reward",
                "write plain functions",
            ),
            Stmt::Try(_) => (
                "a reward cannot catch exceptions",
                "guard the computation itself, for example with `torch.where` or `if`",
            ),
            Stmt::Match(_) => ("`match` is not part of the reward language", "use `if` and `elif`"),
            Stmt::Global(_) | Stmt::Nonlocal(_) => (
                "a reward keeps no state outside its function",
                "pass values as arguments and return them",
            ),
            _ => ("this statement is not part of the reward language", ""),
        };
        self.here = self.first_line(statement.range());
        self.unsupported(what, help)
    }

    fn first_line(&self, range: ruff_text_size::TextRange) -> carrot_reward_interface::Span {
        let length = self.text(range).find('\n').unwrap_or(range.len().to_usize());
        self.span(ruff_text_size::TextRange::at(
            range.start(),
            ruff_text_size::TextSize::new(length as u32),
        ))
    }

    fn with_block(&mut self, statement: &'a ast::StmtWith) -> Checked<Flow> {
        let is_no_grad = statement.items.iter().all(|item| {
            let text = self.text(item.context_expr.range());
            item.optional_vars.is_none() && (text == "torch.no_grad()" || text == "torch.inference_mode()")
        });
        if is_no_grad {
            return Ok(self.block(&statement.body));
        }
        self.here = self.first_line(statement.range);
        self.unsupported("a reward opens nothing, so `with` has no use", "")
    }

    // Assignment.

    pub(crate) fn bind(&mut self, name: &str, value: Value) {
        self.frame_mut().locals.insert(name.to_owned(), Binding::Value(value));
    }

    pub(crate) fn assign(&mut self, target: &'a Expr, value: Value) -> Checked<()> {
        match target {
            Expr::Name(name) => {
                self.bind(name.id.as_str(), value);
                Ok(())
            }
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                self.unpack(target, elts, value)
            }
            Expr::Subscript(subscript) => self.store(subscript, value),
            Expr::Attribute(attribute) => {
                self.here = self.span(attribute.range);
                match self.chain(target) {
                    Some(path) => self.set_attribute(&path, value),
                    None => self.unsupported(
                        "only attributes of `self` and of the simulator's objects can be set",
                        "keep the value in a variable of the program",
                    ),
                }
            }
            _ => {
                self.here = self.span(target.range());
                self.unsupported("nothing can be assigned to this", "")
            }
        }
    }

    fn unpack(&mut self, target: &'a Expr, targets: &'a [Expr], value: Value) -> Checked<()> {
        self.here = self.span(target.range());
        let items = self.sequence(&value)?;
        if let Some(star) = targets.iter().position(Expr::is_starred_expr) {
            let after = targets.len() - star - 1;
            if items.len() < star + after {
                return self.wrong_unpacking(targets.len() - 1, items.len());
            }
            let middle = self.new_list(items[star..items.len() - after].to_vec());
            for (target, item) in targets[..star].iter().zip(&items) {
                self.assign(target, item.clone())?;
            }
            if let Expr::Starred(starred) = &targets[star] {
                self.assign(&starred.value, middle)?;
            }
            for (target, item) in targets[star + 1..].iter().zip(&items[items.len() - after..]) {
                self.assign(target, item.clone())?;
            }
            return Ok(());
        }
        if items.len() != targets.len() {
            return self.wrong_unpacking(targets.len(), items.len());
        }
        for (target, item) in targets.iter().zip(items) {
            self.assign(target, item)?;
        }
        Ok(())
    }

    fn wrong_unpacking(&mut self, targets: usize, items: usize) -> Checked<()> {
        self.error(
            Code::ShapeMismatch,
            format!("{items} values cannot be unpacked into {targets} names"),
            None,
        )
    }

    fn augmented_assign(&mut self, statement: &'a ast::StmtAugAssign) -> Checked<()> {
        if let Expr::Subscript(subscript) = &*statement.target
            && self
                .augment_masked(statement.op, subscript, &statement.value)?
                .is_some()
        {
            return Ok(());
        }
        let old = match &*statement.target {
            Expr::Subscript(subscript) => match self.chain_value(&statement.target) {
                Some(value) => value?,
                None => self.subscript(subscript)?,
            },
            target => self.expression(target)?,
        };
        let value = self.expression(&statement.value)?;
        self.here = self.span(statement.range);
        let new = self.operate(statement.op, &old, &value, &statement.target, &statement.value)?;
        if let (Value::Tensor(old), Value::Tensor(new)) = (&old, &new)
            && self.is_mutable(old)
        {
            return self.write_back(old, new, statement);
        }
        if let (Value::List(id), Value::List(new)) = (&old, &new) {
            let items = self.list_items(*new).to_vec();
            *self.object_mut(*id) = crate::value::Object::List(items);
            return Ok(());
        }
        self.assign(&statement.target, new)
    }

    /// An operation in place: shape and type of the target stay.
    fn write_back(
        &mut self,
        old: &crate::value::Tensor,
        new: &crate::value::Tensor,
        statement: &ast::StmtAugAssign,
    ) -> Checked<()> {
        if old.dims != new.dims {
            let fix = self.assigning_anew(statement);
            return self.fixable(
                Code::ShapeMismatch,
                format!("{old} cannot hold the result {new} of an operation in place"),
                "write `x = x + y` instead of `x += y`".to_owned(),
                Some(fix),
            );
        }
        let loses = new.element.is_float() && !old.element.is_float()
            || old.element < new.element && old.element == crate::value::Element::Bool;
        if loses {
            let fix = self.assigning_anew(statement);
            return self.fixable(
                Code::TypeMismatch,
                format!("{old} cannot hold the result {new} of an operation in place"),
                "write `x = x + y` instead of `x += y`".to_owned(),
                Some(fix),
            );
        }
        let nodes = self.elements_as(new, old.element);
        let plain = self.elements(new);
        for (&from, &to) in plain.iter().zip(&nodes) {
            self.copy_summands(from, to);
        }
        self.write(old, &nodes)
    }

    /// Sets what a failed statement would have set to poison.
    fn poison_targets(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(statement) => statement.targets.iter().for_each(|target| self.poison(target)),
            Stmt::AnnAssign(statement) => self.poison(&statement.target),
            Stmt::AugAssign(statement) => self.poison(&statement.target),
            Stmt::FunctionDef(definition) => self.bind(definition.name.as_str(), Value::Poison),
            Stmt::Import(statement) => {
                for alias in &statement.names {
                    let name = alias.asname.as_ref().map_or(alias.name.as_str(), |name| name.as_str());
                    self.bind(name.split('.').next().unwrap_or(name), Value::Poison);
                }
            }
            Stmt::ImportFrom(statement) => {
                for alias in &statement.names {
                    self.bind(alias.asname.as_ref().unwrap_or(&alias.name).as_str(), Value::Poison);
                }
            }
            other => {
                for name in super::call::assigned_names(std::slice::from_ref(other)) {
                    self.bind(&name, Value::Poison);
                }
            }
        }
    }

    fn poison(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), Value::Poison),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.poison(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.poison(target)),
            Expr::Starred(starred) => self.poison(&starred.value),
            Expr::Subscript(subscript) => self.poison_entry(subscript),
            _ => {}
        }
    }

    /// A failed store poisons the entry of a dict, or else the whole array or list.
    fn poison_entry(&mut self, subscript: &'a ast::ExprSubscript) {
        if let (Expr::Name(name), Expr::StringLiteral(key)) = (&*subscript.value, &*subscript.slice)
            && let Some(Binding::Value(Value::Dict(id))) = self.frame().locals.get(name.id.as_str())
        {
            let id = *id;
            self.set_entry(id, key.value.to_str(), Value::Poison);
            return;
        }
        self.poison(&subscript.value);
    }

    /// The methods and constants of a class become functions and constants that `self` has. Its bases mean nothing: what
    /// they would offer, the task does.
    fn class(&mut self, class: &'a ast::StmtClassDef) -> Checked<()> {
        for statement in &class.body {
            let name = match statement {
                Stmt::FunctionDef(definition) => Some(definition.name.as_str()),
                Stmt::Assign(assignment) => match assignment.targets.as_slice() {
                    [Expr::Name(name)] => Some(name.id.as_str()),
                    _ => None,
                },
                Stmt::AnnAssign(assignment) => match &*assignment.target {
                    Expr::Name(name) => Some(name.id.as_str()),
                    _ => None,
                },
                _ => None,
            };
            self.members.extend(name.map(str::to_owned));
        }
        match self.block(&class.body) {
            Flow::Next => {
                // `ThisClass.LENGTH` reads what `self.LENGTH` reads.
                self.bind(class.name.as_str(), Value::Surface("".into()));
                Ok(())
            }
            Flow::Gone => Err(Reported),
        }
    }

    // Branches.

    fn branch(&mut self, statement: &'a ast::StmtIf) -> Checked<Flow> {
        self.branch_chain(&statement.test, &statement.body, &statement.elif_else_clauses)
    }

    fn branch_chain(&mut self, test: &'a Expr, body: &'a [Stmt], clauses: &'a [ast::ElifElseClause]) -> Checked<Flow> {
        self.depth += 1;
        let flow = self.one_branch(test, body, clauses);
        self.depth -= 1;
        flow
    }

    fn one_branch(&mut self, test: &'a Expr, body: &'a [Stmt], clauses: &'a [ast::ElifElseClause]) -> Checked<Flow> {
        self.step()?;
        let value = self.expression(test)?;
        self.here = self.span(test.range());
        let condition = self.truth(&value)?;
        let otherwise = |checker: &mut Self| match clauses.split_first() {
            None => Ok(Flow::Next),
            Some((clause, rest)) => match &clause.test {
                Some(test) => checker.branch_chain(test, &clause.body, rest),
                None => Ok(checker.block(&clause.body)),
            },
        };
        match self.graph.constant_value(condition) {
            Some(value) if value != 0.0 => Ok(self.block(body)),
            Some(_) => otherwise(self),
            None => {
                let name = self.summand_name(test);
                let at = self.span(test.range());
                let flow = self.both_sides(
                    condition,
                    name,
                    |checker| Ok(checker.block(body)),
                    |checker| {
                        let flow = otherwise(checker);
                        checker.here = at;
                        flow
                    },
                );
                self.here = at;
                flow
            }
        }
    }

    // Loops.

    fn for_loop(&mut self, statement: &'a ast::StmtFor) -> Checked<Flow> {
        if statement.is_async {
            return self.unsupported("`async` has no place in a reward", "");
        }
        let iterated = self.expression(&statement.iter)?;
        self.here = self.span(statement.iter.range());
        let items = self.sequence(&iterated)?;
        if items.len() > MAX_ROUNDS {
            return self.error(
                Code::UnboundedLoop,
                format!("this loop has {} rounds, and {MAX_ROUNDS} are allowed", items.len()),
                "use operations on whole arrays".to_owned(),
            );
        }
        let path_base = self.path.len();
        self.frame_mut().loops.push(LoopExits {
            path_base,
            ..LoopExits::default()
        });
        let mut result = Ok(Flow::Next);
        for item in items {
            result = self.round(statement, item);
            if !matches!(result, Ok(Flow::Next)) {
                break;
            }
        }
        let flow = match result {
            Ok(Flow::Next) if !statement.orelse.is_empty() => self.loop_else(statement),
            other => other,
        };
        let exits = self.frame_mut().loops.pop().expect("pushed above");
        Ok(self.join_parked(exits.broken, flow?))
    }

    fn loop_else(&mut self, statement: &'a ast::StmtFor) -> Checked<Flow> {
        let is_left_sometimes = self.frame().loops.last().is_some_and(|exits| !exits.broken.is_empty());
        if is_left_sometimes {
            return self.unsupported(
                "`else` after a loop that some environments leave early",
                "set a flag inside the loop",
            );
        }
        Ok(self.block(&statement.orelse))
    }

    fn round(&mut self, statement: &'a ast::StmtFor, item: Value) -> Checked<Flow> {
        self.step()?;
        self.assign(&statement.target, item)?;
        let flow = self.block(&statement.body);
        let exits = self.frame_mut().loops.last_mut().expect("inside a loop");
        let continued = std::mem::take(&mut exits.continued);
        Ok(self.join_parked(continued, flow))
    }
}
