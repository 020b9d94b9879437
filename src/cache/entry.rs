//! A cached response body, as it is kept in this process and in Redis.

use super::generation::Generation;
use bytes::Bytes;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_128;

/// A finished response body with its entity tag.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The body of the response.
    pub body: Bytes,
    /// The entity tag of the body (RFC 9110, 8.8.3): its hash in 32 hexadecimal digits and quotes.
    pub tag: Bytes,
    hash: u128,
    /// When the entry stops being served, in milliseconds since 1970: what a writer that is cut off
    /// from Redis has made outdated is not known to be, but is not served for ever.
    expires_at: u64,
}

/// The first bytes of an entry in the layout of [`Entry::encode`]; entries that begin otherwise do not
/// count.
const MAGIC: [u8; 4] = *b"tf01";
/// The number of bytes before the body: magic, generation, expiry, hash of the body.
const HEADER: usize = 4 + 8 + 8 + 16;

impl Entry {
    /// An entry of a body that was read from the database just now and may be served for `ttl`.
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

    /// The time for which the entry may still be served; zero where it has expired.
    pub fn time_to_live(&self) -> Duration {
        Duration::from_millis(self.expires_at.saturating_sub(now()))
    }

    /// The bytes of the entry as it is stored in Redis: magic, generation, expiry, hash and body.
    pub fn encode(&self, generation: Generation) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend(MAGIC);
        bytes.extend(generation.0.to_le_bytes());
        bytes.extend(self.expires_at.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        bytes.extend(&self.body);
        bytes
    }

    /// The entry that [`encode`](Self::encode) wrote; `None` where it was written under another
    /// generation, has expired, or is damaged.
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
    fn entry_decodes_under_its_own_generation_only() {
        assert_eq!(
            decoded(encoded(), GENERATION).as_deref(),
            Some(&b"[1,2,3]"[..])
        );
        assert_eq!(decoded(encoded(), Generation(6)), None);
        assert_eq!(decoded(encoded(), Generation(8)), None);
    }

    #[test]
    fn truncated_entry_does_not_decode() {
        for length in 0..encoded().len() {
            assert_eq!(
                decoded(encoded()[..length].to_vec(), GENERATION),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn entry_with_a_wrong_byte_does_not_decode() {
        // All but the expiry: another time is no damage that could be noticed, or done.
        for index in (0..12).chain(20..encoded().len()) {
            let mut bytes = encoded();
            bytes[index] ^= 1;
            assert_eq!(decoded(bytes, GENERATION), None, "{index}");
        }
    }

    #[test]
    fn expired_entry_does_not_decode() {
        let entry = Entry::new(b"[]".to_vec(), Duration::ZERO);
        assert_eq!(decoded(entry.encode(GENERATION), GENERATION), None);
    }
}
