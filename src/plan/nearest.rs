//! "Did you mean": the known word that a mistyped one is nearest to.

/// Longer words are not slips of the keyboard, and comparing them costs time.
const LONGEST_SLIP: usize = 64;

/// The word of `known` that `word` was probably meant to be.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().take(LONGEST_SLIP + 1).count();
    if length > LONGEST_SLIP {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.replace('-', "_")), candidate))
        // A third of the letters may be wrong; of short words at least two, or `too` would not lead to `to`.
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(length) / 3).max(2))
        .filter(|(distance, candidate)| *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for `word`: the nearest of `known`, and all of them.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    let all = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    match nearest(word, known.iter().copied()) {
        Some(one) => format!("did you mean `{one}`? known here: {all}"),
        None => format!("known here: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::keys;

    #[test]
    fn slips_lead_to_the_word() {
        for (slip, word) in [("stager", "stagger"), ("master-wait", "master_wait"), ("too", "to"), ("form", "from")] {
            assert_eq!(nearest(slip, keys::UPGRADE.iter().copied()), Some(word), "{slip}");
        }
        assert_eq!(nearest("colour", keys::UPGRADE.iter().copied()), None);
        assert_eq!(nearest(&"x".repeat(1000), keys::UPGRADE.iter().copied()), None);
        assert_eq!(hint("sudoo", &["sudo", "doas"]), "did you mean `sudo`? known here: `sudo`, `doas`");
    }
}
