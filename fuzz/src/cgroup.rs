//! Paths of cgroups: a unit, slice or container is a part of the path, and nothing below a
//! container changes which container it is.

use portwho::platform::decode::cgroup::{Membership, is_id, of_path, of_process};

use super::input::{Input, contains, lies_within};

const ID: &[u8] = b"932a195ea739d3a1f0c8b1cf5d9f7f2a1b0c3d4e5f60718293a4b5c6d7e8f901";

pub fn check(data: &[u8]) {
    is_made_of(&of_process(data), data, b"\n/");
    is_made_of(&of_path(data), data, b"/");
    let mut input = Input::new(data);
    let length = usize::from(input.byte());
    let (above, below) = (input.take(length), input.rest());
    what_is_below_a_container_does_not_count(above, below);
    a_line_is_its_path(above);
    a_container_is_found_below_anything(above);
}

fn is_made_of(found: &Membership<'_>, whole: &[u8], separators: &[u8]) {
    let is_part = |part: &[u8]| {
        lies_within(part, whole) && !part.is_empty() && !part.iter().any(|b| separators.contains(b))
    };
    let of_user = contains(whole, b"user@");
    if let Some(unit) = found.unit {
        let ends = [&b".service"[..], b".scope", b".socket"];
        assert!(is_part(unit.name) && ends.iter().any(|end| unit.name.ends_with(end)));
        assert!(of_user || !unit.of_user);
    }
    assert!(found.slice.is_none_or(|slice| is_part(slice) && slice.ends_with(b".slice")));
    if let Some(container) = found.container {
        assert!(is_part(container.id) && (of_user || !container.of_user));
    }
}

fn what_is_below_a_container_does_not_count(above: &[u8], below: &[u8]) {
    let outer = of_path(above);
    let whole = [above, b"/", below].concat();
    if outer.container.is_some() {
        assert_eq!(of_path(&whole), outer);
    }
}

fn a_line_is_its_path(path: &[u8]) {
    if !path.contains(&b'\n') {
        let file = [b"12:cpu:/\n0::", path, b"\n"].concat();
        assert_eq!(of_process(&file), of_path(path));
    }
}

fn a_container_is_found_below_anything(above: &[u8]) {
    let path = [above, b"/docker-", ID, b".scope"].concat();
    let found = of_path(&path).container.expect("a container");
    match of_path(above).container {
        Some(outer) => assert_eq!(found, outer),
        None => assert!(is_id(found.id) || found.id.starts_with(b"docker-"), "{found:?}"),
    }
}
