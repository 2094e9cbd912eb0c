//! Codes S06xx: what switches, or this version's way of driving them, cannot do. Found when a policy is to be put in force.

codes! {
    S0602 "verdict that cannot be carried out" {
        what "A rule or the default says `redirect portal`, and this version has no portal."
        why "Whoever is to log in would be left waiting. So the policy is not put in force; the one before stays."
        example "host roo { mac 02:00:00:00:00:12; }\nredirect portal from roo for http;"
        instead "Write `deny` until the verdict can be carried out."
    }
    S0603 "dynamic group that nothing fills" {
        what "A rule speaks of a dynamic group (`directory`, `radius class`, `tagged`), and no source of members is connected."
        why "A group without members makes a `deny` say nothing: the policy would be wider than its text. So it is not put in force; the one before stays."
        example "deny from user directory \"cn=guests\";"
        instead "Name the members in the policy until a directory is connected."
    }
}
