//! Codes E01xx: syntax, literals, files.

codes! {
    E0101 "unexpected text" {
        what "The statement cannot be read on from this place."
        why "A statement that is not understood is never guessed at; the rest of the file is still read."
        example "allow form desktops;"
        instead "Write what the message expects at that place."
    }
    E0102 "missing `;`" {
        what "A statement, or a line of a block, ends without a `;`."
        why "Without it, the next statement would read as a part of this one."
        example "deny from phones\nallow from desktops;"
        instead "Put a `;` at the place shown."
    }
    E0103 "block never closed" {
        what "A `{` has no `}` before the next statement or the end of the file."
        why "What follows would read as a part of the block. A file that was cut off in the middle looks like this, too."
        example "host griffin { mac 02:00:00:00:00:11;"
        instead "Put the `}` where the block ends."
    }
    E0104 "`}` closes nothing" {
        what "A `}` stands where no block is open."
        why "Often the block was closed too early, and what should be in it is outside."
        example "user bob; }"
        instead "Remove it, or open the block."
    }
    E0105 "string never closed" {
        what "A string has no closing quote on its line."
        why "Strings end on the line on which they start, so that one missing quote does not swallow the file."
        example "include \"inventory.pol;"
        instead "Put a `\"` where the string ends."
    }
    E0106 "character that has no meaning here" {
        what "The text holds a character that the language does not use."
        why "Nothing in a policy is skipped silently."
        example "allow from desktops @ waps;"
        instead "Remove it; comments start with `#`, strings stand in quotes."
    }
    E0107 "letter that names may not hold" {
        what "A name holds a character that is not an ASCII letter, digit, `-`, `_` or `.`, or does not start with a letter."
        why "Letters of other alphabets can look like ASCII letters: two names that look the same would be two names."
        example "host gr\u{456}ffin { mac 02:00:00:00:00:11; }"
        instead "Spell the name in ASCII letters. Comments and strings may hold other letters."
    }
    E0108 "character that hides text" {
        what "The file holds a NUL, another control character, a carriage return that no line feed follows, or a Unicode character that is invisible, that changes the direction of the text, that looks like a space and is none (a no-break space is one of them), or that each font draws as it likes."
        why "With such characters a policy can mean something else than what an editor shows."
        example "user b<U+200B>ob;   # a character of no width between `b` and `o`"
        instead "Remove the character, in comments and strings, too, or write an ordinary space for it; the message gives its place in bytes. Write LF or CRLF line ends."
    }
    E0109 "file is not UTF-8" {
        what "The bytes of the file are not UTF-8 text."
        why "A policy that cannot be read as text cannot be shown or judged."
        example "# saved as Latin-1: gr\\xfcn"
        instead "Save the file as UTF-8; the message gives the offset of the first bad byte."
    }
    E0111 "word of the language used as a name" {
        what "A word of the language stands where a name is expected."
        why "Its meaning would depend on its place, and future versions could not use it."
        example "host access { mac 02:00:00:00:00:11; }"
        instead "Choose another name, `access-1` for example."
    }
    E0112 "unknown setting" {
        what "A `setting` statement has a name or a value that does not exist."
        why "A setting that is not understood is never ignored."
        example "setting multi-user = strictest;"
        instead "`setting multi-user = least-restrictive;` or `setting multi-user = most-restrictive;`"
    }
    E0113 "nested too deep" {
        what "Parentheses, braces or sections are nested more than 200 deep."
        why "The limit keeps the memory bounded that a text can make Pentane use."
        example "allow from ((((((((\u{2026}))))))));"
        instead "Name the inner parts with `group` statements."
    }
    E0114 "file too large" {
        what "A file, one of its lines, or the policy as a whole exceeds the limit: in bytes, or the policy in words, comments and signs such as `;` counted."
        why "The limit keeps the memory bounded that a text can make Pentane use."
        example "# a line of 2 MiB"
        instead "Split the file with `include`, and long groups over several lines."
    }
    E0115 "too many errors" {
        what "The file has so many errors that the rest is not shown."
        why "They mostly have few causes; often the file is not a policy at all."
        example "a file in another format"
        instead "Correct the first errors, then check again."
    }
    E0116 "comment of another language" {
        what "`//` or `/* */` was used for a comment."
        why "Comments start with `#` and end with the line."
        example "// the guests"
        instead "# the guests"
    }
    E0117 "verdict that cannot stand here" {
        what "`outbound-only` stands where one verdict for every flow is needed."
        why "It speaks of two ends, and a `default` and the outcome of one flow have none to speak of."
        example "default outbound-only;"
        instead "Write `allow` or `deny`."
    }
    E0118 "unknown word" {
        what "A statement has a word that is none of the few that can stand there: `never` and `always` behind `assert`; `disjoint`, `subset` and `nonempty` behind `invariant`; `portal` behind `redirect`; `scope` and `owner` in a `section`; in a flow the headers and `time`."
        why "A word that is not understood may not be passed over: the policy would say less than its text."
        example "host roo { mac 02:00:00:00:00:12; }\nassert nver from roo;"
        instead "Take one of the words that the message names."
    }
    E0120 "not a MAC address" {
        what "A MAC address is malformed, or is not one that a host can have."
        why "A host is known by its MAC address; one that no frame carries would match nothing."
        example "host roo { mac 02:00:00:00:12; }"
        instead "Six pairs of hexadecimal digits, `02:00:00:00:00:12`; a group address cannot belong to a host."
    }
    E0121 "not an address" {
        what "An IP address or prefix is malformed, its length is out of range, or it is one that no machine has: a group, broadcast, loopback or no address at all."
        why "An address that is guessed at could match the wrong machines."
        example "network lab = 10.4.0.0/33;"
        instead "`10.4.0.0/16`, `10.0.9.10`, `2001:db8:4::/48`"
    }
    E0122 "prefix with host bits" {
        what "Bits to the right of the prefix length are set."
        why "Either the address or the length is wrong, and the two readings differ in which machines they mean."
        example "network lab = 10.4.0.1/16;"
        instead "Write the network, `10.4.0.0/16`, or the one address, `10.4.0.1`."
    }
    E0123 "number out of range" {
        what "A number exceeds the range of what it counts."
        why "A port 65536 or a VLAN 4095 is in no packet: the rule would never match."
        example "service web = tcp/65536;"
        instead "Ports are 0 to 65535, VLANs 1 to 4094, priorities 0 to 7, DSCP 0 to 63, ICMP types and codes 0 to 255."
    }
    E0124 "range that is reversed" {
        what "A range starts above its end."
        why "It is empty: whatever it narrows would match nothing."
        example "service high = tcp/8080-8000;"
        instead "Write the smaller number first."
    }
    E0125 "not a service" {
        what "A service is malformed, or names a protocol that is not known."
        why "A service that is guessed at could let the wrong traffic through."
        example "service web = tpc/80;"
        instead "`tcp/80`, `udp/5000-5010`, `sctp/2905`, `icmp/8`, `icmp/3/1`, `ip/89`"
    }
    E0126 "not a date or time" {
        what "A date, a time of day, a day of the week or a window of time cannot be read."
        why "A rule that holds at a time that nobody can tell holds never, or always."
        example "time office = mon-fri 8-18;"
        instead "Write days first, then a stretch of the day, both optional: `mon-fri 08:00-18:00`, `sat`, `2026-12-24 to 2027-01-06`, `daily 22:00-06:00`. `until` takes `2026-12-31` (to the end of that day) or `2026-12-31T18:00`."
    }
    E0127 "not a rate" {
        what "A `limit` has no rate that can be read, or one that is zero or too high. Units are `bps`, `kbps`, `mbps` and `gbps`."
        why "A limit without a unit is guessed by a factor of a thousand or of eight, and so is `MBps`."
        example "allow limit 50;"
        instead "Write a whole number with its unit in small letters, bits per second: `limit 50mbps`, `limit 512kbps`."
    }
    E0128 "not a fingerprint" {
        what "A `certificate` of a switch is not written as `sha256:` and the 64 hexadecimal digits of its SHA-256 fingerprint."
        why "A switch is known by its certificate: one that cannot be told would shut the switch out, or let another in."
        example "switch edge1 { dpid 0x1; certificate \"sha1:2f:60\"; }"
        instead "Take what `openssl x509 -in cert.pem -noout -fingerprint -sha256` prints behind `=`, with or without its colons, and put `sha256:` before it. The log names the fingerprint of a switch that is pending."
    }
    E0130 "file cannot be read" {
        what "A file that was named on the command line or in an `include` does not exist, is a folder, or cannot be read."
        why "A policy with a part missing is another policy."
        example "include \"inventroy.pol\";"
        instead "Correct the path; it counts from the folder of the including file. Name the files of a folder one by one."
    }
    E0131 "include cycle" {
        what "A file includes itself, directly or through others."
        why "The text would have no end."
        example "include \"campus.pol\";   # in campus.pol"
        instead "Move what both need into a third file."
    }
    E0132 "file included twice" {
        what "The same file is included a second time."
        why "Its declarations would be there twice, and its rules in two places of the order."
        example "include \"inventory.pol\";\ninclude \"inventory.pol\";"
        instead "Keep one `include`, where its rules belong."
    }
    E0133 "include outside the folder" {
        what "An `include` leads outside the folder of the policy's first file."
        why "A policy must be whole in its folder, so that it can be reviewed, moved and hashed as one."
        example "include \"/etc/passwd\";"
        instead "Copy the file into the folder of the policy."
    }
    E0134 "include through a symbolic link" {
        what "The path of an `include` is, or goes through, a symbolic link."
        why "The link can be turned to another text without the policy's folder showing it."
        example "include \"link-to-elsewhere.pol\";"
        instead "Put the file itself there."
    }
    E0135 "too many includes" {
        what "Includes are nested too deep, or the policy has too many files."
        why "The limit keeps the memory bounded that a text can make Pentane use."
        example "include \"65.pol\";   # in 64.pol, which 63.pol includes, …"
        instead "Include the files from one place."
    }
    E0136 "policy that says nothing" {
        what "The policy's file holds no statement."
        why "It would deny everything. An empty file is mostly a write that was cut off, so this has to be said in so many words."
        example "# nothing but a comment"
        instead "To deny everything on purpose, write `default deny;`."
    }
}
