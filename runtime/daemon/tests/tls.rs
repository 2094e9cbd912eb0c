//! TLS with switches, over real sockets and with real certificates: who is let in, who is refused and with which words.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what cannot be made has failed the test")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daemon::reactor::Clock;
use daemon::tls::{Tls, TlsFiles};
use daemon::{Daemon, Doors, Observer, Reload, Secured};
use net::Fingerprint;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use runtime::{Controller, Event, Settings};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// HELLO of OpenFlow 1.0.
const HELLO: [u8; 8] = [1, 0, 0, 8, 0, 0, 0, 1];

type Ca = CertifiedIssuer<'static, KeyPair>;

/// A certificate with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

/// How a certificate differs from one that is in order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    Expired,
    NotYet,
}

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(ca: &Ca, serial: u64, flaw: Flaw) -> Identity {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    match flaw {
        Flaw::None => {}
        Flaw::Expired => params.not_after = date_time_ymd(2001, 1, 1),
        Flaw::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
}

fn revoking(ca: &Ca, serial: u64) -> String {
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from(serial),
        revocation_time: date_time_ymd(2020, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2020, 1, 1),
        next_update: date_time_ymd(4000, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(ca).unwrap().pem().unwrap()
}

fn print(identity: &Identity) -> Fingerprint {
    Fingerprint(Sha256::digest(&identity.certificate).into())
}

/// A folder with the daemon's files, which goes with the value.
struct Site {
    folder: PathBuf,
    ca: Ca,
}

impl Site {
    fn new(name: &str) -> Site {
        let folder = std::env::temp_dir().join(format!("pentane-tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let ca = ca("switches");
        let ours = issue(&ca, 1, Flaw::None);
        fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
        fs::write(folder.join("cert.pem"), &ours.pem).unwrap();
        fs::write(folder.join("key.pem"), ours.key.serialize_pem()).unwrap();
        fs::write(folder.join("crl.pem"), revoking(&ca, 66)).unwrap();
        Site { folder, ca }
    }

    fn files(&self) -> TlsFiles {
        let file = |name: &str| self.folder.join(name);
        TlsFiles { certificate: file("cert.pem"), key: file("key.pem"), ca: file("ca.pem"), crl: Some(file("crl.pem")) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// What the daemon told: that a connection stands, with its certificate, or why one does not.
#[derive(Debug)]
enum Told {
    Pending(Option<Fingerprint>),
    Joined,
    Ended(String),
}

struct Ear(UnboundedSender<Told>);

impl Observer for Ear {
    fn event(&mut self, event: &Event, _: Option<SocketAddr>, _: &Controller) {
        let told = match event {
            Event::SwitchPending { certificate, .. } => Told::Pending(*certificate),
            Event::SwitchJoined { .. } => Told::Joined,
            Event::SessionEnded { reason, .. } => Told::Ended(reason.to_string()),
            _ => return,
        };
        // The test may be over.
        let _ = self.0.send(told);
    }

    fn reloaded(&mut self, _: &Reload<'_>) {}
}

async fn next(told: &mut UnboundedReceiver<Told>) -> Told {
    timeout(DEADLINE, told.recv()).await.expect("in time").expect("the daemon runs")
}

/// What the daemon writes to its log, by the thread that it runs in.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Waits until a line says this.
    async fn says(&self, what: &str) {
        let there = async {
            while !self.text().contains(what) {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(DEADLINE, there).await.is_ok(), "no `{what}` in:\n{}", self.text());
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Runs a daemon with a door for TLS alone under a policy, while `body` does something at it.
async fn with_daemon<F>(site: &Site, policy: &str, body: impl FnOnce(SocketAddr, UnboundedReceiver<Told>, Log) -> F)
where
    F: Future<Output = ()>,
{
    let file = site.folder.join("a.pol");
    fs::write(&file, policy).unwrap();
    let loaded = daemon::load(std::slice::from_ref(&file));
    let clock = Clock::start();
    let controller = Controller::new(loaded.policy.clone().unwrap(), Settings::default(), clock.now()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = Tls::read(site.files()).unwrap();
    let secured = Secured { listener, tls, deadline: Duration::from_secs(1) };
    let doors = Doors { plain: None, secured: Some(secured), connections: 50, per_address: 50 };
    let log = Log::default();
    let lines = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (tell, told) = unbounded_channel();
    let daemon = Daemon { doors, controller, files: Vec::new(), loaded };
    daemon.run(clock, &mut Ear(tell), body(address, told, log)).await.unwrap();
}

type Client = tokio_rustls::client::TlsStream<TcpStream>;

/// Connects as a switch that trusts this CA, with this certificate, and greets.
async fn greet(address: SocketAddr, trusted: &Ca, identity: Option<&Identity>) -> std::io::Result<Client> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
            config.with_client_auth_cert(vec![identity.certificate.clone()], key).unwrap()
        }
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await?;
    stream.write_all(&HELLO).await?;
    Ok(stream)
}

/// One message.
async fn frame(stream: &mut Client) -> Vec<u8> {
    let mut header = [0; 8];
    timeout(DEADLINE, stream.read_exact(&mut header)).await.expect("in time").unwrap();
    let mut message = header.to_vec();
    message.resize(usize::from(u16::from_be_bytes([header[2], header[3]])), 0);
    timeout(DEADLINE, stream.read_exact(&mut message[8..])).await.expect("in time").unwrap();
    message
}

/// Answers what a switch of OpenFlow 1.0 with this identifier is asked, until it is asked for nothing more.
async fn introduce(stream: &mut Client, dpid: u8) {
    loop {
        let message = frame(stream).await;
        let xid = &message[4..8];
        match message[1] {
            5 => {
                let body = [&[0, 0, 0, 0, 0, 0, 0, dpid][..], &[0; 16]].concat();
                stream.write_all(&[&[1, 6, 0, 32], xid, &body].concat()).await.unwrap();
                return;
            }
            0 | 9 => {}
            other => panic!("asked {other} before its features"),
        }
    }
}

/// Waits until the other end closes.
async fn hung_up(stream: &mut Client) {
    let mut rest = Vec::new();
    // Closed in order or not: closed.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("closed in time");
}

#[tokio::test]
async fn a_switch_with_a_certificate_of_the_ca_is_heard() {
    let site = Site::new("heard");
    let (one, other) = (issue(&site.ca, 2, Flaw::None), issue(&site.ca, 3, Flaw::None));
    let policy = format!("switch a {{ dpid 0x1; certificate \"{}\"; }}\ndefault deny;\n", print(&one));
    with_daemon(&site, &policy, |address, mut told, log| {
        let (site, one, other) = (&site, &one, &other);
        async move {
            let mut stranger = greet(address, &site.ca, Some(other)).await.unwrap();
            introduce(&mut stranger, 9).await;
            assert!(matches!(next(&mut told).await, Told::Pending(Some(shown)) if shown == print(other)));
            let mut thief = greet(address, &site.ca, Some(other)).await.unwrap();
            introduce(&mut thief, 1).await;
            assert!(matches!(next(&mut told).await, Told::Ended(why) if why.contains("another certificate than sha256:")));
            hung_up(&mut thief).await;
            let mut thief = greet(address, &site.ca, Some(one)).await.unwrap();
            introduce(&mut thief, 9).await;
            assert!(matches!(next(&mut told).await, Told::Ended(why) if why.contains("declared for switch")));
            let mut switch = greet(address, &site.ca, Some(one)).await.unwrap();
            introduce(&mut switch, 1).await;
            loop {
                let message = frame(&mut switch).await;
                if message[1] == 16 && message[9] == 1 {
                    let none = [&[1, 17, 0, 12], &message[4..8], &[0, 1, 0, 0]].concat();
                    switch.write_all(&none).await.unwrap();
                    break;
                }
            }
            assert!(matches!(next(&mut told).await, Told::Joined));
            log.says(&print(one).to_string()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn p12_whoever_has_no_good_certificate_is_refused_with_its_reason() {
    let site = Site::new("refused");
    let elsewhere = ca("elsewhere");
    let cases = [
        (Some(issue(&elsewhere, 2, Flaw::None)), "its certificate is of no CA in `openflow.tls.ca`"),
        (Some(issue(&site.ca, 3, Flaw::Expired)), "its certificate has expired"),
        (Some(issue(&site.ca, 4, Flaw::NotYet)), "its certificate is not valid yet"),
        (Some(issue(&site.ca, 66, Flaw::None)), "its certificate is revoked"),
        (None, "it shows no certificate"),
    ];
    with_daemon(&site, "default deny;\n", |address, mut told, log| {
        let (site, cases, elsewhere) = (&site, &cases, &elsewhere);
        async move {
            for (identity, why) in cases {
                if let Ok(mut stream) = greet(address, &site.ca, identity.as_ref()).await {
                    hung_up(&mut stream).await;
                }
                log.says(why).await;
            }
            // A switch that does not trust us.
            assert!(greet(address, elsewhere, None).await.is_err());
            log.says("it does not take our certificate: UnknownCA").await;
            // Plain OpenFlow is not answered with OpenFlow.
            let mut plain = TcpStream::connect(address).await.unwrap();
            plain.write_all(&HELLO).await.unwrap();
            let mut answer = Vec::new();
            // Closed in order or not: closed.
            let _ = timeout(DEADLINE, plain.read_to_end(&mut answer)).await.expect("closed in time");
            assert!(!answer.windows(4).any(|bytes| bytes == &HELLO[..4]), "no fallback: {answer:?}");
            log.says("it does not speak TLS").await;
            // Somebody who says nothing is cut off, and keeps nobody waiting meanwhile.
            let mut silent = TcpStream::connect(address).await.unwrap();
            let good = issue(&site.ca, 5, Flaw::None);
            let mut switch = greet(address, &site.ca, Some(&good)).await.unwrap();
            introduce(&mut switch, 9).await;
            assert!(matches!(next(&mut told).await, Told::Pending(Some(_))), "nobody before it got so far");
            let _ = timeout(DEADLINE, silent.read_to_end(&mut answer)).await.expect("closed in time");
            log.says("the handshake took too long").await;
        }
    })
    .await;
}

#[tokio::test]
async fn certificates_are_read_again_after_sighup_and_bad_ones_change_nothing() {
    let site = Site::new("again");
    let switch = issue(&site.ca, 7, Flaw::None);
    with_daemon(&site, "default deny;\n", |address, mut told, log| {
        let (site, switch) = (&site, &switch);
        async move {
            let hang_up = || {
                let pid = std::process::id().to_string();
                assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
            };
            let mut first = greet(address, &site.ca, Some(switch)).await.unwrap();
            introduce(&mut first, 9).await;
            assert!(matches!(next(&mut told).await, Told::Pending(_)));
            fs::write(site.folder.join("crl.pem"), "nothing").unwrap();
            hang_up();
            log.says("holds no list of revoked certificates").await;
            let mut second = greet(address, &site.ca, Some(switch)).await.unwrap();
            introduce(&mut second, 8).await;
            assert!(matches!(next(&mut told).await, Told::Pending(_)), "those before stay in use");
            fs::write(site.folder.join("crl.pem"), revoking(&site.ca, 7)).unwrap();
            hang_up();
            log.says("tls-reloaded").await;
            if let Ok(mut third) = greet(address, &site.ca, Some(switch)).await {
                hung_up(&mut third).await;
            }
            log.says("its certificate is revoked").await;
        }
    })
    .await;
}

#[tokio::test]
async fn p12_a_certificate_that_is_revoked_ends_the_connection_that_stands_on_it() {
    let site = Site::new("standing");
    let (lost, kept) = (issue(&site.ca, 7, Flaw::None), issue(&site.ca, 8, Flaw::None));
    with_daemon(&site, "default deny;\n", |address, mut told, log| {
        let (site, lost, kept) = (&site, &lost, &kept);
        async move {
            let mut first = greet(address, &site.ca, Some(lost)).await.unwrap();
            introduce(&mut first, 9).await;
            assert!(matches!(next(&mut told).await, Told::Pending(_)));
            let mut second = greet(address, &site.ca, Some(kept)).await.unwrap();
            introduce(&mut second, 8).await;
            assert!(matches!(next(&mut told).await, Told::Pending(_)));
            fs::write(site.folder.join("crl.pem"), revoking(&site.ca, 7)).unwrap();
            let pid = std::process::id().to_string();
            assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
            hung_up(&mut first).await;
            log.says("its certificate is revoked").await;
            // The other goes on: it is asked and answered.
            let echo = [1, 2, 0, 8, 0, 0, 0, 77];
            second.write_all(&echo).await.unwrap();
            loop {
                let message = frame(&mut second).await;
                if message[1] == 3 && message[4..8] == echo[4..8] {
                    break;
                }
            }
        }
    })
    .await;
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let site = Site::new("files");
    let refused = |change: &dyn Fn(&Path)| {
        let site = Site::new("files-one");
        change(&site.folder);
        Tls::read(site.files()).err().unwrap()
    };
    assert!(Tls::read(site.files()).is_ok());
    let without = |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
    let holding = |name: &'static str, text: &'static str| move |folder: &Path| fs::write(folder.join(name), text).unwrap();
    for name in ["cert.pem", "key.pem", "ca.pem", "crl.pem"] {
        let gone = refused(&without(name));
        assert!(gone.starts_with("there is no file `") && gone.contains(name), "{gone}");
    }
    for (name, what) in [
        ("cert.pem", "holds no certificate"),
        ("ca.pem", "holds no certificate"),
        ("key.pem", "holds no private key"),
        ("crl.pem", "holds no list of revoked certificates"),
    ] {
        let said = refused(&holding(name, "some text\n"));
        assert!(said.contains(name) && said.contains(what), "{said}");
    }
    let first = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    let old = refused(&holding("crl.pem", first));
    assert!(old.contains("crl.pem` cannot be used") && old.contains("version 2"), "{old}");
    let broken = refused(&holding("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    assert!(broken.contains("ca.pem` cannot be used"), "{broken}");
    let other = KeyPair::generate().unwrap().serialize_pem();
    let unfit = refused(&|folder| fs::write(folder.join("key.pem"), &other).unwrap());
    assert!(unfit.contains("key.pem` is not the key of `") && unfit.contains("cert.pem"), "{unfit}");
}
