//! Whole-network and end-to-end tests of `cnnc`.
