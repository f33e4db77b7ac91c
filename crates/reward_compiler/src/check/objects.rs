//! The shared objects of a program, in blocks that snapshots share.
//!
//! Every branch remembers all objects as they were. Copying them one by one would make a long program with many branches
//! quadratic, so a snapshot copies only the list of blocks, and a write copies its block if a snapshot still holds it.

use std::rc::Rc;

use crate::value::Object;

/// Objects in one block.
const BLOCK: usize = 64;

/// All objects, by position. A clone is a snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    blocks: Vec<Rc<Vec<Rc<Object>>>>,
    /// Objects that were there all along, though they are made when they are first read: variables of the task. A snapshot
    /// from before that moment holds them as they were made.
    originals: Rc<Vec<(usize, Rc<Object>)>>,
}

impl Objects {
    pub(crate) fn push(&mut self, object: Object) -> usize {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Rc::new(Vec::with_capacity(BLOCK)));
        }
        let last = self.blocks.len() - 1;
        let block = Rc::make_mut(&mut self.blocks[last]);
        block.push(Rc::new(object));
        last * BLOCK + block.len() - 1
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.blocks
            .last()
            .map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    /// Objects from this position on are variables of the task: older snapshots hold them too.
    pub(crate) fn were_there_before(&mut self, from: usize) {
        for at in from..self.len() {
            let original = self.get(at).clone();
            Rc::make_mut(&mut self.originals).push((at, original));
        }
    }

    /// An object as an older snapshot holds it.
    pub(crate) fn in_snapshot(&self, snapshot: &Self, at: usize) -> Rc<Object> {
        if at < snapshot.len() {
            return snapshot.get(at).clone();
        }
        let original = self.originals.iter().find(|(position, _)| *position == at);
        original.map_or_else(|| self.get(at).clone(), |(_, object)| object.clone())
    }

    pub(crate) fn get(&self, at: usize) -> &Rc<Object> {
        &self.blocks[at / BLOCK][at % BLOCK]
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> &mut Object {
        Rc::make_mut(&mut Rc::make_mut(&mut self.blocks[at / BLOCK])[at % BLOCK])
    }

    pub(crate) fn set(&mut self, at: usize, object: Rc<Object>) {
        Rc::make_mut(&mut self.blocks[at / BLOCK])[at % BLOCK] = object;
    }

    /// Positions at which an older snapshot holds another object.
    pub(crate) fn differing(&self, snapshot: &Self) -> Vec<usize> {
        let mut positions = Vec::new();
        for (number, (old, new)) in snapshot.blocks.iter().zip(&self.blocks).enumerate() {
            if !Rc::ptr_eq(old, new) {
                let differs = |at: &usize| !Rc::ptr_eq(&old[*at], &new[*at]);
                positions.extend((0..old.len()).filter(differs).map(|at| number * BLOCK + at));
            }
        }
        let length = snapshot.len();
        let younger = self.originals.iter().filter(|(at, _)| *at >= length);
        positions.extend(
            younger
                .filter(|(at, original)| !Rc::ptr_eq(original, self.get(*at)))
                .map(|(at, _)| *at),
        );
        positions
    }

    /// Takes back the objects of a snapshot; those made since stay, variables as they were made.
    pub(crate) fn restore(&mut self, snapshot: &Self) {
        for at in self.differing(snapshot) {
            self.set(at, self.in_snapshot(snapshot, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_keeps_what_was() {
        let list = |length| Object::List(vec![crate::value::Value::None; length]);
        let mut objects = Objects::default();
        for at in 0..200 {
            assert_eq!(objects.push(list(0)), at);
        }
        let snapshot = objects.clone();
        *objects.get_mut(130) = list(1);
        let newest = objects.push(list(2));
        assert_eq!(objects.differing(&snapshot), [130]);
        objects.restore(&snapshot);
        assert!(matches!(&**objects.get(130), Object::List(items) if items.is_empty()));
        assert!(matches!(&**objects.get(newest), Object::List(items) if items.len() == 2));
    }

    #[test]
    fn a_variable_that_is_first_read_in_a_branch_was_there_before() {
        let list = |length| Object::List(vec![crate::value::Value::None; length]);
        let mut objects = Objects::default();
        objects.push(list(0));
        let snapshot = objects.clone();
        let variable = objects.push(list(1));
        objects.were_there_before(variable);
        assert!(objects.differing(&snapshot).is_empty());
        *objects.get_mut(variable) = list(2);
        assert_eq!(objects.differing(&snapshot), [variable]);
        objects.restore(&snapshot);
        assert!(matches!(&**objects.get(variable), Object::List(items) if items.len() == 1));
    }
}
