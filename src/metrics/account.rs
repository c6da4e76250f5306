//! To whom what a socket adds to the labels is charged, and the labels of its owner.

use super::LabelValue;
use super::budget::VALUES;
use super::unit::unit_of;
use crate::findings::{Culprit, Machine};
use crate::model::{
    Container, OwnedSocket, Process, ProcessKind, Runtime, Service, Uid, Untrusted,
};

/// How many listeners a user may add. With what is merged that is 40 series at most.
const LISTENERS_OF_USER: usize = 8;

/// Whose process it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum User {
    /// By number.
    Number(Uid),
    /// By name, where the system does not number users.
    Name(Untrusted),
    /// Someone's who started a program with the rights of another (set-user-ID).
    SetUserId,
    /// Not known.
    Unknown,
}

/// A user, in a container or outside. What is charged to one account is no other's loss: a container that the
/// user may have made is none of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Account {
    pub(super) user: User,
    pub(super) container: LabelValue,
}

impl Account {
    /// Whether this is root outside of containers, who can do more than add labels.
    pub(super) fn is_root(&self) -> bool {
        self.user == User::Number(Uid(0)) && self.container == LabelValue::NONE
    }

    /// How many listeners it may add that the system does not run. In a container that is what it is for;
    /// of a user's each one is two to four series.
    pub(super) fn most_listeners(&self) -> usize {
        if self.container == LabelValue::NONE { LISTENERS_OF_USER } else { VALUES }
    }
}

/// What is said of an owner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Name {
    pub(super) process: LabelValue,
    pub(super) unit: LabelValue,
    pub(super) container: LabelValue,
}

impl User {
    /// Whether this may be a person: whoever that is can run anything, as a job of cron or of at too, which are in
    /// system units. Below are the users of the system itself, and in between those that systemd makes for a
    /// unit (UIDS-GIDS.md of systemd).
    fn may_be_person(&self) -> bool {
        match self {
            Self::Number(Uid(uid)) => !matches!(uid, 0..1000 | 61_184..65_536),
            Self::Name(_) => false,
            Self::SetUserId | Self::Unknown => true,
        }
    }
}

/// An owner of sockets as labels tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Charged {
    pub(super) account: Account,
    pub(super) name: Name,
    /// Whether the machine's own root, system units or kernel run it: whoever adds labels that way can do
    /// more than that.
    pub(super) is_systems: bool,
}

impl Charged {
    fn new(account: Account, name: Name) -> Self {
        let is_unit = ![LabelValue::NONE, LabelValue::USERS].contains(&name.unit);
        let is_outside = name.container == LabelValue::NONE;
        let is_service = is_unit && !account.user.may_be_person();
        let is_systems = is_outside && (is_service || account.is_root());
        Self { account, name, is_systems }
    }

    /// No process of this machine.
    pub(super) fn nobody() -> Self {
        let none = LabelValue::NONE;
        let name = Name { process: none.clone(), unit: none.clone(), container: none.clone() };
        Self::new(Account { user: User::Unknown, container: none }, name)
    }

    /// Whether it is none.
    pub(super) fn is_nobody(&self) -> bool {
        *self == Self::nobody()
    }

    /// A process. `program` is the name of its executable, where only an administrator puts such.
    pub(super) fn process(
        process: &Process,
        program: Option<&Untrusted>,
        machine: &Machine<'_>,
    ) -> Self {
        let name = match (program, process.kind) {
            (Some(program), _) => LabelValue::of(program),
            // Only the kernel names these.
            (None, ProcessKind::Kernel) => LabelValue::of(&process.name),
            (None, _) => LabelValue::OTHER,
        };
        let manager = machine.snapshot.capabilities.service_manager;
        let place = InContainer::of(process.container.as_ref(), process.is_delegated);
        let account = Account { user: user(process), container: place.account };
        let is_of_user = process.slice_user.is_some();
        let unit = unit_of(&process.services, is_of_user, process.is_delegated, manager);
        let charged = Self::new(account, Name { process: name, unit, container: place.label });
        let is_systems = charged.is_systems || process.kind == ProcessKind::Kernel;
        Self { is_systems, ..charged }
    }

    /// A process that cannot be named, by what its socket tells.
    pub(super) fn unnamed(row: &OwnedSocket, uid: Option<Uid>, machine: &Machine<'_>) -> Self {
        let creator = machine.snapshot.creator(&row.socket);
        let manager = machine.snapshot.capabilities.service_manager;
        let known = creator.and_then(|creator| creator.service.as_ref());
        let services: &[Service] = known.map(std::slice::from_ref).unwrap_or_default();
        let is_delegated = creator.is_some_and(|creator| creator.is_delegated);
        let container = creator.and_then(|creator| creator.container.as_ref());
        let place = InContainer::of(container, is_delegated);
        let user = uid.map_or(User::Unknown, User::Number);
        let unit = unit_of(services, false, is_delegated, manager);
        let name = Name { process: LabelValue::OTHER, unit, container: place.label };
        Self::new(Account { user, container: place.account }, name)
    }

    /// The one that is responsible for a finding, other than a process that was described.
    pub(super) fn of_culprit(culprit: Culprit) -> Self {
        match culprit {
            Culprit::Nobody | Culprit::Machine => Self::nobody(),
            Culprit::Hidden(_) | Culprit::Unknown | Culprit::Process(_) => {
                let mut unknown = Self::nobody();
                unknown.name.process = LabelValue::OTHER;
                unknown
            }
        }
    }

