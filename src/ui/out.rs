//! The one place that writes to stdout and stderr. What it takes is a [`Shown`], or JSON.

use std::io::{self, Write};

use console::Key;
use serde::Serialize;

use super::shown::{self, Shown};

/// Talk, on stderr, as it is. Nobody who has closed stderr wants to hear of it, and no run ends for that.
pub fn talk(text: &Shown) {
    let _ = io::stderr().lock().write_all(text.as_str().as_bytes());
}

/// A message of one line, or of more that are indented, on stderr.
pub fn message(text: &str) {
    let mut message = Shown::default();
    message.push_line(&Shown::message(text));
    talk(&message);
}

/// What is answered to a question on the terminal: a `y`, or a no in one of its forms; `None`: there is no terminal.
///
/// # Errors
/// The terminal is gone.
pub fn answer() -> io::Result<Option<bool>> {
    let screen = console::Term::stderr();
    if !screen.is_term() {
        return Ok(None);
    }
    loop {
        // raw: Ctrl-C is a "no" like others, and leaves the terminal as it was
        match screen.read_key_raw()? {
            Key::Char('y' | 'Y') => return Ok(Some(true)),
            Key::Char('n' | 'N') | Key::Enter | Key::Escape | Key::CtrlC => return Ok(Some(false)),
            _ => {}
        }
    }
}

/// Data, on stdout.
///
/// # Errors
/// It cannot be written. A reader who has seen enough (`| head`) is no error.
pub fn print(text: &Shown) -> io::Result<()> {
    print_bytes(text.as_str().as_bytes())
}

/// A JSON document for people to read too, on stdout.
///
/// # Errors
/// See [`print`].
pub fn print_document(document: &impl Serialize) -> io::Result<()> {
    print_bytes(format!("{}\n", shown::json(&serde_json::to_string_pretty(document)?)).as_bytes())
}

/// JSON in one line, on stdout.
///
/// # Errors
/// See [`print`].
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    print_bytes(format!("{}\n", shown::json(&serde_json::to_string(value)?)).as_bytes())
}

fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| io::Error::new(e.kind(), format!("stdout cannot be written: {e}"))),
    }
}

/// [`message`] with the words of `format!`.
macro_rules! say {
    ($($words:tt)*) => { $crate::ui::out::message(&format!($($words)*)) };
}
pub(crate) use say;
