//! The text of a configuration file, which may have passwords in it. PURE.
//!
//! It is shown, compared, written as JSON and put into a difference without them, whoever does it. What has none is plain text
//! in JSON; what has some is what may be shown of it and the SHA-256 of the whole, which a run keeps in a file for its owner
//! alone. [`FileText::to_send`] is the one way to the whole.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::moosefs::secrets::masked;
use crate::words::sha256;

/// Text of a file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Form", from = "Form")]
pub struct FileText {
    shown: String,
    sha256: String,
    /// `None`: it was read from JSON, and nobody has brought the whole since.
    whole: Option<String>,
}

/// How it stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Whole(String),
    Hidden { hidden: String, sha256: String },
}

impl FileText {
    /// Of the whole text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: masked(&text).into_owned(), sha256: sha256(&text), whole: Some(text) }
    }

    /// What may be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// SHA-256 of the whole, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether it has passwords in it.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.whole.as_ref().is_none_or(|whole| *whole != self.shown)
    }

    /// The whole, to be sent into a file for its owner alone. `None`: this is what JSON has kept of it.
    #[must_use]
    pub fn to_send(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// Takes the whole that belongs to it; whether `text` is that.
    pub fn complete(&mut self, text: String) -> bool {
        let belongs = sha256(&text) == self.sha256;
        if belongs {
            self.whole = Some(text);
        }
        belongs
    }
}

impl PartialEq for FileText {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl Eq for FileText {}

impl fmt::Display for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl From<FileText> for Form {
    fn from(text: FileText) -> Self {
        match text.has_secrets() {
            true => Self::Hidden { hidden: text.shown, sha256: text.sha256 },
            false => Self::Whole(text.shown),
        }
    }
}

impl From<Form> for FileText {
    fn from(form: Form) -> Self {
        match form {
            Form::Whole(text) => Self::new(text),
            Form::Hidden { hidden, sha256 } => Self { shown: masked(&hidden).into_owned(), sha256, whole: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_shows_a_text_shows_its_passwords_and_json_knows_it_again() {
        let text = FileText::new("* / rw,password=Sup3rS3cret\n");
        let json = serde_json::to_string(&text).unwrap();
        for shown in [json.clone(), format!("{text}"), format!("{text:?}")] {
            assert!(shown.contains("password=…") && !shown.contains("Sup3r"), "{shown}");
        }
        let mut read: FileText = serde_json::from_str(&json).unwrap();
        assert!(read == text && read.has_secrets() && read.to_send().is_none());
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        assert!(!read.complete("* / rw,password=another\n".to_owned()) && read.to_send().is_none());
        assert!(read.complete("* / rw,password=Sup3rS3cret\n".to_owned()));
        assert_eq!((read.to_send(), serde_json::to_string(&read).unwrap()), (text.to_send(), json));
        assert_ne!(text, FileText::new("* / rw,password=Another\n"));
    }

    #[test]
    fn a_text_without_a_password_is_plain_text_in_json_as_it_always_was() {
        let text: FileText = serde_json::from_str("\"* / rw\\n\"").unwrap();
        assert_eq!((text.to_send(), text.has_secrets()), (Some("* / rw\n"), false));
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"* / rw\\n\"");
        let old: FileText = serde_json::from_str("\"* / password=x\"").unwrap();
        assert_eq!(old.to_send(), Some("* / password=x"), "as runs were kept before");
    }
}
