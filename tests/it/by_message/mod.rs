//! What people and other systems may do by message, and what they may not.

mod asked;
mod asyncapi;
mod document;
mod overrides;
mod places;
mod steering;
mod world;
