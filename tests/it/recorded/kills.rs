//! How kill ends processes on Windows.

use portwho::model::{Gap, Os};
use portwho::platform::Ending;

use super::machine::Machine;
use super::office::office;
use super::parts::{Fate, listener, process, udp};

/// A machine with one process that holds port 80.
fn with(one: super::parts::Simulated) -> Machine {
    let pid = one.process.pid.0;
    Machine::new(Os::Windows, vec![one], vec![listener("0.0.0.0:80").of(&[pid])])
}

const HELD: &str = "0.0.0.0:80 is held by web.exe (PID 812)\n";

const SERVER: &str = "\
0.0.0.0:8081, [::]:8081 are held by inetinfo.exe (PID 1688, user OFFICE\\anna)
  it also holds port 8082
  1 client is connected to it
";

#[trial]
fn a_process_without_a_window_is_terminated() {
    let machine = office();
    let would = "would terminate inetinfo.exe (PID 1688) immediately\n";
    machine.run("kill -n 8081").is(0, &format!("{SERVER}{would}"), "");
    machine.is_untouched();
    let question = "Terminate inetinfo.exe (PID 1688) immediately (unsaved data will be lost)? \
                    [y/N] ";
    let ended = "PID 1688 exited after 0ms; port 8081 is free (1 TIME_WAIT)\n";
    machine.asked("kill 8081", "y\n").is(0, &format!("{SERVER}{ended}"), question);
    assert_eq!(machine.ended(), [(1688, Ending::Terminate)]);
    assert!(machine.is_alive(5100), "its client lives");
}

#[trial]
fn a_window_is_asked_to_close() {
    let machine = with(process(812, "web.exe").with_window());
    let would = "would ask web.exe (PID 812) to close its windows\n";
    machine.run("kill -n 80").is(0, &format!("{HELD}{would}"), "");
    let question = "Terminate web.exe (PID 812) by closing its windows? [y/N] ";
    let ended = "PID 812 exited after 0ms; port 80 is free\n";
    machine.asked("kill 80", "y\n").is(0, &format!("{HELD}{ended}"), question);
    assert_eq!(machine.ended(), [(812, Ending::CloseWindow)]);
}

#[trial]
fn force_does_not_ask_the_window() {
    let machine = with(process(812, "web.exe").with_window());
    let would = "would terminate web.exe (PID 812) immediately\n";
    machine.run("kill -n -f 80").is(0, &format!("{HELD}{would}"), "");
    let ended = "PID 812 exited after 0ms; port 80 is free\n";
    machine.run("kill -f 80").is(0, &format!("{HELD}{ended}"), "");
    assert_eq!(machine.ended(), [(812, Ending::Terminate)]);
}

#[trial]
fn a_window_that_asks_back() {
    let machine = with(process(812, "web.exe").with_window().fate(Fate::Stays));
    let still = "portwho: web.exe (PID 812) is still running after 5s and holds port 80; run: \
                 portwho \
                 kill --force -y 80\n";
    machine.run("kill -y 80").is(2, HELD, still);
    assert_eq!(machine.ended(), [(812, Ending::CloseWindow)]);
}

#[trial]
fn a_window_that_asks_back_and_is_then_terminated() {
    let machine = with(process(812, "web.exe").with_window().fate(Fate::Stays));
    let questions = "Terminate web.exe (PID 812) by closing its windows? [y/N] \
                     Terminate web.exe (PID 812) immediately (unsaved data will be lost)? [y/N] ";
    let told = format!(
        "{HELD}web.exe (PID 812) is still running after 5s\n\
         PID 812 exited after 0ms; port 80 is free\n"
    );
    machine.asked("kill 80", "y\ny\n").is(0, &told, questions);
    assert_eq!(machine.ended(), [(812, Ending::CloseWindow), (812, Ending::Terminate)]);
}

