//! The tests that occur in groups and rules, each with the labels that it leads to. Knows nothing of ends.

use std::collections::BTreeSet;
use std::net::IpAddr;

use indexmap::IndexMap;
use lang::checked::EndTest;
use net::{Location, MacAddr, Prefix};
use rustc_hash::FxBuildHasher;

use super::LabelId;

/// All of them. Those of what is declared in large numbers are found without a hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Atoms {
    users: Vec<Atom>,
    hosts: Vec<Atom>,
    groups: Vec<Atom>,
    others: IndexMap<EndTest, Atom, FxBuildHasher>,
    /// Family and length of every prefix.
    lengths: BTreeSet<(bool, u8)>,
}

/// One test.
#[derive(Clone, Debug, Default)]
pub(super) struct Atom {
    /// It occurs somewhere.
    occurs: bool,
    pub(super) label: Option<LabelId>,
    /// Sets that an end can only be in by passing this test or another one that leads to them.
    pub(super) sets: Vec<LabelId>,
}

impl Atoms {
    /// Room for those of so many users, hosts and groups.
    pub(super) fn with_room(users: usize, hosts: usize, groups: usize) -> Atoms {
        let [users, hosts, groups] = [users, hosts, groups].map(|count| vec![Atom::default(); count]);
        Atoms { users, hosts, groups, ..Atoms::default() }
    }

    /// The test, if it occurs.
    pub(super) fn get(&self, test: EndTest) -> Option<&Atom> {
        let dense = match test {
            EndTest::User(id) => self.users.get(id.index()),
            EndTest::Host(id) => self.hosts.get(id.index()),
            EndTest::Group(id) => self.groups.get(id.index()),
            EndTest::Location(_)
            | EndTest::Switch(_)
            | EndTest::Address(_)
            | EndTest::Mac(_)
            | EndTest::BuiltIn(_)
            | EndTest::Known(_) => None,
        };
        dense.or_else(|| self.others.get(&test)).filter(|atom| atom.occurs)
    }

    /// The test, which occurs from now on.
    pub(super) fn occurring(&mut self, test: EndTest) -> &mut Atom {
        if let EndTest::Address(prefix) = test {
            self.lengths.insert((prefix.network().is_ipv6(), prefix.length()));
        }
        let dense = match test {
            EndTest::User(id) => self.users.get_mut(id.index()),
            EndTest::Host(id) => self.hosts.get_mut(id.index()),
            EndTest::Group(id) => self.groups.get_mut(id.index()),
            EndTest::Location(_)
            | EndTest::Switch(_)
            | EndTest::Address(_)
            | EndTest::Mac(_)
            | EndTest::BuiltIn(_)
            | EndTest::Known(_) => None,
        };
        // What was declared after the first policy has no place of its own.
        let atom = match dense {
            Some(atom) => atom,
            None => self.others.entry(test).or_default(),
        };
        atom.occurs = true;
        atom
    }

    pub(super) fn macs(&self) -> Vec<MacAddr> {
        self.others.keys().filter_map(|test| if let EndTest::Mac(mac) = test { Some(*mac) } else { None }).collect()
    }

    pub(super) fn locations(&self) -> Vec<Location> {
        self.others.keys().filter_map(|test| if let EndTest::Location(at) = test { Some(*at) } else { None }).collect()
    }

    /// Tests of the address that may occur and that it passes.
    pub(super) fn prefixes_of(&self, address: IpAddr) -> impl Iterator<Item = EndTest> {
        let family = self.lengths.range((address.is_ipv6(), 0)..=(address.is_ipv6(), u8::MAX));
        family.filter_map(move |(_, length)| Prefix::truncate(address, *length)).map(EndTest::Address)
    }

    pub(super) fn bytes(&self) -> usize {
        let dense = [&self.users, &self.hosts, &self.groups];
        let atoms = dense.iter().map(|atoms| atoms.capacity()).sum::<usize>() * size_of::<Atom>();
        let others = self.others.capacity() * (size_of::<(EndTest, Atom)>() + 2 * size_of::<usize>());
        let all = dense.iter().flat_map(|atoms| atoms.iter()).chain(self.others.values());
        atoms + others + all.map(|atom| atom.sets.capacity() * size_of::<LabelId>()).sum::<usize>()
    }
}
