//! Mistakes in the file, each with its place.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("site/pentane.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn the_least_file_names_a_policy() {
    let config = parse("policy = \"campus.pol\"\n").unwrap();
    assert_eq!(config.plain_listen().map(|listen| listen.port()), Some(6653));
    assert_eq!(config.policy_files(Path::new("site/pentane.toml")), [PathBuf::from("site/campus.pol")]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    let unknown = parse("policy = \"a.pol\"\n[flows]\nidel_timeout = 3\n").unwrap_err();
    assert!(unknown.starts_with("site/pentane.toml:3:1: unknown field `idel_timeout`"), "{unknown}");
    let range = parse("policy = \"a.pol\"\n[flows]\nidle_timeout = 0\n").unwrap_err();
    assert_eq!(range, "site/pentane.toml:3:16: `flows.idle_timeout` must be 1 to 65535, not 0");
    let dotted = parse("policy = \"a.pol\"\n# spaced\ndiscovery . interval =  61\n").unwrap_err();
    assert_eq!(dotted, "site/pentane.toml:3:25: `discovery.interval` must be 1 to 60, not 61");
    let inline = parse("policy = \"a.pol\"\ndiscovery = { settle = 3, echo = 0 }\n").unwrap_err();
    assert_eq!(inline, "site/pentane.toml:2:34: `discovery.echo` must be 1 to 60, not 0");
    assert_eq!(parse("\npolicy = []\n").unwrap_err(), "site/pentane.toml:2:10: `policy` names no file");
}

#[test]
fn a_door_for_tls_takes_the_place_of_the_plain_one_unless_both_are_wanted() {
    let tls = "[openflow.tls]\nlisten = \"0.0.0.0:6653\"\ncertificate = \"a.pem\"\nkey = \"/k.pem\"\nca = \"ca.pem\"\n";
    let config = parse(&format!("policy = \"a.pol\"\n{tls}")).unwrap();
    assert_eq!(config.plain_listen(), None);
    let files = config.tls_files(Path::new("site/pentane.toml")).unwrap();
    assert_eq!((files.certificate, files.key, files.crl), ("site/a.pem".into(), "/k.pem".into(), None));
    let both = parse(&format!("policy = \"a.pol\"\nlisten = \"127.0.0.1:6633\"\n{tls}")).unwrap();
    assert_eq!(both.plain_listen().map(|listen| listen.port()), Some(6633));
    let missing = parse(&format!("policy = \"a.pol\"\n{}", tls.replace("ca = ", "# "))).unwrap_err();
    assert!(missing.contains("missing field `ca`"), "{missing}");
    let unknown = parse(&format!("policy = \"a.pol\"\n{tls}ciphers = 1\n")).unwrap_err();
    assert!(unknown.starts_with("site/pentane.toml:7:1: unknown field `ciphers`"), "{unknown}");
    let role = parse("policy = \"a.pol\"\nopenflow.role = \"boss\"\n").unwrap_err();
    assert!(role.contains("unknown variant `boss`, expected `equal` or `master`"), "{role}");
}

#[test]
fn wrong_kinds_say_what_is_wanted() {
    let policy = "expected a file name or a list of file names";
    for value in ["3", "[3]", "{}"] {
        assert_eq!(parse(&format!("policy = {value}\n")).unwrap_err(), format!("site/pentane.toml:1:10: {policy}"));
    }
    let listen = "expected `address:port`, such as \"127.0.0.1:6653\"";
    let unfit = parse("policy = \"a.pol\"\nlisten = \"6653\"\n").unwrap_err();
    assert_eq!(unfit, format!("site/pentane.toml:2:10: `6653` is no address to listen on: {listen}"));
    let number = parse("policy = \"a.pol\"\nlisten = 6653\n").unwrap_err();
    assert!(number.starts_with("site/pentane.toml:2:10: ") && number.ends_with(listen), "{number}");
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let told = |path: &str| Config::read(Path::new(path)).unwrap_err().to_string();
    assert_eq!(told("/dev/zero"), "`/dev/zero` cannot be read: it is no regular file");
    assert_eq!(told("gone/pentane.toml"), "there is no file `gone/pentane.toml`");
}

#[test]
fn limits_and_protection_reach_the_runtime_and_have_its_defaults() {
    let (unset, own) = (parse("policy = \"a.pol\"\n").unwrap().settings([0; 32], 1), Settings::default());
    assert_eq!((unset.packets, unset.flows, unset.copies), (own.packets, own.flows, own.copies));
    assert_eq!((unset.scanning, unset.echo_limit), (own.scanning, own.echo_limit));
    let text =
        "policy = \"a.pol\"\nlimits.flows_per_second_per_port = 7\nlimits.copies_per_second = 9\ndiscovery.echo_limit = 250\n";
    let text = format!("{text}[protection]\nscan_action = \"quarantine\"\nscan_window = 5\nscan_destinations = 30\n");
    let set = parse(&text).unwrap().settings([0; 32], 1);
    assert_eq!((set.flows.per_port, set.copies.0, set.echo_limit), (7, 9, Duration::from_millis(250)));
    let scanning = Scanning { destinations: 30, window: Duration::from_secs(5), quarantine: true };
    assert_eq!(set.scanning, scanning);
    let range = parse("policy = \"a.pol\"\nlimits.packets_per_second_per_host = 0\n").unwrap_err();
    assert!(range.ends_with("`limits.packets_per_second_per_host` must be 1 to 100000000, not 0"), "{range}");
    let action = parse("policy = \"a.pol\"\nprotection.scan_action = \"shout\"\n").unwrap_err();
    assert!(action.contains("unknown variant `shout`, expected `tell` or `quarantine`"), "{action}");
}

#[test]
fn who_is_carried_by_what_stands_is_heard_of_in_time() {
    let of = |verify: u16| parse(&format!("policy = \"a.pol\"\nflows = {{ entries = \"proactive\", verify = {verify} }}\n"));
    assert_eq!(of(30).unwrap().settings([0; 32], 0).width, Width::Proactive);
    for verify in [0, 101] {
        let refused = of(verify).unwrap_err();
        let wanted = "`flows.verify` must be 1 to 100, a third of `hosts.address_lifetime` (300), not";
        assert!(refused.contains(wanted) && refused.starts_with("site/pentane.toml:2:43: "), "{refused}");
    }
    let short = parse("policy = \"a.pol\"\nhosts.address_lifetime = 60\nflows.entries = \"proactive\"\n").unwrap_err();
    assert!(short.starts_with("site/pentane.toml:3:17: ") && short.contains("(60), not 30"), "{short}");
    assert!(parse("policy = \"a.pol\"\n[flows]\nverify = 0\n").is_ok(), "others may do without");
}

#[test]
fn limits_that_would_stop_everything_are_refused() {
    for key in ["conversations", "stations_per_port", "addresses_per_station"] {
        let refused = parse(&format!("policy = \"a.pol\"\nlimits.{key} = 0\n")).unwrap_err();
        assert!(refused.contains(&format!("`limits.{key}` must be 1 or more")), "{refused}");
    }
}
