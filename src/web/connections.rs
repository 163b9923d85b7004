//! Tracks open connections, and which of them give way: a new one is admitted as long as some connection has no request
//! in progress. The one idle for the longest goes first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One address may have this fraction of all connections: a quarter.
const ADDRESS_PART: usize = 4;

/// The open connections. Clones share them.
#[derive(Clone)]
pub struct Connections(Arc<Mutex<Open>>);

struct Open {
    total_max: usize,
    address_max: usize,
    /// A counter: numbers connections, and orders when they became idle.
    next: u64,
    all: HashMap<u64, Connection>,
    /// The idle ones: when they became idle, and number.
    idle: BTreeSet<(u64, u64)>,
    addresses: HashMap<IpAddr, OfAddress>,
}

#[derive(Default)]
struct OfAddress {
    open: usize,
    idle: BTreeMap<u64, u64>,
}

struct Connection {
    /// `None` for a trusted proxy, behind which all clients share one address.
    address: Option<IpAddr>,
    requests: usize,
    idle_since: u64,
    shed: CancellationToken,
}

impl Connections {
    /// Limits the total, and each address to a fraction of it.
    #[must_use]
    pub fn new(total_max: usize) -> Connections {
        Connections(Arc::new(Mutex::new(Open {
            total_max: total_max.max(1),
            address_max: (total_max / ADDRESS_PART).max(1),
            next: 0,
            all: HashMap::new(),
            idle: BTreeSet::new(),
            addresses: HashMap::new(),
        })))
    }

    /// Admits a new connection; `None` if every connection that could give way has a request in progress.
    #[must_use]
    pub fn admit(&self, address: Option<IpAddr>) -> Option<Place> {
        let address = address.map(network);
        let mut open = self.lock();
        if let Some(address) = address
            && open.addresses.get(&address).is_some_and(|a| a.open >= open.address_max)
        {
            let oldest = open.addresses.get(&address)?.idle.values().next().copied()?;
            open.shed(oldest);
        }
        if open.all.len() >= open.total_max && !open.shed_oldest() {
            return None;
        }
        Some(self.place(&mut open, address))
    }

    fn place(&self, open: &mut Open, address: Option<IpAddr>) -> Place {
        let (id, since, shed) = (open.tick(), open.tick(), CancellationToken::new());
        open.all.insert(id, Connection { address, requests: 0, idle_since: since, shed: shed.clone() });
        if let Some(address) = address {
            open.addresses.entry(address).or_default().open += 1;
        }
        open.set_idle(id, since);
        let pace = Pace { at: Instant::now(), requests: 0, has_spoken: false };
        Place { connections: self.clone(), id, shed, pace: Mutex::new(pace) }
    }

    /// Closes the connection that has been idle for the longest; returns whether there was one.
    pub fn shed_oldest(&self) -> bool {
        self.lock().shed_oldest()
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().all.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client with one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

impl Open {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn shed_oldest(&mut self) -> bool {
        let oldest = self.idle.first().map(|(_, id)| *id);
        oldest.inspect(|id| self.shed(*id)).is_some()
    }

    fn shed(&mut self, id: u64) {
        if let Some(connection) = self.remove(id) {
            connection.shed.cancel();
        }
    }

    fn remove(&mut self, id: u64) -> Option<Connection> {
        self.set_busy(id);
        let connection = self.all.remove(&id)?;
        if let Some(address) = connection.address
            && let Some(of_address) = self.addresses.get_mut(&address)
        {
            of_address.open -= 1;
            if of_address.open == 0 {
                self.addresses.remove(&address);
            }
        }
        Some(connection)
    }

    fn set_idle(&mut self, id: u64, since: u64) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        connection.idle_since = since;
        self.idle.insert((since, id));
        if let Some(of_address) = connection.address.and_then(|a| self.addresses.get_mut(&a)) {
            of_address.idle.insert(since, id);
        }
    }

    fn set_busy(&mut self, id: u64) {
        let Some(connection) = self.all.get(&id) else { return };
        self.idle.remove(&(connection.idle_since, id));
        if let Some(of_address) = connection.address.and_then(|a| self.addresses.get_mut(&a)) {
            of_address.idle.remove(&connection.idle_since);
        }
    }

    fn begin(&mut self, id: u64) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        connection.requests += 1;
        if connection.requests == 1 {
            self.set_busy(id);
        }
    }

    fn finish(&mut self, id: u64) {
        let since = self.tick();
        let Some(connection) = self.all.get_mut(&id) else { return };
        connection.requests -= 1;
        if connection.requests == 0 {
            self.set_idle(id, since);
        }
    }
}

/// The place of an open connection, freed when dropped.
pub struct Place {
    connections: Connections,
    id: u64,
    /// Cancelled when the connection must give way.
    pub shed: CancellationToken,
    pace: Mutex<Pace>,
}

/// The progress of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// When something last happened.
    pub at: Instant,
    /// How many requests are in progress.
    pub requests: usize,
    /// Whether a complete request has arrived.
    pub has_spoken: bool,
}

impl Place {
    #[must_use]
    pub fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_pace(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.at = Instant::now();
        change(&mut pace);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().remove(self.id);
    }
}

/// A request in progress, until its answer is sent or abandoned.
pub struct Busy(Arc<Place>);

impl Busy {
    #[must_use]
    pub fn begin(place: Arc<Place>) -> Busy {
        place.connections.lock().begin(place.id);
        place.set_pace(|pace| {
            pace.requests += 1;
            pace.has_spoken = true;
        });
        Busy(place)
    }

    /// Records progress of the answer.
    pub fn goes_on(&self) {
        self.0.set_pace(|_| {});
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_pace(|pace| pace.requests -= 1);
        self.0.connections.lock().finish(self.0.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn the_oldest_idle_connection_is_closed_but_never_one_with_a_request() {
        let connections = Connections::new(3);
        let [a, b, c] = [1, 2, 3].map(|n| Arc::new(connections.admit(address(n)).unwrap()));
        let busy = Busy::begin(a.clone());
        let d = Arc::new(connections.admit(address(4)).unwrap());
        assert_eq!([&a, &b, &c, &d].map(|p| p.shed.is_cancelled()), [false, true, false, false]);
        // The first one now has been idle for the shortest time.
        drop(busy);
        let e = Arc::new(connections.admit(address(5)).unwrap());
        assert_eq!([&a, &c, &d, &e].map(|p| p.shed.is_cancelled()), [false, true, false, false]);
        let all = [a, d, e].map(Busy::begin);
        assert!(connections.admit(address(6)).is_none());
        drop(all);
        assert_eq!(connections.count(), 0);
    }

    #[test]
    fn an_address_gets_its_share_and_a_trusted_proxy_gets_all() {
        let connections = Connections::new(8);
        let of_one: Vec<_> = (0..3).map(|_| connections.admit(address(1)).unwrap()).collect();
        assert_eq!(of_one.iter().map(|p| p.shed.is_cancelled()).collect::<Vec<_>>(), [true, false, false]);
        let v6 = |host: &str| connections.admit(Some(format!("2001:db8::{host}").parse().unwrap())).unwrap();
        let (one, other, third) = (v6("1"), v6("2"), v6("3"));
        assert_eq!([&one, &other, &third].map(|p| p.shed.is_cancelled()), [true, false, false]);
        let proxied: Vec<_> = (0..4).map(|_| connections.admit(None).unwrap()).collect();
        assert!(proxied.iter().all(|p| !p.shed.is_cancelled()));
    }
}
