//! A cached response body, as it is kept in this process and in Redis.

use super::view::Stamp;
use bytes::Bytes;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_128;

/// A finished response body with its entity tag.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The body of the response.
    pub body: Bytes,
    /// The entity tag of the body (RFC 9110, 8.8.3): its hash in 32 hexadecimal digits and quotes.
    pub tag: Bytes,
    hash: u128,
    /// When the entry stops being served, whatever its stamp: a last resort against what two faults at
    /// once may have kept from it. By a clock that nobody sets.
    expires: Instant,
}

/// The first bytes of an entry in the layout of [`Entry::encode`]; entries that begin otherwise do not
/// count.
const MAGIC: [u8; 4] = *b"tf02";
/// The number of bytes before the body: magic, the stamp's three values, hash of the body.
const HEADER: usize = 4 + 3 * 8 + 16;

impl Entry {
    /// An entry of a body that was read by a query which began at `read_at`, and may be served for `ttl`
    /// from then on.
    pub fn new(body: Vec<u8>, read_at: Instant, ttl: Duration) -> Self {
        let hash = xxh3_128(&body);
        Self {
            tag: tag(hash),
            hash,
            // Without the spare room that it grew with, which would stay for as long as it does.
            body: Bytes::from(body.into_boxed_slice()),
            expires: read_at + ttl,
        }
    }

    /// The time for which the entry may still be served; zero where it has expired.
    pub fn time_to_live(&self) -> Duration {
        self.expires.saturating_duration_since(Instant::now())
    }

    /// The bytes of the entry as it is stored in Redis: magic, stamp, hash and body. Its time is kept by
    /// Redis.
    pub fn encode(&self, stamp: Stamp) -> Vec<u8> {
        let Stamp {
            epoch,
            names,
            scope,
        } = stamp;
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend(MAGIC);
        for value in [epoch, names, scope] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(self.hash.to_le_bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// The entry that [`encode`](Self::encode) wrote, for the time that it has left; `None` where it was
    /// written under another stamp, or is damaged.
    pub fn decode(bytes: &Bytes, stamp: Stamp, left: Duration) -> Option<Self> {
        let (magic, mut rest) = bytes.split_first_chunk::<4>()?;
        let mut value = || {
            let (value, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*value))
        };
        let read_under = Stamp {
            epoch: value()?,
            names: value()?,
            scope: value()?,
        };
        let (hash, body) = rest.split_first_chunk::<16>()?;
        let hash = u128::from_le_bytes(*hash);
        let counts = *magic == MAGIC && read_under == stamp && xxh3_128(body) == hash;
        counts.then(|| Self {
            body: bytes.slice(HEADER..),
            tag: tag(hash),
            hash,
            expires: Instant::now() + left,
        })
    }
}

fn tag(hash: u128) -> Bytes {
    format!("\"{hash:032x}\"").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        epoch: 7,
        names: 8,
        scope: 9,
    };
    const TTL: Duration = Duration::from_secs(30);

    fn encoded() -> Vec<u8> {
        Entry::new(b"[1,2,3]".to_vec(), Instant::now(), TTL).encode(STAMP)
    }

    fn decoded(bytes: Vec<u8>, stamp: Stamp) -> Option<Bytes> {
        Entry::decode(&bytes.into(), stamp, TTL).map(|entry| entry.body)
    }

    #[test]
    fn entry_decodes_under_its_own_stamp_only() {
        assert_eq!(decoded(encoded(), STAMP).as_deref(), Some(&b"[1,2,3]"[..]));
        for other in [
            Stamp { epoch: 6, ..STAMP },
            Stamp { names: 0, ..STAMP },
            Stamp { scope: 0, ..STAMP },
        ] {
            assert_eq!(decoded(encoded(), other), None, "{other:?}");
        }
    }

    #[test]
    fn truncated_entry_does_not_decode() {
        for length in 0..encoded().len() {
            assert_eq!(
                decoded(encoded()[..length].to_vec(), STAMP),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn entry_with_a_wrong_byte_does_not_decode() {
        for index in 0..encoded().len() {
            let mut bytes = encoded();
            bytes[index] ^= 1;
            assert_eq!(decoded(bytes, STAMP), None, "{index}");
        }
    }

    #[test]
    fn entry_has_the_time_from_the_beginning_of_its_query() {
        let read_at = Instant::now() - TTL / 2;
        let left = Entry::new(Vec::new(), read_at, TTL).time_to_live();
        assert!(left <= TTL / 2, "{left:?}");
        let long_ago = Instant::now() - TTL;
        assert_eq!(
            Entry::new(Vec::new(), long_ago, TTL).time_to_live(),
            Duration::ZERO
        );
    }
}
