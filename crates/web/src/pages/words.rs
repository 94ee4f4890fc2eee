//! Every word the pages say, in both languages: one that lacks a language does not build.
//!
//! Statuses, commands and refusals have their labels in the domain.

use rehome_domain::lang::Lang;

/// Says things in a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Say(pub(super) Lang);

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)+) => {
        impl Say {
            $(
                #[doc = $en]
                pub(super) fn $name(self) -> &'static str {
                    self.0.pick($en, $zh)
                }
            )+
        }
    };
}

rehome_domain::texts! {
    matching(count): "{count} match", "符合条件 {count} 个";
    chosen(count): "{count} are chosen", "已选 {count} 个";
    at_least(count): "at least {count} match", "符合条件至少 {count} 个";
    version(version): "version {version}", "版本 {version}";
    attempt(number): "attempt {number}", "第 {number} 次";
    retry_number(number, at): "try {number} failed, next {at}", "第 {number} 次失败，下次 {at}";
    moved_on(who, what): "While you looked, {who} was quicker: {what}", "您查看期间，{who} 已先行操作：{what}";
    done_as(command): "{command}: done", "{command}：已执行";
    refused_as(command, why): "{command} was refused: {why}", "{command}被拒绝：{why}";
    accepted_as(command): "{command} is on its way; the journal will say what became of it.", "{command}已送出，结果见日志。";
    rows_fine(count): "{count} relocations, all in order", "共 {count} 个移机，全部有效";
    bulk_will(count): "{count} will be done", "将执行 {count} 个";
    bulk_not(count): "{count} are refused", "将拒绝 {count} 个";
    bulk_progress(done, all): "{done} of {all} done", "已完成 {done}/{all}";
    rows_cut(shown, count): "The first {shown} of {count} rows are shown here; all {count} will be submitted.",
        "此处显示 {count} 行中的前 {shown} 行；将提交全部 {count} 行。";
    faults_cut(shown, count): "The first {shown} of {count} errors are shown.", "仅显示 {count} 处错误中的前 {shown} 处。";
    bulk_bound(matching, taken): "{matching}. {taken} are taken at once, those below; the others stay as they are.",
        "{matching}。本次处理 {taken} 个，即以下所列；其余不变。";
    bulk_aside(count): "{count} can't be read and are left as they are", "{count} 个无法读取，保持不变";
    run_cut(shown): "{shown} are shown, first those that were not done.", "仅显示 {shown} 个，未执行的在前。";
    run_not_sent(count): "{count} were not sent: this process stops. Do it again.", "{count} 个未送出：该进程正在停止。请重新操作。";
    run_refused(count): "{count} were refused or failed", "{count} 个被拒绝或失败";
    run_known(count): "{count} had been submitted before; nothing was done to them", "{count} 个此前已提交，未作改动";
    run_on_its_way(count): "{count} are on their way; the journals will say what became of them", "{count} 个已送出，结果见日志";
    known_as(status, disposition): "submitted before: {status}, {disposition}", "此前已提交：{status}，{disposition}";
    devices_told(devices, tickets): "{devices} devices, of which {tickets} open tickets tell", "共 {devices} 台设备，来自 {tickets} 个未结工单";
    devices_some(shown, devices, tickets): "the first {shown} of {devices} devices, of which {tickets} open tickets tell; others were not looked at", "{devices} 台设备中的前 {shown} 台，来自 {tickets} 个未结工单，其余未列";
    devices_or(other): "this device or {other}", "本设备或 {other}";
    devices_troubled(retrying, doubt): "{retrying} being tried again, {doubt} unanswered", "重试 {retrying}，未应答 {doubt}";
    line_number(line): "line {line}", "第 {line} 行";
    drain_left(count): "Still under way there: {count}", "仍在进行：{count} 个";
    drain_left_at_least(count): "Still under way there: {count} or more", "仍在进行：至少 {count} 个";
    chart_hours(hours): "Last {hours} hours", "最近 {hours} 小时";
}

