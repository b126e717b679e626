//! Sign-in by a wallet's signature: Ethereum and Solana.
