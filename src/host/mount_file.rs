//! `mfsmount.cfg`: defaults of the mounts of a host, from 1.6.21 on. PURE.
//!
//! Read before the command line (main.c of mfsmount @ 1.6.27): a line with `-` in front is an argument, one with `/` the mount
//! point where none is given, any other a list of `-o`; `#` and `;` in the first column begin comments. Of the lists nothing but
//! options of MooseFS's own counts: what is left for FUSE (`ro`, `nosuid`) is parsed and thrown away.

use super::MountArguments;

/// What is said there that a mount has which is made with all of its own options, and with master and port, which hold over the
/// file. Values of passwords are left out.
#[must_use]
pub fn counts(text: &str, mount: &MountArguments) -> Vec<String> {
    let root = mount.subfolder.as_str() == "/";
    let has = |option: &str| mount.options.iter().any(|own| own == option) || (option == "mfsmeta" && mount.meta);
    let counts = |option: &String| match option.split('=').next().unwrap_or_default() {
        "mfsmaster" | "mfsport" => false,
        // nothing is said of a subfolder where it is the whole file system
        "mfssubfolder" => root && option != "mfssubfolder=/",
        name => name.starts_with("mfs") && !has(option),
    };
    options(text).into_iter().filter(counts).map(told).collect()
}

/// All options, arguments of one letter by their long names.
fn options(text: &str) -> Vec<String> {
    let lines =
        text.lines().filter(|line| !line.starts_with(['#', ';'])).map(|line| line.trim_matches([' ', '\t', '\r']));
    let mut options = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('/')) {
        match line.strip_prefix('-') {
            Some(argument) => options.push(argument_as_option(argument)),
            None => options.extend(line.split(',').map(str::to_owned)),
        }
    }
    options
}

fn argument_as_option(argument: &str) -> String {
    let long = [("H", "mfsmaster"), ("P", "mfsport"), ("S", "mfssubfolder"), ("B", "mfsbind")];
    match long.iter().find_map(|(letter, name)| Some((name, argument.strip_prefix(letter)?))) {
        Some((name, value)) => format!("{name}={}", value.trim_start()),
        None if matches!(argument, "m" | "-meta") => "mfsmeta".to_owned(),
        None if matches!(argument, "p" | "-password") => "mfspassword".to_owned(),
        None => argument.strip_prefix('o').unwrap_or(argument).trim_start().to_owned(),
    }
}

fn told(option: String) -> String {
    match option.split_once('=') {
        Some((name @ ("mfspassword" | "mfsmd5pass"), _)) => format!("{name}=…"),
        _ => option,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_new_mount_would_have_is_told_and_no_password() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mount = |line: &str| MountArguments::read_old(&words(line)).unwrap();
        for (text, line, told) in [
            ("", "", &[][..]),
            ("# mfsmeta\n;mfsmeta\n\n/mnt/other\nmfsmaster=mm,mfsport=9500\n-Hmm\n", "", &[]),
            ("nosuid,nodev\nro\n", "", &[]),
            ("mfspassword=secret\r\n -m\n", "", &["mfspassword=…", "mfsmeta"]),
            ("-p\n", "", &["mfspassword"]),
            ("-S /sub\n", "", &["mfssubfolder=/sub"]),
            ("mfssubfolder=/sub\n", "-l /own", &[]),
            ("nosuid,mfscachefiles,mfsioretries=60\n", "-c", &["mfsioretries=60"]),
            ("-omfsdelayedinit\n", "", &["mfsdelayedinit"]),
        ] {
            assert_eq!(counts(text, &mount(line)), told, "{text:?}");
        }
    }
}
