//! Networks that requests may come from.

use std::net::IpAddr;

use ipnet::IpNet;

/// Most networks in one list.
pub const NETWORKS_MAX: usize = 50;

/// Where something works: everywhere, or in the named networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNet>);

/// Why a list is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkError {
    /// A text that is neither an address nor a network.
    Malformed(String),
    TooMany,
}

impl Networks {
    /// Parses addresses and networks separated by spaces, commas, semicolons or line breaks. None means everywhere.
    pub fn read(text: &str) -> Result<Networks, NetworkError> {
        let mut networks = Vec::new();
        for part in text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|p| !p.is_empty()) {
            let network = network(part).ok_or_else(|| NetworkError::Malformed(part.chars().take(50).collect()))?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        if networks.len() > NETWORKS_MAX { Err(NetworkError::TooMany) } else { Ok(Networks(networks)) }
    }

    /// As stored in the database: separated by spaces.
    #[must_use]
    pub fn stored(&self) -> String {
        self.0.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" ")
    }

    /// Whether an address is in one of them. An unreadable address is in none.
    #[must_use]
    pub fn have(stored: &str, address: &str) -> bool {
        if stored.is_empty() {
            return true;
        }
        let Ok(address) = address.parse::<IpAddr>() else { return false };
        let address = address.to_canonical();
        stored.split(' ').filter_map(|n| n.parse::<IpNet>().ok()).any(|n| n.contains(&address))
    }
}

/// A network, or a network of one address.
fn network(text: &str) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().ok().map(|network| network.trunc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_and_ipv6_addresses_and_networks_are_read() {
        let text = " 192.0.2.7, 198.51.100.77/24\n2001:DB8::1 2001:db8:7::/48;192.0.2.7 ::ffff:203.0.113.9";
        let stored = Networks::read(text).unwrap().stored();
        assert_eq!(stored, "192.0.2.7/32 198.51.100.0/24 2001:db8::1/128 2001:db8:7::/48 203.0.113.9/32");
        for inside in ["192.0.2.7", "198.51.100.1", "2001:db8::1", "2001:db8:7:1::9", "::ffff:192.0.2.7"] {
            assert!(Networks::have(&stored, inside), "{inside}");
        }
        for outside in ["192.0.2.8", "198.51.101.1", "2001:db8::2", "2001:db8:8::", "unknown", ""] {
            assert!(!Networks::have(&stored, outside), "{outside}");
        }
    }

    #[test]
    fn an_empty_list_allows_everywhere_and_a_malformed_one_nowhere() {
        assert_eq!(Networks::read(" \n").unwrap().stored(), "");
        assert!(Networks::have("", "192.0.2.7") && Networks::have("", "unknown"));
        assert!(!Networks::have("nonsense", "192.0.2.7"));
        for wrong in ["192.0.2", "192.0.2.0/33", "example.com", "10.0.0.0-10.0.0.9"] {
            assert_eq!(Networks::read(wrong), Err(NetworkError::Malformed(wrong.into())));
        }
        let many: Vec<String> = (0..=NETWORKS_MAX).map(|n| format!("192.0.2.{n}")).collect();
        assert_eq!(Networks::read(&many.join(" ")), Err(NetworkError::TooMany));
    }
}
