//! `scrip user`: people, from the console.

use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use crate::config::Config;
use crate::ops::console::{self, ConsoleLink};

#[derive(Subcommand)]
pub enum Action {
    /// Makes a user and a link to set the password, which is mailed, or printed where no mail is set up.
    Create {
        #[arg(long)]
        email: String,
        /// The number of the company.
        #[arg(long)]
        company: i64,
        /// admin, end_user or read_only.
        #[arg(long)]
        role: String,
    },
    /// Makes a new link to set the password, also for a user who is locked out after too many wrong ones.
    Link {
        #[arg(long)]
        email: String,
    },
    /// Lists all users.
    List,
    /// Disables a user and ends all sessions.
    Disable {
        #[arg(long)]
        email: String,
    },
    /// Turns two-factor authentication of a user off who cannot sign in with it any more.
    ResetSecondFactor {
        #[arg(long)]
        email: String,
    },
}

pub async fn run(config: Config, action: Action) -> CliResult {
    let (app, _) = super::start(config).await?;
    match action {
        Action::Create { email, company, role } => {
            let link = console::create_user(&app, &email, company, &role).await.map_err(said)?;
            tell(&email, &link);
        }
        Action::Link { email } => {
            let link = console::new_link(&app, &email).await.map_err(said)?;
            tell(&email, &link);
        }
        Action::List => {
            let mut after = 0;
            loop {
                let page = console::users(&app, after).await.map_err(said)?;
                let Some(last) = page.last() else { break };
                after = last.id;
                for user in &page {
                    let state = match (user.disabled_at, user.is_active) {
                        (Some(_), _) => "disabled",
                        (None, 1) => "active",
                        _ => "invited",
                    };
                    println!(
                        "{}\t{}\t{}\t{} (#{})\t{state}",
                        user.id,
                        user.email,
                        user.role.slug(),
                        user.company_name,
                        user.company_id
                    );
                }
            }
        }
        Action::Disable { email } => {
            console::disable_user(&app, &email).await.map_err(said)?;
            println!("{email} can no longer sign in.");
        }
        Action::ResetSecondFactor { email } => {
            console::reset_second_factor(&app, &email).await.map_err(said)?;
            println!("Two-factor authentication of {email} is off: the password alone signs in now.");
        }
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Prints the link only if it is not mailed.
fn tell(email: &str, made: &ConsoleLink) {
    let lives = made.lives.words();
    match &made.link {
        Some(link) => println!("Open this link within {lives} to set the password:\n\n    {link}\n"),
        None => println!(
            "A link to set the password is mailed to {email} as soon as the portal runs. It works for {lives}."
        ),
    }
}

/// A refusal in words.
pub(super) fn said(error: crate::ops::error::OpError) -> String {
    use crate::ops::error::OpError;
    match error {
        OpError::Refused(_, reason) => crate::words::reason(&reason).sentence.into_owned(),
        OpError::NotFound => "there is no such company or user".into(),
        other => other.to_string(),
    }
}
