//! The order of statements across files: an include stands for what it brings in. Knows nothing of how files were found.

use super::{File, Item, Policy};
use crate::source::SourceId;

impl Policy {
    /// All statements in the order in which they count: an include stands for what it brings in. `include` statements themselves
    /// are left out.
    #[must_use]
    pub fn items(&self) -> Vec<&Item> {
        self.entries.iter().flat_map(|entry| self.items_from(*entry)).collect()
    }

    /// The statements that one file stands for, what it includes among them. The files include no file twice.
    #[must_use]
    pub fn items_from(&self, entry: SourceId) -> Vec<&Item> {
        let mut items = Vec::new();
        let mut open: Vec<std::slice::Iter<'_, Item>> = self.file(entry).map(|file| file.items.iter()).into_iter().collect();
        while let Some(mut rest) = open.pop() {
            match rest.next() {
                None => {}
                Some(Item::Include(include)) => {
                    open.push(rest);
                    let target = include.target.and_then(|id| self.file(id));
                    open.extend(target.map(|file| file.items.iter()));
                }
                Some(item) => {
                    items.push(item);
                    open.push(rest);
                }
            }
        }
        items
    }

    /// The file with this text.
    #[must_use]
    pub fn file(&self, source: SourceId) -> Option<&File> {
        self.files.iter().find(|file| file.source == source)
    }
}
