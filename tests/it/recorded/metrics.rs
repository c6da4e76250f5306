//! Metrics of machines that no test can make: every label, both systems, hostile names, tables that could
//! not be read. What is compared are the files in `metrics/`.

use portwho::model::{
    Container, Gap, KernelReason, Os, OwnedSocket, Owner, Runtime, Service, TcpState, Uid,
    Untrusted,
};

use super::machine::Machine;
use super::office::office;
use super::parts::{Simulated, listener, process, tcp, udp};
use crate::support::metrics::{masked, samples, value};

fn linux(pid: u32, name: &str, uid: u32) -> Simulated {
    process(pid, name).named(name.into()).uid(uid).parent(1)
}

fn unit(one: Simulated, unit: &str) -> Simulated {
    let service = Service { name: unit.into(), of_user: false };
    one.with(|process| process.services = vec![service])
}

fn container(one: Simulated, name: Option<&str>) -> Simulated {
    let container = Container {
        runtime: Runtime::Docker,
        id: "932a195ea739".into(),
        name: name.map(Untrusted::from),
        of_user: false,
    };
    one.with(|process| process.container = Some(container))
}

fn processes() -> Vec<Simulated> {
    vec![
        unit(linux(1, "systemd", 0), "init.scope").program("/usr/lib/systemd/systemd"),
        unit(linux(812, "nginx", 0), "nginx.service").program("/usr/bin/nginx"),
        unit(linux(813, "nginx", 33), "nginx.service").program("/usr/bin/nginx").parent(812),
        container(linux(950, "docker-proxy", 0).program("/usr/bin/docker-proxy"), Some("web")),
        container(linux(960, "app", 0).program("/usr/bin/app"), Some("web")),
        linux(990, "miner", 1000).program("/home/m/miner").with(|process| {
            process.slice_user = Some(Uid(1000));
        }),
    ]
}

fn sockets() -> Vec<OwnedSocket> {
    let close_wait = |port: u16, age| {
        let foreign = format!("10.0.0.9:{port}");
        tcp("10.0.0.1:80", TcpState::CloseWait)
            .to(&foreign)
            .linux(40_000 + u64::from(port), 33)
            .unread(0, age)
    };
    let time_wait = tcp("10.0.0.1:80", TcpState::TimeWait).linux(0, 0).to("10.0.0.9:50000");
    vec![
        listener("0.0.0.0:80").linux(31_337, 0).of(&[812, 813]),
        listener("[::]:80").linux(31_338, 0).of(&[812, 813]),
        listener("127.0.0.1:5432").linux(31_400, 999).owner(Owner::Hidden),
        listener("0.0.0.0:8080").linux(31_600, 0).of(&[950]),
        listener("172.17.0.2:8080").linux(31_601, 0).of(&[960]),
        listener("[fe80::1]:40000").linux(31_602, 1000).of(&[990]),
        listener("8.8.8.8:50051").linux(31_603, 0).of(&[1]),
        udp("0.0.0.0:9").linux(31_700, 1000).of(&[990]),
        close_wait(50_001, 1_500).of(&[813]),
        close_wait(50_002, 72_250).of(&[813]),
        close_wait(50_003, 200).of_kernel(KernelReason::NotAccepted),
        time_wait.time_wait_ms(57_001).of_kernel(KernelReason::TimeWait),
    ]
}

fn server() -> Machine {
    let mut machine = Machine::new(Os::Linux, processes(), sockets())
        .descriptors(812, 20, Some(1024))
        .descriptors(813, 900, Some(1024))
        .descriptors(960, 50, None)
        .in_other_mounts(960);
    machine.rules.ephemeral = Some(32_768..=60_999);
    machine
}

#[track_caller]
fn metrics(machine: &Machine, words: &str) -> String {
    let output = machine.run(&format!("metrics {words}"));
    output.is(0, &output.stdout, &output.stderr);
    masked(&output.stdout)
}

#[track_caller]
fn is_as_recorded(text: &str, recorded: &str) {
    assert_eq!(text, recorded, "\n{text}");
}

#[trial]
fn of_a_linux_server() {
    let output = server().run("metrics --ports 50051");
    output.is(0, &output.stdout, "");
    is_as_recorded(&masked(&output.stdout), include_str!("metrics/linux.prom"));
}

#[trial]
fn of_a_windows_machine() {
    is_as_recorded(&metrics(&office(), ""), include_str!("metrics/windows.prom"));
}

