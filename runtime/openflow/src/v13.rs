//! OpenFlow 1.3 stub.
