//! Sign-In with Ethereum: `personal_sign` (EIP-191), whose signature gives its signer's address away.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

use super::{Chain, Error, Refusal, message::Message, message::invalid};

const CHAIN: Chain = Chain::Ethereum;
const SIGNATURE: usize = 65;

/// The message, if its address signed it; the address in lower case.
pub(super) fn read(text: &str, signature: &str) -> Result<Message, Error> {
    let signature = decode(signature)?;
    let mut message = Message::parse(CHAIN, text)?;
    let digits = message.address.strip_prefix("0x").filter(|digits| digits.len() == 40);
    if !digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(invalid(CHAIN, "wallet address is not 20 bytes in hexadecimal with a 0x prefix"));
    }
    if message.chain_id.as_ref().is_some_and(|id| id.len() > 20 || !id.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(invalid(CHAIN, "Chain ID is not valid"));
    }
    message.address.make_ascii_lowercase();
    if recover(text, &signature).as_ref() != Some(&message.address) {
        return Err(Error::Refused(Refusal::Signature));
    }
    Ok(message)
}

fn decode(signature: &str) -> Result<[u8; SIGNATURE], Error> {
    let invalid = || Error::Invalid("signature must be 65 bytes in hexadecimal with a 0x prefix".to_owned());
    let digits = signature.strip_prefix("0x").ok_or_else(invalid)?;
    hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(invalid)
}

/// r, s, and the recovery id, to which most wallets add 27.
fn recover(text: &str, signature: &[u8; SIGNATURE]) -> Option<String> {
    let (last, rs) = signature.split_last()?;
    let id = RecoveryId::from_byte(last.checked_sub(27).unwrap_or(*last)).filter(|id| !id.is_x_reduced())?;
    let signature = Signature::from_slice(rs).ok()?;
    VerifyingKey::recover_from_prehash(&digest(text), &signature, id).ok().map(|key| address_of(&key))
}

/// What `personal_sign` signs.
pub(super) fn digest(text: &str) -> [u8; 32] {
    Keccak256::new()
        .chain_update(b"\x19Ethereum Signed Message:\n")
        .chain_update(text.len().to_string())
        .chain_update(text)
        .finalize()
        .into()
}

pub(super) fn address_of(key: &VerifyingKey) -> String {
    let point = key.to_encoded_point(false);
    let hash: [u8; 32] = Keccak256::digest(&point.as_bytes()[1..]).into();
    format!("0x{}", hex::encode(&hash[12..]))
}

/// The digits of an address, whose letters are large where a hash of the address says so (EIP-55).
pub(super) fn checksummed(digits: &str) -> String {
    let digits = digits.to_ascii_lowercase();
    let hash = hex::encode(Keccak256::digest(&digits));
    let written = digits.chars().zip(hash.chars());
    written.map(|(digit, of_hash)| if of_hash >= '8' { digit.to_ascii_uppercase() } else { digit }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_key() {
        // The key 1, whose address is widely known.
        let mut one = [0; 32];
        one[31] = 1;
        let key = k256::ecdsa::SigningKey::from_slice(&one).unwrap();
        assert_eq!(address_of(key.verifying_key()), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
    }

    #[test]
    fn the_addresses_of_eip_55() {
        for digits in ["5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"] {
            assert_eq!(checksummed(&digits.to_lowercase()), digits);
        }
    }

    #[test]
    fn a_signature_of_ethers() {
        // From the documentation of web3.js (`eth.accounts.sign`): "Some data", by the key
        // 0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318.
        let signature = "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";
        let address = recover("Some data", &decode(signature).unwrap());
        assert_eq!(address.as_deref(), Some("0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"));
    }
}