#[trial]
fn of_a_table_that_could_not_be_read() {
    let why = "refused".to_owned();
    let machine = server().gap(Gap::TableUnreadable { table: "tcp6".to_owned(), why });
    let text = metrics(&machine, "");
    assert_eq!(value(&text, "portwho_look_success{table=\"tcp6\"}"), Some("0"));
    assert_eq!(value(&text, "portwho_look_success{table=\"tcp\"}"), Some("1"));
    assert_eq!(value(&text, "portwho_gaps{kind=\"table-unreadable\"}"), Some("1"));
    assert!(!text.contains("protocol=\"tcp\""), "{text}");
    assert!(text.contains("portwho_sockets{protocol=\"udp\""), "{text}");
    for family in [
        "portwho_close_wait_oldest_seconds",
        "portwho_process_open_fds",
        "portwho_ephemeral_ports_used_ratio",
        "portwho_listener_accept_queue_length",
    ] {
        assert!(text.contains(&format!("# TYPE {family} gauge\n")), "{text}");
        assert_eq!(samples(&text, family), [""; 0], "{text}");
    }
    assert_eq!(value(&text, "portwho_check_success{kind=\"close-wait-leak\"}"), Some("0"));
    assert_eq!(value(&text, "portwho_check_success{kind=\"udp-drops\"}"), Some("1"));
    assert_eq!(value(&text, "portwho_check_success{kind=\"open-files\"}"), Some("1"));
}

#[trial]
fn of_some_sockets() {
    let text = metrics(&server(), "9");
    let expected =
        "{protocol=\"udp\",state=\"\",process=\"other\",unit=\"user.slice\",container=\"\"} 1";
    assert_eq!(samples(&text, "portwho_sockets"), [expected]);
    assert_eq!(value(&text, "portwho_check_success{kind=\"open-files\"}"), Some("0"));
}

#[trial]
fn hostile_names_stay_in_their_quotes() {
    let hostile = "\"} 1\nportwho_up{x=\"\\";
    let one = unit(linux(7, "x", 1000).program("/usr/bin/x"), hostile);
    let not_text = Untrusted::new(*b"/usr/bin/\xff\n\"");
    let one = container(one, Some(hostile)).with(|process| process.executable = Some(not_text));
    let machine = Machine::new(Os::Linux, vec![one], vec![udp("0.0.0.0:9").linux(5, 0).of(&[7])]);
    let text = metrics(&machine, "");
    let escaped = "\\\"} 1\\\\nportwho_up{x=\\\"\\\\\\\\";
    let expected = format!(
        "{{protocol=\"udp\",state=\"\",process=\"\\\\xff\\\\n\\\"\",unit=\"{escaped}\",container=\"{escaped}\"}} 1"
    );
    assert_eq!(samples(&text, "portwho_sockets"), [expected.as_str()]);
    let is_known = |line: &&str| line.starts_with("portwho_") || line.starts_with("# ");
    assert!(text.lines().all(|line| is_known(&line)), "{text}");
}

/// A user with very many programs and listeners.
fn crowd() -> (Vec<Simulated>, Vec<OwnedSocket>) {
    let processes = (0..2000).map(|number| {
        linux(5000 + number, "x", 2000).program(&format!("/usr/bin/program-{number:04}"))
    });
    let port = |number: u32| 10_000 + number;
    let sockets = (0..2000).map(|number| {
        let local = format!("0.0.0.0:{}", port(number));
        listener(&local).linux(u64::from(60_000 + number), 2000).of(&[5000 + number])
    });
    (processes.collect(), sockets.collect())
}

#[trial]
fn one_users_excess_is_merged_and_hides_no_other() {
    let honest = metrics(&server(), "");
    let (programs, listeners) = crowd();
    let crowded = programs.into_iter().fold(server(), Machine::process);
    let crowded = listeners.into_iter().fold(crowded, Machine::socket);
    let text = metrics(&crowded, "");
    for line in honest.lines().filter(|line| !line.starts_with('#')) {
        // What is not told apart has another value, and no other name.
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let is_common = ["process=\"other\"", "series_merged"].iter().any(|it| line.contains(it));
        let wanted = if is_common { series } else { line };
        assert!(text.lines().any(|other| other.starts_with(wanted)), "{line}\n{text}");
    }
    assert_eq!(value(&text, "portwho_series_merged"), Some("3972"));
    let count = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    // Twenty owners and eight listeners, and what is over that; queue, limit and drops of each listener.
    assert!(count(&text) <= count(&honest) + 21 + 29 + 3 * 9, "{text}");
    // With the one of another user that is not told apart either.
    let merged =
        "{protocol=\"tcp\",state=\"LISTENING\",process=\"other\",unit=\"\",container=\"\"} 1981";
    assert!(samples(&text, "portwho_sockets").contains(&merged), "{text}");
}

