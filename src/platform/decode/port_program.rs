//! Port filters that the kernel evaluates: `INET_DIAG_REQ_BYTECODE` of `linux/inet_diag.h`.

use crate::model::PortRange;

/// Room is left for the jump past the end, which refuses a socket.
pub(super) const LONGEST_PROGRAM: u16 = 60_000;

const JUMP: u8 = 1;
const SOURCE_GE: u8 = 2;
const SOURCE_LE: u8 = 3;
const DESTINATION_GE: u8 = 4;
const DESTINATION_LE: u8 = 5;
/// Two comparisons of two words each, and a jump.
const RANGE_LENGTH: usize = 20;

/// A program that accepts a socket whose local port is in one of `local` and whose foreign
/// port is in one of `foreign`; an empty list accepts every port.
///
/// An instruction is `struct inet_diag_bc_op {code, yes, no}`: how many bytes to go on when it
/// holds, and when not. Running to the end accepts; jumping four bytes past it refuses.
pub(super) fn port_program(local: &[PortRange], foreign: &[PortRange]) -> Vec<u8> {
    let local_length = list_length(local);
    let total = local_length + list_length(foreign);
    let mut program = Vec::with_capacity(total);
    push_ranges(&mut program, local, [SOURCE_GE, SOURCE_LE], total);
    push_ranges(&mut program, foreign, [DESTINATION_GE, DESTINATION_LE], total);
    program
}

/// The last range needs no jump over the others.
const fn list_length(ranges: &[PortRange]) -> usize {
    (ranges.len() * RANGE_LENGTH).saturating_sub(4)
}

fn push_ranges(program: &mut Vec<u8>, ranges: &[PortRange], codes: [u8; 2], total: usize) {
    let start = program.len();
    let accepted = start + list_length(ranges);
    for (index, range) in ranges.iter().enumerate() {
        let is_last = index + 1 == ranges.len();
        let next = if is_last { total + 4 } else { start + (index + 1) * RANGE_LENGTH };
        for (code, port) in codes.into_iter().zip([*range.start(), *range.end()]) {
            let here = program.len();
            push_instruction(program, code, 8, next - here);
            push_instruction(program, 0, 0, usize::from(port));
        }
        if !is_last {
            let here = program.len();
            push_instruction(program, JUMP, 4, accepted - here);
        }
    }
}

/// The cast cannot cut: longer programs than [`LONGEST_PROGRAM`] are thrown away.
fn push_instruction(program: &mut Vec<u8>, code: u8, yes: u8, no: usize) {
    program.extend([code, yes]);
    program.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does (`inet_diag_bc_run` in net/ipv4/inet_diag.c).
    fn accepts(program: &[u8], local: u16, foreign: u16) -> bool {
        let mut place = 0;
        while place < program.len() {
            let word = |at: usize| u16::from_ne_bytes([program[at + 2], program[at + 3]]);
            let holds = match program[place] {
                JUMP => false,
                SOURCE_GE => local >= word(place + 4),
                SOURCE_LE => local <= word(place + 4),
                DESTINATION_GE => foreign >= word(place + 4),
                DESTINATION_LE => foreign <= word(place + 4),
                code => panic!("instruction {code}"),
            };
            place += if holds { usize::from(program[place + 1]) } else { usize::from(word(place)) };
        }
        place == program.len()
    }

    #[test]
    fn the_port_program_accepts_exactly_its_ports() {
        let local = [80..=80, 8000..=8010, 9000..=9000];
        let foreign = [443..=443, 1000..=2000];
        for port in [0, 79, 80, 81, 7999, 8000, 8005, 8010, 8011, 9000, u16::MAX] {
            let wanted = local.iter().any(|range| range.contains(&port));
            assert_eq!(accepts(&port_program(&local, &[]), port, 0), wanted, "{port}");
            for far in [0, 443, 999, 1500, 2001] {
                let both = wanted && foreign.iter().any(|range| range.contains(&far));
                assert_eq!(accepts(&port_program(&local, &foreign), port, far), both);
            }
        }
        assert!(port_program(&[], &[]).is_empty());
    }
}
