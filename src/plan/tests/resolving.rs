#[test]
fn show() {
    for s in [
        "",
        "[upgrade]\nfrom = \"1.6.0\"\nto = \"1.6.18\"\nstager = 5\nmode = \"roling\"\nstagger=\"10m..5m\"\nacknowledge = [\"chunk-missing\"]\n[master]\nhost = \"-m\"\n[master]\nhost = \"b\"\n[[chunkservers]]\nhosts = [\"cs[1-3]\",\n\n\n\n\"cs2\"]\nprefix = 1\n[install]\nprefix = \"x\"\nsource_dir = \"/x\"\ncommands = { master = \"\", clint = \"x\" }\n",
        "a = \nb = 1\n[c\nd = 'x\n[upgrade]\nfrom = \"1\"\n",
        "[upgrade]\nfrom = 1\nfrom = 2\n[[master]]\nhost=\"x\"\n[[master]]\nhost=\"y\"\n",
        "chunkservers = 1\n\u{1b}[2J",
    ] {
        println!("=========\n{}", super::parse(s).unwrap_err());
    }
}
