//! Codes E04xx: tests and assertions.

codes! {
    E0401 "a test failed" {
        what "A line of a `test` block expects another answer than the policy gives."
        why "Tests say what the policy is meant to do: either the policy or the test is wrong."
        example "test \"no\" { user none -> internet tcp/22 => allow; }"
        instead "Run `pentane explain` on the flow to see which rule decides, then correct the rule or the test."
    }
    E0402 "flow cannot be" {
        what "A flow says two things of one end that cannot both be (two hosts, two places, a pinned host and another port, a host and an address of another), lacks an end, or mixes IPv4 and IPv6."
        why "There is no packet that such a flow describes, so no answer to it means anything."
        example "host roo { mac 02:00:00:00:00:12; }\nhost kanga { mac 02:00:00:00:00:13; }\ntest \"two hosts\" { host roo host kanga -> internet => deny; }"
        instead "Say each thing of an end once. Two users of one host may be named: `user bob user bill host roo`."
    }
    E0403 "flow stands for too many or for none" {
        what "The sets that a flow names stand for more than 100,000 flows together, or for none at all."
        why "A test of nothing would always pass; a test of everything would not end."
        example "user bob;\ngroup nobody = bob - bob;\ntest \"empty\" { nobody -> internet => deny; }"
        instead "Name smaller sets, or members that stand for them."
    }
    E0404 "expectation cannot be met" {
        what "A line of a `test` block expects an answer that cannot be given: `deny` with `via`, `outbound-only`, or a verdict by a rule or a default that gives the other one. Or a `test` block has no line."
        why "A flow is either allowed or denied; only allowed flows pass middleboxes. A test that cannot fail shows nothing, and one that cannot pass is a mistake of its own."
        example "switch core { dpid 0x10; }\nmiddlebox ids { at core:42; }\ntest \"odd\" { user none -> internet => deny via ids; }"
        instead "Expect `allow` or `deny`, and `via` with `allow` only."
    }
    E0405 "assertion refuted" {
        what "An `assert` does not hold: there is a flow of its pattern that the policy decides otherwise. The report shows one."
        why "What the policy is meant to guarantee it does not."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nallow from roo to kanga for ssh;\nassert never from roo to kanga;"
        instead "Give the flow to `pentane explain`: the rule that decides it has to change, or the assertion says too much."
    }
    E0406 "assertion undecided" {
        what "Whether an `assert` holds could not be found out within the budget of steps."
        why "What is not proved may not hold. So the policy is not put in force."
        example "assert never from a to b;"
        instead "The report says what was used up. Where it is steps, `--budget 10` allows ten times as many, up to 1,000. Where it comes apart into more parts than are kept, split rules whose conditions have many alternatives, or the assertion into several. `run` proves with the usual budget."
    }
    E0407 "rule outside the scope of its section" {
        what "A rule in a `section` matches flows that are not of the section's `scope`. The report shows one."
        why "Whoever may write a section may speak of its flows alone; this rule would speak for others."
        example "host roo { mac 00:16:3e:00:00:12; }\nhost kanga { mac 00:16:3e:00:00:13; }\nsection lab scope (to roo) { allow from kanga; }"
        instead "Narrow the rule, by `to` or `from` as the scope has it, or move it out of the section."
    }
    E0408 "scope undecided" {
        what "Whether a rule keeps to the scope of its section could not be found out within the budget of steps."
        why "What is not proved may not hold. So the policy is not put in force."
        example "section lab scope (to a) { allow from b; }"
        instead "The report says what was used up. Where it is steps, `--budget 10` allows ten times as many, up to 1,000. Otherwise split the rule, or say the scope in simpler terms. `run` proves with the usual budget."
    }
    E0409 "invariant contradicted" {
        what "An `invariant` says of declared members what their declarations contradict."
        why "Assertions are proved on the ground of invariants: one that is false proves anything."
        example "user bob;\ngroup a = user { bob };\ngroup b = user { bob };\ninvariant disjoint(a, b);"
        instead "Correct the groups, or take the invariant out."
    }
}
