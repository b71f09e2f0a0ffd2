// SPDX-License-Identifier: Apache-2.0
//! A plain Rust program for `vudo run`: prints the sum of its arguments.
//!
//!     vudo run sum.wasm -- 1 -2 40
//!
//! What is no number goes to stderr, and the exit code is 3.

use std::collections::HashSet;

fn main() {
    let mut distinct = HashSet::new();
    let mut sum = 0i64;
    for word in std::env::args().skip(1) {
        match word.parse::<i64>() {
            Ok(number) => {
                distinct.insert(number);
                sum += number;
            }
            Err(_) => {
                eprintln!("not a number: {}", word);
                std::process::exit(3);
            }
        }
    }
    println!("{} ({} distinct)", sum, distinct.len());
}
