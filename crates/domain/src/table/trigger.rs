//! What can happen to a ticket, as far as the table cares.

use serde::{Deserialize, Serialize};

use crate::{command::CommandKind, lang::Lang, order::Layer};

/// What can happen to a ticket, as far as the table cares. Finite, so that tests enumerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person's command.
    Command(CommandKind),
    /// L3 reserved.
    L3Reserved,
    /// L3 did not reserve.
    L3ReserveFailed,
    /// L3 took its reservation back.
    L3Released,
    /// L3 did not take it back.
    L3ReleaseFailed,
    /// L3: teardown ok, install ok.
    L3CutOver,
    /// L3: teardown ok, install ok, and the gateway holds both to be confirmed.
    L3CutOverHeld,
    /// L3: teardown failed, install ok.
    L3TeardownFailed,
    /// L3: teardown ok, install failed.
    L3InstallFailed,
    /// L3: both failed.
    L3BothFailed,
    /// L3: no outcome known, or refused before it began.
    L3CutoverUnknown,
    /// L3 took the failed install back.
    L3InstallRolledBack,
    /// L3 did not take it back.
    L3InstallRollbackFailed,
    /// L3's held cutover stands.
    L3Confirmed,
    /// L3's held cutover does not stand: the gateway has taken it back, or nobody knows.
    L3ConfirmFailed,
    /// L3 took its held cutover back: the old place serves again.
    L3TakenBack,
    /// L3 did not take it back: the cutover stands.
    L3TakeBackFailed,
    /// L2 reserved.
    L2Reserved,
    /// L2 did not reserve, and takes back what it did by itself.
    L2ReserveFailed,
    /// L2's reservation counts as failed because nobody could say: it must be told to take it back.
    L2ReserveUnknown,
    /// L2 took its reservation back.
    L2RolledBack,
    /// L2 did not take it back.
    L2RollbackFailed,
    /// L2 cut over.
    L2CutOver,
    /// L2 did not cut over: it said so, or was found untouched.
    L2CutoverFailed,
    /// Nobody can say whether L2 cut over, while the gateway holds L3's cutover; else it counts as failed.
    L2CutoverUnknown,
    /// L2 read the notice.
    L2Noticed,
    /// The deadline of the layer's work passed.
    Overdue(Layer),
    /// The system starts again over a bus that kept nothing: the layer's order must be sent again.
    Resume(Layer),
    /// Nothing is out and nothing held any more. Tried by the step itself after each row.
    Settled,
}

