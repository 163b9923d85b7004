//! Scrip: who owns which prepaid resources, moved, turned into codes, redeemed, and proved. The map, in reading order:

#![deny(unsafe_code)]

/// The state shared by all entry points.
pub mod app;
/// Card payments, whichever provider takes them.
pub mod cards;
/// The command line.
pub mod cli;
/// Time as a parameter.
pub mod clock;
/// The settings, checked.
pub mod config;
/// The example that `scrip demo` shows.
pub mod demo;
/// Background work: mails, clean-up, the WAL.
pub mod jobs;
/// The key file: codes sealed and found, requests fingerprinted, licences signed.
pub mod keys;
/// Operations of the ledger inside a transaction: loaded, decided, sealed, saved.
pub mod ledger;
/// Mails: their texts, and sending them.
pub mod mail;
/// The nouns and the rules; `model::ledger` decides every change of a balance.
pub mod model;
/// The acts, and reads scoped to the actor.
pub mod ops;
/// PDF documents: invoices.
pub mod pdf;
/// Files that only their owner may read.
pub mod private;
/// Randomness as a parameter.
pub mod rng;
/// SQL, written once for both databases.
pub mod store;
/// Watched tasks that live as long as the process.
pub mod tasks;
/// Logs.
pub mod telemetry;
/// The path of every page.
pub mod urls;
/// The web pages and the API.
pub mod web;
/// Reasons, causes and states in words.
pub mod words;
/// Gathers the ledger's operations and writes them in batches.
pub mod writer;
