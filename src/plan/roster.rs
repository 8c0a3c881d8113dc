//! Which host is named where: once in a role, and in all its roles reached in one way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::code::Code;
use super::finding::{Finding, Findings, Read, Span};
use super::hosts::{self, InvalidPattern, MOST_HOSTS};
use super::model::Ssh;
use super::render::quote;
use super::section::{Section, Text};
use crate::host::HostName;
use crate::moosefs::daemon::Role;

/// The hosts of the plan so far.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// Where a host got a role.
    roles: HashMap<(Role, HostName), Span>,
    /// Where a host was first named, and how it is reached.
    reached: HashMap<HostName, (Role, Span, Arc<Ssh>)>,
    /// How many hosts a role has.
    counts: HashMap<Role, usize>,
}

impl Roster {
    /// The hosts of the patterns at `hosts` in `section`, in order, at least one.
    pub(super) fn hosts(
        &mut self,
        section: &Section<'_>,
        role: Role,
        ssh: &Read<Arc<Ssh>>,
        out: &mut Findings,
    ) -> Read<Vec<HostName>> {
        let Some(patterns) = section.texts("hosts", out)? else { return Err(section.missing("hosts", out)) };
        if patterns.is_empty() {
            let span = section.value("hosts").map_or(section.span.clone(), toml::Spanned::span);
            return Err(out.report(
                Finding::new(Code::EmptyList, span, "`hosts` names no host")
                    .help(format!("name at least one {role}, or leave the whole section out")),
            ));
        }
        let mut all = Vec::new();
        let mut wrong = None;
        for pattern in &patterns {
            match self.add(pattern, role, ssh, out) {
                Ok(hosts) => all.extend(hosts),
                Err(reported) => wrong = Some(reported),
            }
        }
        wrong.map_or(Ok(all), Err)
    }

    /// The one host at `text`.
    pub(super) fn host(
        &mut self,
        text: &Text<'_>,
        role: Role,
        ssh: &Read<Arc<Ssh>>,
        out: &mut Findings,
    ) -> Read<HostName> {
        let host = hosts::host(text.text).map_err(|why| out.report(invalid(&why, text)))?;
        self.enter(std::slice::from_ref(&host), text, role, ssh, out)?;
        Ok(host)
    }

    fn add(&mut self, pattern: &Text<'_>, role: Role, ssh: &Read<Arc<Ssh>>, out: &mut Findings) -> Read<Vec<HostName>> {
        let hosts = hosts::expand(pattern.text).map_err(|why| out.report(invalid(&why, pattern)))?;
        let count = self.counts.entry(role).or_default();
        // Not entered, so that a file full of patterns fills no memory.
        if *count + hosts.len() > MOST_HOSTS {
            return Err(out.report(
                Finding::new(
                    Code::TooManyHosts,
                    pattern.span.clone(),
                    format!("with these the plan has more than {MOST_HOSTS} {role}s"),
                )
                .help(InvalidPattern::TooMany.help()),
            ));
        }
        *count += hosts.len();
        self.enter(&hosts, pattern, role, ssh, out)?;
        Ok(hosts)
    }

    /// Takes down `hosts`, all from one pattern. A pattern that overlaps another is one slip, so it is one finding.
    fn enter(
        &mut self,
        hosts: &[HostName],
        pattern: &Text<'_>,
        role: Role,
        ssh: &Read<Arc<Ssh>>,
        out: &mut Findings,
    ) -> Read<()> {
        let mut twice = None;
        let mut differing = None;
        for host in hosts {
            match self.roles.entry((role, host.clone())) {
                Entry::Vacant(free) => drop(free.insert(pattern.span.clone())),
                Entry::Occupied(first) if twice.is_none() => twice = Some(duplicate(host, role, pattern, first.get())),
                Entry::Occupied(_) => {}
            }
            // How it is reached is not known where `ssh` itself was refused.
            let Ok(ssh) = ssh else { continue };
            let (first_role, first, first_ssh) =
                self.reached.entry(host.clone()).or_insert_with(|| (role, pattern.span.clone(), Arc::clone(ssh)));
            let same = Arc::ptr_eq(first_ssh, ssh) || first_ssh == ssh;
            if !same && *first_role != role && differing.is_none() {
                differing = Some(conflict(host, role, pattern, *first_role, first));
            }
        }
        let reported = [twice, differing].into_iter().flatten().map(|finding| out.report(finding)).last();
        reported.map_or(Ok(()), Err)
    }
}

fn invalid(why: &InvalidPattern, Text { text, span }: &Text<'_>) -> Finding {
    let help = of_ssh(text).unwrap_or_else(|| why.help().to_owned());
    Finding::new(why.code(), span.clone(), format!("invalid host pattern {}: {why}", quote(text))).help(help)
}

/// What to write for `user@host`, `host:port` and both, where the rest is a host.
fn of_ssh(text: &str) -> Option<String> {
    let (user, rest) = text.split_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let port = rest.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    let (host, port) = port.map_or((rest, None), |(host, port)| (host, Some(port)));
    let plain = |user: &str| !user.is_empty() && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if hosts::expand(host).is_err() || !user.is_none_or(plain) {
        return None;
    }
    let user = user.map(|user| format!("`user = \"{user}\"`"));
    let port = port.map(|port| format!("`port = {port}`"));
    let keys: Vec<String> = user.into_iter().chain(port).collect();
    (!keys.is_empty()).then(|| format!("write \"{host}\" here, and {} under [ssh]", keys.join(" and ")))
}

fn duplicate(host: &HostName, role: Role, pattern: &Text<'_>, first: &Span) -> Finding {
    Finding::new(Code::DuplicateHost, pattern.span.clone(), format!("{host} is named twice as a {role}"))
        .label("here again")
        .related(first.clone(), "first here")
        .help("name each host once in a role; it may have several roles")
}

fn conflict(host: &HostName, role: Role, pattern: &Text<'_>, as_role: Role, first: &Span) -> Finding {
    let message = format!("{host} is reached in one way as a {as_role} and in another as a {role}");
    Finding::new(Code::ConflictingSsh, pattern.span.clone(), message)
        .label(format!("as a {role}"))
        .related(first.clone(), format!("as a {as_role}"))
        .help("give both sections the same `ssh`, or none")
}
