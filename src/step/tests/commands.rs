//! Commands, word by word.

use super::super::*;

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

#[test]
fn commands_are_those_of_the_howto() {
    let prefix = path("/usr/local");
    let patience = Some(Duration::from_secs(1800));
    let start = |role| StartCommand::Start { role, prefix: prefix.clone(), patience }.script();
    let unmount = |lazy| UnmountCommand { mount: path("/mnt/mfs"), lazy }.script();
    let scripts = [
        InstallCommand::MakeInstall { source_dir: path("/usr/src/mfs-1.6.27") }.script(),
        start(Role::Master),
        start(Role::Chunkserver),
        StopMasterCommand { prefix: prefix.clone(), patience }.script(),
        unmount(false),
        unmount(true),
    ];
    assert_eq!(
        scripts,
        [
            "cd /usr/src/mfs-1.6.27 && make install",
            "/usr/local/sbin/mfsmaster -t 1800",
            "/usr/local/sbin/mfschunkserver -t 1800",
            "/usr/local/sbin/mfsmaster -t 1800 -s",
            "umount /mnt/mfs",
            "umount /mnt/mfs || umount -l /mnt/mfs",
        ]
    );
}

#[test]
fn an_install_command_is_one_word_to_the_shell_around_it() {
    let text = "apt-get install -y mfs && echo 'done' # (";
    let script = InstallCommand::InstallCommand { text: text.to_owned() }.script();
    assert_eq!(shlex::split(&script).unwrap(), ["/bin/sh", "-c", text]);
}
