//! What was carried over decides like the original: policies and flows are generated in each language, judged by a plain reading of
//! what the original does with them, and by what they became. Where something was left out, nothing is allowed that was not.
#![expect(clippy::panic, clippy::expect_used, reason = "a policy that is not taken has failed the test")]

mod anything;
mod checked;
mod faucet;
mod pol_eth;
mod sepl;
mod switches;
