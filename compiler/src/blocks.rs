//! A list in blocks, so that a copy shares all that neither side changes after. Knows nothing of what is in it.

use std::sync::Arc;

/// How many items a block holds.
const SIZE: usize = 64;

/// The list. What lies behind its end in the last block is of no meaning.
#[derive(Clone, Debug)]
pub(crate) struct Blocks<T> {
    blocks: Vec<Arc<[T; SIZE]>>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Blocks<T> {
        Blocks { blocks: Vec::new(), len: 0 }
    }
}

impl<T: Clone + Default> Blocks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.blocks.get(place / SIZE).and_then(|block| block.get(place % SIZE))
    }

    /// The item, to be changed; nothing of that is seen in copies that were made before.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.blocks.get_mut(place / SIZE).and_then(|block| Arc::make_mut(block).get_mut(place % SIZE))
    }

    /// Makes the list at least so long.
    pub(crate) fn grow(&mut self, len: usize) {
        while self.blocks.len() * SIZE < len {
            self.blocks.push(Arc::new(std::array::from_fn(|_| T::default())));
        }
        self.len = self.len.max(len);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flat_map(|block| block.iter()).take(self.len)
    }

    /// How many bytes it takes, without what its items point to.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.len() * (size_of::<[T; SIZE]>() + 3 * size_of::<usize>())
    }
}

impl<T: Clone + Default> FromIterator<T> for Blocks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Blocks<T> {
        let mut items = items.into_iter();
        let mut all = Blocks::default();
        while let Some(first) = items.next() {
            let mut first = Some(first);
            let mut count = 0;
            let mut next = || first.take().or_else(|| items.next()).inspect(|_| count += 1).unwrap_or_default();
            let block = Arc::new(std::array::from_fn(|_| next()));
            all.blocks.push(block);
            all.len += count;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_do_not_see_what_changes_after() {
        let mut list: Blocks<u32> = (0..200).collect();
        let before = list.clone();
        *list.get_mut(130).unwrap() = 7;
        list.grow(201);
        *list.get_mut(200).unwrap() = 200;
        assert_eq!(before.iter().copied().collect::<Vec<u32>>(), (0..200).collect::<Vec<u32>>());
        assert_eq!((list.len(), list.get(130), list.get(200), list.get(64)), (201, Some(&7), Some(&200), Some(&64)));
        assert!(Arc::ptr_eq(&list.blocks[0], &before.blocks[0]));
    }
}
