//! A process of the load: makes its sockets, says so, and waits to be ended.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser};
use memmap2::{MmapOptions, MmapRaw};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use super::limits;

/// The word by which the program knows that it is to be a process of a load.
pub const ROLE: &str = "holder";

/// What a process says when everything stands.
pub const READY: &str = "ready";

/// What each process holds. Nothing here ends by itself: a TIME_WAIT would, in mid-measurement.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Each {
    /// Descriptors of each process that are no sockets
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub descriptors: usize,
    /// Mappings of a file in each process: a server has as many of its libraries
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub mappings: usize,
    /// Listeners of each process, at an address of its own (127.1.0.1, 127.1.0.2 …), on port 9000
    /// and following
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub listening: usize,
    /// Connections of which each process holds both ends
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub established: usize,
    /// The same, half closed: FIN_WAIT_2 at one end, CLOSE_WAIT at the other
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub half_closed: usize,
    /// TCP sockets that are bound and do not listen
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub bound: usize,
    /// UDP sockets that are bound
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub udp: usize,
}

impl Each {
    /// Connections that both ends are held of.
    pub const fn pairs(&self) -> usize {
        self.established + self.half_closed
    }

    /// Sockets of one process.
    pub const fn sockets(&self) -> usize {
        self.listening + 2 * self.pairs() + self.bound + self.udp
    }

    /// The words that make the `number`th process of the load.
    pub(super) fn words(&self, number: usize) -> [String; 9] {
        [
            format!("--parent={}", std::process::id()),
            format!("--address={}", address(number)),
            format!("--descriptors={}", self.descriptors),
            format!("--mappings={}", self.mappings),
            format!("--listening={}", self.listening),
            format!("--established={}", self.established),
            format!("--half-closed={}", self.half_closed),
            format!("--bound={}", self.bound),
            format!("--udp={}", self.udp),
        ]
    }
}

/// 127.1.0.1 for the first process, then 127.1.0.2 and so on.
fn address(number: usize) -> Ipv4Addr {
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
    Ipv4Addr::from(first + u32::try_from(number).expect("no machine runs so many"))
}

/// The words of one process.
#[derive(Parser)]
struct Part {
    #[arg(long)]
    parent: i32,
    #[arg(long)]
    address: IpAddr,
    #[command(flatten)]
    each: Each,
}

/// Is a process of the load, until it is killed or its standard input is closed.
pub fn play(words: Vec<OsString>) -> ExitCode {
    let part = Part::parse_from(words.into_iter().skip(1));
    if die_with(part.parent).is_err() {
        return ExitCode::FAILURE;
    }
    match make(&part) {
        Ok((_held, _mapped)) => {
            say(READY);
            // Nothing is ever written there: this ends with the pipe.
            let _ = io::stdin().read(&mut [0]);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("{}: {error:#}", part.address));
            ExitCode::FAILURE
        }
    }
}

/// Tells the parent, which may be gone already.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Asks to be killed with the parent, which may have died before it was asked.
fn die_with(parent: i32) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = getppid().map(rustix::process::Pid::as_raw_nonzero);
    anyhow::ensure!(now.is_some_and(|pid| pid.get() == parent), "the parent has exited");
    // Not the benchmark's own name, which is as long as a name can be: those cost a second look.
    rustix::thread::set_name(c"server")?;
    Ok(())
}

/// Everything that the process holds.
fn make(part: &Part) -> anyhow::Result<(Vec<OwnedFd>, Vec<MmapRaw>)> {
    let Part { address, each, .. } = part;
    limits::raise(limits::descriptors(each)).context("cannot raise the limit of descriptors")?;
    let listener = |number| TcpListener::bind(SocketAddr::new(*address, limits::PORT + number));
    let listeners = times(each.listening, listener).context("cannot listen")?;
    let connections = connections(listeners.first(), *address, each).context("cannot connect")?;
    let bound = times(each.bound, |_| bound(*address)).context("cannot bind")?;
    let udp = times(each.udp, |_| UdpSocket::bind((*address, 0))).context("cannot bind")?;
    let plain = times(each.descriptors, |_| File::open("/dev/null"))?;
    let mapped = mapped(each.mappings).context("cannot map a file")?;
    let mut held = bound;
    held.extend(listeners.into_iter().map(OwnedFd::from));
    held.extend(connections.into_iter().map(OwnedFd::from));
    held.extend(udp.into_iter().map(OwnedFd::from));
    held.extend(plain.into_iter().map(OwnedFd::from));
    Ok((held, mapped))
}

/// The first page of the program, this many times.
fn mapped(count: usize) -> io::Result<Vec<MmapRaw>> {
    let program = File::open(env::current_exe()?)?;
    times(count, |_| MmapOptions::new().len(4096).map_raw_read_only(&program))
}

fn times<T>(count: usize, mut make: impl FnMut(u16) -> io::Result<T>) -> io::Result<Vec<T>> {
    (0..count).map(|number| make(u16::try_from(number).unwrap_or(u16::MAX))).collect()
}

/// Both ends of every connection, to this listener, or to one that is closed again.
fn connections(
    listener: Option<&TcpListener>,
    address: IpAddr,
    each: &Each,
) -> io::Result<Vec<TcpStream>> {
    let listener = match listener {
        Some(listener) => listener.try_clone()?,
        None => TcpListener::bind((address, 0))?,
    };
    let to = listener.local_addr()?;
    let mut ends = Vec::with_capacity(2 * each.pairs());
    for number in 0..each.pairs() {
        let near = TcpStream::connect(to)?;
        let (far, _) = listener.accept()?;
        if number >= each.established {
            near.shutdown(Shutdown::Write)?;
        }
        ends.extend([near, far]);
    }
    Ok(ends)
}

/// A socket that is bound and no more, which std does not make.
fn bound(address: IpAddr) -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(address, 0))?;
    Ok(socket)
}
