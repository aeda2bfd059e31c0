#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callback_gateway_fuzz::cursor(data));
