//! Policies that cannot be compiled or read within bounds, while the daemon runs: each is refused with a reason, switches are served
//! meanwhile, and the policy that was in force stays so.

use super::*;

/// What came of each reading: the rules of what is in force, or the codes of what was refused.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    InForce(usize),
    Refused(Vec<String>),
}

struct Told(UnboundedSender<Came>);

impl Observer for Told {
    fn event(&mut self, _: &Event, _: Option<SocketAddr>, _: &Controller) {}

    fn reloaded(&mut self, reload: &Reload<'_>) {
        let came = match reload {
            Reload::InForce(loaded, _) => Came::InForce(loaded.policy.as_ref().unwrap().site_rules().len()),
            Reload::Refused(loaded) => {
                let mut codes: Vec<String> = loaded.diagnostics.iter().map(|found| found.code.text().to_owned()).collect();
                codes.dedup();
                Came::Refused(codes)
            }
            Reload::Unchanged => return,
        };
        self.0.send(came).unwrap();
    }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Policies with the code that each is refused with.
fn refused() -> Vec<(&'static str, String)> {
    let pairs = |joiner: &str, inner: &str| {
        let all: Vec<String> = (1..200).map(|port| format!("(tpdst = {port} {inner} tpsrc = {port})")).collect();
        format!("allow when {};\n", all.join(joiner))
    };
    let chain = lines(1_000, |number| format!("group g{} = g{number} | (g{number} & u);\n", number + 1));
    let heads = lines(1_000, |number| format!("section s{number} {{\n"));
    vec![
        ("E0230", pairs(" and ", "or")),
        ("E0230", pairs(" or ", "and")),
        ("E0231", lines(30_000, |number| format!("deny for tcp/{}-{};\n", number + 1, 65_535 - number))),
        ("E0231", "deny when (dscp = 1 or pcp = 1) and (dscp = 2 or pcp = 2) and (dscp = 3 or pcp = 3);\n".repeat(70_000)),
        ("E0113", format!("{heads}deny from any;\n{}", "}\n".repeat(1_000))),
        ("E0206", format!("user u;\ngroup g0 = user {{ u }};\n{chain}allow from g1000;\n")),
        ("E0205", format!("{}group g0 = g999;\nallow from g0;\n", lines(999, |n| format!("group g{} = g{n};\n", n + 1)))),
    ]
}

#[tokio::test]
async fn a_policy_beyond_the_bounds_is_refused_and_the_running_one_stays() {
    let folder = std::env::temp_dir().join(format!("pentane-refused-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.pol");
    let one = "switch a { dpid 0x1; access 1-24; }\ndefault allow;\n";
    fs::write(&file, one).unwrap();
    let files = vec![file.clone()];
    let loaded = policy::load(&files);
    let clock = Clock::start();
    let settings = Settings { handshake_deadline: DEADLINE * 10, ..Settings::default() };
    let controller = Controller::new(loaded.policy.clone().unwrap(), settings, clock.now()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();

    let (tell, mut told) = unbounded_channel();
    let body = tokio::spawn(async move {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(&HELLO).await.unwrap();
        echo(&mut peer, 0).await;
        for (mark, (code, text)) in (1..).zip(refused()) {
            fs::write(&file, format!("{one}{text}")).unwrap();
            let came = next(&mut told).await;
            assert!(matches!(&came, Came::Refused(codes) if codes.iter().any(|found| found == code)), "{code}: {came:?}");
            echo(&mut peer, mark).await;
        }
        fs::write(&file, format!("{one}deny from any to any for tcp/1;\n")).unwrap();
        assert_eq!(next(&mut told).await, Came::InForce(1), "nothing else was in force");
    });
    let reading = Reading::of(files.clone());
    let daemon = Daemon { doors: Doors::plain(listener), controller, files, loaded };
    let mut observer = Told(tell);
    daemon.run_reading(reading, clock, &mut observer, async { body.await.unwrap() }).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
}
