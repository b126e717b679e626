//! Messages signed by keys of the tests, right and wrong in every way.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::Signer;
use time::format_description::well_known::Rfc3339;

use super::*;

const NOW: i64 = 1_700_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW + seconds).unwrap()
}

fn text(seconds: i64) -> String {
    at(seconds).format(&Rfc3339).unwrap()
}

/// Signs by a key of its own.
fn signed(chain: Chain, message: &dyn Fn(&str) -> String) -> (String, String) {
    match chain {
        Chain::Solana => {
            let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
            let message = message(&bs58::encode(key.verifying_key().as_bytes()).into_string());
            let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()).to_bytes());
            (message, signature)
        }
        Chain::Ethereum => {
            let key = k256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
            let message = message(&ethereum::address_of(key.verifying_key()));
            let (signature, id) = key.sign_prehash_recoverable(&ethereum::digest(&message)).unwrap();
            (message, format!("0x{}{:02x}", hex::encode(signature.to_bytes()), 27 + id.to_byte()))
        }
    }
}

fn message(chain: Chain, address: &str, fields: &str) -> String {
    format!(
        "example.com wants you to sign in with your {chain} account:\n{address}\n\nI accept the terms.\n\n\
         URI: https://example.com/login\nVersion: 1\n{fields}"
    )
}

fn allowed(url: &str) -> bool {
    url.starts_with("https://example.com/") || url.starts_with("http://localhost:3000")
}

fn check(chain: Chain, (message, signature): (String, String)) -> Result<Wallet, Error> {
    verify(chain, &message, &signature, &Rules::new(at(0), &allowed))
}

fn with(chain: Chain, fields: &str) -> Result<Wallet, Error> {
    check(chain, signed(chain, &|address| message(chain, address, fields)))
}

fn replaced(chain: Chain, from: &str, to: &str) -> Result<Wallet, Error> {
    let fields = format!("Issued At: {}", text(0));
    check(chain, signed(chain, &|address| message(chain, address, &fields).replace(from, to)))
}

fn refused(refusal: Refusal) -> Result<Wallet, Error> {
    Err(Error::Refused(refusal))
}

const BOTH: [Chain; 2] = [Chain::Ethereum, Chain::Solana];

#[test]
fn a_wallet_signs_in() {
    for chain in BOTH {
        let wallet = with(chain, &format!("Issued At: {}", text(0))).unwrap();
        assert_eq!((wallet.domain.as_str(), wallet.uri.as_str()), ("example.com", "https://example.com/login"));
        assert_eq!((wallet.statement.as_deref(), &wallet.network), (Some("I accept the terms."), &None));
        assert_eq!(wallet.provider_id(), format!("web3:{}:{}", chain.as_str(), wallet.address));
    }
    let fields = format!(
        "Chain ID: 1\nNonce: 32891756\nIssued At: {}\nExpiration Time: {}\nNot Before: {}\nRequest ID: 7\nResources:\n- https://example.com/a",
        text(-10),
        text(60),
        text(-10)
    );
    assert_eq!(with(Chain::Ethereum, &fields).unwrap().network.as_deref(), Some("1"));
    let fields = fields.replace("Chain ID: 1", "Chain ID: solana:mainnet");
    assert_eq!(with(Chain::Solana, &fields).unwrap().network.as_deref(), Some("solana:mainnet"));
}

/// As supabase-js writes it for a wallet that signs texts only.
#[test]
fn in_the_order_of_supabase_js() {
    let signed = signed(Chain::Solana, &|address| {
        format!(
            "example.com wants you to sign in with your Solana account:\n{address}\n\nI accept the terms.\n\nVersion: 1\n\
             URI: https://example.com/login\nIssued At: {}\nNot Before: {}\nExpiration Time: {}\nChain ID: solana:mainnet\n\
             Nonce: 32891756\nRequest ID: 7\nResources\n- https://example.com/a",
            text(0),
            text(-10),
            text(60),
        )
    });
    assert_eq!(check(Chain::Solana, signed).unwrap().network.as_deref(), Some("solana:mainnet"));
}

