//! Slows down attempts: some are free, then each doubles the wait of the previous one.

use std::net::IpAddr;

use super::time::Moment;

/// The limits for one kind of attempt.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Failures that cost no wait.
    pub free: i64,
    /// The wait after the first failure past the free ones.
    pub first_wait_seconds: i64,
    pub longest_wait_seconds: i64,
    /// From this many failures in a row on, no wait helps (only a reset does).
    pub dead_end: Option<i64>,
    /// Failures are forgotten after this long without another.
    pub forget_after_seconds: i64,
}

const DAY_SECONDS: i64 = 86_400;

/// Wrong codes of one user.
pub const CODES_OF_USER: Policy = Policy {
    free: 10,
    first_wait_seconds: 15,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: DAY_SECONDS,
};
/// Wrong codes of all users of one company.
pub const CODES_OF_COMPANY: Policy = Policy { free: 30, ..CODES_OF_USER };
/// Wrong codes from one address.
pub const CODES_OF_ADDRESS: Policy = Policy { free: 40, ..CODES_OF_USER };
/// Wrong passwords for one account.
pub const PASSWORDS_OF_ACCOUNT: Policy = Policy {
    free: 5,
    first_wait_seconds: 5,
    longest_wait_seconds: 900,
    dead_end: Some(100),
    forget_after_seconds: 30 * DAY_SECONDS,
};
/// Wrong passwords from one address, whatever the account.
pub const PASSWORDS_OF_ADDRESS: Policy = Policy {
    free: 60,
    first_wait_seconds: 5,
    longest_wait_seconds: 900,
    dead_end: None,
    forget_after_seconds: DAY_SECONDS,
};
/// Wrong secrets of applications from one address.
pub const CLIENT_SECRETS_OF_ADDRESS: Policy = PASSWORDS_OF_ADDRESS;
/// Wrong second factors of one account, across all sessions. An attacker who gets here has the password, so no number
/// of guesses locks it for good: only the waits slow them down.
pub const SECOND_FACTORS_OF_ACCOUNT: Policy = Policy {
    free: 5,
    first_wait_seconds: 15,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: 30 * DAY_SECONDS,
};
/// Codes mailed to one account since its last sign-in.
pub const MAILED_CODES_OF_ACCOUNT: Policy = Policy {
    free: 5,
    first_wait_seconds: 60,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: DAY_SECONDS,
};
/// Mails requested by one address: reset links, sign-ups.
pub const MAILS_OF_ADDRESS: Policy = Policy {
    free: 10,
    first_wait_seconds: 60,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: DAY_SECONDS,
};

/// Invitations and new links sent by the people of one company.
pub const INVITATIONS_OF_COMPANY: Policy = Policy {
    free: 100,
    first_wait_seconds: 60,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: DAY_SECONDS,
};
/// Invitations and new links from one address, no matter who sends them.
pub const INVITATIONS_OF_ADDRESS: Policy = Policy { free: 200, ..INVITATIONS_OF_COMPANY };
/// Invitations and new links to one person.
pub const INVITATIONS_TO_PERSON: Policy = Policy { free: 10, ..INVITATIONS_OF_COMPANY };
/// One person's forbidden requests that are recorded per hour.
pub const FORBIDDEN_OF_PERSON: Policy = Policy {
    free: 100,
    first_wait_seconds: 3_600,
    longest_wait_seconds: 3_600,
    dead_end: None,
    forget_after_seconds: 3_600,
};
/// One person's forbidden requests to one address that are recorded: one an hour.
pub const FORBIDDEN_OF_PATH: Policy = Policy { free: 0, ..FORBIDDEN_OF_PERSON };

/// The address that attempts are counted under: for IPv6 the network, because a client with one address there has them
/// all.
#[must_use]
pub fn counted_address(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

/// The failed attempts recorded under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    pub failures: i64,
    pub last_at: Moment,
}

impl Attempts {
    pub const NONE: Attempts = Attempts { failures: 0, last_at: Moment(0) };

    /// Until when the next attempt must wait; `None` if it may go ahead now.
    #[must_use]
    pub fn blocked_until(self, policy: &Policy, now: Moment) -> Option<Moment> {
        let failures = self.current(policy, now);
        if policy.dead_end.is_some_and(|end| failures >= end) {
            return Some(Moment(i64::MAX));
        }
        let past_free = failures - policy.free;
        // Counted before the clock was set back: nobody waits for a time that is years away.
        let is_far_ahead = self.last_at > now.plus_seconds(policy.longest_wait_seconds);
        if past_free <= 0 || is_far_ahead {
            return None;
        }
        let doublings = (past_free - 1).min(30) as u32;
        let wait = policy.first_wait_seconds.saturating_mul(1 << doublings).min(policy.longest_wait_seconds);
        let until = self.last_at.plus_seconds(wait);
        (until > now).then_some(until)
    }

    /// With one more failure.
    #[must_use]
    pub fn failed(self, policy: &Policy, now: Moment) -> Attempts {
        Attempts { failures: self.current(policy, now) + 1, last_at: now }
    }

    fn current(self, policy: &Policy, now: Moment) -> i64 {
        let forgotten = now > self.last_at.plus_seconds(policy.forget_after_seconds);
        if forgotten { 0 } else { self.failures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_end_and_are_forgotten() {
        let policy = PASSWORDS_OF_ACCOUNT;
        let mut attempts = Attempts::NONE;
        let mut now = Moment(1_000_000_000);
        for _ in 0..policy.free {
            assert_eq!(attempts.blocked_until(&policy, now), None);
            attempts = attempts.failed(&policy, now);
        }
        attempts = attempts.failed(&policy, now);
        assert_eq!(attempts.blocked_until(&policy, now), Some(now.plus_seconds(5)));
        now = now.plus_seconds(5);
        assert_eq!(attempts.blocked_until(&policy, now), None);
        attempts = attempts.failed(&policy, now);
        assert_eq!(attempts.blocked_until(&policy, now), Some(now.plus_seconds(10)));
        let later = now.plus_seconds(policy.forget_after_seconds + 1);
        assert_eq!(attempts.failed(&policy, later).failures, 1);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(counted_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(counted_address("2001:db8:1:2::9"), "2001:db8:1:2::/64");
        assert_eq!(counted_address("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn after_a_hundred_failures_in_a_row_waiting_does_not_help() {
        let attempts = Attempts { failures: 100, last_at: Moment(0) };
        let a_day_later = Moment(0).plus_seconds(DAY_SECONDS);
        assert!(attempts.blocked_until(&PASSWORDS_OF_ACCOUNT, a_day_later).is_some());
    }
}
