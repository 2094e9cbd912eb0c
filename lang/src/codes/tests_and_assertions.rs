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
}
