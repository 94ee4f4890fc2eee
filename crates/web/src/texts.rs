//! Every sentence that HTTP says to people, in both languages: one that lacks a language does not build.

use std::fmt::Display;

use rehome_domain::lang::Lang;

macro_rules! texts {
    ($($name:ident($($part:ident),*): $en:literal, $zh:literal;)+) => {
        $(
            #[doc = $en]
            #[must_use]
            pub(crate) fn $name(lang: Lang, $($part: impl Display),*) -> String {
                match lang {
                    Lang::En => format!($en),
                    Lang::Zh => format!($zh),
                }
            }
        )+
    };
}

// Problems: what is wrong, in a few words; then what to do.
texts! {
    not_found(): "Not found", "未找到";
    not_found_more(): "There is nothing at this address.", "此地址没有内容。";
    no_method(): "Not possible here", "不支持的操作";
    no_method_more(): "This address does not take this method.", "此地址不支持该方法。";
    not_signed_in(): "Not signed in", "未登录";
    not_signed_in_more(): "Sign in, or send an API token that has not ended: `Authorization: Bearer rht_…`.",
        "请登录，或发送有效的 API 令牌：`Authorization: Bearer rht_…`。";
    not_allowed(): "Not allowed", "无权限";
    not_allowed_more(needs, has): "This needs the role {needs}; yours is {has}.", "此操作需要角色“{needs}”，您的角色是“{has}”。";
    not_by_token(): "Takes a session", "需要登录会话";
    not_by_token_more(): "A token may do its work, but not take over its account: sign in with a name and a password, or at the workbench. A token is taken away at `/api/v1/tokens`, in a session, or by `rehome token revoke`.",
        "令牌只能用于工作，不能接管其帐户：请用用户名和密码登录，或在工作台操作。吊销令牌请在登录后使用 `/api/v1/tokens`，或使用 `rehome token revoke`。";
    password_to_change(): "Choose a password first", "请先设置密码";
    password_to_change_more(): "Somebody else chose your password: choose one of your own before anything else.",
        "当前密码由他人设置：请先设置自己的密码。";
    cross_site(): "Sent from another site", "来自其他站点的请求";
    cross_site_more(): "What changes something must come from this site's own pages, or with an API token. A script that signs in with a password and keeps the cookie says `Sec-Fetch-Site: same-origin` itself.",
        "修改操作必须来自本站页面，或使用 API 令牌。用密码登录并保存 Cookie 的脚本须自行发送 `Sec-Fetch-Site: same-origin`。";
    sign_in_failed(): "Not let in", "登录失败";
    sign_in_failed_more(): "The name or the password is wrong, or the account is disabled.", "用户名或密码错误，或帐户已停用。";
    provider_away(why): "Who you are can't be asked now: {why}. Try again, or sign in with a name and a password of this site.",
        "暂时无法向身份提供方核实：{why}。请重试，或使用本站的用户名和密码登录。";
    provider_denied(why): "Your identity provider has refused: {why}.", "身份提供方已拒绝：{why}。";
    provider_astray(): "This sign-in was not begun in this browser, or too long ago: begin again.", "此次登录并非由本浏览器发起，或已超时：请重新开始。";
    provider_unproven(why): "What your identity provider says can't be believed: {why}. The administrator must look at its settings and the clocks.",
        "身份提供方的答复无法采信：{why}。请管理员检查其设置和时钟。";
    claim_missing(claim): "Your identity provider does not say your name in `{claim}`: the administrator must look at `oidc.name_claim` and `oidc.scopes`.",
        "身份提供方未在“{claim}”中提供用户名：请管理员检查 `oidc.name_claim` 和 `oidc.scopes`。";
    claim_no_name(claim, given): "Your identity provider calls you `{given}` (in `{claim}`), which can't be an account's name here: the administrator can choose another claim in `oidc.name_claim`.",
        "身份提供方称您为“{given}”（“{claim}”），不能作为此处的帐户名：请管理员在 `oidc.name_claim` 中选用其他声明。";
    claim_no_role(claim, name): "None of your groups (`{claim}` of `{name}`) has a role here: ask the administrator for one of the groups in `oidc.viewers`, `operators`, `supervisors` or `admins`.",
        "您所属的组（“{name}”的“{claim}”）在此处均无角色：请管理员将您加入 `oidc.viewers`、`operators`、`supervisors` 或 `admins` 中的组。";
    too_many_tries(): "Too many tries", "尝试次数过多";
    too_many_tries_more(seconds): "Try again in {seconds} seconds.", "请在 {seconds} 秒后重试。";
    invalid(): "Some fields are wrong", "部分字段有误";
    invalid_more(fields): "{fields}", "{fields}";
    bad_sheet(): "The sheet has errors", "移机表有误";
    bad_sheet_more(count): "{count} errors; nothing was submitted. Mend them and send the whole sheet again.",
        "共 {count} 处错误，未提交。请修正后重新发送整张移机表。";
    malformed(): "Can't be read", "无法读取";
    malformed_more(why): "What was sent can't be read: {why}", "无法读取所发送的内容：{why}";
    settled_before(by, at): "{by} has dealt with it already, at {at}", "{by} 已于 {at} 处理";
    resent_though_settled(by, at): "{by} has found meanwhile, at {at}, that it needs nothing, but it had been sent again already: look at its ticket",
        "{by} 已于 {at} 将其丢弃，但此前已重新发送：请查看其工单";
    refused(): "Not now", "当前不允许";
    refused_more(why): "It was refused: {why}.", "已拒绝：{why}。";
    conflict(): "In conflict with what is there", "与现有内容冲突";
    too_large(): "Too large", "内容过大";
    too_large_more(): "What was sent is larger than is read here.", "发送的内容超出允许的大小。";
    too_slow(): "Took too long", "超时";
    too_slow_more(): "What was asked could not be done in time: try again.", "未能及时完成：请重试。";
    unavailable(): "Not possible now", "暂时不可用";
    unavailable_more(why): "{why}. It goes on by itself when that is over: try again then.", "{why}。恢复后将自动继续：请稍后重试。";
    stopping(): "This process stops and begins nothing new; nothing was done: try again.", "该进程正在停止，不再开始新的操作；未执行：请重试。";
    busy(): "Too many commands wait for their answers", "等待答复的命令过多";
    not_taken(): "The bus did not take it in time, and may still do so: look at the journal before trying again",
        "消息总线未及时接收，之后仍可能接收：请先查看日志再重试";
    no_bus(why): "The bus can't take it: {why}", "消息总线无法接收：{why}";
    submitted_otherwise(id, fields): "something else was submitted before, as {id}: {fields} differ",
        "此前提交的内容不同（工单 {id}）：{fields} 不一致";
    drifted(id): "the devices of {id} do not hold any more what the plan of this fingerprint says, or could not all be asked: look at the plan again", "{id} 的设备现有配置与该指纹的预览不符，或有设备无法查询：请重新查看改动预览";
    commanded_otherwise(id): "another command was given to {id} under this key before", "此前已用该键向 {id} 下达过其他命令";
    failed(): "It failed", "出错";
    failed_more(): "The fault is on this side; the log says more.", "服务端出错，详见日志。";
}