impl Trigger {
    /// Every trigger.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = CommandKind::ALL.into_iter().map(Self::Command).collect();
        all.extend([
            Self::L3Reserved,
            Self::L3ReserveFailed,
            Self::L3Released,
            Self::L3ReleaseFailed,
            Self::L3CutOver,
            Self::L3CutOverHeld,
            Self::L3TeardownFailed,
            Self::L3InstallFailed,
            Self::L3BothFailed,
            Self::L3CutoverUnknown,
            Self::L3InstallRolledBack,
            Self::L3InstallRollbackFailed,
            Self::L3Confirmed,
            Self::L3ConfirmFailed,
            Self::L3TakenBack,
            Self::L3TakeBackFailed,
            Self::L2Reserved,
            Self::L2ReserveFailed,
            Self::L2ReserveUnknown,
            Self::L2RolledBack,
            Self::L2RollbackFailed,
            Self::L2CutOver,
            Self::L2CutoverFailed,
            Self::L2CutoverUnknown,
            Self::L2Noticed,
        ]);
        all.extend(Layer::ALL.map(Self::Overdue));
        all.extend(Layer::ALL.map(Self::Resume));
        all.push(Self::Settled);
        all
    }

    /// The layer whose work in hand this outcome ends.
    #[must_use]
    pub const fn ends_work_of(self) -> Option<Layer> {
        match self {
            Self::L3Reserved
            | Self::L3ReserveFailed
            | Self::L3Released
            | Self::L3ReleaseFailed
            | Self::L3CutOver
            | Self::L3CutOverHeld
            | Self::L3TeardownFailed
            | Self::L3InstallFailed
            | Self::L3BothFailed
            | Self::L3CutoverUnknown
            | Self::L3InstallRolledBack
            | Self::L3InstallRollbackFailed
            | Self::L3Confirmed
            | Self::L3ConfirmFailed
            | Self::L3TakenBack
            | Self::L3TakeBackFailed => Some(Layer::L3),
            Self::L2Reserved
            | Self::L2ReserveFailed
            | Self::L2ReserveUnknown
            | Self::L2RolledBack
            | Self::L2RollbackFailed
            | Self::L2CutOver
            | Self::L2CutoverFailed
            | Self::L2CutoverUnknown
            | Self::L2Noticed => Some(Layer::L2),
            Self::Command(_) | Self::Overdue(_) | Self::Resume(_) | Self::Settled => None,
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> String {
        let text = match self {
            Self::Command(kind) => return kind.label(lang).to_lowercase(),
            Self::L3Reserved => lang.pick("L3 done", "三层预占成功"),
            Self::L3ReserveFailed => lang.pick("L3 failed", "三层预占失败"),
            Self::L3Released => lang.pick("L3 release done", "三层预占回滚成功"),
            Self::L3ReleaseFailed => lang.pick("L3 release failed", "三层预占回滚失败"),
            Self::L3CutOver => lang.pick("teardown ok, install ok", "拆成功，装成功"),
            Self::L3CutOverHeld => lang.pick("both ok, held to be confirmed", "拆装均成功，待确认"),
            Self::L3TeardownFailed => lang.pick("teardown failed, install ok", "拆失败，装成功"),
            Self::L3InstallFailed => lang.pick("teardown ok, install failed", "拆成功，装失败"),
            Self::L3BothFailed => lang.pick("both failed", "拆失败，装失败"),
            Self::L3CutoverUnknown => {
                lang.pick("no outcome known, or refused before it began", "结果未知或未开始即被拒")
            }
            Self::L3InstallRolledBack => lang.pick("install rollback done", "新装回滚成功"),
            Self::L3InstallRollbackFailed => lang.pick("install rollback failed", "新装回滚失败"),
            Self::L3Confirmed => lang.pick("L3 confirmed", "三层切换已确认"),
            Self::L3ConfirmFailed => {
                lang.pick("not confirmed: taken back, or not known", "未确认：已自动撤回或结果未知")
            }
            Self::L3TakenBack => lang.pick("L3 took the cutover back", "三层切换已撤回"),
            Self::L3TakeBackFailed => lang.pick("L3 cutover stands", "三层切换未能撤回"),
            Self::L2Reserved => lang.pick("L2 done", "二层预占成功"),
            Self::L2ReserveFailed => lang.pick("L2 failed", "二层预占失败"),
            Self::L2ReserveUnknown => lang.pick("L2 outcome unknown or undone half-way", "二层预占结果未知"),
            Self::L2RolledBack => lang.pick("L2 rollback done", "二层预占回滚成功"),
            Self::L2RollbackFailed => lang.pick("L2 rollback failed", "二层预占回滚失败"),
            Self::L2CutOver => lang.pick("L2 done", "二层切换成功"),
            Self::L2CutoverFailed => lang.pick("L2 failed", "二层切换失败"),
            Self::L2CutoverUnknown => lang.pick("L2 outcome unknown", "二层切换结果未知"),
            Self::L2Noticed => lang.pick("L2 read the notice", "二层已收通知"),
            Self::Overdue(Layer::L3) => lang.pick("L3 deadline passed", "三层超时"),
            Self::Overdue(Layer::L2) => lang.pick("L2 deadline passed", "二层超时"),
            Self::Resume(Layer::L3) => lang.pick("started again, L3 order out", "重启，三层工单未回"),
            Self::Resume(Layer::L2) => lang.pick("started again, L2 order out", "重启，二层工单未回"),
            Self::Settled => lang.pick("nothing out, nothing held", "无在途、无占用"),
        };
        text.to_owned()
    }
}
