//! Passwords in configuration files, command lines and messages: `password=`, `md5pass=` (exports.c), `mfspassword=` and
//! `mfsmd5pass=` (mfsmount/main.c @ 1.6.27), and whatever looks like them. PURE.

use std::borrow::Cow;

/// What stands in the place of a password.
const HIDDEN: char = '…';

/// `text` with `…` in place of every password in it. A value ends with a comma or its line: a password may have blanks.
#[must_use]
pub fn masked(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    while let Some((from, to)) = value(text, copied) {
        out.push_str(&text[copied..from]);
        out.push(HIDDEN);
        copied = to;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// The first password from `start` on that is not hidden already.
fn value(text: &str, start: usize) -> Option<(usize, usize)> {
    const WORD: &[u8; 4] = b"pass";
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        at += bytes.get(at..)?.windows(WORD.len()).position(|window| window.eq_ignore_ascii_case(WORD))? + WORD.len();
        let name = bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let blanks = bytes[at + name..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let equals = at + name + blanks;
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        let from = equals + 1;
        let length = bytes[from..].iter().take_while(|b| !matches!(b, b',' | b'\n' | b'\r')).count();
        if length > 0 && !text[from..].starts_with(HIDDEN) {
            return Some((from, from + length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        for (text, shown) in [
            ("* / rw,password=Sup3r S3cret,alldirs\n", "* / rw,password=…,alldirs\n"),
            ("#* / md5pass=0123456789abcdef\r\nx", "#* / md5pass=…\r\nx"),
            ("-o mfspassword=a=b", "-o mfspassword=…"),
            ("MFSMD5PASS = x\nPASSWORD=y", "MFSMD5PASS =…\nPASSWORD=…"),
            ("rw,password=,ro", "rw,password=,ro"),
            ("password", "password"),
            ("bypass the gate; a = b", "bypass the gate; a = b"),
            ("grün,password=größe,ü", "grün,password=…,ü"),
        ] {
            assert_eq!(masked(text), shown);
            assert_eq!(masked(shown), shown, "what is hidden stays as it is");
        }
    }
}
