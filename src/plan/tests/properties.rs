//! No input breaks the reader, and whatever is refused can be shown.

use proptest::prelude::*;

use super::{GOOD, parse};
use crate::plan::Position;

/// Every refusal has a reason that can be rendered, and every plan survives its own serialisation.
fn check(source: &str) -> Result<(), TestCaseError> {
    match parse(source) {
        Ok(plan) => {
            let json = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<crate::plan::Plan>(&json).unwrap(), plan);
        }
        Err(error) => {
            prop_assert!(!error.findings().is_empty());
            let shown = error.render(false);
            prop_assert!(!error.render(true).is_empty());
            for finding in error.findings() {
                prop_assert!(finding.span.start <= finding.span.end);
                let Position { line, column } = finding.position(source.strip_prefix('\u{feff}').unwrap_or(source));
                let place = format!("p.toml:{line}:{column}\n");
                prop_assert!(shown.contains(&place), "no {} in\n{}", place, shown);
            }
        }
    }
    Ok(())
}

/// A piece that plans are made of, or close to it.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "[upgrade]\n",
        "[[upgrade]]\n",
        "from = \"1.5.12\"\n",
        "to = \"1.6.18\"\n",
        "mode = \"x\"\n",
        "stagger = \"7m\"\n",
        "[install]\n",
        "source_dir = \"/s\"\n",
        "commands = { master = \"x\" }\n",
        "commands = 1\n",
        "prefix = \"p\"\n",
        "archive = \"a.tar.gz\"\n",
        "archive = \"/dev/zero\"\n",
        "configure = [\"--prefix=/p\", \"\"]\n",
        "work_dir = \"/\"\n",
        "[config]\n",
        "exports = \"/\"\n",
        "exports_like_1_5 = true\n",
        "[[metaloggers]]\n",
        "[ssh]\n",
        "jump = [\"a\", 1]\n",
        "port = 0x10\n",
        "[master]\n",
        "[[master]]\n",
        "host = \"m\"\n",
        "hosts = []\n",
        "[[chunkservers]]\n",
        "[chunkservers]\n",
        "hosts = [\"cs[1-3]\", \"cs3\"]\n",
        "hosts = [\"a[3-1]\"]\n",
        "address = \"10.0.0.1\"\n",
        "ssh = { user = \"u\" }\n",
        "install = { source_dir = \"/t\" }\n",
        "[[clients]]\n",
        "mounts = [\"/m\", \"/m/\"]\n",
        "parallel = 0\n",
        "clients = []\n",
        "master.host = \"x\"\n",
        "ä = '''\n",
        "\r",
        "\u{feff}",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,12}\n?"]
}

proptest! {
    #[test]
    fn no_text_panics(source in ".*|(?s).{0,200}") {
        check(&source)?;
    }

    #[test]
    fn no_shuffled_plan_panics(pieces in proptest::collection::vec(piece(), 0..24)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn no_slip_in_a_good_plan_panics(at in 0..GOOD.len(), cut in 0_usize..12, insert in "\\PC{0,4}") {
        let mut source = GOOD.to_owned();
        let start = (0..=at).rev().find(|&i| source.is_char_boundary(i)).unwrap();
        let end = (start + cut..=source.len()).find(|&i| source.is_char_boundary(i)).unwrap_or(source.len());
        source.replace_range(start..end, &insert);
        check(&source)?;
    }
}
