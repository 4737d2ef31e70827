// SPDX-License-Identifier: Apache-2.0
// Panics: an index beyond the end of a slice.
fn main() {
    let entries: Vec<String> = std::env::args().skip(1).collect();
    println!("{}", entries[7]);
}
