//! Codes S06xx: what switches, or this version's way of driving them, cannot do. Found when a policy is to be put in force.

codes! {
    S0601 "obligation that cannot be carried out" {
        what "A rule binds what it allows to something that this version cannot make switches do: `avoid`, `vlan`, `limit`, `mirror`, `queue` or `one-way`."
        why "A conversation without its obligation would be allowed more than the text allows it. So the policy is not put in force; the one before stays."
        example "host roo { mac 02:00:00:00:00:12; }\nallow from roo limit 50mbps;"
        instead "Take the obligation out of the rule, or deny the flows until it can be carried out. `pentane check`, `test` and `explain` know all obligations; `pentane check --for-run` shows what `run` refuses."
    }
    S0602 "verdict that cannot be carried out" {
        what "A rule or the default says `reject` or `redirect portal`, and this version can only drop."
        why "Whoever is to be told, or to log in, would be left waiting. So the policy is not put in force; the one before stays."
        example "host roo { mac 02:00:00:00:00:12; }\nreject from roo;"
        instead "Write `deny` until the verdict can be carried out."
    }
    S0603 "dynamic group that nothing fills" {
        what "A rule speaks of a dynamic group (`directory`, `radius class`, `tagged`), and no source of members is connected."
        why "A group without members makes a `deny` say nothing: the policy would be wider than its text. So it is not put in force; the one before stays."
        example "deny from user directory \"cn=guests\";"
        instead "Name the members in the policy until a directory is connected."
    }
}
