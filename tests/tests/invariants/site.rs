//! Policies that the walk puts in force, one after the other. Knows nothing of what happens under them.

use std::sync::Arc;

use lang::checked::Checked;
use tests::{inventory, policy, shipped};

/// What may be in force, over the campus as it is declared, or with nothing declared of what its ports are for.
pub(super) fn policies(open: bool) -> Vec<Arc<Checked>> {
    let mut inventory = inventory();
    if open {
        let ports = [" access 1-24; uplink 25-26;", " uplink 1-8; access 9-48;"];
        inventory = ports.iter().fold(inventory, |text, ports| text.replace(ports, ""));
    }
    let over = |text: String| policy(&[("test.pol", text), ("inventory.pol", inventory.clone())]);
    let rules = |text: &str| over(format!("include \"inventory.pol\";\n{text}"));
    vec![
        over(shipped("campus/campus.pol")),
        rules("default allow;"),
        rules("default deny;"),
        rules(
            "allow from griffin to roo via http-proxy;\nallow from roo to http-server via ids, http-proxy;\n\
             outbound-only from glaptop;\ndefault allow;",
        ),
        rules("deny from any to internet;\nallow from griffin to http-server;\nallow from roo;\ndefault deny;"),
        rules("allow from any to any for tcp/80, tcp/22 via http-proxy;\noutbound-only from roo;\ndefault allow;"),
        rules(
            "allow from griffin to any vlan 30;\nallow from roo mirror ids;\nallow from gphone to internet via http-proxy;\n\
             allow from glaptop to http-server queue 2 avoid core2;\ndefault allow;",
        ),
        rules(
            "deny from griffin to roo;\ndeny from griffin to http-server;\noutbound-only from gphone;\nallow from griffin to multicast vlan 30;\n\
             allow from any to multicast;\nallow from glaptop to broadcast avoid core2;\ndefault deny;",
        ),
    ]
}
