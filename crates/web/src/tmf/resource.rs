//! The resources as they go over the wire. Fields are TMF641's, and mean what it says they mean.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::state::OrderState;

/// `ServiceOrder`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOrder {
    /// The relocation's id.
    pub id: String,
    /// Where it is found.
    pub href: String,
    /// What the system that placed it calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Always `relocation`.
    pub category: &'static str,
    /// The description put on the port.
    pub description: String,
    /// How it stands.
    pub state: OrderState,
    /// When it was taken.
    pub order_date: Timestamp,
    /// When work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Timestamp>,
    /// From when on the cutover may begin by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_start_date: Option<Timestamp>,
    /// Until when it may begin by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_completion_date: Option<Timestamp>,
    /// When it was closed, unless by a cancel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_date: Option<Timestamp>,
    /// When it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_date: Option<Timestamp>,
    /// Why it is (to be) cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_reason: Option<String>,
    /// The customer.
    pub related_party: Vec<RelatedParty>,
    /// The one item.
    pub service_order_item: Vec<ServiceOrderItem>,
    /// What has been reached, and what has not yet.
    pub milestone: Vec<Milestone>,
    /// What put it at risk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jeopardy_alert: Vec<JeopardyAlert>,
    /// What failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_message: Vec<ErrorMessage>,
    /// `ServiceOrder`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

/// `RelatedParty`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RelatedParty {
    /// The customer as named when it was ordered.
    pub id: String,
    /// The same.
    pub name: String,
    /// `customer`.
    pub role: &'static str,
    /// `RelatedParty`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// `Organization`.
    #[serde(rename = "@referredType")]
    pub referred: &'static str,
}

/// `ServiceOrderItem`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServiceOrderItem {
    /// The only item's.
    pub id: &'static str,
    /// `modify`: the service stays, its place changes.
    pub action: &'static str,
    /// The order's.
    pub state: OrderState,
    /// What is moved.
    pub service: Service,
    /// `ServiceOrderItem`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

/// `ServiceRefOrValue`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The circuit's id in the carrier's inventory.
    pub id: String,
    /// `active`, or `inactive` while the customer is without service.
    pub state: &'static str,
    /// The old and the new place.
    pub place: Vec<Place>,
    /// Devices, ports, tags, address: see [`create`](super::create).
    pub service_characteristic: Vec<Characteristic>,
    /// `Service`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

/// `RelatedPlaceRefOrValue`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The access port: `device/port`.
    pub id: String,
    /// `old` or `new`.
    pub role: &'static str,
    /// `Place`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

/// `Characteristic`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Characteristic {
    /// Which.
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub value_type: &'static str,
    /// What.
    pub value: Value,
}

/// `ServiceOrderItemRef`: the one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemRef {
    /// The only item's.
    pub item_id: &'static str,
    /// The order's id.
    pub service_order_id: String,
    /// The order's address.
    pub service_order_href: String,
}

/// `ServiceOrderMilestone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Milestone {
    /// Its name.
    pub id: &'static str,
    /// The same.
    pub name: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// When it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestone_date: Option<Timestamp>,
    /// `completed` or `notReached`.
    pub status: &'static str,
    /// The one item.
    pub service_order_item: Vec<ItemRef>,
}

/// `ServiceOrderJeopardyAlert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JeopardyAlert {
    /// The place in the ticket's journal, and which alert.
    pub id: String,
    /// Which, for machines.
    pub name: String,
    /// How bad: `warning`, `major`, `critical`.
    pub jeopardy_type: &'static str,
    /// When it came up.
    pub alert_date: Timestamp,
    /// What it is, for people.
    pub message: String,
    /// What a configurator said, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// The one item.
    pub service_order_item: Vec<ItemRef>,
}

/// `ServiceOrderErrorMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorMessage {
    /// For machines: `l3.unreachable`.
    pub code: String,
    /// What it is, for people.
    pub reason: String,
    /// What the configurator said.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
    /// The one item.
    pub service_order_item: Vec<ItemRef>,
}

/// `CancelServiceOrder`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelServiceOrder {
    /// The order's id and the place in its journal.
    pub id: String,
    /// Where it is found.
    pub href: String,
    /// Why.
    pub cancellation_reason: String,
    /// When it was asked for.
    pub requested_cancellation_date: Timestamp,
    /// When the order was closed by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_cancellation_date: Option<Timestamp>,
    /// How the task stands.
    pub state: TaskState,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<TaskError>,
    /// The order.
    pub service_order: OrderRef,
    /// `CancelServiceOrder`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

/// `TaskStateType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TaskState {
    /// Taken, and not decided yet.
    Accepted,
    /// Refused, or overtaken by the order's end.
    TerminatedWithError,
    /// What was reserved is being given back.
    InProgress,
    /// The order is cancelled.
    Done,
}

/// `ErrorMessage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaskError {
    /// For machines.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// `ServiceOrderRef`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OrderRef {
    /// Its id.
    pub id: String,
    /// Its address.
    pub href: String,
    /// `ServiceOrder`.
    #[serde(rename = "@referredType")]
    pub referred: &'static str,
}
