//! Sign-In with Solana: Ed25519 over the message's bytes, by the key that is the address.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{Chain, Error, Refusal, message::Message, message::invalid};

const CHAIN: Chain = Chain::Solana;

/// The message, if its address signed it.
pub(super) fn read(text: &str, signature: &str) -> Result<Message, Error> {
    let signature = decode(signature)?;
    let message = Message::parse(CHAIN, text)?;
    // 32 bytes are at most 44 digits; decoding takes the square of its input's length.
    let digits = Some(&message.address).filter(|address| address.len() <= 44);
    let key = digits
        .and_then(|address| bs58::decode(address).into_vec().ok())
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .ok_or_else(|| invalid(CHAIN, "wallet address is not in base58 format"))?;
    let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b':' || byte == b'-';
    if message.chain_id.as_ref().is_some_and(|id| id.len() > 64 || !id.bytes().all(name)) {
        return Err(invalid(CHAIN, "Chain ID is not valid"));
    }
    // Strictly: of keys of small order, signatures are anybody's.
    let verified =
        VerifyingKey::from_bytes(&key).and_then(|key| key.verify_strict(text.as_bytes(), &Signature::from_bytes(&signature)));
    verified.map_err(|_| Error::Refused(Refusal::Signature))?;
    Ok(message)
}

/// Base64 of either alphabet, with or without padding.
fn decode(signature: &str) -> Result<[u8; 64], Error> {
    if signature.len() != 86 && signature.len() != 88 {
        return Err(Error::Invalid("signature must be 64 bytes encoded as base64 with or without padding".to_owned()));
    }
    let signature = signature.trim_end_matches('=').replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD
        .decode(signature)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Error::Invalid("signature does not appear to be a valid base64 encoded value".to_owned()))
}
