//! A [`DeviceMemory`] that lasts as long as the test.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Edit, Holding, StoreError, Wait},
    request::Spot,
};

/// What the devices of one layer hold.
pub type Spots = BTreeMap<Spot, Holding>;

/// Device memory in a map. Tests may look into it, put things there behind everyone's back, and take it down.
#[derive(Debug, Default)]
pub struct InMemory {
    layers: Mutex<[Spots; 2]>,
    down: AtomicBool,
}

impl InMemory {
    /// Empty, and up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every call fails (or works again), like a device that can't be reached.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// All that a layer's devices hold, even while down.
    #[must_use]
    pub fn snapshot(&self, layer: Layer) -> Spots {
        self.lock()[layer as usize].clone()
    }

    /// Puts a holding at a spot, or takes what is there away, whatever is expected there and even while down.
    pub fn put(&self, layer: Layer, spot: Spot, holding: Option<Holding>) {
        set(&mut self.lock()[layer as usize], spot, holding);
    }

    fn lock(&self) -> MutexGuard<'_, [Spots; 2]> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self, what: &'static str) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Failed { what, detail: "the memory is down".to_owned() });
        }
        Ok(())
    }
}

fn set(held: &mut Spots, spot: Spot, holding: Option<Holding>) {
    match holding {
        Some(holding) => held.insert(spot, holding),
        None => held.remove(&spot),
    };
}

impl DeviceMemory for InMemory {
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>> {
        Box::pin(async move {
            self.up("look")?;
            let layers = self.lock();
            let held = &layers[layer as usize];
            Ok(spots.iter().map(|spot| held.get(spot).cloned()).collect())
        })
    }

    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            self.up("edit")?;
            let mut layers = self.lock();
            let held = &mut layers[layer as usize];
            if edits.iter().any(|edit| held.get(&edit.spot) != edit.expect.as_ref()) {
                return Ok(false);
            }
            for Edit { spot, put, .. } in edits {
                set(held, spot, put);
            }
            Ok(true)
        })
    }

    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>> {
        Box::pin(async move {
            self.up("all")?;
            Ok(self.snapshot(layer).into_iter().collect())
        })
    }
}
