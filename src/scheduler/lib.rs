//! Placement: the inventory, filters, fits, orders, admissions and plans. Pure.
