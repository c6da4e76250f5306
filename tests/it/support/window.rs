//! A window of a role on Windows, which closes when it is asked to, or does not.

#![expect(unsafe_code, reason = "no crate that is used here wraps the calls for windows")]

use std::process;
use std::ptr;
use std::sync::mpsc;
use std::thread;

use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DispatchMessageW, GetMessageW, MSG, WM_CLOSE, WS_OVERLAPPEDWINDOW, WS_VISIBLE,
};

/// Shows a window, whose thread handles its messages from then on. One that obeys ends its process when it is
/// closed.
pub fn show(obeys: bool) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        sender.send(create()).expect("the creator waits");
        handle_messages(obeys);
    });
    assert!(receiver.recv().expect("the thread runs"), "no window: {:?}", last_error());
}

fn last_error() -> std::io::Error {
    std::io::Error::last_os_error()
}

fn create() -> bool {
    // A class that every process has.
    let class: Vec<u16> = "STATIC\0".encode_utf16().collect();
    let style = WS_OVERLAPPEDWINDOW | WS_VISIBLE;
    // SAFETY: the class and the title end in NUL, and nothing else is passed.
    let window = unsafe {
        let (none, title) = (ptr::null_mut(), class.as_ptr());
        CreateWindowExW(
            0,
            class.as_ptr(),
            title,
            style,
            0,
            0,
            99,
            99,
            none,
            none,
            none,
            ptr::null(),
        )
    };
    !window.is_null()
}

fn handle_messages(obeys: bool) {
    let mut message = MSG::default();
    // SAFETY: the message is ours to write, and is handed on as it came.
    while unsafe { GetMessageW(&raw mut message, ptr::null_mut(), 0, 0) } > 0 {
        match message.message {
            WM_CLOSE if obeys => process::exit(0),
            // As a program whose window asks whether to save.
            WM_CLOSE => {}
            // SAFETY: as above.
            _ => unsafe {
                DispatchMessageW(&raw const message);
            },
        }
    }
}
