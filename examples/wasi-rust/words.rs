// SPDX-License-Identifier: Apache-2.0
//! Counts words: a Spirit in Rust with its standard library, built against WASI preview 1 as a
//! reactor (crate type cdylib).
//!
//!     message type  payload  reply
//!     any           a text   the counts of its words so far, "word=count" in order of the text
//!
//! An empty payload answers all words, sorted. The payload "panic" panics, so the turn fails.
//! grants: sensor_random (a HashMap needs a seed), sensor_time, actuator_log

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Instant, SystemTime};

#[derive(Default)]
struct State {
    counts: HashMap<String, u32>,
    reply: Vec<u8>, // lives until the next message
}

// State; nothing has to save it.
thread_local!(static STATE: RefCell<State> = RefCell::default());

extern "C" {
    fn __wasm_call_ctors();
}

/// Makes the module a reactor. Without it the linker wraps every export in the start and end of a
/// program, which then run with each message.
#[no_mangle]
pub unsafe extern "C" fn _initialize() {
    __wasm_call_ctors();
}

#[no_mangle]
pub extern "C" fn spirit_abi_1() {}

#[no_mangle]
pub extern "C" fn spirit_alloc(size: usize) -> *mut u8 {
    Box::into_raw(vec![0u8; size].into_boxed_slice()) as *mut u8
}

/// # Safety
/// The host passes a buffer that it got from `spirit_alloc`.
#[no_mangle]
pub unsafe extern "C" fn spirit_handle(ptr: *mut u8, len: usize) -> u64 {
    let payload = if len == 0 {
        Vec::new()
    } else {
        Vec::from_raw_parts(ptr, len, len)
    };
    STATE.with(|state| {
        let mut state = state.borrow_mut();
        state.reply = handle(&mut state.counts, &String::from_utf8_lossy(&payload)).into_bytes();
        (state.reply.as_ptr() as u64) << 32 | state.reply.len() as u64
    })
}

fn handle(counts: &mut HashMap<String, u32>, text: &str) -> String {
    let started = Instant::now();
    if text.is_empty() {
        let mut all: Vec<_> = counts.iter().collect();
        all.sort();
        return join(all.into_iter());
    }
    for word in text.split_whitespace() {
        *counts.entry(word.to_string()).or_insert(0) += 1;
    }
    if text == "panic" {
        panic!("as asked");
    }
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("a clock after 1970");
    println!(
        "{} words known, clock runs: {}, {}",
        counts.len(),
        since_1970.as_secs() > 1_600_000_000,
        started.elapsed().as_secs() < 3600
    );
    join(text.split_whitespace().map(|word| counts.get_key_value(word).unwrap()))
}

fn join<'a>(counts: impl Iterator<Item = (&'a String, &'a u32)>) -> String {
    let parts: Vec<String> = counts.map(|(word, n)| format!("{}={}", word, n)).collect();
    parts.join(" ")
}
