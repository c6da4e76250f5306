#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portwho_fuzz::proc_net::check(data));