words! {
    // The frame.
    skip: "Skip to the content", "跳到正文";
    main_menu: "Main menu", "主菜单";
    tickets: "Tickets", "工单";
    overview: "Overview", "总览";
    new_relocation: "New relocation", "新建移机";
    dead_letters: "Dead letters", "死信";
    devices: "Devices", "设备";
    reachable: "Reachable", "可达";
    orders_out: "Orders out", "在途指令";
    oldest: "oldest", "最早";
    open_tickets: "Open tickets", "未结工单";
    next_try: "next try", "下次重试";
    no_devices: "No open ticket has to do with any device.", "没有未结工单涉及设备。";
    paused: "paused", "已暂停";
    steering: "Pauses", "暂停管理";
    reference: "API", "接口";
    openapi_document: "OpenAPI document", "OpenAPI 文档";
    role_needed: "least role", "最低角色";
    parameters: "Parameters", "参数";
    place_of_parameter: "In", "位置";
    shape: "Type", "类型";
    shapes: "Types", "类型";
    meaning: "Meaning", "含义";
    request_body: "Request body", "请求内容";
    theme: "Theme", "主题";
    theme_auto: "System", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    other_language: "中文", "English";
    live: "Live", "实时";
    not_live: "Not live: reconnecting…", "未连接，正在重连…";
    no_script_live: "Without scripts, reload to see changes.", "未启用脚本，请刷新查看变化。";
    times_note: "Times are shown in your browser's time zone; without scripts in UTC.", "时间按浏览器时区显示；未启用脚本时为 UTC。";
    // The list.
    service: "Service", "业务";
    customer: "Customer", "客户";
    old_to_new: "Old → new place", "旧址 → 新址";
    relocation: "Relocation", "移机状态";
    reservation: "Reservation", "移机预占状态";
    cutover: "Cutover", "移机切换状态";
    waits_for: "Waits for", "等待";
    since: "Since", "自";
    age: "Age", "时长";
    choose: "Choose", "选择";
    by_attention: "By what they wait for", "按等待事项";
    by_status: "By relocation status", "按移机状态";
    filters: "Filters", "筛选";
    apply: "Apply", "应用";
    clear: "Clear", "清除";
    text: "Text", "文本";
    device: "Device", "设备";
    device_hint: "exact, or with * at the end", "完整名称，或以 * 结尾";
    text_hint: "service, customer, device, port, address, description", "业务、客户、设备、端口、地址、描述";
    disposition: "Disposition", "处置";
    sort: "Sort", "排序";
    sort_urgency: "Urgency", "紧急程度";
    sort_changed: "Last change", "最近变化";
    sort_submitted: "Submitted", "提交时间";
    sort_service: "Service", "业务";
    sort_customer: "Customer", "客户";
    descending: "Reverse order", "倒序";
    unset: "not begun", "未开始";
    any: "any", "不限";
    nothing_matches: "No ticket matches.", "没有符合条件的工单。";
    next_page: "Next page", "下一页";
    first_page: "First page", "首页";
    export: "Export the list", "导出列表";
    bulk: "Act on several", "批量操作";
    bulk_hint: "Acts on the chosen tickets; if none is chosen, on all that match the filters.",
        "对所选工单操作；未选择时对全部符合条件的工单操作。";
    preview: "Preview…", "预览…";
    command: "Action", "操作";
    set_aside: "Set aside: its journal can't be read", "已隔离：日志无法读取";
    // A ticket.
    places: "Places", "新旧地址";
    old_place: "Old place", "旧址";
    new_place: "New place", "新址";
    same: "same", "相同";
    differs: "changes", "变更";
    gateway: "Gateway (L3)", "网关（三层）";
    gateway_port: "Gateway port", "网关端口";
    vlan: "VLAN", "VLAN";
    inner_vlan: "Inner VLAN", "内层 VLAN";
    switch: "Switch (L2)", "交换机（二层）";
    switch_port: "Switch port", "交换机端口";
    address: "Address", "地址";
    vrf: "VRF", "VRF";
    description: "Description", "描述";
    window: "Cutover window", "切换窗口";
    field: "Field", "项目";
    stages: "Both stages", "两个阶段";
    happened: "Happened", "已发生";
    now: "Now", "当前";
    can_come_next: "Can come next", "接下来可能";
    stays: "stays here", "停留";
    by_a_person: "a person", "人工";
    by_itself: "by itself", "自动";
    work_out: "Work orders out", "在途工单";
    no_work_out: "No work order is out.", "没有在途工单。";
    deadline: "Deadline", "截止";
    last_failure: "Last failure", "最近失败";
    side_states: "Rollback and side states", "回滚与附属状态";
    l3_rollback: "L3 reservation rollback", "三层预占回滚";
    install_rollback: "Install rollback", "新装回滚";
    l2_cutover: "L2 cutover", "二层切换";
    l3_cutover: "L3 cutover", "三层切换";
    held: "held until L2's is done; the gateway takes it back unless it is confirmed", "待二层切换完成后确认，逾期由网关自动撤回";
    forced_reservation: "Reservation forced", "强制移机预占竣工";
    forced_completion: "Completion forced", "强制移机竣工";
    cancelled: "Cancelled", "取消";
    actions: "Actions", "操作";
    reason: "Reason", "原因";
    reason_needed: "A reason is needed.", "必须填写原因。";
    will_follow: "What will follow", "执行后果";
    not_now: "Not now:", "当前不可：";
    nothing_to_do: "Nothing can be done now.", "当前无可执行操作。";
    journal: "Journal", "日志";
    newest_first: "newest first", "最新在前";
    sent: "Sent", "发出";
    nothing_changed: "changed nothing", "无变化";
    raw: "Raw entry", "原始记录";
    submitted: "Submitted", "提交";
    last_change: "Last change", "最近变化";
    service_down: "The customer is without service.", "客户业务中断。";
    plan: "What it would change", "改动预览";
    plan_is: "What the devices hold now, and what each order would change from there. Nothing has been touched.",
        "各设备现有配置，以及每项工单将由此作出的改动。未触及任何设备。";
    back_to_ticket: "Back to the ticket", "返回工单";
    device_unasked: "It could not be asked:", "无法查询：";
    holds_now: "Holds now", "现有配置";
    would_be_refused: "It would be refused:", "将被拒绝：";
    nothing_to_change: "Nothing to change.", "无需改动。";
    would_be_sent: "What would be sent", "将发送的内容";
    plan_left: "The ticket goes by another plan. What differs now was left by this relocation's own cutover, not changed by others. Going by this one needs a reason.",
        "工单依据的是另一份预览。现有差异由本移机自身的切换造成，并非他人改动。按此预览执行须填写原因。";
    by_this_plan: "Go by this plan", "按此预览执行";
    by_plan_means: "If a gateway has been changed by somebody else when the cutover begins, the cutover is refused before anything is touched.",
        "若切换开始时网关配置已被他人改动，切换将在触及任何设备之前被拒绝。";
    plan_drifted: "The ticket goes by another plan: the devices have been changed since. Going by this one accepts that, and needs a reason.",
        "工单依据的是另一份预览：此后设备配置已有变化。按此预览执行即表示接受该变化，须填写原因。";
    goes_by_plan: "Goes by the plan", "依据的预览";
    outage: "Without service", "业务中断时长";
    fingerprint: "Fingerprint of this plan:", "此预览的指纹：";
    download_journal: "Download the journal", "下载日志";
    unreadable_entry: "This entry can't be read:", "此条无法读取：";
    // Forms.
    by_form: "By form", "填写表单";
    by_sheet: "By sheet", "上传移机表";
    sheet_file: "Sheet (CSV or JSON)", "移机表（CSV 或 JSON）";
    sheet_text: "or paste it here", "或粘贴到此处";
    check_sheet: "Check the sheet", "检查移机表";
    submit: "Submit", "提交";
    submit_all: "Submit all", "全部提交";
    hold: "Hold: wait for a person before reserving", "暂缓：预占前等待人工部署";
    window_start: "Window from", "窗口开始";
    window_end: "Window until", "窗口结束";
    window_hint: "such as 2026-11-30T01:00:00Z; both or neither", "例如 2026-11-30T01:00:00Z；两项同时填写或留空";
    ip_hint: "with prefix length, such as 192.0.2.1/30", "带前缀长度，例如 192.0.2.1/30";
    optional: "optional", "可选";
    some_wrong: "Some fields are wrong; nothing was submitted.", "部分字段有误，未提交。";
    sheet_wrong: "The sheet has errors; nothing was submitted.", "移机表有误，未提交。";
    row: "Row", "行";
    problem: "What is wrong", "问题";
    result: "Result", "结果";
    // Bulk.
    bulk_title: "Act on several tickets", "批量操作";
    why: "Why", "原因";
    none: "none", "无";
    bulk_gone: "This process does not know this run: another process began it, or it was begun before a restart. Each ticket's journal says what was done; what had not been sent when its process ended was not done. Submit the sheet again, or preview the action again: what was done is not done twice.",
        "本进程没有该批次记录：由其他进程发起，或发起后已重启。已执行的见各工单日志；原进程结束时未送出的没有执行。请重新提交移机表或重新预览操作：已执行的不会重复执行。";
    not_sent: "not sent", "未送出";
    see_ticket: "Look at the ticket", "查看工单";
    waiting: "waiting", "等待中";
    done: "done", "已执行";
    on_its_way: "on its way", "已送出";
    back_to_list: "Back to the list", "返回列表";
    // Dead letters.
    no_letters: "There are no dead letters.", "没有死信。";
    no_open_letters: "There are no dead letters that nobody has dealt with.", "没有未处理的死信。";
    letters_open: "Open", "未处理";
    letters_all: "All", "全部";
    message: "Message", "消息";
    drop: "Drop", "丢弃";
    dropped: "dropped", "已丢弃";
    resent: "resent", "已重新发送";
    resend: "Send again", "重新发送";
    resend_hint: "As a new message, in your name.", "作为新消息，以您的名义发送。";
    not_resent: "Can't be sent again", "不能重新发送";
    open: "open", "未处理";
    // Tokens and sessions.
    passes: "Tokens and sessions", "令牌与会话";
    tokens: "API tokens", "API 令牌";
    tokens_are: "A program comes in by a token, which it sends with each request:", "程序凭令牌访问，每次请求均须发送：";
    tokens_end: "Webhooks that were asked for by a token end with it.", "凭令牌申请的回调随令牌一同失效。";
    no_tokens: "There are no tokens.", "没有令牌。";
    token_once: "This is the token. It is shown this once: keep it where the program finds it.",
        "令牌如下，只显示这一次：请保存到程序可读取的位置。";
    issue_token: "Issue a token", "签发令牌";
    token_for: "What it is for", "用途";
    at_most: "Allows at most", "权限上限";
    all_of_the_account: "all that the account may", "与帐户相同";
    days: "Days until it ends", "有效天数";
    account: "Account", "帐户";
    issued: "Issued", "签发";
    last_shown: "Last used", "最近使用";
    not_used: "not yet", "尚未使用";
    ends: "Ends", "有效至";
    revoke: "Revoke", "吊销";
    sessions: "Sessions", "会话";
    sessions_are: "A session is a browser that somebody has signed in with. Ending one signs it out.",
        "会话即已登录的浏览器；结束会话即退出登录。";
    browser: "Browser", "浏览器";
    unnamed_browser: "a program that does not say its name", "未说明名称的程序";
    signed_in: "Signed in", "登录时间";
    this_session: "this one", "当前会话";
    end_session: "End", "结束";
    // Steering.
    pause: "Pause", "暂停";
    resume: "Resume", "恢复";
    lifted: "All that was held back has begun", "已全部恢复";
    drain: "Drain", "排空";
    drain_hint: "To drain is to pause and to be told when nothing is under way there any more: before a device is changed, or all of Rehome is stopped.",
        "排空即暂停，并在该范围内不再有任何进行中的工作时告知：用于更换设备或整体停机之前。";
    drain_settles: "Nothing is under way there any more; the supervisors make sure of it.", "该范围内已无进行中的工作，正在确认。";
    draining: "Draining", "正在排空";
    drained: "Drained", "已排空";
    scope: "What", "范围";
    everything: "everything", "全部";
    domain: "a domain", "域";
    one_device: "a device", "设备";
    name: "Name", "名称";
    nothing_paused: "Nothing is paused.", "没有暂停。";
    paused_now: "Paused now", "当前暂停";
    pause_something: "Pause something", "新增暂停";
    pause_hint: "What is paused begins nothing; what is under way goes on to its end, and undoing is always allowed.",
        "暂停后不再开始新的操作；进行中的继续完成，回滚始终允许。";
    steering_log: "What was paused and resumed", "暂停与恢复记录";
    // Overview.
    throughput: "Ended, by hour", "每小时结束";
    outcomes: "How they stand", "处置分布";
    waiting_by_age: "Open, by how long they wait", "未关闭工单的等待时长";
    succeeded: "succeeded", "成功";
    not_succeeded: "forced or cancelled", "强制或取消";
    chart_capped: "A bar that says 10,000 stands for at least so many.", "显示一万的柱子表示至少一万。";
}