    /// The one that is responsible for a socket, other than a process.
    pub(super) fn without_process(
        culprit: Culprit,
        row: &OwnedSocket,
        machine: &Machine<'_>,
    ) -> Self {
        match culprit {
            Culprit::Nobody | Culprit::Machine => Self::nobody(),
            Culprit::Hidden(uid) => Self::unnamed(row, uid, machine),
            Culprit::Unknown | Culprit::Process(_) => Self::unnamed(row, row.socket.uid, machine),
        }
    }
}

/// Root's processes are root's wherever they run. Others below `user-1000.slice` are that user's, who
/// may have many numbers (subuid(5)).
fn user(process: &Process) -> User {
    match (process.slice_user, process.uid) {
        (Some(user), _) if process.is_set_user_id => User::Number(user),
        _ if process.is_set_user_id => User::SetUserId,
        (_, Some(Uid(0))) => User::Number(Uid(0)),
        (Some(user), _) | (None, Some(user)) => User::Number(user),
        (None, None) => process.user.clone().map_or(User::Unknown, User::Name),
    }
}

/// The container that something runs in.
struct InContainer {
    /// What is said of it.
    label: LabelValue,
    /// What it has an account by.
    account: LabelValue,
}

impl InContainer {
    fn of(known: Option<&Container>, is_delegated: bool) -> Self {
        let label = container(known, is_delegated);
        let is_made_by_user = is_delegated || known.is_some_and(|container| container.of_user);
        let account = if is_made_by_user { LabelValue::NONE } else { label.clone() };
        Self { label, account }
    }
}

/// The name that the runtime gives a container, or else the runtime's own; never an id. A user's own
/// containers have names that the user may choose at will, and so has a group that was delegated, where the
/// name is the group's.
fn container(container: Option<&Container>, is_delegated: bool) -> LabelValue {
    let Some(container) = container else { return LabelValue::NONE };
    let runtime = LabelValue::word(container.runtime.word());
    let has_names = matches!(container.runtime, Runtime::Lxc | Runtime::Nspawn);
    let of_group = || (has_names && !is_delegated).then_some(&container.id);
    let name = container.name.as_ref().or_else(of_group);
    match name {
        Some(name) if !container.of_user => LabelValue::of(name),
        _ => runtime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pid;

    fn process(uid: u32) -> Process {
        Process { uid: Some(Uid(uid)), ..Process::named(Pid(7), "x".into()) }
    }

    #[test]
    fn a_user_is_charged_for_all_its_numbers() {
        let number = |uid| User::Number(Uid(uid));
        assert_eq!(user(&process(1000)), number(1000));
        let own = Process { slice_user: Some(Uid(1000)), ..process(100_000) };
        assert_eq!(user(&own), number(1000));
        let sudo = Process { slice_user: Some(Uid(1000)), ..process(0) };
        assert_eq!(user(&sudo), number(0));
        let su = Process { is_set_user_id: true, ..sudo };
        assert_eq!(user(&su), number(1000));
        let su = Process { is_set_user_id: true, ..process(0) };
        assert_eq!(user(&su), User::SetUserId);
    }

    #[test]
    fn a_container_that_a_user_may_have_made_has_no_account() {
        let id = "932a195ea739d3a1f0c8b1cf5d9f7f2a".into();
        let of = |of_user, is_delegated| {
            let made = Container { runtime: Runtime::Podman, id, name: None, of_user };
            let place = InContainer::of(Some(&made), is_delegated);
            (place.label.as_str().to_owned(), place.account.as_str().to_owned())
        };
        let own = |label: &str, account: &str| (label.to_owned(), account.to_owned());
        assert_eq!(of.clone()(false, false), own("podman", "podman"));
        assert_eq!(of.clone()(true, false), own("podman", ""));
        assert_eq!(of(false, true), own("podman", ""));
    }

    #[test]
    fn a_persons_job_in_a_unit_of_the_system_is_not_the_systems() {
        let is_systems = |user, unit: &LabelValue| {
            let (process, container) = (LabelValue::OTHER, LabelValue::NONE);
            let name = Name { process, unit: unit.clone(), container: container.clone() };
            Charged::new(Account { user, container }, name).is_systems
        };
        let (cron, number) = (LabelValue::word("cron"), |uid| User::Number(Uid(uid)));
        for (uid, expected) in
            [(0, true), (105, true), (999, true), (1000, false), (62_000, true), (100_000, false)]
        {
            assert_eq!(is_systems(number(uid), &cron), expected, "{uid}");
        }
        assert!(is_systems(number(0), &LabelValue::NONE));
        assert!(!is_systems(number(105), &LabelValue::NONE));
        assert!(!is_systems(User::SetUserId, &cron));
        assert!(is_systems(User::Name("NT AUTHORITY".into()), &cron));
    }

    #[test]
    fn a_container_is_never_an_id() {
        let of = |runtime, name: Option<&str>, of_user| {
            let id = "932a195ea739d3a1f0c8b1cf5d9f7f2a".into();
            let name = name.map(Untrusted::from);
            container(Some(&Container { runtime, id, name, of_user }), false).as_str().to_owned()
        };
        assert_eq!(of(Runtime::Docker, Some("web"), false), "web");
        assert_eq!(of(Runtime::Docker, None, false), "docker");
        assert_eq!(of(Runtime::Podman, Some("web"), true), "podman");
        assert_eq!(of(Runtime::Lxc, None, true), "lxc");
        assert_eq!(container(None, false), LabelValue::NONE);
        let lxc = Container { runtime: Runtime::Lxc, id: "web".into(), name: None, of_user: false };
        assert_eq!(container(Some(&lxc), false).as_str(), "web");
        assert_eq!(container(Some(&lxc), true).as_str(), "lxc");
    }
}
