#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portwho_fuzz::port_proxy::check(data));