#[test]
fn without_a_statement() {
    for chain in BOTH {
        assert_eq!(replaced(chain, "I accept the terms.\n\n", "").unwrap().statement, None);
        assert_eq!(replaced(chain, "I accept the terms.\n\n", "\n").unwrap().statement, None);
    }
}

#[test]
fn a_local_application() {
    let wallet = replaced(Chain::Ethereum, "example.com wants", "localhost:3000 wants");
    assert_eq!(wallet, refused(Refusal::Domain(Chain::Ethereum)));
    for chain in BOTH {
        let fields = format!("Issued At: {}", text(0));
        let local = |address: &str| {
            message(chain, address, &fields)
                .replace("https://example.com", "http://localhost:3000")
                .replace("example.com", "localhost:3000")
        };
        assert_eq!(check(chain, signed(chain, &local)).unwrap().domain, "localhost:3000");
    }
}

#[test]
fn for_another_application() {
    for chain in BOTH {
        assert_eq!(replaced(chain, "https://example.com", "https://evil.org"), refused(Refusal::Uri(chain)));
        assert_eq!(replaced(chain, "https://example.com", "http://example.com"), refused(Refusal::Http(chain)));
        assert_eq!(replaced(chain, "https://example.com", "ftp://example.com"), refused(Refusal::Scheme(chain)));
        assert_eq!(replaced(chain, "example.com wants", "evil.org wants"), refused(Refusal::Domain(chain)));
        assert_eq!(replaced(chain, "example.com wants", "example.com:8443 wants"), refused(Refusal::Domain(chain)));
    }
}

#[test]
fn of_another_time() {
    for chain in BOTH {
        let cases = [
            (format!("Issued At: {}", text(-601)), Refusal::TooOld(chain)),
            (format!("Issued At: {}", text(61)), Refusal::InTheFuture(chain)),
            ("Issued At: 0001-01-01T00:00:00Z".to_owned(), Refusal::TooOld(chain)),
            ("Issued At: 9999-12-31T23:59:59Z".to_owned(), Refusal::InTheFuture(chain)),
            // Without a Not Before too.
            (format!("Issued At: {}\nExpiration Time: {}", text(-5), text(-1)), Refusal::Expired(chain)),
            (format!("Issued At: {}\nNot Before: {}", text(0), text(1)), Refusal::NotYetValid(chain)),
        ];
        for (fields, refusal) in cases {
            assert_eq!(with(chain, &fields), refused(refusal), "{fields}");
        }
        assert!(with(chain, &format!("Issued At: {}", text(-600))).is_ok());
        assert!(with(chain, &format!("Issued At: {}", text(60))).is_ok());
    }
}

#[test]
fn signed_by_another_or_changed_after() {
    for chain in BOTH {
        let fields = format!("Issued At: {}", text(0));
        let (original, signature) = signed(chain, &|address| message(chain, address, &fields));
        let changed = original.replace("I accept", "I reject");
        assert_eq!(check(chain, (changed, signature.clone())), refused(Refusal::Signature));
        let other = match chain {
            Chain::Ethereum => "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
            Chain::Solana => "HN7cABqLq46Es1jh92dQQisAq662SmxELLLsHHe4YWrH",
        };
        let (claimed, signature) = signed(chain, &|_| message(chain, other, &fields));
        assert_eq!(check(chain, (claimed, signature)), refused(Refusal::Signature));
    }
}

#[test]
fn signatures_of_another_form() {
    let fields = format!("Issued At: {}", text(0));
    let (text, signature) = signed(Chain::Solana, &|address| message(Chain::Solana, address, &fields));
    let bytes = URL_SAFE_NO_PAD.decode(&signature).unwrap();
    for form in [STANDARD.encode(&bytes), STANDARD_NO_PAD.encode(&bytes)] {
        assert!(check(Chain::Solana, (text.clone(), form)).is_ok());
    }
    for form in ["", "AAAA", &"?".repeat(86), &hex::encode(&bytes)] {
        assert!(matches!(check(Chain::Solana, (text.clone(), form.to_owned())), Err(Error::Invalid(_))), "{form}");
    }
    let (text, signature) = signed(Chain::Ethereum, &|address| message(Chain::Ethereum, address, &fields));
    let upper = format!("0x{}", signature[2..].to_uppercase());
    assert!(check(Chain::Ethereum, (text.clone(), upper)).is_ok());
    for form in ["", "0x", &signature[2..], &format!("{signature}00"), &format!("0x{}", "zz".repeat(65))] {
        assert!(matches!(check(Chain::Ethereum, (text.clone(), form.to_owned())), Err(Error::Invalid(_))), "{form}");
    }
    for form in [format!("0x{}", "00".repeat(65)), format!("{}05", &signature[..130])] {
        assert_eq!(check(Chain::Ethereum, (text.clone(), form)), refused(Refusal::Signature));
    }
}

