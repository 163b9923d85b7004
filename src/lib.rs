//! Scrip: who owns which prepaid resources, moved, turned into codes, redeemed, and proved.
//! The map, in reading order:

#![deny(unsafe_code)]

/// What every door is given, and how acts are written.
pub mod app;
/// The door for the command line.
pub mod cli;
/// Time as a parameter.
pub mod clock;
/// The settings, checked.
pub mod config;
/// The example that `scrip demo` shows.
pub mod demo;
/// The example's devices.
pub mod demo_devices;
/// The example's licences.
pub mod demo_licences;
/// The example's orders.
pub mod demo_orders;
/// The example's price list and distributors.
pub mod demo_sales;
/// What happens later: mails, clean-up, the WAL.
pub mod jobs;
/// The key file: codes sealed and found, requests fingerprinted, licences signed.
pub mod keys;
/// The nouns and the rules; `model::ledger` decides every change of a balance.
pub mod model;
/// The acts, and reads scoped to the actor.
pub mod ops;
/// Card payments, by whoever takes them.
pub mod payments;
/// PDF documents: invoices.
pub mod pdf;
/// Files that only their owner may read.
pub mod private;
/// Randomness as a parameter.
pub mod rng;
/// SQL, written once for both databases.
pub mod store;
/// What runs as long as the process does, watched.
pub mod tasks;
/// Logs.
pub mod telemetry;
/// The door for browsers.
pub mod web;
/// Gathers the ledger's operations and writes them in batches.
pub mod writer;
