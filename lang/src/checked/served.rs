//! What hosts and gateways are trusted to answer. Knows nothing of where they are.

/// What only declared ports may answer: `serves dhcp, ra;`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Served {
    /// DHCP for IPv4: offers and acknowledgements.
    Dhcp,
    /// DHCP for IPv6: advertisements and replies.
    Dhcpv6,
    /// Router advertisements and redirects.
    Ra,
    /// Answers to questions for names.
    Dns,
}

impl Served {
    /// All of them.
    pub const ALL: &[Served] = &[Served::Dhcp, Served::Dhcpv6, Served::Ra, Served::Dns];

    /// What a gateway serves that does not say: a router mostly gives out addresses as well.
    pub const BY_GATEWAYS: &[Served] = &[Served::Dhcp, Served::Dhcpv6, Served::Ra];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Served::Dhcp => "dhcp",
            Served::Dhcpv6 => "dhcpv6",
            Served::Ra => "ra",
            Served::Dns => "dns",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Served> {
        Served::ALL.iter().copied().find(|one| one.word() == word)
    }
}
