//! The one provider of cryptography, and random bytes from it.

use std::sync::{Arc, LazyLock};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// `ring`, named here: rustls would otherwise look for a default of the process, which a program may not have set.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    PROVIDER.clone()
}

/// Bytes that nobody can foresee.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    PROVIDER.secure_random.fill(&mut bytes).expect("the operating system has entropy; without it no key may be made");
    bytes
}
