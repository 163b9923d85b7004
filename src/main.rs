//! Parses the command line and calls `cli`.

/// SQLite's C code allocates by it, too: the crate's feature `override` sees to that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    scrip::cli::main()
}
