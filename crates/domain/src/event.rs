//! What the supervisor tells the world: that a ticket changed, and alarms.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::RelocationId,
    lang::Lang,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::Outage,
};

/// How loud an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Look at it in working hours.
    Warning,
    /// A person must act.
    Major,
    /// A customer is without service.
    Critical,
}

impl Severity {
    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// Why a person is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// L3 could not take its reservation back.
    L3RollbackFailed,
    /// Row 8: L2 could not take its reservation back.
    L2RollbackFailed,
    /// L3 could not take a failed install back.
    InstallRollbackFailed,
    /// Row 12: the old sub-interface is still there.
    OldPlaceLeft,
    /// Row 13: torn down and not installed, the customer has no service.
    ServiceDown,
    /// Row 14: nothing worked at L3 while L2 moves on.
    CutoverBroken,
    /// Row 16: L2 did not cut over.
    L2CutoverFailed,
    /// Row 19: nobody can say how the L3 cutover went.
    CutoverUnknown,
    /// Row H5: the gateway has taken a held cutover back before it was confirmed, after L2 had moved. It is done again at once.
    HeldCutoverLost,
    /// Row H6: L2 did not cut over, and L3's cutover was taken back: the old place serves.
    CutoverTakenBack,
    /// No configurator takes the order that is out.
    Undeliverable,
    /// L2 never said that it read a notice.
    NoticeUnread,
    /// The cutover window closed before the cutover could begin.
    WindowMissed,
    /// The ticket's journal can't be read: it is set aside.
    Quarantined,
}

impl Alarm {
    /// How loud.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::ServiceDown | Self::HeldCutoverLost => Severity::Critical,
            Self::OldPlaceLeft | Self::NoticeUnread => Severity::Warning,
            Self::L3RollbackFailed
            | Self::L2RollbackFailed
            | Self::InstallRollbackFailed
            | Self::CutoverBroken
            | Self::L2CutoverFailed
            | Self::CutoverUnknown
            | Self::CutoverTakenBack
            | Self::Undeliverable
            | Self::WindowMissed
            | Self::Quarantined => Severity::Major,
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::L3RollbackFailed => lang.pick("L3 reservation rollback failed", "三层预占回滚失败"),
            Self::L2RollbackFailed => lang.pick("L2 reservation rollback failed", "二层预占回滚失败"),
            Self::InstallRollbackFailed => lang.pick("install rollback failed", "新装回滚失败"),
            Self::OldPlaceLeft => lang.pick("old sub-interface not torn down", "旧子接口未拆除"),
            Self::ServiceDown => lang.pick("customer without service", "客户业务中断"),
            Self::CutoverBroken => lang.pick("L3 neither torn down nor installed", "三层拆装均失败"),
            Self::L2CutoverFailed => lang.pick("L2 cutover failed", "二层切换失败"),
            Self::CutoverUnknown => lang.pick("L3 cutover outcome unknown", "三层切换结果未知"),
            Self::HeldCutoverLost => {
                lang.pick("held L3 cutover taken back before it was confirmed", "三层切换未及确认已自动撤回")
            }
            Self::CutoverTakenBack => {
                lang.pick("L2 cutover failed, L3's was taken back", "二层切换失败，三层切换已撤回")
            }
            Self::Undeliverable => lang.pick("no configurator takes the order", "没有配置装置接收工单"),
            Self::NoticeUnread => lang.pick("L2 did not acknowledge the notice", "二层未确认失败通知"),
            Self::WindowMissed => lang.pick("cutover window missed", "错过切换窗口"),
            Self::Quarantined => lang.pick("journal unreadable, ticket quarantined", "日志损坏，工单已隔离"),
        }
    }
}

/// Where a ticket stands, for whoever watches: published after each journal entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The ticket.
    pub relocation: RelocationId,
    /// Its version: the sequence of the entry that is told here.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The circuit.
    pub service_id: String,
    /// 移机状态.
    pub status: RelocationStatus,
    /// 移机预占状态.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态.
    pub cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    pub disposition: Disposition,
    /// Whether an order is out. If not, the ticket is closed or waits for a person or its window.
    pub in_flight: bool,
    /// When the customer was without service, once that has been measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
    /// Alarms raised by this entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
}

/// An alarm: somebody is called. Published beside the [`Event`] of the entry that raised it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Raised {
    /// The ticket.
    pub relocation: RelocationId,
    /// The circuit, if the ticket could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<String>,
    /// Which.
    pub alarm: Alarm,
    /// How loud.
    pub severity: Severity,
    /// When.
    pub at: Timestamp,
    /// What else a person must know.
    pub detail: String,
}