#[trial]
fn drops_of_listeners_that_share_an_address_are_not_added() {
    let dropping = |local: &str, inode, drops| {
        let mut row = listener(local).linux(inode, 0).of(&[812]);
        row.socket.drops = Some(drops);
        row
    };
    let sockets = vec![
        dropping("0.0.0.0:80", 1, 5),
        dropping("[::]:80", 2, 7),
        dropping("0.0.0.0:81", 3, 1),
        dropping("0.0.0.0:81", 4, 1),
        dropping("0.0.0.0:40000", 5, 1),
    ];
    let text = metrics(&Machine::new(Os::Linux, processes(), sockets), "");
    let expected = ["{protocol=\"tcp\",bind=\"any\",port=\"80\"} 12"];
    assert_eq!(samples(&text, "portwho_listener_drops_total"), expected);
}

#[trial]
fn other_namespaces_are_counted_and_their_listeners_are_their_own() {
    let sockets = vec![
        listener("0.0.0.0:80").linux(1, 0).of(&[812]),
        listener("0.0.0.0:80").linux(2, 0).netns(7).of(&[960]),
        tcp("10.0.0.1:80", TcpState::CloseWait)
            .to("10.0.0.9:5000")
            .linux(0, 0)
            .netns(7)
            .of_kernel(KernelReason::NotAccepted),
    ];
    let machine = Machine::new(Os::Linux, processes(), sockets).in_other_mounts(960);
    let text = metrics(&machine, "--all-netns");
    let of = |state: &str, process: &str, unit: &str, container: &str| {
        format!(
            "{{protocol=\"tcp\",state=\"{state}\",process=\"{process}\",unit=\"{unit}\",container=\"{container}\"}} 1"
        )
    };
    let expected = [
        of("CLOSE_WAIT", "other", "", "web"),
        of("LISTENING", "nginx", "nginx.service", ""),
        of("LISTENING", "other", "", "web"),
    ];
    assert_eq!(samples(&text, "portwho_sockets"), expected);
    assert_eq!(value(&text, "portwho_look_success{table=\"namespaces\"}"), Some("1"));
}

/// The machine records portwho as PID 9000.
#[trial]
fn its_own_sockets_are_left_out() {
    let own = process(9000, "portwho").uid(0);
    let sockets = vec![
        listener("127.0.0.1:9467").linux(1, 0).of(&[9000]),
        tcp("127.0.0.1:9467", TcpState::Established).to("127.0.0.1:50000").linux(2, 0).of(&[9000]),
        tcp("127.0.0.1:9467", TcpState::TimeWait)
            .to("127.0.0.1:50001")
            .linux(0, 0)
            .of_kernel(KernelReason::TimeWait),
        tcp("127.0.0.1:9467", TcpState::Established)
            .to("127.0.0.1:50002")
            .linux(0, 0)
            .of_kernel(KernelReason::NotAccepted),
    ];
    let text = metrics(&Machine::new(Os::Linux, vec![own], sockets), "");
    assert_eq!(samples(&text, "portwho_sockets"), [""; 0], "{text}");
    assert_eq!(samples(&text, "portwho_listener_info"), [""; 0], "{text}");
}

#[trial]
fn a_service_of_windows_is_a_unit() {
    let host = |pid, services: &[&str]| {
        process(pid, "svchost.exe").hosting(services).program(r"C:\Windows\System32\svchost.exe")
    };
    let processes = vec![
        host(10, &["Dhcp"]),
        host(11, &["CDPUserSvc_3f2a1"]),
        host(12, &["RpcSs", "RpcEptMapper"]),
        process(13, "web.exe").program(r"D:\web.exe").user("OFFICE\\anna"),
    ];
    let sockets = [10, 11, 12, 13].map(|pid| udp(&format!("0.0.0.0:{pid}")).of(&[pid])).into();
    let text = metrics(&Machine::new(Os::Windows, processes, sockets), "");
    let of = |process: &str, unit: &str| {
        format!(
            "{{protocol=\"udp\",state=\"\",process=\"{process}\",unit=\"{unit}\",container=\"\"}} 1"
        )
    };
    let expected = [
        of("other", ""),
        of("svchost.exe", "CDPUserSvc"),
        of("svchost.exe", "Dhcp"),
        of("svchost.exe", "other"),
    ];
    assert_eq!(samples(&text, "portwho_sockets"), expected);
    assert!(!text.contains("anna"), "{text}");
}
