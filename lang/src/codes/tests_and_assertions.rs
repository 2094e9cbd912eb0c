//! Codes E04xx: tests and assertions.

codes! {
    E0401 "a test failed" {
        what "A line of a `test` block expects another answer than the policy gives."
        why "Tests say what the policy is meant to do: either the policy or the test is wrong."
        example "test \"no\" { user none -> internet tcp/22 => allow; }"
        instead "Run `pentane explain` on the flow to see which rule decides, then correct the rule or the test."
    }
}
