//! Mutual TLS with switches: our certificate, the CA that theirs must be of, and what is said of those who are refused. Knows nothing
//! of which switch may have which certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use net::Fingerprint;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::files::{read_bounded, unreadable};

/// The files that TLS with switches is made of, all PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Our certificate, and those between it and its CA.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The CA, or several, that the certificates of switches must be of.
    pub ca: PathBuf,
    /// Certificates that are revoked. With it, each CA that is met needs a list.
    pub crl: Option<PathBuf>,
}

/// TLS as it is spoken with switches, and the files that it was made of.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    acceptor: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// The certificate of a connection that stands, with those between it and its CA, and what certificates are held against now.
pub struct Standing {
    chain: Vec<CertificateDer<'static>>,
    current: watch::Receiver<Tls>,
}

impl Standing {
    /// A connection after its handshake; nothing if no certificate was shown.
    #[must_use]
    pub fn of(stream: &TlsStream<TcpStream>, current: watch::Receiver<Tls>) -> Option<Standing> {
        let shown = stream.get_ref().1.peer_certificates()?;
        Some(Standing { chain: shown.iter().map(|one| one.clone().into_owned()).collect(), current })
    }

    /// Waits until the certificate is good no longer: why.
    pub async fn ended(mut self) -> String {
        loop {
            if self.current.changed().await.is_err() {
                // The door is shut, and nothing will be read again.
                return std::future::pending().await;
            }
            let verifier = self.current.borrow_and_update().verifier.clone();
            let Some((own, between)) = self.chain.split_first() else { continue };
            match verifier.verify_client_cert(own, between, UnixTime::now()) {
                Ok(_) => {}
                Err(rustls::Error::InvalidCertificate(why)) => return of_certificate(&why),
                Err(other) => return other.to_string(),
            }
        }
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Says which file is wrong, and why.
    pub fn read(files: TlsFiles) -> Result<Tls, String> {
        let (acceptor, verifier) = files.acceptor()?;
        Ok(Tls { files, acceptor, verifier })
    }

    /// The same files, read again.
    ///
    /// # Errors
    /// Says which file is wrong, and why.
    pub fn again(&self) -> Result<Tls, String> {
        Tls::read(self.files.clone())
    }

    /// Shakes hands, as long as it takes.
    ///
    /// # Errors
    /// It came to nothing; [`reason`] has the words.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

impl TlsFiles {
    fn acceptor(&self) -> Result<(TlsAcceptor, Arc<dyn ClientCertVerifier>), String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for one in certificates(&self.ca)? {
            roots.add(one).map_err(|error| wrong(&self.ca, &error))?;
        }
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        if let Some(path) = &self.crl {
            let found = CertificateRevocationListDer::pem_slice_iter(&bytes(path)?).collect::<Result<Vec<_>, _>>();
            let lists = found.map_err(|error| wrong(path, &error))?;
            if lists.is_empty() {
                return Err(format!("`{}` holds no list of revoked certificates (PEM, `X509 CRL`)", path.display()));
            }
            verifier = verifier.with_crls(lists);
        }
        let verifier = verifier.build().map_err(|error| match &self.crl {
            // What OpenSSL writes without being told is of version 1.
            Some(path) => {
                format!("{}; it must be of version 2, with a number and the key identifier of its CA", wrong(path, &error))
            }
            None => wrong(&self.ca, &error),
        })?;
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes(&self.key)?).map_err(|error| match error {
            pem::Error::NoItemsFound => format!("`{}` holds no private key (PEM, not encrypted)", self.key.display()),
            error => wrong(&self.key, &error),
        })?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier.clone())
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!("`{}` is not the key of `{}`", self.key.display(), self.certificate.display())
                }
                error => wrong(&self.certificate, &error),
            })?;
        Ok((TlsAcceptor::from(Arc::new(config)), verifier))
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    read_bounded(path).map_err(|error| unreadable(&path.display().to_string(), &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(&bytes(path)?).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| wrong(path, &error))?;
    if found.is_empty() { Err(format!("`{}` holds no certificate (PEM)", path.display())) } else { Ok(found) }
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("`{}` cannot be used: {error}", path.display())
}

/// The fingerprint of the certificate that the far end showed.
#[must_use]
pub fn fingerprint(stream: &TlsStream<TcpStream>) -> Option<Fingerprint> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    Some(Fingerprint(Sha256::digest(shown).into()))
}

/// Why a handshake failed, in words for whoever set the switch up.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let Some(found) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => "it hung up in the handshake".to_owned(),
            _ => error.to_string(),
        };
    };
    match found {
        rustls::Error::InvalidMessage(_) => "it does not speak TLS, and nothing else is taken here".to_owned(),
        rustls::Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        rustls::Error::InvalidCertificate(why) => of_certificate(why),
        rustls::Error::AlertReceived(alert) => format!("it does not take our certificate: {alert:?}"),
        other => other.to_string(),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::Revoked => "its certificate is revoked".to_owned(),
        CertificateError::UnknownIssuer => "its certificate is of no CA in `openflow.tls.ca`".to_owned(),
        CertificateError::UnknownRevocationStatus => {
            "`openflow.tls.crl` has no list of the CA that its certificate is of".to_owned()
        }
        other => format!("its certificate is not valid: {other}"),
    }
}