#[trial]
fn no_is_no() {
    for answers in ["n\n", "\n", "nonsense\n"] {
        let machine = with(process(812, "web.exe"));
        let asked = "Terminate web.exe (PID 812) immediately (unsaved data will be lost)? [y/N] \
                     portwho: port 80: not confirmed; nothing was sent to web.exe (PID 812)\n";
        machine.asked("kill 80", answers).is(2, HELD, asked);
        assert_eq!(machine.ended(), []);
    }
}

#[trial]
fn a_signal_is_a_usage_error() {
    for words in ["kill -s TERM 80", "kill --signal=HUP 80", "kill -n -s KILL 80"] {
        let machine = with(process(812, "web.exe"));
        let why = "portwho: --signal: Windows has no signals; omit it, or use --force\n";
        machine.run(words).is(2, "", why);
        machine.is_untouched();
    }
}

#[trial]
fn a_service_of_its_own_is_named() {
    let expected = "0.0.0.0:3389 is held by svchost.exe (PID 1020, user NT AUTHORITY\\NETWORK \
                    SERVICE, TermService)\n  \
                    it runs as a service; to stop the service, run: sc.exe stop TermService\n\
                    would terminate svchost.exe (PID 1020) immediately\n";
    office().run("kill -n 3389").is(0, expected, "");
}

/// A parent there may have exited long before: that is not followed.
#[trial]
fn the_parent_is_for_linux() {
    let machine = office();
    let line = "portwho: --parent: cannot list a process's children on this system\n";
    machine.run("kill -y --parent 8081").is(2, "", line);
    assert_eq!(machine.ended(), []);
}

#[trial]
fn a_service_that_comes_back() {
    let machine = with(process(812, "web.exe").hosting(&["W3SVC"]).fate(Fate::Restarted));
    let held = "0.0.0.0:80 is held by web.exe (PID 812, W3SVC)\n  \
                it runs as a service; to stop the service, run: sc.exe stop W3SVC\n";
    let again = "portwho: PID 812 exited after 0ms, but port 80 was taken again by web.exe (PID \
                 813); run: sc.exe stop W3SVC\n";
    machine.run("kill 80").is(2, held, again);
    assert!(machine.is_alive(813), "the newcomer was not asked for");
}

#[trial]
fn a_client_is_not_a_target() {
    let machine = office();
    let why = "portwho: port 50001: nothing holds it; only a connection uses it; kill terminates \
               only processes that hold the port\n";
    machine.run("kill -y 50001").is(1, "", why);
    machine.is_untouched();
}

#[trial]
fn what_only_udp_holds() {
    let machine = office();
    let why = "portwho: port 123: held only by UDP sockets of svchost.exe (PID 1044); run: portwho \
               kill -u -y 123\n";
    machine.run("kill -y 123").is(2, "", why);
    machine.is_untouched();
    let held = "0.0.0.0:123, [::]:123 are held by svchost.exe (PID 1044, W32Time)\n  \
                it runs as a service; to stop the service, run: sc.exe stop W32Time\n\
                PID 1044 exited after 0ms; port 123 is free\n";
    machine.run("kill -u -y 123").is(0, held, "");
    assert_eq!(machine.ended(), [(1044, Ending::Terminate)]);
}

#[trial]
fn nothing_holds_it() {
    office().run("kill 4733").is(1, "", "portwho: port 4733: nothing holds it\n");
}

#[trial]
fn one_that_may_not_be_ended() {
    let machine = with(process(812, "web.exe").fate(Fate::Denied));
    let why = "portwho: web.exe (PID 812): permission denied; in an elevated prompt, run: portwho \
               kill \
               -f 80\n";
    machine.run("kill -f 80").is(2, HELD, why);
    assert_eq!(machine.ended(), []);
}

#[trial]
fn one_that_not_even_an_administrator_may_end() {
    let machine = with(process(812, "web.exe").fate(Fate::Denied)).privileged();
    let why =
        "portwho: web.exe (PID 812): permission denied, even elevated: the process is protected\n";
    machine.run("kill 80").is(2, HELD, why);
    assert_eq!(machine.ended(), []);
}

