//! `scrip user`: people, from the console.

use std::process::ExitCode;

use clap::Subcommand;

use super::CliResult;
use crate::config::Config;
use crate::ops::console::{self, ConsoleLink};

#[derive(Subcommand)]
pub enum Action {
    /// Creates a user, with a link to set the password: mailed, or printed if no mail server is set up.
    Create {
        #[arg(long)]
        email: String,
        /// The company's number.
        #[arg(long)]
        company: i64,
        /// admin, end_user or read_only.
        #[arg(long)]
        role: String,
    },
    /// Creates a new link to set the password, also for a user locked out after too many wrong passwords.
    Link {
        #[arg(long)]
        email: String,
    },
    /// Lists all users.
    List,
    /// Disables a user and ends all of the user's sessions.
    Disable {
        #[arg(long)]
        email: String,
    },
    /// Turns off two-factor authentication for a user who can no longer sign in with it.
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
                        user.id, user.email, user.role_title, user.company_name, user.company_id
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
