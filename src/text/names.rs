//! Several processes named in a sentence: the first of them, and how many more there are of each user.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::escape::brief;
use crate::model::{Pid, Snapshot, Untrusted};

/// How many are named: a socket may have any number of holders.
const NAMED: usize = 10;

/// How many users of the others are named.
const USERS_NAMED: usize = 4;

/// The names of some processes; only as many are made as are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    first: Vec<String>,
    more: usize,
    /// How many of the others each user has; empty where that is not reported.
    users: Vec<(String, usize)>,
}

impl Names {
    /// `nginx (PID 812), nginx (PID 813) and 190 more`, each named by `name`.
    pub fn of(pids: impl IntoIterator<Item = Pid>, name: impl Fn(Pid) -> String) -> Self {
        let mut pids = pids.into_iter();
        let first = pids.by_ref().take(NAMED).map(name).collect();
        Self { first, more: pids.count(), users: Vec::new() }
    }

    /// The same of processes that are not all related, so that those without a name are counted by
    /// user: `... and 190 more (150 of user alice, 40 of user bob)`.
    pub fn by_user(
        pids: impl IntoIterator<Item = Pid>,
        snapshot: &Snapshot,
        name: impl Fn(Pid) -> String,
    ) -> Self {
        let mut pids = pids.into_iter();
        let first = pids.by_ref().take(NAMED).map(name).collect();
        let mut counts: BTreeMap<Option<&Untrusted>, usize> = BTreeMap::new();
        let mut more = 0;
        for pid in pids {
            let process = snapshot.processes.get(&pid);
            *counts.entry(process.and_then(|process| process.user.as_ref())).or_default() += 1;
            more += 1;
        }
        let mut counts: Vec<(Option<&Untrusted>, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self { first, more, users: users(&counts) }
    }

    /// With what else is to be named, as far as there is room.
    #[must_use]
    pub fn with(mut self, others: impl IntoIterator<Item = String>) -> Self {
        for other in others {
            if self.first.len() < NAMED { self.first.push(other) } else { self.more += 1 }
        }
        self
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.first.len() + self.more
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &[String] {
        &self.first
    }
}

/// `150 of user alice`, for the users who have most.
fn users(counts: &[(Option<&Untrusted>, usize)]) -> Vec<(String, usize)> {
    let told = if counts.len() > USERS_NAMED + 1 { USERS_NAMED } else { counts.len() };
    let mut users: Vec<(String, usize)> =
        counts.iter().take(told).map(|(user, count)| (user_or_users(*user), *count)).collect();
    let others: usize = counts.iter().skip(told).map(|(_, count)| count).sum();
    if others > 0 {
        users.push((format!("{} other users", counts.len() - told), others));
    }
    users
}

fn user_or_users(user: Option<&Untrusted>) -> String {
    match user {
        Some(user) => format!("user {}", brief(user)),
        None => "unknown users".to_owned(),
    }
}

impl Display for Names {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.first.join(", "))?;
        if self.more > 0 {
            write!(to, " and {} more", self.more)?;
        }
        match self.users.as_slice() {
            [] => Ok(()),
            [(user, _)] => write!(to, " of {user}"),
            several => {
                let part = |(user, count): &(String, usize)| format!("{count} of {user}");
                let parts: Vec<String> = several.iter().map(part).collect();
                write!(to, " ({})", parts.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Capabilities, Process};

    fn snapshot(users: &[(&str, u32)]) -> Snapshot {
        let mut snapshot = Snapshot::empty(Capabilities::LINUX);
        for (user, count) in users {
            for _ in 0..*count {
                let pid = Pid(u32::try_from(snapshot.processes.len()).unwrap() + 1);
                let process =
                    Process { user: Some((*user).into()), ..Process::named(pid, "web".into()) };
                snapshot.processes.insert(pid, process);
            }
        }
        snapshot
    }

    fn told(users: &[(&str, u32)]) -> String {
        let snapshot = snapshot(users);
        let pids = snapshot.processes.keys().copied();
        Names::by_user(pids, &snapshot, |pid| pid.to_string()).to_string()
    }

    #[test]
    fn what_has_no_name_is_counted_by_user() {
        assert_eq!(told(&[]), "");
        let ten = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10";
        assert_eq!(told(&[("a", 10)]), ten);
        assert_eq!(told(&[("a", 12)]), format!("{ten} and 2 more of user a"));
        let two = format!("{ten} and 5 more (3 of user b, 2 of user a)");
        assert_eq!(told(&[("a", 12), ("b", 3)]), two);
        let many = [("a", 11), ("b", 1), ("c", 9), ("d", 1), ("e", 1), ("f", 3)];
        let counted = "(9 of user c, 3 of user f, 1 of user a, 1 of user b, 2 of 2 other users)";
        assert_eq!(told(&many), format!("{ten} and 16 more {counted}"));
    }

    #[test]
    fn others_are_named_where_there_is_room() {
        let names = |count: u32| Names::of((1..=count).map(Pid), |pid| pid.to_string());
        assert_eq!(names(1).with(["x".to_owned()]).to_string(), "1, x");
        let full = names(10).with(["x".to_owned()]);
        assert_eq!((full.count(), full.to_string().contains('x')), (11, false));
    }
}
