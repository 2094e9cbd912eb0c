//! Codes E02xx: names, kinds, and what a statement may say together.

codes! {
    E0201 "unknown name" {
        what "A statement uses a name that nothing declares."
        why "A name that matches nothing could make a policy wider than its text says, so it is never ignored. A declared host that is not on the network now is no error."
        example "allow from host grifin;"
        instead "Correct the spelling, or declare what is meant."
    }
    E0202 "name declared twice" {
        what "Two declarations give the same name, or two rules have the same name. All declarations share one set of names, whatever they declare; rules have a set of their own."
        why "It could not be told which of the two a rule speaks of."
        example "host printer { mac 02:00:00:00:00:01; }\nuser printer;"
        instead "Rename one of them."
    }
    E0203 "wrong kind" {
        what "A name or a value stands where one of another kind is needed: a set of users where a host is needed, a host where a service is needed."
        why "Kinds are never converted silently: `hsrc in students` would match nothing, and its negation everything."
        example "user bob;\nallow when hsrc = bob;"
        instead "Name something of the kind that the message asks for, or use the field of the kind that is named: `usrc = bob`."
    }
    E0204 "mixed kinds" {
        what "One set joins members of different kinds, such as hosts and users."
        why "A set is tested against one property of an end. What a mixed set should mean is open, so it has no meaning."
        example "host roo { mac 02:00:00:00:00:12; }\nuser bob;\nallow from roo | bob;"
        instead "Write two rules, or say which field each part is about: `when hsrc = roo or usrc = bob`."
    }
    E0205 "group contains itself" {
        what "Groups, networks or services contain each other in a circle. The message names the chain."
        why "Such a set has no members that could be listed."
        example "group a = b;\ngroup b = a;"
        instead "Take one of the named members out of its group."
    }
    E0206 "nested too deeply" {
        what "Groups are nested, or set operators alternate, deeper than 500 levels."
        why "Whoever decides flows follows the nesting, within a bounded time and stack."
        example "group g501 = g500;   # … and so on down to g1"
        instead "Flatten the groups: list the members of the inner ones directly."
    }
    E0207 "empty set" {
        what "A set without any member stands where it is to restrict a rule."
        why "A rule about nobody is not what anybody means: a deny that never matches leaves open what its text says is closed, and `not` of an empty set is everyone."
        example "user bob;\ngroup guests = bob - bob;\ndeny from guests;"
        instead "Give the set a member, take the rule out, or write `any` where everybody is meant."
    }
    E0208 "identifier declared twice" {
        what "A datapath id, a certificate, a MAC address or an IP address is declared for two things, or a network is behind two hosts."
        why "It could not be told which of the two a packet comes from."
        example "host a { mac 02:00:00:00:00:01; }\nhost b { mac 02:00:00:00:00:01; }"
        instead "Correct one of them. An address of a machine with several names belongs to one declared host."
    }
    E0209 "not an access port" {
        what "A host, a location, a gateway or a middlebox is put at a port that its switch does not list under `access`."
        why "At an uplink nothing is attached but another switch: whatever is seen there came from elsewhere. A port that the switch does not list may not exist."
        example "switch edge1 { dpid 0x1; access 1-24; uplink 25-26; }\nlocation wap1 = edge1:25;"
        instead "Name one of the switch's access ports, or add the port to `access`."
    }
    E0210 "port is both access and uplink" {
        what "A switch lists a port under `access` and under `uplink`."
        why "Hosts are bound to access ports and never to uplinks: a port cannot be both."
        example "switch edge1 { dpid 0x1; access 1-24; uplink 24-25; }"
        instead "Take the port out of one of the two."
    }
    E0211 "port already taken" {
        what "Two of gateways, middleboxes and pinned hosts are attached to the same port, a location is one of a gateway or a middlebox, or a middlebox goes in where it comes out."
        why "Packets that come in at the port could not be told apart."
        example "switch core { dpid 0x10; }\ngateway border { at core:48; }\nmiddlebox ids { at core:48; }"
        instead "Attach them to ports of their own. A middlebox on one port is written with `at`."
    }
    E0212 "said twice" {
        what "A block or a policy says something twice that has one value: two `dpid`, two `at`, two `default`, a setting set twice."
        why "It could not be told which of the two is meant."
        example "default deny;\ndefault allow;"
        instead "Remove one of them."
    }
    E0213 "something is missing" {
        what "A block lacks a member that it needs: a switch its `dpid`, a host its `mac` and one that `serves` its `at`, a gateway its `at`, a middlebox `in` and `out` or `at` for each instance, all of one sort; or `outbound-only` lacks its `from`."
        why "Without it, what is declared cannot be found on the network, or the rule speaks of everyone."
        example "switch edge1 { access 1-24; }"
        instead "Add the member."
    }
    E0214 "clause given twice" {
        what "A rule has two clauses of one sort, such as two `from`."
        why "Whether both have to hold or one of them is open, and the two readings differ in what they allow."
        example "host roo { mac 02:00:00:00:00:12; }\nhost kanga { mac 02:00:00:00:00:13; }\nallow from roo from kanga;"
        instead "Join them in one clause: `from desktops | laptops` for either, `from desktops & laptops` for both."
    }
    E0215 "clause does not fit the verdict" {
        what "A rule has a clause that its verdict cannot carry: `via` on a deny, `when` on an `outbound-only`."
        why "A denied flow passes nothing, so `via` on it is a mistake. The deny half of an `outbound-only` is the mirror of its `from` and `to`; a general condition has no mirror."
        example "switch core { dpid 0x10; }\nmiddlebox ids { at core:42; }\ndeny to internet via ids;"
        instead "Remove the clause. In place of `outbound-only … when C`, write the deny and the allow that you mean."
    }
    E0216 "middlebox named twice" {
        what "A `via` names the same middlebox twice."
        why "A path passes a middlebox once; the order could not be kept."
        example "switch core { dpid 0x10; }\nmiddlebox ids { at core:42; }\nallow to internet via ids, ids;"
        instead "Name it once."
    }
    E0217 "number out of range" {
        what "A number does not fit the field that it is compared with: an Ethernet type below 0x600, or a range of Ethernet types."
        why "No packet carries such a value: the test would never hold, and its negation always. Ethernet types have no order that a range could mean."
        example "allow when dltype = 0x5ff;"
        instead "Correct the number, or list Ethernet types one by one."
    }
    E0218 "cannot be joined this way" {
        what "An operator stands between things that it does not apply to: `and`, `or` and `not` inside a set, `&` or `-` between services in a group."
        why "`|`, `&` and `-` make sets of sets; `and`, `or` and `not` make conditions of conditions."
        example "host gphone { mac 02:00:00:00:00:15; }\ngroup odd = not gphone;"
        instead "Use `|`, `&` and `-` in groups (`any - phones`), and `and`, `or`, `not` in `from`, `to` and `when`."
    }
    E0219 "statement about the whole policy in a section" {
        what "A `default` or a `setting` stands inside a `section`."
        why "Who may write a section may not change what holds outside of it."
        example "section lab { default allow; }"
        instead "Write it outside of all sections."
    }
    E0220 "prelude not in front" {
        what "A `section prelude` stands behind a rule or inside another section."
        why "The prelude holds before all rules; where it stood later, its text would not be what happens."
        example "host roo { mac 02:00:00:00:00:12; }\nallow from roo;\nsection prelude { }"
        instead "Move it in front of the first rule. `pentane check --show-prelude` prints the one that holds where a policy has none."
    }
    E0221 "pass outside of a section" {
        what "A rule with `pass` stands in no section."
        why "`pass` leaves the section that it stands in; without one there is nothing to leave."
        example "host roo { mac 02:00:00:00:00:12; }\npass from roo;"
        instead "Put it into the section that it is to leave, or write `allow` or `deny`."
    }
    E0222 "rule has expired" {
        what "The `until` of a rule lies in the past: the rule matches nothing any more."
        why "A `deny` that has run out leaves open what its text closes, and an `allow` promises what is not so."
        example "host roo { mac 02:00:00:00:00:12; }\ndeny from roo until 2020-01-01;"
        instead "Remove the rule, or give it a new date. A daemon that runs when a rule expires goes on: the rule does not match from then on, and what it allowed is revoked."
    }
    E0230 "condition with too many alternatives" {
        what "A rule's condition, written out as alternatives, has more than the compiler indexes."
        why "Each alternative is an entry of the decision structure; a few rules of this kind would make every look-up slow."
        example "allow when (hsrc = a or usrc = b or apsrc = c)\n    and (hdst = a or udst = b or apdst = c) and …;"
        instead "Put the members into a group, so that one test asks for all of them, or write several rules."
    }
    E0231 "larger than Pentane works with" {
        what "The policy has more rules than can be worked with, or what its text stands for is more: the flows of its tests, the pairs of a MAC address and an IP address of its hosts, the kinds of traffic that its rules tell apart. The message says which, and the limit."
        why "A few lines can stand for millions of flows. The limits keep the memory and the time bounded that a text can make Pentane use."
        example "allow for tcp/1;   # … and so on, 300,000 rules"
        instead "Let one rule speak of a group, a network or a range of ports where many speak of its members, and test some members of large sets in place of all."
    }
}
