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
        positions
    }

    /// Takes back the objects of a snapshot; those made since stay.
    pub(crate) fn restore(&mut self, snapshot: &Self) {
        for at in self.differing(snapshot) {
            self.set(at, snapshot.get(at).clone());
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
}
