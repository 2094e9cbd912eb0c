//! Hosts that talk across switches whose entries a controller installed over the wire.
