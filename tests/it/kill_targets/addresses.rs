//! PORTs with an address.

use crate::kill::{TERM, assert_lives, held, held_here, kill, named, run, server};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;

/// The holder of another address is not signaled, and the verdict does not promise its address.
#[trial]
fn an_address_is_exact() {
    let web = server("web", 80);
    let other = Owner::named("other").holding(makers::listening(Loopback::V6.port(80)).socket);
    let expected = held_here(80, "web", web.pid())
        + &format!("PID {} exited after T; 127.0.0.1:80 is free\n", web.pid());
    run(kill(["127.0.0.1:80"])).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
    assert_lives(&other);
    run(kill(["127.0.0.1:80"])).is(1, "", "portwho: 127.0.0.1:80: nothing holds it\n");
    assert_lives(&other);
}

/// Who holds every address holds the one that was asked for.
#[trial]
fn an_address_and_what_covers_it() {
    for covering in ["0.0.0.0:80", "[::]:80"] {
        let at = covering.parse().expect("an address");
        let web = Owner::named("web").holding(makers::listening(at).socket);
        let expected = held(covering, "web", web.pid());
        let intended = format!(
            "{expected}{covering} covers 127.0.0.1:80: would send SIGTERM to {}\n",
            named("web", web.pid())
        );
        run(kill(["-n", "127.0.0.1:80"])).is(0, &intended, "");
        let freed = format!("PID {} exited after T; {covering} is free\n", web.pid());
        run(kill(["127.0.0.1:80"])).is(0, &(expected + &freed), "");
        assert_eq!(web.ended_by(), TERM);
    }
}

/// A dual-stack listener holds the port of IPv4.
#[trial]
fn ipv4_and_a_dual_stack_listener() {
    let at = "[::]:80".parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at).socket);
    let freed = format!("PID {} exited after T; [::]:80 is free\n", web.pid());
    run(kill(["-4", "80"])).is(0, &(held("[::]:80", "web", web.pid()) + &freed), "");
    assert_eq!(web.ended_by(), TERM);
}

/// What holds only one of the addresses is not signaled, and named with what ends it.
#[trial]
fn every_address_and_one_of_them() {
    let at = "127.0.0.2:80".parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at).socket);
    for asked in ["0.0.0.0:80", "[::]:80"] {
        let line = format!(
            "portwho: {asked}: no socket is bound to exactly this address; 127.0.0.2:80, held by \
             {}, blocks a bind \
             to it; run: portwho kill 127.0.0.2:80\n",
            named("web", web.pid())
        );
        run(kill([asked])).is(2, "", &line);
    }
    run(kill(["[::1]:80"])).is(1, "", "portwho: [::1]:80: nothing holds it\n");
    assert_lives(&web);
}

/// A protocol of the port holds for what covers its address, and for what holds one of its addresses.
#[trial]
fn addresses_with_their_own_protocol() {
    let at = |end: &str| end.parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at("0.0.0.0:80")).socket);
    let nothing =
        "portwho: 127.0.0.1:80/udp: nothing holds it\nportwho: port 81: nothing holds it\n";
    run(kill(["127.0.0.1:80/udp", "81"])).is(1, "", nothing);
    let named_udp = Owner::named("named").holding(makers::udp(at("127.0.0.2:80")).socket);
    let line = format!(
        "portwho: 0.0.0.0:80/udp: no socket is bound to exactly this address; 127.0.0.2:80, held \
         by {}, blocks a \
         bind to it; run: portwho kill 127.0.0.2:80/udp\n",
        named("named", named_udp.pid())
    );
    run(kill(["0.0.0.0:80/udp"])).is(2, "", &line);
    assert_lives(&web);
    assert_lives(&named_udp);
}
