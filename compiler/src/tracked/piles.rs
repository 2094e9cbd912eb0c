//! Piles of numbers that are found again by what they are filed under. What is filed elsewhere later stays until a pile is gone
//! through. Knows nothing of what the numbers stand for.

/// The piles, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Piles(Vec<Vec<u32>>);

/// Shorter piles are not gone through.
const SHORT: usize = 64;

impl Piles {
    /// Files a number. Now and then, what does not belong there any more is taken out.
    pub(super) fn add(&mut self, pile: usize, number: u32, belongs: impl Fn(u32) -> bool) {
        if self.0.len() <= pile {
            self.0.resize(pile + 1, Vec::new());
        }
        let Some(found) = self.0.get_mut(pile) else { return };
        if found.len() >= SHORT && found.len().is_power_of_two() {
            found.sort_unstable();
            found.dedup();
            found.retain(|other| *other != number && belongs(*other));
        }
        if found.last() != Some(&number) {
            found.push(number);
        }
    }

    /// What is filed there; some of it may not belong there any more, or be there twice.
    pub(super) fn get(&self, pile: usize) -> &[u32] {
        self.0.get(pile).map_or(&[], Vec::as_slice)
    }

    /// Takes a pile away.
    pub(super) fn take(&mut self, pile: usize) -> Vec<u32> {
        self.0.get_mut(pile).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        let inner: usize = self.0.iter().map(|pile| pile.capacity() * size_of::<u32>()).sum();
        inner + self.0.capacity() * size_of::<Vec<u32>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piles_do_not_grow_with_what_does_not_belong() {
        let mut piles = Piles::default();
        for round in 0..10_000 {
            piles.add(3, round, |other| other + 10 >= round);
        }
        assert!(piles.get(3).len() <= 2 * SHORT);
        assert!(piles.get(3).ends_with(&[9_998, 9_999]));
        assert_eq!((piles.take(3).is_empty(), piles.get(3).len(), piles.get(9).len()), (false, 0, 0));
    }
}
