//! A cached response body, as it is kept in this process and in Redis.

use super::generation::Generation;
use super::reader::Key;
use bytes::Bytes;
use moka::Expiry;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_128;

/// A finished response body and what is sent along with it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The body.
    pub body: Bytes,
    /// Its entity tag (RFC 9110, 8.8.3): the hash of the body, in 32 hexadecimal digits and quotes.
    pub tag: Bytes,
    hash: u128,
    /// When it stops being served, in milliseconds since 1970: the entry of a writer that is cut
    /// off from Redis is outdated without anybody knowing, but not for ever.
    expires_at: u64,
}

/// Names the layout below; entries of any other do not count.
const MAGIC: [u8; 4] = *b"tf01";
/// Magic, generation, expiry, hash of the body.
const HEADER: usize = 4 + 8 + 8 + 16;

impl Entry {
    /// An entry of a body that was read from the database just now.
    pub fn new(body: Vec<u8>, ttl: Duration) -> Self {
        let expires_at = now() + u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let hash = xxh3_128(&body);
        Self {
            tag: tag(hash),
            hash,
            // Without the spare room that it grew with, which would stay for as long as it does.
            body: Bytes::from(body.into_boxed_slice()),
            expires_at,
        }
    }

    /// How much longer it may be served.
    pub fn time_to_live(&self) -> Duration {
        Duration::from_millis(self.expires_at.saturating_sub(now()))
    }

    /// The bytes that stand for it in Redis.
    pub fn encode(&self, generation: Generation) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend(MAGIC);
        bytes.extend(generation.0.to_le_bytes());
        bytes.extend(self.expires_at.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// The entry that [`encode`](Self::encode) made these bytes of, if it was under this
    /// generation, has not expired and is whole.
    pub fn decode(bytes: &Bytes, generation: Generation) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (read_under, rest) = rest.split_first_chunk::<8>()?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let (hash, body) = rest.split_first_chunk::<16>()?;
        let hash = u128::from_le_bytes(*hash);
        let expires_at = u64::from_le_bytes(*expires_at);
        let counts = *magic == MAGIC
            && u64::from_le_bytes(*read_under) == generation.0
            && expires_at > now()
            && xxh3_128(body) == hash;
        counts.then(|| Self {
            body: bytes.slice(HEADER..),
            tag: tag(hash),
            hash,
            expires_at,
        })
    }
}

fn tag(hash: u128) -> Bytes {
    format!("\"{hash:032x}\"").into()
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Entries in this process, each under the generation at which it was read: what a newer generation
/// has replaced is never found again, and makes room by and by. Also sees to it that of several
/// requests that miss the same entry one fills it and the others wait.
pub type Bodies = moka::future::Cache<(Generation, Key), Entry>;

/// An empty store that holds about this many bytes.
pub fn bodies(capacity: u64) -> Bodies {
    /// Keys, headers and bookkeeping of an entry, roughly.
    const OVERHEAD: usize = 512;
    moka::future::Cache::builder()
        .max_capacity(capacity)
        .weigher(|(_, key): &(Generation, Key), entry: &Entry| {
            u32::try_from(OVERHEAD + key.len() + entry.body.len()).unwrap_or(u32::MAX)
        })
        .expire_after(ByEntry)
        .build()
}

/// Forgets an entry when its own time is over.
struct ByEntry;

impl Expiry<(Generation, Key), Entry> for ByEntry {
    fn expire_after_create(
        &self,
        _: &(Generation, Key),
        entry: &Entry,
        _: Instant,
    ) -> Option<Duration> {
        Some(entry.time_to_live())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATION: Generation = Generation(7);

    fn encoded() -> Vec<u8> {
        Entry::new(b"[1,2,3]".to_vec(), Duration::from_secs(30)).encode(GENERATION)
    }

    fn decoded(bytes: Vec<u8>, generation: Generation) -> Option<Bytes> {
        Entry::decode(&bytes.into(), generation).map(|entry| entry.body)
    }

    #[test]
    fn an_entry_counts_under_its_own_generation_only() {
        assert_eq!(
            decoded(encoded(), GENERATION).as_deref(),
            Some(&b"[1,2,3]"[..])
        );
        assert_eq!(decoded(encoded(), Generation(6)), None);
        assert_eq!(decoded(encoded(), Generation(8)), None);
    }

    #[test]
    fn a_truncated_entry_does_not_count() {
        for length in 0..encoded().len() {
            assert_eq!(
                decoded(encoded()[..length].to_vec(), GENERATION),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn an_entry_with_a_wrong_byte_does_not_count() {
        // All but the expiry: another time is no damage that could be noticed, or done.
        for index in (0..12).chain(20..encoded().len()) {
            let mut bytes = encoded();
            bytes[index] ^= 1;
            assert_eq!(decoded(bytes, GENERATION), None, "{index}");
        }
    }

    #[test]
    fn an_entry_does_not_count_after_its_time() {
        let entry = Entry::new(b"[]".to_vec(), Duration::ZERO);
        assert_eq!(decoded(entry.encode(GENERATION), GENERATION), None);
    }
}