#[test]
fn one_account_is_one_user_however_its_address_is_written() {
    let fields = format!("Issued At: {}", text(0));
    let upper = |address: &str| message(Chain::Ethereum, &format!("0x{}", address[2..].to_uppercase()), &fields);
    let lower = with(Chain::Ethereum, &fields).unwrap();
    assert_eq!(check(Chain::Ethereum, signed(Chain::Ethereum, &upper)).unwrap().provider_id(), lower.provider_id());
}

#[test]
fn malformed_messages() {
    let issued = format!("Issued At: {}", text(0));
    for chain in BOTH {
        for (from, to) in [
            ("wants you", "wishes you"),
            ("example.com wants", " wants"),
            ("example.com wants", "user@example.com wants"),
            ("example.com wants", "example.com/path wants"),
            ("\n\nI accept", "\nI accept"),
            ("terms.\n\n", "terms.\n"),
            ("terms.", "terms.\r"),
            ("terms.\n", "terms.\nMore.\n"),
            ("URI: https://example.com/login\n", ""),
            ("URI: https://example.com/login", "URI: login"),
            ("Version: 1\n", ""),
            ("Version: 1", "Version: 2"),
            ("Version: 1\n", "Version: 1\nVersion: 1\n"),
            ("Version: 1\n", "Version: 1\nURI: https://example.com/login\n"),
            ("Version: 1\n", "Version: 1\nColour: red\n"),
            ("Version: 1\n", "Version: 1\n\n"),
            (issued.as_str(), "Nonce: 12345678"),
            (issued.as_str(), "Issued At: yesterday"),
            (issued.as_str(), "Issued At: 2023-11-14"),
            (issued.as_str(), &format!("{issued}\nResources:\nhttps://example.com")),
            (issued.as_str(), &format!("{issued}\n")),
        ] {
            let result = replaced(chain, from, to);
            assert!(matches!(result, Err(Error::Invalid(_))), "{chain}: {from:?} as {to:?}: {result:?}");
        }
    }
    assert!(matches!(replaced(Chain::Ethereum, "Ethereum", "Solana"), Err(Error::Invalid(_))));
    assert!(matches!(replaced(Chain::Ethereum, "\n0x", "\n0X"), Err(Error::Invalid(_))));
    assert!(matches!(check(Chain::Solana, ("short".to_owned(), String::new())), Err(Error::Invalid(_))));
    assert!(matches!(check(Chain::Solana, ("a".repeat(30_000), String::new())), Err(Error::Invalid(_))));
    assert_eq!(Chain::parse("bitcoin"), Err(Error::UnsupportedChain));
}

proptest::proptest! {
    #[test]
    fn no_message_panics(message in "(\\PC|\n){64,300}", signature in "[A-Za-z0-9+/=_-]{86}") {
        for chain in BOTH {
            proptest::prop_assert!(verify(chain, &message, &signature, &Rules::new(at(0), &|_| true)).is_err());
        }
    }

    /// However a signed message is changed, nobody is signed in by it.
    #[test]
    fn no_changed_message_is_taken(place in 0_usize..200, byte in b' '..b'~') {
        for chain in BOTH {
            let fields = format!("Issued At: {}", text(0));
            let (original, signature) = signed(chain, &|address| message(chain, address, &fields));
            let mut bytes = original.clone().into_bytes();
            let place = place % bytes.len();
            if bytes[place] != byte {
                bytes[place] = byte;
                let changed = String::from_utf8(bytes).unwrap();
                let rules = Rules::new(at(0), &|_| true);
                proptest::prop_assert!(verify(chain, &changed, &signature, &rules).is_err());
            }
        }
    }
}