// Webhooks.
texts! {
    webhook_owner_out(): "Whoever asked for it is disabled or may not listen any more; it is told on when they may.",
        "申请者已停用或无权接收；恢复后将继续通知。";
    webhook_token_out(): "The token that asked for it was revoked or has ended: remove it, and add it anew with a token that is in force.",
        "申请所用的令牌已吊销或过期：请删除后用有效令牌重新添加。";
}

// Parameters of queries.
texts! {
    parameter_repeated(): "is given more than once", "重复给出";
    parameter_missing(): "is missing", "缺少";
    parameter_none(): "is no parameter here: this takes none", "不是此处的参数：此处没有参数";
    parameter_unknown(known): "is no parameter here, expected: {known}", "不是此处的参数，应为：{known}";
    none_of(given, known): "is `{given}`, expected one of {known}", "是 `{given}`，应为以下之一：{known}";
    no_number(given, least, most): "is `{given}`, expected a number from {least} to {most}", "是 `{given}`，应为 {least} 到 {most} 的数字";
    no_instant(given): "is `{given}`, expected an instant like 2026-01-31T08:00:00Z", "是 `{given}`，应为时刻，例如 2026-01-31T08:00:00Z";
    no_mark(given): "is `{given}`, which is no `id` that this stream has told", "是 `{given}`，不是此事件流给出的 `id`";
    no_place(): "is no place that a page's `next` said", "不是列表页给出的 `next`";
}

// Fields.
texts! {
    token_was_shown(): "this form has been sent before, and its token was shown then: none was issued now; if you do not have it, revoke it and issue another", "该表单此前已提交，令牌当时已显示；此次未签发。若未保存令牌，请吊销后重新签发";
    reason_needed(): "is empty: whoever forces or cancels says why", "为空：强制或取消必须说明原因";
    no_account(name): "there is no account {name}", "没有帐户 {name}";
    token_above(role): "the account is {role}: a token can't allow more", "该帐户的角色是“{role}”：令牌的权限不能超过其帐户";
    too_many_tokens(): "the account has as many tokens as there may be: revoke one", "该帐户的令牌数已达上限：请先吊销一个";
    label_length(most): "is empty or too long, expected 1 to {most} characters", "为空或过长，应为 1 至 {most} 个字符";
    days_range(given, most): "is {given}, expected 1 to {most}", "为 {given}，应为 1 至 {most}";
    password_too_short(least): "is shorter than {least} characters", "少于 {least} 个字符";
    password_too_long(most): "is longer than {most} bytes", "超过 {most} 字节";
    password_same(): "is the old one", "与原密码相同";
    password_wrong(): "is not your password", "密码不正确";
}

// Pages.
texts! {
    sign_in(): "Sign in", "登录";
    sign_out(): "Sign out", "退出";
    sign_in_with(provider): "Sign in with {provider}", "使用 {provider} 登录";
    user_name(): "Name", "用户名";
    password(): "Password", "密码";
    old_password(): "Old password", "原密码";
    new_password(least): "New password (at least {least} characters)", "新密码（至少 {least} 个字符）";
    change_password(): "Change password", "修改密码";
    back(): "Back to the start", "返回首页";
}