#[trial]
fn one_that_does_not_end_at_all() {
    let machine = with(process(812, "web.exe").fate(Fate::Hangs));
    let output = machine.run("kill -f --timeout 0.1 80");
    assert!(!output.stderr.contains("SIGKILL"), "Windows has no signals: {output:?}");
    let still = "portwho: web.exe (PID 812) is still running after 100ms and holds port 80; ";
    assert!(output.stderr.starts_with(still), "{output:?}");
    output.is(2, HELD, &output.stderr);
}

/// Two kills at once: the other was faster.
#[trial]
fn exited_before_it_was_opened() {
    let machine = with(process(812, "web.exe").fate(Fate::Gone));
    machine.run("kill 80").is(
        0,
        &format!("{HELD}PID 812 had already exited; port 80 is free\n"),
        "",
    );
    assert_eq!(machine.ended(), []);
}

/// The table names the process that made the socket, for some time or for ever.
fn by_table(fate: Fate) -> Machine {
    let sockets = vec![listener("0.0.0.0:80").by_table(812, Some(900_000))];
    Machine::new(Os::Windows, vec![process(812, "web.exe").fate(fate)], sockets)
}

#[trial]
fn a_socket_that_outlives_its_process_a_moment() {
    let machine = by_table(Fate::Lingers);
    let ended = "PID 812 exited after 0ms; port 80 is free\n";
    machine.run("kill 80").is(0, &format!("{HELD}{ended}"), "");
}

#[trial]
fn a_socket_that_outlives_its_process_for_good() {
    let machine = by_table(Fate::LeavesHeirs);
    let left = "portwho: PID 812 exited after 0ms, but port 80 is still held by children of PID \
                812 (which has exited) that inherited it\n";
    machine.run("kill 80").is(2, HELD, left);
}

#[trial]
fn let_go_before_it_was_ended() {
    let machine = with(process(812, "web.exe").fate(Fate::LetsGo));
    let why = "portwho: web.exe (PID 812) no longer holds port 80; nothing was sent\n";
    machine.run("kill 80").is(1, HELD, why);
    assert_eq!(machine.ended(), []);
    assert!(machine.is_alive(812));
}

#[trial]
fn strangers_side_by_side() {
    let sockets = vec![listener("127.0.0.1:80").of(&[812]), listener("[::]:80").of(&[900])];
    let processes = vec![process(812, "web.exe"), process(900, "other.exe")];
    let machine = Machine::new(Os::Windows, processes, sockets);
    let both = "127.0.0.1:80 is held by web.exe (PID 812)\n\
                [::]:80 is held by other.exe (PID 900)\n";
    let why = "portwho: port 80: unrelated processes hold it: web.exe (PID 812), other.exe (PID \
               900); choose with --pid, --name or --user; to terminate all of them, run: portwho \
               kill \
               -y 80\n";
    machine.run("kill 80").is(2, both, why);
    machine.is_untouched();
    let left = "portwho: PID 812 exited after 0ms, but port 80 is still held by other.exe (PID \
                900)\n";
    let held = "127.0.0.1:80 is held by web.exe (PID 812)\n";
    machine.run("kill --pid 812 80").is(2, held, left);
    assert_eq!(machine.ended(), [(812, Ending::Terminate)]);
}

#[trial]
fn an_unreadable_table_is_not_a_free_port() {
    let gap = Gap::TableUnreadable { table: "tcp6".to_owned(), why: "no".to_owned() };
    let machine = Machine::new(Os::Windows, Vec::new(), vec![udp("0.0.0.0:53").of(&[7])]).gap(gap);
    let output = machine.run("kill 80");
    let last = "portwho: port 80: cannot tell whether anything holds it\n";
    assert!(output.stderr.ends_with(last), "{output:?}");
    output.is(2, "", &output.stderr);
    let output = machine.run("80");
    output.is(2, "", &output.stderr);
}
