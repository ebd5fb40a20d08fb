//! Placement: the inventory, filters, fits, orders, admissions and plans. Pure.

pub mod inventory;
pub mod pack;
