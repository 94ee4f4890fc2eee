//! The three status enums of the claims, and what stands beside them: the disposition, and what a ticket waits for.
//!
//! The enums stay exactly these (claim 2 and `relocation.md`); what they cannot say lives in
//! [`State`](crate::state::State).

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lang::Lang;

/// A word that is not one of a status enum's wire names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{given}`, expected one of {expected}")]
pub struct UnknownStatus {
    /// Which enum was meant.
    pub what: &'static str,
    /// What was written.
    pub given: String,
    /// The wire names there are, comma separated.
    pub expected: String,
}

/// Declares an enum with its wire names and its labels in both languages, in one place.
macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$vdoc:meta])* $variant:ident = $wire:literal, $en:literal, $zh:literal;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $(
                $(#[$vdoc])*
                #[serde(rename = $wire)]
                $variant,
            )+
        }

        impl $name {
            /// Every value, in the order of the claims.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire, in sheets and in the store.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $wire,)+ }
            }

            /// What a person reads.
            #[must_use]
            pub fn label(self, lang: Lang) -> &'static str {
                match self { $(Self::$variant => lang.pick($en, $zh),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.wire())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(given: &str) -> Result<Self, UnknownStatus> {
                Self::ALL.iter().copied().find(|status| status.wire() == given).ok_or_else(|| UnknownStatus {
                    what: $what,
                    given: given.to_owned(),
                    expected: Self::ALL.iter().map(|status| status.wire()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

statuses! {
    /// 移机状态: where the whole relocation stands (claims 1, 2).
    RelocationStatus, "relocation status":
    /// Submitted; the new place is not reserved yet.
    ReservationPending = "reservation_pending", "Reservation to be deployed", "移机预占待部署";
    /// Reserved (or forced on); waits for its cutover to be deployed or to end.
    CutoverPending = "cutover_pending", "Cutover to be deployed", "移机切换待部署";
    /// Reservation failed; recoverable, a person decides.
    Failed = "failed", "Relocation failed", "移机失败";
    /// Ended by force although a part failed (terminal).
    Abnormal = "abnormal", "Relocation abnormal", "移机异常";
    /// Ended well (terminal).
    Succeeded = "succeeded", "Relocation succeeded", "移机成功";
}

statuses! {
    /// 移机预占状态: how the reservation stage went (claims 1, 2).
    ReservationStatus, "reservation status":
    /// L3 holds the sub-interface; L2 is next.
    L3Reserved = "l3_reserved", "L3 reserved", "三层预占成功";
    /// L3 could not reserve.
    L3ReservationFailed = "l3_reservation_failed", "L3 reservation failed", "三层预占失败";
    /// Both layers hold the new place.
    Reserved = "reserved", "Reserved", "移机预占成功";
    /// L2 could not reserve; its rollback is under way.
    L2ReservationFailed = "l2_reservation_failed", "L2 reservation failed", "二层预占失败";
    /// L2 could not take its reservation back.
    L2RollbackFailed = "l2_rollback_failed", "L2 reservation rollback failed", "二层预占回滚失败";
    /// L2 took its reservation back.
    L2RolledBack = "l2_rolled_back", "L2 reservation rolled back", "二层预占已回滚";
}

statuses! {
    /// 移机切换状态: how the cutover stage went (claims 2, 4, 5).
    CutoverStatus, "cutover status":
    /// L3 tore down the old place and installed the new; L2 is next.
    L3CutOver = "l3_cut_over", "L3 cut over", "三层切换成功";
    /// No outcome of the L3 cutover is known, or it was refused before it began.
    L3CutoverFailed = "l3_cutover_failed", "L3 cutover failed", "三层切换失败";
    /// L3 is over, L2 is not.
    L2TeardownFailed = "l2_teardown_failed", "L2 teardown failed", "二层移机拆失败";
    /// Both layers are over.
    CutOver = "cut_over", "Cut over", "移机切换成功";
    /// The old place is still up, the new one is installed.
    L3TeardownFailedInstalled = "l3_teardown_failed_installed", "L3 teardown failed, installed", "三层切换拆失败，装成功";
    /// The old place is down and the new one is not up: the customer has no service.
    L3TornDownInstallFailed = "l3_torn_down_install_failed", "L3 torn down, install failed", "三层切换拆成功，装失败";
    /// Neither the teardown nor the install worked at L3.
    L3TeardownAndInstallFailed = "l3_teardown_and_install_failed", "L3 teardown and install failed", "三层切换拆失败，装失败";
}

statuses! {
    /// How a ticket stands in the books: open, or closed and in which way.
    Disposition, "disposition":
    /// Something can still happen.
    Open = "open", "Open", "进行中";
    /// Closed by its own success.
    Completed = "completed", "Completed", "已竣工";
    /// Closed by a person's force (row 18).
    Forced = "forced", "Forced", "强制竣工";
    /// Closed by a person's cancel, everything reserved given back.
    Cancelled = "cancelled", "Cancelled", "已取消";
}

statuses! {
    /// How a piece of work beside the three statuses stands.
    Side, "side state":
    /// Never asked for.
    None = "none", "None", "无";
    /// Asked for, no outcome yet.
    Pending = "pending", "Pending", "进行中";
    /// Done.
    Done = "done", "Done", "成功";
    /// Failed; the evidence is in the journal.
    Failed = "failed", "Failed", "失败";
}

statuses! {
    /// What a ticket waits for, the most urgent first: the one classification that lists, counts and filters go by.
    /// [`Ticket::attention`](crate::ticket::Ticket::attention) says which.
    Attention, "attention":
    /// The customer has no service, whatever is under way: above everything.
    WithoutService = "without_service", "Customer without service", "业务中断";
    /// What was to be taken back could not be: a person decides.
    UndoFailed = "undo_failed", "Rollback failed, needs a person", "回滚失败，待人工处理";
    /// The cutover failed or its outcome is not known: a person decides.
    CutoverFailed = "cutover_failed", "Cutover failed, needs a person", "切换失败，待人工处理";
    /// The reservation failed and is taken back: a person decides.
    ReservationFailed = "reservation_failed", "Reservation failed, needs a person", "预占失败，待人工处理";
    /// All is well so far; a person deploys the next stage.
    AwaitingDeploy = "awaiting_deploy", "Waiting for a person to deploy", "待人工部署";
    /// A configurator met a transient failure and tries again.
    Retrying = "retrying", "Retrying", "重试中";
    /// A deadline has passed, and an `inspect` asks what is on the device.
    InDoubt = "in_doubt", "In doubt, being inspected", "存疑核查中";
    /// An order is out.
    Running = "running", "Running", "执行中";
    /// A pause holds it back; it begins by itself when that ends.
    HeldBack = "held_back", "Held back by a pause", "已暂停";
    /// The cutover deploys by itself when its window opens.
    WaitingForWindow = "waiting_for_window", "Waiting for its window", "等待切换窗口";
    /// Nothing can happen to it any more.
    Closed = "closed", "Closed", "已关闭";
}

impl Attention {
    /// Whether a person has to do something for it to go on.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        matches!(
            self,
            Self::WithoutService
                | Self::UndoFailed
                | Self::CutoverFailed
                | Self::ReservationFailed
                | Self::AwaitingDeploy
        )
    }
}
