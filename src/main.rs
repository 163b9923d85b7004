//! Parses the command line and calls `cli`.

/// SQLite's C code uses it too, through the crate's feature `override`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    scrip::cli::main()
}
