//! The processes and sockets of a recorded machine, and what becomes of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use portwho::model::{Holder, OwnedSocket, Owner, Pid, Presence, Socket, Stopped};
use portwho::platform::{CloseError, Ending, OpenProcess, PlatformError};

use super::parts::{Fate, Simulated};

/// As often as a socket that lingers is still seen.
const LOOKS: usize = 3;

/// What changes when processes end.
pub struct World {
    pub sockets: Vec<OwnedSocket>,
    pub processes: BTreeMap<Pid, Simulated>,
    pub opened: Vec<u32>,
    pub ended: Vec<(u32, Ending)>,
    /// How many looks the sockets of processes that have ended stay in the table.
    pub lingering: usize,
    pub closing: Closing,
    /// The local ends of the sockets that the system was told to close, in that order.
    pub closed: Vec<String>,
    /// The processes that were described, each time.
    pub described: Vec<Vec<u32>>,
    /// How often other network namespaces were searched for.
    pub namespace_searches: u32,
    /// What happens when the sockets have been listed so often.
    pub meanwhile: Option<(usize, Meanwhile)>,
}

/// How the system answers when it is to close a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Closing {
    /// It closes it.
    #[default]
    Works,
    /// It says so, and does not, as Wine does.
    Pretends,
    /// It forbids it.
    Denied,
    /// It cannot close any socket.
    NoDestroy,
    /// It cannot close those that no process holds.
    OnlyOwned,
}

/// A change of the machine between two looks.
pub type Meanwhile = fn(&mut Vec<OwnedSocket>);

impl World {
    /// The owner that was recorded, unless the table's word is to be judged by what is known of
    /// the PID now, as on Windows. There a newcomer that was recorded as the owner has no older
    /// child of that PID beside it, which would tell.
    pub fn owner(&self, socket: &Socket) -> Owner {
        let row = self.sockets.iter().find(|row| row.socket == *socket);
        let recorded = row.map_or(Owner::NotFound, |row| row.owner.clone());
        let Some(named) = socket.table_owner else { return recorded };
        match self.processes.get(&named.pid).map(|one| one.process.birth) {
            Some(_) if recorded.pids().any(|pid| pid == named.pid) => recorded,
            birth => Owner::by_table(named, birth.map_or(Presence::Absent, Presence::Present)),
        }
    }

    pub fn fate(&self, pid: Pid) -> Option<Fate> {
        self.processes.get(&pid).map(|one| one.fate)
    }

    pub fn end(&mut self, pid: Pid) {
        match self.processes.remove(&pid).map(|one| one.fate) {
            Some(Fate::Lingers) => self.lingering = LOOKS,
            Some(Fate::LeavesHeirs) => {}
            _ => self.let_go(pid),
        }
    }

    /// The table as it is now: what lingers is there for some looks.
    pub fn table(&mut self) -> Vec<Socket> {
        let sockets = self.sockets.iter().map(|row| row.socket.clone()).collect();
        if self.lingering > 0 {
            self.lingering -= 1;
            if self.lingering == 0 {
                let processes = &self.processes;
                let is_alive = |pid| processes.contains_key(&pid);
                let named = |row: &OwnedSocket| row.socket.table_owner.map(|owner| owner.pid);
                self.sockets.retain(|row| named(row).is_none_or(is_alive));
            }
        }
        sockets
    }

    /// What happens between this look and the one before it.
    pub fn look(&mut self) {
        match &mut self.meanwhile {
            Some((0, change)) => {
                change(&mut self.sockets);
                self.meanwhile = None;
            }
            Some((looks, _)) => *looks -= 1,
            None => {}
        }
    }

    /// Closes a socket as the system would.
    pub fn close(&mut self, socket: &Socket) -> Result<(), CloseError> {
        match self.closing {
            Closing::Denied => return Err(CloseError::NotPermitted),
            Closing::NoDestroy => return Err(CloseError::NoDestroy),
            Closing::OnlyOwned if matches!(self.owner(socket), Owner::Kernel(_)) => {
                return Err(CloseError::OtherKind);
            }
            _ => {}
        }
        self.closed.push(format!("{}:{}", socket.local.address, socket.local.port));
        let Some(place) = self.sockets.iter().position(|row| socket.became(&row.socket)) else {
            return Err(CloseError::NotFound);
        };
        if self.closing != Closing::Pretends {
            self.sockets.remove(place);
        }
        Ok(())
    }

    pub fn holds(&self, pid: Pid, socket: &Socket) -> bool {
        self.owner(socket).pids().any(|holder| holder == pid)
    }

    pub fn let_go(&mut self, pid: Pid) {
        for row in &mut self.sockets {
            if let Owner::Processes(holders) = &mut row.owner {
                *holders = holders.iter().copied().filter(|holder| holder.pid != pid).collect();
            }
        }
        let is_left = |row: &OwnedSocket| !matches!(&row.owner, Owner::Processes(holders) if holders.is_empty());
        self.sockets.retain(is_left);
    }

    /// The next process with this PID: a stranger that holds the same ports.
    pub fn replace(&mut self, pid: Pid) {
        let Some(one) = self.processes.get_mut(&pid) else { return };
        one.fate = Fate::Ends;
        one.process.birth = one.process.birth.map(|birth| birth + 1);
        one.process.name = "stranger.exe".into();
    }

    /// A new process with the next PID takes over the sockets.
    fn restart(&mut self, pid: Pid) {
        let Some(mut next) = self.processes.remove(&pid) else { return };
        let next_pid = Pid(pid.0 + 1);
        next.fate = Fate::Ends;
        next.process.pid = next_pid;
        next.process.birth = next.process.birth.map(|birth| birth + 1);
        self.processes.insert(next_pid, next);
        for row in &mut self.sockets {
            if row.owner.pids().any(|holder| holder == pid) {
                let holder = Holder { pid: next_pid, descriptor: None };
                row.owner = Owner::Processes([holder].into());
            }
        }
    }
}

/// An opened process of a recorded machine.
pub struct Opened {
    pub pid: Pid,
    pub world: Rc<RefCell<World>>,
}

impl OpenProcess for Opened {
    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError> {
        let world = self.world.borrow();
        if world.fate(self.pid).is_none() {
            return Err(PlatformError::NoSuchProcess(self.pid));
        }
        let is_held = |row: &OwnedSocket| {
            world.holds(self.pid, &row.socket)
                && sockets.iter().any(|wanted| wanted.is_same(&row.socket))
        };
        Ok(world.sockets.iter().any(is_held))
    }

    fn end(&self, ending: Ending) -> Result<(), PlatformError> {
        let mut world = self.world.borrow_mut();
        world.ended.push((self.pid.0, ending));
        match world.fate(self.pid) {
            None => return Err(PlatformError::NoSuchProcess(self.pid)),
            Some(Fate::Hangs) => {}
            Some(Fate::Stays | Fate::Stopped) if !ending.is_force() => {}
            Some(Fate::Restarted) => world.restart(self.pid),
            Some(_) => world.end(self.pid),
        }
        Ok(())
    }

    fn stopped(&self) -> Option<Stopped> {
        let fate = self.world.borrow().fate(self.pid);
        (fate == Some(Fate::Stopped)).then_some(Stopped::BySignal)
    }

    /// A recorded process does not have to be waited for.
    fn wait_exit(&self, _timeout: Duration) -> Result<bool, PlatformError> {
        Ok(self.world.borrow().fate(self.pid).is_none())
    }
}
