//! Whatever claims to be an announcement is opened or refused; what one says comes through its signature unchanged.
#![no_main]

use wire::announcement::Announcement;
use wire::key::SecretKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(announcement) = Announcement::open(bytes) {
        assert!(bytes.len() < 1 << 16);
        let _ = announcement.id();
    }
    // Noise is hardly ever signed: what is behind the signature is reached by signing it.
    let Ok(mut announcement) = minicbor::decode::<Announcement>(bytes) else {
        return;
    };
    let secret = SecretKey::from_seed([1; 32]);
    announcement.key = secret.public();
    if let Ok(opened) = Announcement::open(&announcement.sign(&secret)) {
        assert_eq!(opened, announcement);
        assert!(opened.may_share_with(&announcement));
    }
});
