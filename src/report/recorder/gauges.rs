//! What the cluster shows at a moment, and its integrals over time: all exact integers, so that a mean does not
//! depend on how often it was looked at. Knows nothing of nodes, tasks or bins.

use model::Millis;

/// One gauge. The order is that of [`Gauges::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gauge {
    /// Reserved cores of the nodes that are up.
    UsedCores,
    /// Task cores of the nodes that are up.
    CapacityCores,
    /// Reserved memory of the nodes that are up, bytes.
    UsedMemory,
    /// Task memory of the nodes that are up, bytes.
    CapacityMemory,
    /// Stranded cores of the nodes that are up, in [`STRANDED_UNIT`]ths of a core.
    Stranded,
    /// Nodes that are up and hold a reservation.
    UsedNodes,
    /// Ready task instances.
    Waiting,
    /// Running task instances.
    Running,
}

/// Parts of a core in which stranded cores are counted.
pub const STRANDED_UNIT: u64 = 1 << 20;

const GAUGES: usize = 8;

/// The integral of every gauge from the start of the run, value x milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals([u128; GAUGES]);

impl Totals {
    /// The integral of one gauge.
    pub fn of(&self, gauge: Gauge) -> u128 {
        self.0[gauge as usize]
    }

    /// What was added since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|gauge| self.0[gauge] - earlier.0[gauge]))
    }
}

/// The largest values that lasted for at least a millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Used and capacity cores when their ratio was largest.
    pub cores: (u64, u64),
    /// Used nodes.
    pub nodes: u64,
}

/// All gauges, with the moment up to which they are integrated.
#[derive(Clone, Debug)]
pub struct Gauges {
    now: Millis,
    values: [u64; GAUGES],
    totals: Totals,
    peaks: Peaks,
}

impl Gauges {
    /// All zero.
    pub fn new(start: Millis) -> Self {
        Self { now: start, values: [0; GAUGES], totals: Totals::default(), peaks: Peaks::default() }
    }

    /// The moment up to which the integrals reach.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// A gauge's value.
    #[cfg(test)]
    pub fn value(&self, gauge: Gauge) -> u64 {
        self.values[gauge as usize]
    }

    /// The integrals up to [`Self::now`].
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The peaks up to [`Self::now`].
    pub fn peaks(&self) -> Peaks {
        self.peaks
    }

    /// Forgets the peaks: the window of the statistics opens.
    pub fn reset_peaks(&mut self) {
        self.peaks = Peaks::default();
    }

    /// Replaces a part of a gauge: `old` leaves it, `new` joins it.
    #[inline]
    pub fn replace(&mut self, gauge: Gauge, old: u64, new: u64) {
        let value = &mut self.values[gauge as usize];
        *value = *value - old + new;
    }

    /// Integrates up to `now`, which must not be earlier than before.
    pub fn flow(&mut self, now: Millis) {
        let span = now - self.now;
        if span == Millis::ZERO {
            return;
        }
        for (total, &value) in self.totals.0.iter_mut().zip(&self.values) {
            *total += u128::from(value) * u128::from(span.0);
        }
        let (used, capacity) = (self.values[Gauge::UsedCores as usize], self.values[Gauge::CapacityCores as usize]);
        let (most, of) = self.peaks.cores;
        // used / capacity > most / of, without a division; cores stay far below 2^32.
        if used > 0 && (of == 0 || used * of > most * capacity) {
            self.peaks.cores = (used, capacity);
        }
        self.peaks.nodes = self.peaks.nodes.max(self.values[Gauge::UsedNodes as usize]);
        self.now = now;
    }
}
