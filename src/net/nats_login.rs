//! Login of the gateway to NATS.

use std::sync::Arc;

use async_nats::{Auth, AuthError};
use nkeys::KeyPair;
use secrecy::{ExposeSecret as _, SecretString};

/// Method of the login.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// No login.
    #[default]
    None,
    /// A credentials file.
    Credentials(Credentials),
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// Content of a credentials file: a JWT that an account signed for a user, and the user's key.
#[derive(Debug, Clone)]
pub struct Credentials {
    token: SecretString,
    key: Arc<KeyPair>,
}

impl Credentials {
    /// Parses a credentials file: a JWT and a seed, each alone between two lines of dashes. `None` if the
    /// text is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_rule = |line: &str| line.starts_with("---") && line.ends_with("---");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let mut decorated = lines.windows(3).filter_map(|lines| match lines {
            [above, line, below] if is_rule(above) && is_token(line) && is_rule(below) => Some(*line),
            _ => None,
        });
        let token = decorated.next()?.into();
        let key = KeyPair::from_seed(decorated.next()?).ok()?;
        Some(Self { token, key: Arc::new(key) })
    }
}

fn is_token(line: &str) -> bool {
    !line.is_empty()
        && !line.starts_with("---")
        && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
}

impl Login {
    /// Returns whether a login is configured.
    pub fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Returns the response to a server's `nonce`.
    pub(crate) fn answer(&self, nonce: &[u8]) -> Result<Auth, AuthError> {
        let mut auth = Auth::new();
        match self {
            Self::None => {}
            Self::Credentials(Credentials { token, key }) => {
                auth.jwt = Some(token.expose_secret().to_owned());
                auth.signature = Some(key.sign(nonce).map_err(AuthError::new)?);
            }
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.expose_secret().to_owned());
            }
        }
        Ok(auth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_token_and_a_seed() {
        let key = KeyPair::new_user();
        let seed = key.seed().unwrap();
        let file = |token: &str, seed: &str| {
            format!(
                "-----BEGIN NATS USER JWT-----\r\n{token}\r\n------END NATS USER JWT------\r\n\r\n\
                 ************************* IMPORTANT *************************\n\
                 NKEY Seed printed below can be used to sign and prove identity.\n\n\
                 -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
            )
        };
        let auth = Login::Credentials(Credentials::parse(&file("a.b-c_d", &seed)).unwrap())
            .answer(b"nonce")
            .unwrap();
        assert_eq!(auth.jwt.as_deref(), Some("a.b-c_d"));
        assert!(key.verify(b"nonce", &auth.signature.unwrap()).is_ok());
        for (token, seed) in [("", &*seed), ("a b", &seed), ("a", "no seed"), ("a", "SUAAAA"), ("a", "")] {
            assert!(Credentials::parse(&file(token, seed)).is_none(), "{token} {seed}");
        }
        assert!(Credentials::parse(&seed).is_none() && Credentials::parse("").is_none());
    }

    #[test]
    fn debug_output_has_no_secrets() {
        let key = KeyPair::new_user();
        let seed = key.seed().unwrap();
        let text = format!("---a---\nt0ken\n---b---\n---c---\n{seed}\n---d---");
        let shown = format!("{:?}", Credentials::parse(&text).unwrap());
        assert!(!shown.contains(&seed) && !shown.contains("t0ken"), "{shown}");
    }
}
