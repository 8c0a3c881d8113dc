//! A plan as it reaches the simulated hosts: the way there is the rehearsal's, and everything else the operator's. PURE.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::host::HostName;
use crate::plan::{Plan, Ssh};

/// The same plan with `ssh` in the place of its own settings (but for `become`, which works there), and the simulated address of each
/// chunkserver that has one in the plan.
#[must_use]
pub fn reached(plan: &Plan, ssh: &Ssh, address: impl Fn(&HostName) -> Option<Ipv4Addr>) -> Plan {
    let mut plan = plan.clone();
    let replace = |own: &mut Arc<Ssh>| *own = Arc::new(Ssh { r#become: own.r#become, ..ssh.clone() });
    replace(&mut plan.master.access.ssh);
    plan.metaloggers.iter_mut().for_each(|logger| replace(&mut logger.access.ssh));
    for server in &mut plan.chunkservers {
        replace(&mut server.access.ssh);
        server.address = server.address.and_then(|own| address(&server.host).or(Some(own)));
    }
    plan.clients.iter_mut().for_each(|group| replace(&mut group.access.ssh));
    plan
}

/// The operator's plan, read again, for the hosts of the rehearsal that `before` reaches.
#[must_use]
pub fn reached_as(plan: &Plan, before: &Plan) -> Plan {
    let address = |host: &HostName| before.chunkservers.iter().find(|server| server.host == *host)?.address;
    reached(plan, &before.master.access.ssh, address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const PLAN: &str = "[upgrade]\nfrom = \"1.5.12\"\nto = \"1.6.27\"\n[install.commands]\nmaster = \"m\"\n\
        chunkserver = \"c\"\nclient = \"l\"\n[ssh]\nuser = \"root\"\n[master]\nhost = \"m\"\n[[chunkservers]]\nhosts = [\"a\"]\n\
        address = \"10.0.0.9\"\n[[chunkservers]]\nhosts = [\"b\"]\n[[clients]]\nhosts = [\"x\"]\n";

    #[test]
    fn a_plan_that_was_read_again_reaches_the_same_hosts_and_keeps_what_was_changed_in_it() {
        let plan = |source: &str| Plan::parse(source, Path::new("p.toml"), Path::new("/")).unwrap();
        let ssh = Ssh { config: Some("/r/ssh_config".into()), ..Ssh::default() };
        let first = reached(&plan(PLAN), &ssh, |_| Some([127, 64, 0, 2].into()));
        assert_eq!(first.chunkservers[0].address, Some([127, 64, 0, 2].into()));
        assert_eq!(first.chunkservers[1].address, None);
        assert!(first.hosts().all(|(_, _, access)| access.ssh.config == ssh.config && access.ssh.user.is_none()));
        assert_eq!(reached_as(&plan(PLAN), &first), first);
        let changed = plan(&PLAN.replace("to = \"1.6.27\"\n", "to = \"1.6.27\"\nacknowledge = [\"goal-one\"]\n"));
        let again = reached_as(&changed, &first);
        assert!(again.upgrade.acknowledge.contains("goal-one"));
        assert_eq!(Plan { upgrade: first.upgrade.clone(), ..again }, first);
    }
}
