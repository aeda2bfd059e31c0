//! Settings of the connection to NATS JetStream and of its stream.

use std::path::PathBuf;

use axum::http::Uri;
use secrecy::SecretString;

use super::read::{Reader, quoted};
use crate::net::nats_login::{Credentials, Login};

/// The settings of `[nats]`.
#[derive(Debug, Clone)]
pub struct Nats {
    /// Server URLs, without user and password.
    pub urls: Vec<String>,
    /// Name of the stream.
    pub stream: String,
    /// Prefix of the stream's subjects.
    pub subject_prefix: String,
    /// Replicas of the stream: 1, 3 or 5.
    pub replicas: usize,
    /// Login of the gateway.
    pub login: Login,
    /// CA certificates that verify the servers (PEM).
    pub tls_ca: Option<PathBuf>,
    /// Client certificate of the gateway and its key (PEM).
    pub tls_identity: Option<(PathBuf, PathBuf)>,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            urls: vec!["nats://127.0.0.1:4222".to_owned()],
            stream: "callbacks".to_owned(),
            subject_prefix: "callbacks".to_owned(),
            replicas: 3,
            login: Login::None,
            tls_ca: None,
            tls_identity: None,
        }
    }
}

impl Nats {
    /// Returns whether the other settings reach the same servers in the same way, apart from the login.
    pub(super) fn is_of_the_same_servers(&self, other: &Self) -> bool {
        let how = |nats: &Self| (nats.urls.clone(), nats.tls_ca.clone(), nats.tls_identity.clone());
        how(self) == how(other)
    }
}

impl Reader<'_> {
    /// Reads the settings of `[nats]`. Invalid ones become problems and get the default.
    pub(super) fn nats(&mut self) -> Nats {
        Nats {
            urls: self.value("nats.url", urls),
            stream: self.value("nats.stream", stream),
            subject_prefix: self.value("nats.subject_prefix", subject_prefix),
            replicas: self.value("nats.replicas", replicas),
            login: self.nats_login(),
            tls_ca: self.pem("nats.tls_ca"),
            tls_identity: self.nats_identity(),
        }
    }

    fn nats_login(&mut self) -> Login {
        let mut found: Option<(&str, Login)> = None;
        for key in ["nats.credentials_file", "nats.login_file", "nats.login"] {
            let Some(text) = self.secrets(key) else { continue };
            let (read, wanted) = if key == "nats.credentials_file" {
                let read = Credentials::parse(&text).map(Login::Credentials);
                (read, "it must hold a JWT and the seed of its key, each between two lines of dashes")
            } else {
                (login(&text), "it must be one line `USER PASSWORD`")
            };
            match (read, &found) {
                (Some(login), None) => found = Some((key, login)),
                (Some(_), Some((other, _))) => {
                    self.wrong(key, format!("{other} is set too: set one or the other"));
                }
                // Do not quote the text: it is a secret.
                (None, _) => {
                    let shown = self.shown(key);
                    self.wrong(key, format!("{shown}{wanted}"));
                }
            }
        }
        found.map(|(_, login)| login).unwrap_or_default()
    }

    fn nats_identity(&mut self) -> Option<(PathBuf, PathBuf)> {
        match (self.pem("nats.tls_cert"), self.pem("nats.tls_key")) {
            (Some(cert), Some(key)) => {
                self.warn_if_exposed("nats.tls_key");
                Some((cert, key))
            }
            (None, None) => None,
            (Some(_), None) => {
                self.wrong("nats.tls_key", "nats.tls_cert needs it: set both or neither");
                None
            }
            (None, Some(_)) => {
                self.wrong("nats.tls_cert", "nats.tls_key needs it: set both or neither");
                None
            }
        }
    }
}

fn urls(text: &str) -> Result<Vec<String>, String> {
    let is_server = |url: &str| {
        url.parse::<Uri>().is_ok_and(|uri| {
            let authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            matches!(uri.scheme_str(), Some("nats" | "tls")) && authority
        })
    };
    let urls: Vec<String> = text.split(',').map(|url| url.trim().to_owned()).collect();
    if !urls.iter().all(|url| is_server(url)) {
        // Do not quote the text: it may hold a password.
        return Err("use URLs such as nats://host:4222 or tls://host:4222, without user and password \
                    (see nats.login_file), joined by commas"
            .to_owned());
    }
    let encrypted = urls.iter().filter(|url| url.starts_with("tls:")).count();
    if encrypted != 0 && encrypted != urls.len() {
        return Err("some URLs have tls:// and some nats://: use tls:// for all of them or none".to_owned());
    }
    Ok(urls)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn stream(text: &str) -> Result<String, String> {
    if is_token(text) && text.len() <= 128 {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not a valid stream name: use letters, digits, - and _", quoted(text)))
    }
}

fn subject_prefix(text: &str) -> Result<String, String> {
    if text.len() <= 128 && text.split('.').all(is_token) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} is not a valid subject prefix: use letters, digits, - and _, separated by dots",
            quoted(text)
        ))
    }
}

fn replicas(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err(format!("{} is not one of 1, 3, 5", quoted(text))),
    }
}

fn login(text: &str) -> Option<Login> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (user, password) = lines.next()?.trim().split_once(' ')?;
    let password = password.trim();
    (lines.next().is_none() && !user.is_empty() && !password.is_empty())
        .then(|| Login::Password { user: user.to_owned(), password: SecretString::from(password) })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn servers_are_urls_without_secrets() {
        let two = urls("nats://a:4222, nats://b").unwrap();
        assert_eq!(two, ["nats://a:4222", "nats://b"]);
        assert_eq!(urls("tls://a,tls://b").unwrap().len(), 2);
        for wrong in ["", "a:4222", "http://a", "nats://me:s3cret@a", "nats://a,"] {
            let problem = urls(wrong).unwrap_err();
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }

    #[test]
    fn all_servers_use_tls_or_none_does() {
        for mixed in ["nats://a,tls://b", "tls://a, tls://b, nats://c"] {
            assert!(urls(mixed).unwrap_err().contains("all of them or none"), "{mixed}");
        }
    }

    #[test]
    fn names_with_wildcards_or_several_tokens_are_rejected() {
        assert!(stream("im_callbacks-2").is_ok() && subject_prefix("im.callbacks").is_ok());
        for wrong in ["", "a.b", "a b", "a*", ">", "ü"] {
            assert!(stream(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", ".a", "a.", "a..b", "a.*", "a.>", "a b"] {
            assert!(subject_prefix(wrong).is_err(), "{wrong}");
        }
        assert!(["0", "2", "4", "03"].iter().all(|wrong| replicas(wrong).is_err()));
    }

    #[test]
    fn a_login_is_one_line_with_a_user_and_a_password() {
        let Some(Login::Password { user, password }) = login("\nme s3cret word\n") else { panic!("a login") };
        assert_eq!((user.as_str(), password.expose_secret()), ("me", "s3cret word"));
        assert!(["", "me", "me \n", "a b\nc d"].iter().all(|wrong| login(wrong).is_none()));
    }
}
