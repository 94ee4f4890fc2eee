//! rehome
